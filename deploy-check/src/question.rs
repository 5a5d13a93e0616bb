//! Which service is checked, and what with.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use waggle_agent_core::{Kind, Result};
use waggle_analysis::deploy::Rules;
use waggle_signals::Timestamp;

/// A question to the check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// Name of the service.
    pub service: String,
    /// What is compared.
    pub comparison: Comparison,
    /// How sure to be, of what. `is_concurrent` and `may_drift` follow from the comparison.
    pub rules: Rules,
    /// How old telemetry must be to be taken as complete: later spans of a block would change what was said of it.
    pub settle: Duration,
}

/// The two sides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    /// The time before a deploy and the time after.
    BeforeAfter {
        /// When the new version took over.
        deployed: Timestamp,
        /// How much of the old version is read.
        baseline: Duration,
        /// Which time of the old version.
        matched: Matched,
    },
    /// A new version beside the stable one at the same time, told apart by a tag of their resources.
    Canary {
        /// When the canary began to answer.
        started: Timestamp,
        /// The canary's tag.
        canary: Tag,
        /// The stable version's tag; whatever does not carry the canary's when `None`.
        stable: Option<Tag>,
        /// How much of the stable version before `started` is read, to fix what is judged.
        history: Duration,
    },
}

/// Which time of the old version is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Matched {
    /// The time up to the deploy. What the service drifts by itself is allowed for as far as it shows there.
    JustBefore,
    /// The same hours of the day before.
    DayBefore,
}

/// A key of a resource with the value it must have: `service.version`, `vcs.ref.head.revision`, any label.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
}

/// Blocks of one side that are read at most.
const MAX_BLOCKS: usize = 2_000;

impl Question {
    /// Asks about a deploy with the usual rules: an hour before, half an hour after.
    pub fn before_after(service: impl Into<String>, deployed: Timestamp) -> Self {
        let comparison = Comparison::BeforeAfter {
            deployed,
            baseline: Duration::from_secs(3600),
            matched: Matched::JustBefore,
        };
        Self { service: service.into(), comparison, rules: Rules::default(), settle: Duration::from_secs(10) }
    }

    /// Checks that the question can be answered at all.
    pub(crate) fn validate(&self) -> Result<()> {
        let rules = &self.rules;
        let is_chance = |share: f64| share > 0.0 && share < 1.0;
        if self.service.is_empty() {
            return Err(Kind::Invalid.error("no service is named").with_hint("give `--service checkout`"));
        }
        if !is_chance(rules.alpha) || !is_chance(rules.beta) {
            let fault = format!("alpha `{}` or beta `{}` is not between 0 and 1", rules.alpha, rules.beta);
            return Err(Kind::Invalid.error(fault).with_hint("0.05 is usual for both"));
        }
        let length = match &self.comparison {
            Comparison::BeforeAfter { baseline, .. } => baseline,
            Comparison::Canary { history, .. } => history,
        };
        for (name, length) in [("baseline", *length), ("horizon", rules.horizon)] {
            let blocks = rules.blocks_in(length);
            if blocks == 0 || blocks > MAX_BLOCKS {
                let fault = format!(
                    "the {name} of {} s has {blocks} blocks of {} s; 1 to {MAX_BLOCKS} can be read",
                    length.as_secs(),
                    rules.block.as_secs()
                );
                return Err(Kind::Invalid
                    .error(fault)
                    .with_hint("blocks of 30 s and a baseline of one hour are usual"));
            }
        }
        Ok(())
    }
}

impl Comparison {
    /// Tells whether the baseline ends where the new version begins.
    pub(crate) fn is_adjacent(&self) -> bool {
        matches!(self, Self::BeforeAfter { matched: Matched::JustBefore, .. })
    }
}

impl Tag {
    /// Reads `key=value`.
    ///
    /// # Errors
    ///
    /// `Invalid` when there is no `=`, or nothing on either side of it.
    pub fn parse(text: &str) -> Result<Self> {
        let parts = text.split_once('=').map(|(key, value)| (key.trim(), value.trim()));
        match parts {
            Some((key, value)) if !key.is_empty() && !value.is_empty() => {
                Ok(Self { key: key.to_owned(), value: value.to_owned() })
            }
            _ => Err(Kind::Invalid
                .error(format!("`{text}` is no tag"))
                .with_hint("write `service.version=1.4.2` or `vcs.ref.head.revision=<commit>`")),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn questions_that_cannot_be_answered_are_refused_with_the_reason() {
        let good = Question::before_after("checkout", Timestamp::from_secs(1));
        assert!(good.validate().is_ok());
        let with = |change: fn(&mut Question)| {
            let mut question = good.clone();
            change(&mut question);
            question.validate().unwrap_err().to_string()
        };
        assert_eq!(with(|it| it.service.clear()), "no service is named");
        assert_eq!(with(|it| it.rules.alpha = 0.0), "alpha `0` or beta `0.05` is not between 0 and 1");
        let endless = with(|it| it.rules.horizon = Duration::from_secs(86_400_000));
        assert!(endless.starts_with("the horizon of 86400000 s has 2880000 blocks"), "{endless}");
        assert!(with(|it| it.rules.block = Duration::ZERO).contains("has 0 blocks"));
    }

    proptest! {
        #[test]
        fn tags_are_read_back(key in "[a-z.]{1,12}", value in "[a-z0-9=.]{1,12}") {
            let tag = Tag::parse(&format!("{key}={value}")).unwrap();
            prop_assert_eq!((tag.key, tag.value), (key, value));
        }

        #[test]
        fn any_text_is_a_tag_or_refused(text in any::<String>()) {
            if let Ok(tag) = Tag::parse(&text) {
                prop_assert!(!tag.key.is_empty() && !tag.value.is_empty());
            }
        }
    }
}
