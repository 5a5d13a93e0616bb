//! Spans of a service to blocks of requests, by endpoint, with the calls that were made for them.

use std::collections::{BTreeMap, HashMap};

use waggle_agent_core::{
    Result,
    ports::{Of, SpanQuery, Telemetry},
};
use waggle_analysis::deploy::{Requests, Side};
use waggle_signals::{Span, SpanKind, TimeRange, TraceId};

use crate::{select::in_time, windows::Window};

/// What was read of one side so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reading {
    /// The requests.
    pub side: Side,
    /// How often each kind of call was made.
    pub calls: BTreeMap<String, u64>,
    /// Whether a block had more requests than are read: its newest stand for it.
    pub is_thinned: bool,
    /// Whether a block had more calls than are read: calls per request are not known then.
    pub are_calls_cut: bool,
}

/// Spans of one question to the store; a block of 30 s may have 1,300 requests a second before it is thinned.
const MAX_SPANS: usize = 40_000;
/// Requests of one side, all blocks together: some 40 MB of latencies.
const MAX_REQUESTS: usize = 2_000_000;
/// Blocks that are asked for at once.
const BLOCKS_AT_ONCE: usize = 20;
/// Names of endpoints that are told apart; the rest is one.
const MAX_ENDPOINTS: usize = 200;
/// Kinds of calls that are told apart.
const MAX_CALLS: usize = 500;
/// The endpoint of requests to all endpoints beyond the most.
const OTHER: &str = "(other)";

impl Reading {
    /// Reads on to the end of `window`, from where it stood. Blocks that were read are not read again.
    pub async fn read_on(&mut self, telemetry: &dyn Telemetry, service: &str, window: &Window) -> Result<()> {
        while self.side.blocks < window.blocks {
            let mut blocks = (window.blocks - self.side.blocks).min(BLOCKS_AT_ONCE);
            loop {
                let Some(range) = window.range(self.side.blocks, blocks) else { return Ok(()) };
                let most = (MAX_REQUESTS / window.blocks.max(1)).clamp(1, MAX_SPANS);
                // Several blocks are only read together where none of them would be thinned by itself.
                let spans = spans(telemetry, service, range, SpanKind::Server, most).await?;
                let is_cut = spans.len() >= most;
                if is_cut && blocks > 1 {
                    blocks = blocks.div_ceil(4);
                    continue;
                }
                self.is_thinned |= is_cut;
                let calls = self::spans(telemetry, service, range, SpanKind::Client, MAX_SPANS).await?;
                self.are_calls_cut |= calls.len() >= MAX_SPANS || is_cut;
                self.add(window, blocks, &spans, &calls);
                break;
            }
        }
        Ok(())
    }

    fn add(&mut self, window: &Window, blocks: usize, spans: &[Of<Span>], calls: &[Of<Span>]) {
        let first = self.side.blocks;
        let mut drafts: BTreeMap<String, Vec<Draft>> = BTreeMap::new();
        let mut asked: HashMap<TraceId, (String, usize)> = HashMap::new();
        for span in spans.iter().filter(|span| window.select.takes(&span.resource)) {
            let endpoint = self.endpoint(&span.row.name, &drafts);
            let block = window.block_of(span.row.start).saturating_sub(first);
            let draft = drafts.entry(endpoint.clone()).or_insert_with(|| vec![Draft::default(); blocks]);
            let Some(draft) = draft.get_mut(block) else { continue };
            draft.latencies_ms.push(span.row.duration.as_secs_f64() * 1e3);
            draft.errors += u64::from(span.row.is_error());
            asked.entry(span.row.trace_id).or_insert((endpoint, block));
        }
        for call in calls.iter().filter(|span| window.select.takes(&span.resource)) {
            let Some((endpoint, block)) = asked.get(&call.row.trace_id) else { continue };
            if let Some(draft) = drafts.get_mut(endpoint).and_then(|drafts| drafts.get_mut(*block)) {
                draft.calls += 1;
            }
            let name = call_name(&call.row);
            if self.calls.len() < MAX_CALLS || self.calls.contains_key(&name) {
                *self.calls.entry(name).or_default() += 1;
            }
        }
        for endpoint in drafts.keys() {
            // An endpoint that is seen for the first time had no requests before.
            self.side.endpoints.entry(endpoint.clone()).or_insert_with(|| vec![Requests::default(); first]);
        }
        for (endpoint, requests) in &mut self.side.endpoints {
            let drafts = drafts.remove(endpoint).unwrap_or_else(|| vec![Draft::default(); blocks]);
            requests.extend(drafts.into_iter().map(|it| Requests::of(it.latencies_ms, it.errors, it.calls)));
        }
        self.side.blocks += blocks;
    }

    fn endpoint(&self, name: &str, drafts: &BTreeMap<String, Vec<Draft>>) -> String {
        let is_known = self.side.endpoints.contains_key(name) || drafts.contains_key(name);
        let has_room = self.side.endpoints.len() + drafts.len() < MAX_ENDPOINTS;
        if is_known || has_room { name.to_owned() } else { OTHER.to_owned() }
    }
}

#[derive(Clone, Debug, Default)]
struct Draft {
    latencies_ms: Vec<f64>,
    errors: u64,
    calls: u64,
}

fn call_name(span: &Span) -> String {
    match span.peer.as_ref().map(|peer| peer.service.as_str()).filter(|service| !service.is_empty()) {
        Some(service) => format!("{service} {}", span.name),
        None => span.name.clone(),
    }
}

async fn spans(
    telemetry: &dyn Telemetry,
    service: &str,
    range: TimeRange,
    kind: SpanKind,
    most: usize,
) -> Result<Vec<Of<Span>>> {
    let query =
        SpanQuery { service: Some(service.to_owned()), kind: Some(kind), ..SpanQuery::newest(range, most) };
    in_time("requests", telemetry.spans(&query)).await
}
