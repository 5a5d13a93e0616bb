//! A reply out of the pieces of a stream, or out of one whole answer.

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::{
    aloud::Aloud,
    calls::Calls,
    pieces::{self, Form},
};
use crate::{
    Error, Kind, Result,
    models::wire::{self, quoted},
    ports::{Finish, ModelReply, ModelRequest, Usage},
};

/// What has arrived so far.
#[derive(Default)]
pub(super) struct Assembly {
    text: Aloud,
    calls: Calls,
    finish: Option<Finish>,
    usage: Usage,
    has_message: bool,
    /// The start of what came in place of a message.
    other: String,
    /// Hidden where the endpoint repeats it.
    key: SecretString,
}

impl Assembly {
    /// Begins a reply; the key is hidden where an error quotes what came.
    pub(super) fn new(key: &str) -> Self {
        Self { key: key.to_owned().into(), ..Self::default() }
    }

    /// Adds a piece.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the piece says that the endpoint broke down, `Invalid` when there are too many calls.
    pub(super) fn take(&mut self, event: &Value, on_text: &(dyn Fn(&str) + Sync)) -> Result<()> {
        if let Some(usage) = pieces::usage(event) {
            self.usage = usage;
        }
        if let Some((message, form)) = pieces::message(event) {
            self.has_message = true;
            let told = self.text.add(&pieces::text(message));
            if !told.is_empty() {
                on_text(told);
            }
            for call in pieces::calls(message) {
                self.calls.take(call, form)?;
            }
            if form == Form::Whole {
                self.finish.get_or_insert_default();
            }
        }
        if !self.has_message && self.other.is_empty() {
            self.other = quoted(event.to_string().as_bytes(), self.key.expose_secret());
        }
        if let Some(finish) = pieces::finish(event)? {
            self.finish = Some(finish);
        }
        Ok(())
    }

    /// Returns what the endpoint counted, by estimate where it did not; 0 when it neither wrote nor counted anything. Nothing
    /// is read for free: Ollama reports 0 where it had read the text before.
    pub(super) fn usage(&self, request: &ModelRequest) -> Usage {
        if !self.has_message && self.usage == Usage::default() {
            return Usage::default();
        }
        let or_else =
            |counted: u64, estimate: &dyn Fn() -> u64| if counted == 0 { estimate() } else { counted };
        let written = || wire::tokens_of_reply(self.text.written(), &self.calls.whole());
        Usage {
            input_tokens: or_else(self.usage.input_tokens, &|| wire::tokens_of_request(request)),
            output_tokens: or_else(self.usage.output_tokens, &written),
            ..self.usage
        }
    }

    /// Ends the reply. `is_whole` tells whether the endpoint said that nothing follows.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the answer was cut, `Invalid` when it was none.
    pub(super) fn into_reply(
        self,
        is_whole: bool,
        on_text: &(dyn Fn(&str) + Sync),
    ) -> Result<ModelReply, Error> {
        if self.finish.is_none() && !is_whole {
            return Err(Kind::Unavailable
                .error("the model's answer was cut before its end")
                .with_hint("is the model server, or a proxy before it, closing connections?"));
        }
        if !self.has_message {
            return Err(Kind::Invalid
                .error(format!("the model's answer has no message: {}", self.other))
                .with_hint("check that `WAGGLE_MODEL_URL` is that of an OpenAI-compatible endpoint"));
        }
        let (text, rest) = self.text.finish();
        if !rest.is_empty() {
            on_text(&rest);
        }
        let calls = self.calls.whole_until(self.finish);
        Ok(ModelReply { text, calls, finish: self.finish.unwrap_or_default(), usage: self.usage })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn assembled(events: &[Value]) -> Result<ModelReply> {
        let mut assembly = Assembly::default();
        for event in events {
            assembly.take(event, &|_| {})?;
        }
        assembly.into_reply(true, &|_| {})
    }

    fn delta(calls: Value) -> Value {
        json!({ "choices": [{ "delta": { "tool_calls": calls } }] })
    }

    fn ends(reason: &str) -> Value {
        json!({ "choices": [{ "delta": {}, "finish_reason": reason }] })
    }

    /// Pieces, and the calls that they make: id, name and arguments.
    fn check(pieces: &[Value], want: &[(&str, &str, Value)]) {
        let mut events: Vec<_> = pieces.iter().map(|calls| delta(calls.clone())).collect();
        events.push(ends("tool_calls"));
        let calls = assembled(&events).unwrap().calls;
        let calls: Vec<_> =
            calls.iter().map(|call| (call.id.as_str(), call.name.as_str(), call.arguments.clone())).collect();
        assert_eq!(calls, want, "{pieces:?}");
    }

    #[test]
    fn calls_are_put_together_however_they_are_told_apart() {
        let (a, b) = (json!({ "service": "a" }), json!({ "service": "b" }));
        let both = [("c1", "compare", a.clone()), ("c2", "owners", b.clone())];
        // By index, arguments in pieces that alternate.
        check(
            &[
                json!([{ "index": 0, "id": "c1", "function": { "name": "compare", "arguments": "" } }]),
                json!([{ "index": 1, "id": "c2", "function": { "name": "owners", "arguments": "{\"ser" } }]),
                json!([{ "index": 0, "function": { "arguments": "{\"service\": \"a\"}" } }]),
                json!([{ "index": 1, "function": { "arguments": "vice\": \"b\"}" } }]),
            ],
            &both,
        );
        // Every call has the index 0; ids and names are repeated.
        check(
            &[
                json!([{ "index": 0, "id": "c1", "function": { "name": "compare", "arguments": "{\"service\":" } }]),
                json!([{ "index": 0, "id": "c1", "function": { "name": "compare", "arguments": "\"a\"}" } }]),
                json!([{ "index": 0, "id": "c2", "function": { "name": "owners", "arguments": "{\"service\":\"b\"}" } }]),
            ],
            &both,
        );
        // By id alone, and arguments as objects.
        check(
            &[
                json!([{ "id": "c1", "function": { "name": "compare", "arguments": a } }]),
                json!([{ "id": "c2", "function": { "name": "owners", "arguments": b } }]),
            ],
            &both,
        );
        // By order alone: no ids, no index.
        check(
            &[
                json!([{ "function": { "name": "compare", "arguments": "{\"service\":" } }]),
                json!([{ "function": { "arguments": "\"a\"}" } }]),
                json!([{ "function": { "name": "compare", "arguments": "{}" } }]),
            ],
            &[("call_0", "compare", json!({ "service": "a" })), ("call_1", "compare", json!({}))],
        );
        // The name comes late and in pieces; the id changes on the way without a name.
        check(
            &[
                json!([{ "index": 0, "id": "c1", "function": { "arguments": "{}" } }]),
                json!([{ "index": 0, "id": "x", "function": { "name": "" } }]),
                json!([{ "index": 0, "function": { "name": "comp" } }]),
                json!([{ "index": 0, "function": { "name": "are" } }]),
            ],
            &[("c1", "compare", json!({}))],
        );
        // Equal ids under different indices.
        check(
            &[json!([
                { "index": 0, "id": "c", "function": { "name": "compare" } },
                { "index": 1, "id": "c", "function": { "name": "owners" } },
            ])],
            &[("c", "compare", json!({})), ("c_1", "owners", json!({}))],
        );
    }

    #[test]
    fn a_call_in_which_the_reply_was_cut_is_no_call_without_arguments() {
        let whole = json!([{ "index": 0, "id": "c1", "function": { "name": "owners", "arguments": "" } }]);
        let cut = |left: &str| json!([{ "index": 1, "id": "c2", "function": { "name": "compare", "arguments": left } }]);
        let text = |left: &str| {
            json!(format!("the reply was cut here, make this call again and write less before it: {left}"))
        };
        let object = r#"{"service":"a"}"#;
        for (left, reason, want) in [
            ("", Some("length"), text("")),
            (r#"{"serv"#, Some("length"), text(r#"{"serv"#)),
            // Some servers mend what they cut.
            (object, Some("length"), text(object)),
            ("", Some("content_filter"), text("")),
            ("", None, text("")),
            (r#"{"serv"#, None, text(r#"{"serv"#)),
            (object, None, json!({ "service": "a" })),
            ("", Some("tool_calls"), json!({})),
        ] {
            let mut events = vec![delta(whole.clone()), delta(cut(left))];
            events.extend(reason.map(ends));
            let calls = assembled(&events).unwrap().calls;
            assert_eq!(calls[0].arguments, json!({}), "{left} {reason:?}");
            assert_eq!(calls[1].arguments, want, "{left} {reason:?}");
        }
    }

    #[test]
    fn the_last_count_stands_and_the_reason_is_read() {
        let reply = assembled(&[
            json!({ "choices": [{ "delta": { "role": "assistant", "content": "It " } }], "usage": null }),
            json!({ "choices": [{ "delta": { "content": "is." }, "finish_reason": "length" }] }),
            json!({ "choices": [], "usage": { "prompt_tokens": 9, "completion_tokens": 2, "prompt_cache_hit_tokens": 8 } }),
        ])
        .unwrap();
        assert_eq!((reply.text.as_str(), reply.finish), ("It is.", Finish::Length));
        let want = Usage { input_tokens: 9, output_tokens: 2, cached_tokens: 8, cost_micro_usd: 0 };
        assert_eq!(reply.usage, want);
    }

    #[test]
    fn a_reply_without_an_end_was_cut() {
        let mut assembly = Assembly::default();
        assembly.take(&json!({ "choices": [{ "delta": { "content": "It" } }] }), &|_| {}).unwrap();
        assert_eq!(assembly.into_reply(false, &|_| {}).unwrap_err().kind(), Kind::Unavailable);
    }

    #[test]
    fn calls_without_end_are_refused() {
        let calls: Vec<_> = (0..200).map(|index| json!({ "index": index })).collect();
        assert_eq!(assembled(&[delta(json!(calls))]).unwrap_err().kind(), Kind::Invalid);
    }

    /// JSON that looks like pieces of an answer, with any value anywhere.
    fn any_event() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(|number| json!(number)),
            "[a-z{}<>\"/]{0,6}".prop_map(Value::String),
        ];
        let keys = prop::sample::select(vec![
            "choices",
            "delta",
            "message",
            "content",
            "tool_calls",
            "index",
            "id",
            "function",
            "name",
            "arguments",
            "usage",
            "prompt_tokens",
            "finish_reason",
            "error",
        ]);
        leaf.prop_recursive(6, 48, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::Array),
                prop::collection::vec((keys.clone(), inner), 0..5).prop_map(|fields| {
                    Value::Object(fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_pieces_make_a_reply_with_ids_of_their_own_or_an_error(
            parts in prop::collection::vec(any_event(), 0..6),
            whole in any_event(),
        ) {
            let mut events: Vec<Value> =
                parts.into_iter().map(|part| json!({ "choices": [{ "delta": part }] })).collect();
            events.push(whole);
            if let Ok(reply) = assembled(&events) {
                let ids: HashSet<_> = reply.calls.iter().map(|call| &call.id).collect();
                prop_assert_eq!(ids.len(), reply.calls.len());
            }
            let _ = events.iter().filter_map(pieces::refusal).count();
        }

        #[test]
        fn a_call_is_the_same_however_its_arguments_are_cut(cuts in prop::collection::vec(0usize..40, 0..6)) {
            let whole = json!({ "service": "订单", "n": 3 });
            let text: Vec<char> = whole.to_string().chars().collect();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let mut events = vec![delta(json!([{ "index": 0, "id": "c1", "function": { "name": "compare" } }]))];
            for cut in cuts.windows(2) {
                let piece: String = text[cut[0]..cut[1]].iter().collect();
                events.push(delta(json!([{ "index": 0, "function": { "arguments": piece } }])));
            }
            prop_assert_eq!(&assembled(&events).unwrap().calls[0].arguments, &whole);
        }
    }
}
