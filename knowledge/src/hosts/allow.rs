//! Which repositories of a host may be asked about.

use std::str::FromStr;

use waggle_agent_core::{Error, Kind};

/// Rules such as `acme/shop` and `acme/*`. No rules allow nothing.
///
/// Letters are compared without their case, as all hosts do: <https://docs.gitlab.com/user/reserved_names/>.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allow(Vec<Rule>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Rule {
    /// One repository, in lower case.
    Repository(String),
    /// Everything below an owner or a group, in lower case with a slash at the end.
    Below(String),
}

impl Allow {
    /// Reads the rules.
    ///
    /// # Errors
    ///
    /// `Invalid` for a rule that is neither `owner/name` nor `owner/*`; there is no rule for all owners.
    pub fn read<S: AsRef<str>>(rules: &[S]) -> Result<Self, Error> {
        rules.iter().map(|rule| rule.as_ref().parse()).collect::<Result<_, _>>().map(Self)
    }

    /// Tells whether the repository at this path may be asked about.
    pub fn allows(&self, path: &str) -> bool {
        let path = path.to_ascii_lowercase();
        self.0.iter().any(|rule| match rule {
            Rule::Repository(allowed) => *allowed == path,
            Rule::Below(owner) => path.strip_prefix(owner.as_str()).is_some_and(|name| !name.is_empty()),
        })
    }
}

impl FromStr for Rule {
    type Err = Error;

    fn from_str(rule: &str) -> Result<Self, Error> {
        let is_part = |part: &str| {
            !part.is_empty()
                && part.chars().all(|l| l.is_ascii_alphanumeric() || matches!(l, '.' | '-' | '_'))
        };
        let lower = rule.to_ascii_lowercase();
        if let Some(owner) = lower.strip_suffix("/*")
            && owner.split('/').all(is_part)
        {
            return Ok(Self::Below(format!("{owner}/")));
        }
        if lower.contains('/') && lower.split('/').all(is_part) {
            return Ok(Self::Repository(lower));
        }
        Err(Kind::Invalid
            .error(format!("`{rule}` names no repository"))
            .with_hint("write `owner/name` for one repository, `owner/*` for all of an owner"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_rule_names_is_allowed() {
        let allow = Allow::read(&["acme/shop", "Hive/*", "acme/web/*"]).unwrap();
        for (path, allowed) in [
            ("acme/shop", true),
            ("Acme/Shop", true),
            ("acme/shop2", false),
            ("acme/shop/deeper", false),
            ("acme/other", false),
            ("hive/anything", true),
            ("hive/group/anything", true),
            ("hive2/anything", false),
            ("hive/", false),
            ("hive", false),
            ("acme/web", false),
            ("acme/web/page", true),
            ("", false),
        ] {
            assert_eq!(allow.allows(path), allowed, "{path}");
        }
        assert!(!Allow::default().allows("acme/shop"), "nothing is allowed unless it is named");
    }

    #[test]
    fn a_rule_for_everything_is_refused() {
        for rule in ["", "*", "*/*", "*/shop", "acme", "acme/", "acme/sh*", "/shop", "acme/**", "a b/c"] {
            assert_eq!(Allow::read(&[rule]).unwrap_err().kind(), Kind::Invalid, "{rule}");
        }
    }
}
