//! Why an endpoint refused, in its own words where it has some, and what can be done about it.

use std::time::Duration;

use serde_json::Value;

use crate::{Error, Kind};

/// Characters of an answer that an error quotes.
const MAX_QUOTED_CHARS: usize = 200;
/// Where the endpoints put what they have to say: OpenAI and most others; DashScope and Cohere; FastAPI; Ollama; Qianfan's
/// first version.
const MESSAGES: [&str; 6] = ["/error/message", "/message", "/detail", "/error", "/error_msg", "/msg"];
/// Where they put a code.
const CODES: [&str; 6] = ["/error/code", "/error/type", "/code", "/error_code", "/error/status", "/type"];

/// What codes mean where the status says less, or says 200. A code that starts like one of these is taken for it.
const KINDS_OF_CODES: [(&str, Kind); 33] = [
    // https://platform.openai.com/docs/guides/error-codes. At OpenAI a quota is money, at DashScope a rate: asking again
    // costs little.
    ("insufficient_quota", Kind::Unavailable),
    ("invalid_api_key", Kind::Denied),
    ("authentication", Kind::Denied),
    ("permission", Kind::Denied),
    ("rate_limit", Kind::Unavailable),
    ("server_error", Kind::Unavailable),
    ("overloaded", Kind::Unavailable),
    ("model_not_found", Kind::NotFound),
    // https://help.aliyun.com/zh/model-studio/error-code
    ("InvalidApiKey", Kind::Denied),
    ("Arrearage", Kind::Denied),
    ("AccessDenied", Kind::Denied),
    ("Throttling", Kind::Unavailable),
    ("InternalError", Kind::Unavailable),
    ("ServiceUnavailable", Kind::Unavailable),
    ("ModelNotFound", Kind::NotFound),
    // https://cloud.baidu.com/doc/WENXINWORKSHOP/s/tlmyncueh, and for the second version the answer quoted in
    // https://github.com/PaddlePaddle/ERNIE/issues/1031
    ("rpm_rate_limit", Kind::Unavailable),
    ("tpm_rate_limit", Kind::Unavailable),
    ("preemptible", Kind::Unavailable),
    ("invalid_iam_token", Kind::Denied),
    ("coding_plan_quota", Kind::Denied),
    ("access_denied", Kind::Denied),
    ("internal_error", Kind::Unavailable),
    ("dispatch_internal_error", Kind::Unavailable),
    ("=6", Kind::Denied),
    ("=18", Kind::Unavailable),
    ("=110", Kind::Denied),
    ("=111", Kind::Denied),
    ("=336100", Kind::Unavailable),
    // https://docs.bigmodel.cn/cn/api/api-code
    ("=1113", Kind::Denied),
    ("100", Kind::Denied),
    ("1302", Kind::Unavailable),
    ("1303", Kind::Unavailable),
    ("1305", Kind::Unavailable),
];

/// What an endpoint said when it did not answer.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// The status; 200 when the refusal came as an answer.
    pub(crate) status: u16,
    /// How long it wants to be left alone.
    pub(crate) retry_after: Option<Duration>,
    /// The start of its body.
    pub(crate) body: Vec<u8>,
}

impl Refusal {
    /// Returns what it says, in one line, a password or key in it hidden.
    pub(crate) fn message(&self, key: &str) -> String {
        let body: Option<Value> = serde_json::from_slice(&self.body).ok();
        let message = body.as_ref().and_then(|body| {
            let messages = MESSAGES.iter();
            messages.filter_map(|at| body.pointer(at)?.as_str()).find(|text| !text.is_empty())
        });
        match message {
            Some(message) => quoted(message.as_bytes(), key),
            None => quoted(&self.body, key),
        }
    }

    /// Says why an endpoint refused.
    pub(crate) fn error(&self, shown: &str, key: &str) -> Error {
        let (kind, hint) = self.kind();
        let status = match http::StatusCode::from_u16(self.status) {
            Ok(status) if !status.is_success() => format!("{status}: "),
            _ => "with an error: ".to_owned(),
        };
        kind.error(format!("the model at `{shown}` answered {status}{}", self.message(key)))
            .with_hint(hint)
            .with_retry_after(self.retry_after)
    }

    fn kind(&self) -> (Kind, &'static str) {
        let by_code = self.code().and_then(|code| kind_of_code(&code));
        match (self.status, by_code) {
            (402, _) | (400 | 429, Some(Kind::Denied)) => {
                (Kind::Denied, "is there credit left on the account? check `WAGGLE_MODEL_KEY`")
            }
            (401 | 403, _) => (Kind::Denied, "check `WAGGLE_MODEL_KEY`"),
            (404, _) => {
                (Kind::NotFound, "check `WAGGLE_MODEL_NAME`, and that `WAGGLE_MODEL_URL` ends in `/v1`")
            }
            (408, _) => (Kind::Timeout, "is the model server overloaded?"),
            (429, _) => (Kind::Unavailable, "try again later; is there credit left on the account?"),
            (425 | 500..=599, _) => (Kind::Unavailable, "try again later"),
            (300..=399, _) => (Kind::Invalid, "the address moved: check `WAGGLE_MODEL_URL`"),
            (200..=299, Some(Kind::Denied)) => (Kind::Denied, "check `WAGGLE_MODEL_KEY`"),
            (200..=299, Some(Kind::NotFound)) => (Kind::NotFound, "check `WAGGLE_MODEL_NAME`"),
            (200..=299, Some(Kind::Unavailable)) => (Kind::Unavailable, "try again later"),
            _ => (Kind::Invalid, "the endpoint refused the request"),
        }
    }

    fn code(&self) -> Option<String> {
        let body: Value = serde_json::from_slice(&self.body).ok()?;
        let mut codes = CODES.iter().filter_map(|at| match body.pointer(at)? {
            Value::String(code) if !code.is_empty() => Some(code.clone()),
            Value::Number(code) => Some(code.to_string()),
            _ => None,
        });
        codes.find(|code| kind_of_code(code).is_some())
    }
}

/// `=` in the table stands for the whole code: short numbers start longer ones.
fn kind_of_code(code: &str) -> Option<Kind> {
    let code = code.trim();
    let is_like = |known: &str| match known.strip_prefix('=') {
        Some(whole) => code == whole,
        // GLM's numbers have four digits.
        None if known.starts_with('1') => code.len() == 4 && code.starts_with(known),
        None => code.starts_with(known),
    };
    KINDS_OF_CODES.iter().find(|(known, _)| is_like(known)).map(|(_, kind)| *kind)
}

/// Reads how long an endpoint wants to be left alone: `retry-after` in seconds (RFC 9110 §10.2.3) or OpenAI's
/// `retry-after-ms`. A date is not read: it would need the clock of the other side.
pub(crate) fn retry_after(headers: &http::HeaderMap) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<f64>().ok();
    let seconds = number("retry-after-ms").map(|ms| ms / 1_000.0).or_else(|| number("retry-after"))?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// Quotes the start of what an endpoint wrote, on one line, the key in it hidden: an endpoint may quote the key that it does
/// not like, and some pages show every header that they were sent.
pub(crate) fn quoted(written: &[u8], key: &str) -> String {
    let text = without_key(String::from_utf8_lossy(written).into_owned(), key);
    let mut line = String::new();
    for word in text.split_whitespace() {
        if line.len() > MAX_QUOTED_CHARS * 4 {
            break;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.extend(word.chars().take(MAX_QUOTED_CHARS + 1));
    }
    line.chars().take(MAX_QUOTED_CHARS).collect()
}

/// Hides a key, also as JSON writes it and as some write `/` in JSON. One of three letters or less would hide words.
fn without_key(text: String, key: &str) -> String {
    if key.len() < 4 {
        return text;
    }
    let escaped = Value::from(key).to_string();
    let escaped = escaped.trim_matches('"');
    let forms = [key, escaped, &escaped.replace('/', "\\/")];
    forms.iter().fold(text, |text, form| text.replace(form, "<key>"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_say_what_the_status_does_not() {
        for (status, body, want) in [
            (
                200,
                r#"{"error_code": 18, "error_msg": "Open api qps request limit reached"}"#,
                Kind::Unavailable,
            ),
            (200, r#"{"error_code": 110, "error_msg": "Access token invalid"}"#, Kind::Denied),
            (200, r#"{"error_code": 336003, "error_msg": "the length is wrong"}"#, Kind::Invalid),
            (200, r#"{"error": {"code": "1302", "message": "并发数过高"}}"#, Kind::Unavailable),
            (200, r#"{"error": {"code": "1001", "message": "no token"}}"#, Kind::Denied),
            (429, r#"{"error": {"code": "1113", "message": "账户已欠费"}}"#, Kind::Denied),
            (429, r#"{"error": {"code": "insufficient_quota", "message": "no credit"}}"#, Kind::Unavailable),
            (429, r#"{"error": {"code": "rpm_rate_limit_exceeded", "message": "slow"}}"#, Kind::Unavailable),
            (400, r#"{"code": "Arrearage", "message": "overdue"}"#, Kind::Denied),
            (400, r#"{"error": {"code": 400, "message": "bad"}}"#, Kind::Invalid),
            (402, r#"{"error": {"message": "Insufficient Balance"}}"#, Kind::Denied),
            (529, r#"{"error": {"type": "overloaded_error"}}"#, Kind::Unavailable),
        ] {
            let refusal = Refusal { status, retry_after: None, body: body.as_bytes().to_vec() };
            assert_eq!(refusal.error("http://x", "k-123").kind(), want, "{status} {body}");
        }
    }

    #[test]
    fn a_key_that_comes_back_is_hidden() {
        let body = br#"{"error": {"message": "Incorrect key: k-123."}}"#.to_vec();
        let error = Refusal { status: 401, retry_after: None, body }.error("http://x", "k-123");
        assert_eq!(
            error.to_string(),
            "the model at `http://x` answered 401 Unauthorized: Incorrect key: <key>."
        );
    }

    #[test]
    fn a_key_is_hidden_however_it_is_written() {
        for (key, written, want) in [
            ("k-123", "Authorization: Bearer k-123", "Authorization: Bearer <key>"),
            (
                r#"a"b\c/d"#,
                r#"{"authorization": "Bearer a\"b\\c/d"}"#,
                r#"{"authorization": "Bearer <key>"}"#,
            ),
            (
                r#"a"b\c/d"#,
                r#"{"authorization": "Bearer a\"b\\c\/d"}"#,
                r#"{"authorization": "Bearer <key>"}"#,
            ),
            ("key", "the key is wrong", "the key is wrong"),
            ("", "none", "none"),
        ] {
            assert_eq!(quoted(written.as_bytes(), key), want, "{key}");
        }
    }

    #[test]
    fn a_wait_is_read_in_seconds_and_milliseconds() {
        for (name, value, want) in [
            ("retry-after", "2", Some(2_000)),
            ("retry-after", "0.5", Some(500)),
            ("retry-after-ms", "250", Some(250)),
            ("retry-after", "-1", None),
            ("retry-after", "inf", None),
            ("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT", None),
        ] {
            let mut headers = http::HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            assert_eq!(retry_after(&headers), want.map(Duration::from_millis), "{name}: {value}");
        }
    }
}
