//! One line and one exit code, for pipelines.

use super::report::{Report, line};

/// What a pipeline is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// One line: what passed, and what is most feared.
    pub line: String,
    /// What it comes down to.
    pub outcome: Outcome,
}

/// What it comes down to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Enough passed, or nothing was demanded.
    Good,
    /// Less passed than was demanded.
    TooFew,
    /// There is nothing to judge: no run has a finding.
    NothingRan,
}

impl Outcome {
    /// Returns the exit code: 0, 1, or 2 when there is nothing to judge.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::TooFew => 1,
            Self::NothingRan => 2,
        }
    }
}

/// Judges a report by the least share of runs that have to pass, 0 to 1. A run without a finding has not passed.
pub fn judge(report: &Report, min_pass: Option<f64>) -> Judged {
    let n_wanted = report.n_cases.saturating_mul(report.n_repeats as usize);
    let n_passed = report.cases.iter().filter(|row| row.passed).count();
    let share = n_passed as f64 / n_wanted.max(1) as f64;
    let told = line(report);
    match min_pass {
        _ if report.n_runs == 0 => Judged { line: told, outcome: Outcome::NothingRan },
        Some(least) if share < least => {
            let line = format!("{told}: {n_passed} of all {n_wanted} passed, less than {least}");
            Judged { line, outcome: Outcome::TooFew }
        }
        _ => Judged { line: told, outcome: Outcome::Good },
    }
}
