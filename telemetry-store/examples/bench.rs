//! Measures the store: `cargo run --release -p waggle-telemetry-store --example bench [thousands of spans]`.
//!
//! Appends a minute of a shop's telemetry from four senders, forced to the disk, and asks every typed question, with rows
//! in memory and then in segments. Times are of the fastest of five.

#![expect(clippy::unwrap_used, reason = "a measurement that fails is none")]

use std::{sync::Arc, time::Instant};

use waggle_agent_core::ports::{
    LogQuery, ProfileQuery, ResourceQuery, SeriesQuery, SpanOrder, SpanQuery, SqlQuery, Telemetry,
};
use waggle_signals::{Batch, Measure, Severity, Sink, SystemClock, TimeRange, Timestamp, TraceId};
use waggle_telemetry_store::{Store, StoreConfig};

#[path = "../tests/store/shop.rs"]
mod shop;

const SENDERS: usize = 4;

#[tokio::main]
async fn main() {
    let thousands: u64 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(40);
    let dir = tempfile::tempdir().unwrap();
    let config = StoreConfig {
        retention: std::time::Duration::MAX,
        flush_rows: usize::MAX,
        flush_bytes: usize::MAX,
        ..StoreConfig::new(dir.path())
    };
    let store = Arc::new(Store::open(config, Arc::new(SystemClock)).unwrap());
    let from = Timestamp::from_secs(1_772_373_900);

    // Each request makes five spans on average.
    let batches: Vec<Batch> = (0..thousands).map(|seed| shop::shop(from, 200, seed)).collect();
    let n_spans: usize = batches.iter().map(|batch| batch.spans.len()).sum();
    let n_rows: usize = batches.iter().map(Batch::n_rows).sum();
    let begun = Instant::now();
    let senders = batches.chunks(batches.len().div_ceil(SENDERS)).map(|batches| {
        let (store, batches) = (Arc::clone(&store), batches.to_vec());
        tokio::spawn(async move {
            for batch in batches {
                store.append(batch).await.unwrap();
            }
        })
    });
    for sender in senders.collect::<Vec<_>>() {
        sender.await.unwrap();
    }
    let took = begun.elapsed();
    println!(
        "append: {n_rows} rows, {n_spans} of them spans, in {took:?}: {:.0} rows/s",
        n_rows as f64 / took.as_secs_f64()
    );

    ask_all(&store, from, "memory").await;
    let begun = Instant::now();
    store.flush().await.unwrap();
    println!(
        "flush: {:?}, {} bytes per row",
        begun.elapsed(),
        store.health().n_segment_bytes / n_rows as u64
    );
    ask_all(&store, from, "segments").await;
}

async fn ask_all(store: &Store, from: Timestamp, place: &str) {
    let range = TimeRange::new(from, from + std::time::Duration::from_secs(60)).unwrap();
    for measure in [Measure::RequestRate, Measure::ErrorRatio, Measure::LatencyP99] {
        let query = SeriesQuery {
            measure: measure.clone(),
            range,
            step: std::time::Duration::from_secs(1),
            service: None,
            group_by: vec![],
        };
        timed(place, &format!("series {measure:?}"), async || store.series(&query).await.unwrap().len())
            .await;
    }
    timed(place, "topology", async || store.topology(range).await.unwrap().edges.len()).await;
    let slowest = SpanQuery {
        range,
        service: Some("cart".to_owned()),
        kind: None,
        failed_only: false,
        min_duration: std::time::Duration::ZERO,
        order: SpanOrder::Slowest,
        limit: 20,
    };
    timed(place, "spans, 20 slowest", async || store.spans(&slowest).await.unwrap().len()).await;
    timed(place, "trace", async || store.trace(TraceId::new(7).unwrap()).await.unwrap().len()).await;
    let logs = LogQuery {
        range,
        service: Some("cart".to_owned()),
        min_severity: Severity::Error,
        contains: "超时".to_owned(),
        limit: 50,
    };
    timed(place, "logs, 50 newest errors", async || store.logs(&logs).await.unwrap().len()).await;
    let profile = ProfileQuery { range, service: Some("cart".to_owned()), commit: None };
    timed(place, "profile", async || store.profile(&profile).await.unwrap().len()).await;
    let resources = ResourceQuery { range, service: None };
    timed(place, "resources", async || store.resources(&resources).await.unwrap().len()).await;
    for text in [
        "SELECT service, count(*), avg(duration_ms) FROM spans WHERE kind = 'server' GROUP BY service",
        "SELECT http_route, status, count(*) FROM spans GROUP BY 1, 2",
        "SELECT 1",
    ] {
        let query =
            SqlQuery { text: text.to_owned(), limit: 100, timeout: std::time::Duration::from_secs(60) };
        timed(place, text, async || store.sql(&query).await.unwrap().rows.len()).await;
    }
}

async fn timed(place: &str, what: &str, ask: impl AsyncFn() -> usize) {
    let mut fastest = std::time::Duration::MAX;
    let mut n = 0;
    for _ in 0..5 {
        let begun = Instant::now();
        n = ask().await;
        fastest = fastest.min(begun.elapsed());
    }
    println!("{place:>9} {:8.1} ms  {what} ({n})", fastest.as_secs_f64() * 1e3);
}
