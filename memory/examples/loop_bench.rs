//! What the loop itself costs: everything but the model's and the tools' time, with the evidence kept in SQLite.
//!
//! `make bench-loop` runs it. The tools answer at once, with results as large as real ones; the model answers at once too.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on may as well end")]

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use futures::future::join_all;
use serde_json::{Value, json};
use waggle_agent_core::{
    Incident, IncidentId, Kind, Language, Scene, ToolError, Toolbox,
    evidence::{Fact, Topic},
    incident::Source,
    investigation::{Investigator, investigate},
    models::Offline,
    ports::{Delta, Memory, Model, ModelReply, ModelRequest, ToolCall, ToolSpec},
    testing::fakes::Fakes,
    toolbox::{AnyTool, Called},
};
use waggle_memory::SqliteMemory;
use waggle_signals::Timestamp;

/// Tools that are offered, as many as Waggle has.
const N_TOOLS: usize = 40;
/// Steps of a run, the submission among them, and calls in each.
const N_STEPS: usize = 8;
const N_CALLS: usize = 3;
/// Rows of a result: about 20 kB of JSON.
const N_ROWS: usize = 160;
/// Runs one after the other, and at once.
const N_ALONE: usize = 20;
const N_AT_ONCE: usize = 100;

/// Answers at once.
struct Ready {
    name: String,
    result: Value,
    text: String,
}

#[async_trait]
impl AnyTool for Ready {
    fn spec(&self) -> ToolSpec {
        let schema = json!({ "type": "object", "properties": { "n": { "type": "integer" } } });
        ToolSpec { name: self.name.clone(), description: "Returns rows.".to_owned(), schema }
    }

    fn summary(&self, _: &Value) -> String {
        self.name.clone()
    }

    async fn call(&self, _: Value, _: &Scene) -> Result<Called, ToolError> {
        let fact = Fact {
            service: "service-1".to_owned(),
            topic: Topic::Latency,
            text: "service-1: p99 84 ms → 2.1 s".to_owned(),
        };
        Ok(Called { text: self.text.clone(), data: self.result.clone(), facts: vec![fact], empty: false })
    }
}

/// Plays a script and, unlike the model of the tests, keeps nothing of what it is asked.
struct Plays(Mutex<VecDeque<ModelReply>>);

#[async_trait]
impl Model for Plays {
    fn name(&self) -> &'static str {
        "plays"
    }

    async fn complete(
        &self,
        _: &ModelRequest,
        _: &(dyn for<'a> Fn(Delta<'a>) + Sync),
    ) -> waggle_agent_core::Result<ModelReply> {
        let reply = self.0.lock().unwrap().pop_front();
        reply.ok_or_else(|| Kind::Unavailable.error("the script has ended"))
    }
}

fn toolbox() -> Toolbox {
    let row = |n: usize| json!({ "service": format!("service-{n}"), "p99_ms": 84.5, "error_ratio": 0.01, "rate_per_s": 120.25, "owner": "li.na" });
    let result = json!({ "services": (0..N_ROWS).map(row).collect::<Vec<_>>() });
    let text = "service-1 p99 84 ms → 2.1 s, 120/s\n".repeat(60);
    (0..N_TOOLS).fold(Toolbox::default(), |toolbox, n| {
        let (result, text) = (result.clone(), text.clone());
        toolbox.with_any(Arc::new(Ready { name: format!("tool_{n}"), result, text }))
    })
}

fn script() -> VecDeque<ModelReply> {
    let call = |step: usize, n: usize| ToolCall {
        id: format!("call_{step}_{n}"),
        name: format!("tool_{}", (step * N_CALLS + n) % N_TOOLS),
        arguments: json!({ "n": step }),
    };
    let asks = (1..N_STEPS).map(|step| ModelReply {
        calls: (0..N_CALLS).map(|n| call(step, n)).collect(),
        ..ModelReply::default()
    });
    let finding = json!({
        "verdict": "likely", "confidence": 0.5,
        "root_causes": [{
            "service": "service-1", "fault_class": "unknown",
            "claims": [{ "text": "service-1: p99 84 ms → 2.1 s", "kind": "observed", "evidence": ["E1"] }],
        }],
    });
    let submit = ToolCall { id: "submit".to_owned(), name: "submit_finding".to_owned(), arguments: finding };
    asks.chain([ModelReply { calls: vec![submit], ..ModelReply::default() }]).collect()
}

async fn run(memory: Arc<SqliteMemory>, toolbox: Toolbox, name: String) -> Duration {
    let now = Timestamp::from_secs(1_772_373_900);
    let (recent, history) = (Duration::from_secs(300), Duration::from_secs(1_800));
    let incident = Incident::open(IncidentId(name), "slow", None, Source::Alert, now, recent, history);
    memory.save_incident(&incident).await.unwrap();
    let fakes = Fakes::default();
    fakes.clock.set(now);
    let scene = Scene::new(fakes.ports(), incident, Language::En);
    let model = Arc::new(Plays(Mutex::new(script())));
    let investigator = Investigator::new(model, Arc::new(Offline), toolbox, memory.clone());
    let began = Instant::now();
    let ran = investigate(&investigator, &scene, &()).await.unwrap();
    assert_eq!(ran.model, "plays", "the script was played to its end");
    memory.save_investigation(&ran.record()).await.unwrap();
    began.elapsed()
}

/// Returns the most memory that this process ever held, in MiB; `None` where the system does not tell.
fn peak_mib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? / 1024)
}

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    let memory = Arc::new(SqliteMemory::open(folder.path().join("memory.sqlite")).await.unwrap());
    let toolbox = toolbox();
    let mut alone = Vec::new();
    for n in 0..N_ALONE {
        alone.push(run(memory.clone(), toolbox.clone(), format!("inc-alone-{n}")).await);
    }
    alone.sort_unstable();
    let per_step = |time: Duration| time.as_secs_f64() * 1e3 / N_STEPS as f64;
    let (median, worst) = (alone[N_ALONE / 2], alone[N_ALONE - 1]);
    println!("one run: {N_STEPS} steps of {N_CALLS} calls, 20 kB each, kept in SQLite");
    println!("  a step: median {:.1} ms, worst {:.1} ms (budget 50)", per_step(median), per_step(worst));

    let began = Instant::now();
    let runs =
        (0..N_AT_ONCE).map(|n| tokio::spawn(run(memory.clone(), toolbox.clone(), format!("inc-many-{n}"))));
    let mut many: Vec<Duration> = join_all(runs).await.into_iter().map(Result::unwrap).collect();
    many.sort_unstable();
    println!("{N_AT_ONCE} runs at once: {:.1} s, {:.1} ms a step of all", began.elapsed().as_secs_f64(), {
        began.elapsed().as_secs_f64() * 1e3 / (N_STEPS * N_AT_ONCE) as f64
    });
    println!(
        "  a run: median {:.1} s, worst {:.1} s",
        many[N_AT_ONCE / 2].as_secs_f64(),
        many[N_AT_ONCE - 1].as_secs_f64()
    );
    match peak_mib() {
        Some(peak) => println!("  memory at most {peak} MiB (budget 1024)"),
        None => println!("  this system does not tell how much memory it took"),
    }
}
