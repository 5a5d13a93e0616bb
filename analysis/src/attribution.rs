//! Which combination of dimension values explains a change: `region=eu, version=2.1` rather than a thousand rows.
//!
//! Rows are compared with what was expected of them. A combination is good when the rows inside changed alike and those outside did not,
//! which the generalised potential score of Squeeze (Li et al., ISSRE 2019, eq. 6) measures; explanatory power and surprise are those of Adtributor
//! (Bhagwan et al., NSDI 2014, eq. 2 and §3.2.2). Combinations are taken one after another, each from what the ones before left unexplained.
//!
//! ## Assumptions
//!
//! Rows are leaves: each names all dimensions, and no request is in two rows.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
};

use serde::{Deserialize, Serialize};

use crate::quantity;

/// One leaf: all dimensions have a value, and what was measured there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Leaf {
    /// Dimension to value.
    pub dimensions: BTreeMap<String, String>,
    /// In the baseline.
    pub before: Amount,
    /// In the window.
    pub after: Amount,
}

/// A measured amount: a count or a sum, or for a ratio its two parts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Amount {
    /// The amount; for a ratio, what is above the line: errors, total milliseconds.
    pub value: f64,
    /// For a ratio, what is below the line: requests. `None` for a plain amount.
    #[serde(default)]
    pub of: Option<f64>,
}

/// A combination of dimension values that explains a change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// The combination; one to three dimensions.
    pub elements: BTreeMap<String, String>,
    /// What was expected of it in the window: for a plain amount the baseline's, for a ratio the baseline's ratio at the window's requests.
    pub expected: f64,
    /// What was measured.
    pub measured: f64,
    /// Its part of the whole change, Adtributor's explanatory power; above 1 when others changed the other way.
    pub explanatory_power: f64,
    /// How far its part of the whole moved, Adtributor's surprise: a term of the Jensen–Shannon divergence, 0 to about 0.7.
    pub surprise: f64,
    /// How cleanly it cuts what changed from what did not: the generalised potential score, at most 1.
    pub score: f64,
    /// Rows inside.
    pub leaves: usize,
}

/// Most dimensions of a combination.
const MAX_DIMENSIONS: usize = 3;

/// Most explanations that are given.
const MAX_EXPLANATIONS: usize = 5;

/// A combination that explains less of the change is not told.
const MIN_EXPLANATORY_POWER: f64 = 0.1;

/// … nor one that does not cut cleanly.
const MIN_SCORE: f64 = 0.4;

/// A further dimension has to raise the score by this much: the smallest combination that explains is wanted.
const DIMENSION_COST: f64 = 0.05;

/// Explains the change between the two windows by few combinations of dimension values, best first.
///
/// Empty when nothing changed, or when no combination cuts what changed from what did not. Rows with numbers that are none are left out.
pub fn attribute(leaves: &[Leaf]) -> Vec<Explanation> {
    let table = Table::new(leaves);
    let mut rest: Vec<usize> = (0..table.rows.len()).collect();
    let mut found = Vec::new();
    let whole = table.change(&rest);
    if whole.abs() <= 1e-9 * table.size() {
        return found;
    }
    while found.len() < MAX_EXPLANATIONS {
        let Some((key, score)) = table.best_cut(&rest, whole) else { break };
        let (inside, outside): (Vec<usize>, Vec<usize>) = rest.iter().partition(|row| table.has(**row, &key));
        found.push(table.explanation(&key, &inside, score, whole));
        rest = outside;
    }
    found
}

/// Rows with their dimensions and values as small numbers.
struct Table<'a> {
    dimensions: Vec<&'a str>,
    /// Value names of each dimension.
    values: Vec<Vec<&'a str>>,
    rows: Vec<Row>,
}

struct Row {
    values: Vec<u32>,
    expected: f64,
    measured: f64,
}

/// A combination: dimension and value, up to three.
type Key = Vec<(usize, u32)>;

/// Sums over the rows of one combination.
#[derive(Clone, Copy, Default)]
struct Sums {
    expected: f64,
    measured: f64,
    moved: f64,
    n: f64,
}

impl<'a> Table<'a> {
    fn new(leaves: &'a [Leaf]) -> Self {
        let dimensions: BTreeSet<&str> =
            leaves.iter().flat_map(|leaf| leaf.dimensions.keys()).map(String::as_str).collect();
        let dimensions: Vec<&str> = dimensions.into_iter().collect();
        let mut ids: Vec<HashMap<&str, u32>> = vec![HashMap::new(); dimensions.len()];
        let mut values: Vec<Vec<&str>> = vec![Vec::new(); dimensions.len()];
        let overall = overall_ratio(leaves);
        let mut rows = Vec::new();
        for leaf in leaves {
            let (expected, measured) = (expected(leaf, overall), leaf.after.value);
            if !expected.is_finite() || !measured.is_finite() {
                continue;
            }
            let mut row = Row { values: Vec::with_capacity(dimensions.len()), expected, measured };
            for (place, dimension) in dimensions.iter().enumerate() {
                let value = leaf.dimensions.get(*dimension).map_or("", String::as_str);
                let id = *ids[place].entry(value).or_insert_with(|| {
                    values[place].push(value);
                    u32::try_from(values[place].len() - 1).unwrap_or(u32::MAX)
                });
                row.values.push(id);
            }
            rows.push(row);
        }
        Self { dimensions, values, rows }
    }

    fn has(&self, row: usize, key: &Key) -> bool {
        key.iter().all(|(dimension, value)| self.rows[row].values[*dimension] == *value)
    }

    /// Returns by how much the rows are above what was expected.
    fn change(&self, rows: &[usize]) -> f64 {
        rows.iter().map(|row| self.rows[*row].measured - self.rows[*row].expected).sum()
    }

    fn size(&self) -> f64 {
        self.rows
            .iter()
            .map(|row| row.measured.abs() + row.expected.abs())
            .sum::<f64>()
            .max(f64::MIN_POSITIVE)
    }

    /// Returns the combination that cuts best what changed from what did not among `rows`, and its score.
    fn best_cut(&self, rows: &[usize], whole: f64) -> Option<(Key, f64)> {
        let all = self.sums(rows.iter().copied());
        let mut best: Option<(Key, f64, f64)> = None;
        for subset in subsets(self.dimensions.len()) {
            let mut groups: HashMap<Key, Vec<usize>> = HashMap::new();
            for row in rows {
                let key = subset.iter().map(|d| (*d, self.rows[*row].values[*d])).collect();
                groups.entry(key).or_default().push(*row);
            }
            for (key, inside) in groups {
                let sums = self.sums(inside.iter().copied());
                if (sums.measured - sums.expected) / whole < MIN_EXPLANATORY_POWER {
                    continue;
                }
                let Some(score) = self.potential(&inside, &sums, &all) else { continue };
                let worth = score - DIMENSION_COST * (key.len() - 1) as f64;
                let is_better = best.as_ref().is_none_or(|(old, _, most)| (worth, &key) > (*most, old));
                if score >= MIN_SCORE && is_better {
                    best = Some((key, score, worth));
                }
            }
        }
        best.map(|(key, score, _)| (key, score))
    }

    fn sums(&self, rows: impl Iterator<Item = usize>) -> Sums {
        rows.fold(Sums::default(), |sums, row| {
            let row = &self.rows[row];
            Sums {
                expected: sums.expected + row.expected,
                measured: sums.measured + row.measured,
                moved: sums.moved + (row.measured - row.expected).abs(),
                n: sums.n + 1.0,
            }
        })
    }

    /// Returns the generalised potential score of a cut; `None` when nothing moved.
    ///
    /// Inside, rows are expected to have changed by one common factor (the ripple effect); outside, not at all.
    fn potential(&self, inside: &[usize], sums: &Sums, all: &Sums) -> Option<f64> {
        let factor = if sums.expected.abs() > 0.0 { sums.measured / sums.expected } else { 0.0 };
        let even = sums.measured / sums.n;
        let unlike: f64 = inside
            .iter()
            .map(|row| {
                let row = &self.rows[*row];
                let rippled = if sums.expected.abs() > 0.0 { row.expected * factor } else { even };
                (row.measured - rippled).abs()
            })
            .sum();
        let n_outside = all.n - sums.n;
        let outside = if n_outside > 0.0 { (all.moved - sums.moved).max(0.0) / n_outside } else { 0.0 };
        let moved = sums.moved / sums.n + outside;
        (moved > 0.0).then(|| 1.0 - (unlike / sums.n + outside) / moved)
    }

    fn explanation(&self, key: &Key, inside: &[usize], score: f64, whole: f64) -> Explanation {
        let sums = self.sums(inside.iter().copied());
        let all = self.sums(0..self.rows.len());
        let name = |(dimension, value): &(usize, u32)| {
            (self.dimensions[*dimension].to_owned(), self.values[*dimension][*value as usize].to_owned())
        };
        Explanation {
            elements: key.iter().map(name).collect(),
            expected: sums.expected,
            measured: sums.measured,
            explanatory_power: (sums.measured - sums.expected) / whole,
            surprise: surprise(sums.expected / all.expected, sums.measured / all.measured),
            score,
            leaves: inside.len(),
        }
    }
}

/// Returns what was expected of a leaf in the window. A ratio with little behind it is drawn towards the overall one by one imaginary request.
fn expected(leaf: &Leaf, overall: f64) -> f64 {
    match (leaf.before.of, leaf.after.of) {
        (Some(before), Some(after)) => (leaf.before.value + overall) / (before + 1.0) * after,
        _ => leaf.before.value,
    }
}

fn overall_ratio(leaves: &[Leaf]) -> f64 {
    let finite = leaves.iter().filter_map(|leaf| Some((leaf.before.value, leaf.before.of?)));
    let finite = finite.filter(|(value, of)| value.is_finite() && of.is_finite());
    let (value, of) = finite.fold((0.0, 0.0), |sum, (value, of)| (sum.0 + value, sum.1 + of));
    if of > 0.0 { value / of } else { 0.0 }
}

/// Adtributor, §3.2.2: with prior part p and posterior part q of the whole, 0.5·(p·ln(2p/(p+q)) + q·ln(2q/(p+q))).
fn surprise(p: f64, q: f64) -> f64 {
    let term = |part: f64| if part > 0.0 && p + q > 0.0 { part * (2.0 * part / (p + q)).ln() } else { 0.0 };
    let sum = 0.5 * (term(p) + term(q));
    if sum.is_finite() { sum } else { 0.0 }
}

/// Returns all sets of one to three of `n` dimensions, small ones first.
fn subsets(n: usize) -> Vec<Vec<usize>> {
    let mut all: Vec<Vec<usize>> = Vec::new();
    let mut last: Vec<Vec<usize>> = vec![Vec::new()];
    for _ in 0..MAX_DIMENSIONS.min(n) {
        last = last
            .iter()
            .flat_map(|set| {
                let from = set.last().map_or(0, |last| last + 1);
                (from..n).map(move |next| set.iter().copied().chain([next]).collect())
            })
            .collect();
        all.extend(last.iter().cloned());
    }
    all
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (dimension, value)) in self.elements.iter().enumerate() {
            write!(f, "{}{dimension}={value}", if index == 0 { "" } else { ", " })?;
        }
        write!(
            f,
            ": {} where {} was expected, {} of the change (score {}, surprise {}, {} rows)",
            quantity::number(self.measured),
            quantity::number(self.expected),
            quantity::percent(self.explanatory_power),
            quantity::number(self.score),
            quantity::number(self.surprise),
            self.leaves
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const REGIONS: [&str; 3] = ["eu", "us", "ap"];
    const VERSIONS: [&str; 3] = ["1.0", "1.1", "2.0"];
    const HOSTS: [&str; 4] = ["h1", "h2", "h3", "h4"];

    /// All 36 combinations; `after` gets region, version, host, and what was there before.
    fn leaves(after: impl Fn(&str, &str, &str, f64) -> f64) -> Vec<Leaf> {
        let mut all = Vec::new();
        for (r, region) in REGIONS.iter().enumerate() {
            for (v, version) in VERSIONS.iter().enumerate() {
                for (h, host) in HOSTS.iter().enumerate() {
                    let value = 100.0 + 10.0 * (r * 7 + v * 3 + h) as f64;
                    let names = [("region", region), ("version", version), ("host", host)];
                    all.push(Leaf {
                        dimensions: names.map(|(k, v)| (k.to_owned(), (*v).to_owned())).into(),
                        before: Amount { value, of: None },
                        after: Amount { value: after(region, version, host, value), of: None },
                    });
                }
            }
        }
        all
    }

    fn check(leaves: &[Leaf], wanted: &[&str]) {
        let found: Vec<String> = attribute(leaves)
            .iter()
            .map(|e| e.elements.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(" "))
            .collect();
        assert_eq!(found, wanted);
    }

    #[test]
    fn the_smallest_combination_that_changed_is_found() {
        check(&leaves(|r, _, _, v| if r == "eu" { v * 0.3 } else { v * 1.01 }), &["region=eu"]);
        check(
            &leaves(|r, ver, _, v| if r == "us" && ver == "2.0" { v * 3.0 } else { v }),
            &["region=us version=2.0"],
        );
        check(
            &leaves(|r, ver, h, v| if (r, ver, h) == ("ap", "1.1", "h2") { v * 5.0 } else { v }),
            &["host=h2 region=ap version=1.1"],
        );
    }

    #[test]
    fn two_causes_are_two_answers() {
        let found = attribute(&leaves(|r, ver, h, v| match (r, ver, h) {
            ("eu", _, _) => v * 4.0,
            (_, "2.0", "h3") => v * 3.0,
            _ => v,
        }));
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(found[0].elements["region"], "eu");
        assert_eq!(
            (found[1].elements["version"].as_str(), found[1].elements["host"].as_str()),
            ("2.0", "h3")
        );
    }

    #[test]
    fn nothing_changed_and_nothing_there_have_no_answer() {
        check(&leaves(|_, _, _, v| v), &[]);
        check(&[], &[]);
    }

    #[test]
    fn an_error_ratio_is_judged_at_the_requests_of_the_window() {
        let mut rows = leaves(|_, _, _, v| v);
        for row in &mut rows {
            let requests = row.before.value;
            let is_bad = row.dimensions["version"] == "2.0";
            row.before = Amount { value: requests * 0.01, of: Some(requests) };
            // Ten times the traffic, and errors only where the code is bad.
            row.after =
                Amount { value: requests * if is_bad { 3.0 } else { 0.1 }, of: Some(requests * 10.0) };
        }
        check(&rows, &["version=2.0"]);
        let text = attribute(&rows)[0].to_string();
        assert!(text.starts_with("version=2.0: 8820 where 294 was expected, 100% of the change"), "{text}");
    }

    #[test]
    fn surprise_is_adtributors() {
        // By hand: p = 0.5, q = 0.9; 0.5 · (0.5 ln(1/1.4) + 0.9 ln(1.8/1.4)) = 0.5 · (−0.168236 + 0.226183) = 0.028973.
        assert!((surprise(0.5, 0.9) - 0.028_973).abs() < 1e-5);
        assert_eq!(surprise(0.0, 0.0), 0.0);
        assert_eq!(surprise(f64::NAN, 0.1), 0.0);
    }

    proptest! {
        #[test]
        fn any_numbers_give_an_answer_or_none(values in prop::collection::vec((any::<f64>(), any::<f64>()), 36)) {
            let mut rows = leaves(|_, _, _, v| v);
            for (row, (before, after)) in rows.iter_mut().zip(values) {
                (row.before.value, row.after.value) = (before, after);
            }
            for found in attribute(&rows) {
                prop_assert!((1..=3).contains(&found.elements.len()) && found.leaves > 0);
            }
        }
    }
}
