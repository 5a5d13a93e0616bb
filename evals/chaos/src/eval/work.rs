//! Runs the cases of a suite, several at a time, each finished one kept.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::Duration,
};

use anyhow::{Context, Result, anyhow};
use futures::{StreamExt as _, stream};
use tokio::{task::spawn_blocking, time::timeout};

use super::{
    answer::Answer,
    case::{Case, NotRun, Suite},
    floors::floors,
    grounding::grounding,
    results::{self, Fingerprint, Record},
    run::{Run, Runner},
    stage::fingerprint,
};

/// How a suite is run.
#[derive(Clone, Debug)]
pub struct Options {
    /// How often each case is run; at least once.
    pub repeat: u32,
    /// How many runs go on at the same time; at least one.
    pub parallel: usize,
    /// What is not done by then counts as not run. The agent's own budget ends long before.
    pub limit: Duration,
    /// Where finished runs are kept.
    pub results: PathBuf,
    /// What else may change an answer, by name: budgets, prompts, languages. Runs with other settings are not mixed.
    pub settings: BTreeMap<String, String>,
}

/// A suite with all its runs.
#[derive(Clone, Debug)]
pub struct Evaluated {
    /// The suite; cases whose files do not read have gone to what was not run.
    pub suite: Suite,
    /// What makes the runs comparable.
    pub fingerprint: Fingerprint,
    /// How often each case was to be run.
    pub repeat: u32,
    /// All finished runs, by case in the order of the suite and by repeat.
    pub records: Vec<Record>,
    /// The answers of the trivial rules by case, in the order of [`super::floors::FLOORS`].
    pub floors: BTreeMap<String, Vec<Answer>>,
    /// Runs without a finding, and why; they are tried again by the next call.
    pub failed: Vec<NotRun>,
}

/// What is told while a suite runs.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// Runs that are over, those of earlier calls among them.
    pub n_done: usize,
    /// All runs.
    pub n_all: usize,
    /// The case that was just finished.
    pub case: &'a str,
    /// Why it has no finding, if it has none.
    pub failed: Option<&'a str>,
}

/// Runs every case that has no result yet, and returns all results.
///
/// # Errors
///
/// When the results file cannot be written, or holds runs of another suite, model or options. What goes wrong in a
/// single case is told in the result instead.
pub async fn evaluate(
    suite: Suite,
    runner: &dyn Runner,
    model: &str,
    options: &Options,
    on_progress: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<Evaluated> {
    let repeat = options.repeat.max(1);
    let (suite, floors, hash) = spawn_blocking(move || prepare(suite)).await.context("read the cases")??;
    let fingerprint = Fingerprint {
        suite: format!("{}-{hash}", suite.layout.name),
        model: model.to_owned(),
        options: options.settings.clone(),
    };
    let (mut file, mut records) = results::open(&options.results, &fingerprint)?;
    let ids: BTreeSet<&str> = suite.cases.iter().map(|case| case.id.as_str()).collect();
    records.retain(|record| record.repeat < repeat && ids.contains(record.case.as_str()));
    records.sort_by(by_case);
    records.dedup_by(|later, first| by_case(later, first).is_eq());
    let done: BTreeSet<(String, u32)> =
        records.iter().map(|record| (record.case.clone(), record.repeat)).collect();
    // Whole rounds one after the other: a run that is stopped has then seen as many cases as it could.
    let all = (0..repeat).flat_map(|round| suite.cases.iter().map(move |case| (case, round)));
    let todo: Vec<_> = all.filter(|(case, round)| !done.contains(&(case.id.clone(), *round))).collect();

    let (n_all, mut n_done, mut failed) = (records.len() + todo.len(), records.len(), Vec::new());
    let mut running = stream::iter(todo)
        .map(|(case, round)| async move { (case, round, one(runner, case, options.limit).await) })
        .buffer_unordered(options.parallel.max(1));
    while let Some((case, round, outcome)) = running.next().await {
        n_done += 1;
        let why = match outcome {
            Ok(run) => {
                let record = record(run, case, round, &fingerprint);
                file.append(&record)?;
                records.push(record);
                None
            }
            Err(error) => Some(format!("{error:#}")),
        };
        on_progress(Progress { n_done, n_all, case: &case.id, failed: why.as_deref() });
        failed.extend(why.map(|why| NotRun { case: case.id.clone(), why }));
    }
    drop(running);
    records.sort_by(by_case);
    failed.sort_by(|a, b| a.case.cmp(&b.case));
    Ok(Evaluated { suite, fingerprint, repeat, records, floors, failed })
}

type Prepared = (Suite, BTreeMap<String, Vec<Answer>>, String);

/// Reads the files of all cases once: what does not read is no case, and the trivial rules answer from what does.
fn prepare(suite: Suite) -> Result<Prepared> {
    let mut suite = suite;
    let mut answers = BTreeMap::new();
    let (mut readable, mut not_run) = (Vec::new(), Vec::new());
    for case in suite.cases {
        match floors(&case) {
            Ok(said) => {
                answers.insert(case.id.clone(), said);
                readable.push(case);
            }
            Err(error) => not_run.push(NotRun { case: case.id, why: format!("{error:#}") }),
        }
    }
    suite.cases = readable;
    suite.not_run.extend(not_run);
    suite.not_run.sort_by(|a, b| a.case.cmp(&b.case));
    let hash = fingerprint(&suite.cases)?;
    Ok((suite, answers, hash))
}

async fn one(runner: &dyn Runner, case: &Case, limit: Duration) -> Result<Run> {
    let late = |_| anyhow!("no finding after {} s", limit.as_secs());
    timeout(limit, runner.run(case)).await.map_err(late)?
}

fn record(run: Run, case: &Case, repeat: u32, fingerprint: &Fingerprint) -> Record {
    let mut finding = run.finding;
    // JSON has no word for what is no number.
    let number = |value: &mut f64| *value = if value.is_finite() { value.clamp(0.0, 1.0) } else { 0.0 };
    number(&mut finding.confidence);
    finding.root_causes.iter_mut().for_each(|cause| number(&mut cause.confidence));
    Record {
        fingerprint: fingerprint.clone(),
        case: case.id.clone(),
        repeat,
        grounding: grounding(&finding, &run.evidence, &run.told),
        finding,
        usage: run.usage,
        steps: run.steps,
        n_tool_calls: run.n_tool_calls,
        took_ms: run.took.as_secs_f64() * 1000.0,
        model: run.model,
        fell_back: run.fell_back,
    }
}

fn by_case(a: &Record, b: &Record) -> std::cmp::Ordering {
    (&a.case, a.repeat).cmp(&(&b.case, b.repeat))
}
