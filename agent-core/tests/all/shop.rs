//! A small shop in which inventory became slow by a deploy, told by tools that know the story by heart.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use waggle_agent_core::{
    Evidence, EvidenceId, Finding, Incident, IncidentId, Kind, Language, Scene, Tool, ToolError, Toolbox,
    evidence::{Fact, Topic},
    finding::{Claim, ClaimKind},
    incident::Source,
    investigation::{Investigation, Investigator, Watch, investigate},
    models::{Offline, Scripted, scripted::check_wire},
    ports::{Memory, ModelReply, ModelRequest, ToolCall, Usage},
    testing::{fake_memory::FakeMemory, fakes::Fakes},
    tool::Output,
};
use waggle_signals::Timestamp;

/// The commit that made inventory slow.
pub const BAD: &str = "9f3c1e2ab04d77aa1122334455667788aabbccdd";
/// A commit of payment, made after the onset.
pub const LATE: &str = "41ab07c2ab04d77aa1122334455667788aabbcc0";

/// Returns the time of the alert.
pub fn now() -> Timestamp {
    "2026-03-01T14:05:10Z".parse().unwrap()
}

/// Returns the incident. A quiet one is about nothing; tools see the difference.
pub fn incident(id: &str) -> Incident {
    let (recent, history) = (Duration::from_secs(30), Duration::from_secs(60));
    let title = "gateway: p99 latency above 200 ms";
    let service = Some("gateway".to_owned());
    Incident::open(IncidentId(id.into()), title, service, Source::Alert, now(), recent, history)
}

/// Returns a scene in the shop.
pub fn scene(id: &str, language: Language) -> Scene {
    let fakes = Fakes::default();
    fakes.clock.set(now());
    Scene::new(fakes.ports(), incident(id), language)
}

/// What a toy tool returns.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(transparent)]
pub struct Told {
    data: Value,
    #[serde(skip)]
    text: String,
    #[serde(skip)]
    facts: Vec<(&'static str, Topic, &'static str, &'static str)>,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Output for Told {
    fn is_empty(&self) -> bool {
        self.data.get("rows").is_some_and(|rows| *rows == json!([]))
    }

    fn facts(&self, language: Language) -> Vec<Fact> {
        let facts = self.facts.iter().map(|(service, topic, en, zh)| Fact {
            service: (*service).to_owned(),
            topic: *topic,
            text: language.pick(*en, *zh).to_owned(),
        });
        facts.collect()
    }
}

/// Makes a tool without arguments that tells the same each time.
macro_rules! teller {
    ($(#[$doc:meta])* $tool:ident, $name:literal, $told:expr) => {
        $(#[$doc])*
        #[derive(Debug, Deserialize, Serialize, JsonSchema)]
        pub struct $tool {}

        #[async_trait]
        impl Tool for $tool {
            const NAME: &'static str = $name;
            type Output = Told;

            async fn run(self, scene: &Scene) -> Result<Told, ToolError> {
                let told: fn(&Scene) -> Result<Told, ToolError> = $told;
                told(scene)
            }

            fn summary(&self) -> String {
                concat!("asks for ", $name).to_owned()
            }
        }
    };
}

/// Makes a tool that tells something about one service.
macro_rules! teller_of_service {
    ($(#[$doc:meta])* $tool:ident, $name:literal, $told:expr) => {
        $(#[$doc])*
        #[derive(Debug, Deserialize, Serialize, JsonSchema)]
        pub struct $tool {
            /// Name of the service.
            pub service: String,
        }

        #[async_trait]
        impl Tool for $tool {
            const NAME: &'static str = $name;
            type Output = Told;

            async fn run(self, _: &Scene) -> Result<Told, ToolError> {
                let told: fn(&str) -> Told = $told;
                Ok(told(&self.service))
            }

            fn summary(&self) -> String {
                format!(concat!("asks for ", $name, " of `{}`"), self.service)
            }
        }
    };
}

fn told(data: Value, text: impl Into<String>) -> Told {
    Told { data, text: text.into(), facts: Vec::new() }
}

teller!(
    /// Draws the map of services.
    ServiceMap, "service_map", |_| {
        let services = ["checkout", "gateway", "inventory", "payment"];
        let services: Vec<_> = services.iter().map(|service| json!({ "service": service })).collect();
        let facts = vec![("gateway", Topic::Symptom, "gateway: p99 84 ms → 2.1 s", "gateway：p99 84 ms → 2.1 s")];
        let data = json!({ "services": services, "p99_ms_before": 84.0, "p99_ms": 2100.0 });
        Ok(Told { facts, ..told(data, "gateway p99 84 ms → 2.1 s, 4 services") })
    }
);

teller!(
    /// Ranks suspects.
    Suspects, "suspects", |scene| {
        if scene.incident.id.0 == "inc-quiet" {
            let data = json!({
                "quiet": true, "symptom": {}, "suspects": [], "propagation": [], "affected": [],
                "requests_failed": 0, "ruled_out": [], "missing_data": [],
            });
            return Ok(told(data, "nothing got worse"));
        }
        let suspect = json!({
            "service": "inventory", "resource": "inventory[4711]", "fault_class": "slow_code",
            "title": "each request costs it more CPU", "confidence": 0.9,
            "change": { "kind": "commit", "id": BAD, "before": "", "at": "2026-03-01T14:04:40Z" },
            "because": ["own time 31 ms → 1.98 s", "deployed 10 s before"],
            "wants": ["compare", "profile_diff", "no_such_tool"],
            "action": "rollback", "advice": "roll inventory back",
        });
        let data = json!({
            "quiet": false,
            "symptom": {
                "service": "gateway", "signal": "latency_p99", "text": "gateway: p99 84 ms → 2.1 s since 14:04:50",
                "onset": "2026-03-01T14:04:50Z",
            },
            "suspects": [suspect],
            "propagation": [
                { "from": "inventory", "to": "checkout", "kind": "call" },
                { "from": "checkout", "to": "gateway", "kind": "call" },
            ],
            "affected": ["checkout", "gateway", "inventory"],
            "requests_failed": 12,
            "ruled_out": [{ "suspect": "payment", "reason": "deployed at 14:05:00, after the onset" }],
            "missing_data": [],
        });
        Ok(told(data, "1. inventory: slow_code, 0.9"))
    }
);

teller!(
    /// Lists what was deployed.
    RecentChanges, "recent_changes", |_| {
        let data = json!({ "changes": [
            { "id": BAD, "service": "inventory", "kind": "commit", "at": "2026-03-01T14:04:40Z", "after_onset": false },
            { "id": LATE, "service": "payment", "kind": "commit", "at": "2026-03-01T14:05:00Z", "after_onset": true },
            { "id": "dark-mode", "service": "inventory", "kind": "flag", "at": "2026-03-01T14:04:45Z", "after_onset": false },
            { "id": "night-prices", "service": "gateway", "kind": "flag", "at": "2026-03-01T14:04:45Z", "after_onset": false },
        ], "seconds_before_onset": 10 });
        let facts = vec![(
            "inventory",
            Topic::Change,
            "inventory was deployed from 9f3c1e2 at 14:04:40, 10 s before the onset",
            "inventory 在 14:04:40 发布了 9f3c1e2，异常开始前 10 秒",
        )];
        Ok(Told { facts, ..told(data, "3 changes") })
    }
);

teller_of_service!(
    /// Compares a service with itself before.
    Compare, "compare", |service| {
        if service != "inventory" {
            return told(json!({ "rows": [] }), format!("`{service}` did not change; searched: spans"));
        }
        let facts = vec![(
            "inventory",
            Topic::Latency,
            "inventory: own time per request 31 ms → 1.98 s since 14:04:50",
            "inventory：每请求自身耗时 31 ms → 1.98 s，自 14:04:50 起",
        )];
        let data = json!({
            "service": "inventory", "own_ms_before": 31.0, "own_ms_after": 1983.4, "share": 0.713,
            "onset": "2026-03-01T14:04:50.25Z",
        });
        Told { facts, ..told(data, "own time 31 ms → 1983 ms") }
    }
);

teller_of_service!(
    /// Says who answers for a service.
    Owners, "owners", |service| {
        let owner = json!({ "name": "li.na", "rule": format!("label `owner` of {service}"), "contact": "@li.na" });
        told(json!({ "service": service, "owners": [owner] }), "li.na")
    }
);

teller_of_service!(
    /// Finds slow requests.
    SlowTraces, "slow_traces", |service| told(
        json!({ "rows": [], "searched": format!("answered requests of {service} in the last 30 s") }),
        format!("no requests; searched: answered requests of {service} in the last 30 s"),
    )
);

teller!(
    /// Tells of a case that holds today and of one that does not. Not among the tools of the shop unless a test puts it there.
    PastIncidents, "past_incidents", |_| {
        let incidents = json!([
            {
                "id": "inc-same", "causes": [{ "service": "inventory", "fault_class": "slow_code" }],
                "recheck": { "outcome": "holds", "at": "inventory" },
            },
            {
                "id": "inc-other", "causes": [{ "service": "payment", "fault_class": "packet_loss" }],
                "recheck": { "outcome": "does_not_hold", "at": "" },
            },
        ]);
        let facts = vec![
            ("", Topic::Knowledge, "seen before: `inc-same`", "以前出现过：`inc-same`"),
            ("", Topic::Knowledge, "looks like `inc-other`, but", "看似 `inc-other`，但"),
            ("", Topic::Knowledge, "no proof", "不是证据"),
        ];
        Ok(Told { facts, ..told(json!({ "incidents": incidents }), "2 incidents of before") })
    }
);

teller!(
    /// Breaks the program.
    Broken, "broken", |_| Err(ToolError::Fatal(Kind::Internal.error("disk of the store is gone")))
);

teller!(
    /// Refuses.
    Refuses, "refuses", |_| Err(Kind::Unavailable.error("the store restarts").with_hint("ask again").into())
);

teller!(
    /// Tells more than anybody reads.
    Endless, "endless", |_| Ok(told(json!({}), "慢".repeat(7_000)))
);

/// Waits for an hour of the test's time.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
pub struct Sleeps {}

#[async_trait]
impl Tool for Sleeps {
    const NAME: &'static str = "sleeps";
    type Output = Told;

    async fn run(self, _: &Scene) -> Result<Told, ToolError> {
        tokio::time::sleep(Duration::from_secs(3_600)).await;
        Ok(told(json!({}), "awake"))
    }

    fn summary(&self) -> String {
        "sleeps".to_owned()
    }
}

/// Waits a second of the test's time and says what it was asked.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
pub struct Echo {
    /// Any number.
    #[serde(default)]
    pub n: u32,
    /// Any text.
    #[serde(default)]
    pub words: Option<String>,
}

#[async_trait]
impl Tool for Echo {
    const NAME: &'static str = "echo";
    type Output = Told;

    async fn run(self, _: &Scene) -> Result<Told, ToolError> {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Ok(told(json!({ "n": self.n, "words": self.words }), format!("echo {}", self.n)))
    }

    fn summary(&self) -> String {
        format!("echo of {}", self.n)
    }
}

/// Reads the diff of a commit.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
pub struct ReadDiff {
    /// Full id of the commit.
    pub commit: String,
}

#[async_trait]
impl Tool for ReadDiff {
    const NAME: &'static str = "read_diff";
    type Output = Told;

    async fn run(self, _: &Scene) -> Result<Told, ToolError> {
        let commit = json!({
            "id": self.commit, "author": "Li Na", "email": "li.na@shop.example", "at": "2026-03-01T13:00:00Z",
            "summary": "match SKUs by name", "body": "",
        });
        let small =
            json!({ "old_start": 3, "new_start": 3, "context": "", "lines": [" use std;", "-a", "+b"] });
        let large = json!({
            "old_start": 80, "new_start": 88, "context": "fn reserve",
            "lines": [" let sku = order.sku;", "+for other in all {", "+    same(other, sku);", "+}"],
        });
        let files = json!([
            { "path": "Cargo.toml", "added": 1, "removed": 1, "hunks": [small] },
            { "path": "src/reserve.rs", "added": 3, "removed": 0, "hunks": [large] },
        ]);
        let facts = vec![(
            "inventory",
            Topic::Diff,
            "9f3c1e2 adds a loop in `src/reserve.rs`",
            "9f3c1e2 在 `src/reserve.rs` 加了一个循环",
        )];
        Ok(Told {
            facts,
            ..told(json!({ "commit": commit, "files": files }), "src/reserve.rs:88 adds a loop")
        })
    }

    fn summary(&self) -> String {
        format!("diff of {}", self.commit)
    }
}

/// Returns all tools of the shop.
pub fn toolbox() -> Toolbox {
    Toolbox::default()
        .with::<ServiceMap>()
        .with::<Suspects>()
        .with::<RecentChanges>()
        .with::<Compare>()
        .with::<Owners>()
        .with::<SlowTraces>()
        .with::<ReadDiff>()
        .with::<Broken>()
        .with::<Refuses>()
        .with::<Endless>()
        .with::<Sleeps>()
        .with::<Echo>()
}

/// A model with its memory, and what they came to.
pub struct Bench {
    /// The model that is asked.
    pub model: Arc<Scripted>,
    /// Where evidence is kept.
    pub memory: Arc<FakeMemory>,
    /// Model, tools, memory and budget.
    pub investigator: Investigator,
    /// Where it runs.
    pub scene: Scene,
}

impl Bench {
    /// Sets a bench up with a model that plays these replies; the offline model is the fallback.
    pub async fn new(replies: impl IntoIterator<Item = waggle_agent_core::Result<ModelReply>>) -> Self {
        Self::about("inc-1", Language::En, replies).await
    }

    /// The same for another incident or language.
    pub async fn about(
        id: &str,
        language: Language,
        replies: impl IntoIterator<Item = waggle_agent_core::Result<ModelReply>>,
    ) -> Self {
        let (model, memory) = (Arc::new(Scripted::new(replies)), Arc::new(FakeMemory::new()));
        let scene = scene(id, language);
        memory.save_incident(&scene.incident).await.unwrap();
        let investigator = Investigator::new(model.clone(), Arc::new(Offline), toolbox(), memory.clone());
        Self { model, memory, investigator, scene }
    }

    /// Runs, and checks what holds of every run.
    pub async fn run(&self) -> Investigation {
        self.watched(&()).await
    }

    /// The same with somebody looking on.
    pub async fn watched(&self, watch: &dyn Watch) -> Investigation {
        let ran = investigate(&self.investigator, &self.scene, watch).await.unwrap();
        check_wire(&ran.transcript).unwrap();
        self.model.requests().iter().for_each(check_request);
        follows_its_schema(&ran.finding);
        let kept = self.memory.all_evidence(&self.scene.incident.id).await.unwrap();
        for evidence in &ran.evidence {
            assert!(kept.contains(evidence), "{} was not kept", evidence.id);
        }
        let claims = ran.finding.root_causes.iter().flat_map(|cause| &cause.claims);
        for id in claims.flat_map(|claim| &claim.evidence) {
            assert!(kept.iter().any(|evidence| evidence.id == *id), "{id} is cited and does not exist");
        }
        ran
    }
}

/// Checks that a request is one that an endpoint accepts.
pub fn check_request(request: &ModelRequest) {
    check_wire(&request.messages).unwrap();
    let mut names: Vec<_> = request.tools.iter().map(|tool| tool.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), request.tools.len(), "every tool once: {names:?}");
    for tool in &request.tools {
        assert!(!tool.description.is_empty(), "`{}` says nothing of itself", tool.name);
        assert_eq!(tool.schema["type"], "object", "{}", tool.schema);
        assert!(tool.schema["properties"].is_object(), "{}", tool.schema);
        jsonschema::validator_for(&tool.schema).unwrap();
    }
}

/// Checks a finding against the schema that the project publishes.
pub fn follows_its_schema(finding: &Finding) {
    let validator = jsonschema::validator_for(&Finding::json_schema()).unwrap();
    let json = serde_json::to_value(finding).unwrap();
    let faults: Vec<_> = validator.iter_errors(&json).map(|fault| fault.to_string()).collect();
    assert_eq!(faults, Vec::<String>::new());
}

/// A reply that makes calls; ids are made of the tools' names.
pub fn calls<const N: usize>(calls: [(&str, Value); N]) -> waggle_agent_core::Result<ModelReply> {
    let calls = calls.into_iter().enumerate().map(|(index, (name, arguments))| ToolCall {
        id: format!("{name}_{index}"),
        name: name.to_owned(),
        arguments,
    });
    let usage = Usage { input_tokens: 100, output_tokens: 10, ..Usage::default() };
    Ok(ModelReply { calls: calls.collect(), usage, ..ModelReply::default() })
}

/// A reply that only talks.
pub fn says(text: &str) -> waggle_agent_core::Result<ModelReply> {
    Ok(ModelReply { text: text.to_owned(), ..ModelReply::default() })
}

/// A reply that submits a finding.
pub fn submits(finding: &Value) -> waggle_agent_core::Result<ModelReply> {
    calls([("submit_finding", finding.clone())])
}

/// A finding that holds, once the diff was read (as E5), owners were asked (as E6) and inventory compared (as E4).
pub fn good_finding() -> Value {
    json!({
        "verdict": "confirmed", "confidence": 0.86,
        "symptom": {
            "service": "gateway", "signal": "latency_p99", "text": "p99 84 ms → 2.1 s",
            "onset": "2026-03-01T14:04:50Z",
        },
        "root_causes": [{
            "service": "inventory", "resource": "inventory[4711]", "fault_class": "slow_code", "confidence": 0.86,
            "change": { "kind": "commit", "id": BAD, "diff_read": true },
            "claims": [
                { "text": "inventory waits on itself: 31 ms → 1.98 s from 14:04:50", "kind": "observed", "evidence": ["E4"] },
                { "text": "9f3c1e2 adds a loop in `src/reserve.rs`", "kind": "inferred", "evidence": ["E5", "E3"] },
            ],
        }],
        "first_failing_service": "inventory",
        "propagation": [{ "from": "inventory", "to": "checkout", "kind": "call" }],
        "impact": { "services": ["checkout", "gateway"], "requests_failed": 12 },
        "ruled_out": [{ "suspect": "payment", "reason": "deployed at 14:05:00", "evidence": ["E2"] }],
        "remediation": { "action": "rollback", "text": "roll inventory back" },
        "owners": [{ "name": "li.na", "rule": "label `owner` of inventory", "contact": "@li.na" }],
        "missing_data": [], "follow_ups": ["Why?"],
    })
}

/// A finding that rests on triage alone, and holds.
pub fn modest_finding() -> Value {
    json!({
        "verdict": "likely", "confidence": 0.5, "symptom": {},
        "root_causes": [{
            "service": "inventory", "fault_class": "slow_code", "confidence": 0.5,
            "claims": [{ "text": "own time 31 ms → 1.98 s", "kind": "observed", "evidence": ["E3"] }],
        }],
    })
}

/// The calls that the good finding rests on.
pub fn proves() -> waggle_agent_core::Result<ModelReply> {
    calls([
        ("compare", json!({ "service": "inventory" })),
        ("read_diff", json!({ "commit": BAD })),
        ("owners", json!({ "service": "inventory" })),
    ])
}

/// Evidence as the shop's tools leave it: E1 map, E2 changes, E3 suspects, E4 comparison, E5 diff, E6 owners.
pub async fn evidence() -> BTreeMap<EvidenceId, Evidence> {
    let (toolbox, scene) = (toolbox(), scene("inc-1", Language::En));
    let asked = [
        ("service_map", json!({})),
        ("recent_changes", json!({})),
        ("suspects", json!({})),
        ("compare", json!({ "service": "inventory" })),
        ("read_diff", json!({ "commit": BAD })),
        ("owners", json!({ "service": "inventory" })),
    ];
    let mut evidence = BTreeMap::new();
    for ((tool, arguments), id) in asked.into_iter().zip(1..) {
        let called = toolbox.call(tool, arguments.clone(), &scene).await.unwrap();
        let (text, data, facts) = (called.text, called.data, called.facts);
        let id = EvidenceId(id);
        evidence.insert(
            id,
            Evidence { id, tool: tool.into(), arguments, at: now(), scope: String::new(), text, data, facts },
        );
    }
    evidence
}

/// The services of the shop.
pub fn services() -> Vec<String> {
    ["checkout", "gateway", "inventory", "payment"].map(str::to_owned).to_vec()
}

/// A claim that was seen.
pub fn claim(text: &str, evidence: &[u32]) -> Claim {
    let evidence = evidence.iter().copied().map(EvidenceId).collect();
    Claim { text: text.to_owned(), kind: ClaimKind::Observed, evidence }
}

/// Returns the code of what a failed call tells the model.
pub fn responded<T: fmt::Debug>(result: Result<T, ToolError>) -> String {
    match result {
        Err(ToolError::Respond(text)) => text,
        other => panic!("expected words for the model, got {other:?}"),
    }
}

/// Asserts that a program's fault stays one.
pub fn is_fatal<T: fmt::Debug>(result: Result<T, ToolError>) -> bool {
    matches!(result, Err(ToolError::Fatal(_)))
}
