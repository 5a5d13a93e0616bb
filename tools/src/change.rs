//! Two values of one kind, before and now, as they stand in a sentence.

/// Writes `84 ms → 2.1 s`; what is written alike is written once, for a model pays by the word.
pub(crate) fn change<T>(write: impl Fn(T) -> String, before: T, after: T) -> String {
    let (before, after) = (write(before), write(after));
    if before == after { after } else { format!("{before} → {after}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_leads_from_the_old_value_to_the_new_one() {
        let cases = [(84.0, 2100.0, "84 ms → 2.1 s"), (84.1, 84.2, "84 ms")];
        for (before, after, wanted) in cases {
            assert_eq!(change(waggle_analysis::quantity::ms, before, after), wanted);
        }
    }
}
