//! A report as people read it: one table, one row a case, and what was missed.

use std::fmt::{self, Write as _};

use super::{CaseRow, Report, Row};
use crate::eval::{
    calibration::Calibration,
    floors::FLOORS,
    interval::Estimate,
    measures::{Better, PASS},
};

/// A line of a table says no more of an answer than this.
const MAX_CELL: usize = 80;

impl Report {
    /// Writes the report as Markdown.
    pub fn markdown(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, out: &mut String) -> fmt::Result {
        self.head(out)?;
        self.table(out)?;
        self.proof(out)?;
        self.effort(out)?;
        self.rounds(out)?;
        self.rows(out)?;
        self.misses(out)
    }

    fn head(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "# {} with {}\n", self.suite, self.model)?;
        let Self { n_cases, n_repeats, n_runs, n_fell_back, .. } = self;
        writeln!(
            out,
            "{n_cases} cases of the layout `{}`, each run {}: {n_runs} runs with a finding, {} not run, {n_fell_back} finished by another model.",
            self.layout,
            if *n_repeats == 1 { "once".to_owned() } else { format!("{n_repeats} times") },
            self.not_run.len()
        )?;
        writeln!(out, "A case passes with {}.", self.pass_means)?;
        if !self.options.is_empty() {
            let options = self.options.iter().map(|(name, value)| format!("{name} {value}"));
            writeln!(out, "Options: {}.", options.collect::<Vec<_>>().join(", "))?;
        }
        Ok(())
    }

    fn table(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "\n## Scores\n")?;
        let floors: Vec<&str> = FLOORS.iter().map(|floor| floor.title).collect();
        writeln!(
            out,
            "| measure | better | cases | {} | {} | published |",
            cell(&self.model),
            floors.join(" | ")
        )?;
        writeln!(out, "|---|---|---|---|{}---|", "---|".repeat(FLOORS.len()))?;
        for row in &self.measures {
            let n = row.agent.map_or(0, |agent| agent.n);
            write!(out, "| {} | {} | {n} | {} |", row.title, way(row.better), of(row.agent))?;
            for floor in FLOORS {
                write!(out, " {} |", value(row.floors.get(floor.key).copied().flatten()))?;
            }
            writeln!(out, " {} |", others(row))?;
        }
        writeln!(
            out,
            "\nIn brackets: 95 % intervals, Wilson's for yes or no once a case and where all cases are equal, else a bootstrap over cases."
        )?;
        let mut sources: Vec<&str> =
            self.measures.iter().flat_map(|row| &row.published).map(|one| one.source.as_str()).collect();
        sources.sort_unstable();
        sources.dedup();
        sources.iter().try_for_each(|source| writeln!(out, "Published: {source}."))
    }

    fn proof(&self, out: &mut String) -> fmt::Result {
        let grounding = &self.grounding;
        writeln!(out, "\n## Proof and confidence\n")?;
        writeln!(
            out,
            "{} of {} posted claims have all their numbers and names in the evidence that they cite; {} of all say neither.",
            grounding.n_grounded, grounding.n_claims, grounding.n_bare
        )?;
        for one in &grounding.ungrounded {
            writeln!(out, "- {}: \"{}\" lacks {}", one.case, one.claim.claim, one.claim.missing.join(", "))?;
        }
        match &self.calibration {
            Some(calibration) => reliability(calibration, out),
            None => writeln!(out, "Nothing was answered, so confidence cannot be judged."),
        }
    }

    fn effort(&self, out: &mut String) -> fmt::Result {
        writeln!(
            out,
            "\n## Effort\n\n| a run | median | p95 | worst | mean | all runs |\n|---|---|---|---|---|---|"
        )?;
        for one in &self.effort {
            let numbers = [one.median, one.p95, one.worst, one.mean, one.total].map(amount);
            writeln!(out, "| {} | {} |", one.title, numbers.join(" | "))?;
        }
        Ok(())
    }

    fn rounds(&self, out: &mut String) -> fmt::Result {
        let Some(repeats) = &self.repeats else { return Ok(()) };
        writeln!(out, "\n## Repeats\n")?;
        let pass_hat = repeats.pass_hat.iter().enumerate();
        let pass_hat: Vec<String> =
            pass_hat.map(|(index, share)| format!("{share:.3} for {}", index + 1)).collect();
        writeln!(out, "Probability that all of k runs of a case pass: {}.", pass_hat.join(", "))?;
        writeln!(
            out,
            "Share of cases passed by repeat: {:.3} to {:.3}, standard deviation {:.3}.",
            repeats.worst, repeats.best, repeats.standard_deviation
        )?;
        if !repeats.undecided.is_empty() {
            writeln!(out, "Passed in some repeats only: {}.", repeats.undecided.join(", "))?;
        }
        Ok(())
    }

    fn rows(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "\n## Cases\n")?;
        writeln!(out, "| case | pass | said | confidence | claims | steps | calls | tokens | ms |")?;
        writeln!(out, "|---|---|---|---|---|---|---|---|---|")?;
        for row in &self.cases {
            let CaseRow { n_claims, n_grounded, steps, n_tool_calls, .. } = row;
            writeln!(
                out,
                "| {} | {} | {} | {:.2} | {n_grounded}/{n_claims} | {steps} | {n_tool_calls} | {} | {} |",
                self.name(row),
                if row.passed { "yes" } else { "no" },
                cell(&row.said),
                row.confidence,
                row.input_tokens.saturating_add(row.output_tokens),
                amount(row.time_ms)
            )?;
        }
        Ok(())
    }

    fn misses(&self, out: &mut String) -> fmt::Result {
        let missed: Vec<_> = self.cases.iter().filter(|row| !row.passed).collect();
        if !missed.is_empty() {
            writeln!(out, "\n## Misses\n")?;
        }
        for row in missed {
            let by = if row.fell_back { format!(" (by {})", row.model) } else { String::new() };
            writeln!(out, "- {}: said {}{by}; right is {}", self.name(row), row.said, row.wanted)?;
        }
        if !self.not_run.is_empty() {
            writeln!(out, "\n## Not run\n")?;
        }
        self.not_run
            .iter()
            .try_for_each(|one| writeln!(out, "- {}: {}", one.case, one.why.replace('\n', "; ")))
    }

    fn name(&self, row: &CaseRow) -> String {
        let case = cell(&row.case);
        if self.n_repeats > 1 { format!("{case} ({})", row.repeat + 1) } else { case }
    }
}

fn reliability(calibration: &Calibration, out: &mut String) -> fmt::Result {
    let Calibration { n, brier, expected_calibration_error: error, auroc, bins } = calibration;
    let auroc =
        auroc.map_or("not defined, all were right or all wrong".to_owned(), |value| format!("{value:.3}"));
    writeln!(
        out,
        "Over {n} answers: Brier score {brier:.3}, expected calibration error {error:.3}, AUROC {auroc}."
    )?;
    writeln!(out, "\n| confidence | answers | mean confidence | share right |\n|---|---|---|---|")?;
    for bin in bins {
        writeln!(
            out,
            "| {:.1} to {:.1} | {} | {:.3} | {:.3} |",
            bin.from, bin.to, bin.n, bin.mean_confidence, bin.share_right
        )?;
    }
    Ok(())
}

fn of(estimate: Option<Estimate>) -> String {
    match estimate {
        Some(Estimate { value, interval: Some((low, high)), .. }) => {
            format!("{value:.3} ({low:.2} to {high:.2})")
        }
        Some(Estimate { value, .. }) => format!("{value:.3}"),
        None => "–".to_owned(),
    }
}

fn value(estimate: Option<Estimate>) -> String {
    estimate.map_or("–".to_owned(), |estimate| format!("{:.3}", estimate.value))
}

fn others(row: &Row) -> String {
    let all = row.published.iter().map(|one| format!("{} {:.3} (n {})", one.name, one.value, one.n));
    all.collect::<Vec<_>>().join("; ")
}

fn way(better: Better) -> &'static str {
    match better {
        Better::Higher => "more",
        Better::Lower => "less",
    }
}

fn amount(value: f64) -> String {
    match value {
        whole if whole == whole.trunc() || whole >= 100.0 => format!("{whole:.0}"),
        // Costs of a run are fractions of a cent.
        small if small < 0.1 => format!("{small:.5}"),
        _ => format!("{value:.3}"),
    }
}

/// Text of others inside of a table: one line, no bars, not too long.
fn cell(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() || c == '|' { ' ' } else { c }).collect();
    match line.char_indices().nth(MAX_CELL) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// One line for a log: what passed, with what is most feared beside it.
pub(crate) fn line(report: &Report) -> String {
    let n_passed = report.cases.iter().filter(|row| row.passed).count();
    let share = report.measure(PASS).and_then(|row| row.agent);
    let count = |key: &str| {
        let of = report.cases.iter().filter_map(|row| row.scores.get(key));
        of.filter(|score| **score > 0.0).count()
    };
    let interval = match share.and_then(|share| share.interval) {
        Some((low, high)) => format!(" (95 % {low:.2} to {high:.2})"),
        None => String::new(),
    };
    format!(
        "{} with {}: {n_passed} of {} runs passed{interval}, {} decoys blamed, {} false alarms, {} incidents called well, {} without an answer, {} of {} claims grounded, {} not run",
        report.suite,
        report.model,
        report.n_runs,
        count("decoy_blamed"),
        count("false_alarm"),
        count("missed_incident"),
        count("abstained"),
        report.grounding.n_grounded,
        report.grounding.n_claims,
        report.not_run.len()
    )
}
