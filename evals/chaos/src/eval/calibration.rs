//! Whether confidence means something: of the answers said with 0.8, four in five should be right.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::measures::flag;

/// How confidence and being right go together. Answers alone are counted: who abstains says nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Calibration {
    /// Answers.
    pub n: usize,
    /// Mean squared distance of the confidence from 1 where right and from 0 where wrong; 0 is best, 0.25 is what always saying 0.5 gets.
    pub brier: f64,
    /// Mean distance of confidence and share right over the bins, weighted by their answers; 0 is best.
    pub expected_calibration_error: f64,
    /// Probability that a right answer was said with more confidence than a wrong one; 0.5 is chance. `None` when all were right or all wrong.
    pub auroc: Option<f64>,
    /// The bins that have answers, from the least confident up.
    pub bins: Vec<Bin>,
}

/// Answers of about the same confidence.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Bin {
    /// Least confidence, inside.
    pub from: f64,
    /// Most confidence; inside in the last bin only.
    pub to: f64,
    /// Answers.
    pub n: usize,
    /// Their mean confidence.
    pub mean_confidence: f64,
    /// The share of them that was right.
    pub share_right: f64,
}

const N_BINS: usize = 10;

/// Compares confidences, 0 to 1, with whether the answers were right. `None` without an answer.
pub fn calibration(said: &[(f64, bool)]) -> Option<Calibration> {
    let n = said.len();
    (n > 0).then_some(())?;
    let distance = |(confidence, is_right): &(f64, bool)| (confidence - flag(*is_right)).powi(2);
    let bins = bins(said);
    let gap = |bin: &Bin| bin.n as f64 * (bin.mean_confidence - bin.share_right).abs();
    Some(Calibration {
        n,
        // Brier (1950), in the form for two outcomes.
        brier: said.iter().map(distance).sum::<f64>() / n as f64,
        // Naeini, Cooper & Hauskrecht (2015), "Obtaining well calibrated probabilities using Bayesian binning".
        expected_calibration_error: bins.iter().map(gap).sum::<f64>() / n as f64,
        auroc: auroc(said),
        bins,
    })
}

fn bins(said: &[(f64, bool)]) -> Vec<Bin> {
    let of = |confidence: f64| ((confidence.clamp(0.0, 1.0) * N_BINS as f64) as usize).min(N_BINS - 1);
    let bin = |index: usize| {
        let inside: Vec<_> = said.iter().filter(|(confidence, _)| of(*confidence) == index).collect();
        let n = inside.len();
        (n > 0).then(|| Bin {
            from: index as f64 / N_BINS as f64,
            to: (index + 1) as f64 / N_BINS as f64,
            n,
            mean_confidence: inside.iter().map(|(confidence, _)| confidence).sum::<f64>() / n as f64,
            share_right: inside.iter().filter(|(_, is_right)| *is_right).count() as f64 / n as f64,
        })
    };
    (0..N_BINS).filter_map(bin).collect()
}

/// The area under the curve is the statistic of Mann and Whitney: pairs in order, ties by half.
// Hanley & McNeil (1982), "The meaning and use of the area under a receiver operating characteristic curve".
fn auroc(said: &[(f64, bool)]) -> Option<f64> {
    let of =
        |wanted: bool| said.iter().filter(move |(_, is_right)| *is_right == wanted).map(|(said, _)| *said);
    let n_pairs = of(true).count() * of(false).count();
    (n_pairs > 0).then_some(())?;
    let pairs = of(true).flat_map(|right| of(false).map(move |wrong| (right, wrong)));
    let won = pairs.map(|(right, wrong)| flag(right > wrong) + 0.5 * flag(right == wrong)).sum::<f64>();
    Some(won / n_pairs as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(confidences: &[f64], right: &[u8]) -> Vec<(f64, bool)> {
        confidences.iter().copied().zip(right.iter().map(|right| *right == 1)).collect()
    }

    /// Published: the examples of `brier_score_loss` and `roc_auc_score` in the documentation of scikit-learn.
    #[test]
    fn brier_and_auroc_are_the_published_values() {
        let brier = calibration(&said(&[0.1, 0.9, 0.8, 0.3], &[0, 1, 1, 0])).unwrap().brier;
        assert!((brier - 0.0375).abs() < 1e-12, "{brier}");
        let auroc = calibration(&said(&[0.1, 0.4, 0.35, 0.8], &[0, 0, 1, 1])).unwrap().auroc;
        assert_eq!(auroc, Some(0.75));
    }

    /// Second implementation: the trapezoids under the curve that thresholds draw.
    #[test]
    fn auroc_is_the_area_under_the_curve() {
        let said = said(&[0.9, 0.8, 0.8, 0.6, 0.55, 0.5, 0.5, 0.3, 0.2], &[1, 1, 0, 1, 0, 1, 0, 0, 1]);
        let share = |threshold: f64, wanted: bool| {
            let all = said.iter().filter(|(_, right)| *right == wanted);
            let (n, above) =
                all.fold((0.0, 0.0), |(n, above), (c, _)| (n + 1.0, above + flag(*c >= threshold)));
            above / n
        };
        let thresholds: Vec<f64> = (0..=1000).rev().map(|step| f64::from(step) / 1000.0).collect();
        let area: f64 = thresholds
            .windows(2)
            .map(|pair| {
                let (from, to) = (share(pair[0], false), share(pair[1], false));
                (to - from) * (share(pair[0], true) + share(pair[1], true)) / 2.0
            })
            .sum();
        let auroc = calibration(&said).unwrap().auroc.unwrap();
        assert!((auroc - area).abs() < 1e-9, "{auroc} {area}");
    }

    #[test]
    fn the_calibration_error_is_the_weighted_gap_of_the_bins() {
        let calibration = calibration(&said(&[0.95, 0.95, 1.0, 0.6, 0.6], &[1, 1, 0, 1, 0])).unwrap();
        let bins: Vec<_> = calibration.bins.iter().map(|bin| (bin.from, bin.n)).collect();
        assert_eq!(bins, [(0.6, 2), (0.9, 3)], "1.0 is in the last bin");
        // 2/5 · |0.6 - 1/2| + 3/5 · |2.9/3 - 2/3|
        let wanted = 0.4 * 0.1 + 0.6 * (2.9 / 3.0 - 2.0 / 3.0);
        assert!((calibration.expected_calibration_error - wanted).abs() < 1e-12);
    }

    #[test]
    fn nothing_is_said_of_no_answers_or_of_one_kind_alone() {
        assert_eq!(calibration(&[]), None);
        assert_eq!(calibration(&said(&[0.3, 0.9], &[1, 1])).unwrap().auroc, None);
    }
}
