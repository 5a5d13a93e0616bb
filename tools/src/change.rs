//! Two values of one kind, before and now, as they stand in a sentence.

/// Writes `84 ms → 2.1 s`.
pub(crate) fn change<T>(write: impl Fn(T) -> String, before: T, after: T) -> String {
    format!("{} → {}", write(before), write(after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_leads_from_the_old_value_to_the_new_one() {
        assert_eq!(change(waggle_analysis::quantity::ms, 84.0, 2100.0), "84 ms → 2.1 s");
    }
}
