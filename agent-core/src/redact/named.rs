//! Secrets that are known by their name: `password=…` as JSON, YAML, environments, addresses, headers and code write it, in English,
//! Chinese and some more languages.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::{rule::Rule, shape};

/// Names of secrets, at the end of a longer name: `DB_PASSWORD`, `spring.datasource.password`, `clientSecret`.
const NAMES: &str = "(?:db|user|root|admin|my|sql|ftp|smtp|ldap|http|proxy|key|store|trust|bind)_?pass|pin[_ -]?code|pass(?:word|wd|phrase|code)|passw|passwords|pwd|secret|secret[_-]?id|token|credentials?|requirepass|masterauth|\
    (?:api|app|application|access|account|auth|authentication|client|consumer|decryption|encryption|hmac|aes|ingest(?:ion)?|instrumentation|licen[cs]e|master|private|preshared|pre[_-]shared|secret|security|service|session|shared|signing|signature|ssh|storage|subscription|webhook|wrapping|unseal|integration|routing)[_. -]?key(?:[_-]?data)?|\
    shared[_-]?access[_-]?(?:key|signature)|authorization[_-]?code|bot[_-]?key|community[_-]?string|\
    jsessionid|phpsessid|asp\\.net_sessionid|connect\\.sid|passwort|kennwort|mot[_ ]de[_ ]passe|contrase(?:ñ|n)a|senha|пароль|パスワード|비밀번호|\
    密码|口令|密钥|秘钥|令牌|凭据|凭证|私钥|授权码|验证码|密碼|金鑰";

/// Names that are words of their own, or end a longer name after a break.
const SHORT_NAMES: &str = "pass|psw|passwd|pw|auth_?token|ak|sk|otp|cvv2?|cvc|_auth|psk";

/// What may stand after a name and changes nothing.
const AFTER_NAME: &str = "(?:[_-]?(?:value|val|b64|base64|encoded|plain|plaintext|text|raw|old|new|prod|dev|test|staging|\\d{1,2}))?";

/// Between a name and its value: quotes and brackets that close the name, and a sign.
const SIGN: &str = "[\"'`\\]]{0,2}[ \\t]*(?:=>|:=|==|->|<-|[:=：＝])[ \\t]*";

/// Values that say how things stand and keep no secret.
const STATES: &[&str] = &[
    "null",
    "nil",
    "none",
    "undefined",
    "true",
    "false",
    "yes",
    "no",
    "empty",
    "unset",
    "missing",
    "required",
    "optional",
    "invalid",
    "expired",
    "incorrect",
    "wrong",
    "rejected",
    "accepted",
    "disabled",
    "enabled",
    "hidden",
    "masked",
    "redacted",
    "removed",
    "filtered",
    "string",
    "str",
    "int",
    "bytes",
    "object",
    "option<string>",
    "unexpected",
    "unknown",
    "failed",
    "not",
    "must",
    "the",
    "is",
    "was",
    "for",
    "and",
    "or",
    "to",
    "in",
    "with",
    "from",
    "error",
    "authentication",
    "默认",
    "为空",
    "错误",
    "已过期",
    "无效",
    "required;",
    "***",
    "n/a",
    "changed",
    "rotated",
];

static SECRET_NAME: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(&format!("(?i)(?:(?:{NAMES}){AFTER_NAME}|(?:^|[^a-z0-9])(?:{SHORT_NAMES}))$")).ok()
});

/// A variable, a template, a function that reads it, or a mark that stands for what somebody hid.
static REFERENCE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"(?x)^(?:
        \$\{[^}]*\}? | \$\([^)]*\)? | \$[A-Z_][A-Z0-9_]*$ | \{\{.* | %\([a-z_]+\)s | %[a-z]$ | %[A-Z_]+% | \{[a-z_.]*\}? | <[A-Za-z0-9_\ -]+>?
        | \[?(?:REDACTED|FILTERED|MASKED|HIDDEN|SECRET)\]? | (?:os|process|env|self|this|config|cfg|settings|args|params|request|req|System|secrets|vars|var|data|local|module|ctx|options|opts)[.\[(][A-Za-z_.\[("'].*
        | [A-Za-z_][A-Za-z0-9_.:]*\(.* | [A-Z][A-Za-z0-9_$]*\{.* | [A-Za-z_][A-Za-z0-9_.$]*\.[A-Z][A-Za-z0-9_$]*@[0-9a-f]{1,8} | arn:.* | vault:.* | ref\+.* | (?:file|projects|env)[:/].*
    )$"#).ok()
});

/// Tells whether a field of this name keeps a secret.
pub(super) fn is_secret_name(name: &str) -> bool {
    SECRET_NAME.as_ref().is_some_and(|pattern| pattern.is_match(name))
}

/// Tells whether a value under the name of a secret may be one, rather than a word on how it stands, a reference or a count.
pub(super) fn is_secret_value(name: &str, value: &str) -> bool {
    let value = value.trim().trim_end_matches(['.', ')', ']', '}', '!', '?', '…']);
    let name = name.to_lowercase();
    let counts = name.ends_with("token")
        || name.ends_with("pass")
        || name.ends_with("key")
        || matches!(name.as_str(), "ak" | "sk" | "pw");
    let is_count = counts && value.len() < 6 && value.bytes().all(|byte| byte.is_ascii_digit());
    // The shell's working directory.
    let is_directory = name == "pwd" && value.starts_with('/');
    let is_path = name.ends_with("key")
        && (value.starts_with('/') || value.starts_with("./") || value.starts_with("~/"));
    let is_code = value.is_empty() || matches!(value, "|" | ">" | "|-" | ">-" | "|+" | "=");
    !(is_code
        || is_count
        || is_directory
        || is_path
        || shape::is_filler(value)
        || STATES.contains(&value.to_lowercase().as_str())
        || REFERENCE.as_ref().is_some_and(|reference| reference.is_match(value)))
}

/// Returns the rules for named secrets.
pub(super) fn rules() -> Vec<Rule> {
    let sign =
        format!("(?i-u:(?:{NAMES}|(?:\\b|_)(?:{SHORT_NAMES})){AFTER_NAME})[\"'`\\]]{{0,2}}\\s*[:=<>(：＝-]");
    let name = format!("(?:(?P<name>{NAMES})|(?-u:\\b|_)(?P<short>{SHORT_NAMES})){AFTER_NAME}");
    let words = format!("(?i-u:{NAMES})");
    vec![
        // In quotes there may be spaces. Quotes that are escaped are read in the normal form.
        Rule::new(
            "named_in_quotes",
            "secret",
            sign.clone(),
            format!(r#"(?i){name}[\"'`\]]{{0,2}}(?:\s*:\s*[&\w<>'\[\]. |]{{1,30}}?)?\s*(?:=>|:=|==|->|[:=：＝(])\s*[@brfuL$]{{0,2}}(?:\"(?P<v>(?:[^\"\\\r\n]|\\.)+)|'(?P<w>(?:[^'\\\r\n]|\\.)+))"#),
        )
        .when(is_named_secret),
        Rule::new(
            "named",
            "secret",
            sign.clone(),
            // A comma or the like belongs to the value where no other field begins behind it.
            format!(r#"(?i){name}{SIGN}[\[(]?(?P<v>[^\s"'`\\,;&<>(){{}}\[\]，；。、][^\s"'\\,;&<>，；。、]*(?:[,;&'<>][!-~&&[^"'\\,;&<>=:]]+(?:[,;&\s"'}}\])]|\z))?)"#),
        )
        .when(is_named_secret),
        Rule::new(
            "named_by_flag",
            "secret",
            r#"(?i-u)--?[a-z0-9_-]{0,40}(?:pass|secret|token|key|credential)"#,
            format!(r#"(?i)(?:^|[\s"'\[])--?[a-z0-9_-]*?(?P<name>{NAMES})(?:[= \t]|["'],?\s*["'])\s*(?:\"(?P<w>[^\"\r\n]+)|['"]?(?P<v>[^\s\-"'][^\s"']*))"#),
        )
        .when(is_named_secret),
        Rule::new(
            "named_in_tags",
            "secret",
            r"(?i-u)<[a-z0-9_.:-]{0,40}(?:pass|pwd|secret|token|key|credential)",
            format!(r"(?i)<[\w.:-]*?(?P<name>{NAMES})(?:\s[^<>]*)?>\s*(?P<v>[^<\s][^<]*)<"),
        )
        .when(is_named_secret),
        // The rest of a line of YAML, where a pass phrase may have spaces.
        Rule::new(
            "named_line",
            "secret",
            sign.clone(),
            r#"(?im)^[ \t+-]*(?:- )?[\w.-]*(?P<name>passphrase|password|passwd|secret)[ \t]*:[ \t]+(?P<v>[^\s"'|>&*!{\[#][^\r\n#]*[^\s#])"#,
        )
        .when(is_named_secret),
        // A block of YAML: the value on the lines below.
        Rule::new(
            "named_block",
            "secret",
            words.clone(),
            format!(r#"(?i){name}[ \t]*:[ \t]*[|>][+-]?\d?[ \t]*\r?\n(?P<v>(?:[ \t]+[^\r\n]*(?:\r?\n|\z))+)"#),
        )
        .when(is_named_secret),
        // Kubernetes and compose write the name and the value as two fields.
        Rule::new(
            "name_and_value",
            "secret",
            words.clone(),
            format!(r#"(?i)["']?(?:name|key)["']?\s*[:=]\s*["']?[\w.-]*?(?P<name>{NAMES})["']?\s*,?\s*(?:-\s+)?["']?value["']?\s*[:=]\s*(?:"(?P<w>(?:[^"\\\r\n]|\\.)+)|'?(?P<v>[^\s"',}}]+))"#),
        )
        .when(is_named_secret),
        // Said in a sentence: only what no word looks like.
        Rule::new(
            "said",
            "secret",
            words,
            r#"(?i)(?P<name>pass(?:word|phrase|code)|token|secret|api key|密码|口令|密钥|令牌|验证码|密碼)\s*(?:(?:is|was|to|as|of|=|:)(?:\s+(?:now|set to|changed to|reset to))?\s+|(?:已?(?:重置|修改|更新|设置|改))?(?:是|为|成|到)\s*[:：]?\s*)["'“「`]?(?P<v>[!-~]{4,})"#,
        )
        .when(is_said_secret),
        // Named with nothing between: only what is long and no word.
        Rule::new(
            "named_before",
            "secret",
            r"(?i-u:(?:token|secret|password|api[ _-]?key|credential)s?)[ \t]",
            r#"(?i)(?-u:\b)(?:token|secret|password|api[ _-]?key|credential)s?[ \t]+["'`(\[]?(?P<v>[A-Za-z0-9_+/=.-]{16,})"#,
        )
        .when(|found| {
            let shape = shape::Shape::of(&found["v"]);
            // Names of pods are made of shorter parts.
            let is_long = found["v"].split(['-', '.', '/']).any(|part| part.len() >= 12);
            shape.digits >= 3 && shape.lower + shape.upper >= 3 && shape.changes >= 0.25 && is_long
        }),
        // https://kubernetes.io/docs/concepts/configuration/secret/: all values are secret, whatever their names.
        Rule::new(
            "kubernetes_secret",
            "secret",
            r#"["']?kind["']?:\s*["']?Secret(?-u:\b)"#,
            r#"(?x)["']?kind["']?:\s*["']?Secret(?-u:\b)[\s\S]{0,2000}?(?-u:\b)(?:stringData|data)["']?:\s*(?:\{(?P<w>[^{}]+)\}|\r?\n(?P<v>(?:[\ \t]+[^\r\n]*(?:\r?\n|\z))+))"#,
        ),
        Rule::new(
            "kubernetes_secret_above",
            "secret",
            r#"["']?kind["']?:\s*["']?Secret(?-u:\b)"#,
            r#"(?x)(?-u:\b)(?:stringData|data)["']?:\s*(?:\{(?P<w>[^{}]+)\}|\r?\n(?P<v>(?:[\ \t]+[^\r\n]*\r?\n)+))[\s\S]{0,2000}?["']?kind["']?:\s*["']?Secret(?-u:\b)"#,
        ),
    ]
}

fn is_named_secret(found: &Captures<'_>) -> bool {
    let name = found.name("name").or_else(|| found.name("short")).map_or("", |name| name.as_str());
    let Some(value) = found.name("v").or_else(|| found.name("w")) else { return false };
    let short = found.name("short").is_some();
    // Two letters name many things; a key is long.
    let is_long = !short || !matches!(name.to_lowercase().as_str(), "ak" | "sk") || value.len() >= 8;
    is_long && is_secret_value(name, value.as_str())
}

fn is_said_secret(found: &Captures<'_>) -> bool {
    let (Some(name), Some(value)) = (found.name("name"), found.name("v")) else { return false };
    let value = value.as_str().trim_end_matches(['.', ',', ';', ':', ')', '"', '\'', '`']);
    let shape = shape::Shape::of(value);
    let letters = shape.lower + shape.upper;
    let is_strange = shape.digits > 0 && (letters > 0 || value.len() >= 6)
        || (shape.upper > 0 && shape.lower > 0 && shape.changes > 0.3);
    let has_signs =
        letters > 0 && value.len() >= 6 && value.bytes().any(|byte| b"!@#$%^&*+=~".contains(&byte));
    (is_strange || has_signs) && !value.contains("://") && is_secret_value(name.as_str(), value)
}
