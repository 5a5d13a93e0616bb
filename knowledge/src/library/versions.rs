//! Which of two versions is newer.

use std::cmp::Ordering;

/// Compares versions part by part: numbers by value, words before numbers (`2.0rc1` is older than `2.0.1`); no version is the oldest.
pub(super) fn compare(a: Option<&str>, b: Option<&str>) -> Ordering {
    let (Some(a), Some(b)) = (a, b) else { return a.is_some().cmp(&b.is_some()) };
    let (a, b) = (parts(a), parts(b));
    for at in 0..a.len().max(b.len()) {
        let ordering = match (a.get(at), b.get(at)) {
            (Some(Part::Number(a)), Some(Part::Number(b))) => a.cmp(b),
            (Some(Part::Word(a)), Some(Part::Word(b))) => a.cmp(b),
            (Some(Part::Number(_)), Some(Part::Word(_)) | None) | (None, Some(Part::Word(_))) => {
                Ordering::Greater
            }
            (Some(Part::Word(_)), _) | (None, _) => Ordering::Less,
        };
        if ordering != Ordering::Equal {
            return ordering;
        }
    }
    Ordering::Equal
}

enum Part {
    Number(u64),
    Word(String),
}

fn parts(version: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    for piece in version.trim_start_matches('v').split(['.', '-', '+', '_']) {
        let mut rest = piece;
        while let Some(first) = rest.chars().next() {
            let is_digit = first.is_ascii_digit();
            let end = rest.find(|c: char| c.is_ascii_digit() != is_digit).unwrap_or(rest.len());
            let (run, after) = rest.split_at(end);
            parts.push(match is_digit {
                true => Part::Number(run.parse().unwrap_or(u64::MAX)),
                false => Part::Word(run.to_owned()),
            });
            rest = after;
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn newer_is_greater() {
        for (older, newer) in [
            ("1.9.0", "1.10.0"),
            ("2.0rc1", "2.0.1"),
            ("1.0-beta", "1.0"),
            ("1.0", "1.0.1"),
            ("v1.2", "v1.12"),
        ] {
            assert_eq!(compare(Some(older), Some(newer)), Ordering::Less, "{older} {newer}");
        }
        assert_eq!(compare(None, Some("1")), Ordering::Less);
    }

    proptest! {
        #[test]
        fn the_order_is_the_same_from_both_sides(a in "[0-9a-z.é-]{0,8}", b in "[0-9a-z.-]{0,8}") {
            prop_assert_eq!(compare(Some(&a), Some(&b)), compare(Some(&b), Some(&a)).reverse());
        }
    }
}
