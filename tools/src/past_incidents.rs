//! Incidents of before that looked like this one, what they were found to be, whether that holds today, and what is different.

use std::{collections::BTreeSet, fmt};

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waggle_agent_core::{
    IncidentId, Language, Result, Scene, Tool, ToolError,
    evidence::{Fact, Topic},
    finding::{Action, Verdict},
    past_case::{Outcome, PAST_TOOL},
    ports::{PastQuery, ResourceQuery},
    tool::Output,
};
use waggle_analysis::FaultTree;
use waggle_signals::Timestamp;

use crate::{
    past_differences::Difference,
    past_ranking::{Alike, alike},
    past_recheck::Recheck,
    past_today::today,
    quote::quote,
    red::round,
    rows::write_rows,
};

/// Returns incidents of before that are like this one (what stood out where, class of fault, error lines, words of the title): what they were found to be, what was done, how people rated that, whether their cause shows in today's data, and what is different today. A past incident is no proof of what is wrong now.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
pub struct PastIncidents {}

/// Incidents of before.
#[derive(Debug, Serialize)]
pub struct Past {
    searched: String,
    /// Those whose cause shows today first, then the most alike; older ones and those that were rated unhelpful later.
    pub(crate) incidents: Vec<PastRow>,
}

#[derive(Debug, Serialize)]
pub(crate) struct PastRow {
    pub id: IncidentId,
    pub opened_at: Timestamp,
    /// Cut to one short line. Untrusted.
    pub title: String,
    pub verdict: Verdict,
    pub causes: Vec<Cause>,
    pub action: Action,
    pub advice: String,
    /// 0 to 1.
    pub similarity: f64,
    /// Similarity, in percent.
    pub similarity_percent: f64,
    /// Similarity less for age, ratings and other code, 0 to 1.
    pub rank: f64,
    pub age_days: f64,
    pub n_helpful: usize,
    pub n_unhelpful: usize,
    /// What people said it really was; empty when nobody did. Untrusted.
    pub correction: String,
    /// Cases that blame the same, this one included.
    pub n_equal: usize,
    /// Whether the cause of then shows today; absent when nothing was blamed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recheck: Option<Recheck>,
    /// What both have.
    pub alike: Vec<String>,
    pub differences: Vec<Difference>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Cause {
    pub service: String,
    pub fault_class: String,
    /// Id of the change that was blamed; empty when none was.
    pub change: String,
}

/// Cases that are looked through, newest first.
const MAX_LOOKED_THROUGH: usize = 2_000;
/// Incidents that are told.
const MAX_TOLD: usize = 3;
/// Common features that are told.
const MAX_ALIKE: usize = 8;

#[async_trait]
impl Tool for PastIncidents {
    const NAME: &'static str = PAST_TOOL;
    type Output = Past;

    fn summary(&self) -> String {
        "incidents of before that are like this one".to_owned()
    }

    async fn run(self, scene: &Scene) -> Result<Past, ToolError> {
        let incident = &scene.incident;
        let before = incident.opened_at;
        let query = PastQuery::before(incident, MAX_LOOKED_THROUGH);
        let cases = scene.ports.past.cases(&query).await?;
        let searched = format!("{} incidents with a finding before {before}", cases.len());
        // Where nothing was measured everything is unlike everything, and no case failed.
        let heard = ResourceQuery { range: incident.window, service: None };
        if cases.is_empty() || scene.ports.telemetry.heard(&heard).await?.is_empty() {
            return Ok(Past { searched, incidents: Vec::new() });
        }
        let today = today(scene).await?;
        let found = alike(cases, &today, before, &FaultTree::first());
        let incidents = found.into_iter().take(MAX_TOLD).map(|alike| PastRow::of(alike, before));
        Ok(Past { searched, incidents: incidents.collect() })
    }
}

impl PastRow {
    fn of(alike: Alike, now: Timestamp) -> Self {
        let Alike { kept, blamed, likeness, rank, recheck, differences, n_equal } = alike;
        let votes = kept.votes();
        let case = kept.case;
        let causes = blamed.into_iter().map(|blamed| Cause {
            service: blamed.cause.service,
            fault_class: blamed.cause.fault_class,
            change: blamed.cause.change,
        });
        let same =
            [likeness.services, likeness.classes, likeness.signals, likeness.signs, likeness.words].concat();
        Self {
            id: case.incident,
            opened_at: case.opened_at,
            title: quote(&case.title),
            verdict: case.verdict,
            causes: causes.filter(|cause| !cause.fault_class.is_empty()).collect(),
            action: case.remedy.action,
            advice: quote(&case.remedy.text),
            similarity: round(likeness.grade),
            similarity_percent: (likeness.grade * 100.0).round(),
            rank: round(rank),
            age_days: (now.since(case.opened_at).as_secs_f64() / 86_400.0).round(),
            n_helpful: votes.n_helpful,
            n_unhelpful: votes.n_unhelpful,
            correction: quote(&votes.correction),
            n_equal,
            recheck,
            alike: unique(same).into_iter().take(MAX_ALIKE).collect(),
            differences,
        }
    }

    /// What came of holding it against today.
    pub(crate) fn outcome(&self) -> Outcome {
        self.recheck.as_ref().map_or(Outcome::CannotBeChecked, |recheck| recheck.outcome)
    }
}

fn unique(words: Vec<String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    words.into_iter().filter(|word| seen.insert(word.clone())).collect()
}

/// Said with every answer.
const NO_PROOF: (&str, &str) = (
    "a past incident is no proof: what was the cause then must be seen at work now",
    "过去的事件不是证据：当时的原因必须在现在的数据中得到验证",
);

impl Output for Past {
    fn is_empty(&self) -> bool {
        self.incidents.is_empty()
    }

    fn facts(&self, language: Language) -> Vec<Fact> {
        // Of no service, so that nobody takes what was true then for a reason now.
        let fact = |text| Fact { service: String::new(), topic: Topic::Knowledge, text };
        let mut facts: Vec<Fact> = self.incidents.iter().map(|row| fact(row.sentence(language))).collect();
        if !facts.is_empty() {
            facts.push(fact(language.pick(NO_PROOF.0, NO_PROOF.1).to_owned()));
        }
        facts
    }
}

impl fmt::Display for Past {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.incidents.is_empty() {
            return write!(f, "no incident of before is like this one; searched: {}", self.searched);
        }
        write_rows(f, self.incidents.iter(), MAX_TOLD)?;
        writeln!(f, "{}", NO_PROOF.0)
    }
}

impl fmt::Display for PastRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "\"{}\": {} (both have {})",
            self.title,
            self.sentence(Language::En),
            self.alike.join(", ")
        )?;
        if self.advice.is_empty() { Ok(()) } else { write!(f, "; advice then: {}", self.advice) }
    }
}
