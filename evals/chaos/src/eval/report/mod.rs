//! All numbers of an evaluation, as JSON that stays the same and as Markdown for people.

mod markdown;

pub(super) use markdown::line;

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    answer::Answer,
    calibration::{Calibration, calibration},
    case::{Case, NotRun},
    effort::{Effort, effort},
    floors::FLOORS,
    grounding::Ungrounded,
    interval::{Estimate, estimate},
    measures::{Better, COMMON, PASS, PASS_WHEN_ANSWERED, scores},
    published::{Published, published},
    repeats::{Repeats, repeats},
    results::Record,
    work::Evaluated,
};

/// The version of the report's form. Fields may be added under the same number, never renamed.
pub const SCHEMA: u32 = 1;

/// Everything that was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// Version of this form: 1.
    pub schema: u32,
    /// What was run.
    pub suite: String,
    /// How it is kept.
    pub layout: String,
    /// When a case passes, in words.
    pub pass_means: String,
    /// The model that was asked first.
    pub model: String,
    /// What else may change an answer.
    pub options: BTreeMap<String, String>,
    /// Hash over what the agent saw of the cases.
    pub fingerprint: String,
    /// Cases of the suite, those that could not be run among them.
    pub n_cases: usize,
    /// How often each case was to be run.
    pub n_repeats: u32,
    /// Runs with a finding.
    pub n_runs: usize,
    /// Runs in which another model than the one asked submitted the finding.
    pub n_fell_back: usize,
    /// Cases and runs without a finding.
    pub not_run: Vec<NotRun>,
    /// The table: the agent, the trivial rules, and what others have published.
    pub measures: Vec<Row>,
    /// Whether what was posted stands in its evidence.
    pub grounding: Grounded,
    /// Whether confidence means something; `None` when nothing was answered.
    pub calibration: Option<Calibration>,
    /// What the runs took.
    pub effort: Vec<Effort>,
    /// How runs of the same cases differ; `None` when each ran once.
    pub repeats: Option<Repeats>,
    /// One row a run, by case.
    pub cases: Vec<CaseRow>,
}

/// One measure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Row {
    /// Its name; never renamed.
    pub key: String,
    /// Its name for people.
    pub title: String,
    /// Which way is better.
    pub better: Better,
    /// What the agent reached; `None` when no truth says enough.
    pub agent: Option<Estimate>,
    /// What the trivial rules reached, by their names.
    pub floors: BTreeMap<String, Option<Estimate>>,
    /// What others reached.
    pub published: Vec<Published>,
}

/// Whether what was posted stands in its evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Grounded {
    /// Claims of all runs.
    pub n_claims: usize,
    /// Those without any number, time or name to look up; they count as grounded when they cite something.
    #[serde(default)]
    pub n_bare: usize,
    /// Those that stand in what they cite.
    pub n_grounded: usize,
    /// The rest.
    pub ungrounded: Vec<UngroundedClaim>,
}

/// A claim that does not stand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UngroundedClaim {
    /// Id of the case.
    pub case: String,
    /// The claim, and what is missing.
    #[serde(flatten)]
    pub claim: Ungrounded,
}

/// One run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CaseRow {
    /// Id of the case.
    pub case: String,
    /// From 0.
    pub repeat: u32,
    /// Whether it passed.
    pub passed: bool,
    /// Verdict of the finding.
    pub verdict: String,
    /// Its confidence.
    pub confidence: f64,
    /// What was said, in one line.
    pub said: String,
    /// What is right, in one line.
    pub wanted: String,
    /// All measures that its truth allows.
    pub scores: BTreeMap<String, f64>,
    /// What the trivial rules score here, by rule and measure.
    pub floors: BTreeMap<String, BTreeMap<String, f64>>,
    /// Claims, and those that stand.
    pub n_claims: usize,
    /// See `n_claims`.
    pub n_grounded: usize,
    /// Replies of models.
    pub steps: u32,
    /// Calls of tools.
    pub n_tool_calls: u32,
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
    /// US dollars; 0 where no price is known.
    pub cost_usd: f64,
    /// Milliseconds.
    pub time_ms: f64,
    /// The model that submitted the finding.
    pub model: String,
    /// Whether that was not the model that was asked.
    pub fell_back: bool,
}

/// Sums up an evaluation.
///
/// # Errors
///
/// When the published numbers that the program carries do not read.
pub fn report(evaluated: &Evaluated) -> Result<Report> {
    let Evaluated { suite, fingerprint, repeat, records, failed, .. } = evaluated;
    let cases = rows(evaluated);
    let answered = cases.iter().filter(|row| row.scores.contains_key(PASS_WHEN_ANSWERED));
    let said: Vec<_> = answered.map(|row| (row.confidence, row.passed)).collect();
    let n_claims = cases.iter().map(|row| row.n_claims).sum();
    let n_grounded = cases.iter().map(|row| row.n_grounded).sum();
    let n_bare = records.iter().map(|run| run.grounding.n_bare).sum();
    let not_run = suite.not_run.iter().chain(failed).cloned().collect();
    Ok(Report {
        schema: SCHEMA,
        suite: suite.name.clone(),
        layout: suite.layout.name.to_owned(),
        pass_means: suite.layout.pass_means.to_owned(),
        model: fingerprint.model.clone(),
        options: fingerprint.options.clone(),
        fingerprint: fingerprint.suite.clone(),
        n_cases: suite.cases.len() + suite.not_run.len(),
        n_repeats: *repeat,
        n_runs: records.len(),
        n_fell_back: records.iter().filter(|run| run.fell_back).count(),
        not_run,
        measures: measures(evaluated, &cases)?,
        grounding: Grounded { n_claims, n_bare, n_grounded, ungrounded: ungrounded(records) },
        calibration: calibration(&said),
        effort: effort(records),
        repeats: repeats(&passes(&cases)),
        cases,
    })
}

impl Report {
    /// Reads a report back from JSON.
    ///
    /// # Errors
    ///
    /// When it is none, or one of a later form.
    pub fn from_json(text: &str) -> Result<Self> {
        let report: Self = serde_json::from_str(text).context("read a report of `waggle eval`")?;
        if report.schema != SCHEMA {
            bail!(
                "a report of form {}, which this program does not know\nhint: it knows form {SCHEMA}",
                report.schema
            );
        }
        Ok(report)
    }

    /// Returns the JSON schema of a report; `docs/eval.schema.json` is this.
    pub fn json_schema() -> serde_json::Value {
        schemars::schema_for!(Self).to_value()
    }

    /// Returns the row of a measure.
    pub fn measure(&self, key: &str) -> Option<&Row> {
        self.measures.iter().find(|row| row.key == key)
    }

    /// Returns for each case that ran, by id, whether it passed in each of its repeats.
    pub fn passes(&self) -> Vec<(String, Vec<bool>)> {
        passes(&self.cases)
    }
}

fn passes(cases: &[CaseRow]) -> Vec<(String, Vec<bool>)> {
    let mut passes: BTreeMap<&str, Vec<bool>> = BTreeMap::new();
    for row in cases {
        passes.entry(&row.case).or_default().push(row.passed);
    }
    passes.into_iter().map(|(case, passed)| (case.to_owned(), passed)).collect()
}

fn rows(evaluated: &Evaluated) -> Vec<CaseRow> {
    let by_id: BTreeMap<&str, &Case> =
        evaluated.suite.cases.iter().map(|case| (case.id.as_str(), case)).collect();
    let known = evaluated.records.iter().filter_map(|run| Some((run, *by_id.get(run.case.as_str())?)));
    known.map(|(run, case)| row(evaluated, run, case)).collect()
}

fn row(evaluated: &Evaluated, run: &Record, case: &Case) -> CaseRow {
    let layout = evaluated.suite.layout;
    let answer = Answer::of(&run.finding, layout.category);
    let scored = scores(layout, &case.truth, &answer);
    let floors = evaluated.floors.get(&case.id).into_iter().flatten().zip(FLOORS);
    let floors = floors.map(|(said, floor)| (floor.key.to_owned(), scores(layout, &case.truth, said)));
    CaseRow {
        case: run.case.clone(),
        repeat: run.repeat,
        passed: scored.get(PASS) == Some(&1.0),
        verdict: run.finding.verdict.as_str().to_owned(),
        confidence: run.finding.confidence,
        said: answer.in_words(),
        wanted: case.truth.in_words(),
        floors: floors.collect(),
        scores: scored,
        n_claims: run.grounding.n_claims,
        n_grounded: run.grounding.n_claims.saturating_sub(run.grounding.ungrounded.len()),
        steps: run.steps,
        n_tool_calls: run.n_tool_calls,
        input_tokens: run.usage.input_tokens,
        output_tokens: run.usage.output_tokens,
        cost_usd: run.usage.cost_micro_usd as f64 / 1e6,
        time_ms: run.took_ms,
        model: run.model.clone(),
        fell_back: run.fell_back,
    }
}

fn measures(evaluated: &Evaluated, cases: &[CaseRow]) -> Result<Vec<Row>> {
    let layout = evaluated.suite.layout;
    let passes =
        [(PASS, "pass", Better::Higher), (PASS_WHEN_ANSWERED, "pass, of those answered", Better::Higher)];
    let all = passes
        .into_iter()
        .chain(layout.own.iter().chain(COMMON).map(|measure| (measure.key, measure.title, measure.better)));
    let rows = all.map(|(key, title, better)| {
        let floor = |name: &str| {
            over_cases(cases, |row| row.floors.get(name).and_then(|scores| scores.get(key)).copied())
        };
        Ok(Row {
            key: key.to_owned(),
            title: title.to_owned(),
            better,
            agent: over_cases(cases, |row| row.scores.get(key).copied()),
            floors: FLOORS.iter().map(|known| (known.key.to_owned(), floor(known.key))).collect(),
            published: published(layout.name, key)?,
        })
    });
    let rows: Result<Vec<Row>> = rows.collect();
    // What no truth of this suite says anything about is no row.
    Ok(rows?.into_iter().filter(|row| row.agent.is_some()).collect())
}

fn over_cases(cases: &[CaseRow], of: impl Fn(&CaseRow) -> Option<f64>) -> Option<Estimate> {
    let mut by_case: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for row in cases {
        by_case.entry(&row.case).or_default().extend(of(row));
    }
    estimate(&by_case.into_values().filter(|values| !values.is_empty()).collect::<Vec<_>>())
}

fn ungrounded(records: &[Record]) -> Vec<UngroundedClaim> {
    let of = |run: &Record| {
        let claims = run.grounding.ungrounded.clone().into_iter();
        claims.map(|claim| UngroundedClaim { case: run.case.clone(), claim }).collect::<Vec<_>>()
    };
    records.iter().flat_map(of).collect()
}
