//! A request as rig has it.

use rig_core::{
    completion::{CompletionRequest, ToolDefinition},
    message::{
        AssistantContent, AssistantMessage, CallId, Message as RigMessage, Text, ToolCall as RigCall,
        ToolFunction, ToolName, ToolResult, ToolResultContent, UserContent,
    },
    providers::ollama::extension::OllamaOptions,
};

use super::{RigConfig, provider::OLLAMA};
use crate::{
    Kind, Result,
    models::wire::{self, name_on_wire},
    ports::{Message, ModelRequest, ToolCall, ToolReply},
};

/// The smallest context that Ollama is asked for, which is its default, and the largest, which is what small machines hold.
/// <https://docs.ollama.com/faq>
const MIN_CONTEXT: u64 = 4_096;
const MAX_CONTEXT: u64 = 131_072;

/// Writes a request for a provider.
///
/// # Errors
///
/// `Invalid` when the conversation is empty or the schema of the reply is none.
pub(super) fn completion_request(request: &ModelRequest, config: &RigConfig) -> Result<CompletionRequest> {
    let mut messages = messages(&request.messages)?;
    if let Some(schema) = &request.output {
        // Not every provider is held to a schema, and rig leaves it out where one is not.
        let words = wire::schema_in_words(schema);
        match messages.last_mut() {
            Some(RigMessage::User { content }) => content.push(UserContent::Text(Text::new(words))),
            _ => messages.push(RigMessage::user(words)),
        }
    }
    if messages.is_empty() {
        return Err(Kind::Invalid.error("a conversation without messages"));
    }
    let tools = request.tools.iter().map(|tool| {
        Ok(ToolDefinition::new(tool_name(&tool.name)?, tool.description.clone(), tool.schema.clone()))
    });
    let mut asked = CompletionRequest::from(messages)
        .tools(tools.collect::<Result<_>>()?)
        .max_tokens(u64::from(request.max_tokens));
    if let Some(schema) = &request.output {
        let schema = schema.clone().try_into().map_err(|error: serde_json::Error| {
            Kind::Invalid.because("read the schema of the reply", error)
        })?;
        asked = asked.output_schema(Some(schema));
    }
    if config.provider.trim().eq_ignore_ascii_case(OLLAMA) {
        let needed = wire::tokens_of_request(request).saturating_add(u64::from(request.max_tokens));
        asked = asked.provider_option(OllamaOptions::default().num_ctx(context_of(needed)));
    }
    Ok(asked)
}

/// Ollama cuts the start of a conversation that does not fit, and loads a model anew for every other size: the size grows in
/// powers of two.
fn context_of(needed: u64) -> u32 {
    let context = needed.clamp(MIN_CONTEXT, MAX_CONTEXT).next_power_of_two();
    u32::try_from(context).unwrap_or(u32::MAX)
}

/// Writes the messages. What tools returned for one message goes into one message, as Anthropic wants it; a message that
/// says nothing is left out, as nobody takes it.
fn messages(messages: &[Message]) -> Result<Vec<RigMessage>> {
    let mut written: Vec<RigMessage> = Vec::with_capacity(messages.len());
    let mut results: Vec<ToolResult> = Vec::new();
    for message in messages {
        if let Message::Tool(reply) = message {
            results.push(result(reply)?);
            continue;
        }
        if !results.is_empty() {
            written.push(RigMessage::tool_results(std::mem::take(&mut results)));
        }
        match message {
            Message::System { text } => written.push(RigMessage::system(text.clone())),
            Message::User { text } => written.push(RigMessage::user(text.clone())),
            Message::Assistant { text, calls } if text.is_empty() && calls.is_empty() => {}
            Message::Assistant { text, calls } => {
                let text = (!text.is_empty()).then(|| Ok(AssistantContent::Text(Text::new(text.clone()))));
                let calls = calls.iter().map(|call| self::call(call).map(AssistantContent::ToolCall));
                let content = text.into_iter().chain(calls).collect::<Result<_>>()?;
                written.push(RigMessage::Assistant(AssistantMessage::new(content)));
            }
            Message::Tool(_) => {}
        }
    }
    if !results.is_empty() {
        written.push(RigMessage::tool_results(results));
    }
    Ok(written)
}

fn call(call: &ToolCall) -> Result<RigCall> {
    let function = ToolFunction::new(tool_name(&call.name)?, call.arguments.clone());
    Ok(RigCall::new(CallId::from_wire(call.id.clone()), function))
}

fn result(reply: &ToolReply) -> Result<ToolResult> {
    Ok(ToolResult {
        call: CallId::from_wire(reply.call_id.clone()),
        name: tool_name(&reply.name)?,
        content: vec![ToolResultContent::Text(Text::new(reply.text.clone()))],
        is_error: false,
    })
}

fn tool_name(name: &str) -> Result<ToolName> {
    ToolName::new(name_on_wire(name)).map_err(|error| Kind::Internal.because("name a tool", error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_grows_in_powers_of_two() {
        for (needed, want) in
            [(0, 4_096), (4_096, 4_096), (4_097, 8_192), (15_000, 16_384), (u64::MAX, 131_072)]
        {
            assert_eq!(context_of(needed), want, "{needed}");
        }
    }
}
