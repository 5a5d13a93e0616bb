//! `POST /v1/chat/completions`: a question and its answer.

use std::sync::Arc;

use async_openai::types::chat::{
    ChatChoice, ChatCompletionResponseMessage, CompletionUsage, CreateChatCompletionResponse, FinishReason,
    PromptTokensDetails, Role,
};
use axum::{
    Json,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use waggle_agent_core::{Language, ports::Usage};

use super::{
    Asked, Face, ModelId, Reply,
    chunk::Head,
    content::{content, stopped},
    fault::Fault,
    messages::conversation,
    models::offered,
    request::body,
    seconds,
    settings::settings,
    stream::stream,
    work::Work,
};
use crate::web::Caller;

pub(super) async fn complete(
    State(face): State<Face>,
    caller: Caller,
    request: Request,
) -> Result<Response, Fault> {
    let request = body(request, &face.limits).await?;
    let settings = settings(&request)?;
    let conversation = conversation(request.messages, &face.limits)?;
    let model = offered(&face, ModelId(request.model)).await?;
    let place = face.places.take(&caller.name)?;
    let language = Language::of(&conversation.question);
    let head = Head {
        id: face.new_id(),
        created: seconds(face.clock.now()),
        model: model.0.clone(),
        include_usage: settings.include_usage,
    };
    let asked =
        Asked { caller, model, question: conversation.question, context: conversation.context, language };
    if settings.stream {
        return Ok(stream(&face, head, settings, asked, place));
    }
    let reply = Work::begin(&face, asked, Arc::new(()), place).end().await?;
    let text = stopped(&content(&reply, language), &settings.stop);
    Ok(Json(response(head, text, &reply)).into_response())
}

/// Returns what a reply cost as OpenAI counts it. Counts that do not fit are told as the greatest that does.
pub(super) fn usage(usage: Usage) -> CompletionUsage {
    let count = |tokens: u64| u32::try_from(tokens).unwrap_or(u32::MAX);
    CompletionUsage {
        prompt_tokens: count(usage.input_tokens),
        completion_tokens: count(usage.output_tokens),
        total_tokens: count(usage.total()),
        prompt_tokens_details: (usage.cached_tokens > 0).then(|| PromptTokensDetails {
            cached_tokens: Some(count(usage.cached_tokens)),
            ..PromptTokensDetails::default()
        }),
        completion_tokens_details: None,
    }
}

fn response(head: Head, text: String, reply: &Reply) -> CreateChatCompletionResponse {
    let message = ChatCompletionResponseMessage {
        content: Some(text),
        role: Role::Assistant,
        ..ChatCompletionResponseMessage::default()
    };
    CreateChatCompletionResponse {
        id: head.id,
        object: "chat.completion".to_owned(),
        created: head.created,
        model: head.model,
        choices: vec![ChatChoice {
            index: 0,
            message,
            finish_reason: Some(FinishReason::Stop),
            logprobs: None,
        }],
        usage: Some(usage(reply.usage)),
        ..CreateChatCompletionResponse::default()
    }
}
