//! Marks such as `<email_1>` in place of secrets, the same mark for the same text, and the way back.

use std::{collections::HashMap, sync::LazyLock};

use regex::{Captures, Regex};
use serde_json::{Number, Value};

/// Longest mark, bytes: `<custom_`, a name of 24, a number and what is between.
pub(super) const MAX_MARK_BYTES: usize = 64;

/// The kinds of marks that are turned back in what a model says: what people are asked about by. Keys and passwords are not, for in
/// other words than those they were found in nothing would know them again, and a model that was told to could carry them out.
const TURNED_BACK: [&str; 6] = ["literal", "email", "phone", "id_number", "passport", "ip"];

/// The word in the mark of a number, which comes back as a number.
const NUMBER: &str = "number";

/// The marks that one redactor gave out.
#[derive(Debug, Default)]
pub(super) struct Marks {
    /// By kind of value, since a number and its digits come back differently.
    mark_of: HashMap<(bool, String), String>,
    text_of: HashMap<String, String>,
    number_of: HashMap<String, Number>,
    n_of_kind: HashMap<String, usize>,
}

static MARK: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"<[a-z][a-z0-9_]*_\d+>").ok());

impl Marks {
    /// Returns the mark of a text.
    pub fn of_text(&mut self, kind: &str, secret: &str) -> String {
        if let Some(mark) = self.mark_of.get(&(false, secret.to_owned())) {
            return mark.clone();
        }
        let mark = self.next(kind);
        self.mark_of.insert((false, secret.to_owned()), mark.clone());
        self.text_of.insert(mark.clone(), secret.to_owned());
        mark
    }

    /// Returns the mark of a number in JSON.
    pub fn of_number(&mut self, number: &Number) -> String {
        let text = number.to_string();
        if let Some(mark) = self.mark_of.get(&(true, text.clone())) {
            return mark.clone();
        }
        let mark = self.next(NUMBER);
        self.mark_of.insert((true, text.clone()), mark.clone());
        self.text_of.insert(mark.clone(), text);
        self.number_of.insert(mark.clone(), number.clone());
        mark
    }

    /// Returns `text` with secrets in place of marks. Those that were not given out stay.
    pub fn restore(&self, text: &str) -> String {
        let Some(pattern) = MARK.as_ref() else { return text.to_owned() };
        let secret = |found: &Captures<'_>| {
            self.text_of.get(&found[0]).cloned().unwrap_or_else(|| found[0].to_owned())
        };
        pattern.replace_all(text, secret).into_owned()
    }

    /// Returns what a model says with those marks turned back that may be.
    pub fn restore_said(&self, text: &str) -> String {
        let Some(pattern) = MARK.as_ref() else { return text.to_owned() };
        let said = |found: &Captures<'_>| {
            let kind = found[0].trim_start_matches('<').rsplit_once('_').map_or("", |(kind, _)| kind);
            let secret = self.text_of.get(&found[0]).filter(|_| TURNED_BACK.contains(&kind));
            secret.cloned().unwrap_or_else(|| found[0].to_owned())
        };
        pattern.replace_all(text, said).into_owned()
    }

    /// Returns a JSON string with secrets in place of marks; a number where it is the mark of one.
    pub fn restore_value(&self, text: &str) -> Value {
        match self.number_of.get(text) {
            Some(number) => Value::Number(number.clone()),
            None => Value::String(self.restore(text)),
        }
    }

    fn next(&mut self, kind: &str) -> String {
        let n = self.n_of_kind.entry(kind.to_owned()).or_default();
        *n += 1;
        format!("<{kind}_{n}>")
    }
}
