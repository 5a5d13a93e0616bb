//! The settings of a request: followed, ignored, or refused. `docs/openai-face.md` has the whole list.
//!
//! What only tunes how a model samples or how a service keeps books is ignored, for clients send it unasked.
//! What changes the form or the meaning of an answer is followed or refused: a client that gets something else than it
//! asked for would break later and elsewhere.

use async_openai::types::chat::{
    ChatCompletionFunctionCall, ChatCompletionToolChoiceOption as ToolChoice, CreateChatCompletionRequest,
    ReasoningEffort, ResponseFormat, ResponseModalities, StopConfiguration, ToolChoiceAllowedMode,
    ToolChoiceOptions,
};

use super::fault::Fault;

/// OpenAI's own bound on `stop`.
const MAX_STOPS: usize = 4;
/// Longer than any sequence that is worth looking for.
const MAX_STOP_BYTES: usize = 1024;

/// What of a request's settings is followed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Settings {
    /// Whether the answer is wanted in pieces.
    pub(super) stream: bool,
    /// Whether a stream ends with what it cost.
    pub(super) include_usage: bool,
    /// Whether a stream tells the steps of the work.
    pub(super) show_steps: bool,
    /// The text ends before the first of these; none is empty.
    pub(super) stop: Vec<String>,
}

/// Reads the settings, or names the first one that cannot be followed and must not be ignored.
pub(super) fn settings(request: &CreateChatCompletionRequest) -> Result<Settings, Fault> {
    refuse_more_than_one_answer(request)?;
    refuse_calls(request)?;
    refuse_other_forms(request)?;
    let options = request.stream_options.as_ref();
    Ok(Settings {
        stream: request.stream.unwrap_or(false),
        include_usage: options.and_then(|options| options.include_usage).unwrap_or(false),
        show_steps: request.reasoning_effort != Some(ReasoningEffort::None),
        stop: stops(request.stop.as_ref())?,
    })
}

fn refuse_more_than_one_answer(request: &CreateChatCompletionRequest) -> Result<(), Fault> {
    match request.n {
        None | Some(1) => Ok(()),
        Some(0) => Err(Fault::unsupported("n", "`n` is 0, so nothing would be answered")),
        Some(_) => {
            Err(Fault::unsupported("n", "`n` is over 1, but there is one answer; hint: leave `n` out"))
        }
    }
}

/// Tools may be offered: models need not call them. A call that is demanded would never come.
fn refuse_calls(request: &CreateChatCompletionRequest) -> Result<(), Fault> {
    let demands_tool = match &request.tool_choice {
        None | Some(ToolChoice::Mode(ToolChoiceOptions::None | ToolChoiceOptions::Auto)) => false,
        Some(ToolChoice::AllowedTools(choice)) => {
            choice.allowed_tools.iter().any(|allowed| allowed.mode == ToolChoiceAllowedMode::Required)
        }
        Some(
            ToolChoice::Mode(ToolChoiceOptions::Required) | ToolChoice::Function(_) | ToolChoice::Custom(_),
        ) => true,
    };
    if demands_tool {
        let message =
            "`tool_choice` demands a call, but tools of the client are never called; hint: leave it out";
        return Err(Fault::unsupported("tool_choice", message));
    }
    #[expect(deprecated, reason = "older clients still send it")]
    let function_call = &request.function_call;
    if matches!(function_call, Some(ChatCompletionFunctionCall::Function { .. })) {
        let message = "`function_call` demands a call, but functions of the client are never called; hint: leave it out";
        return Err(Fault::unsupported("function_call", message));
    }
    Ok(())
}

fn refuse_other_forms(request: &CreateChatCompletionRequest) -> Result<(), Fault> {
    if !matches!(request.response_format, None | Some(ResponseFormat::Text)) {
        let message = "`response_format` asks for JSON, but answers here are text; \
                       hint: `POST /api/ask` and `/api/investigate` answer in JSON";
        return Err(Fault::unsupported("response_format", message));
    }
    if request.logprobs == Some(true) || request.top_logprobs.is_some_and(|n| n > 0) {
        let param = if request.logprobs == Some(true) { "logprobs" } else { "top_logprobs" };
        let message =
            format!("`{param}` cannot be given: answers are verified sentences, not sampled tokens");
        return Err(Fault::unsupported(param, message));
    }
    let asks_for_sound = |modality: &ResponseModalities| *modality != ResponseModalities::Text;
    if request.modalities.as_ref().is_some_and(|all| all.iter().any(asks_for_sound)) {
        return Err(Fault::unsupported("modalities", "`modalities` asks for more than text"));
    }
    if request.audio.is_some() {
        return Err(Fault::unsupported("audio", "`audio` asks for sound, but answers are text"));
    }
    if request.web_search_options.is_some() {
        let message = "`web_search_options` asks for a search, but answers come from telemetry alone";
        return Err(Fault::unsupported("web_search_options", message));
    }
    if request.moderation.is_some() {
        return Err(Fault::unsupported("moderation", "`moderation` asks for a check that is not made here"));
    }
    Ok(())
}

fn stops(stop: Option<&StopConfiguration>) -> Result<Vec<String>, Fault> {
    let stops = match stop {
        None => return Ok(Vec::new()),
        Some(StopConfiguration::String(stop)) => vec![stop.clone()],
        Some(StopConfiguration::StringArray(stops)) => stops.clone(),
    };
    if stops.len() > MAX_STOPS {
        return Err(Fault::unsupported("stop", format!("`stop` has more than {MAX_STOPS} sequences")));
    }
    if stops.iter().any(|stop| stop.is_empty() || stop.len() > MAX_STOP_BYTES) {
        let message = format!("`stop` has a sequence that is empty or longer than {MAX_STOP_BYTES} bytes");
        return Err(Fault::unsupported("stop", message));
    }
    Ok(stops)
}
