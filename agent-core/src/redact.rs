//! What must not leave: secrets and people's data are replaced by marks, and the marks can be turned back inside.

use std::{
    collections::HashMap,
    ops::Range,
    sync::{LazyLock, Mutex, PoisonError},
};

use async_trait::async_trait;
use regex::Regex;
use serde_json::Value;

use crate::{
    Result,
    ports::{Delta, Message, Model, ModelReply, ModelRequest, ToolSpec},
};

/// Replaces secrets by marks such as `<email_1>`, the same mark for the same text, and turns them back.
///
/// One redactor serves one exchange with a model, or one audit entry: its marks mean nothing outside.
#[derive(Debug, Default)]
pub struct Redactor {
    /// Held for a few lines at a time, never across an await.
    marks: Mutex<Marks>,
}

#[derive(Debug, Default)]
struct Marks {
    mark_of: HashMap<String, String>,
    text_of: HashMap<String, String>,
    n_of_kind: HashMap<&'static str, usize>,
}

/// A model that is only ever shown redacted text, and whose calls are turned back before they run.
///
/// Names, addresses and numbers of people are turned back. Keys and passwords are not: in other words than those they were found
/// in nothing would know them again, and a model that was told to could carry them out, in an answer or to another server.
pub struct Redacted<M>(pub M);

/// The kinds of marks that are turned back in what a model says.
const TURNED_BACK: [&str; 5] = ["literal", "email", "phone", "id_number", "ip"];

/// What is replaced. Group `v`, where there is one, is the part that is secret. Word boundaries are ASCII's, since Chinese
/// sets no spaces around an address or a number.
static PATTERNS: LazyLock<Vec<(&'static str, Regex)>> = LazyLock::new(|| {
    let patterns = [
        // What looks like a mark already is marked itself, so that restoring gives back what was there.
        ("literal", r"<(?:literal|private_key|token|secret|email|phone|id_number)_\d+>"),
        // RFC 7468 §10 and §11; with `BLOCK`, RFC 9580 §6.2.
        (
            "private_key",
            r"-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY(?: BLOCK)?-----|\z)",
        ),
        // RFC 7519 §3.1: three base64url parts; the first starts with `{"`.
        ("token", r"(?-u:\b)eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"),
        // Prefixes as their issuers document them: AWS, GitHub, GitLab, Slack, OpenAI, Stripe, Google, Hugging Face, npm.
        (
            "secret",
            r"(?-u:\b)(?:(?:AKIA|ASIA)[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,}|glpat-[A-Za-z0-9_-]{20,}|xox[abeoprs]-[A-Za-z0-9-]{10,}|xapp-[A-Za-z0-9-]{10,}|sk-[A-Za-z0-9_-]{20,}|[rs]k_(?:live|test)_[A-Za-z0-9]{16,}|AIza[0-9A-Za-z_-]{35}|ya29\.[0-9A-Za-z_-]{20,}|hf_[A-Za-z0-9]{30,}|npm_[A-Za-z0-9]{36})",
        ),
        ("secret", r"(?i)(?-u:\b)(?:bearer|basic)\s+(?P<v>[A-Za-z0-9+/_.=-]{12,})"),
        // RFC 9110 §11.6.2: a scheme, and what proves who is calling.
        (
            "secret",
            r#"(?i)authorization\\?["']?\s*[:=]\s*\\?["']?(?:[a-z][a-z0-9_-]*\s+)?(?P<v>[^\s"'\\,;<>]{8,})"#,
        ),
        ("secret", r"(?i)(?-u:\b)(?:set-)?cookie\s*:\s*(?P<v>[^\r\n]+)"),
        // A named secret in quotes may have spaces in it; the quotes may be escaped.
        (
            "secret",
            r#"(?i)(?:pass(?:word|wd|phrase)|pwd|secret|token|api[_-]?key|access[_-]?key|account[_-]?key|credential|密码|口令|密钥)\\?["']?\s*[:=：]\s*\\?["'](?P<v>[^"'\\\r\n]+)"#,
        ),
        (
            "secret",
            r#"(?i)(?:pass(?:word|wd|phrase)|pwd|secret|token|api[_-]?key|access[_-]?key|account[_-]?key|credential|密码|口令|密钥)\\?["']?\s*[:=：]\s*(?P<v>[^\s"'\\&,;<>，；。、]{4,})"#,
        ),
        ("secret", r"(?i)\s--?(?:password|passwd|secret|token|api-key)[ =](?P<v>[^\s-][^\s]*)"),
        // RFC 3986 §3.2.1: user information before the host.
        ("secret", r"(?i)(?-u:\b)[a-z][a-z0-9+.-]*://[^\s:/@]*:(?P<v>[^\s@/]+)@"),
        ("secret", r"(?i)(?-u:\b)https?://(?P<v>[^\s:/@]{16,})@"),
        ("email", r"(?-u:\b)[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}(?-u:\b)"),
        // Mobile numbers of mainland China (YD/T 3.1: 11 digits from 13 to 19), international form, also in pairs as in
        // France, and the ten digits of North America.
        (
            "phone",
            r"(?x)\+\d{1,3}[\ -]?\d{2,4}[\ -]?\d{3,4}[\ -]?\d{3,4}(?-u:\b)
            | \+\d{1,3}[\ .-]\d(?:[\ .-]\d{2}){4}(?-u:\b)
            | (?-u:\b)1[3-9]\d(?:\d{8}|[\ -]\d{4}[\ -]\d{4})(?-u:\b)
            | (?-u:\b)[2-9]\d{2}-[2-9]\d{2}-\d{4}(?-u:\b)
            | \([2-9]\d{2}\)\ ?[2-9]\d{2}[\ -]\d{4}(?-u:\b)",
        ),
        // GB 11643-1999: 17 digits and a check character.
        (
            "id_number",
            r"(?-u:\b)[1-9]\d{5}(?:18|19|20)\d{2}(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])\d{3}[0-9Xx](?-u:\b)",
        ),
    ];
    patterns.into_iter().filter_map(|(kind, pattern)| Some((kind, Regex::new(pattern).ok()?))).collect()
});

static MARK: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"<[a-z_]+_\d+>").ok());

// === impl Redactor ===

impl Redactor {
    /// Returns `text` with marks in place of secrets.
    pub fn redact(&self, text: &str) -> String {
        let mut redacted = String::with_capacity(text.len());
        let mut end = 0;
        for (kind, secret) in secrets(text) {
            redacted.push_str(&text[end..secret.start]);
            redacted.push_str(&self.mark(kind, &text[secret.clone()]));
            end = secret.end;
        }
        redacted.push_str(&text[end..]);
        redacted
    }

    /// Returns `text` with secrets in place of the marks that this redactor gave out. Other marks stay.
    pub fn restore(&self, text: &str) -> String {
        let marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(pattern) = MARK.as_ref() else { return text.to_owned() };
        pattern
            .replace_all(text, |found: &regex::Captures<'_>| {
                marks.text_of.get(&found[0]).cloned().unwrap_or_else(|| found[0].to_owned())
            })
            .into_owned()
    }

    /// Returns what a model says with the marks turned back that may be.
    fn restore_said(&self, text: &str) -> String {
        let Some(pattern) = MARK.as_ref() else { return text.to_owned() };
        let turned_back = |found: &regex::Captures<'_>| {
            let kind = found[0].trim_start_matches('<').rsplit_once('_').map_or("", |(kind, _)| kind);
            if TURNED_BACK.contains(&kind) { self.restore(&found[0]) } else { found[0].to_owned() }
        };
        pattern.replace_all(text, turned_back).into_owned()
    }

    /// Redacts every string inside of a JSON value, keys included.
    pub fn redact_json(&self, value: &Value) -> Value {
        map_strings(value, &|text| self.redact(text))
    }

    /// Restores every string inside of a JSON value, keys included.
    pub fn restore_json(&self, value: &Value) -> Value {
        map_strings(value, &|text| self.restore(text))
    }

    fn mark(&self, kind: &'static str, secret: &str) -> String {
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mark) = marks.mark_of.get(secret) {
            return mark.clone();
        }
        let n = marks.n_of_kind.entry(kind).or_default();
        *n += 1;
        let mark = format!("<{kind}_{n}>");
        marks.mark_of.insert(secret.to_owned(), mark.clone());
        marks.text_of.insert(mark.clone(), secret.to_owned());
        mark
    }

    /// Redacts how a tool describes itself: one of another server says what it likes. Its name stays, since it is called by
    /// it.
    fn redact_tool(&self, tool: &ToolSpec) -> ToolSpec {
        ToolSpec {
            name: tool.name.clone(),
            description: self.redact(&tool.description),
            schema: self.redact_json(&tool.schema),
        }
    }

    fn redact_message(&self, message: &Message) -> Message {
        match message {
            Message::System { text } => Message::System { text: self.redact(text) },
            Message::User { text } => Message::User { text: self.redact(text) },
            Message::Assistant { text, calls } => Message::Assistant {
                text: self.redact(text),
                calls: calls
                    .iter()
                    .map(|call| crate::ports::ToolCall {
                        arguments: self.redact_json(&call.arguments),
                        ..call.clone()
                    })
                    .collect(),
            },
            Message::Tool(reply) => Message::Tool(crate::ports::ToolReply {
                text: self.redact(&reply.text),
                data: None,
                ..reply.clone()
            }),
        }
    }
}

/// Finds what must not leave, in order and apart from each other: what overlaps is one secret, so that nothing between is left.
fn secrets(text: &str) -> Vec<(&'static str, Range<usize>)> {
    let found = PATTERNS.iter().enumerate().flat_map(|(place, (kind, pattern))| {
        let found = pattern.captures_iter(text).filter_map(|found| found.name("v").or_else(|| found.get(0)));
        found.map(move |secret| (secret.range(), place, *kind))
    });
    let mut found: Vec<_> = found.filter(|(range, ..)| !range.is_empty()).collect();
    found.sort_by_key(|(range, place, _)| (range.start, *place));
    let mut secrets: Vec<(&'static str, Range<usize>)> = Vec::new();
    for (range, _, kind) in found {
        match secrets.last_mut() {
            Some((_, last)) if range.start < last.end => last.end = last.end.max(range.end),
            _ => secrets.push((kind, range)),
        }
    }
    secrets
}

fn map_strings(value: &Value, map: &impl Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(map(text)),
        Value::Array(values) => values.iter().map(|value| map_strings(value, map)).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(key, value)| (map(key), map_strings(value, map))).collect()
        }
        other => other.clone(),
    }
}

// === impl Redacted ===

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
        let messages = request.messages.iter().map(|message| redactor.redact_message(message)).collect();
        let redacted = ModelRequest {
            messages,
            tools: request.tools.iter().map(|tool| redactor.redact_tool(tool)).collect(),
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
            call.arguments = map_strings(&call.arguments, &|text| redactor.restore_said(text));
        }
        Ok(reply)
    }
}

/// Text on its way, cut anywhere.
#[derive(Default)]
struct Arriving {
    /// What may be the beginning of a mark.
    kept: String,
}

impl Arriving {
    /// Marks are shorter than this.
    const MAX_MARK_BYTES: usize = 40;

    /// Adds a piece, and returns the text in which no mark can be cut in two.
    fn take(&mut self, piece: &str) -> String {
        self.kept.push_str(piece);
        let open = self.kept.rfind('<').filter(|at| {
            let begun = &self.kept[*at..];
            begun.len() <= Self::MAX_MARK_BYTES && !begun.contains('>')
        });
        let begun = open.map(|at| self.kept.split_off(at)).unwrap_or_default();
        std::mem::replace(&mut self.kept, begun)
    }
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
