//! How alike two incidents are, by what shows on their outside.

use std::collections::{BTreeMap, BTreeSet};

/// What shows of an incident. What is empty is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Features {
    /// Services that it names.
    pub services: BTreeSet<String>,
    /// Classes of faults that were found, or that signs point to.
    pub classes: BTreeSet<String>,
    /// What was unusual: `latency`, `error_ratio`.
    pub signals: BTreeSet<String>,
    /// What stood out, by role: `below self_ms.ratio up`.
    pub signs: BTreeSet<String>,
    /// Words of its title and its error lines, as [`words`] gives them.
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
    pub signs: Vec<String>,
    pub words: Vec<String>,
}

/// How often each sign and word occurs among incidents: what all of them have tells nothing apart.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Commonness {
    n_incidents: usize,
    signs: BTreeMap<String, usize>,
    words: BTreeMap<String, usize>,
    /// Mean number of words.
    mean_words: f64,
}

/// What each kind of feature weighs. What stood out counts most, since it is of the fault; the name of a service least, since another
/// service may break in the same way. Engineering judgement.
const SIGNS: f64 = 0.4;
const CLASSES: f64 = 0.2;
const WORDS: f64 = 0.2;
const SIGNALS: f64 = 0.1;
const SERVICES: f64 = 0.1;
/// Where the kinds that are known of both weigh less than this, so little is known that a full match is none.
const LEAST_KNOWN: f64 = 0.4;

/// Constants of BM25 as Robertson and Zaragoza give them (The Probabilistic Relevance Framework, 2009, section 3.5).
const K1: f64 = 1.2;
const B: f64 = 0.75;

/// Words that tell nothing apart.
const EMPTY_WORDS: [&str; 20] = [
    "the", "and", "for", "are", "was", "has", "with", "above", "below", "over", "under", "high", "low",
    "alert", "firing", "incident", "service", "than", "more", "from",
];

/// Words of one incident that are compared; a text that says everything must not be like everything.
const MAX_WORDS: usize = 64;

/// Returns how alike two incidents are: the weighted mean, over the kinds of features that are known of both, of how far each agrees.
///
/// Of services, classes and signals, one in common is enough: an incident has one cause and many effects. Signs are held against all
/// signs of both, each weighed by how rare it is (Jaccard, weighted by inverse document frequency), so that a case that has every sign
/// is like nothing. Words are scored by BM25, as a share of what today's words would score against themselves.
/// Zero when nothing is known of both.
pub(crate) fn likeness(common: &Commonness, now: &Features, then: &Features) -> Likeness {
    let shared = |a: &BTreeSet<String>, b: &BTreeSet<String>| a.intersection(b).cloned().collect::<Vec<_>>();
    let (services, classes) = (shared(&now.services, &then.services), shared(&now.classes, &then.classes));
    let (signals, signs) = (shared(&now.signals, &then.signals), shared(&now.signs, &then.signs));
    let any = |shared: &[String]| if shared.is_empty() { 0.0 } else { 1.0 };
    let is_known = |of: fn(&Features) -> &BTreeSet<String>| !of(now).is_empty() && !of(then).is_empty();
    let parts = [
        (SIGNS, common.signs_alike(&now.signs, &then.signs), is_known(|features| &features.signs)),
        (CLASSES, any(&classes), is_known(|features| &features.classes)),
        (WORDS, common.words_alike(&now.words, &then.words), is_known(|features| &features.words)),
        (SIGNALS, any(&signals), is_known(|features| &features.signals)),
        (SERVICES, any(&services), is_known(|features| &features.services)),
    ];
    let known = || parts.iter().filter(|(.., is_known)| *is_known);
    let weight: f64 = known().map(|(weight, ..)| weight).sum();
    let sum: f64 = known().map(|(weight, share, _)| weight * share).sum();
    let words = shared(&now.words, &then.words);
    Likeness { grade: sum / weight.max(LEAST_KNOWN), services, classes, signals, signs, words }
}

// === impl Commonness ===

impl Commonness {
    /// Counts signs and words of incidents.
    pub(crate) fn of<'a>(incidents: impl IntoIterator<Item = &'a Features>) -> Self {
        let mut common = Self::default();
        let mut n_words = 0;
        for features in incidents {
            common.n_incidents += 1;
            n_words += features.words.len();
            features.signs.iter().for_each(|sign| *common.signs.entry(sign.clone()).or_default() += 1);
            features.words.iter().for_each(|word| *common.words.entry(word.clone()).or_default() += 1);
        }
        common.mean_words = n_words as f64 / common.n_incidents.max(1) as f64;
        common
    }

    /// Inverse document frequency, never negative (Robertson and Zaragoza 2009, equation 3.3, with one added within the logarithm).
    fn rarity(&self, n_with: Option<&usize>) -> f64 {
        let (n, with) = (self.n_incidents as f64, n_with.copied().unwrap_or_default() as f64);
        (1.0 + (n - with + 0.5) / (with + 0.5)).ln()
    }

    fn signs_alike(&self, now: &BTreeSet<String>, then: &BTreeSet<String>) -> f64 {
        let rarity = |sign: &String| self.rarity(self.signs.get(sign));
        let all: f64 = now.union(then).map(rarity).sum();
        let shared: f64 = now.intersection(then).map(rarity).sum();
        if all > 0.0 { shared / all } else { 0.0 }
    }

    fn words_alike(&self, now: &BTreeSet<String>, then: &BTreeSet<String>) -> f64 {
        let score = |then: &BTreeSet<String>| -> f64 {
            let length = then.len() as f64 / self.mean_words.max(1.0);
            let saturated = (K1 + 1.0) / (1.0 + K1 * (1.0 - B + B * length));
            now.intersection(then).map(|word| self.rarity(self.words.get(word)) * saturated).sum()
        };
        let itself = score(now);
        if itself > 0.0 { (score(then) / itself).min(1.0) } else { 0.0 }
    }
}

/// Returns the words of a text that tell it from others: lower case, no numbers, of Chinese each two letters that stand together. At most [`MAX_WORDS`].
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
    words.into_iter().take(MAX_WORDS).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn set(words: &[&str]) -> BTreeSet<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    fn features(services: &[&str], classes: &[&str], signs: &[&str], words: &[&str]) -> Features {
        Features {
            services: set(services),
            classes: set(classes),
            signs: set(signs),
            words: set(words),
            ..Features::default()
        }
    }

    #[test]
    fn what_is_known_of_both_is_weighed() {
        let now = features(&["cart"], &["oom_kill"], &["felt restarted up"], &["cart", "errors"]);
        let common = Commonness::of([&now]);
        for (other, wanted) in [
            (now.clone(), 1.0),
            (features(&["cart", "db"], &["oom_kill"], &["felt restarted up"], &["cart", "errors"]), 1.0),
            (features(&["cart"], &["disk_full"], &["felt restarted up"], &["cart", "errors"]), 0.7 / 0.9),
            (features(&["mail"], &["disk_full"], &["felt silent up"], &["mail", "slow"]), 0.0),
            // The same service and nothing else known: not alike for that.
            (features(&["cart"], &[], &[], &[]), 0.1 / 0.4),
            (Features::default(), 0.0),
        ] {
            let grade = likeness(&common, &now, &other).grade;
            assert!((grade - wanted).abs() < 1e-9, "{other:?}: {grade}, wanted {wanted}");
        }
    }

    #[test]
    fn what_every_incident_has_tells_little() {
        let incidents: Vec<Features> = (0..20)
            .map(|n| features(&[], &[], &["felt errors.delta up", &format!("felt rare-{n} up")], &[]))
            .collect();
        let common = Commonness::of(&incidents);
        let now = features(&[], &[], &["felt errors.delta up", "felt rare-3 up"], &[]);
        let only = |sign: &str| likeness(&common, &now, &features(&[], &[], &[sign], &[])).grade;
        assert!(only("felt rare-3 up") > 5.0 * only("felt errors.delta up"));
    }

    #[test]
    fn words_are_those_that_tell_texts_apart() {
        assert_eq!(words("Cart: p99 latency above 200 ms"), set(&["cart", "p99", "latency"]));
        assert_eq!(words("订单变慢 checkout"), set(&["订单", "单变", "变慢", "checkout"]));
        assert_eq!(words(""), set(&[]));
    }

    proptest! {
        #[test]
        fn likeness_is_a_share(a in "[a-d ]{0,12}", b in "[a-d ]{0,12}", n in 0_usize..4) {
            let of = |text: &str| {
                let letters: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
                features(&[], &[], &letters, &letters)
            };
            let (one, other) = (of(&a), of(&b));
            let all = [one.clone(), other.clone(), of("a b"), of("c")];
            let common = Commonness::of(all.iter().take(n));
            let grade = likeness(&common, &one, &other).grade;
            prop_assert!((0.0..=1.0 + 1e-9).contains(&grade), "{grade}");
            prop_assert!(likeness(&common, &one, &one).grade >= grade - 1e-9);
        }
    }
}
