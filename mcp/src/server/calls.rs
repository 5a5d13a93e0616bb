//! One call of a session: read, noted, made, told of, and its secrets marked.

use std::{future::Future, sync::Arc, time::Duration};

use rmcp::{
    ErrorData, RoleServer,
    model::{CallToolRequestParams, CallToolResult, ProgressNotificationParam},
    service::RequestContext,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::{sync::mpsc, time::timeout};
use waggle_agent_core::{Kind, ToolError, Toolbox, ports::ToolSpec, redact::Redactor};

use super::{
    look_at,
    offer::{ASK, INVESTIGATE, ask_spec, investigate_spec, looking_at, offered},
    reply::{Reply, failure, result},
    session::Session,
    steps::steps,
    words,
};
use crate::{
    arguments,
    clean::one_line,
    host::{Ask, Investigate, LookAt},
};

/// Characters of one step.
const MAX_STEP_CHARS: usize = 300;
/// Time for a client to take one step.
const TELL_TIME: Duration = Duration::from_secs(1);

impl Session {
    /// Answers a call.
    ///
    /// # Errors
    ///
    /// For an unknown tool and for a fault of this program.
    pub(super) async fn answered(
        &self,
        caller: &str,
        request: CallToolRequestParams,
        context: &RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ErrorData> {
        let name = request.name.into_owned();
        let arguments = request.arguments.map_or(Value::Null, Value::Object);
        let arguments = arguments::object_of(self.redactor.restore_json(&arguments));
        let replied = match name.as_str() {
            INVESTIGATE => self.investigate(caller, arguments, context).await,
            ASK => self.ask(caller, arguments, context).await,
            _ => {
                let toolbox = match self.host.toolbox(caller).await {
                    Ok(toolbox) => toolbox,
                    Err(error) => return failure(&name, error.into(), &self.limits),
                };
                let Some(spec) = toolbox.specs().into_iter().find(|spec| spec.name == name) else {
                    return Err(self.unknown(&name, toolbox.specs()));
                };
                self.call(caller, toolbox, spec, arguments, context).await
            }
        };
        match replied {
            Ok(reply) => Ok(result(&name, self.redacted(reply), &self.limits)),
            Err(ToolError::Respond(text)) => {
                failure(&name, ToolError::Respond(self.redactor.redact(&text)), &self.limits)
            }
            Err(fatal) => failure(&name, fatal, &self.limits),
        }
    }

    async fn call(
        &self,
        caller: &str,
        toolbox: Toolbox,
        spec: ToolSpec,
        mut arguments: Value,
        context: &RequestContext<RoleServer>,
    ) -> Result<Reply, ToolError> {
        let name = spec.name.clone();
        // A tool that has an argument of its own by that name looks at now.
        let looks = look_at::is_in(&looking_at(spec).schema);
        let look_at = if looks { look_at::take_from(&mut arguments)? } else { LookAt::Now };
        self.audit(caller, &name, &arguments, &look_at, context).await?;
        let calling = async {
            let scene = self.host.scene(caller, &look_at).await?;
            toolbox.call(&name, arguments, &scene).await
        };
        let called = within(&name, self.limits.tool_time, calling).await?;
        let facts = called.facts.into_iter().map(|fact| fact.text).collect();
        Ok(Reply { text: called.text, facts, data: Some(called.data) })
    }

    async fn investigate(
        &self,
        caller: &str,
        arguments: Value,
        context: &RequestContext<RoleServer>,
    ) -> Result<Reply, ToolError> {
        let asked: Investigate = read(&investigate_spec(), &arguments)?;
        self.audit(caller, INVESTIGATE, &arguments, &LookAt::Now, context).await?;
        let (watch, lines) = steps();
        let work = async { Ok(self.host.investigate(caller, &asked, Arc::new(watch)).await?) };
        let finding = self.told(INVESTIGATE, work, lines, context).await?;
        let data = serde_json::to_value(&finding).ok();
        Ok(Reply { text: words::of_finding(&finding), facts: Vec::new(), data })
    }

    async fn ask(
        &self,
        caller: &str,
        mut arguments: Value,
        context: &RequestContext<RoleServer>,
    ) -> Result<Reply, ToolError> {
        let look_at = look_at::take_from(&mut arguments)?;
        let asked: Ask = read(&ask_spec(), &arguments)?;
        self.audit(caller, ASK, &arguments, &look_at, context).await?;
        let (watch, lines) = steps();
        let work = async { Ok(self.host.ask(caller, &asked, &look_at, Arc::new(watch)).await?) };
        let answer = self.told(ASK, work, lines, context).await?;
        let data = serde_json::to_value(&answer).ok();
        Ok(Reply { text: words::of_answer(&answer), facts: Vec::new(), data })
    }

    /// Waits for the work and tells the client of each step, when it gave a token for that.
    async fn told<T>(
        &self,
        name: &str,
        work: impl Future<Output = Result<T, ToolError>>,
        mut lines: mpsc::Receiver<String>,
        context: &RequestContext<RoleServer>,
    ) -> Result<T, ToolError> {
        let mut token = context.meta.get_progress_token();
        let mut n_told = 0.0;
        let mut done = None;
        let mut work = std::pin::pin!(within(name, self.limits.work_time, work));
        loop {
            let line = tokio::select! {
                biased;
                line = lines.recv() => line,
                result = &mut work, if done.is_none() => {
                    done = Some(result);
                    // What was seen so far is told before the answer, and nothing after it.
                    lines.close();
                    continue;
                }
            };
            let Some(line) = line else {
                return match done {
                    Some(result) => result,
                    None => work.await,
                };
            };
            if let Some(known) = token.clone() {
                n_told += 1.0;
                let line = one_line(&self.redactor.redact(&line), MAX_STEP_CHARS);
                let told = ProgressNotificationParam::new(known, n_told).with_message(line);
                // A client that does not read must not hold up the work.
                if !matches!(timeout(TELL_TIME, context.peer.notify_progress(told)).await, Ok(Ok(()))) {
                    token = None;
                }
            }
        }
    }

    /// Notes a call before it is made; one that cannot be noted is not made.
    async fn audit(
        &self,
        caller: &str,
        tool: &str,
        arguments: &Value,
        look_at: &LookAt,
        context: &RequestContext<RoleServer>,
    ) -> Result<(), ToolError> {
        let client = context.client_info().map(|client| one_line(&client.name, 100));
        let detail = json!({
            "via": "mcp",
            // In the client's own words.
            "client": client,
            "tool": tool,
            "arguments": arguments,
            "look_at": look_at::as_json(look_at),
        });
        // The session's marks mean nothing in the log.
        let detail = Redactor::default().redact_json(&detail);
        self.host.audit(caller, "execute_tool", detail).await.map_err(ToolError::from)
    }

    fn redacted(&self, reply: Reply) -> Reply {
        Reply {
            text: self.redactor.redact(&reply.text),
            facts: reply.facts.iter().map(|fact| self.redactor.redact(fact)).collect(),
            data: reply.data.map(|data| self.redactor.redact_json(&data)),
        }
    }

    fn unknown(&self, name: &str, specs: Vec<ToolSpec>) -> ErrorData {
        let names: Vec<_> = offered(specs).into_iter().map(|tool| tool.name.into_owned()).collect();
        let text = format!("unknown tool `{}`; the tools are: {}", one_line(name, 100), names.join(", "));
        ErrorData::invalid_params(text, None)
    }
}

/// Reads the arguments of a tool that is no tool of the toolbox.
fn read<T: DeserializeOwned>(spec: &ToolSpec, arguments: &Value) -> Result<T, ToolError> {
    let validator = arguments::compiled(&spec.schema)
        .map_err(|fault| ToolError::Fatal(Kind::Internal.because("compile a schema", fault)))?;
    arguments::check(&spec.name, &validator, arguments)?;
    serde_json::from_value(arguments.clone()).map_err(|error| {
        ToolError::Respond(format!("the arguments of `{}` cannot be read: {error}", spec.name))
    })
}

async fn within<T>(
    name: &str,
    time: Duration,
    work: impl Future<Output = Result<T, ToolError>>,
) -> Result<T, ToolError> {
    timeout(time, work).await.unwrap_or_else(|_| {
        let seconds = time.as_secs_f64();
        Err(ToolError::Respond(format!("`{name}` did not answer within {seconds} s; ask for less")))
    })
}
