//! Recorded tool answers of incidents of two kinds of systems, and of systems that are well.
//!
//! Each case is read generically (texts, series, objects, wherever they are), goes through `waggle_analysis::symptoms`, and the class found is put into the set's categories.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context as _, Result};
use waggle_analysis::symptoms::{Diagnosis, Evidence, Verdict, examine};
use waggle_chaos::eval::layouts::opensre::{Answer, answers, category};
use waggle_files::incident::recorded;

use crate::{sets::Set, table::Row};

/// The set.
pub const SET: Set = Set { name: "opensre", folder: "opensre", run };

#[derive(Default)]
struct Score {
    cases: f64,
    right: f64,
    healthy: f64,
    called_healthy: f64,
    false_alarms: f64,
    missed: f64,
    forbidden: f64,
    keywords: f64,
    keywords_found: f64,
    milliseconds: f64,
}

fn run(folder: &Path, is_verbose: bool) -> Result<Vec<Row>> {
    let mut all = Score::default();
    let mut rows = Vec::new();
    for suite in folders(folder)? {
        let mut score = Score::default();
        for case in folders(&suite)?.iter().filter(|case| case.join("answer.yml").is_file()) {
            one(case, &mut score, is_verbose).with_context(|| format!("run `{}`", case.display()))?;
        }
        let name = suite.file_name().unwrap_or_default().to_string_lossy().into_owned();
        rows.extend(score.rows(&format!("opensre {name}")));
        all.add(&score);
    }
    rows.extend(all.rows("opensre"));
    Ok(rows)
}

fn one(case: &Path, score: &mut Score, is_verbose: bool) -> Result<()> {
    let answer = Answer::read(&fs::read_to_string(case.join("answer.yml"))?);
    let evidence = read(case)?;
    let start = Instant::now();
    let diagnosis = examine(&evidence);
    let took = start.elapsed().as_secs_f64() * 1000.0;
    let category = match diagnosis.verdict {
        Verdict::Healthy => "healthy",
        Verdict::NoEvidence => "unknown",
        Verdict::Faulty => diagnosis.root().map_or("unknown", |root| category(&root.class)),
    };
    let told = told(&diagnosis);
    let found = answer.keywords.iter().filter(|keyword| told.contains(&keyword.to_lowercase()));
    let is_healthy = answer.category == "healthy";
    score.cases += 1.0;
    score.right += flag(category == answer.category);
    score.healthy += flag(is_healthy);
    score.called_healthy += flag(is_healthy && category == "healthy");
    score.false_alarms += flag(is_healthy && category != "healthy");
    score.missed += flag(!is_healthy && category == "healthy");
    score.forbidden += flag(answer.forbidden.iter().any(|one| one == category));
    score.keywords += answer.keywords.len() as f64;
    score.keywords_found += found.count() as f64;
    score.milliseconds += took;
    if is_verbose {
        let name = case.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let missing: Vec<&String> =
            answer.keywords.iter().filter(|keyword| !told.contains(&keyword.to_lowercase())).collect();
        let mark = if category == answer.category { "right" } else { "WRONG" };
        eprintln!(
            "{mark} {name}: {category} (wanted {}), {took:.1} ms, not said: {missing:?}",
            answer.category
        );
        eprintln!("{diagnosis}");
    }
    Ok(())
}

/// What a person reads: the text, and what is said of each fault and reading.
fn told(diagnosis: &Diagnosis) -> String {
    let mut told = diagnosis.to_string();
    for fault in &diagnosis.faults {
        told.push_str(&fault.why.join("\n"));
    }
    told.to_lowercase()
}

/// Reads a case with what it borrows.
fn read(case: &Path) -> Result<Evidence> {
    let mut evidence = Evidence::default();
    for path in answers(case)? {
        let text = fs::read_to_string(&path).with_context(|| format!("read `{}`", path.display()))?;
        let value = serde_json::from_str(&text).with_context(|| format!("read `{}`", path.display()))?;
        match path.file_stem().and_then(|stem| stem.to_str()) {
            Some("alert") => evidence.said.push(recorded::alert(&value)),
            _ => recorded::collect(&value, &mut evidence),
        }
    }
    Ok(evidence)
}

fn flag(is_so: bool) -> f64 {
    f64::from(u8::from(is_so))
}

fn folders(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("list `{}`", folder.display()))?;
    let mut folders: Vec<_> =
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_dir()).collect();
    folders.sort();
    Ok(folders)
}

impl Score {
    fn add(&mut self, other: &Self) {
        self.cases += other.cases;
        self.right += other.right;
        self.healthy += other.healthy;
        self.called_healthy += other.called_healthy;
        self.false_alarms += other.false_alarms;
        self.missed += other.missed;
        self.forbidden += other.forbidden;
        self.keywords += other.keywords;
        self.keywords_found += other.keywords_found;
        self.milliseconds += other.milliseconds;
    }

    fn rows(&self, set: &str) -> Vec<Row> {
        let Self { cases, healthy, .. } = *self;
        let row = |measure: String, ours: f64| Row { set: set.to_owned(), measure, ours, published: "none" };
        let share = |of: f64, all: f64| if all > 0.0 { of / all } else { 0.0 };
        vec![
            row(format!("category right ({cases} cases)"), share(self.right, cases)),
            row(format!("healthy called healthy ({healthy} cases)"), share(self.called_healthy, healthy)),
            row(format!("faults called healthy ({} cases)", cases - healthy), self.missed),
            row("forbidden category".to_owned(), self.forbidden),
            row("required keywords said".to_owned(), share(self.keywords_found, self.keywords)),
            row("milliseconds a case".to_owned(), share(self.milliseconds, cases)),
        ]
    }
}
