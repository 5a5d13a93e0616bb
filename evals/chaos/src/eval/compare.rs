//! Two reports on the same cases: whether one is better by more than chance.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
};

use anyhow::{Result, bail};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    interval::{Estimate, estimate_difference},
    report::Report,
};

/// How two reports differ, case by case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// What the first is of.
    pub first: String,
    /// What the second is of.
    pub second: String,
    /// Cases in both.
    pub n_cases: usize,
    /// Share passed in the second less share passed in the first, over the cases in both; with repeats the mean of each case.
    pub difference: Estimate,
    /// Cases that passed in the first alone.
    pub lost: Vec<String>,
    /// Cases that passed in the second alone.
    pub won: Vec<String>,
    /// Probability of so uneven a split of those, or a more uneven one, if neither were better.
    pub p_value: f64,
    /// Cases in one of the reports only; they are left out.
    pub unpaired: Vec<String>,
}

/// Compares two reports by the cases that both ran. With repeats, a case has passed when more than half of its runs have.
///
/// # Errors
///
/// When the reports are of different layouts, or share no case.
pub fn compare(first: &Report, second: &Report) -> Result<Comparison> {
    if first.layout != second.layout {
        bail!(
            "one report is of the layout `{}`, the other of `{}`\nhint: compare two runs of the same cases",
            first.layout,
            second.layout
        );
    }
    let left: BTreeMap<_, _> = first.passes().into_iter().collect();
    let right: BTreeMap<_, _> = second.passes().into_iter().collect();
    let share =
        |passed: &[bool]| passed.iter().filter(|one| **one).count() as f64 / passed.len().max(1) as f64;
    let pairs: Vec<_> = left
        .iter()
        .filter_map(|(case, passed)| Some((case.clone(), share(passed), share(right.get(case)?))))
        .collect();
    let differences: Vec<f64> = pairs.iter().map(|(_, a, b)| b - a).collect();
    let Some(difference) = estimate_difference(&differences) else {
        bail!("the reports share no case\nhint: compare two runs of the same suite");
    };
    let is_passed = |share: f64| share > 0.5;
    let flipped = |from: bool| -> Vec<String> {
        let all = pairs.iter().filter(|(_, a, b)| is_passed(*a) == from && is_passed(*b) != from);
        all.map(|(case, ..)| case.clone()).collect()
    };
    let (lost, won) = (flipped(true), flipped(false));
    let only = |one: &BTreeMap<String, Vec<bool>>, other: &BTreeMap<String, Vec<bool>>| -> Vec<String> {
        one.keys().filter(|case| !other.contains_key(*case)).cloned().collect()
    };
    Ok(Comparison {
        first: format!("{} with {}", first.suite, first.model),
        second: format!("{} with {}", second.suite, second.model),
        n_cases: pairs.len(),
        difference,
        p_value: mcnemar(lost.len(), won.len()),
        lost,
        won,
        unpaired: [only(&left, &right), only(&right, &left)].concat(),
    })
}

/// Returns the two-sided exact probability of McNemar's test for the cases that flipped one way and the other.
// McNemar (1947); exact by the binomial distribution with 1/2, twice the smaller tail.
pub fn mcnemar(n_lost: usize, n_won: usize) -> f64 {
    let (n, fewer) = (n_lost + n_won, n_lost.min(n_won));
    // In logarithms: 2 to the power of some thousand cases is no floating-point number.
    let mut chance = -(n as f64) * std::f64::consts::LN_2;
    let mut tail = 0.0;
    for k in 0..=fewer {
        tail += chance.exp();
        chance += ((n - k) as f64).ln() - ((k + 1) as f64).ln();
    }
    (2.0 * tail).min(1.0)
}

impl Comparison {
    /// Writes the comparison as Markdown.
    pub fn markdown(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "# {} against {}\n", self.second, self.first)?;
        let interval = match self.difference.interval {
            Some((low, high)) => format!(" (95 % {low:+.2} to {high:+.2}, bootstrap over cases)"),
            None => String::new(),
        };
        writeln!(
            out,
            "Share passed: {:+.3}{interval} over {} cases in both.",
            self.difference.value, self.n_cases
        )?;
        writeln!(
            out,
            "{} won, {} lost; McNemar's exact test gives p = {:.3}.",
            self.won.len(),
            self.lost.len(),
            self.p_value
        )?;
        for (title, cases) in
            [("Won", &self.won), ("Lost", &self.lost), ("In one report only, left out", &self.unpaired)]
        {
            if !cases.is_empty() {
                writeln!(out, "\n## {title}\n")?;
            }
            cases.iter().try_for_each(|case| writeln!(out, "- {case}"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Published: 12 against 2 gives 0.0129 (Armitage & Berry 1994, p. 127, exact by <http://www.statsdirect.com/help/chi_square_tests/mat.htm>).
    /// The others are sums of binomial coefficients done by hand.
    #[test]
    fn mcnemar_gives_the_published_probability() {
        for (lost, won, wanted) in [
            (6, 16, 2.0 * 110_056.0 / 4_194_304.0),
            (1, 9, 22.0 / 1024.0),
            (0, 0, 1.0),
            (3, 3, 1.0),
            (0, 5, 2.0 / 32.0),
        ] {
            let p = mcnemar(lost, won);
            assert!((p - wanted).abs() < 1e-9, "{lost} {won}: {p}");
            assert!((p - mcnemar(won, lost)).abs() < 1e-12);
        }
        assert!((mcnemar(12, 2) - 0.0129).abs() < 5e-5);
        assert!(mcnemar(2_000, 2_100) > 0.1, "many cases do not run out of numbers");
    }
}
