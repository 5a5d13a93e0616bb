//! A run may be stopped, taken up again, watched over and kept within its bounds.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use serde_json::{Value, json};
use waggle_agent_core::{
    Language,
    conversation::answer,
    finding::{ClaimKind, Verdict},
    investigation::{Limits, investigate, resume},
    models::{Scripted, scripted::check_wire},
    ports::{Delta, Memory, Message, Model, ModelReply, ModelRequest, Purpose, Usage},
};

use crate::shop::{BAD, Bench, calls, good_finding, modest_finding, proves, says, submits};

fn texts(transcript: &[Message], tool: &str) -> Vec<String> {
    let replies = transcript.iter().filter_map(|message| match message {
        Message::Tool(reply) if reply.name == tool => Some(reply.text.clone()),
        _ => None,
    });
    replies.collect()
}

/// What a model has to say at the least.
fn short_finding() -> Value {
    json!({
        "verdict": "confirmed",
        "confidence": 0.86,
        "root_causes": [{
            "service": "inventory",
            "fault_class": "slow_code",
            "change": BAD,
            "claims": [
                { "text": "inventory: own time per request 31 ms → 1.98 s since 14:04:50", "kind": "observed", "evidence": ["E4"] },
            ],
        }],
        "remediation": { "action": "rollback", "text": "roll inventory back" },
        "follow_ups": ["Why do you think so?"],
    })
}

#[tokio::test]
async fn what_a_model_leaves_out_is_filled_in_from_the_triage() {
    let ran = Bench::new([proves(), submits(&short_finding())]).await.run().await;
    let finding = ran.finding;
    assert_eq!((finding.verdict, finding.confidence), (Verdict::Confirmed, 0.86));
    assert_eq!(finding.symptom.text, "gateway: p99 84 ms → 2.1 s since 14:04:50");
    assert_eq!(finding.first_failing_service, "inventory");
    assert_eq!(finding.propagation.len(), 2);
    assert_eq!(finding.impact.requests_failed, 12);
    assert_eq!(finding.owners[0].rule, "label `owner` of inventory");
    let change = finding.root_causes[0].change.as_ref().unwrap();
    assert_eq!((change.kind.as_str(), change.id.as_str(), change.diff_read), ("commit", BAD, true));
    assert_eq!(finding.root_causes[0].confidence, 0.86);
}

#[tokio::test]
async fn what_is_filled_in_belongs_to_the_first_suspect_alone() {
    let other = json!({
        "verdict": "confirmed", "confidence": 0.95,
        "root_causes": [{ "service": "gateway", "fault_class": "unknown", "claims": [
            { "text": "gateway: p99 84 ms → 2.1 s", "kind": "observed", "evidence": ["E1"] },
        ] }],
    });
    let ran = Bench::new([submits(&other), submits(&other)]).await.run().await;
    assert_eq!(ran.finding.propagation, [], "that is the way from inventory");
    assert_eq!(
        (ran.finding.verdict, ran.finding.confidence),
        (Verdict::Likely, 0.6),
        "one reading against that of the triage"
    );
}

#[tokio::test]
async fn a_run_that_ended_in_the_middle_goes_on_where_it_stood() {
    let bench = Bench::new([proves(), calls([("broken", json!({}))])]).await;
    investigate(&bench.investigator, &bench.scene, &()).await.unwrap_err();
    let checkpoint = bench.memory.checkpoint(&bench.scene.incident.id).await.unwrap().unwrap();
    assert_eq!((checkpoint.n_steps, checkpoint.usage.input_tokens), (1, 100));
    check_wire(&checkpoint.transcript).unwrap();
    let size = serde_json::to_string(&checkpoint).unwrap().len();
    assert!(size < 10_000, "results are named, not repeated: {size}");

    let mut next = Bench::new([submits(&good_finding())]).await;
    (next.memory, next.investigator.memory) = (bench.memory.clone(), bench.memory);
    let ran = resume(&next.investigator, &next.scene, &(), &checkpoint).await.unwrap();
    assert_eq!((ran.finding.verdict, ran.n_steps), (Verdict::Confirmed, 2));
    assert_eq!(ran.usage.input_tokens, 200, "what was spent stays spent");
    assert_eq!(ran.evidence.len(), 6, "that of both halves");
    assert_eq!(next.model.requests().len(), 1, "triage and proof are not asked again");
    check_wire(&ran.transcript).unwrap();

    next.memory.save_investigation(&ran.record()).await.unwrap();
    assert_eq!(next.memory.checkpoint(&ran.finding.incident).await.unwrap(), None);
}

#[tokio::test]
async fn a_run_that_had_fallen_back_goes_on_with_the_fallback() {
    let bench = Bench::new([proves(), calls([("broken", json!({}))])]).await;
    investigate(&bench.investigator, &bench.scene, &()).await.unwrap_err();
    let mut checkpoint = bench.memory.checkpoint(&bench.scene.incident.id).await.unwrap().unwrap();
    checkpoint.fell_back = true;
    let ran = resume(&bench.investigator, &bench.scene, &(), &checkpoint).await.unwrap();
    assert_eq!((ran.model.as_str(), ran.finding.verdict), ("offline", Verdict::Confirmed));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_stopped_ends_at_once_and_says_so() {
    let bench = Bench::new([calls([("sleeps", json!({})), ("echo", json!({ "n": 1 }))])]).await;
    let cancel = bench.scene.cancel.clone();
    let began = tokio::time::Instant::now();
    let stopping = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        cancel.cancel();
    };
    let (ran, ()) = tokio::join!(bench.run(), stopping);
    assert_eq!(began.elapsed(), Duration::from_secs(3));
    assert_eq!((ran.finding.verdict, ran.finding.confidence), (Verdict::Inconclusive, 0.0));
    assert_eq!(ran.finding.missing_data, ["the investigation was stopped before it came to a finding"]);
    assert_eq!(ran.evidence.len(), 3, "what the triage found stays");
    assert_eq!(texts(&ran.transcript, "sleeps"), ["not answered: the investigation was stopped"]);
}

#[tokio::test]
async fn a_model_that_goes_in_circles_is_told_and_then_replaced() {
    let again = || calls([("compare", json!({ "service": "inventory" }))]);
    let bench = Bench::new(std::iter::repeat_with(again).take(12)).await;
    let ran = bench.run().await;
    assert_eq!(bench.model.requests().len(), 5, "one that is new, four that are not");
    assert_eq!((ran.model.as_str(), ran.finding.verdict), ("offline", Verdict::Confirmed));
    let said = ran
        .transcript
        .iter()
        .filter(|message| matches!(message, Message::User { text } if text.contains("brought nothing new")));
    assert_eq!(said.count(), 1);
}

#[tokio::test]
async fn evidence_can_be_read_again_and_makes_no_new_evidence() {
    let bench = Bench::new([
        calls([
            ("read_evidence", json!({ "id": "E2" })),
            ("read_evidence", json!({ "id": "E2", "pointer": "/changes/1/service" })),
            ("read_evidence", json!({ "id": "E2", "pointer": "/nowhere" })),
            ("read_evidence", json!({ "id": "E99" })),
            ("read_evidence", json!({})),
            ("endless", json!({})),
        ]),
        calls([("read_evidence", json!({ "id": "E4", "from": 5_900 }))]),
        submits(&modest_finding()),
    ])
    .await;
    let ran = bench.run().await;
    let told = texts(&ran.transcript, "read_evidence");
    assert_eq!(told[0], "<data id=\"E2\">\n3 changes\n</data>");
    assert_eq!(told[1], "<data id=\"E2\">\n\"payment\"\n</data>");
    assert!(told[2].contains("nothing at that pointer"), "{}", told[2]);
    assert_eq!(told[3], "there is no evidence E99; the last is E3");
    assert!(told[4].starts_with("name the evidence"), "{}", told[4]);
    assert!(told[5].starts_with("<data id=\"E4\">\n慢"), "{}", told[5]);
    assert_eq!(ran.evidence.len(), 4);
    let audited = bench.memory.audit_log(0, 100).await.unwrap();
    assert!(audited.iter().all(|entry| entry.entry.detail["tool"] != "read_evidence"), "nothing was asked");
}

#[tokio::test]
async fn old_results_are_shown_in_short_and_the_offline_model_still_reads_them() {
    let asks = || calls([("endless", json!({})), ("compare", json!({ "service": "inventory" }))]);
    let bench = Bench::new([asks(), proves(), Err(waggle_agent_core::Kind::Unavailable.error("gone"))]).await;
    let ran = bench.run().await;
    let last = bench.model.requests().pop().unwrap();
    let endless = texts(&last.messages, "endless");
    assert!(endless[0].len() < 1_500 && endless[0].contains("`read_evidence`"), "{}", endless[0]);
    assert!(texts(&ran.transcript, "endless")[0].len() > 6_000, "the transcript keeps it");
    assert_eq!((ran.model.as_str(), ran.finding.verdict), ("offline", Verdict::Confirmed));
}

#[tokio::test]
async fn of_many_tools_those_are_described_that_the_suspects_want() {
    let mut bench = Bench::new([
        calls([("more_tools", json!({ "names": ["echo", "no_such"] })), ("echo", json!({ "n": 3 }))]),
        calls([("more_tools", json!({}))]),
        submits(&modest_finding()),
    ])
    .await;
    bench.investigator.budget.described_tools = 4;
    let ran = bench.run().await;
    let described = |index: usize| {
        let request = bench.model.requests().remove(index);
        request.tools.into_iter().map(|tool| tool.name).collect::<Vec<_>>()
    };
    let of_loop = ["read_evidence", "more_tools", "submit_finding"];
    assert_eq!(described(0), [&["compare", "owners", "read_diff"][..], &of_loop].concat());
    assert_eq!(described(1), [&["compare", "echo", "owners", "read_diff"][..], &of_loop].concat());
    let told = texts(&ran.transcript, "more_tools");
    assert_eq!(
        told[0],
        "described from now on: echo; there is no such tool:\n<data id=\"names\">\nno_such\n</data>"
    );
    assert!(told[1].starts_with("name the tools"), "{}", told[1]);
    assert_eq!(texts(&ran.transcript, "echo").len(), 1, "what is only named can be called as well");
    let request = bench.model.requests().remove(0);
    let more = request.tools.iter().find(|tool| tool.name == "more_tools").unwrap();
    assert!(more.description.contains("slow_traces"), "{}", more.description);
    assert!(request.undescribed.iter().any(|tool| tool.name == "slow_traces"));
}

#[tokio::test]
async fn the_budget_of_money_ends_the_run() {
    let dear = |n: u32| {
        let mut reply = calls([("compare", json!({ "service": format!("s{n}") }))]);
        reply.as_mut().unwrap().usage = Usage { cost_micro_usd: 40_000, ..Usage::default() };
        reply
    };
    let mut bench = Bench::new((1..100).map(dear)).await;
    bench.investigator.budget.cost_micro_usd = Some(100_000);
    let ran = bench.run().await;
    assert_eq!((bench.model.requests().len(), ran.model.as_str()), (3, "offline"));
    assert_eq!(ran.usage.cost_micro_usd, 120_000);
}

/// Says in every reply the same, as a second reader of a finding.
fn reviewer(said: &str) -> Option<Arc<dyn Model>> {
    Some(Arc::new(Scripted::new([says(said)])))
}

#[tokio::test]
async fn a_second_reader_only_lowers() {
    let praise = r#"{ "confidence": 1.0, "doubtful_claims": [] }"#;
    let doubt = r#"{ "confidence": 0.7, "doubtful_claims": [1, 99] }"#;
    let despair = r#"{ "confidence": 0.1, "doubtful_claims": [] }"#;
    for (said, verdict, confidence, kind) in [
        (praise, Verdict::Confirmed, 0.86, ClaimKind::Observed),
        (doubt, Verdict::Likely, 0.7, ClaimKind::Inferred),
        (despair, Verdict::Likely, 0.1, ClaimKind::Observed),
        ("it looks fine to me", Verdict::Confirmed, 0.86, ClaimKind::Observed),
        (r#"{ "confidence": 1e999, "doubtful_claims": [] }"#, Verdict::Confirmed, 0.86, ClaimKind::Observed),
    ] {
        let mut bench = Bench::new([proves(), submits(&good_finding())]).await;
        bench.investigator.reviewer = reviewer(said);
        let finding = bench.run().await.finding;
        let first = &finding.root_causes[0];
        assert_eq!((finding.verdict, finding.confidence), (verdict, confidence), "{said}");
        assert_eq!((first.claims[0].kind, first.confidence), (kind, confidence), "{said}");
    }
}

#[tokio::test]
async fn a_second_reader_sees_the_claims_with_their_evidence_and_is_paid_for() {
    let mut said = says(r#"{ "confidence": 1.0, "doubtful_claims": [] }"#);
    said.as_mut().unwrap().usage = Usage { input_tokens: 7, ..Usage::default() };
    let second = Arc::new(Scripted::new([said]));
    let mut bench = Bench::new([proves(), submits(&good_finding())]).await;
    bench.investigator.reviewer = Some(second.clone());
    let ran = bench.run().await;
    assert_eq!(ran.usage.input_tokens, 207);
    let request = second.requests().remove(0);
    assert_eq!((request.purpose, request.tools.len()), (Purpose::Review, 0));
    let Message::User { text } = &request.messages[1] else { panic!("no claims") };
    assert!(text.contains("1. <data id=\"claim\">") && text.contains("own time 31 ms → 1983 ms"), "{text}");
}

/// Counts how many are at work at once.
struct Counts {
    inner: Scripted,
    now: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

#[async_trait]
impl Model for Counts {
    fn name(&self) -> &'static str {
        "counts"
    }

    async fn complete(
        &self,
        request: &ModelRequest,
        on_delta: &(dyn for<'a> Fn(Delta<'a>) + Sync),
    ) -> waggle_agent_core::Result<ModelReply> {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(100)).await;
        self.now.fetch_sub(1, Ordering::SeqCst);
        self.inner.complete(request, on_delta).await
    }
}

#[tokio::test(start_paused = true)]
async fn many_runs_at_once_wait_for_their_turn_and_all_come_to_a_finding() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let limits = Limits::new(3, 4, 2);
    let mut benches = Vec::new();
    for _ in 0..20 {
        let mut bench = Bench::new([]).await;
        let inner = Scripted::new([proves(), submits(&good_finding())]);
        bench.investigator.model = Arc::new(Counts { inner, now: now.clone(), most: most.clone() });
        bench.investigator.limits = limits.clone();
        benches.push(bench);
    }
    let runs = futures::future::join_all(benches.iter().map(Bench::run)).await;
    assert!(runs.iter().all(|ran| ran.finding.verdict == Verdict::Confirmed && ran.model == "counts"));
    assert_eq!(most.load(Ordering::SeqCst), 3, "three replies at a time");
}

#[tokio::test]
async fn a_question_reuses_what_the_investigation_measured() {
    let mut bench = Bench::new([proves(), submits(&good_finding())]).await;
    let fakes = waggle_agent_core::testing::fakes::Fakes::default();
    // A minute after the window everything in it has been measured.
    fakes.clock.set(bench.scene.incident.window.to() + Duration::from_secs(61));
    bench.scene.ports = fakes.ports();
    let ran = bench.run().await;
    bench.investigator.model = bench.investigator.fallback.clone();
    let ask = async |language| {
        let scene = waggle_agent_core::Scene { language, ..bench.scene.clone() };
        let question = "is inventory slow? / inventory 慢吗";
        answer(&bench.investigator, &scene, Some(&ran.finding), question, &()).await.unwrap()
    };
    let answered = ask(Language::En).await;
    assert_eq!(answered.answer.claims[0].evidence[0].to_string(), "E4", "as the investigation has it");
    let kept = bench.memory.all_evidence(&bench.scene.incident.id).await.unwrap();
    assert_eq!(kept.len(), 6, "nothing was asked twice");
    let answered = ask(Language::Zh).await;
    assert!(
        answered.answer.claims[0].text.contains("自身耗时"),
        "its facts are in the language of the question"
    );

    let mut other = bench.scene.clone();
    other.incident.baseline = other.incident.window;
    let n_before = bench.memory.all_evidence(&bench.scene.incident.id).await.unwrap().len();
    answer(&bench.investigator, &other, None, "is inventory slow?", &()).await.unwrap();
    let n_after = bench.memory.all_evidence(&bench.scene.incident.id).await.unwrap().len();
    assert!(n_after > n_before, "what is compared with another time is asked anew");
}

#[tokio::test]
async fn a_bad_submission_at_the_end_is_no_worse_than_none() {
    let invented = json!({
        "verdict": "likely", "confidence": 0.9,
        "root_causes": [{ "service": "payment", "fault_class": "slow_code", "claims": [
            { "text": "payment took 9.99 s", "kind": "observed", "evidence": ["E1"] },
        ] }],
    });
    let mut bench = Bench::new([submits(&invented)]).await;
    bench.investigator.budget.steps = 1;
    let ran = bench.run().await;
    assert_eq!((ran.model.as_str(), ran.finding.verdict), ("offline", Verdict::Confirmed));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_cut_off_before_the_first_reply_goes_on_behind_the_triage() {
    let bench = Bench::new([calls([("sleeps", json!({}))])]).await;
    let dropped = tokio::time::timeout(Duration::from_secs(1), bench.run()).await;
    assert!(dropped.is_err());
    let checkpoint = bench.memory.checkpoint(&bench.scene.incident.id).await.unwrap().unwrap();
    assert_eq!(checkpoint.n_steps, 0);
    let mut next = Bench::new([proves(), submits(&good_finding())]).await;
    (next.memory, next.investigator.memory) = (bench.memory.clone(), bench.memory);
    let ran = resume(&next.investigator, &next.scene, &(), &checkpoint).await.unwrap();
    assert_eq!(ran.finding.verdict, Verdict::Confirmed);
    let ids: Vec<_> = ran.evidence.iter().map(|evidence| evidence.id.0).collect();
    assert_eq!(ids, [1, 2, 3, 4, 5, 6], "the triage is not made again");
}
