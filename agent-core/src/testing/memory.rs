//! What every [`Memory`] does, whatever it is kept in.

use futures::future::join_all;
use serde_json::json;
use waggle_signals::{TimeRange, Timestamp};

use crate::{
    Evidence, EvidenceId, Finding, Incident, IncidentId, Kind, Language, Result,
    evidence::{Fact, Topic},
    incident::{Source, State},
    past_case::{CaseCheck, KeptCase, Outcome, Retirement, case_of},
    ports::{
        Button, CasePage, ChatLine, Checkpoint, IncidentPage, InvestigationRecord, Memory, Message,
        MessageId, NewAuditEntry, Post, Rating, ReplyData, Speaker, ToolCall, ToolReply, Usage,
    },
};

/// Checks that an empty memory keeps the promises of the port.
///
/// # Panics
///
/// When it breaks one.
pub async fn conformance(memory: &dyn Memory) {
    incidents_are_replaced_and_paged(memory).await;
    an_id_is_given_to_one_incident(memory).await;
    lines_keep_their_place(memory).await;
    evidence_never_changes(memory).await;
    the_latest_investigation_is_returned(memory).await;
    a_checkpoint_stands_until_its_investigation_is_kept(memory).await;
    ratings_come_oldest_first(memory).await;
    a_case_keeps_what_was_said_about_it(memory).await;
    unknown_incidents_are_not_found(memory).await;
    the_audit_log_is_one_chain(memory).await;
}

async fn incidents_are_replaced_and_paged(memory: &dyn Memory) {
    assert_eq!(memory.incidents(&IncidentPage { before: None, limit: 9 }).await.unwrap(), []);
    let (first, second, third) = (incident("inc-b", 10), incident("inc-c", 20), incident("inc-a", 30));
    for incident in [&second, &first, &third] {
        memory.save_incident(incident).await.unwrap();
    }
    let page = async |before: Option<i64>, limit| {
        let before = before.map(Timestamp::from_secs);
        memory.incidents(&IncidentPage { before, limit }).await.unwrap()
    };
    assert_eq!(page(None, 9).await, [third.clone(), second.clone(), first.clone()], "newest first");
    assert_eq!(page(None, 1).await, std::slice::from_ref(&third), "at most so many");
    assert_eq!(page(Some(30), 9).await, [second.clone(), first.clone()], "strictly before");
    assert_eq!(page(Some(10), 9).await, []);
    assert_eq!(page(None, 0).await, []);
    assert_eq!(page(None, usize::MAX).await.len(), 3);

    let changed = Incident { state: State::Resolved, title: "一切正常 'or' \0 1=1; --".into(), ..second };
    memory.save_incident(&changed).await.unwrap();
    assert_eq!(memory.incident(&changed.id).await.unwrap(), changed);
    assert_eq!(page(None, 9).await.len(), 3, "replaced, not added");
}

async fn an_id_is_given_to_one_incident(memory: &dyn Memory) {
    let rivals: Vec<_> = (0..8).map(|n| incident("inc-rivals", n)).collect();
    let added = join_all(rivals.iter().map(|rival| memory.add_incident(rival))).await;
    let winners: Vec<_> = rivals
        .iter()
        .zip(added)
        .filter(|(_, added)| *added.as_ref().unwrap())
        .map(|(rival, _)| rival)
        .collect();
    assert_eq!(winners.len(), 1, "one of those who came at once");
    assert_eq!(memory.incident(&winners[0].id).await.unwrap(), *winners[0], "the first stays");
}

async fn lines_keep_their_place(memory: &dyn Memory) {
    let incident = opened(memory, "inc-lines").await;
    let other = opened(memory, "inc-lines-other").await;
    assert_eq!(memory.lines(&incident).await.unwrap(), []);
    let (early, late, same_time) = (line("m1", 1, "one"), line("m2", 2, "two"), line("m3", 2, "three"));
    for line in [&late, &early, &same_time] {
        memory.save_line(&incident, line).await.unwrap();
    }
    let elsewhere = line("m1", 5, "the same id in another room");
    memory.save_line(&other, &elsewhere).await.unwrap();

    let edited = line("m1", 9, "one, edited later");
    memory.save_line(&incident, &edited).await.unwrap();
    assert_eq!(memory.lines(&incident).await.unwrap(), [edited, late, same_time]);
    assert_eq!(memory.lines(&other).await.unwrap(), [elsewhere]);
}

async fn evidence_never_changes(memory: &dyn Memory) {
    let incident = opened(memory, "inc-evidence").await;
    let (second, tenth) = (evidence(2, "p99 2.1 s"), evidence(10, "无异常"));
    for evidence in [&tenth, &second, &second] {
        memory.save_evidence(&incident, evidence).await.unwrap();
    }
    let other = evidence(2, "p99 0.1 s");
    assert_eq!(kind(memory.save_evidence(&incident, &other).await), Kind::Invalid);
    assert_eq!(memory.evidence(&incident, EvidenceId(2)).await.unwrap(), second, "the first stays");
    assert_eq!(memory.all_evidence(&incident).await.unwrap(), [second, tenth], "by number, not by text");
    assert_eq!(kind(memory.evidence(&incident, EvidenceId(3)).await), Kind::NotFound);
}

async fn the_latest_investigation_is_returned(memory: &dyn Memory) {
    let incident = opened(memory, "inc-investigation").await;
    assert_eq!(memory.latest_investigation(&incident).await.unwrap(), None);
    let (first, second) = (investigation(&incident, 100), investigation(&incident, 200));
    for record in [&first, &second] {
        memory.save_investigation(record).await.unwrap();
        assert_eq!(memory.latest_investigation(&incident).await.unwrap().as_ref(), Some(record));
    }
}

async fn a_checkpoint_stands_until_its_investigation_is_kept(memory: &dyn Memory) {
    let incident = opened(memory, "inc-checkpoint").await;
    assert_eq!(memory.checkpoint(&incident).await.unwrap(), None);
    let (first, second) = (checkpoint(&incident, 1), checkpoint(&incident, 2));
    for checkpoint in [&first, &second] {
        memory.save_checkpoint(checkpoint).await.unwrap();
        assert_eq!(memory.checkpoint(&incident).await.unwrap().as_ref(), Some(checkpoint), "the last one");
    }
    let other = opened(memory, "inc-other-checkpoint").await;
    memory.save_checkpoint(&checkpoint(&other, 7)).await.unwrap();
    memory.save_investigation(&investigation(&incident, 100)).await.unwrap();
    assert_eq!(memory.checkpoint(&incident).await.unwrap(), None);
    assert_eq!(memory.checkpoint(&other).await.unwrap(), Some(checkpoint(&other, 7)));
}

async fn ratings_come_oldest_first(memory: &dyn Memory) {
    let incident = opened(memory, "inc-ratings").await;
    let rating = |secs, by: &str| Rating {
        incident: incident.clone(),
        by: by.into(),
        at: Timestamp::from_secs(secs),
        helpful: secs == 1,
        correction: "it was the disk".into(),
    };
    let (first, again) = (rating(1, "li.na"), rating(2, "li.na"));
    for rating in [&again, &first] {
        memory.save_rating(rating).await.unwrap();
    }
    assert_eq!(memory.ratings(&incident).await.unwrap(), [first, again]);
}

async fn a_case_keeps_what_was_said_about_it(memory: &dyn Memory) {
    let all = async |before: Option<i64>, limit| {
        let before = before.map(Timestamp::from_secs);
        memory.cases(&CasePage { before, limit }).await.unwrap()
    };
    assert_eq!(all(None, 9).await, []);
    let (early, late) = (opened(memory, "inc-case-a").await, opened(memory, "inc-case-b").await);
    let case = |id: &IncidentId, closed_secs| {
        let record = InvestigationRecord {
            ended_at: Timestamp::from_secs(closed_secs),
            ..investigation(id, closed_secs)
        };
        case_of(&incident(&id.0, 5), &record, &[])
    };
    for case in [case(&early, 10), case(&late, 20), case(&late, 30)] {
        memory.save_case(&case).await.unwrap();
    }
    let plain = [KeptCase::new(case(&late, 30)), KeptCase::new(case(&early, 10))];
    assert_eq!(all(None, 9).await, plain, "newest first, replaced and not added");
    assert_eq!(all(Some(30), 9).await.len(), 1, "strictly before");
    assert_eq!(all(None, 1).await, plain[..1], "at most so many");

    let check = |by: &str, secs, outcome| CaseCheck {
        case: early.clone(),
        by: IncidentId(by.into()),
        at: Timestamp::from_secs(secs),
        outcome,
    };
    let later = check("inc-x", 3, Outcome::DoesNotHold);
    let (sooner, replaced) = (check("inc-y", 2, Outcome::Holds), check("inc-x", 1, Outcome::Holds));
    for check in [&replaced, &later, &sooner] {
        memory.save_case_check(check).await.unwrap();
    }
    let retirement = |by: &str| Retirement { by: by.into(), at: Timestamp::from_secs(4), why: "旧".into() };
    memory.retire_case(&early, &retirement("li.na")).await.unwrap();
    memory.retire_case(&early, &retirement("wang")).await.unwrap();
    let rating = Rating {
        incident: early.clone(),
        by: "li.na".into(),
        at: Timestamp::from_secs(5),
        helpful: true,
        correction: String::new(),
    };
    memory.save_rating(&rating).await.unwrap();
    memory.save_case(&case(&early, 10)).await.unwrap();
    let wanted = KeptCase {
        case: case(&early, 10),
        ratings: vec![rating],
        retirement: Some(retirement("li.na")),
        checks: vec![sooner, later],
    };
    assert_eq!(all(Some(30), 9).await, [wanted], "oldest check first, and the first who retired it");

    let (unknown, bare) = (IncidentId("inc-unknown".into()), opened(memory, "inc-no-case").await);
    assert_eq!(kind(memory.save_case(&case(&unknown, 1)).await), Kind::NotFound);
    assert_eq!(kind(memory.retire_case(&bare, &retirement("li.na")).await), Kind::NotFound);
    let check = CaseCheck { case: bare, ..check("inc-x", 1, Outcome::Holds) };
    assert_eq!(kind(memory.save_case_check(&check).await), Kind::NotFound);
}

async fn unknown_incidents_are_not_found(memory: &dyn Memory) {
    let unknown = IncidentId("inc-unknown".into());
    let rating = Rating {
        incident: unknown.clone(),
        by: String::new(),
        at: Timestamp::default(),
        helpful: true,
        correction: String::new(),
    };
    let refused = [
        ("incident", kind(memory.incident(&unknown).await)),
        ("save_line", kind(memory.save_line(&unknown, &line("m1", 1, "one")).await)),
        ("save_evidence", kind(memory.save_evidence(&unknown, &evidence(1, "one")).await)),
        ("evidence", kind(memory.evidence(&unknown, EvidenceId(1)).await)),
        ("save_checkpoint", kind(memory.save_checkpoint(&checkpoint(&unknown, 1)).await)),
        ("save_investigation", kind(memory.save_investigation(&investigation(&unknown, 1)).await)),
        ("save_rating", kind(memory.save_rating(&rating).await)),
    ];
    for (call, kind) in refused {
        assert_eq!(kind, Kind::NotFound, "{call}");
    }
    assert_eq!(memory.lines(&unknown).await.unwrap(), []);
    assert_eq!(memory.all_evidence(&unknown).await.unwrap(), []);
    assert_eq!(memory.latest_investigation(&unknown).await.unwrap(), None);
    assert_eq!(memory.checkpoint(&unknown).await.unwrap(), None);
    assert_eq!(memory.ratings(&unknown).await.unwrap(), []);
}

async fn the_audit_log_is_one_chain(memory: &dyn Memory) {
    assert_eq!(memory.audit_log(0, 9).await.unwrap(), []);
    // A float that is read back with another last digit breaks its hash; a quick parser reads this one so.
    let seconds = 31.245270191439438;
    let detail =
        json!({ "text": "é\0\n", "seconds": seconds, "tiny": 5e-324, "big": u64::MAX, "none": null });
    let entry = |n: i64| NewAuditEntry {
        at: Timestamp::from_secs(n),
        caller: "token `ci`".into(),
        action: "execute_tool".into(),
        detail: detail.clone(),
    };
    let first = memory.audit(&entry(0)).await.unwrap();
    assert_eq!((first.sequence, first.entry.clone()), (1, entry(0)));
    let entries: Vec<_> = (1..20).map(entry).collect();
    for added in join_all(entries.iter().map(|entry| memory.audit(entry))).await {
        added.unwrap();
    }

    let log = memory.audit_log(0, usize::MAX).await.unwrap();
    assert_eq!(log.len(), 20);
    let mut before = None;
    for entry in &log {
        assert!(entry.follows(before), "entry {} does not follow the one before", entry.sequence);
        before = Some(entry);
    }
    assert_eq!(log[0], first);
    assert_eq!(memory.audit_log(18, 9).await.unwrap(), log[18..]);
    assert_eq!(memory.audit_log(3, 2).await.unwrap(), log[3..5]);
    assert_eq!(memory.audit_log(20, 9).await.unwrap(), []);
    assert_eq!(memory.audit_log(u64::MAX, 9).await.unwrap(), []);
}

fn kind<T: std::fmt::Debug>(result: Result<T>) -> Kind {
    result.unwrap_err().kind()
}

async fn opened(memory: &dyn Memory, id: &str) -> IncidentId {
    let incident = incident(id, 1_000);
    memory.save_incident(&incident).await.unwrap();
    incident.id
}

fn incident(id: &str, opened_at_secs: i64) -> Incident {
    let now = Timestamp::from_secs(opened_at_secs);
    let window = TimeRange::ending_at(now, std::time::Duration::from_secs(5));
    Incident {
        id: IncidentId(id.into()),
        title: "gateway: p99 latency above 200 ms".into(),
        service: Some("gateway".into()),
        source: Source::Alert,
        opened_at: now,
        state: State::Open,
        window,
        baseline: window.before(std::time::Duration::from_secs(60)),
    }
}

fn line(id: &str, at_secs: i64, text: &str) -> ChatLine {
    ChatLine {
        id: MessageId(id.into()),
        speaker: Speaker::Person { name: "li.na".into() },
        at: Timestamp::from_secs(at_secs),
        post: Post::Text { text: text.into(), buttons: vec![Button { text: "Why?".into() }] },
    }
}

fn evidence(id: u32, text: &str) -> Evidence {
    Evidence {
        id: EvidenceId(id),
        tool: "series".into(),
        arguments: json!({ "service": "inventory" }),
        at: Timestamp::from_nanos(1_772_373_900_123_456_789),
        scope: "14:00 to 14:05".into(),
        text: text.into(),
        data: json!({ "values": [0.1 + 0.2, 1e300, null, i64::MIN], "empty": {} }),
        facts: vec![Fact { service: "inventory".into(), topic: Topic::Latency, text: text.into() }],
    }
}

fn checkpoint(incident: &IncidentId, n_steps: u32) -> Checkpoint {
    let InvestigationRecord { started_at, transcript, usage, .. } = investigation(incident, 50);
    Checkpoint {
        incident: incident.clone(),
        caller: "li.na".into(),
        language: Language::Zh,
        started_at,
        elapsed_ms: 1_200,
        transcript,
        usage,
        n_steps,
        fell_back: true,
    }
}

fn investigation(incident: &IncidentId, started_at_secs: i64) -> InvestigationRecord {
    let call = ToolCall { id: "call-1".into(), name: "series".into(), arguments: json!("not an object") };
    let data = ReplyData { evidence: EvidenceId(1), data: json!({ "rows": 3 }), facts: Vec::new() };
    InvestigationRecord {
        incident: incident.clone(),
        model: "offline".into(),
        started_at: Timestamp::from_secs(started_at_secs),
        ended_at: Timestamp::from_secs(started_at_secs + 1),
        finding: Finding { confidence: 0.1 + 0.2, ..Finding::inconclusive(incident.clone(), "no spans") },
        transcript: vec![
            Message::System { text: "look closely".into() },
            Message::User { text: "为什么慢?".into() },
            Message::Assistant { text: String::new(), calls: vec![call] },
            Message::Tool(ToolReply {
                call_id: "call-1".into(),
                name: "series".into(),
                text: "3 rows".into(),
                data: Some(data),
            }),
        ],
        usage: Usage { input_tokens: 7, output_tokens: 5, cached_tokens: 3, cost_micro_usd: 11 },
        n_steps: 4,
        review: None,
    }
}
