//! The name that was probably meant.

/// A name that differs in more than this is another name (Jaro-Winkler similarity, 0 to 1).
const SIMILAR: f64 = 0.75;

/// Returns the name most like `asked`, when any is alike; case does not count.
pub(crate) fn nearest<'a>(asked: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let asked = asked.to_lowercase();
    let by_likeness =
        known.into_iter().map(|name| (strsim::jaro_winkler(&name.to_lowercase(), &asked), name));
    let (likeness, name) = by_likeness.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (likeness >= SIMILAR).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_of_the_pen_is_forgiven_and_another_word_is_not() {
        let known = ["checkout", "payment"];
        assert_eq!(nearest("Chekout", known), Some("checkout"));
        assert_eq!(nearest("zebra", known), None);
        assert_eq!(nearest("x", []), None);
    }
}
