//! From an incident to a posted finding, and from a question to an answer.

mod draw;
mod person;

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use waggle_agent_core::{
    Finding, Incident, IncidentId, Kind, Language, Ports, Result, Scene,
    card::{Card, card_of_finding, card_of_progress},
    conversation::{Answered, answer_in_context},
    finding::Owner,
    incident::{Source, State},
    investigation::{Investigation, Investigator, Watch, investigate, resume},
    past_case::keep_case,
    ports::{
        Button, Chat, Checkpoint, IncidentPage, InvestigationRecord, Memory, MessageId, NewAuditEntry, Post,
        ResourceQuery, RoomId, Usage,
    },
};
use waggle_chat_adapters::web::WebChat;
use waggle_signals::{TimeRange, Timestamp};

use draw::{Steps, draw};
use person::{AskPerson, Waiting};

/// Progress that may wait to be drawn, many times what one investigation makes; what comes while it is full is left out of the card's steps.
const MAX_PROGRESS: usize = 256;
/// An investigation that the end of the program cut off is taken up again when its incident is no older than this.
const WORTH_TAKING_UP: Duration = Duration::from_secs(30 * 60);
/// A service that was silent for so long is not known any more.
const HEARD_WITHIN: Duration = Duration::from_secs(3_600);

/// Where incidents are worked on.
#[derive(Clone)]
pub struct Desk {
    ports: Ports,
    investigator: Investigator,
    memory: Arc<dyn Memory>,
    chat: Arc<WebChat>,
    /// How to stop what is under investigation. Held for a line at a time.
    under_way: Arc<Mutex<HashMap<IncidentId, CancellationToken>>>,
    /// Which rooms were asked something.
    waiting: Waiting,
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
        Self { ports, investigator, memory, chat, under_way: Arc::default(), waiting: Waiting::default() }
    }

    /// Lets investigations ask the people in their rooms, for a program in whose rooms there are any.
    #[must_use]
    pub fn with_people(mut self) -> Self {
        let tool = AskPerson { chat: self.chat.clone(), waiting: self.waiting.clone() };
        self.investigator.toolbox = self.investigator.toolbox.with_any(Arc::new(tool));
        self
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
        let mut incident = self.measured(Incident { opened_at, ..first }).await;
        let mut n = 1_u64;
        while !self.memory.add_incident(&incident).await? {
            n += 1;
            incident.id = IncidentId(format!("inc-{stamp}-{n}"));
        }
        self.chat.announce(&incident.id).await?;
        Ok(incident)
    }

    /// Cuts off the time before anything was measured. When that cannot be asked, the investigation will say so.
    pub async fn measured(&self, incident: Incident) -> Incident {
        let both = TimeRange::new(incident.baseline.from(), incident.window.to()).unwrap_or(incident.window);
        let query = ResourceQuery { range: both, service: None };
        let heard = self.ports.telemetry.heard(&query).await.unwrap_or_default();
        match heard.iter().map(|heard| heard.first).min() {
            Some(first) => incident.measured_since(first),
            None => incident,
        }
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
            let is_young = now.since(incident.opened_at) <= WORTH_TAKING_UP;
            let checkpoint = self.memory.checkpoint(&incident.id).await;
            if let Ok(None) = checkpoint
                && let Some(record) = self.memory.latest_investigation(&incident.id).await?
            {
                // It came to its end, and only that was not told any more.
                self.tell_late(incident, &record.finding).await;
                continue;
            }
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

    /// Hears what is no question: who says nothing but "stop" stops the investigation, and what was asked in the room is
    /// answered by the next who speaks. True when it was such a word.
    pub async fn hears(&self, incident: &IncidentId, said: &str, person: &str) -> bool {
        (is_stop(said) && self.stop(incident, person).await) || self.waiting.hear(incident, said, person)
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
        self.memory.save_investigation(&investigation.record()).await?;
        // A case that is not kept now is made when somebody asks for the past.
        if let Err(error) = self.keep_case(&investigation.finding.incident).await {
            tracing::error!(error = error.chain(), incident = %investigation.finding.incident, "no case was kept");
        }
        Ok(())
    }

    async fn keep_case(&self, id: &IncidentId) -> Result<()> {
        keep_case(self.memory.as_ref(), &self.memory.incident(id).await?).await.map(drop)
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

/// Tells whether somebody wants the work to end.
fn is_stop(said: &str) -> bool {
    let said = said.trim().trim_end_matches(['.', '!', '。', '！']).to_lowercase();
    ["stop", "cancel", "abort", "停", "停止", "取消", "别查了"].contains(&said.as_str())
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
pub(crate) mod tests;
