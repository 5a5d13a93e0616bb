//! What a past case still counts for: it fades with time, with bad ratings, and when what ran then is gone.

use std::time::Duration;

/// A system is another one after about half a year of changes: then a case counts for half. Engineering judgement.
pub(crate) const HALF_LIFE: Duration = Duration::from_secs(180 * 86_400);
/// What is left when the service at fault runs other code now. Engineering judgement.
pub(crate) const OTHER_VERSION: f64 = 0.8;

/// Returns what a case of this age counts for, 0 to 1, when so many people found it helpful or not.
///
/// It halves with every [`HALF_LIFE`]. Voices count as the share of those that found it helpful, with one more such: nobody's rating takes nothing away (Laplace's rule of succession, with that prior).
pub(crate) fn worth(age: Duration, n_helpful: usize, n_unhelpful: usize, is_other_version: bool) -> f64 {
    let by_age = 0.5_f64.powf(age.as_secs_f64() / HALF_LIFE.as_secs_f64());
    let helpful = n_helpful as f64 + 1.0;
    let by_version = if is_other_version { OTHER_VERSION } else { 1.0 };
    by_age * by_version * helpful / (helpful + n_unhelpful as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn age_bad_ratings_and_other_code_take_away() {
        let days = |n: u64| Duration::from_secs(n * 86_400);
        for (age, helpful, unhelpful, is_other, wanted) in [
            (0, 0, 0, false, 1.0),
            (180, 0, 0, false, 0.5),
            (360, 3, 0, false, 0.25),
            (0, 0, 1, false, 0.5),
            (0, 1, 1, false, 2.0 / 3.0),
            (0, 0, 3, false, 0.25),
            (180, 0, 1, true, 0.2),
        ] {
            let found = worth(days(age), helpful, unhelpful, is_other);
            assert!((found - wanted).abs() < 1e-9, "{age} {helpful} {unhelpful} {is_other}: {found}");
        }
    }
}
