//! Telemetry that answers nothing, to see what becomes of those who ask.

use std::sync::Arc;

use async_trait::async_trait;
use waggle_agent_core::{
    Kind, Result,
    ports::{
        EventQuery, Heard, LogQuery, Of, ProfileQuery, ResourceQuery, SeriesQuery, SpanQuery, SqlQuery,
        Table, Telemetry,
    },
};
use waggle_signals::{Event, LogRecord, ProfileSample, Resource, Series, Span, TimeRange, Topology, TraceId};

/// Fails in this way whatever it is asked.
pub struct BrokenTelemetry(pub Kind);

impl BrokenTelemetry {
    fn fail<T>(&self) -> Result<T> {
        Err(self.0.error("telemetry is broken"))
    }
}

#[async_trait]
impl Telemetry for BrokenTelemetry {
    async fn series(&self, _: &SeriesQuery) -> Result<Vec<Series>> {
        self.fail()
    }

    async fn topology(&self, _: TimeRange) -> Result<Topology> {
        self.fail()
    }

    async fn spans(&self, _: &SpanQuery) -> Result<Vec<Of<Span>>> {
        self.fail()
    }

    async fn trace(&self, _: TraceId) -> Result<Vec<Of<Span>>> {
        self.fail()
    }

    async fn logs(&self, _: &LogQuery) -> Result<Vec<Of<LogRecord>>> {
        self.fail()
    }

    async fn events(&self, _: &EventQuery) -> Result<Vec<Of<Event>>> {
        self.fail()
    }

    async fn profile(&self, _: &ProfileQuery) -> Result<Vec<Of<ProfileSample>>> {
        self.fail()
    }

    async fn resources(&self, _: &ResourceQuery) -> Result<Vec<Arc<Resource>>> {
        self.fail()
    }

    async fn heard(&self, _: &ResourceQuery) -> Result<Vec<Heard>> {
        self.fail()
    }

    async fn sql(&self, _: &SqlQuery) -> Result<Table> {
        self.fail()
    }
}
