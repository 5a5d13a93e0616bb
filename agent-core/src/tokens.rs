//! How many tokens a text has, where nobody counted.

use crate::ports::{Message, ModelRequest, ToolCall};

/// Thousandths of a token in a character of ASCII, and in any other.
/// DeepSeek publishes 0.3 for a letter of English and 0.6 for a Chinese character, and other vocabularies are near it:
/// <https://api-docs.deepseek.com/quick_start/token_usage>.
const MILLITOKENS_ASCII: u64 = 300;
const MILLITOKENS_OTHER: u64 = 600;
/// Tokens that a message costs besides its text: its role and its marks.
/// <https://cookbook.openai.com/examples/how_to_count_tokens_with_tiktoken> counts 3 or 4.
const MESSAGE_TOKENS: u64 = 4;

/// Estimates the tokens of a text, rounded up; 0 for none.
pub(crate) fn estimated(text: &str) -> u64 {
    let n_ascii = text.bytes().filter(u8::is_ascii).count() as u64;
    let n_other = text.chars().count() as u64 - n_ascii;
    (n_ascii * MILLITOKENS_ASCII + n_other * MILLITOKENS_OTHER).div_ceil(1_000)
}

/// Estimates the tokens that a request makes a model read.
pub(crate) fn tokens_of_request(request: &ModelRequest) -> u64 {
    let messages = request.messages.iter().map(|message| MESSAGE_TOKENS + tokens_of_message(message));
    let tools = request.tools.iter().map(|tool| {
        estimated(&tool.name) + estimated(&tool.description) + estimated(&tool.schema.to_string())
    });
    let schema = request.output.as_ref().map(|schema| estimated(&schema.to_string()));
    messages.chain(tools).chain(schema).sum()
}

/// Estimates the tokens that a model wrote.
pub(crate) fn tokens_of_reply(text: &str, calls: &[ToolCall]) -> u64 {
    let calls = calls.iter().map(|call| estimated(&call.name) + estimated(&call.arguments.to_string()));
    estimated(text) + calls.sum::<u64>()
}

/// Estimates the tokens of one message.
pub(crate) fn tokens_of_message(message: &Message) -> u64 {
    match message {
        Message::System { text } | Message::User { text } => estimated(text),
        Message::Tool(reply) => estimated(&reply.text),
        Message::Assistant { text, calls } => tokens_of_reply(text, calls),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn english_and_chinese_weigh_what_was_published() {
        for (text, want) in [("", 0), ("a", 1), ("ten letter", 3), ("订单服务为什么慢", 5), ("p99 慢", 2)]
        {
            assert_eq!(estimated(text), want, "{text}");
        }
    }

    #[test]
    fn a_request_is_its_messages_and_its_tools() {
        let mut request = ModelRequest::default();
        assert_eq!(tokens_of_request(&request), 0);
        request.messages.push(Message::User { text: "ten letter".to_owned() });
        assert_eq!(tokens_of_request(&request), 7);
        request.output = Some(serde_json::json!({}));
        assert_eq!(tokens_of_request(&request), 8);
    }
}
