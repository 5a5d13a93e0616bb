//! The name that was probably meant.

/// Returns the candidate most like `name`, when at most a third of it differs; the first of equals.
pub fn nearest<'a>(name: &str, candidates: &[&'a str]) -> Option<&'a str> {
    // No name is longer; a model may write anything.
    let name: String = name.to_lowercase().chars().take(64).collect();
    let by_edits = candidates.iter().map(|candidate| (edits(&name, &candidate.to_lowercase()), *candidate));
    let (edits, nearest) = by_edits.min_by_key(|(edits, _)| *edits)?;
    (edits * 3 <= nearest.chars().count()).then_some(nearest)
}

/// Counts insertions, removals and replacements between two words (Levenshtein 1966), in one row of memory.
pub(crate) fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, a_char) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b_char) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(a_char != *b_char);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_is_forgiven_and_another_word_is_not() {
        let tools = ["anomalies", "recent_changes", "service_map"];
        for (name, want) in [
            ("servicemap", Some("service_map")),
            ("Recent-Changes", Some("recent_changes")),
            ("anomalies", Some("anomalies")),
            ("run_shell", None),
            ("", None),
        ] {
            assert_eq!(nearest(name, &tools), want, "{name}");
        }
        assert_eq!(nearest("x", &[]), None);
    }

    #[test]
    fn edits_are_counted_as_levenshtein_did() {
        for (a, b, want) in
            [("kitten", "sitting", 3), ("", "abc", 3), ("慢请求", "慢求", 1), ("same", "same", 0)]
        {
            assert_eq!(edits(a, b), want, "{a} {b}");
        }
    }
}
