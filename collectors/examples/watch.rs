//! Watches this host for some seconds and prints every row: `cargo run -p waggle-collectors --example watch -- 10`.
//!
//! Needs the rights to load eBPF programs, which root has.

use std::{
    io::{self, Write as _},
    sync::Arc,
    thread,
    time::Duration,
};

use async_trait::async_trait;
use waggle_collectors::agent::{Agent, AgentConfig};
use waggle_signals::{Batch, Rejected, Sink, SystemClock};

/// Prints each row on a line.
struct Printed;

#[async_trait]
impl Sink for Printed {
    async fn append(&self, batch: Batch) -> Result<(), Rejected> {
        let whose = |id: waggle_signals::ResourceId| {
            batch.resources.get(id.0 as usize).map_or_else(String::new, |r| r.name())
        };
        let mut out = io::stdout().lock();
        let mut line = |kind: &str, whose: String, what: String| {
            let _ = writeln!(out, "{kind:8} {whose:24} {what}");
        };
        for span in &batch.spans {
            let parent = span.parent_span_id.map_or_else(|| "-".to_owned(), |id| id.to_string());
            let peer = span.peer.as_ref().map_or("?", |peer| &peer.service);
            line(
                span.kind.as_str(),
                whose(span.resource),
                format!(
                    "{:?} {} -> {peer} trace {} span {} parent {parent} {:?}",
                    span.duration, span.name, span.trace_id, span.span_id, span.attributes
                ),
            );
        }
        for point in &batch.metrics {
            line(
                "metric",
                whose(point.resource),
                format!("{} {:.4} {:?}", point.name, point.value, point.attributes),
            );
        }
        for event in &batch.events {
            line(
                "event",
                whose(event.resource),
                format!("{}: {} {:?}", event.name, event.body, event.attributes),
            );
        }
        for sample in &batch.samples {
            line(
                "sample",
                whose(sample.resource),
                format!("{}x {:?} {}", sample.count, sample.location, sample.frames.join(";")),
            );
        }
        for flow in &batch.flows {
            line("flow", whose(flow.resource), format!("{flow:?}"));
        }
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let seconds = std::env::args().nth(1).map_or(Ok(10), |text| text.parse())?;
    let agent = Agent::start(AgentConfig::seeded(1), Arc::new(Printed), Arc::new(SystemClock))?;
    for _ in 0..seconds {
        thread::sleep(Duration::from_secs(1));
        let status = agent.status();
        eprintln!("{} events, lag {:?}", status.events, status.lag);
    }
    eprintln!("{:#?}", agent.stop());
    Ok(())
}
