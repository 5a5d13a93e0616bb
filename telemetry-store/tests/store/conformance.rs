//! The suite that every adapter of the port passes, with rows in memory, in segments, and after opening again.

use std::sync::Arc;

use async_trait::async_trait;
use waggle_agent_core::{
    Result,
    ports::{
        EventQuery, Heard, LogQuery, Of, ProfileQuery, ResourceQuery, SeriesQuery, SpanQuery, SqlQuery,
        Table, Telemetry,
    },
    testing::telemetry::conformance,
};
use waggle_signals::{
    Batch, Event, LogRecord, ProfileSample, Rejected, Resource, Series, Sink, Span, TimeRange, Topology,
    TraceId,
};
use waggle_telemetry_store::Store;

use crate::numbered;

#[tokio::test]
async fn rows_in_memory_conform() {
    let dir = tempfile::tempdir().unwrap();
    conformance(&numbered::open(dir.path())).await;
}

#[tokio::test]
async fn rows_in_segments_conform() {
    let dir = tempfile::tempdir().unwrap();
    let store = FlushedAtOnce(numbered::open(dir.path()));
    conformance(&store).await;
    assert_eq!(store.0.health().n_hot_rows, 0);
}

/// A store that never has rows in memory for long.
struct FlushedAtOnce(Store);

#[async_trait]
impl Sink for FlushedAtOnce {
    async fn append(&self, batch: Batch) -> Result<(), Rejected> {
        self.0.append(batch).await?;
        self.0.flush().await.map_err(|error| Rejected::Unavailable(error.chain()))
    }
}

#[async_trait]
impl Telemetry for FlushedAtOnce {
    async fn series(&self, query: &SeriesQuery) -> Result<Vec<Series>> {
        self.0.series(query).await
    }

    async fn topology(&self, range: TimeRange) -> Result<Topology> {
        self.0.topology(range).await
    }

    async fn spans(&self, query: &SpanQuery) -> Result<Vec<Of<Span>>> {
        self.0.spans(query).await
    }

    async fn trace(&self, id: TraceId) -> Result<Vec<Of<Span>>> {
        self.0.trace(id).await
    }

    async fn logs(&self, query: &LogQuery) -> Result<Vec<Of<LogRecord>>> {
        self.0.logs(query).await
    }

    async fn events(&self, query: &EventQuery) -> Result<Vec<Of<Event>>> {
        self.0.events(query).await
    }

    async fn profile(&self, query: &ProfileQuery) -> Result<Vec<Of<ProfileSample>>> {
        self.0.profile(query).await
    }

    async fn resources(&self, query: &ResourceQuery) -> Result<Vec<Arc<Resource>>> {
        self.0.resources(query).await
    }

    async fn heard(&self, query: &ResourceQuery) -> Result<Vec<Heard>> {
        self.0.heard(query).await
    }

    async fn sql(&self, query: &SqlQuery) -> Result<Table> {
        self.0.sql(query).await
    }
}
