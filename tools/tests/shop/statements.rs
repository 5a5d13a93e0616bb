//! The few statements that tools write themselves, for a fake store.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use waggle_agent_core::{
    Kind, Result,
    ports::{SqlQuery, Table},
    testing::fake_telemetry::FakeTelemetry,
};
use waggle_signals::{Batch, MetricPoint, Peer, ResourceId, TimeRange, Timestamp};

/// Makes a store that holds one batch and knows them; statements about a time that begins before `since` fail.
pub fn telemetry(batch: Batch, since: Option<Timestamp>) -> FakeTelemetry {
    let answer = move |batch: &Batch, query: &SqlQuery| -> Result<Table> {
        if since.is_some_and(|since| range(&query.text).from() < since) {
            return Err(Kind::Timeout.error("the flows took too long"));
        }
        Ok(answer(batch, &query.text))
    };
    FakeTelemetry::of(batch).unwrap().with_sql(answer)
}

fn answer(batch: &Batch, text: &str) -> Table {
    match (text.contains("FROM flows"), text.starts_with("SELECT attributes")) {
        (true, _) => resets(batch, text),
        (_, true) => attributes(batch, text),
        _ => names(batch, text),
    }
}

fn service(batch: &Batch, id: ResourceId) -> &str {
    batch.resources[usize::try_from(id.0).unwrap()].service()
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

fn names(batch: &Batch, text: &str) -> Table {
    let (wanted, range) = (wanted(text, "service"), range(text));
    let is_wanted = |point: &&MetricPoint| {
        range.contains(point.time) && wanted.is_none_or(|wanted| service(batch, point.resource) == wanted)
    };
    let mut named = BTreeMap::<_, (BTreeSet<&str>, u64, &str)>::new();
    for point in batch.metrics.iter().filter(is_wanted) {
        let (services, points, kind) = named.entry((&point.name, &point.unit)).or_default();
        *kind = point.kind.as_str().max(kind);
        services.insert(service(batch, point.resource));
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
fn attributes(batch: &Batch, text: &str) -> Table {
    let (name, range) = (wanted(text, "name"), range(text));
    let of = |point: &&MetricPoint| Some(&*point.name) == name && range.contains(point.time);
    let rows = batch.metrics.iter().filter(of).map(|point| vec![json!(point.attributes)]);
    Table { columns: vec!["attributes".to_owned()], rows: rows.collect(), truncated: false }
}

fn resets(batch: &Batch, text: &str) -> Table {
    let (wanted, range) = (wanted(text, "service"), range(text));
    let of = batch
        .flows
        .iter()
        .filter(|flow| Some(service(batch, flow.resource)) == wanted && range.contains(flow.time));
    let rows = of.map(|flow| {
        let Peer { service, address, port } = &flow.peer;
        vec![json!(service), json!(address), json!(port), json!(flow.outgoing), json!(flow.resets)]
    });
    Table { columns: Vec::new(), rows: rows.collect(), truncated: false }
}
