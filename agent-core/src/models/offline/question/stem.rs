//! English words without their endings, so that one entry of the word list stands for all forms of a word.

/// Returns what is left of a word when its ending is taken off. Only good for comparing with another stem.
pub(super) fn stem(word: &str) -> String {
    let is_word = word.len() > 3 && word.bytes().all(|byte| byte.is_ascii_lowercase());
    if !is_word {
        return word.to_owned();
    }
    let mut stem = word.to_owned();
    for ending in ["ing", "ied", "ies", "ed", "es", "s"] {
        let keeps_s = ending == "s" && (word.ends_with("ss") || word.ends_with("us"));
        let least = if ending == "s" { 2 } else { 3 };
        let Some(rest) = word.strip_suffix(ending).filter(|rest| rest.len() >= least && !keeps_s) else {
            continue;
        };
        stem = match ending {
            "ied" | "ies" => format!("{rest}y"),
            _ => rest.to_owned(),
        };
        break;
    }
    if stem.len() > 2 && stem.ends_with('e') {
        stem.pop();
    }
    let mut last = stem.chars().rev();
    let (end, before) = (last.next(), last.next());
    if stem.len() > 3 && end == before && end.is_some_and(|c| !"aeiou".contains(c)) {
        stem.pop();
    }
    stem
}

#[cfg(test)]
mod tests {
    use super::stem;

    #[test]
    fn forms_of_a_word_have_one_stem() {
        for (stem_of, forms) in [
            ("deploy", vec!["deploys", "deployed", "deploying"]),
            ("call", vec!["calls", "called", "calling"]),
            ("dependency", vec!["dependencies"]),
            ("drop", vec!["dropped", "dropping", "drops"]),
            ("change", vec!["changed", "changes", "changing"]),
            ("process", vec!["processes"]),
            ("crash", vec!["crashes", "crashing", "crashed"]),
        ] {
            for form in forms {
                assert_eq!(stem(form), stem(stem_of), "{form}");
            }
        }
        assert_ne!(stem("status"), stem("state"));
    }
}
