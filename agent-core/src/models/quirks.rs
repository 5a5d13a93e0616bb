//! What endpoints that resemble OpenAI's do differently, as data: one row for each, with the page that says so.

mod lesson;

use serde::{Deserialize, Serialize};

pub(super) use lesson::learn;

/// How an endpoint wants to be asked. The default suits most of them; [`quirks_of`] knows the rest by host or model name,
/// and what an endpoint refuses is left out from then on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quirks {
    /// The field that bounds a reply.
    pub max_tokens: MaxTokensField,
    /// Whether it is asked for a stream.
    pub stream: bool,
    /// Whether it takes `stream_options` with `include_usage`.
    pub stream_usage: bool,
    /// Whether it takes `tool_choice`.
    pub tool_choice: bool,
    /// Whether it makes several calls in one message only when `parallel_tool_calls` asks for it.
    pub parallel_tool_calls: bool,
    /// How it is held to a JSON schema.
    pub output: OutputMode,
    /// How it is told not to think before it answers.
    pub thinking: ThinkingSwitch,
    /// When it is told so.
    pub thinking_off: ThinkingOff,
    /// What stands for the text of a message that only makes calls.
    pub empty_content: EmptyContent,
}

/// The field that bounds a reply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MaxTokensField {
    /// As nearly every server knows it.
    #[default]
    MaxTokens,
    /// Its name at OpenAI since the reasoning models, which refuse the old one.
    MaxCompletionTokens,
}

/// How an endpoint is held to a JSON schema; what a later one cannot do is said in words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputMode {
    /// `response_format` with the schema.
    #[default]
    Schema,
    /// `response_format` for any JSON object.
    Object,
    /// Words alone.
    Words,
}

/// How an endpoint is told not to think.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThinkingSwitch {
    /// It is not.
    #[default]
    None,
    /// `enable_thinking: false`.
    EnableThinking,
    /// `thinking: {type: disabled}`.
    ThinkingType,
    /// `chat_template_kwargs: {enable_thinking: false}`.
    ChatTemplate,
}

/// When an endpoint is told not to think.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThinkingOff {
    /// Never.
    #[default]
    Never,
    /// When it is not asked for a stream, or is held to a schema.
    WithoutStream,
    /// Always.
    Always,
}

/// What stands for the text of a message that only makes calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmptyContent {
    /// `""`.
    #[default]
    Text,
    /// `null`.
    Null,
}

impl Default for Quirks {
    fn default() -> Self {
        Self {
            max_tokens: MaxTokensField::default(),
            stream: true,
            stream_usage: true,
            tool_choice: true,
            parallel_tool_calls: false,
            output: OutputMode::default(),
            thinking: ThinkingSwitch::default(),
            thinking_off: ThinkingOff::default(),
            empty_content: EmptyContent::default(),
        }
    }
}

/// One row: how an endpoint is known, and what it does.
struct Row {
    name: &'static str,
    /// Ends of its host, with the port where that tells it.
    hosts: &'static [&'static str],
    /// Starts of its models' names, behind the last `/`; only where no host is known.
    models: &'static [&'static str],
    quirks: fn() -> Quirks,
    /// Where it is written.
    source: &'static str,
}

const ROWS: [Row; 8] = [
    Row {
        name: "openai",
        hosts: &["api.openai.com", ".openai.azure.com"],
        models: &["gpt-5", "o1", "o3", "o4"],
        // Reasoning models refuse `max_tokens`, and any temperature but 1: none is sent to anyone.
        quirks: || Quirks { max_tokens: MaxTokensField::MaxCompletionTokens, ..Quirks::default() },
        source: "https://platform.openai.com/docs/api-reference/chat/create",
    },
    Row {
        name: "deepseek",
        hosts: &["api.deepseek.com"],
        models: &[],
        // It thinks unless told otherwise, and then wants the `reasoning_content` of every message that made calls back
        // (its first reasoner refused just that). A transcript keeps no reasoning, so none is asked for. It knows
        // `json_object` and no schema: https://api-docs.deepseek.com/guides/json_mode
        quirks: || Quirks {
            output: OutputMode::Object,
            thinking: ThinkingSwitch::ThinkingType,
            thinking_off: ThinkingOff::Always,
            ..Quirks::default()
        },
        source: "https://api-docs.deepseek.com/guides/thinking_mode",
    },
    Row {
        name: "qwen",
        hosts: &["dashscope.aliyuncs.com", "dashscope-intl.aliyuncs.com", "dashscope-us.aliyuncs.com"],
        models: &[],
        // The open models think by default and refuse that without a stream, and with `response_format`; several calls
        // come only when asked for: https://help.aliyun.com/zh/model-studio/qwen-function-calling
        quirks: || Quirks {
            parallel_tool_calls: true,
            output: OutputMode::Object,
            thinking: ThinkingSwitch::EnableThinking,
            thinking_off: ThinkingOff::WithoutStream,
            ..Quirks::default()
        },
        source: "https://www.alibabacloud.com/help/zh/model-studio/deep-thinking",
    },
    Row {
        name: "glm",
        hosts: &["open.bigmodel.cn", "api.z.ai"],
        models: &[],
        // Usage comes with the last piece unasked, `stream_options` is not among the parameters, `response_format` is
        // text or `json_object`, and `tool_choice` can only be `auto`.
        quirks: || Quirks { stream_usage: false, output: OutputMode::Object, ..Quirks::default() },
        source: "https://docs.bigmodel.cn/api-reference/模型-api/对话补全",
    },
    Row {
        name: "ernie",
        hosts: &["qianfan.baidubce.com"],
        models: &[],
        quirks: || Quirks { parallel_tool_calls: true, output: OutputMode::Object, ..Quirks::default() },
        source: "https://cloud.baidu.com/doc/qianfan-api/s/3m7of64lb",
    },
    Row {
        name: "ollama",
        hosts: &[":11434", "ollama.com"],
        models: &[],
        // `tool_choice` is not among the fields that it reads.
        quirks: || Quirks { tool_choice: false, ..Quirks::default() },
        source: "https://docs.ollama.com/api/openai-compatibility",
    },
    Row {
        name: "llama.cpp",
        hosts: &[":8080"],
        models: &[],
        // Several calls come only when asked for. Templates of models that think take a switch.
        quirks: || Quirks { parallel_tool_calls: true, ..Quirks::default() },
        source: "https://github.com/ggml-org/llama.cpp/blob/master/docs/function-calling.md",
    },
    Row {
        name: "vllm",
        hosts: &[],
        models: &[],
        // Nothing is asked otherwise. `tool_choice: auto` is refused unless the server was started with a parser for
        // calls; it is left out then, and the model can only talk.
        quirks: Quirks::default,
        source: "https://docs.vllm.ai/en/latest/features/tool_calling.html",
    },
];

/// Returns how an endpoint wants to be asked: by its host (with the port where one is given), else by the model's name,
/// else as most do.
pub fn quirks_of(host: &str, model: &str) -> Quirks {
    row(host, model).map_or_else(Quirks::default, |row| (row.quirks)())
}

/// Returns the quirks of an endpoint by its name in the table: `deepseek`, `qwen`, …; `None` for one that is not in it.
pub fn quirks_named(name: &str) -> Option<Quirks> {
    ROWS.iter().find(|row| row.name == name).map(|row| (row.quirks)())
}

/// Lists the endpoints of the table with the page that each row is from.
pub fn known_endpoints() -> impl Iterator<Item = (&'static str, &'static str)> {
    ROWS.iter().map(|row| (row.name, row.source))
}

fn row(host: &str, model: &str) -> Option<&'static Row> {
    let host = host.to_lowercase();
    let is_host = |end: &&str| {
        // `openai.com` must not be found in `notopenai.com`.
        let before = host.strip_suffix(*end);
        before.is_some_and(|before| before.is_empty() || end.starts_with(['.', ':']) || before.ends_with('.'))
    };
    let model = model.rsplit('/').next().unwrap_or(model).to_lowercase();
    let is_model = |start: &&str| {
        let rest = model.strip_prefix(*start);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '.']))
    };
    let by_host = ROWS.iter().find(|row| row.hosts.iter().any(is_host));
    by_host.or_else(|| ROWS.iter().find(|row| row.models.iter().any(is_model)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_known_by_its_host_else_by_its_model() {
        for (host, model, want) in [
            ("api.openai.com", "gpt-4o", Some("openai")),
            ("shop.openai.azure.com", "ours", Some("openai")),
            ("notapi.openai.com.evil.example", "x", None),
            ("notopenai.com", "x", None),
            ("gateway.example", "openai/gpt-5-mini", Some("openai")),
            ("gateway.example", "o3", Some("openai")),
            ("gateway.example", "olmo", None),
            ("dashscope.aliyuncs.com", "qwen-plus", Some("qwen")),
            ("127.0.0.1:11434", "qwen3:8b", Some("ollama")),
            ("localhost:8080", "x", Some("llama.cpp")),
            ("127.0.0.1:8000", "Qwen/Qwen3-8B", None),
            ("API.DeepSeek.com", "deepseek-chat", Some("deepseek")),
            ("open.bigmodel.cn", "glm-4.6", Some("glm")),
            ("qianfan.baidubce.com", "ernie-4.5-turbo-128k", Some("ernie")),
        ] {
            assert_eq!(row(host, model).map(|row| row.name), want, "{host} {model}");
        }
    }

    #[test]
    fn quirks_are_written_as_a_config_has_them() {
        let read: Quirks =
            serde_json::from_str(r#"{"stream": false, "output": "words", "thinking": "chat_template"}"#)
                .unwrap();
        let want = Quirks {
            stream: false,
            output: OutputMode::Words,
            thinking: ThinkingSwitch::ChatTemplate,
            ..Quirks::default()
        };
        assert_eq!(read, want);
        assert!(serde_json::from_str::<Quirks>(r#"{"steam": false}"#).is_err());
        assert_eq!(quirks_named("deepseek").map(|quirks| quirks.thinking_off), Some(ThinkingOff::Always));
        assert_eq!(quirks_named("nobody"), None);
        assert!(known_endpoints().all(|(_, source)| source.starts_with("https://")));
    }
}
