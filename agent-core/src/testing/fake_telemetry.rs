//! A telemetry store that is a list: plain enough to be believed, slow enough for tests only.

mod series;
mod topology;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use waggle_signals::{
    Batch, Event, LogRecord, ProfileSample, Rejected, Resource, ResourceId, Series, Sink, Span, TimeRange,
    Timestamp, Topology, TraceId, semconv,
};

use crate::{
    Kind, Result,
    ports::{
        EventQuery, Heard, LogQuery, Of, ProfileQuery, ResourceQuery, SeriesQuery, SpanOrder, SpanQuery,
        SqlQuery, Table, Telemetry,
    },
};

/// Answers every question by reading all rows. Percentiles are exact, by nearest rank; of SQL it knows what it was taught.
#[derive(Default)]
pub struct FakeTelemetry {
    /// Everything appended so far. Locked for one question, never across an await.
    rows: Mutex<Batch>,
    sql: Option<Box<Sql>>,
}

/// Answers a statement out of the rows.
type Sql = dyn Fn(&Batch, &SqlQuery) -> Result<Table> + Send + Sync;

impl fmt::Debug for FakeTelemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeTelemetry").field("rows", &self.rows).finish_non_exhaustive()
    }
}

impl FakeTelemetry {
    /// Makes a store that holds one batch.
    ///
    /// # Errors
    ///
    /// As [`Sink::append`].
    pub fn of(batch: Batch) -> Result<Self, Rejected> {
        let telemetry = Self::default();
        telemetry.add(batch)?;
        Ok(telemetry)
    }

    /// Teaches it statements.
    #[must_use]
    pub fn with_sql(
        self,
        answer: impl Fn(&Batch, &SqlQuery) -> Result<Table> + Send + Sync + 'static,
    ) -> Self {
        Self { sql: Some(Box::new(answer)), ..self }
    }

    fn rows(&self) -> MutexGuard<'_, Batch> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, mut batch: Batch) -> Result<(), Rejected> {
        let n_resources = batch.resources.len();
        let mut first_unknown = None;
        batch.map_resources(|id| {
            if index(id) >= n_resources {
                first_unknown.get_or_insert(id);
            }
            id
        });
        if let Some(id) = first_unknown {
            let fault = format!("a row names resource `{id}`, but there are {n_resources}");
            return Err(Rejected::Invalid(fault));
        }
        if let Some(point) = batch.metrics.iter().find(|point| point.value.is_nan()) {
            return Err(Rejected::Invalid(format!("a point of `{}` is not a number", point.name)));
        }
        let mut rows = self.rows();
        let ids: Vec<_> = batch.resources.iter().map(|resource| rows.resource(resource)).collect();
        batch.map_resources(|id| ids[index(id)]);
        rows.spans.append(&mut batch.spans);
        rows.metrics.append(&mut batch.metrics);
        rows.logs.append(&mut batch.logs);
        rows.events.append(&mut batch.events);
        rows.samples.append(&mut batch.samples);
        rows.flows.append(&mut batch.flows);
        Ok(())
    }
}

#[async_trait]
impl Sink for FakeTelemetry {
    async fn append(&self, batch: Batch) -> Result<(), Rejected> {
        self.add(batch)
    }
}

#[async_trait]
impl Telemetry for FakeTelemetry {
    async fn series(&self, query: &SeriesQuery) -> Result<Vec<Series>> {
        series::series(&self.rows(), query)
    }

    async fn topology(&self, range: TimeRange) -> Result<Topology> {
        Ok(topology::topology(&self.rows(), range))
    }

    async fn spans(&self, query: &SpanQuery) -> Result<Vec<Of<Span>>> {
        let rows = self.rows();
        let matches = |span: &&Span| {
            query.range.contains(span.start)
                && is_of(&rows, span.resource, query.service.as_deref())
                && query.kind.is_none_or(|kind| span.kind == kind)
                && (!query.failed_only || span.is_error())
                && span.duration >= query.min_duration
        };
        let mut found: Vec<&Span> = rows.spans.iter().filter(matches).collect();
        match query.order {
            SpanOrder::Newest => found.sort_by_key(|span| Reverse(span.start)),
            SpanOrder::Slowest => found.sort_by_key(|span| Reverse(span.duration)),
        }
        Ok(found.into_iter().take(query.limit).map(|span| of(&rows, span.resource, span)).collect())
    }

    async fn trace(&self, id: TraceId) -> Result<Vec<Of<Span>>> {
        let rows = self.rows();
        let mut found: Vec<&Span> = rows.spans.iter().filter(|span| span.trace_id == id).collect();
        if found.is_empty() {
            return Err(Kind::NotFound.error(format!("no span of trace `{id}` is stored")));
        }
        found.sort_by_key(|span| span.start);
        Ok(found.into_iter().map(|span| of(&rows, span.resource, span)).collect())
    }

    async fn logs(&self, query: &LogQuery) -> Result<Vec<Of<LogRecord>>> {
        let rows = self.rows();
        let wanted = query.contains.to_lowercase();
        let matches = |log: &&LogRecord| {
            query.range.contains(log.time)
                && is_of(&rows, log.resource, query.service.as_deref())
                && log.severity >= query.min_severity
                && log.body.to_lowercase().contains(&wanted)
        };
        let mut found: Vec<&LogRecord> = rows.logs.iter().filter(matches).collect();
        found.sort_by_key(|log| Reverse(log.time));
        Ok(found.into_iter().take(query.limit).map(|log| of(&rows, log.resource, log)).collect())
    }

    async fn events(&self, query: &EventQuery) -> Result<Vec<Of<Event>>> {
        let rows = self.rows();
        let matches = |event: &&Event| {
            query.range.contains(event.time)
                && is_of(&rows, event.resource, query.service.as_deref())
                && query.name.as_ref().is_none_or(|name| event.name == *name)
        };
        let mut found: Vec<&Event> = rows.events.iter().filter(matches).collect();
        found.sort_by_key(|event| Reverse(event.time));
        Ok(found.into_iter().take(query.limit).map(|event| of(&rows, event.resource, event)).collect())
    }

    async fn profile(&self, query: &ProfileQuery) -> Result<Vec<Of<ProfileSample>>> {
        let rows = self.rows();
        let is_built_from = |id: ResourceId, commit: Option<&str>| {
            commit.is_none_or(|commit| resource(&rows, id).commit() == Some(commit))
        };
        let matches = |sample: &&ProfileSample| {
            query.range.contains(sample.time)
                && is_of(&rows, sample.resource, query.service.as_deref())
                && is_built_from(sample.resource, query.commit.as_deref())
        };
        let found = rows.samples.iter().filter(matches);
        Ok(found.map(|sample| of(&rows, sample.resource, sample)).collect())
    }

    async fn resources(&self, query: &ResourceQuery) -> Result<Vec<Arc<Resource>>> {
        let rows = self.rows();
        let found: BTreeSet<&Resource> = senders(&rows)
            .filter(|(_, time)| query.range.contains(*time))
            .filter(|(id, _)| is_of(&rows, *id, query.service.as_deref()))
            .map(|(id, _)| resource(&rows, id))
            .collect();
        Ok(found.into_iter().map(|resource| Arc::new(resource.clone())).collect())
    }

    async fn heard(&self, query: &ResourceQuery) -> Result<Vec<Heard>> {
        let rows = self.rows();
        let mut heard = BTreeMap::<&Resource, (Timestamp, Timestamp)>::new();
        let wanted = measured(&rows)
            .filter(|(_, time)| query.range.contains(*time))
            .filter(|(id, _)| is_of(&rows, *id, query.service.as_deref()));
        for (id, time) in wanted {
            let of = heard.entry(resource(&rows, id)).or_insert((time, time));
            *of = (of.0.min(time), of.1.max(time));
        }
        let heard = heard.into_iter();
        Ok(heard
            .map(|(resource, (first, last))| Heard { resource: Arc::new(resource.clone()), first, last })
            .collect())
    }

    async fn sql(&self, query: &SqlQuery) -> Result<Table> {
        match &self.sql {
            Some(answer) => answer(&self.rows(), query),
            None => Err(Kind::Invalid.error("this fake speaks no SQL")),
        }
    }
}

fn index(id: ResourceId) -> usize {
    usize::try_from(id.0).unwrap_or(usize::MAX)
}

/// Every row's id is an index into the resources: `add` sees to it.
fn resource(rows: &Batch, id: ResourceId) -> &Resource {
    &rows.resources[index(id)]
}

fn is_of(rows: &Batch, id: ResourceId, service: Option<&str>) -> bool {
    service.is_none_or(|service| resource(rows, id).tag(semconv::SERVICE_NAME) == Some(service))
}

fn of<T: Clone>(rows: &Batch, id: ResourceId, row: &T) -> Of<T> {
    Of { resource: Arc::new(resource(rows, id).clone()), row: row.clone() }
}

/// Returns who sent each row of any kind, and when.
fn senders(rows: &Batch) -> impl Iterator<Item = (ResourceId, Timestamp)> + '_ {
    let events = rows.events.iter().map(|row| (row.resource, row.time));
    let flows = rows.flows.iter().map(|row| (row.resource, row.time));
    measured(rows).chain(events).chain(flows)
}

fn measured(rows: &Batch) -> impl Iterator<Item = (ResourceId, Timestamp)> + '_ {
    let spans = rows.spans.iter().map(|row| (row.resource, row.start));
    let metrics = rows.metrics.iter().map(|row| (row.resource, row.time));
    let logs = rows.logs.iter().map(|row| (row.resource, row.time));
    let samples = rows.samples.iter().map(|row| (row.resource, row.time));
    spans.chain(metrics).chain(logs).chain(samples)
}

/// Returns the value at the nearest rank: the smallest of which at least `percent` of 100 values are no larger
/// (Hyndman and Fan 1996, definition 1). `sorted` ascends and may not be empty.
fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted[rank - 1]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::telemetry::conformance;

    #[tokio::test]
    async fn the_fake_keeps_the_rules_of_telemetry() {
        conformance(&FakeTelemetry::default()).await;
    }

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let values = [15.0, 20.0, 35.0, 40.0, 50.0];
        // The worked example of the nearest-rank method: https://en.wikipedia.org/wiki/Percentile.
        for (percent, want) in [(5, 15.0), (30, 20.0), (40, 20.0), (50, 35.0), (100, 50.0)] {
            assert_eq!(percentile(&values, percent), want, "p{percent}");
        }
    }
}
