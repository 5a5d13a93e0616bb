//! Incidents of before that looked like this one, what they were found to be, and what is different today.

use std::{collections::BTreeSet, fmt};

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waggle_agent_core::{
    Finding, IncidentId, Language, Result, Scene, Tool, ToolError,
    evidence::{Fact, Topic},
    finding::{Action, Verdict},
    ports::{PastIncident, PastQuery},
    tool::Output,
};
use waggle_analysis::anomaly::Anomaly;
use waggle_signals::{Measure, Timestamp};

use crate::{
    fault_signs::diagnosed,
    past_differences::{Difference, differences},
    quote::quote,
    recent_changes::recent,
    red::round,
    rows::write_rows,
    similarity::{Features, Likeness, likeness, words, worth},
    windows::scanned,
};

/// Returns incidents of before that are like this one (service, class of fault, what was unusual, words of the title): what they were found to be, what was done, how people rated that, and what is different today. A past incident is no proof of what is wrong now.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
pub struct PastIncidents {}

/// Incidents of before.
#[derive(Debug, Serialize)]
pub struct Past {
    searched: String,
    /// The most alike first, older ones and those that were rated unhelpful later.
    incidents: Vec<PastRow>,
}

#[derive(Debug, Serialize)]
struct PastRow {
    id: IncidentId,
    opened_at: Timestamp,
    /// Cut to one short line. Untrusted.
    title: String,
    verdict: Verdict,
    causes: Vec<Cause>,
    action: Action,
    advice: String,
    /// 0 to 1.
    similarity: f64,
    /// Similarity less for age and for ratings, 0 to 1.
    rank: f64,
    age_days: f64,
    n_helpful: usize,
    n_unhelpful: usize,
    /// What people said it really was. Untrusted.
    corrections: Vec<String>,
    /// What both have.
    alike: Vec<String>,
    differences: Vec<Difference>,
}

#[derive(Debug, Serialize)]
struct Cause {
    service: String,
    fault_class: String,
    /// Id of the change that was blamed; empty when none was.
    change: String,
}

/// Incidents that are looked through, newest first.
const MAX_LOOKED_THROUGH: usize = 200;
/// Incidents that are told.
const MAX_TOLD: usize = 5;
/// Below this, two incidents share less than a word or a signal.
const LEAST_ALIKE: f64 = 0.25;
/// What users feel, and what it is called in a finding.
const FELT: [(Measure, &str); 5] = [
    (Measure::LatencyP99, "latency_p99"),
    (Measure::LatencyMean, "latency_mean"),
    (Measure::ErrorRatio, "error_ratio"),
    (Measure::RequestRate, "request_rate"),
    (Measure::ErrorLogRate, "error_log_rate"),
];

#[async_trait]
impl Tool for PastIncidents {
    const NAME: &'static str = "past_incidents";
    type Output = Past;

    fn summary(&self) -> String {
        "incidents of before that are like this one".to_owned()
    }

    async fn run(self, scene: &Scene) -> Result<Past, ToolError> {
        let incident = &scene.incident;
        let (before, except) = (incident.opened_at, incident.id.clone());
        let query = PastQuery { before, except, limit: MAX_LOOKED_THROUGH };
        let past = scene.ports.past.past(&query).await?;
        let searched = format!("{} incidents with a finding before {before}", past.len());
        if past.is_empty() {
            return Ok(Past { searched, incidents: Vec::new() });
        }
        let now = present(scene).await?;
        let changed: BTreeSet<String> = recent(scene)
            .await?
            .into_iter()
            .filter(|change| !change.after_onset)
            .map(|change| change.service)
            .collect();
        let mut incidents: Vec<PastRow> = past
            .into_iter()
            .map(|past| {
                let then = features(&past);
                let alike = likeness(&now, &then);
                let differences = differences(&now, &then, &past.finding, &changed);
                PastRow::of(past, alike, differences, before)
            })
            .filter(|row| row.similarity >= LEAST_ALIKE)
            .collect();
        incidents.sort_by(|a, b| b.rank.total_cmp(&a.rank).then(b.opened_at.cmp(&a.opened_at)));
        incidents.truncate(MAX_TOLD);
        Ok(Past { searched, incidents })
    }
}

/// Returns what shows of the incident now.
async fn present(scene: &Scene) -> Result<Features> {
    let measures = FELT.map(|(measure, _)| measure);
    let anomalies = scanned(scene, &measures).await?;
    let named = scene.incident.service.clone();
    let is_its = |anomaly: &&Anomaly| named.as_deref().is_none_or(|named| anomaly.service() == named);
    let word = |anomaly: &Anomaly| {
        FELT.iter().find(|(measure, _)| *measure == anomaly.measure).map(|(_, word)| *word)
    };
    let signals = anomalies.iter().filter(is_its).filter_map(word).map(str::to_owned).collect();
    let faults = diagnosed(scene).await?.diagnosis.faults;
    Ok(Features {
        services: named.into_iter().collect(),
        classes: faults.into_iter().map(|fault| fault.class).collect(),
        signals,
        words: words(&scene.incident.title),
    })
}

/// Returns what showed of an incident then.
fn features(past: &PastIncident) -> Features {
    let PastIncident { incident, finding, .. } = past;
    let causes = || finding.root_causes.iter();
    let named =
        incident.service.iter().chain([&finding.symptom.service]).chain(causes().map(|cause| &cause.service));
    let some = |text: &&String| !text.is_empty();
    Features {
        services: named.filter(some).cloned().collect(),
        classes: causes().map(|cause| &cause.fault_class).filter(some).cloned().collect(),
        signals: [&finding.symptom.signal].into_iter().filter(some).cloned().collect(),
        words: words(&incident.title),
    }
}

impl PastRow {
    fn of(past: PastIncident, alike: Likeness, differences: Vec<Difference>, now: Timestamp) -> Self {
        let PastIncident { incident, finding, ratings } = past;
        let Finding { verdict, root_causes, remediation, .. } = finding;
        let age = now.since(incident.opened_at);
        let n_helpful = ratings.iter().filter(|rating| rating.helpful).count();
        let n_unhelpful = ratings.len() - n_helpful;
        let said = ratings.iter().map(|rating| quote(&rating.correction)).filter(|said| !said.is_empty());
        let causes = root_causes.into_iter().map(|cause| Cause {
            service: cause.service,
            fault_class: cause.fault_class,
            change: cause.change.map(|change| change.id).unwrap_or_default(),
        });
        Self {
            id: incident.id,
            opened_at: incident.opened_at,
            title: quote(&incident.title),
            verdict,
            causes: causes.collect(),
            action: remediation.action,
            advice: quote(&remediation.text),
            similarity: round(alike.grade),
            rank: round(alike.grade * worth(age, n_helpful, n_unhelpful)),
            age_days: (age.as_secs_f64() / 86_400.0).round(),
            n_helpful,
            n_unhelpful,
            corrections: said.collect(),
            alike: unique([alike.services, alike.classes, alike.signals, alike.words].concat()),
            differences,
        }
    }

    fn found(&self, language: Language) -> String {
        let causes = self.causes.iter().take(2).map(|Cause { service, fault_class, .. }| {
            language.pick(format!("`{fault_class}` of {service}"), format!("{service} 的 `{fault_class}`"))
        });
        let causes = causes.collect::<Vec<_>>().join(language.pick(", ", "、"));
        match (self.verdict, causes.is_empty()) {
            (Verdict::NoIncident, _) => language.pick("found to be nothing", "结论为没有故障").to_owned(),
            (_, true) => language.pick("not explained", "没有查明原因").to_owned(),
            (verdict, false) => {
                let verdict = verdict.as_str();
                language.pick(
                    format!("found to be {causes} (`{verdict}`)"),
                    format!("结论（`{verdict}`）：{causes}"),
                )
            }
        }
    }

    fn sentence(&self, language: Language) -> String {
        let Self { id, opened_at, n_helpful, n_unhelpful, .. } = self;
        let similarity = round(self.similarity * 100.0).round();
        let found = self.found(language);
        let done = match self.action_word() {
            "none" => String::new(),
            action => language.pick(format!("; advised was `{action}`"), format!("；当时建议 `{action}`")),
        };
        let rated = match (n_helpful, n_unhelpful) {
            (0, 0) => String::new(),
            _ => language.pick(
                format!("; rated helpful {n_helpful} times, unhelpful {n_unhelpful} times"),
                format!("；{n_helpful} 次评为有用，{n_unhelpful} 次评为无用"),
            ),
        };
        let corrected = self.corrections.last().map(|said| {
            language.pick(format!("; a person said that it was `{said}`"), format!("；有人更正为 `{said}`"))
        });
        let corrected = corrected.unwrap_or_default();
        let differs = self.differences.iter().map(|difference| difference.sentence(language));
        let differs = differs.collect::<Vec<_>>().join(language.pick("; ", "；"));
        let differs = match differs.is_empty() {
            true => String::new(),
            false => {
                language.pick(format!("; different today: {differs}"), format!("；今天不同的是：{differs}"))
            }
        };
        language.pick(
            format!(
                "`{id}` of {opened_at}, {similarity}% alike, was {found}{done}{rated}{corrected}{differs}"
            ),
            format!("{opened_at} 的 `{id}`（相似度 {similarity}%）{found}{done}{rated}{corrected}{differs}"),
        )
    }

    fn action_word(&self) -> &'static str {
        match self.action {
            Action::Rollback => "rollback",
            Action::RollForward => "roll_forward",
            Action::ConfigRevert => "config_revert",
            Action::Scale => "scale",
            Action::Failover => "failover",
            Action::RotateCertificate => "rotate_certificate",
            Action::DisableFlag => "disable_flag",
            Action::FixData => "fix_data",
            Action::Restart => "restart",
            Action::None => "none",
        }
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
