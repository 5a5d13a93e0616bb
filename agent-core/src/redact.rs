//! What must not leave: secrets and people's data are replaced by marks, and the marks can be turned back inside.
//!
//! A text is searched by rules, on the text as it stands and as its reader takes it: escapes read, characters without width left
//! out, base64 opened. One pass over the text tells which rules have anything to look for, so that clean text is read once.
//!
//! # Layout
//!
//! - `policy`: what an installation adds and allows. `search`: all secrets of a text. `marks`: marks, and the way back.
//! - `rule`: what one kind of secret looks like. `normal_form`, `base64`, `shape`, `checksums`: what rules stand on.
//! - Rules: `private_keys`, `formats` (known by their form), `headers`, `named` (known by their name), `connections`, `entropy` (known
//!   by neither), `people`, `national_ids`, `accounts`, `ip_addresses`.
//! - Exits: `model`, `post` (chats), `log`.

use std::{
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::Value;

mod accounts;
mod base64;
#[cfg(test)]
mod cases;
mod checksums;
mod connections;
mod entropy;
mod formats;
mod headers;
mod ip_addresses;
mod log;
mod marks;
mod model;
mod named;
mod national_ids;
mod normal_form;
mod people;
mod policy;
mod post;
mod private_keys;
mod rule;
mod search;
mod shape;

use marks::Marks;
use rule::Spot;

pub use log::RedactedWriter;
pub use model::Redacted;
pub use policy::{CompiledPolicy, CustomPattern, RedactionPolicy, set_standing_policy, standing_policy};
pub use post::redacted_post;

/// Replaces secrets by marks such as `<email_1>`, the same mark for the same text, and turns them back.
///
/// One redactor serves one exchange with a model, or one audit entry: its marks mean nothing outside.
#[derive(Debug)]
pub struct Redactor {
    policy: Arc<CompiledPolicy>,
    /// Held for a few lines at a time, never across an await.
    marks: Mutex<Marks>,
}

/// What was found in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    /// The rule that found it: `github_token`, `named`, or the name of a custom pattern.
    pub rule: String,
    /// The word in its mark: `secret`, `email`.
    pub kind: String,
    /// Where it stands, bytes.
    pub place: Range<usize>,
}

impl Default for Redactor {
    /// Makes a redactor that keeps the policy of this program.
    fn default() -> Self {
        Self::new(&standing_policy())
    }
}

impl Redactor {
    /// Makes a redactor that keeps a policy.
    pub fn new(policy: &Arc<CompiledPolicy>) -> Self {
        Self { policy: policy.clone(), marks: Mutex::default() }
    }

    /// Returns `text` with marks in place of secrets.
    pub fn redact(&self, text: &str) -> String {
        self.redact_from(text, 0)
    }

    /// Returns what a model says with the marks of people's data turned back. Those of keys and passwords stay.
    fn restore_said(&self, text: &str) -> String {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner).restore_said(text)
    }

    /// As [`restore_said`](Self::restore_said), of every string inside of a JSON value, keys included.
    fn restore_said_json(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.restore_said(text)),
            Value::Array(values) => values.iter().map(|value| self.restore_said_json(value)).collect(),
            Value::Object(fields) => {
                let said =
                    |(key, value): (&String, &Value)| (self.restore_said(key), self.restore_said_json(value));
                fields.iter().map(said).collect()
            }
            other => other.clone(),
        }
    }

    /// Returns `text` with secrets in place of the marks that this redactor gave out. Other marks stay.
    pub fn restore(&self, text: &str) -> String {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner).restore(text)
    }

    /// Returns what of a text would be replaced, in order and apart from each other.
    pub fn secrets(&self, text: &str) -> Vec<Secret> {
        let spots = search::secrets(&self.policy, text).into_iter();
        spots
            .map(|spot| Secret { rule: spot.rule.to_owned(), kind: spot.kind.to_owned(), place: spot.range })
            .collect()
    }

    /// Redacts every string and number inside of a JSON value, keys included. What stands under the name of a secret goes
    /// whole.
    pub fn redact_json(&self, value: &Value) -> Value {
        self.redact_value(None, value)
    }

    /// Restores every string inside of a JSON value, keys included.
    pub fn restore_json(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => {
                self.marks.lock().unwrap_or_else(PoisonError::into_inner).restore_value(text)
            }
            Value::Array(values) => values.iter().map(|value| self.restore_json(value)).collect(),
            Value::Object(fields) => {
                fields.iter().map(|(key, value)| (self.restore(key), self.restore_json(value))).collect()
            }
            other => other.clone(),
        }
    }

    /// Redacts what follows the first bytes of a text, which are only there to be understood by.
    fn redact_from(&self, text: &str, start: usize) -> String {
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        let mut redacted = String::with_capacity(text.len());
        let mut end = start;
        for spot in search::secrets(&self.policy, text) {
            let secret = spot.range.start.max(start)..spot.range.end;
            if secret.is_empty() {
                continue;
            }
            redacted.push_str(&text[end..secret.start]);
            redacted.push_str(&marks.of_text(spot.kind, &text[secret.clone()]));
            end = secret.end;
        }
        redacted.push_str(&text[end..]);
        redacted
    }

    fn redact_value(&self, name: Option<&str>, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.redact_field(name, text)),
            Value::Number(number) => {
                if !self.is_secret_field(name, &number.to_string()) {
                    return value.clone();
                }
                Value::String(self.marks.lock().unwrap_or_else(PoisonError::into_inner).of_number(number))
            }
            Value::Array(values) => values.iter().map(|value| self.redact_value(name, value)).collect(),
            Value::Object(fields) => {
                // `{"name": "DB_PASSWORD", "value": "…"}` names its value beside it.
                let named = ["name", "key"].into_iter().find_map(|field| fields.get(field)?.as_str());
                let name_of = |key: &str| named.filter(|_| key == "value").unwrap_or(key).to_owned();
                let redacted = |(key, value): (&String, &Value)| {
                    (self.redact(key), self.redact_value(Some(&name_of(key)), value))
                };
                fields.iter().map(redacted).collect()
            }
            other => other.clone(),
        }
    }

    /// Redacts a text that stands under a name.
    fn redact_field(&self, name: Option<&str>, text: &str) -> String {
        let Some(name) = name else { return self.redact(text) };
        if self.is_named_secret(name, text) {
            return self.marks.lock().unwrap_or_else(PoisonError::into_inner).of_text("secret", text);
        }
        self.redact_from(&field(name, text), name.len() + 2)
    }

    fn is_secret_field(&self, name: Option<&str>, text: &str) -> bool {
        let name = name.unwrap_or_default();
        let ends_within = |spot: Spot<'_>| spot.range.end > name.len() + 2;
        self.is_named_secret(name, text)
            || search::secrets(&self.policy, &field(name, text)).into_iter().any(ends_within)
    }

    fn is_named_secret(&self, name: &str, text: &str) -> bool {
        named::is_secret_name(name) && named::is_secret_value(name, text) && !self.policy.allows(text)
    }
}

/// A field as a text, so that rules see its name.
fn field(name: &str, text: &str) -> String {
    format!("{name}: {text}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, want: &str) {
        let redactor = Redactor::default();
        assert_eq!(redactor.redact(text), want);
        assert_eq!(redactor.restore(want), text);
    }

    #[test]
    fn secrets_become_marks_and_come_back() {
        for (text, want) in [
            ("mail li.na@example.com now", "mail <email_1> now"),
            ("邮箱li.na@example.com发送", "邮箱<email_1>发送"),
            ("a@b.io wrote to a@b.io and c@b.io", "<email_1> wrote to <email_1> and <email_2>"),
            ("password=hunter2x&x=1", "password=<secret_1>&x=1"),
            ("password=\"my long pass phrase\" x", "password=\"<secret_1>\" x"),
            (r#"{\"password\":\"hunter2\",\"n\":1}"#, r#"{\"password\":\"<secret_1>\",\"n\":1}"#),
            (r#"{"db_password": "hunter2", "n": 1}"#, r#"{"db_password": "<secret_1>", "n": 1}"#),
            ("DB_PASSWORD=abcd PWD=efgh", "DB_PASSWORD=<secret_1> PWD=<secret_2>"),
            ("密码：s3cr3t，请勿外传", "密码：<secret_1>，请勿外传"),
            ("mysql -u shop --password hunter2 -h db", "mysql -u shop --password <secret_1> -h db"),
            ("x-api-key: abcd-1234", "x-api-key: <secret_1>"),
            ("Cookie: session=abc; theme=dark\nHost: x", "Cookie: <secret_1>\nHost: x"),
            ("postgres://shop:s3cr3t@db/x", "postgres://shop:<secret_1>@db/x"),
            ("redis://:s3cr3t@cache:6379/0", "redis://:<secret_1>@cache:6379/0"),
            ("Amqp://u:p%40ss@mq and https://x:y@z", "Amqp://u:<secret_1>@mq and https://x:<secret_2>@z"),
            ("https://0123456789abcdef@git/x", "https://<secret_1>@git/x"),
            ("https://0123456789abcdef@git.example/x", "https://<secret_1>/x"),
            ("key AKIAIOSFODNN7EXAMPLE", "key <secret_1>"),
            ("glpat-abcdefghij0123456789 leaked", "<secret_1> leaked"),
            ("Authorization: Bearer abcdef0123456789", "Authorization: Bearer <secret_1>"),
            ("Authorization: Basic c2hvcDpzM2NyM3Q=", "Authorization: Basic <secret_1>"),
            ("Authorization: Token 9944b09199c62bcf", "Authorization: Token <secret_1>"),
            ("authorization: ApiKey VnVhQ2ZHY0JDZGJrUQ==, x", "authorization: ApiKey <secret_1>, x"),
            (
                r#"{"Authorization":"Token 9944b09199","n":1}"#,
                r#"{"Authorization":"Token <secret_1>","n":1}"#,
            ),
            ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2ln", "jwt <token_1>"),
            ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nx", "<private_key_1>\nx"),
            ("-----BEGIN PRIVATE KEY-----\nMIIE cut off", "<private_key_1>"),
            (
                "-----BEGIN PGP PRIVATE KEY BLOCK-----\nlQOY\n-----END PGP PRIVATE KEY BLOCK-----\nx",
                "<private_key_1>\nx",
            ),
            ("call 13812345678 or 138-1234-5678", "call <phone_1> or <phone_2>"),
            ("电话13812345678转1", "电话<phone_1>转1"),
            ("call +86 138 1234 5678", "call <phone_1>"),
            ("call 415-555-2671 or (415) 555-2671", "call <phone_1> or <phone_2>"),
            ("call +33 6 12 34 56 78 now", "call <phone_1> now"),
            ("身份证11010519491231002X。", "身份证<id_number_1>。"),
            // The password is an address too: one secret, and nothing of it is left.
            ("password=li.na@example.com", "password=<secret_1>"),
            ("postgres://shop:li.na@example.com/x", "postgres://shop:<secret_1>/x"),
        ] {
            check(text, want);
        }
    }

    #[test]
    fn text_with_marks_of_its_own_comes_back() {
        check("<email_1> is not a@b.io", "<literal_1> is not <email_1>");
        check("<literal_1> <literal_1>", "<literal_1> <literal_1>");
        check("password=<secret_7>", "password=<literal_1>");
        check("<foo_1> and <span>", "<foo_1> and <span>");
    }

    #[test]
    fn ordinary_telemetry_stays_as_it_is() {
        for text in [
            "GET /cart/{id} 200 in 12.5 ms",
            "commit 9f3c1e2ab04d77aa1122334455667788aabbccdd",
            "trace 4bf92f3577b34da6a3ce929d0e0e4736 at 2026-03-01T14:05:00.25Z",
            "tokens: 1500",
            "http://10.0.0.9:6379/x?a=b@c",
            "checkout → inventory: 31 ms → 1.98 s",
            "cpu 1772373900123456789 ns, rss 536870912",
            "password is wrong for user 17",
            "authorization failed for cart",
            "id 3fa85f64-5717-4562-b3fc-2c963f66afa6 took 100-200-3000 steps, +1 -2",
        ] {
            check(text, text);
        }
    }

    #[test]
    fn json_is_redacted_in_keys_and_values_and_comes_back() {
        let redactor = Redactor::default();
        let value = serde_json::json!({ "a@b.io": ["c@d.io", 1, null, { "x": "a@b.io" }] });
        let redacted = redactor.redact_json(&value);
        assert_eq!(
            redacted,
            serde_json::json!({ "<email_1>": ["<email_2>", 1, null, { "x": "<email_1>" }] })
        );
        assert_eq!(redactor.restore_json(&redacted), value);
    }

    #[test]
    fn marks_that_were_not_given_out_stay() {
        assert_eq!(Redactor::default().restore("see <email_9>"), "see <email_9>");
    }

    /// Text made of pieces that patterns and marks are made of.
    fn awkward() -> impl Strategy<Value = String> {
        let pieces = vec![
            "<email_1>",
            "<literal_1>",
            "<secret_1>",
            "<",
            ">",
            "email_1",
            "a@b.io",
            "password=",
            "\"",
            "'",
            "\\",
            "://u:",
            "@",
            "http",
            "Bearer ",
            "abcdef0123456789",
            "13812345678",
            "eyJ",
            ".",
            "-----BEGIN PRIVATE KEY-----",
            "-----END PRIVATE KEY-----",
            "cookie: ",
            "\n",
            " ",
            "密码：",
            "x",
        ];
        prop::collection::vec(prop::sample::select(pieces), 0..24).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn whatever_was_redacted_comes_back(text in prop_oneof![awkward(), ".{0,80}", "[a-z@. =:/0-9<>_]{0,80}"]) {
            let redactor = Redactor::default();
            let redacted = redactor.redact(&text);
            prop_assert_eq!(redactor.restore(&redacted), text);
        }

        #[test]
        fn nothing_secret_is_left(before in "[ -~]{0,30}", after in "[ -~]{0,30}") {
            let text = format!("{before} li.na@example.com {after}");
            let redacted = Redactor::default().redact(&text);
            prop_assert!(!redacted.contains("li.na@example.com"), "{}", redacted);
        }

        #[test]
        fn redacting_twice_finds_only_marks(text in awkward()) {
            let redactor = Redactor::default();
            let once = redactor.redact(&text);
            let twice = redactor.redact(&once);
            prop_assert_eq!(redactor.restore(&redactor.restore(&twice)), text);
        }
    }
}
