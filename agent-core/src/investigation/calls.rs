//! How calls are answered: each once, side by side, into the audit log before and into the evidence after.

use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{Case, own_calls, progress::Progress};
use crate::{
    Evidence, EvidenceId, Kind, Result, ToolError,
    fence::fenced,
    ports::{Message, NewAuditEntry, ReplyData, ToolCall, ToolReply},
    redact::Redactor,
    toolbox::Called,
};

/// Calls that are made for one message; more are answered with a refusal.
const MAX_CALLS: usize = 16;
/// How often evidence gets another number because another run on the same incident was quicker.
const MAX_RENUMBERINGS: u32 = 8;
/// What was measured reaches the store within this time, so that an earlier answer about the same window still holds.
const SETTLED_AFTER: Duration = Duration::from_secs(60);

/// Tools of our own whose answers change after the window has been measured.
const OF_THE_MOMENT: [&str; 6] =
    ["sql", "past_incidents", "search_knowledge", "read_document", "owners", "forecast"];

/// Where the answer of a call comes from.
enum Planned {
    /// It is made now.
    New(EvidenceId),
    /// It was made before.
    Known(EvidenceId),
    /// An equal call stands in the same message.
    Twice,
    /// The loop answers it.
    Own,
}

impl Case<'_> {
    /// Makes calls side by side, keeps their results as evidence, and answers each in the order asked.
    pub(crate) async fn answer(&mut self, calls: &[ToolCall]) -> Result<()> {
        let (calls, excess) = calls.split_at(calls.len().min(MAX_CALLS));
        let mut planned: Vec<(&ToolCall, Planned)> = Vec::with_capacity(calls.len());
        for call in calls {
            let is_made = planned.iter().any(|(made, _)| is_same(&made.name, &made.arguments, call));
            let plan = match self.same_call(call) {
                _ if own_calls::is_own(call) => Planned::Own,
                Some(id) => Planned::Known(id),
                None if is_made => Planned::Twice,
                None => Planned::New(self.new_id()),
            };
            planned.push((call, plan));
        }
        self.audit(planned.iter().filter(|(_, plan)| !matches!(plan, Planned::Own)).map(|(call, _)| *call))
            .await?;
        let running = planned.iter().map(|(call, plan)| async {
            match plan {
                Planned::New(id) => Some(self.run(call, *id).await),
                _ => None,
            }
        });
        let results = join_all(running).await;
        for ((call, plan), result) in planned.into_iter().zip(results) {
            match (plan, result) {
                (Planned::New(id), Some(Ok(called))) => self.keep(call, id, called).await?,
                // A refusal may name what came from outside: a service, a repository, an address.
                (_, Some(Err(ToolError::Respond(text)))) => self.reply(call, &fenced("refusal", &text)),
                (_, Some(Err(ToolError::Fatal(error)))) => return Err(error),
                (Planned::Own, _) => {
                    let text = own_calls::answer(self, call);
                    self.reply(call, &text);
                }
                (Planned::Known(id), _) => self.show_known(call, id),
                (Planned::Twice | Planned::New(_), _) => self.show_twice(call),
            }
        }
        for call in excess {
            self.reply(call, &format!("not called: at most {MAX_CALLS} calls are made for one message"));
        }
        Ok(())
    }

    /// Puts the calls into the audit log before they are made, arguments redacted.
    async fn audit(&self, calls: impl Iterator<Item = &ToolCall> + Send) -> Result<()> {
        let redactor = Redactor::default();
        for call in calls {
            let detail = json!({
                "incident": self.scene.incident.id,
                "tool": call.name,
                "arguments": redactor.redact_json(&call.arguments),
                "model": self.model().name(),
            });
            let entry = NewAuditEntry {
                at: self.scene.ports.clock.now(),
                caller: self.scene.caller.clone(),
                action: "execute_tool".to_owned(),
                detail,
            };
            self.investigator.memory.audit(&entry).await?;
        }
        Ok(())
    }

    fn new_id(&mut self) -> EvidenceId {
        let id = self.next;
        self.next = EvidenceId(id.0.saturating_add(1));
        id
    }

    async fn run(&self, call: &ToolCall, id: EvidenceId) -> Result<Called, ToolError> {
        let toolbox = &self.investigator.toolbox;
        let line = toolbox.summary(&call.name, &call.arguments);
        self.watch.on(Progress::Asked { evidence: id, tool: &call.name, line: &line });
        let most = self.investigator.budget.tool_timeout;
        let in_turn = async {
            // Neither is ever closed, so both give a turn.
            let _turn = (self.at_once.acquire().await.ok(), self.investigator.limits.tool_turn().await);
            timeout(most, toolbox.call(&call.name, call.arguments.clone(), self.scene)).await
        };
        let span = tracing::info_span!("execute_tool", gen_ai.tool.name = call.name, evidence = %id);
        // Waiting for a turn costs the time of the run, not that of the call.
        let called = tracing::Instrument::instrument(timeout(self.time_left(), in_turn), span).await;
        self.watch.on(Progress::Answered { evidence: id });
        match called {
            Ok(Ok(called)) => called,
            Ok(Err(_)) => Err(ToolError::Respond(format!(
                "`{}` did not answer within {} s; ask for less",
                call.name,
                most.as_secs()
            ))),
            Err(_) => Err(ToolError::Respond(format!("`{}` did not answer before time was up", call.name))),
        }
    }

    /// Keeps a result and shows it to the model.
    async fn keep(&mut self, call: &ToolCall, id: EvidenceId, called: Called) -> Result<()> {
        let mut evidence = Evidence {
            id,
            tool: call.name.clone(),
            arguments: call.arguments.clone(),
            at: self.scene.ports.clock.now(),
            scope: self.scene.scope(),
            text: called.text,
            data: called.data,
            facts: called.facts,
        };
        let (memory, incident) = (&self.investigator.memory, &self.scene.incident.id);
        let mut saved = memory.save_evidence(incident, &evidence).await;
        for _ in 0..MAX_RENUMBERINGS {
            let is_taken = saved.as_ref().is_err_and(|error| error.kind() == Kind::Invalid);
            if !is_taken {
                break;
            }
            let known = memory.all_evidence(incident).await?;
            let last = known.iter().map(|evidence| evidence.id.0).max().unwrap_or(0);
            evidence.id = EvidenceId(self.next.0.max(last.saturating_add(1)));
            self.next = EvidenceId(evidence.id.0.saturating_add(1));
            saved = memory.save_evidence(incident, &evidence).await;
        }
        saved?;
        let id = evidence.id;
        self.own.insert(id);
        self.evidence.insert(id, evidence);
        self.show(call, id);
        Ok(())
    }

    /// Shows evidence that this run or an earlier one on the incident gathered by an equal call.
    fn show_known(&mut self, call: &ToolCall, id: EvidenceId) {
        let is_new = self.own.insert(id);
        if is_new {
            let line = self.investigator.toolbox.summary(&call.name, &call.arguments);
            self.watch.on(Progress::Asked { evidence: id, tool: &call.name, line: &line });
            self.watch.on(Progress::Answered { evidence: id });
        }
        self.show(call, id);
    }

    fn show_twice(&mut self, call: &ToolCall) {
        match self.same_call(call) {
            Some(id) => self.show(call, id),
            None => self.reply(call, "this call was made twice in one message; its answer is above"),
        }
    }

    fn show(&mut self, call: &ToolCall, id: EvidenceId) {
        let Some(evidence) = self.evidence.get(&id) else { return };
        let data = ReplyData { evidence: id, data: evidence.data.clone(), facts: evidence.facts.clone() };
        let mut text = fenced(&id.to_string(), &evidence.text);
        if !evidence.facts.is_empty() {
            let facts: Vec<_> = evidence.facts.iter().map(|fact| format!("- {}", fact.text)).collect();
            text.push_str(&format!("\nfacts:\n{}", fenced(&id.to_string(), &facts.join("\n"))));
        }
        let (call_id, name) = (call.id.clone(), call.name.clone());
        self.say(Message::Tool(ToolReply { call_id, name, text, data: Some(data) }));
    }

    /// Finds the evidence of an equal call: one of this run, or one of an earlier run that was made when everything in the
    /// incident's window had been measured.
    fn same_call(&self, call: &ToolCall) -> Option<EvidenceId> {
        let settled = self.scene.incident.window.to() + SETTLED_AFTER;
        let scope = self.scene.scope();
        let holds = |evidence: &&Evidence| {
            let is_lasting = is_of_the_window(&evidence.tool) && evidence.at >= settled;
            self.own.contains(&evidence.id) || (is_lasting && evidence.scope == scope)
        };
        let same = self.evidence.values().filter(|known| is_same(&known.tool, &known.arguments, call));
        same.filter(holds).map(|evidence| evidence.id).next_back()
    }
}

/// Tells whether a tool's answer depends on the incident's window alone. Other servers' tools, what people write down, and
/// statements that may ask for the time answer differently later.
fn is_of_the_window(tool: &str) -> bool {
    !tool.contains("__") && !OF_THE_MOMENT.contains(&tool)
}

fn is_same(tool: &str, arguments: &Value, call: &ToolCall) -> bool {
    let both_nothing = || is_nothing(arguments) && is_nothing(&call.arguments);
    tool == call.name && (*arguments == call.arguments || both_nothing())
}

fn is_nothing(arguments: &Value) -> bool {
    arguments.is_null()
        || *arguments == json!({})
        || arguments.as_str().is_some_and(|text| text.trim().is_empty())
}
