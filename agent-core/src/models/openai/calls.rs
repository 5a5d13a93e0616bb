//! The calls of a reply as they arrive: whole, or in pieces that servers tell apart in many ways.

use std::collections::HashSet;

use serde_json::Value;

use super::pieces::{self, Form};
use crate::{
    Kind, Result,
    models::wire,
    ports::{Finish, ToolCall},
};

/// Calls in one reply; a model that makes more is running in circles.
const MAX_CALLS: usize = 128;

/// The calls that have arrived so far, in the order in which they began.
#[derive(Default)]
pub(super) struct Calls(Vec<PartialCall>);

/// A call that may go on.
#[derive(Default)]
struct PartialCall {
    index: Option<u64>,
    id: String,
    name: String,
    arguments: String,
}

impl Calls {
    /// Adds a piece of a call, or a whole one.
    ///
    /// # Errors
    ///
    /// `Invalid` when there are too many calls.
    pub(super) fn take(&mut self, call: &Value, form: Form) -> Result<()> {
        let id = pieces::written(call, "/id").unwrap_or_default();
        let name = pieces::written(call, "/function/name").unwrap_or_default();
        let index = call.get("index").and_then(Value::as_u64);
        let place = match form {
            Form::Whole => None,
            Form::Piece => self.place_of(index, id, name),
        };
        let Some(open) = place.and_then(|place| self.0.get_mut(place)) else {
            if self.0.len() >= MAX_CALLS {
                return Err(Kind::Invalid.error(format!("the model made over {MAX_CALLS} calls at once")));
            }
            let mut open = PartialCall { index, ..PartialCall::default() };
            open.add(id, name, call.pointer("/function/arguments"));
            self.0.push(open);
            return Ok(());
        };
        open.add(id, name, call.pointer("/function/arguments"));
        Ok(())
    }

    /// Finds the call that a piece goes on with. Servers tell it by index, by id, or by order alone; some give every call
    /// the index 0.
    fn place_of(&self, index: Option<u64>, id: &str, name: &str) -> Option<usize> {
        let last_with = |is_it: &dyn Fn(&PartialCall) -> bool| self.0.iter().rposition(is_it);
        let place = match index {
            Some(_) => last_with(&|call| call.index == index),
            None if !id.is_empty() => last_with(&|call| call.id == id),
            None => self.0.len().checked_sub(1),
        }?;
        let open = self.0.get(place)?;
        let is_other_id = !id.is_empty() && !open.id.is_empty() && id != open.id;
        let is_named_anew = index.is_none() && id.is_empty() && !name.is_empty() && open.is_complete();
        (!is_named_anew && (!is_other_id || name.is_empty())).then_some(place)
    }

    /// Returns the calls as they are, each with an id of its own within the reply.
    pub(super) fn whole(&self) -> Vec<ToolCall> {
        let mut ids = HashSet::new();
        let calls = self.0.iter().enumerate().map(|(place, call)| {
            let id = if call.id.is_empty() { format!("call_{place}") } else { call.id.clone() };
            let id = if ids.contains(&id) { format!("{id}_{place}") } else { id };
            ids.insert(id.clone());
            ToolCall { id, name: call.name.clone(), arguments: pieces::arguments(&call.arguments) }
        });
        calls.collect()
    }

    /// Returns the calls of a reply that ended like this. One that may have been cut is told so in its arguments.
    pub(super) fn whole_until(&self, finish: Option<Finish>) -> Vec<ToolCall> {
        let mut calls = self.whole();
        if let (Some(last), Some(partial)) = (calls.last_mut(), self.0.last())
            && partial.is_cut(finish)
        {
            last.arguments = wire::cut_arguments(&partial.arguments);
        }
        calls
    }
}

impl PartialCall {
    fn add(&mut self, id: &str, name: &str, arguments: Option<&Value>) {
        if self.id.is_empty() {
            id.clone_into(&mut self.id);
        }
        // Some repeat the name in every piece.
        if self.name != name {
            self.name.push_str(name);
        }
        match arguments {
            Some(Value::String(text)) => self.arguments.push_str(text),
            Some(Value::Null) | None => {}
            Some(whole) if self.arguments.is_empty() => self.arguments = whole.to_string(),
            Some(_) => {}
        }
    }

    /// Tells whether the end of the reply may have cut it: surely where the endpoint says that the reply is not all, and
    /// where it says nothing unless the arguments are an object, which has an end of its own.
    fn is_cut(&self, finish: Option<Finish>) -> bool {
        let is_object = || serde_json::from_str::<Value>(&self.arguments).is_ok_and(|read| read.is_object());
        finish.map_or_else(|| !is_object(), |finish| finish != Finish::Done)
    }

    /// Tells whether its arguments can be read, so that a name can only be that of the next call.
    fn is_complete(&self) -> bool {
        !self.name.is_empty() && serde_json::from_str::<Value>(&self.arguments).is_ok()
    }
}
