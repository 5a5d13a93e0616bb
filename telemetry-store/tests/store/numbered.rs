//! Stores and numbered rows for tests.

use std::{path::Path, sync::Arc, time::Duration};

use waggle_agent_core::ports::{SqlQuery, Table, Telemetry};
use waggle_signals::{Attributes, Batch, Event, ManualClock, Resource, Timestamp};
use waggle_telemetry_store::{Store, StoreConfig, SyncPolicy};

/// When rows begin, in seconds.
pub const START: i64 = 1_772_373_900;

/// A clock that stands at one minute after the rows begin.
pub fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(Timestamp::from_secs(START + 60)))
}

/// A configuration that leaves flushing to the test.
pub fn config(dir: &Path) -> StoreConfig {
    StoreConfig { flush_age: Duration::MAX, sync: SyncPolicy::LeaveToSystem, ..StoreConfig::new(dir) }
}

/// A store that flushes when it is told to.
pub fn open(dir: &Path) -> Store {
    Store::open(config(dir), clock()).unwrap()
}

/// Asks in SQL.
pub async fn sql(store: &Store, text: &str) -> Table {
    let query = SqlQuery { text: text.to_owned(), limit: 1000, timeout: Duration::from_secs(30) };
    store.sql(&query).await.unwrap()
}

/// The rows of an answer as one line of JSON.
pub async fn rows(store: &Store, text: &str) -> String {
    serde_json::to_string(&sql(store, text).await.rows).unwrap()
}

/// A batch of events whose bodies are these numbers.
pub fn numbered(service: &str, numbers: impl IntoIterator<Item = u64>) -> Batch {
    let mut batch = Batch::default();
    let resource = batch.resource(&Resource::new([("service.name", service)]));
    let event = |number: u64| Event {
        resource,
        time: Timestamp::from_secs(START + number as i64 % 60),
        name: "number".to_owned(),
        body: number.to_string(),
        attributes: Attributes::new(),
    };
    batch.events = numbers.into_iter().map(event).collect();
    batch
}
