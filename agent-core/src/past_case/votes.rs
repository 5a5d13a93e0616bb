//! What people thought of a case: one voice each, their last word.

use std::collections::BTreeMap;

use crate::ports::Rating;

/// Voices, counted by person: whoever rates a hundred times has one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Votes {
    /// People who found it helpful.
    pub n_helpful: usize,
    /// People who did not.
    pub n_unhelpful: usize,
    /// What most people said it really was, untrusted; empty when nobody said so, or when more people found the finding right.
    pub correction: String,
}

impl Votes {
    /// Counts ratings, oldest first; later ones of a person replace earlier ones. Of corrections that equally many people made, the latest stands.
    pub fn of(ratings: &[Rating]) -> Self {
        let mut last: BTreeMap<&str, (usize, &Rating)> = BTreeMap::new();
        for (place, rating) in ratings.iter().enumerate() {
            last.insert(&rating.by, (place, rating));
        }
        let n_helpful = last.values().filter(|(_, rating)| rating.helpful).count();
        let mut said: BTreeMap<String, (usize, usize)> = BTreeMap::new();
        for (place, rating) in last.values() {
            let words = rating.correction.trim().to_lowercase();
            if !words.is_empty() {
                let (n, latest) = said.entry(words).or_default();
                (*n, *latest) = (*n + 1, (*latest).max(*place));
            }
        }
        let first = said.values().max().copied();
        let stands = first.filter(|(n, _)| {
            let plainly_helpful =
                last.values().filter(|(_, rating)| rating.helpful && rating.correction.trim().is_empty());
            *n >= plainly_helpful.count()
        });
        let correction = stands.and_then(|(_, place)| ratings.get(place));
        Self {
            n_helpful,
            n_unhelpful: last.len() - n_helpful,
            correction: correction.map(|rating| rating.correction.trim().to_owned()).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use waggle_signals::Timestamp;

    use super::*;
    use crate::IncidentId;

    fn rating((by, helpful, correction): (&str, bool, &str)) -> Rating {
        Rating {
            incident: IncidentId("inc-1".to_owned()),
            by: by.to_owned(),
            at: Timestamp::from_secs(0),
            helpful,
            correction: correction.to_owned(),
        }
    }

    #[test]
    fn everybody_has_one_voice_and_it_is_their_last() {
        for (ratings, (helpful, unhelpful, correction)) in [
            (vec![], (0, 0, "")),
            (vec![("a", true, ""), ("b", true, "")], (2, 0, "")),
            (vec![("a", true, ""), ("a", true, ""), ("a", false, "")], (0, 1, "")),
            (vec![("a", false, "the disk")], (0, 1, "the disk")),
            (
                vec![("a", false, "the disk"), ("b", false, "dns"), ("c", false, "The disk ")],
                (0, 3, "The disk"),
            ),
            (vec![("a", false, "the disk"), ("b", false, "dns")], (0, 2, "dns")),
            // Two found it right, one says otherwise, however often.
            (vec![("a", true, ""), ("b", true, ""), ("x", false, "dns"), ("x", false, "dns")], (2, 1, "")),
        ] {
            let ratings: Vec<Rating> = ratings.into_iter().map(rating).collect();
            let wanted =
                Votes { n_helpful: helpful, n_unhelpful: unhelpful, correction: correction.to_owned() };
            assert_eq!(Votes::of(&ratings), wanted, "{ratings:?}");
        }
    }
}
