//! Secrets in the headers and addresses of requests: authorization, cookies, user information, signatures.

use regex::Captures;

use super::{base64, rule::Rule, shape};

/// Returns the rules for headers and addresses.
pub(super) fn rules() -> Vec<Rule> {
    let any = |name, sign: &str, pattern: &str| Rule::new(name, "secret", sign, pattern);
    vec![
        // RFC 6750 §2.1.
        any("bearer", r"(?i)bearer\s", r"(?i)(?-u:\b)bearer\s+(?P<v>[A-Za-z0-9+/_.~=-]{12,})").when(is_no_word),
        // RFC 7617 §2: a name and a password in base64.
        any("basic", r"(?i)basic\s", r"(?i)(?-u:\b)basic\s+(?P<v>[A-Za-z0-9+/_-]{4,}={0,2})").when(is_name_and_password),
        // RFC 9110 §11.6.2: a scheme, and what proves who is calling.
        any(
            "authorization",
            r"(?i)authorization",
            r#"(?i)authorization\\?["']?\]?\s*(?:=>|[:=,])\s*\\?["']?(?:(?:digest|negotiate|ntlm|hawk|aws4-hmac-sha256)\s+(?P<w>[^\r\n]{8,})|(?:[a-z][a-z0-9_-]*\s+)?(?P<v>[^\s"'\\,;<>]{8,}))"#,
        ),
        // RFC 6265 §4: all of a line, or all in quotes.
        any("cookie", r"(?i)cookie", r#"(?i)(?-u:\b)(?:set-)?cookie2?["']?\s*(?::|=>)\s*(?:"(?P<w>[^"\r\n]+)|'?(?P<v>[^\s"'][^\r\n"']*))"#)
            .when(|found| found.get(0).is_some_and(|all| all.as_str().contains('='))),
        // https://docs.docker.com/reference/cli/docker/login/: as in `Basic`.
        any("docker_auth", r#"(?i)_?auth["']?\s*[:=]"#, r#"(?i)(?-u:\b)_?auth["']?\s*[:=]\s*["']?(?P<v>[A-Za-z0-9+/]{6,}={0,2})"#)
            .when(is_name_and_password),
        // RFC 3986 §3.2.1: user information before the host, to the last `@` before the path.
        any(
            "password_in_address",
            r"://[^\s/@]*:[^\s/]*@",
            r#"(?i)(?-u:\b)[a-z][a-z0-9+.-]*://[^\s:/@"'<>]*:(?P<v>[^\s/"'<>]+)@"#,
        ),
        any(
            "password_with_slash",
            r"://[^\s:/@]+:[^\s@]+@",
            r#"(?i)(?-u:\b)(?:postgres(?:ql)?|mysql|mariadb|mongodb(?:\+srv)?|rediss?|amqps?|ftp|sftp|ldaps?|smtps?|clickhouse|mssql|sqlserver)(?:\+\w+)?://[^\s:/@"'<>]+:(?P<v>[^\s@"'<>]*/[^\s@"'<>]*)@"#,
        )
        .when(|found| found.name("v").is_some_and(|v| !v.as_str().starts_with(|c: char| c.is_ascii_digit()) || !v.as_str().contains("//"))),
        any("token_in_address", r"https?://[^\s:/@]{16}", r"(?i)(?-u:\b)https?://(?P<v>[^\s:/@]{16,})@"),
        // Signed addresses: Azure's SAS, AWS Signature 4, Google's, Alibaba's; and keys of APIs.
        any(
            "signature_in_address",
            r"(?i)(?:sig|sign|signature|credential|awsaccesskeyid|ossaccesskeyid)=",
            r#"(?i)(?:[?&;]|&amp;|(?-u:\b))(?:sig|sign|(?:x-[a-z]+-)?(?:signature|credential)|awsaccesskeyid|ossaccesskeyid)=(?P<v>[A-Za-z0-9%+/=_-]{16,})"#,
        )
        .when(is_no_word),
        any(
            "key_in_address",
            r"[?&](?:key|code|ticket|auth|st|appid|id_token_hint|SAMLResponse|SAMLRequest|jwt|state)=",
            r"[?&](?:key|code|ticket|auth|st|id_token_hint|SAMLResponse|SAMLRequest|jwt)=(?P<v>[A-Za-z0-9%+/_.-]{16,}=*)",
        )
        .when(is_no_word),
    ]
}

fn is_no_word(found: &Captures<'_>) -> bool {
    let Some(secret) = found.name("v") else { return false };
    let shape = shape::Shape::of(secret.as_str());
    shape.digits > 0 || (shape.upper > 1 && shape.lower > 0) || secret.len() >= 24
}

/// Also takes what is long and cannot be read.
fn is_name_and_password(found: &Captures<'_>) -> bool {
    let Some(secret) = found.name("v") else { return false };
    let decoded = base64::decoded(secret.as_str());
    let readable = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    match readable {
        Some(text) => text.contains(':') && !text.contains(char::is_control),
        None => false,
    }
}
