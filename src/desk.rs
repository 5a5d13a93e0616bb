//! From an incident to a posted finding, and from a question to an answer.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use waggle_agent_core::{
    EvidenceId, Finding, Incident, IncidentId, Kind, Language, Ports, Result, Scene,
    card::{Card, Step, card_of_finding, card_of_progress},
    conversation::{Answered, answer_in_context},
    finding::Owner,
    incident::{Source, State},
    investigation::{Investigation, Investigator, Progress, Watch, investigate, resume},
    ports::{
        Button, Chat, Checkpoint, IncidentPage, InvestigationRecord, Memory, MessageId, NewAuditEntry, Post,
        ResourceQuery, RoomId, Usage,
    },
};
use waggle_chat_adapters::web::WebChat;
use waggle_signals::{TimeRange, Timestamp};

/// Progress that may wait to be drawn, many times what one investigation makes; what comes while it is full is left out of the card's steps.
const MAX_PROGRESS: usize = 256;
/// An investigation that the end of the program cut off is taken up again when its incident is no older than this.
const WORTH_TAKING_UP: Duration = Duration::from_secs(30 * 60);
/// A service that was silent for so long is not known any more.
const HEARD_WITHIN: Duration = Duration::from_secs(3_600);
/// A card is not redrawn more often than this.
const REDRAW: Duration = Duration::from_millis(120);

/// Where incidents are worked on.
#[derive(Clone)]
pub struct Desk {
    ports: Ports,
    investigator: Investigator,
    memory: Arc<dyn Memory>,
    chat: Arc<WebChat>,
    /// How to stop what is under investigation. Held for a line at a time.
    under_way: Arc<Mutex<HashMap<IncidentId, CancellationToken>>>,
}

/// What opens an incident.
#[derive(Clone, Debug)]
pub struct Opening {
    pub title: String,
    pub service: Option<String>,
    pub source: Source,
    /// Length of the time to look at, up to now.
    pub recent: Duration,
    /// Length of the healthy time before it.
    pub history: Duration,
    /// Where the time to look at ends.
    pub at: Timestamp,
}

/// A finished investigation.
#[derive(Clone, Debug)]
pub struct Solved {
    pub investigation: Investigation,
    /// From the first tool call to the verified finding.
    pub took: Duration,
}

impl Desk {
    pub fn new(
        ports: Ports,
        investigator: Investigator,
        memory: Arc<dyn Memory>,
        chat: Arc<WebChat>,
    ) -> Self {
        Self { ports, investigator, memory, chat, under_way: Arc::default() }
    }

    /// Returns the name of the model that reasons first.
    pub fn model_name(&self) -> &str {
        self.investigator.model.name()
    }

    /// Opens an incident and keeps it.
    ///
    /// It is named by the time at which it was opened, with a number behind that when several are opened in one second.
    pub async fn open(&self, opening: Opening) -> Result<Incident> {
        let Opening { title, service, source, recent, history, at } = opening;
        let opened_at = self.ports.clock.now();
        let stamp: String = opened_at.to_string().chars().take(19).filter(|c| c.is_ascii_digit()).collect();
        let first =
            Incident::open(IncidentId(format!("inc-{stamp}")), title, service, source, at, recent, history);
        let mut incident = Incident { opened_at, ..first };
        let mut n = 1_u64;
        while !self.memory.add_incident(&incident).await? {
            n += 1;
            incident.id = IncidentId(format!("inc-{stamp}-{n}"));
        }
        self.chat.announce(&incident.id).await?;
        Ok(incident)
    }

    /// Investigates an incident while its card follows the work, then posts the finding and mentions the owners.
    ///
    /// The work goes on to its end also when whoever asked does not wait for it, and however it ends, the incident has a
    /// finding then, if only one that says what failed.
    pub async fn investigate(&self, incident: Incident, language: Language, caller: &str) -> Result<Solved> {
        self.investigate_watched(incident, language, caller, Arc::new(())).await
    }

    /// As [`investigate`](Self::investigate), with somebody looking on besides the card.
    pub async fn investigate_watched(
        &self,
        incident: Incident,
        language: Language,
        caller: &str,
        watch: Arc<dyn Watch>,
    ) -> Result<Solved> {
        self.work(incident, Job { language, caller: caller.to_owned(), watch, checkpoint: None }).await
    }

    async fn work(&self, incident: Incident, job: Job) -> Result<Solved> {
        let desk = self.clone();
        let work = tokio::spawn(async move {
            let (id, started_at) = (incident.id.clone(), desk.ports.clock.now());
            let solving = tokio::spawn({
                let desk = desk.clone();
                async move { desk.solve(incident, job).await }
            });
            let error = match solving.await {
                Ok(Ok(solved)) => return Ok(solved),
                Ok(Err(error)) => error,
                Err(panicked) => Kind::Internal.because("investigate", panicked),
            };
            desk.give_up(&id, &error.chain(), started_at).await;
            Err(error)
        });
        work.await.unwrap_or_else(|error| Err(Kind::Internal.because("investigate", error)))
    }

    /// Goes on with the incidents that an earlier run of the program left under investigation, from where each stood.
    /// Those that are too old to be worth it, or had not begun, get a finding that says so. Returns how many go on.
    ///
    /// To be called at the start, when no other program can be at work on them.
    pub async fn take_up_abandoned(&self) -> Result<usize> {
        let page = IncidentPage { before: None, limit: usize::MAX };
        let (mut n_taken_up, now) = (0, self.ports.clock.now());
        let incidents = self.memory.incidents(&page).await?;
        for incident in incidents.into_iter().filter(|incident| incident.state == State::Investigating) {
            if let Some(record) = self.memory.latest_investigation(&incident.id).await? {
                // It came to its end, and only that was not told any more.
                self.tell_late(incident, &record.finding).await;
                continue;
            }
            let is_young = now.since(incident.opened_at) <= WORTH_TAKING_UP;
            let checkpoint = self.memory.checkpoint(&incident.id).await;
            match checkpoint {
                Ok(checkpoint) if is_young => {
                    n_taken_up += 1;
                    let desk = self.clone();
                    let asked = checkpoint.as_ref().map(|stands| (stands.language, stands.caller.clone()));
                    let (language, caller) = asked.unwrap_or((Language::En, "waggle".to_owned()));
                    let job = Job { language, caller, watch: Arc::new(()), checkpoint };
                    tokio::spawn(async move { desk.work(incident, job).await });
                }
                Ok(_) => {
                    let reason = "the program ended before the investigation did";
                    self.give_up(&incident.id, reason, incident.opened_at).await;
                }
                Err(error) => {
                    let reason = format!("where its investigation stood cannot be read: {}", error.chain());
                    self.give_up(&incident.id, &reason, incident.opened_at).await;
                }
            }
        }
        Ok(n_taken_up)
    }

    /// Finishes an incident whose finding is kept and was not shown. What of that fails is logged.
    async fn tell_late(&self, incident: Incident, finding: &Finding) {
        let mut incident = incident;
        let told =
            [self.end_card(&incident.id, finding).await, self.set_state(&mut incident, State::Found).await];
        for error in told.into_iter().filter_map(Result::err) {
            tracing::error!(error = error.chain(), incident = %incident.id, "finding was not told");
        }
    }

    /// Stops the investigation of an incident; it ends at once, `inconclusive`. False when none is under way.
    pub async fn stop(&self, incident: &IncidentId, person: &str) -> bool {
        let is_stopped = {
            let under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
            under_way.get(incident).inspect(|cancel| cancel.cancel()).is_some()
        };
        if is_stopped {
            let entry = NewAuditEntry {
                at: self.ports.clock.now(),
                caller: person.to_owned(),
                action: "stop_investigation".to_owned(),
                detail: json!({ "incident": incident }),
            };
            if let Err(error) = self.memory.audit(&entry).await {
                tracing::error!(error = error.chain(), %incident, "a stop is not in the audit log");
            }
        }
        is_stopped
    }

    /// Stops the investigation when that is all that somebody says; true when they did.
    pub async fn stops(&self, incident: &IncidentId, said: &str, person: &str) -> bool {
        is_stop(said) && self.stop(incident, person).await
    }

    async fn solve(&self, incident: Incident, job: Job) -> Result<Solved> {
        let Job { language, caller, watch, checkpoint } = job;
        let mut incident = incident;
        self.set_state(&mut incident, State::Investigating).await?;
        let room = self.chat.open_room(&incident).await?;
        let first = card_of_progress(&incident, Vec::new(), 0, language);
        let (message, steps_before) = match self.unfinished_card(&incident.id).await? {
            // That of the run which is taken up goes on.
            Some((message, card)) => (message, card.steps),
            None => (self.chat.post(&room, &Post::Card { card: Box::new(first) }).await?, Vec::new()),
        };

        let started = Instant::now();
        let (sender, receiver) = mpsc::channel(MAX_PROGRESS);
        let drawer = tokio::spawn(draw(
            self.chat.clone(),
            room.clone(),
            message.clone(),
            incident.clone(),
            language,
            steps_before,
            receiver,
        ));
        let scene = Scene::new(self.ports.clone(), incident.clone(), language).on_behalf_of(caller);
        let under_way = UnderWay::begin(&self.under_way, &incident.id, &scene.cancel);
        let watch = Steps { drawer: sender, other: watch };
        let outcome = match &checkpoint {
            Some(checkpoint) => resume(&self.investigator, &scene, &watch, checkpoint).await,
            None => investigate(&self.investigator, &scene, &watch).await,
        };
        drop(watch);
        drop(under_way);
        let took = started.elapsed();
        // The sender is gone with the watch, so the drawer ends.
        let steps = drawer.await.unwrap_or_default();
        let investigation = outcome?;
        self.keep(&investigation).await?;
        self.set_state(&mut incident, State::Found).await?;
        let (finding, evidence) = (&investigation.finding, &investigation.evidence);
        let card = card_of_finding(&incident, finding, evidence, steps, millis(took), language);
        // The finding is kept: that a chat does not take it does not undo it.
        if let Err(error) = self.tell(&room, &message, card, &finding.owners).await {
            tracing::error!(error = error.chain(), incident = %incident.id, "finding was not posted whole");
        }
        Ok(Solved { investigation, took })
    }

    /// Shows a finished card and calls those who answer for the cause.
    async fn tell(&self, room: &RoomId, message: &MessageId, card: Card, owners: &[Owner]) -> Result<()> {
        self.chat.update(room, message, &Post::Card { card: Box::new(card) }).await?;
        for owner in owners {
            self.chat.invite(room, owner).await?;
            self.chat.mention(room, owner).await?;
        }
        Ok(())
    }

    /// Ends an investigation that came to nothing: its record, its card and its incident say so. What of that fails is logged.
    async fn give_up(&self, id: &IncidentId, reason: &str, started_at: Timestamp) {
        tracing::error!(incident = %id, reason, "investigation failed");
        let finding = Finding::inconclusive(id.clone(), reason);
        let record = InvestigationRecord {
            incident: id.clone(),
            model: self.model_name().to_owned(),
            started_at,
            ended_at: self.ports.clock.now(),
            finding: finding.clone(),
            transcript: Vec::new(),
            usage: Usage::default(),
            n_steps: 0,
            review: None,
        };
        let ended = [
            self.memory.save_investigation(&record).await,
            self.end_card(id, &finding).await,
            match self.memory.incident(id).await {
                Ok(mut incident) => self.set_state(&mut incident, State::Found).await,
                Err(error) => Err(error),
            },
        ];
        for error in ended.into_iter().filter_map(Result::err) {
            tracing::error!(error = error.chain(), incident = %id, "incident was not closed in order");
        }
    }

    /// Puts a finding in the place of the card that still shows progress, if there is one.
    async fn end_card(&self, id: &IncidentId, finding: &Finding) -> Result<()> {
        let incident = self.memory.incident(id).await?;
        let Some((message, card)) = self.unfinished_card(id).await? else { return Ok(()) };
        let card = card_of_finding(&incident, finding, &[], card.steps, card.elapsed_ms, card.language);
        let room = self.chat.open_room(&incident).await?;
        self.tell(&room, &message, card, &[]).await
    }

    async fn unfinished_card(&self, id: &IncidentId) -> Result<Option<(MessageId, Box<Card>)>> {
        let lines = self.memory.lines(id).await?;
        Ok(lines.into_iter().rev().find_map(|line| match line.post {
            Post::Card { card } if !card.done => Some((line.id, card)),
            _ => None,
        }))
    }

    async fn set_state(&self, incident: &mut Incident, state: State) -> Result<()> {
        incident.state = state;
        self.memory.save_incident(incident).await?;
        self.chat.announce(&incident.id).await
    }

    async fn keep(&self, investigation: &Investigation) -> Result<()> {
        self.memory.save_investigation(&investigation.record()).await
    }

    /// Answers a question about an incident in the language of the question.
    pub async fn answer(&self, incident: &IncidentId, question: &str, person: &str) -> Result<Answered> {
        self.answer_watched(incident, None, question, person, &()).await
    }

    /// As [`answer`](Self::answer), knowing what was said before and with somebody looking on.
    pub async fn answer_watched(
        &self,
        incident: &IncidentId,
        context: Option<&str>,
        question: &str,
        person: &str,
        watch: &dyn Watch,
    ) -> Result<Answered> {
        let incident = self.memory.incident(incident).await?;
        let finding = self.memory.latest_investigation(&incident.id).await?.map(|record| record.finding);
        let scene = self.scene(incident, Language::of(question), person);
        answer_in_context(&self.investigator, &scene, finding.as_ref(), context, question, watch).await
    }

    /// Sets the scene of an incident for tools that are called one by one.
    pub fn scene(&self, incident: Incident, language: Language, person: &str) -> Scene {
        Scene::new(self.ports.clone(), incident, language).on_behalf_of(person)
    }

    /// Returns the services of which anything was heard in the last hour.
    pub async fn known_services(&self) -> Result<Vec<String>> {
        let range = TimeRange::ending_at(self.ports.clock.now(), HEARD_WITHIN);
        let resources = self.ports.telemetry.resources(&ResourceQuery { range, service: None }).await?;
        let names: BTreeSet<String> = resources.iter().map(|one| one.service().to_owned()).collect();
        Ok(names.into_iter().filter(|name| !name.is_empty()).collect())
    }

    /// Answers a question and posts the answer in the incident's room. A failure is posted too: silence is no answer.
    pub async fn reply(&self, incident: &IncidentId, question: &str, person: &str) -> Result<()> {
        let room = self.chat.open_room(&self.memory.incident(incident).await?).await?;
        let (text, follow_ups) = match self.answer(incident, question, person).await {
            Ok(Answered { answer, .. }) => (answer.text(), answer.follow_ups),
            Err(error) => {
                let hint = error.hint().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
                (format!("{}{hint}", error.chain()), Vec::new())
            }
        };
        let buttons = follow_ups.into_iter().map(|text| Button { text }).collect();
        self.chat.post(&room, &Post::Text { text, buttons }).await?;
        Ok(())
    }
}

/// An investigation that can be stopped, as long as this is held.
struct UnderWay<'a> {
    all: &'a Mutex<HashMap<IncidentId, CancellationToken>>,
    incident: &'a IncidentId,
}

impl<'a> UnderWay<'a> {
    fn begin(
        all: &'a Mutex<HashMap<IncidentId, CancellationToken>>,
        incident: &'a IncidentId,
        cancel: &CancellationToken,
    ) -> Self {
        let mut under_way = all.lock().unwrap_or_else(PoisonError::into_inner);
        under_way.insert(incident.clone(), cancel.clone());
        Self { all, incident }
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).remove(self.incident);
    }
}

/// How an incident is to be worked on.
struct Job {
    language: Language,
    caller: String,
    watch: Arc<dyn Watch>,
    /// Where an earlier run of the program left it.
    checkpoint: Option<Checkpoint>,
}

/// Passes progress on to whoever draws it, and to whoever else looks on.
struct Steps {
    drawer: mpsc::Sender<StepChange>,
    other: Arc<dyn Watch>,
}

enum StepChange {
    Asked(Step),
    Answered(EvidenceId),
}

impl Watch for Steps {
    fn on(&self, progress: Progress<'_>) {
        self.other.on(progress);
        let change = match progress {
            Progress::Asked { evidence, tool, line } => StepChange::Asked(Step {
                evidence,
                tool: tool.to_owned(),
                text: line.to_owned(),
                done: false,
            }),
            Progress::Answered { evidence } => StepChange::Answered(evidence),
            Progress::Text(_) | Progress::FellBack { .. } => return,
        };
        // A full queue only means that a step is missing on the card; its evidence is kept all the same.
        let _ = self.drawer.try_send(change);
    }
}

/// Redraws the card as steps come in, and returns all steps once they are over.
async fn draw(
    chat: Arc<WebChat>,
    room: RoomId,
    message: MessageId,
    incident: Incident,
    language: Language,
    steps_before: Vec<Step>,
    mut changes: mpsc::Receiver<StepChange>,
) -> Vec<Step> {
    let started = Instant::now();
    let mut steps = steps_before;
    let mut drawn = Instant::now();
    while let Some(change) = changes.recv().await {
        match change {
            StepChange::Asked(step) => steps.push(step),
            StepChange::Answered(id) => {
                steps.iter_mut().filter(|step| step.evidence == id).for_each(|step| step.done = true);
            }
        }
        if drawn.elapsed() >= REDRAW {
            drawn = Instant::now();
            let card = card_of_progress(&incident, steps.clone(), millis(started.elapsed()), language);
            if let Err(error) = chat.update(&room, &message, &Post::Card { card: Box::new(card) }).await {
                tracing::warn!(error = error.chain(), "card was not redrawn");
            }
        }
    }
    steps
}

/// Tells whether somebody wants the work to end.
fn is_stop(said: &str) -> bool {
    let said = said.trim().trim_end_matches(['.', '!', '。', '！']).to_lowercase();
    ["stop", "cancel", "abort", "停", "停止", "取消", "别查了"].contains(&said.as_str())
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
pub(crate) mod tests {
    use async_trait::async_trait;
    use waggle_agent_core::{
        models::Offline,
        ports::{Delta, Model, ModelReply, ModelRequest},
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

        async fn complete(
            &self,
            _: &ModelRequest,
            _: &(dyn for<'a> Fn(Delta<'a>) + Sync),
        ) -> Result<ModelReply> {
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
        assert!(!desk.stops(&id, "why does it stop?", "li.na").await, "that is a question");
        assert!(desk.stops(&id, " Stop! ", "li.na").await);
        let solved = work.await.unwrap().unwrap();
        assert!(solved.investigation.finding.missing_data[0].contains("was stopped"));
        assert!(!desk.stops(&id, "stop", "li.na").await, "nothing is under way any more");
        let log = memory.audit_log(0, 100).await.unwrap();
        assert!(
            log.iter()
                .any(|entry| entry.entry.action == "stop_investigation" && entry.entry.caller == "li.na")
        );
    }
}
