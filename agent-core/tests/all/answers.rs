//! A question in the chat and its answer: every sentence holds, or is not said.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use waggle_agent_core::{
    EvidenceId, Finding, Kind, Language,
    conversation::{Answered, answer},
    models::{Scripted, scripted::check_wire},
    ports::{Delta, Memory, Message, Model, ModelReply, ModelRequest},
};

use crate::shop::{Bench, calls, check_request, good_finding, says};

async fn ask(bench: &Bench, finding: Option<&Finding>, question: &str) -> Answered {
    let answered = answer(&bench.investigator, &bench.scene, finding, question, &()).await.unwrap();
    bench.model.requests().iter().for_each(check_request);
    answered
}

fn submits(answer: Value) -> waggle_agent_core::Result<waggle_agent_core::ports::ModelReply> {
    calls([("submit_answer", answer)])
}

fn finding() -> Finding {
    let mut finding = good_finding();
    finding["incident"] = json!("inc-1");
    serde_json::from_value(finding).unwrap()
}

#[tokio::test]
async fn an_answer_is_drawn_from_evidence() {
    let compares = calls([("compare", json!({ "service": "inventory" }))]);
    let claims = json!([
        { "text": "inventory took 31 ms, now 1.98 s", "kind": "observed", "evidence": ["E2"] },
        { "text": "inventory took 9.99 s", "kind": "observed", "evidence": ["E2"] },
        { "text": "inventory is slow", "kind": "observed", "evidence": [] },
    ]);
    let bench =
        Bench::new([compares, submits(json!({ "claims": claims, "follow_ups": ["And payment?"] }))]).await;
    let Answered { answer, evidence, .. } = ask(&bench, None, "how slow is inventory?").await;
    assert_eq!(answer.text(), "inventory took 31 ms, now 1.98 s [E2]");
    assert_eq!(answer.follow_ups, ["And payment?"]);
    let kept: Vec<_> = evidence.iter().map(|kept| (kept.id.0, kept.tool.as_str())).collect();
    assert_eq!(kept, [(1, "service_map"), (2, "compare")]);
    assert_eq!(bench.memory.all_evidence(&bench.scene.incident.id).await.unwrap(), evidence);

    let first = &bench.model.requests()[0];
    let Some(Message::User { text }) = first.messages.last() else { panic!("the question comes last") };
    assert_eq!(text, "how slow is inventory?");
    assert_eq!(first.tools.last().unwrap().name, "submit_answer");
}

/// A script that goes for a model which the offline model leads.
struct Led(Scripted);

#[async_trait]
impl Model for Led {
    fn name(&self) -> &'static str {
        "offline+script"
    }

    async fn complete(
        &self,
        request: &ModelRequest,
        on_delta: &(dyn for<'a> Fn(Delta<'a>) + Sync),
    ) -> waggle_agent_core::Result<ModelReply> {
        self.0.complete(request, on_delta).await
    }
}

#[tokio::test]
async fn a_note_states_nothing_that_was_not_searched_and_a_language_model_s_nothing_at_all() {
    const NOTHING: &str = "I found nothing that I can prove.";
    for (note, by_grammar, by_language_model) in [
        ("No traces were found.", true, true),
        ("payment failed 4000 times.", false, false),
        ("Searched the last 30 s.", true, false),
        ("payment broke checkout; roll it back.", true, false),
        ("ninety percent failed", false, false),
        ("", false, false),
    ] {
        let script = || {
            let traces = calls([("slow_traces", json!({ "service": "payment" }))]);
            [traces, submits(json!({ "note": note }))]
        };
        let bench = Bench::new(script()).await;
        let want = if by_language_model { note } else { NOTHING };
        assert_eq!(ask(&bench, None, "slow traces?").await.answer.text(), want);
        let mut bench = Bench::new([]).await;
        bench.investigator.model = Arc::new(Led(Scripted::new(script())));
        let want = if by_grammar { note } else { NOTHING };
        assert_eq!(ask(&bench, None, "slow traces?").await.answer.text(), want);
    }
}

#[tokio::test]
async fn the_finding_is_known_and_its_proof_can_be_told_again() {
    let bench = Bench::new([Err(Kind::Unavailable.error("down"))]).await;
    let ran = bench.run().await;
    let (finding, n_earlier) = (ran.finding, ran.evidence.len());
    let Answered { answer, evidence, .. } = ask(&bench, Some(&finding), "Why do you think so?").await;
    assert_eq!(answer.claims, finding.root_causes[0].claims[..5.min(finding.root_causes[0].claims.len())]);
    assert!(evidence.iter().all(|kept| kept.id.0 as usize > n_earlier), "numbered behind the finding's");

    // The finding itself is no evidence.
    let cites = json!({ "claims": [{ "text": "it is inventory", "kind": "observed", "evidence": ["E0"] }] });
    let bench = Bench::new([submits(cites)]).await;
    let answered = ask(&bench, Some(&self::finding()), "why?").await;
    assert_eq!(answered.answer.text(), "I found nothing that I can prove.");
    let shown = bench.model.requests()[0].messages.iter().any(
        |message| matches!(message, Message::Tool(reply) if reply.name == "finding" && reply.text.starts_with("<data id=\"finding\">")),
    );
    assert!(shown);
}

#[tokio::test(start_paused = true)]
async fn a_model_that_fails_talks_or_wanders_leaves_the_answer_to_the_offline_model() {
    let echo = |n: u32| calls([("echo", json!({ "n": n }))]);
    let scripts: [Vec<_>; 4] = [
        vec![Err(Kind::Denied.error("bad key"))],
        vec![says("Trust me, it is fine.")],
        (1..40).map(echo).collect(),
        vec![submits(json!({ "claims": "none" })), Err(Kind::Unavailable.error("gone"))],
    ];
    for (case, script) in scripts.into_iter().enumerate() {
        let bench = Bench::about("inc-1", Language::Zh, script).await;
        let Answered { answer, .. } = ask(&bench, None, "inventory 为什么慢？").await;
        let text = answer.text();
        assert!(
            text.starts_with(
                "我的理解：inventory 为什么慢\ninventory：每请求自身耗时 31 ms → 1.98 s，自 14:04:50 起 [E"
            ),
            "{case}: {text}"
        );
    }
}

#[tokio::test]
async fn the_offline_model_answers_in_both_languages() {
    for (language, question, want) in [
        (
            Language::En,
            "what changed?",
            "Understood: the changes\ninventory was deployed from 9f3c1e2 at 14:04:40, 10 s before the onset [E2]",
        ),
        (
            Language::Zh,
            "有什么变更？",
            "我的理解：变更\ninventory 在 14:04:40 发布了 9f3c1e2，异常开始前 10 秒 [E2]",
        ),
        (
            Language::En,
            "slow traces of payment",
            "Understood: slow traces of payment\nNothing of that is recorded. Searched: answered requests of payment in the last 30 s.",
        ),
    ] {
        let mut bench = Bench::about("inc-1", language, []).await;
        bench.investigator.model = bench.investigator.fallback.clone();
        assert_eq!(ask(&bench, None, question).await.answer.text(), want);
    }
}

#[tokio::test]
async fn a_call_that_was_refused_is_answered_with_the_reason() {
    let mut bench = Bench::new([]).await;
    bench.investigator.model = bench.investigator.fallback.clone();
    let answered = ask(&bench, None, "services with error rate > 5%").await;
    // The toy map takes no arguments.
    let want = "Understood: services whose error ratio is at least 5%\n`service_map` could not answer: the arguments of `service_map` break its schema: Additional properties are not allowed ('min_error_ratio' was unexpected).";
    assert_eq!(answered.answer.text(), want);
}

#[tokio::test]
async fn a_question_about_an_unknown_incident_is_an_error() {
    let bench = Bench::new([]).await;
    let mut elsewhere = bench.scene.clone();
    elsewhere.incident.id.0 = "inc-unknown".to_owned();
    let error = answer(&bench.investigator, &elsewhere, None, "what changed?", &()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound);
}

#[test]
fn an_answer_reads_as_sentences_with_their_evidence() {
    let answer = waggle_agent_core::conversation::Answer {
        understood: "all".to_owned(),
        note: "That is all.".to_owned(),
        claims: vec![crate::shop::claim("one", &[1, 2]), crate::shop::claim("two", &[3])],
        follow_ups: Vec::new(),
    };
    assert_eq!(answer.text(), "Understood: all\none [E1, E2]\ntwo [E3]\nThat is all.");
    assert_eq!("E7".parse::<EvidenceId>(), Ok(EvidenceId(7)));
    assert!("7".parse::<EvidenceId>().is_err());
    check_wire(&[]).unwrap();
}

#[tokio::test]
async fn what_was_understood_may_only_repeat_what_was_asked() {
    for (understood, is_kept) in [
        ("services with a 99th percentile above 200 ms", true),
        ("services with a 99th percentile above 0.2 s", true),
        ("services with a 99th percentile above 900 ms", false),
        ("payment failed 4000 times", false),
        ("the health of the payment service", true),
    ] {
        let script = || [submits(json!({ "understood": understood, "note": "No traces." }))];
        let bench = Bench::new(script()).await;
        let answer = ask(&bench, None, "services with a p99 above 200 ms").await.answer;
        assert_eq!(answer.understood, "", "a language model's prose is not taken");
        let mut bench = Bench::new([]).await;
        bench.investigator.model = Arc::new(Led(Scripted::new(script())));
        let answer = ask(&bench, None, "services with a p99 above 200 ms").await.answer;
        assert_eq!(answer.understood, if is_kept { understood } else { "" });
    }
}
