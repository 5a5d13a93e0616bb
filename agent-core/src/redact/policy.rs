//! What an installation wants gone beyond what always goes, and what may stay.

use std::sync::{Arc, OnceLock};

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

use super::rule::Spot;
use crate::{Kind, Result};

/// What is redacted, as settings say it: `[redaction]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RedactionPolicy {
    /// Whether IP addresses go, too. Loopback and all zeros stay.
    pub ips: bool,
    /// What else goes. At most 100.
    pub custom: Vec<CustomPattern>,
    /// Regular expressions of what stays though a rule finds it; each must match all of what was found. At most 100.
    pub allow: Vec<String>,
}

/// What an installation calls secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomPattern {
    /// The word in the mark: `employee` gives `<custom_employee_1>`. A lowercase letter, then at most 23 of `a` to `z`, `0` to `9` and `_`.
    pub name: String,
    /// A regular expression. Its group `v`, where it has one, is what goes; otherwise all of it.
    pub pattern: String,
}

/// A policy that was checked and made ready. Made by [`RedactionPolicy::compile`].
#[derive(Debug, Default)]
pub struct CompiledPolicy {
    pub(super) ips: bool,
    custom: Vec<Custom>,
    allow: Vec<Regex>,
}

#[derive(Debug)]
struct Custom {
    name: String,
    kind: String,
    regex: Regex,
}

const MAX_PATTERNS: usize = 100;
const MAX_PATTERN_BYTES: usize = 1000;
const MAX_NAME_BYTES: usize = 24;
/// Most that one pattern may take when compiled, bytes.
const MAX_COMPILED_BYTES: usize = 1 << 20;

static STANDING: OnceLock<Arc<CompiledPolicy>> = OnceLock::new();

/// Sets the policy of this program, once and before anything is redacted: every redactor that is given none keeps it, wherever
/// it stands, so that no exit can be forgotten.
///
/// # Errors
///
/// `Invalid` when a policy stands already.
pub fn set_standing_policy(policy: Arc<CompiledPolicy>) -> Result<()> {
    STANDING.set(policy).map_err(|_| Kind::Invalid.error("a redaction policy stands already"))
}

/// Returns the policy of this program: the one that was set, or else the default.
pub fn standing_policy() -> Arc<CompiledPolicy> {
    static DEFAULT: OnceLock<Arc<CompiledPolicy>> = OnceLock::new();
    STANDING.get().unwrap_or_else(|| DEFAULT.get_or_init(Arc::default)).clone()
}

// === impl RedactionPolicy ===

impl RedactionPolicy {
    /// Checks the policy and makes it ready.
    ///
    /// # Errors
    ///
    /// `Invalid` for a bad name, an expression that cannot be read, is too big or matches nothing at all (the empty text), and
    /// for too many of them. The message names the entry.
    pub fn compile(&self) -> Result<Arc<CompiledPolicy>> {
        for (what, n) in [("custom patterns", self.custom.len()), ("allowed patterns", self.allow.len())] {
            if n > MAX_PATTERNS {
                return Err(Kind::Invalid.error(format!("{n} {what} are over the limit of {MAX_PATTERNS}")));
            }
        }
        let mut custom: Vec<Custom> = Vec::with_capacity(self.custom.len());
        for CustomPattern { name, pattern } in &self.custom {
            if !is_name(name) {
                return Err(Kind::Invalid
                    .error(format!("bad name `{name}` of a custom pattern"))
                    .with_hint("a lowercase letter, then at most 23 of `a` to `z`, `0` to `9` and `_`"));
            }
            if custom.iter().any(|other| other.name == *name) {
                return Err(Kind::Invalid.error(format!("custom pattern `{name}` is there twice")));
            }
            let what = format!("custom pattern `{name}`");
            check_length(pattern, &what)?;
            let regex = compiled(pattern, &what)?;
            custom.push(Custom { name: name.clone(), kind: format!("custom_{name}"), regex });
        }
        let mut allow = Vec::with_capacity(self.allow.len());
        for (n, pattern) in (1..).zip(&self.allow) {
            let what = format!("allowed pattern {n}");
            check_length(pattern, &what)?;
            compiled(pattern, &what)?;
            allow.push(compiled(&format!(r"\A(?:{pattern})\z"), &what)?);
        }
        Ok(Arc::new(CompiledPolicy { ips: self.ips, custom, allow }))
    }
}

// === impl CompiledPolicy ===

impl CompiledPolicy {
    /// Adds what the policy's own patterns find.
    pub(super) fn find<'p>(&'p self, text: &str, found: &mut Vec<Spot<'p>>) {
        for custom in &self.custom {
            for captures in custom.regex.captures_iter(text) {
                let Some(secret) = captures.name("v").or_else(|| captures.get(0)) else { continue };
                if !secret.is_empty() {
                    found.push(Spot { rule: &custom.name, kind: &custom.kind, range: secret.range() });
                }
            }
        }
    }

    /// Tells whether something may stay though a rule finds it.
    pub(super) fn allows(&self, secret: &str) -> bool {
        self.allow.iter().any(|pattern| pattern.is_match(secret))
    }
}

fn is_name(name: &str) -> bool {
    let is_in = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    name.len() <= MAX_NAME_BYTES
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(is_in)
}

fn check_length(pattern: &str, what: &str) -> Result<()> {
    match pattern.len() {
        0..=MAX_PATTERN_BYTES => Ok(()),
        len => {
            Err(Kind::Invalid.error(format!("{what} has {len} bytes, over the limit of {MAX_PATTERN_BYTES}")))
        }
    }
}

fn compiled(pattern: &str, what: &str) -> Result<Regex> {
    const SYNTAX: &str = "the syntax is that of the `regex` crate: no look-around, no back-references";
    let regex = RegexBuilder::new(pattern).size_limit(MAX_COMPILED_BYTES).build();
    let regex = regex.map_err(|error| {
        let error = match error {
            regex::Error::CompiledTooBig(most) => format!("it takes more than {most} bytes when compiled"),
            // Its drawing of where the fault is takes several lines; the last says what it is.
            other => {
                other.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
            }
        };
        Kind::Invalid.error(format!("{what} cannot be used: {error}")).with_hint(SYNTAX)
    })?;
    if regex.is_match("") {
        return Err(Kind::Invalid
            .error(format!("{what} matches the empty text, so it would match everywhere"))
            .with_hint("ask for one character at least: `+` rather than `*`"));
    }
    Ok(regex)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(settings: &str, want: &str) {
        let error = match toml::from_str::<RedactionPolicy>(settings) {
            Ok(policy) => policy.compile().unwrap_err().to_string(),
            Err(error) => error.message().to_owned(),
        };
        assert!(error.contains(want), "{error}");
    }

    #[test]
    fn a_bad_policy_is_refused_with_what_is_wrong() {
        check(
            "custom = [{ name = 'x', pattern = '(' }]",
            "custom pattern `x` cannot be used: unclosed group",
        );
        check("custom = [{ name = 'x', pattern = 'a*' }]", "matches the empty text");
        check("custom = [{ name = 'x', pattern = '(a{1000}){1000}' }]", "takes more than");
        check("custom = [{ name = 'X y', pattern = 'a' }]", "bad name `X y`");
        check("custom = [{ name = 'x', pattern = 'a' }, { name = 'x', pattern = 'b' }]", "is there twice");
        check("allow = ['a', '[']", "allowed pattern 2 cannot be used");
        check("ip = true", "unknown field `ip`");
        check("custom = [{ name = 'x', pattern = 'a', flags = '' }]", "unknown field `flags`");
    }
}
