//! Which change explains what is complained of.

use std::fmt;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waggle_agent_core::{
    Language, Scene, Tool, ToolError,
    evidence::{Fact, Topic},
    tool::Output,
};
use waggle_analysis::{
    blame::{Blame, SignSource, Signs, blame},
    quantity,
};

use crate::{code_signs, quote::quote, signs::gather};

/// Judges which change explains the complaints: holds what each commit and flag did against new error lines, failed spans and metrics that moved, with the time and place that it went live. Says also what happens without any change: load, a provider outside, a bad record, an expired certificate.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
pub struct ChangeSuspects {}

/// The judgement.
#[derive(Debug, Serialize)]
pub struct Judged {
    searched: String,
    #[serde(flatten)]
    blame: Blame,
    signs: Signs,
    missing: Vec<String>,
}

/// Complaints that are quoted at most.
const MAX_QUOTED: usize = 5;

#[async_trait]
impl Tool for ChangeSuspects {
    const NAME: &'static str = "change_suspects";
    type Output = Judged;

    fn summary(&self) -> String {
        "which change explains what is complained of".to_owned()
    }

    async fn run(self, scene: &Scene) -> Result<Judged, ToolError> {
        let gathered = gather(scene).await?;
        let blame = blame(&gathered.candidates, &gathered.deployments, &gathered.signs);
        let searched = format!(
            "{} changes against {} complaints and {} metrics that moved",
            gathered.candidates.len(),
            gathered.signs.texts.len(),
            gathered.signs.levels.len()
        );
        Ok(Judged { searched, blame, signs: gathered.signs, missing: gathered.missing })
    }
}

impl Output for Judged {
    fn is_empty(&self) -> bool {
        self.blame.culprit().is_none() && self.blame.circumstances.is_empty()
    }

    fn facts(&self, language: Language) -> Vec<Fact> {
        let logs =
            self.signs.texts.iter().filter(|sign| sign.source == SignSource::Log && !sign.service.is_empty());
        let said = logs.take(MAX_QUOTED).map(|sign| {
            let (service, text, count) = (&sign.service, quote(&sign.text), sign.count);
            let first = quantity::clock(sign.first);
            Fact {
                service: service.clone(),
                topic: Topic::Logs,
                text: language.pick(
                    format!("{service} writes a new kind of line since {first}, {count} times: `{text}`"),
                    format!("{service} 自 {first} 起出现新的日志 {count} 次：`{text}`"),
                ),
            }
        });
        let moved = self.signs.levels.iter().take(MAX_QUOTED).map(|level| {
            let (service, metric) = (&level.service, &level.metric);
            let (before, after) = (quantity::number(level.before), quantity::number(level.after));
            let since = quantity::clock(level.onset);
            Fact {
                service: service.clone(),
                topic: Topic::Symptom,
                text: language.pick(
                    format!("{service}: {metric} {before} → {after} since {since}"),
                    format!("{service}：{metric} 自 {since} 起 {before} → {after}"),
                ),
            }
        });
        let hunk = self.blame.culprit().and_then(|culprit| Some((culprit, culprit.hunks.first()?)));
        let hunk = hunk.map(|(culprit, hunk)| {
            let place = hunk.place();
            let id = quantity::short(&culprit.id);
            let inside =
                if hunk.function.is_empty() { String::new() } else { format!(" (`{}`)", hunk.function) };
            Fact {
                service: culprit.service.clone(),
                topic: Topic::Diff,
                text: language.pick(
                    format!("of all that {id} changes, `{place}`{inside} fits what is seen best"),
                    format!("{id} 的改动中，`{place}`{inside} 与现象最吻合"),
                ),
            }
        });
        hunk.into_iter().chain(said).chain(moved).collect()
    }
}

impl fmt::Display for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.blame)?;
        if let Some(hunk) = self.blame.culprit().and_then(|culprit| culprit.hunks.first()) {
            writeln!(f, "hunk: {hunk}")?;
        }
        for route in self.signs.code.routes.iter().take(MAX_QUOTED) {
            writeln!(f, "worse by itself: {}", code_signs::told(route))?;
        }
        writeln!(f, "failing, the first first: {}", self.signs.failing.join(", "))?;
        for sign in self.signs.texts.iter().filter(|sign| sign.source == SignSource::Log).take(MAX_QUOTED) {
            writeln!(f, "new: {} × {} `{}`", sign.service, sign.count, quote(&sign.text))?;
        }
        for level in self.signs.levels.iter().take(MAX_QUOTED) {
            let (before, after) = (quantity::number(level.before), quantity::number(level.after));
            writeln!(f, "moved: {} {} {before} → {after}", level.service, level.metric)?;
        }
        for missing in &self.missing {
            writeln!(f, "missing: {missing}")?;
        }
        write!(f, "searched: {}", self.searched)
    }
}
