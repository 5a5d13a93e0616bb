//! A fake store that also answers which metrics there are.

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use serde_json::json;
use waggle_agent_core::{
    Result,
    ports::{
        EventQuery, LogQuery, Of, ProfileQuery, ResourceQuery, SeriesQuery, SpanQuery, SqlQuery, Table,
        Telemetry,
    },
    testing::fake_telemetry::FakeTelemetry,
};
use waggle_signals::{
    Batch, Event, LogRecord, ProfileSample, Resource, Series, Span, TimeRange, Timestamp, Topology, TraceId,
};

/// The fake, and the names of its metrics. Every statement is taken for the question for these names.
pub struct NamedMetrics {
    fake: FakeTelemetry,
    names: BTreeSet<String>,
}

impl NamedMetrics {
    /// Wraps a fake that holds `batch`.
    pub fn new(fake: FakeTelemetry, batch: &Batch) -> Self {
        Self { fake, names: batch.metrics.iter().map(|point| point.name.clone()).collect() }
    }
}

#[async_trait]
impl Telemetry for NamedMetrics {
    async fn series(&self, query: &SeriesQuery) -> Result<Vec<Series>> {
        self.fake.series(query).await
    }
    async fn topology(&self, range: TimeRange) -> Result<Topology> {
        self.fake.topology(range).await
    }
    async fn spans(&self, query: &SpanQuery) -> Result<Vec<Of<Span>>> {
        self.fake.spans(query).await
    }
    async fn trace(&self, id: TraceId) -> Result<Vec<Of<Span>>> {
        self.fake.trace(id).await
    }
    async fn logs(&self, query: &LogQuery) -> Result<Vec<Of<LogRecord>>> {
        self.fake.logs(query).await
    }
    async fn events(&self, query: &EventQuery) -> Result<Vec<Of<Event>>> {
        self.fake.events(query).await
    }
    async fn profile(&self, query: &ProfileQuery) -> Result<Vec<Of<ProfileSample>>> {
        self.fake.profile(query).await
    }
    async fn resources(&self, query: &ResourceQuery) -> Result<Vec<Arc<Resource>>> {
        self.fake.resources(query).await
    }
    async fn first_measured(&self, range: TimeRange) -> Result<Option<Timestamp>> {
        self.fake.first_measured(range).await
    }
    async fn sql(&self, _: &SqlQuery) -> Result<Table> {
        let rows = self.names.iter().map(|name| vec![json!(name), json!("")]).collect();
        Ok(Table { columns: vec!["name".to_owned(), "unit".to_owned()], rows, truncated: false })
    }
}
