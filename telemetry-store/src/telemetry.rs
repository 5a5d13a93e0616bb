//! The port: each question becomes one query on a thread for queries.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use tracing::Instrument;
use waggle_agent_core::{
    Kind, Result,
    ports::{
        EventQuery, Heard, LogQuery, Of, ProfileQuery, ResourceQuery, SeriesQuery, SpanQuery, SqlQuery,
        Table, Telemetry,
    },
};
use waggle_signals::{Event, LogRecord, ProfileSample, Resource, Series, Span, TimeRange, Topology, TraceId};

use crate::{
    damage::set_damaged_aside,
    engine::{Failure, View},
    errors::{answer, may_be_damage},
    queries, sql,
    store::Store,
};

impl Store {
    /// Runs a query; when a segment turns out to be damaged, sets it aside and runs the query again without it.
    async fn ask<T, W>(&self, doing: &str, timeout: Duration, work: impl Fn(View) -> W) -> Result<T>
    where
        T: Send + 'static,
        W: Future<Output = Result<T, Failure>> + Send + 'static,
    {
        let run = async || {
            let view = self.engine.view(self.present.now(), &self.resources, self.clock.now());
            let (state, work) = (Arc::clone(&view.state), work(view));
            let held = async move {
                let found = work.await;
                drop(state);
                found
            };
            self.engine.run(doing, timeout, held).await
        };
        let found = async {
            match run().await {
                Err(failure) if may_be_damage(&failure) && self.set_damaged_aside().await => run().await,
                found => found,
            }
        };
        let span = tracing::debug_span!("store_query", asks = doing);
        found.instrument(span).await.map_err(|failure| answer(doing, failure))
    }

    async fn set_damaged_aside(&self) -> bool {
        let (access, present, ailments) =
            (self.access, Arc::clone(&self.present), Arc::clone(&self.ailments));
        let look = move || set_damaged_aside(present.now().segments.all(), access, &present, &ailments);
        self.engine.block(look).await.unwrap_or(false)
    }
}

#[async_trait]
impl Telemetry for Store {
    async fn series(&self, query: &SeriesQuery) -> Result<Vec<Series>> {
        queries::series::check(query)?;
        let work = |view| queries::series::series(view, query.clone());
        self.ask("a series", self.config.query_timeout, work).await
    }

    async fn topology(&self, range: TimeRange) -> Result<Topology> {
        let work = |view| queries::topology::topology(view, range);
        self.ask("the topology", self.config.query_timeout, work).await
    }

    async fn spans(&self, query: &SpanQuery) -> Result<Vec<Of<Span>>> {
        let work = |view| queries::spans::spans(view, query.clone());
        self.ask("a search of spans", self.config.query_timeout, work).await
    }

    async fn trace(&self, id: TraceId) -> Result<Vec<Of<Span>>> {
        let work = |view| queries::spans::trace(view, id);
        let spans = self.ask("a trace", self.config.query_timeout, work).await?;
        if spans.is_empty() {
            return Err(Kind::NotFound.error(format!("no span of trace `{id}` is stored")));
        }
        Ok(spans)
    }

    async fn logs(&self, query: &LogQuery) -> Result<Vec<Of<LogRecord>>> {
        let work = |view| queries::logs::logs(view, query.clone());
        self.ask("a search of logs", self.config.query_timeout, work).await
    }

    async fn events(&self, query: &EventQuery) -> Result<Vec<Of<Event>>> {
        let work = |view| queries::events::events(view, query.clone());
        self.ask("a search of events", self.config.query_timeout, work).await
    }

    async fn profile(&self, query: &ProfileQuery) -> Result<Vec<Of<ProfileSample>>> {
        let work = |view| queries::profile::profile(view, query.clone());
        self.ask("a profile", self.config.query_timeout, work).await
    }

    async fn resources(&self, query: &ResourceQuery) -> Result<Vec<Arc<Resource>>> {
        let work = |view| queries::resources::resources(view, query.clone());
        self.ask("a list of resources", self.config.query_timeout, work).await
    }

    async fn heard(&self, query: &ResourceQuery) -> Result<Vec<Heard>> {
        let work = |view| queries::heard::heard(view, query.clone());
        self.ask("when resources were heard", self.config.query_timeout, work).await
    }

    async fn sql(&self, query: &SqlQuery) -> Result<Table> {
        self.ask("the statement", query.timeout, |view| sql::sql(view, query.clone())).await
    }
}
