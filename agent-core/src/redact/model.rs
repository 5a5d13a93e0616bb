//! The exit to models: a request is redacted as a whole, and the reply is turned back inside.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use super::{Redactor, marks::MAX_MARK_BYTES};
use crate::{
    Result,
    ports::{Delta, Message, Model, ModelReply, ModelRequest, ToolCall, ToolReply, ToolSpec},
};

/// A model that is only ever shown redacted text, and whose calls are turned back before they run.
///
/// Names, addresses and numbers of people are turned back; keys and passwords are not.
pub struct Redacted<M>(pub M);

#[async_trait]
impl<M: Model> Model for Redacted<M> {
    fn name(&self) -> &str {
        self.0.name()
    }

    /// Text is passed on as it arrives, restored; the beginning of what may be a mark waits for its end.
    async fn complete(
        &self,
        request: &ModelRequest,
        on_delta: &(dyn for<'a> Fn(Delta<'a>) + Sync),
    ) -> Result<ModelReply> {
        let redactor = Redactor::default();
        let messages = request.messages.iter().map(|message| message_for_model(&redactor, message)).collect();
        let redacted = ModelRequest {
            messages,
            tools: request.tools.iter().map(|tool| tool_for_model(&redactor, tool)).collect(),
            output: request.output.as_ref().map(|schema| redactor.redact_json(schema)),
            ..request.clone()
        };
        let arriving = Mutex::new(Arriving::default());
        let passed_on = |delta: Delta<'_>| {
            let Delta::Text(piece) = delta;
            let mut arriving = arriving.lock().unwrap_or_else(PoisonError::into_inner);
            let whole = arriving.take(piece);
            if !whole.is_empty() {
                on_delta(Delta::Text(&redactor.restore_said(&whole)));
            }
        };
        let mut reply = self.0.complete(&redacted, &passed_on).await?;
        let rest = arriving.into_inner().unwrap_or_else(PoisonError::into_inner).kept;
        if !rest.is_empty() {
            on_delta(Delta::Text(&redactor.restore_said(&rest)));
        }
        reply.text = redactor.restore_said(&reply.text);
        for call in &mut reply.calls {
            call.arguments = redactor.restore_said_json(&call.arguments);
        }
        Ok(reply)
    }
}

/// Redacts how a tool describes itself: one of another server says what it likes. Its name stays, since it is called by it.
fn tool_for_model(redactor: &Redactor, tool: &ToolSpec) -> ToolSpec {
    ToolSpec {
        name: tool.name.clone(),
        description: redactor.redact(&tool.description),
        schema: redactor.redact_json(&tool.schema),
    }
}

fn message_for_model(redactor: &Redactor, message: &Message) -> Message {
    let call =
        |call: &ToolCall| ToolCall { arguments: redactor.redact_json(&call.arguments), ..call.clone() };
    match message {
        Message::System { text } => Message::System { text: redactor.redact(text) },
        Message::User { text } => Message::User { text: redactor.redact(text) },
        Message::Assistant { text, calls } => {
            Message::Assistant { text: redactor.redact(text), calls: calls.iter().map(call).collect() }
        }
        Message::Tool(reply) => {
            Message::Tool(ToolReply { text: redactor.redact(&reply.text), data: None, ..reply.clone() })
        }
    }
}

/// Text on its way, cut anywhere.
#[derive(Default)]
struct Arriving {
    /// What may be the beginning of a mark.
    kept: String,
}

impl Arriving {
    /// Adds a piece, and returns the text in which no mark can be cut in two.
    fn take(&mut self, piece: &str) -> String {
        self.kept.push_str(piece);
        let open = self.kept.rfind('<').filter(|at| {
            let begun = &self.kept[*at..];
            begun.len() <= MAX_MARK_BYTES && !begun.contains('>')
        });
        let begun = open.map(|at| self.kept.split_off(at)).unwrap_or_default();
        std::mem::replace(&mut self.kept, begun)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_arrives_in_pieces_is_restored_wherever_it_is_cut() {
        let redactor = Redactor::default();
        let marked = redactor.redact("mail li.na@example.com if 1 < 2 and a <b> c@d.io");
        for cut in (0..=marked.len()).filter(|cut| marked.is_char_boundary(*cut)) {
            let mut arriving = Arriving::default();
            let mut told = String::new();
            for piece in [&marked[..cut], &marked[cut..]] {
                told += &redactor.restore(&arriving.take(piece));
            }
            told += &redactor.restore(&arriving.kept);
            assert_eq!(told, "mail li.na@example.com if 1 < 2 and a <b> c@d.io", "cut at {cut}");
        }
    }
}
