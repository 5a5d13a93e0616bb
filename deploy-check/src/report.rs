//! The answer of a check, as JSON and as what the other forms are made of.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use waggle_agent_core::{Evidence, Finding};
use waggle_analysis::deploy::{Aspect, Judgement, Outcome, Verdict};
use waggle_signals::{TimeRange, Timestamp};

use crate::{Investigated, Suspect};

pub use crate::clues::{Clues, GrownCall, GrownFunction, NewLine};

/// The answer of a check. Fields may be added; none is renamed while `schema` is 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// Version of this form.
    pub schema: u32,
    /// The service.
    pub service: String,
    /// Pass, fail, or not enough data.
    #[schemars(schema_with = "outcome_schema")]
    pub outcome: Outcome,
    /// What the command exits with: 0, 1 or 2.
    pub exit_code: u8,
    /// Whether another look may change the outcome.
    pub is_final: bool,
    /// Whether a canary was compared with the stable version beside it.
    pub is_canary: bool,
    /// The time of the old version, or the stable one.
    pub before: Option<Span>,
    /// The time of the new version, without its warm-up.
    pub after: Option<Span>,
    /// Requests before.
    pub requests_before: u64,
    /// Requests after.
    pub requests_after: u64,
    /// Seconds of the new version that were judged.
    pub watched_s: u64,
    /// Seconds of warm-up that were not.
    pub warm_up_s: u64,
    /// The chance, at most, that a deploy that changed nothing fails, over all endpoints, measures and looks.
    pub alpha: f64,
    /// The chance, at most, that a measure worse by the minimum is called not worse.
    pub beta: f64,
    /// One row for each measure that is judged: the service as a whole first, then endpoints by traffic.
    pub measures: Vec<Row>,
    /// Endpoints with too little traffic to be judged by themselves. They count in the whole. Untrusted text.
    pub small_endpoints: Vec<String>,
    /// What else is new. It decides nothing.
    pub clues: Clues,
    /// What an investigation of the failure found, when there was one.
    #[serde(default)]
    pub investigated: Option<Investigated>,
    /// The commit of the service that may be to blame, when the investigation named one.
    pub suspect: Option<Suspect>,
    /// What to know of how it was read.
    pub notes: Vec<Note>,
}

/// A half-open window of time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Span {
    /// The first point inside.
    #[schemars(with = "String")]
    pub from: Timestamp,
    /// The first point after.
    #[schemars(with = "String")]
    pub to: Timestamp,
}

/// One judged measure. Values are shares (0 to 1), milliseconds, counts per request or bytes, by the measure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Row {
    /// The endpoint; absent for the service as a whole. Untrusted text.
    pub endpoint: Option<String>,
    /// The measure.
    #[schemars(schema_with = "aspect_schema")]
    pub measure: Aspect,
    /// The verdict.
    #[schemars(schema_with = "verdict_schema")]
    pub verdict: Verdict,
    /// The value before.
    pub before: f64,
    /// The value after; absent when nothing was measured.
    pub after: Option<f64>,
    /// It is less than this with a chance of `alpha` at most; absent when that cannot be told.
    pub low: Option<f64>,
    /// It is more than this with a chance of the report's `beta` at most; absent when that cannot be told.
    pub high: Option<f64>,
    /// The change for the worse that matters.
    pub minimum: f64,
    /// Its part of the report's `alpha`.
    pub alpha: f64,
    /// Requests before; processes for memory.
    pub requests_before: u64,
    /// Requests after; processes for memory.
    pub requests_after: u64,
    /// Requests more that would settle it if nothing changed; absent when it is settled, or only a longer baseline would help.
    pub needed: Option<u64>,
}

/// How it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Note {
    /// There were no requests before: nothing can be compared.
    NothingBefore,
    /// There were no requests after, or the warm-up is not over.
    NothingAfter,
    /// There were more requests than are read; the newest of each block stand for it.
    Thinned,
    /// There were more calls than are read; calls per request are not judged.
    CallsCut,
    /// The failure was to be investigated, and that went wrong.
    NotInvestigated,
    /// The failure is being investigated; a later look will know more.
    BeingInvestigated,
}

impl Report {
    /// Returns the JSON schema of a report; `docs/check-deploy.schema.json` is this.
    pub fn json_schema() -> Schema {
        schemars::schema_for!(Report)
    }

    /// Adds what an investigation of the failure found.
    #[must_use]
    pub fn with_finding(self, finding: &Finding, evidence: &[Evidence]) -> Self {
        let suspect = Suspect::of(finding, evidence, &self.service);
        Self { investigated: Some(Investigated::of(finding)), suspect, ..self }
    }

    /// Returns the measures with one verdict.
    pub fn with_verdict(&self, verdict: Verdict) -> impl Iterator<Item = &Row> {
        self.measures.iter().filter(move |row| row.verdict == verdict)
    }
}

impl From<TimeRange> for Span {
    fn from(range: TimeRange) -> Self {
        Self { from: range.from(), to: range.to() }
    }
}

impl From<Judgement> for Row {
    fn from(it: Judgement) -> Self {
        Self {
            endpoint: it.endpoint,
            measure: it.aspect,
            verdict: it.verdict,
            before: it.before,
            after: it.after,
            low: it.interval.low,
            high: it.interval.high,
            minimum: it.margin,
            alpha: it.alpha,
            requests_before: it.requests.0,
            requests_after: it.requests.1,
            needed: it.needed,
        }
    }
}

fn words<T: Serialize>(all: &[T]) -> Schema {
    let words: Vec<serde_json::Value> = all.iter().filter_map(|it| serde_json::to_value(it).ok()).collect();
    json_schema!({ "type": "string", "enum": words })
}

fn outcome_schema(_: &mut SchemaGenerator) -> Schema {
    words(&[Outcome::Pass, Outcome::Fail, Outcome::NotEnoughData])
}

fn verdict_schema(_: &mut SchemaGenerator) -> Schema {
    words(&[Verdict::Worse, Verdict::NotWorse, Verdict::TooLittle])
}

fn aspect_schema(_: &mut SchemaGenerator) -> Schema {
    words(&Aspect::ALL)
}
