//! How alike two incidents are, by what shows on their outside.

use std::{collections::BTreeSet, time::Duration};

/// What shows of an incident. What is empty is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Features {
    /// Services that it names.
    pub services: BTreeSet<String>,
    /// Classes of faults that were found, or that signs point to.
    pub classes: BTreeSet<String>,
    /// What was unusual: `latency_p99`, `error_ratio`.
    pub signals: BTreeSet<String>,
    /// Words of its title, as [`words`] gives them.
    pub words: BTreeSet<String>,
}

/// How alike, and in what.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Likeness {
    /// 0 to 1.
    pub grade: f64,
    pub services: Vec<String>,
    pub classes: Vec<String>,
    pub signals: Vec<String>,
    pub words: Vec<String>,
}

/// What each kind of feature weighs: where and what count for more than how it was put. Engineering judgement.
const SERVICES: f64 = 0.35;
const CLASSES: f64 = 0.3;
const SIGNALS: f64 = 0.15;
const WORDS: f64 = 0.2;

/// A system is another one after about half a year of changes: then an incident counts for half.
const HALF_LIFE: Duration = Duration::from_secs(180 * 86_400);

/// Words of titles that tell nothing apart.
const EMPTY_WORDS: [&str; 20] = [
    "the", "and", "for", "are", "was", "has", "with", "above", "below", "over", "under", "high", "low",
    "alert", "firing", "incident", "service", "than", "more", "from",
];

/// Returns how alike two incidents are: the weighted mean, over the kinds of features that are known of both, of the share that both have.
///
/// Of services, classes and signals, one in common is enough: an incident has one cause and many effects. Words are held against all words of both (Jaccard 1901).
/// Zero when nothing is known of both.
pub(crate) fn likeness(one: &Features, other: &Features) -> Likeness {
    let shared = |a: &BTreeSet<String>, b: &BTreeSet<String>| a.intersection(b).cloned().collect::<Vec<_>>();
    let (services, classes) = (shared(&one.services, &other.services), shared(&one.classes, &other.classes));
    let (signals, words) = (shared(&one.signals, &other.signals), shared(&one.words, &other.words));
    let any = |shared: &[String]| if shared.is_empty() { 0.0 } else { 1.0 };
    let n_words = one.words.union(&other.words).count().max(1);
    let is_known = |of: fn(&Features) -> &BTreeSet<String>| !of(one).is_empty() && !of(other).is_empty();
    let parts = [
        (SERVICES, any(&services), is_known(|features| &features.services)),
        (CLASSES, any(&classes), is_known(|features| &features.classes)),
        (SIGNALS, any(&signals), is_known(|features| &features.signals)),
        (WORDS, words.len() as f64 / n_words as f64, is_known(|features| &features.words)),
    ];
    let known = || parts.iter().filter(|(.., is_known)| *is_known);
    let weight: f64 = known().map(|(weight, ..)| weight).sum();
    let sum: f64 = known().map(|(weight, share, _)| weight * share).sum();
    let grade = if weight > 0.0 { sum / weight } else { 0.0 };
    Likeness { grade, services, classes, signals, words }
}

/// Returns what an incident of this age with these ratings counts for, 0 to 1.
///
/// It halves with every [`HALF_LIFE`]. Ratings count as the share of those that found it helpful, with one more such: nobody's rating takes nothing away (Laplace's rule of succession, with that prior).
pub(crate) fn worth(age: Duration, n_helpful: usize, n_unhelpful: usize) -> f64 {
    let by_age = 0.5_f64.powf(age.as_secs_f64() / HALF_LIFE.as_secs_f64());
    let helpful = n_helpful as f64 + 1.0;
    by_age * helpful / (helpful + n_unhelpful as f64)
}

/// Returns the words of a title that tell it from others: lower case, no numbers, of Chinese each two letters that stand together.
pub(crate) fn words(title: &str) -> BTreeSet<String> {
    let is_chinese = |c: char| matches!(c, '\u{3400}'..='\u{9fff}');
    let mut words = BTreeSet::new();
    let lower = title.to_lowercase();
    for word in lower.split(|c: char| !c.is_alphanumeric() || is_chinese(c)) {
        let tells = word.chars().count() > 2 && !word.starts_with(|c: char| c.is_ascii_digit());
        if tells && !EMPTY_WORDS.contains(&word) {
            words.insert(word.to_owned());
        }
    }
    let letters: Vec<char> = lower.chars().collect();
    for pair in letters.windows(2).filter(|pair| pair.iter().all(|c| is_chinese(*c))) {
        words.insert(pair.iter().collect());
    }
    words
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn set(words: &[&str]) -> BTreeSet<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    fn features(services: &[&str], classes: &[&str], signals: &[&str], words: &[&str]) -> Features {
        Features { services: set(services), classes: set(classes), signals: set(signals), words: set(words) }
    }

    #[test]
    fn what_is_known_of_both_is_weighed() {
        let now = features(&["cart"], &["oom_kill"], &["error_ratio"], &["cart", "errors"]);
        for (other, wanted) in [
            (now.clone(), 1.0),
            (features(&["cart", "db"], &["oom_kill"], &["error_ratio"], &["cart", "errors"]), 1.0),
            (features(&["cart"], &["disk_full"], &["error_ratio"], &["cart", "errors"]), 0.7),
            (features(&["mail"], &["disk_full"], &["latency_p99"], &["mail", "slow"]), 0.0),
            // One word of three, the same service, nothing else known: (0.35 + 0.2 / 3) / 0.55.
            (features(&["cart"], &[], &[], &["cart", "slow"]), (0.35 + 0.2 / 3.0) / 0.55),
            (Features::default(), 0.0),
        ] {
            let grade = likeness(&now, &other).grade;
            assert!((grade - wanted).abs() < 1e-9, "{other:?}: {grade}, wanted {wanted}");
        }
    }

    #[test]
    fn age_and_bad_ratings_take_away() {
        let days = |n: u64| Duration::from_secs(n * 86_400);
        for (age, helpful, unhelpful, wanted) in [
            (0, 0, 0, 1.0),
            (180, 0, 0, 0.5),
            (360, 3, 0, 0.25),
            (0, 0, 1, 0.5),
            (0, 1, 1, 2.0 / 3.0),
            (0, 0, 3, 0.25),
        ] {
            assert!(
                (worth(days(age), helpful, unhelpful) - wanted).abs() < 1e-9,
                "{age} {helpful} {unhelpful}"
            );
        }
    }

    #[test]
    fn words_are_those_that_tell_titles_apart() {
        assert_eq!(words("Cart: p99 latency above 200 ms"), set(&["cart", "p99", "latency"]));
        assert_eq!(words("订单变慢 checkout"), set(&["订单", "单变", "变慢", "checkout"]));
        assert_eq!(words(""), set(&[]));
    }

    proptest! {
        #[test]
        fn likeness_is_the_same_both_ways(a in "[a-d ]{0,12}", b in "[a-d ]{0,12}", service in "[a-c]") {
            let of = |title: &str, service: &str| Features { words: title.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect(), ..features(&[service], &[], &[], &[]) };
            let (one, other) = (of(&a, "a"), of(&b, &service));
            let (there, back) = (likeness(&one, &other), likeness(&other, &one));
            prop_assert!((there.grade - back.grade).abs() < 1e-12 && (0.0..=1.0).contains(&there.grade));
        }
    }
}
