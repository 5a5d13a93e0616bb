//! A fake store that answers the few statements that tools write themselves.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use async_trait::async_trait;
use serde_json::json;
use waggle_agent_core::{
    Kind, Result,
    ports::{
        EventQuery, LogQuery, Of, ProfileQuery, ResourceQuery, SeriesQuery, SpanQuery, SqlQuery, Table,
        Telemetry,
    },
    testing::fake_telemetry::FakeTelemetry,
};
use waggle_signals::{
    Batch, Event, LogRecord, MetricPoint, Peer, ProfileSample, Resource, ResourceId, Series, Span, TimeRange,
    Timestamp, Topology, TraceId,
};

/// A fake that knows the few statements that tools write themselves.
pub struct SqlTelemetry {
    fake: FakeTelemetry,
    batch: Batch,
    /// Statements about a time that begins before this fail.
    pub sql_since: Option<Timestamp>,
}

impl SqlTelemetry {
    /// Makes a store that holds one batch.
    pub fn of(batch: Batch) -> Self {
        Self { fake: FakeTelemetry::of(batch.clone()).unwrap(), batch, sql_since: None }
    }

    fn service(&self, id: ResourceId) -> &str {
        self.batch.resources[usize::try_from(id.0).unwrap()].service()
    }

    /// Finds the text of `WHERE … column = '…'`.
    fn wanted<'a>(text: &'a str, column: &str) -> Option<&'a str> {
        text.split_once(&format!("{column} = '"))?.1.split_once('\'').map(|(value, _)| value)
    }

    /// Finds the window of a statement.
    fn range(text: &str) -> TimeRange {
        let time = |mark: &str| text.split_once(mark).unwrap().1.split_once('\'').unwrap().0.parse().unwrap();
        TimeRange::new(time("time >= '"), time("time < '")).unwrap()
    }

    fn names(&self, text: &str) -> Table {
        let (service, range) = (Self::wanted(text, "service"), Self::range(text));
        let is_wanted = |point: &&MetricPoint| {
            range.contains(point.time)
                && service.is_none_or(|service| self.service(point.resource) == service)
        };
        let mut named = BTreeMap::<_, (BTreeSet<&str>, u64, &str)>::new();
        for point in self.batch.metrics.iter().filter(is_wanted) {
            let (services, points, kind) = named.entry((&point.name, &point.unit)).or_default();
            *kind = point.kind.as_str().max(kind);
            services.insert(self.service(point.resource));
            *points += 1;
        }
        let rows = named.into_iter().map(|((name, unit), (services, points, kind))| {
            vec![json!(name), json!(unit), json!(services.len()), json!(points), json!(kind)]
        });
        Table {
            columns: ["name", "unit", "services", "points", "kind"].map(str::to_owned).to_vec(),
            rows: rows.collect(),
            truncated: false,
        }
    }

    /// The attributes of the points of one metric.
    fn attributes(&self, text: &str) -> Table {
        let (name, range) = (Self::wanted(text, "name"), Self::range(text));
        let of = |point: &&MetricPoint| Some(&*point.name) == name && range.contains(point.time);
        let rows = self.batch.metrics.iter().filter(of).map(|point| vec![json!(point.attributes)]);
        Table { columns: vec!["attributes".to_owned()], rows: rows.collect(), truncated: false }
    }

    fn resets(&self, text: &str) -> Table {
        let (service, range) = (Self::wanted(text, "service"), Self::range(text));
        let of = self
            .batch
            .flows
            .iter()
            .filter(|flow| Some(self.service(flow.resource)) == service && range.contains(flow.time));
        let rows = of.map(|flow| {
            let Peer { service, address, port } = &flow.peer;
            vec![json!(service), json!(address), json!(port), json!(flow.outgoing), json!(flow.resets)]
        });
        Table { columns: Vec::new(), rows: rows.collect(), truncated: false }
    }
}

#[async_trait]
impl Telemetry for SqlTelemetry {
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
    async fn sql(&self, query: &SqlQuery) -> Result<Table> {
        if self.sql_since.is_some_and(|since| Self::range(&query.text).from() < since) {
            return Err(Kind::Timeout.error("the flows took too long"));
        }
        let (is_of_flows, is_of_attributes) =
            (query.text.contains("FROM flows"), query.text.starts_with("SELECT attributes"));
        Ok(match (is_of_flows, is_of_attributes) {
            (true, _) => self.resets(&query.text),
            (_, true) => self.attributes(&query.text),
            _ => self.names(&query.text),
        })
    }
}
