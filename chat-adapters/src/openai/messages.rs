//! The messages of a request as a question and the conversation that it stands in.

use async_openai::types::chat::{
    ChatCompletionRequestAssistantMessageContent as AssistantContent,
    ChatCompletionRequestAssistantMessageContentPart as AssistantPart,
    ChatCompletionRequestDeveloperMessageContent as DeveloperContent,
    ChatCompletionRequestDeveloperMessageContentPart as DeveloperPart,
    ChatCompletionRequestMessage as Message, ChatCompletionRequestSystemMessageContent as SystemContent,
    ChatCompletionRequestSystemMessageContentPart as SystemPart,
    ChatCompletionRequestToolMessageContent as ToolContent,
    ChatCompletionRequestToolMessageContentPart as ToolPart,
    ChatCompletionRequestUserMessageContent as UserContent,
    ChatCompletionRequestUserMessageContentPart as UserPart,
};

use super::{Limits, Speaker, Turn, fault::Fault};

/// The question of a conversation and everything else in it.
pub(super) struct Conversation {
    /// The last message of the user; not blank.
    pub(super) question: String,
    /// All other messages that are not blank, in order.
    pub(super) context: Vec<Turn>,
}

/// Reads messages. The last one of the user is the question, wherever it stands: what a client puts behind it, such as the
/// beginning of an answer, is context too.
pub(super) fn conversation(messages: Vec<Message>, limits: &Limits) -> Result<Conversation, Fault> {
    if messages.len() > limits.messages {
        let (n, max) = (messages.len(), limits.messages);
        let message = format!("{n} messages are over the limit of {max}; hint: begin a new conversation");
        return Err(Fault::invalid("messages", message).code("array_above_max_length"));
    }
    let mut turns = Vec::with_capacity(messages.len());
    for (n, message) in messages.into_iter().enumerate() {
        turns.push(turn(message).map_err(|refused| refused.at(n))?);
    }
    let Some(n) = turns.iter().rposition(|turn| turn.speaker == Speaker::Person) else {
        return Err(Fault::invalid(
            "messages",
            "there is no question; hint: send a message with the role `user`",
        ));
    };
    let question = turns.remove(n).text;
    let (len, max) = (question.len(), limits.question_bytes);
    if question.is_empty() {
        return Err(Fault::invalid(format!("messages[{n}].content"), "the question is empty"));
    }
    if len > max {
        let message =
            format!("the question of {len} bytes is over the limit of {max}; hint: ask in fewer words");
        return Err(Fault::invalid(format!("messages[{n}].content"), message).code("string_above_max_length"));
    }
    turns.retain(|turn| !turn.text.is_empty());
    Ok(Conversation { question, context: turns })
}

/// A part that cannot be read: its number, and what it is.
struct Refused(usize, &'static str);

impl Refused {
    fn at(self, message: usize) -> Fault {
        let Self(part, what) = self;
        let at = format!("messages[{message}].content[{part}]");
        let message = format!("`{at}` is {what}; only text is read");
        Fault::unsupported(&at, message)
    }
}

fn turn(message: Message) -> Result<Turn, Refused> {
    let (speaker, text) = match message {
        Message::Developer(message) => (Speaker::Client, developer_text(message.content)),
        Message::System(message) => (Speaker::Client, system_text(message.content)),
        Message::User(message) => (Speaker::Person, user_text(message.content)?),
        Message::Assistant(message) => {
            let text = message.content.map(assistant_text).or(message.refusal).unwrap_or_default();
            (Speaker::Model, text)
        }
        Message::Tool(message) => (Speaker::Tool, tool_text(message.content)),
        Message::Function(message) => (Speaker::Tool, message.content.unwrap_or_default()),
    };
    Ok(Turn { speaker, text: text.trim().to_owned() })
}

fn user_text(content: UserContent) -> Result<String, Refused> {
    let parts = match content {
        UserContent::Text(text) => return Ok(text),
        UserContent::Array(parts) => parts,
    };
    let read = |(n, part)| match part {
        UserPart::Text(part) => Ok(part.text),
        UserPart::ImageUrl(_) => Err(Refused(n, "an image")),
        UserPart::InputAudio(_) => Err(Refused(n, "sound")),
        UserPart::File(_) => Err(Refused(n, "a file")),
    };
    let texts: Result<Vec<String>, Refused> = parts.into_iter().enumerate().map(read).collect();
    Ok(texts?.join("\n"))
}

fn assistant_text(content: AssistantContent) -> String {
    match content {
        AssistantContent::Text(text) => text,
        AssistantContent::Array(parts) => joined(parts, |part| match part {
            AssistantPart::Text(part) => part.text,
            AssistantPart::Refusal(part) => part.refusal,
        }),
    }
}

fn system_text(content: SystemContent) -> String {
    match content {
        SystemContent::Text(text) => text,
        SystemContent::Array(parts) => joined(parts, |SystemPart::Text(part)| part.text),
    }
}

fn developer_text(content: DeveloperContent) -> String {
    match content {
        DeveloperContent::Text(text) => text,
        DeveloperContent::Array(parts) => joined(parts, |DeveloperPart::Text(part)| part.text),
    }
}

fn tool_text(content: ToolContent) -> String {
    match content {
        ToolContent::Text(text) => text,
        ToolContent::Array(parts) => joined(parts, |ToolPart::Text(part)| part.text),
    }
}

fn joined<P>(parts: Vec<P>, text: impl Fn(P) -> String) -> String {
    parts.into_iter().map(text).collect::<Vec<_>>().join("\n")
}
