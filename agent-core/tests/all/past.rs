//! What was seen before comes to the finding by the loop alone: asked for where there is a past, and in the words of the tool.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use serde_json::json;
use waggle_agent_core::{
    EvidenceId, IncidentId, Kind, Language, Result,
    card::{SectionKind, card_of_finding},
    past_case::{KeptCase, Outcome, keep_case},
    ports::{Memory, NoPast, PastIncidents, PastQuery, RecordedPast, Remembered},
    testing::fake_memory::FakeMemory,
};
use waggle_signals::Timestamp;

use crate::shop::{self, Bench, good_finding, incident, now, proves, submits};

async fn bench(language: Language, past: Arc<dyn PastIncidents>) -> Bench {
    let mut finding = good_finding();
    // A model has no say in it.
    finding["seen_before"] = json!([{ "incident": "inc-made-up", "outcome": "holds", "text": "it is the disk", "evidence": "E1" }]);
    // With the past asked for, evidence has other numbers.
    let finding = serde_json::from_str(
        &finding
            .to_string()
            .replace("\"E6\"", "\"E7\"")
            .replace("\"E5\"", "\"E6\"")
            .replace("\"E4\"", "\"E5\""),
    )
    .unwrap();
    let mut bench = Bench::about("inc-1", language, [proves(), submits(&finding)]).await;
    bench.investigator.toolbox = bench.investigator.toolbox.with::<shop::PastIncidents>();
    bench.scene.ports.past = past;
    bench
}

/// A past that cannot be read.
struct Unreadable;

#[async_trait]
impl PastIncidents for Unreadable {
    async fn cases(&self, _: &PastQuery) -> Result<Vec<KeptCase>> {
        Err(Kind::Unavailable.error("the memory is locked"))
    }
}

#[tokio::test]
async fn the_past_is_asked_for_where_there_is_one() {
    let empty: Arc<dyn Memory> = Arc::new(FakeMemory::new());
    let pasts: [(Arc<dyn PastIncidents>, usize); 4] = [
        (Arc::new(NoPast), 0),
        (Arc::new(Remembered(empty)), 0),
        (Arc::new(Unreadable), 0),
        (Arc::new(RecordedPast), 1),
    ];
    for (past, n) in pasts {
        let ran = bench(Language::En, past).await.run().await;
        let asked = ran.evidence.iter().filter(|evidence| evidence.tool == "past_incidents");
        assert_eq!(asked.count(), n);
        assert_eq!(ran.finding.seen_before.is_empty(), n == 0);
    }
}

#[tokio::test]
async fn a_finding_and_its_card_tell_what_was_seen_before() {
    for (language, seen, but) in [
        (Language::En, "seen before: `inc-same`", "looks like `inc-other`, but"),
        (Language::Zh, "以前出现过：`inc-same`", "看似 `inc-other`，但"),
    ] {
        let ran = bench(language, Arc::new(RecordedPast)).await.run().await;
        let told: Vec<_> = ran
            .finding
            .seen_before
            .iter()
            .map(|seen| (seen.incident.0.as_str(), seen.outcome, seen.text.as_str(), seen.evidence))
            .collect();
        let past = EvidenceId(4);
        assert_eq!(
            told,
            [("inc-same", Outcome::Holds, seen, past), ("inc-other", Outcome::DoesNotHold, but, past)]
        );
        let card = card_of_finding(&incident("inc-1"), &ran.finding, &ran.evidence, Vec::new(), 0, language);
        let section = card.sections.iter().find(|section| section.kind == SectionKind::SeenBefore).unwrap();
        let lines: Vec<_> = section.lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(lines, [seen, but]);
    }
}

#[tokio::test]
async fn an_incident_becomes_a_case_and_says_what_it_found_of_others() {
    let bench = bench(Language::En, Arc::new(RecordedPast)).await;
    let memory = bench.memory.as_ref();
    let current = bench.scene.incident.clone();
    assert_eq!(keep_case(memory, &current).await.unwrap(), None, "nothing was found yet");

    let before = incident("inc-other");
    memory.save_incident(&before).await.unwrap();
    let ran = bench.run().await;
    let mut earlier = ran.record();
    earlier.incident = before.id.clone();
    earlier.ended_at = Timestamp::from_secs(1);
    memory.save_investigation(&earlier).await.unwrap();
    memory.save_investigation(&ran.record()).await.unwrap();
    keep_case(memory, &before).await.unwrap();
    let case = keep_case(memory, &current).await.unwrap().unwrap();
    let again = keep_case(memory, &current).await.unwrap().unwrap();
    assert_eq!(case, again);
    let cause = case.cause.unwrap();
    assert_eq!((cause.service.as_str(), cause.fault_class.as_str()), ("inventory", "slow_code"));

    let later = now() + Duration::from_secs(3_600);
    let query = PastQuery { before: later, about_before: later, except: IncidentId::default(), limit: 9 };
    let past = Remembered(bench.memory.clone());
    let cases = past.cases(&query).await.unwrap();
    let said: Vec<_> = cases
        .iter()
        .map(|kept| (kept.case.incident.0.as_str(), kept.checks.iter().map(|check| check.outcome).collect()))
        .collect();
    assert_eq!(said, [("inc-1", vec![]), ("inc-other", vec![Outcome::DoesNotHold])]);

    // A second look at the same event is no second event.
    let meanwhile = PastQuery { about_before: current.window.from(), ..query };
    assert!(past.cases(&meanwhile).await.unwrap().is_empty());
}
