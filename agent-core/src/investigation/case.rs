//! The state of one run: the transcript, the evidence so far, and what was spent.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::Semaphore,
    time::{Instant, timeout},
};

use super::{
    Investigator,
    budget::Overrun,
    offer::{Offer, offer},
    progress::{Progress, Watch},
    transcript,
    window::shown,
};
use crate::{
    Evidence, EvidenceId, Kind, Result, Scene,
    ports::{
        Checkpoint, Delta, Message, Model, ModelReply, ModelRequest, Purpose, ToolCall, ToolReply, ToolSpec,
        Usage,
    },
};

/// Steps that the fallback always gets, unless time is up: to prove the first suspect, to submit, and to mend.
const FALLBACK_STEPS: u32 = 3;

/// Tools that a model can ask to be described; then the newest take the place of the oldest.
const MAX_UNLOCKED: usize = 6;

/// One run in progress.
pub struct Case<'a> {
    pub(super) investigator: &'a Investigator,
    pub(super) scene: &'a Scene,
    pub(super) watch: &'a dyn Watch,
    purpose: Purpose,
    model: Arc<dyn Model>,
    transcript: Vec<Message>,
    /// Ids of all calls so far: the wire wants each once, and not every endpoint gives ids of its own.
    call_ids: HashSet<String>,
    pub(super) evidence: BTreeMap<EvidenceId, Evidence>,
    /// What was gathered or reused in this run.
    pub(super) own: BTreeSet<EvidenceId>,
    /// The next number. Given out once, also when the call fails, since it was announced.
    pub(super) next: EvidenceId,
    /// Tools that are described to the model because it asked for them, the last ones asked for.
    unlocked: Vec<String>,
    /// What this run may do at once.
    pub(super) at_once: Semaphore,
    usage: Usage,
    /// What the second reader said, if one was asked.
    review: Option<String>,
    n_steps: u32,
    /// Up to here the fallback may go, whatever the other model spent.
    n_granted: u32,
    began: Instant,
    deadline: Instant,
}

impl<'a> Case<'a> {
    /// Opens a run; evidence that the incident has already stays citable, and new evidence is numbered behind it.
    pub(crate) async fn open(
        investigator: &'a Investigator,
        scene: &'a Scene,
        watch: &'a dyn Watch,
        purpose: Purpose,
    ) -> Result<Self> {
        let known = investigator.memory.all_evidence(&scene.incident.id).await?;
        let last = known.iter().map(|evidence| evidence.id.0).max().unwrap_or(0);
        let began = Instant::now();
        let far = Duration::from_secs(365 * 86_400);
        Ok(Self {
            investigator,
            scene,
            watch,
            purpose,
            model: investigator.model.clone(),
            transcript: Vec::new(),
            call_ids: HashSet::new(),
            evidence: known.into_iter().map(|evidence| (evidence.id, evidence)).collect(),
            own: BTreeSet::new(),
            next: EvidenceId(last.saturating_add(1)),
            unlocked: Vec::new(),
            at_once: investigator.limits.of_one_run(),
            usage: Usage::default(),
            review: None,
            n_steps: 0,
            n_granted: 0,
            began,
            deadline: began + investigator.budget.time.min(far),
        })
    }

    /// Takes up a run where its checkpoint left it; what was spent stays spent.
    pub(crate) fn take_up(&mut self, checkpoint: &Checkpoint) {
        for message in transcript::filled(&checkpoint.transcript, &self.evidence) {
            self.say(message);
        }
        self.own.extend(transcript::cited(&checkpoint.transcript));
        // What was kept after the checkpoint was gathered by this run as well.
        let (scope, began_at) = (self.scene.scope(), checkpoint.started_at);
        let later = self.evidence.values().filter(|one| one.at >= began_at && one.scope == scope);
        self.own.extend(later.map(|one| one.id));
        self.usage = checkpoint.usage;
        self.n_steps = checkpoint.n_steps;
        let elapsed = Duration::from_millis(checkpoint.elapsed_ms);
        self.began = self.began.checked_sub(elapsed).unwrap_or(self.began);
        self.deadline = self.deadline.checked_sub(elapsed).unwrap_or(self.deadline);
        if checkpoint.fell_back {
            self.fall_back("it had given up before the program ended");
        }
    }

    /// Keeps where the run stands, when every call in it is answered.
    pub(crate) async fn keep_checkpoint(&self, started_at: waggle_signals::Timestamp) -> Result<()> {
        let checkpoint = Checkpoint {
            incident: self.scene.incident.id.clone(),
            caller: self.scene.caller.clone(),
            language: self.scene.language,
            started_at,
            elapsed_ms: u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX),
            transcript: transcript::lean(&self.transcript),
            usage: self.usage,
            n_steps: self.n_steps,
            fell_back: self.is_fallback(),
        };
        self.investigator.memory.save_checkpoint(&checkpoint).await
    }

    /// Returns where it runs.
    pub(crate) fn scene(&self) -> &'a Scene {
        self.scene
    }

    /// Returns who reasons at this moment.
    pub(crate) fn model(&self) -> &Arc<dyn Model> {
        &self.model
    }

    /// Returns every message so far.
    pub(crate) fn transcript(&self) -> &[Message] {
        &self.transcript
    }

    /// Returns all evidence, also what earlier runs left.
    pub(crate) fn evidence(&self) -> &BTreeMap<EvidenceId, Evidence> {
        &self.evidence
    }

    /// Returns the newest evidence's id; `E0` when there is none.
    pub(super) fn last_evidence(&self) -> EvidenceId {
        self.evidence.keys().next_back().copied().unwrap_or(EvidenceId(0))
    }

    /// Returns how much evidence this run has.
    pub(super) fn n_evidence(&self) -> usize {
        self.own.len()
    }

    /// Returns the evidence of this run, oldest first.
    pub(super) fn own_evidence(&self) -> impl DoubleEndedIterator<Item = &Evidence> {
        self.evidence.values().filter(|evidence| self.own.contains(&evidence.id))
    }

    /// Returns the evidence of this run.
    pub(crate) fn into_evidence(self) -> Vec<Evidence> {
        self.evidence.into_values().filter(|evidence| self.own.contains(&evidence.id)).collect()
    }

    /// Returns what the models cost so far.
    pub(crate) fn usage(&self) -> Usage {
        self.usage
    }

    /// Returns how many replies were asked for.
    pub(crate) fn n_steps(&self) -> u32 {
        self.n_steps
    }

    /// Keeps what the second reader said, for the record.
    pub(super) fn note_review(&mut self, text: &str) {
        self.review = Some(text.to_owned());
    }

    /// Returns what the second reader said.
    pub(super) fn review(&self) -> Option<String> {
        self.review.clone()
    }

    /// Adds what a model outside of the conversation cost.
    pub(super) fn spend(&mut self, usage: Usage) {
        self.usage += usage;
    }

    /// Returns what the model may call in the next step.
    pub(super) fn offer(&self) -> Offer {
        offer(self, &self.unlocked)
    }

    /// Describes these tools to the model from the next step on, and returns those that are: of too many, the last ones.
    pub(super) fn describe_from_now_on<'n>(&mut self, names: impl Iterator<Item = &'n str>) -> &[String] {
        for name in names {
            self.unlocked.retain(|known| known != name);
            self.unlocked.push(name.to_owned());
        }
        let n_over = self.unlocked.len().saturating_sub(MAX_UNLOCKED);
        self.unlocked.drain(..n_over);
        &self.unlocked
    }

    /// Tells whether there is such a tool.
    pub(crate) fn has_tool(&self, name: &str) -> bool {
        self.investigator.toolbox.has(name)
    }

    /// Adds a message.
    pub(crate) fn say(&mut self, message: Message) {
        if let Message::Assistant { calls, .. } = &message {
            self.call_ids.extend(calls.iter().map(|call| call.id.clone()));
        }
        self.transcript.push(message);
    }

    /// Adds what a model said, and returns its calls, each with an id of its own. A reply that says nothing is left out.
    pub(crate) fn say_reply(&mut self, reply: ModelReply) -> Vec<ToolCall> {
        let mut calls = reply.calls;
        let mut in_reply = HashSet::new();
        for call in &mut calls {
            let is_new = |id: &str| !id.is_empty() && !self.call_ids.contains(id) && !in_reply.contains(id);
            if !is_new(&call.id) {
                let ids = (1..).map(|n: usize| format!("{}#{n}", call.id));
                call.id = ids.into_iter().find(|id| is_new(id)).unwrap_or_default();
            }
            in_reply.insert(call.id.clone());
        }
        if !(reply.text.is_empty() && calls.is_empty()) {
            self.say(Message::Assistant { text: reply.text, calls: calls.clone() });
        }
        calls
    }

    /// Answers a call with text alone.
    pub(crate) fn reply(&mut self, call: &ToolCall, text: &str) {
        self.say(Message::Tool(ToolReply {
            call_id: call.id.clone(),
            name: call.name.clone(),
            text: text.to_owned(),
            data: None,
        }));
    }

    /// Answers the calls that a run which was stopped left open, so that the transcript is whole.
    pub(super) fn close_open_calls(&mut self) {
        let answered: HashSet<String> = self
            .transcript
            .iter()
            .filter_map(|message| match message {
                Message::Tool(reply) => Some(reply.call_id.clone()),
                _ => None,
            })
            .collect();
        let last = self.transcript.iter().rev().find_map(|message| match message {
            Message::Assistant { calls, .. } => Some(calls.clone()),
            _ => None,
        });
        for call in last.into_iter().flatten().filter(|call| !answered.contains(&call.id)) {
            self.reply(&call, "not answered: the investigation was stopped");
        }
    }

    /// Tells whether there is budget for another step.
    pub(crate) fn may_go_on(&self) -> bool {
        let can_pay = self.overrun().is_none();
        (can_pay || self.n_steps < self.n_granted) && Instant::now() < self.deadline
    }

    /// Returns the time that is left.
    pub(super) fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Tells whether time is up.
    pub(super) fn is_out_of_time(&self) -> bool {
        self.time_left().is_zero()
    }

    /// Returns the bound that was reached, time aside.
    pub(super) fn overrun(&self) -> Option<Overrun> {
        self.investigator.budget.overrun(self.n_steps, self.usage)
    }

    /// Hands over to the fallback; without effect when it is at work already.
    pub(crate) fn fall_back(&mut self, reason: &str) {
        if !self.is_fallback() {
            tracing::error!(model = self.model.name(), reason, "model gave up; the offline model goes on");
            self.watch.on(Progress::FellBack { reason });
            self.model = self.investigator.fallback.clone();
            self.n_granted = self.n_steps + FALLBACK_STEPS;
        }
    }

    /// Tells whether the fallback is at work.
    pub(super) fn is_fallback(&self) -> bool {
        Arc::ptr_eq(&self.model, &self.investigator.fallback)
    }

    /// Asks for the next reply, falling back when the model fails; `None` when the fallback failed too.
    pub(crate) async fn ask_model(
        &mut self,
        tools: Vec<ToolSpec>,
        undescribed: Vec<ToolSpec>,
    ) -> Result<Option<ModelReply>> {
        self.n_steps += 1;
        let budget = self.investigator.budget;
        let request = ModelRequest {
            messages: shown(&self.transcript, budget.context_tokens),
            tools,
            undescribed,
            language: self.scene.language,
            purpose: self.purpose,
            max_tokens: budget.reply_tokens,
            output: None,
        };
        loop {
            let watch = self.watch;
            let on_delta = move |delta: Delta<'_>| {
                let Delta::Text(text) = delta;
                watch.on(Progress::Text(text));
            };
            let model = self.model.clone();
            let span = tracing::info_span!("chat", gen_ai.request.model = model.name());
            let asked = tracing::Instrument::instrument(model.complete(&request, &on_delta), span);
            let left = self.time_left();
            // Waiting for a turn costs the time of the run, not that of the reply.
            let turn = timeout(left, self.investigator.limits.model_turn()).await;
            let left = self.time_left();
            let error = match timeout(budget.model_timeout.min(left), asked).await {
                Ok(Ok(reply)) => {
                    self.usage += reply.usage;
                    return Ok(Some(reply));
                }
                Ok(Err(error)) => {
                    self.usage += error.usage();
                    error
                }
                Err(_) => Kind::Timeout.error("the model did not answer in time"),
            };
            drop(turn);
            if self.is_fallback() {
                tracing::error!(error = error.chain(), "offline model failed");
                return Ok(None);
            }
            self.fall_back(&error.chain());
        }
    }

    /// Returns the names that count as services: those of the service maps seen in this run.
    pub(crate) fn service_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .evidence
            .values()
            .filter_map(|evidence| evidence.data.get("services")?.as_array())
            .flatten()
            .filter_map(|service| service.get("service")?.as_str())
            .map(str::to_owned)
            .collect();
        names.sort();
        names.dedup();
        names
    }
}
