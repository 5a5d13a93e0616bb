//! What a conversation would cost on a wire, for a model that costs nothing.

use async_trait::async_trait;

use crate::{
    Result,
    ports::{Delta, Model, ModelReply, ModelRequest, Usage},
    tokens::{tokens_of_reply, tokens_of_request},
};

/// A model whose requests and replies are counted, by estimate, as if they went over a wire: messages, and the tools that are
/// described. Tells what a language model would be asked to read if it took the same steps.
#[derive(Clone, Debug)]
pub struct Counted<M>(pub M);

#[async_trait]
impl<M: Model> Model for Counted<M> {
    fn name(&self) -> &str {
        self.0.name()
    }

    /// What the model itself counted stands.
    async fn complete(
        &self,
        request: &ModelRequest,
        on_delta: &(dyn for<'a> Fn(Delta<'a>) + Sync),
    ) -> Result<ModelReply> {
        let mut reply = self.0.complete(request, on_delta).await?;
        if reply.usage == Usage::default() {
            reply.usage.input_tokens = tokens_of_request(request);
            reply.usage.output_tokens = tokens_of_reply(&reply.text, &reply.calls);
        }
        Ok(reply)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        models::Offline,
        ports::{Message, ToolSpec},
    };

    #[tokio::test]
    async fn what_is_described_is_counted_and_what_is_not_is_free() {
        let tool = ToolSpec {
            name: "logs".to_owned(),
            description: "Reads logs.".repeat(100),
            schema: serde_json::json!({}),
        };
        let user = Message::User { text: "why?".to_owned() };
        let bare = ModelRequest { messages: vec![user], ..ModelRequest::default() };
        let count = async |request: &ModelRequest| {
            Counted(Offline).complete(request, &|_| {}).await.unwrap().usage.input_tokens
        };
        let undescribed = ModelRequest { undescribed: vec![tool.clone()], ..bare.clone() };
        let described = ModelRequest { tools: vec![tool], ..bare.clone() };
        assert_eq!(count(&undescribed).await, count(&bare).await);
        assert!(count(&described).await > count(&bare).await + 300);
    }
}
