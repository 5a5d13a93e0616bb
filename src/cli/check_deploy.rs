//! Options of `waggle check-deploy`.

use std::{path::PathBuf, time::Duration};

use clap::{Args, ValueEnum};
use waggle_agent_core::Language;
use waggle_analysis::deploy::{Aspect, MinimumEffect, Rules};
use waggle_deploy_check::{Comparison, Matched, Question, Tag};
use waggle_signals::Timestamp;

use super::{duration, moment};

#[derive(Args, Clone, Debug)]
pub struct CheckDeploy {
    /// The service
    #[arg(long)]
    pub service: String,
    /// When the new version began to answer, RFC 3339
    #[arg(long, value_parser = moment)]
    pub deployed_at: Timestamp,
    /// The tag that the new version's resources carry; both versions are compared at the same time then
    #[arg(long, value_name = "KEY=VALUE", value_parser = tag)]
    pub canary: Option<Tag>,
    /// The tag of the stable version [default: whatever lacks the canary's]
    #[arg(long, value_name = "KEY=VALUE", value_parser = tag, requires = "canary")]
    pub stable: Option<Tag>,
    /// How much of the old version is read
    #[arg(long, default_value = "1h", value_parser = duration)]
    pub baseline: Duration,
    /// Compare with the same hours of the day before in place of the time just before
    #[arg(long, conflicts_with = "canary")]
    pub same_hours_day_before: bool,
    /// How long the new version is watched at most
    #[arg(long, default_value = "30m", value_parser = duration)]
    pub horizon: Duration,
    /// Time after the deploy that is not judged
    #[arg(long, default_value = "2m", value_parser = duration)]
    pub warm_up: Duration,
    /// A pass is not given sooner than this
    #[arg(long, default_value = "5m", value_parser = duration)]
    pub at_least: Duration,
    /// How often a healthy deploy may fail
    #[arg(long, default_value_t = 0.05)]
    pub alpha: f64,
    /// How often a measure that is worse may be called not worse
    #[arg(long, default_value_t = 0.05)]
    pub beta: f64,
    /// Requests that each side of an endpoint must have
    #[arg(long, default_value_t = 100)]
    pub min_requests: u64,
    /// The least change that matters, such as `p99=0.2,20`: a part of the value before, and a number in its unit; both must be reached
    #[arg(long, value_name = "MEASURE=RELATIVE,ABSOLUTE", value_parser = minimum)]
    pub minimum: Vec<(Aspect, MinimumEffect)>,
    /// What a pass must have shown not to be worse in the service as a whole
    #[arg(long, value_name = "MEASURE,…", value_delimiter = ',', default_value = "error_rate,p90", value_parser = aspect)]
    pub require: Vec<Aspect>,
    /// Look every 30 seconds until it is settled or the horizon is over
    #[arg(long)]
    pub watch: bool,
    /// Do not investigate a failure
    #[arg(long)]
    pub no_investigation: bool,
    /// Write the answer as Markdown
    #[arg(long, value_name = "FILE")]
    pub markdown: Option<PathBuf>,
    /// Write the answer as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write the answer as JUnit XML
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Write the answer as SARIF
    #[arg(long, value_name = "FILE")]
    pub sarif: Option<PathBuf>,
    /// Language of the Markdown
    #[arg(long, default_value = "en")]
    pub language: Spoken,
    /// Comment on this pull request of the repository, and bring the comment up to date the next time
    #[arg(long, value_name = "NUMBER", requires = "repository")]
    pub pull_request: Option<u64>,
    /// Set the status of this commit
    #[arg(long, value_name = "SHA", requires = "repository")]
    pub status_of: Option<String>,
    /// The repository on GitHub to comment in; `[changes.github]` in `waggle.toml` must allow it and name a token
    #[arg(long, value_name = "URL")]
    pub repository: Option<String>,
}

/// A language, as it is typed.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Spoken {
    En,
    Zh,
}

impl From<Spoken> for Language {
    fn from(spoken: Spoken) -> Self {
        match spoken {
            Spoken::En => Self::En,
            Spoken::Zh => Self::Zh,
        }
    }
}

impl CheckDeploy {
    /// Returns what is asked.
    pub fn question(&self) -> Question {
        let comparison = match self.canary.clone() {
            Some(canary) => Comparison::Canary {
                started: self.deployed_at,
                canary,
                stable: self.stable.clone(),
                history: self.baseline,
            },
            None => Comparison::BeforeAfter {
                deployed: self.deployed_at,
                baseline: self.baseline,
                matched: if self.same_hours_day_before { Matched::DayBefore } else { Matched::JustBefore },
            },
        };
        let rules = Rules {
            alpha: self.alpha,
            beta: self.beta,
            horizon: self.horizon,
            warm_up: self.warm_up,
            at_least: self.at_least,
            min_requests: self.min_requests,
            minimum: self.minimum.iter().copied().collect(),
            required: self.require.clone(),
            ..Rules::default()
        };
        let usual = Question::before_after(self.service.clone(), self.deployed_at);
        Question { comparison, rules, ..usual }
    }
}

fn tag(text: &str) -> Result<Tag, String> {
    Tag::parse(text).map_err(|error| error.to_string())
}

fn aspect(text: &str) -> Result<Aspect, String> {
    let known: Vec<_> = Aspect::ALL.iter().map(|aspect| aspect.as_str()).collect();
    Aspect::parse(text).ok_or_else(|| format!("`{text}` is no measure; there are {}", known.join(", ")))
}

/// Reads `p99=0.2,20`.
fn minimum(text: &str) -> Result<(Aspect, MinimumEffect), String> {
    let wrong = || format!("`{text}` is not such as `p99=0.2,20`");
    let (name, effect) = text.split_once('=').ok_or_else(wrong)?;
    let (relative, absolute) = effect.split_once(',').ok_or_else(wrong)?;
    let number =
        |text: &str| text.trim().parse::<f64>().ok().filter(|number| *number >= 0.0 && number.is_finite());
    let (relative, absolute) = number(relative).zip(number(absolute)).ok_or_else(wrong)?;
    Ok((aspect(name)?, MinimumEffect { relative, absolute }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minimums_are_read_or_refused() {
        let (aspect, effect) = minimum("p99=0.2,20").unwrap();
        assert_eq!((aspect, effect.relative, effect.absolute), (Aspect::P99, 0.2, 20.0));
        for wrong in ["", "p99", "p99=", "p99=0.2", "p98=0.2,20", "p99=-1,2", "p99=inf,2"] {
            assert!(minimum(wrong).is_err(), "{wrong}");
        }
    }
}
