//! What a refusal teaches about an endpoint: what it does not take is left out from then on.

use super::{MaxTokensField, OutputMode, Quirks, ThinkingOff, ThinkingSwitch};

/// Changes what a refusal blames, and tells whether it changed anything. `message` is what a refusal with
/// this status said. A 500 may be about anything, so it teaches only what servers are known to break over: `tool_choice` and
/// formats.
///
/// The rules stand in order, since refusals name more than they blame: `max_completion_tokens` is named by who refuses
/// `max_tokens`, and `stream_options` has `stream` in it.
pub(crate) fn learn(quirks: &mut Quirks, status: u16, message: &str) -> bool {
    let before = quirks.clone();
    let message = message.to_lowercase();
    let names = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if names(&["enable_thinking", "enable thinking"]) {
        (quirks.thinking, quirks.thinking_off) = match quirks.thinking_off {
            ThinkingOff::Always => (ThinkingSwitch::None, ThinkingOff::Never),
            _ => (ThinkingSwitch::EnableThinking, ThinkingOff::Always),
        };
    } else if names(&["reasoning_content"]) {
        // It wants back what it thought, and nobody kept it.
        (quirks.thinking, quirks.thinking_off) = (ThinkingSwitch::ThinkingType, ThinkingOff::Always);
    } else if names(&["chat_template_kwargs", "'thinking'", "`thinking`", "\"thinking\"", "thinking:"]) {
        (quirks.thinking, quirks.thinking_off) = (ThinkingSwitch::None, ThinkingOff::Never);
    } else if names(&["max_completion_tokens"]) {
        quirks.max_tokens = match quirks.max_tokens {
            MaxTokensField::MaxTokens => MaxTokensField::MaxCompletionTokens,
            MaxTokensField::MaxCompletionTokens => MaxTokensField::MaxTokens,
        };
    } else if names(&["response_format", "json_schema", "json_object", "json mode", "structured output"]) {
        quirks.output = match quirks.output {
            OutputMode::Schema => OutputMode::Object,
            OutputMode::Object | OutputMode::Words => OutputMode::Words,
        };
    } else if names(&["stream_options", "include_usage"]) {
        quirks.stream_usage = false;
    } else if names(&["parallel_tool_calls"]) {
        quirks.parallel_tool_calls = false;
    } else if names(&["tool_choice", "tool choice"]) {
        quirks.tool_choice = false;
    } else if is_about_streams(&message)
        && names(&["support", "enable", "must", "not allowed", "only", "unknown"])
    {
        quirks.stream = !quirks.stream;
    }
    if status == 500 && (quirks.output, quirks.tool_choice) == (before.output, before.tool_choice) {
        *quirks = before;
        return false;
    }
    *quirks != before
}

/// `upstream` is what proxies call the server behind them.
fn is_about_streams(message: &str) -> bool {
    let mut words = message.split(|c: char| !c.is_alphanumeric() && c != '_');
    words.any(|word| matches!(word, "stream" | "streams" | "streaming"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(message: &str, want: impl FnOnce(&mut Quirks)) {
        let (mut learned, mut wanted) = (Quirks::default(), Quirks::default());
        want(&mut wanted);
        let changed = learn(&mut learned, 400, message);
        assert_eq!(learned, wanted, "{message}");
        assert_eq!(changed, wanted != Quirks::default(), "{message}");
    }

    #[test]
    fn what_is_blamed_is_left_out() {
        check("Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.", |quirks| {
            quirks.max_tokens = MaxTokensField::MaxCompletionTokens;
        });
        check("'response_format' of type 'json_schema' is not supported with this model", |quirks| {
            quirks.output = OutputMode::Object;
        });
        check("Unknown parameter: 'stream_options'.", |quirks| quirks.stream_usage = false);
        check("unknown field `parallel_tool_calls`", |quirks| quirks.parallel_tool_calls = false);
        check("\"auto\" tool choice requires --enable-auto-tool-choice to be set", |quirks| {
            quirks.tool_choice = false;
        });
        check("streaming is not supported by this model", |quirks| quirks.stream = false);
        check("parameter.enable_thinking must be set to false for non-streaming calls", |quirks| {
            quirks.thinking = ThinkingSwitch::EnableThinking;
            quirks.thinking_off = ThinkingOff::Always;
        });
        check("The `reasoning_content` in the thinking mode must be passed back to the API.", |quirks| {
            quirks.thinking = ThinkingSwitch::ThinkingType;
            quirks.thinking_off = ThinkingOff::Always;
        });
        check("this model's maximum context length is 8192 tokens", |_| {});
        check("invalid message at index 3", |_| {});
    }

    #[test]
    fn a_proxy_that_speaks_of_its_upstream_teaches_nothing() {
        for message in [
            "upstream must be available",
            "no healthy upstream: only 0 of 2 are up",
            "upstream does not support HTTP/2",
            "unknown upstream_stream",
        ] {
            check(message, |_| {});
        }
    }

    #[test]
    fn a_server_that_broke_teaches_little() {
        for (message, want) in [
            ("the stream must be closed", None),
            ("error: stream_options, max_completion_tokens", None),
            ("enable_thinking failed", None),
            ("tool_choice is not supported", Some(Quirks { tool_choice: false, ..Quirks::default() })),
            ("json_schema: grammar broke", Some(Quirks { output: OutputMode::Object, ..Quirks::default() })),
        ] {
            let mut learned = Quirks::default();
            assert_eq!(learn(&mut learned, 500, message), want.is_some(), "{message}");
            assert_eq!(learned, want.unwrap_or_default(), "{message}");
        }
    }

    #[test]
    fn a_format_that_is_refused_twice_is_asked_for_in_words() {
        let mut quirks = Quirks::default();
        assert!(learn(&mut quirks, 400, "response_format is not supported"));
        assert!(learn(&mut quirks, 400, "response_format is not supported"));
        assert_eq!(quirks.output, OutputMode::Words);
        assert!(!learn(&mut quirks, 400, "response_format is not supported"));
    }

    #[test]
    fn an_endpoint_that_can_only_stream_is_asked_for_a_stream() {
        let mut quirks = Quirks { stream: false, ..Quirks::default() };
        assert!(learn(
            &mut quirks,
            400,
            "This model only support stream mode, please enable the stream parameter."
        ));
        assert!(quirks.stream);
    }
}
