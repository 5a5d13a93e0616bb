//! The desk with a memory that forgets, and models that think for a while.

use async_trait::async_trait;
use waggle_agent_core::{
    models::{Offline, Scripted},
    ports::{Delta, Model, ModelReply, ModelRequest, ToolCall},
    testing::{fake_memory::FakeMemory, fakes::Fakes},
};

use super::*;
use crate::broken::BrokenTelemetry;

/// Thinks for a while, and then gives up or panics.
struct Thinks {
    panics: bool,
}

#[async_trait]
impl Model for Thinks {
    fn name(&self) -> &'static str {
        "thinks"
    }

    async fn complete(&self, _: &ModelRequest, _: &(dyn for<'a> Fn(Delta<'a>) + Sync)) -> Result<ModelReply> {
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert!(!self.panics, "this incident is too hard");
        Err(Kind::Unavailable.error("no idea"))
    }
}

fn desk_with(ports: Ports, model: Arc<dyn Model>) -> (Desk, Arc<FakeMemory>) {
    let memory = Arc::new(FakeMemory::new());
    let kept: Arc<dyn Memory> = memory.clone();
    let investigator = Investigator::new(model, Arc::new(Offline), waggle_tools::toolbox(), kept.clone());
    let chat = Arc::new(WebChat::new(kept.clone(), ports.clock.clone()));
    (Desk::new(ports, investigator, kept, chat), memory)
}

fn ports() -> Ports {
    let fakes = Fakes::default();
    fakes.clock.set(Timestamp::from_secs(1_772_373_900));
    fakes.ports()
}

/// Makes a desk in an empty world.
pub(crate) fn desk() -> (Desk, Arc<FakeMemory>) {
    desk_with(ports(), Arc::new(Offline))
}

fn opening(at_secs: i64) -> Opening {
    Opening {
        title: "what is wrong?".to_owned(),
        service: None,
        source: Source::Person,
        recent: Duration::from_secs(60),
        history: Duration::from_secs(60),
        at: Timestamp::from_secs(at_secs),
    }
}

#[tokio::test]
async fn incidents_of_one_second_have_names_of_their_own_and_the_order_of_their_opening() {
    let (desk, memory) = desk();
    let opening_all = (0..20).map(|n| {
        let desk = desk.clone();
        tokio::spawn(async move { desk.open(opening(1_000 - n)).await.unwrap().id })
    });
    let mut ids = Vec::new();
    for opened in opening_all.collect::<Vec<_>>() {
        ids.push(opened.await.unwrap());
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 20, "no incident took the place of another");
    let kept = memory.incident(&IncidentId("inc-20260301140500".to_owned())).await.unwrap();
    assert_eq!(kept.opened_at, Timestamp::from_secs(1_772_373_900), "not the end of its window");
}

/// Checks that an incident is over, and that its record, and its card if it has one, give the reason.
async fn is_given_up(memory: &FakeMemory, id: &IncidentId, reason: &str) {
    assert_eq!(memory.incident(id).await.unwrap().state, State::Found);
    let record = memory.latest_investigation(id).await.unwrap().unwrap();
    assert!(record.finding.missing_data[0].contains(reason), "{:?}", record.finding.missing_data);
    for line in memory.lines(id).await.unwrap() {
        assert!(matches!(line.post, Post::Card { card } if card.done), "the card still shows progress");
    }
}

#[tokio::test(start_paused = true)]
async fn an_investigation_that_fails_or_panics_leaves_a_record() {
    let broken = Ports { telemetry: Arc::new(BrokenTelemetry(Kind::Internal)), ..ports() };
    for ((desk, memory), reason) in [
        (desk_with(broken, Arc::new(Offline)), "telemetry is broken"),
        (desk_with(ports(), Arc::new(Thinks { panics: true })), "investigate"),
    ] {
        let incident = desk.open(opening(1_000)).await.unwrap();
        let id = incident.id.clone();
        desk.investigate(incident, Language::En, "li.na").await.unwrap_err();
        is_given_up(&memory, &id, reason).await;
        assert_eq!(memory.lines(&id).await.unwrap().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn an_investigation_goes_on_when_nobody_waits_for_it() {
    let (desk, memory) = desk_with(ports(), Arc::new(Thinks { panics: false }));
    let incident = desk.open(opening(1_000)).await.unwrap();
    let id = incident.id.clone();
    let asked = desk.investigate(incident, Language::En, "li.na");
    assert!(tokio::time::timeout(Duration::from_secs(1), asked).await.is_err(), "the caller hung up");
    assert_eq!(memory.incident(&id).await.unwrap().state, State::Investigating);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(memory.incident(&id).await.unwrap().state, State::Found);
    assert!(memory.latest_investigation(&id).await.unwrap().is_some());
}

#[tokio::test]
async fn what_was_left_too_long_ago_is_closed_at_the_next_start() {
    let (desk, memory) = desk();
    let (mut left, open) =
        (desk.open(opening(1_000)).await.unwrap(), desk.open(opening(1_000)).await.unwrap());
    left.opened_at = left.opened_at - 2 * WORTH_TAKING_UP;
    desk.set_state(&mut left, State::Investigating).await.unwrap();
    let room = desk.chat.open_room(&left).await.unwrap();
    let card = Box::new(card_of_progress(&left, Vec::new(), 0, Language::En));
    desk.chat.post(&room, &Post::Card { card }).await.unwrap();
    assert_eq!(desk.take_up_abandoned().await.unwrap(), 0);
    is_given_up(&memory, &left.id, "the program ended before the investigation did").await;
    assert_eq!(memory.incident(&open.id).await.unwrap().state, State::Open, "nobody was at work on it");
}

#[tokio::test(start_paused = true)]
async fn what_was_left_under_investigation_goes_on_in_its_card() {
    let (first, memory) = desk_with(ports(), Arc::new(Thinks { panics: false }));
    let incident = first.open(opening(1_772_373_880)).await.unwrap();
    let asked = first.solve(
        incident.clone(),
        Job { language: Language::En, caller: "li.na".to_owned(), watch: Arc::new(()), checkpoint: None },
    );
    assert!(tokio::time::timeout(Duration::from_secs(1), asked).await.is_err(), "the program ended here");
    let n_evidence = memory.all_evidence(&incident.id).await.unwrap().len();
    assert!(n_evidence > 0, "the triage was kept");

    assert_eq!(first.take_up_abandoned().await.unwrap(), 1);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(memory.incident(&incident.id).await.unwrap().state, State::Found);
    let cards = memory.lines(&incident.id).await.unwrap();
    let cards: Vec<_> = cards.iter().filter(|line| matches!(line.post, Post::Card { .. })).collect();
    assert_eq!(cards.len(), 1, "one card goes on");
    assert!(matches!(&cards[0].post, Post::Card { card } if card.done), "{cards:?}");
    let triage = memory.all_evidence(&incident.id).await.unwrap();
    assert_eq!(triage.iter().filter(|one| one.tool == "suspects").count(), 1, "not made again");
    assert_eq!(first.take_up_abandoned().await.unwrap(), 0, "it came to its end");
}

#[tokio::test(start_paused = true)]
async fn an_investigation_is_stopped_by_a_word_and_that_is_in_the_audit_log() {
    let (desk, memory) = desk_with(ports(), Arc::new(Thinks { panics: false }));
    let incident = desk.open(opening(1_000)).await.unwrap();
    let (id, working) = (incident.id.clone(), desk.clone());
    let work = tokio::spawn(async move { working.investigate(incident, Language::En, "li.na").await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!desk.hears(&id, "why does it stop?", "li.na").await, "that is a question");
    assert!(desk.hears(&id, " Stop! ", "li.na").await);
    let solved = work.await.unwrap().unwrap();
    assert!(solved.investigation.finding.missing_data[0].contains("was stopped"));
    assert!(!desk.hears(&id, "stop", "li.na").await, "nothing is under way any more");
    let log = memory.audit_log(0, 100).await.unwrap();
    assert!(
        log.iter().any(|entry| entry.entry.action == "stop_investigation" && entry.entry.caller == "li.na")
    );
}

#[tokio::test(start_paused = true)]
async fn people_are_asked_in_the_room_and_their_answer_is_evidence() {
    let ask = |id: &str| ToolCall {
        id: id.to_owned(),
        name: person::ASK_PERSON.to_owned(),
        arguments: json!({ "question": "was the deploy planned?", "options": ["yes", "no"], "n": 1 }),
    };
    let mut good = ask("a");
    good.arguments = json!({ "question": "was the deploy planned?", "options": ["yes", "no"] });
    let mut again = ask("b");
    again.arguments = json!({ "question": "and who did it?" });
    let says = |call: ToolCall| Ok(ModelReply { calls: vec![call], ..ModelReply::default() });
    let (desk, memory) = desk_with(ports(), Arc::new(Scripted::new([says(good), says(again)])));
    let desk = desk.with_people();
    let incident = desk.open(opening(1_000)).await.unwrap();
    let (id, working) = (incident.id.clone(), desk.clone());
    let work = tokio::spawn(async move { working.investigate(incident, Language::En, "waggle").await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(desk.hears(&id, "yes, by li.na", "zhang").await, "it was waited for");
    assert!(!desk.hears(&IncidentId("inc-other".to_owned()), "yes", "zhang").await);
    work.await.unwrap().unwrap();
    let kept = memory.all_evidence(&id).await.unwrap();
    let asked: Vec<_> = kept.iter().filter(|one| one.tool == person::ASK_PERSON).collect();
    assert_eq!(asked[0].text, "zhang says: yes, by li.na");
    assert_eq!(asked[1].text, "nobody answered within 8 s; go on without");
    let posts = memory.lines(&id).await.unwrap();
    let is_asked = |post: &Post| matches!(post, Post::Text { text, buttons } if text == "was the deploy planned?" && buttons.len() == 2);
    assert!(posts.iter().any(|line| is_asked(&line.post)), "{posts:?}");
    assert!(!desk.hears(&id, "yes", "zhang").await, "nobody waits any more");
}
