//! From an incident to a posted finding, and from a question to an answer.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::mpsc;
use waggle_agent_core::{
    EvidenceId, Finding, Incident, IncidentId, Kind, Language, Ports, Result, Scene,
    card::{Card, Step, card_of_finding, card_of_progress},
    conversation::{Answered, answer},
    finding::Owner,
    incident::{Source, State},
    investigation::{Investigation, Investigator, Progress, Watch, investigate},
    ports::{Button, Chat, IncidentPage, InvestigationRecord, Memory, MessageId, Post, RoomId, Usage},
};
use waggle_chat_adapters::web::WebChat;
use waggle_signals::Timestamp;

/// Progress that may wait to be drawn, many times what one investigation makes; what comes while it is full is left out of the card's steps.
const MAX_PROGRESS: usize = 256;
/// A card is not redrawn more often than this.
const REDRAW: Duration = Duration::from_millis(120);

/// Where incidents are worked on.
#[derive(Clone)]
pub struct Desk {
    ports: Ports,
    investigator: Investigator,
    memory: Arc<dyn Memory>,
    chat: Arc<WebChat>,
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
        Self { ports, investigator, memory, chat }
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
        let (desk, caller) = (self.clone(), caller.to_owned());
        let work = tokio::spawn(async move {
            let (id, started_at) = (incident.id.clone(), desk.ports.clock.now());
            let solving = tokio::spawn({
                let desk = desk.clone();
                async move { desk.solve(incident, language, &caller).await }
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

    /// Gives incidents that an earlier run of the program left under investigation a finding that says so.
    ///
    /// To be called at the start, when no other program can be at work on them.
    pub async fn close_abandoned(&self) -> Result<()> {
        let page = IncidentPage { before: None, limit: usize::MAX };
        let incidents = self.memory.incidents(&page).await?;
        for incident in incidents.into_iter().filter(|incident| incident.state == State::Investigating) {
            let reason = "the program ended before the investigation did";
            self.give_up(&incident.id, reason, incident.opened_at).await;
        }
        Ok(())
    }

    async fn solve(&self, incident: Incident, language: Language, caller: &str) -> Result<Solved> {
        let mut incident = incident;
        self.set_state(&mut incident, State::Investigating).await?;
        let room = self.chat.open_room(&incident).await?;
        let first = card_of_progress(&incident, Vec::new(), 0, language);
        let message = self.chat.post(&room, &Post::Card { card: Box::new(first) }).await?;

        let started = Instant::now();
        let (sender, receiver) = mpsc::channel(MAX_PROGRESS);
        let drawer = tokio::spawn(draw(
            self.chat.clone(),
            room.clone(),
            message.clone(),
            incident.clone(),
            language,
            receiver,
        ));
        let scene = Scene::new(self.ports.clone(), incident.clone(), language).on_behalf_of(caller);
        let outcome = investigate(&self.investigator, &scene, &Steps(sender)).await;
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
        let lines = self.memory.lines(id).await?;
        let unfinished = lines.into_iter().rev().find_map(|line| match line.post {
            Post::Card { card } if !card.done => Some((line.id, card)),
            _ => None,
        });
        let Some((message, card)) = unfinished else { return Ok(()) };
        let card = card_of_finding(&incident, finding, &[], card.steps, card.elapsed_ms, card.language);
        let room = self.chat.open_room(&incident).await?;
        self.tell(&room, &message, card, &[]).await
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
        let incident = self.memory.incident(incident).await?;
        let finding = self.memory.latest_investigation(&incident.id).await?.map(|record| record.finding);
        let scene = Scene::new(self.ports.clone(), incident, Language::of(question)).on_behalf_of(person);
        answer(&self.investigator, &scene, finding.as_ref(), question, &()).await
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

/// Passes progress on to whoever draws it.
struct Steps(mpsc::Sender<StepChange>);

enum StepChange {
    Asked(Step),
    Answered(EvidenceId),
}

impl Watch for Steps {
    fn on(&self, progress: Progress<'_>) {
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
        let _ = self.0.try_send(change);
    }
}

/// Redraws the card as steps come in, and returns all steps once they are over.
async fn draw(
    chat: Arc<WebChat>,
    room: RoomId,
    message: MessageId,
    incident: Incident,
    language: Language,
    mut changes: mpsc::Receiver<StepChange>,
) -> Vec<Step> {
    let started = Instant::now();
    let mut steps: Vec<Step> = Vec::new();
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

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
pub(crate) mod tests {
    use async_trait::async_trait;
    use waggle_agent_core::{
        investigation::Budget,
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
    async fn what_was_left_under_investigation_is_closed_at_the_next_start() {
        let (desk, memory) = desk();
        let (mut left, open) =
            (desk.open(opening(1_000)).await.unwrap(), desk.open(opening(1_000)).await.unwrap());
        desk.set_state(&mut left, State::Investigating).await.unwrap();
        let room = desk.chat.open_room(&left).await.unwrap();
        let card = Box::new(card_of_progress(&left, Vec::new(), 0, Language::En));
        desk.chat.post(&room, &Post::Card { card }).await.unwrap();
        desk.close_abandoned().await.unwrap();
        is_given_up(&memory, &left.id, "the program ended before the investigation did").await;
        assert_eq!(memory.incident(&open.id).await.unwrap().state, State::Open, "nobody was at work on it");
    }
}
