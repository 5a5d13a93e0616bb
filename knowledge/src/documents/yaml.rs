//! YAML from outside: bounded in depth, size and what its aliases unfold to.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Reason;

/// Nodes of one text. The greatest OpenAPI descriptions in public use have about half a million lines; those above are told as too large.
const MAX_NODES: usize = 1_000_000;

/// Levels of nesting. JSON has the same by its library.
const MAX_DEPTH: usize = 120;

/// Nodes that aliases may repeat.
const MAX_REPEATED: usize = 100_000;

/// Reads YAML as a tree of JSON.
///
/// # Errors
///
/// `Broken` with what is wrong, bounds too.
pub fn tree(text: &str) -> Result<Value, Reason> {
    typed(text)
}

/// Reads YAML as a type.
///
/// # Errors
///
/// `Broken` with what is wrong, bounds too.
pub fn typed<T: DeserializeOwned>(text: &str) -> Result<T, Reason> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            max_nodes: MAX_NODES,
            max_events: 3 * MAX_NODES,
            max_documents: 1,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: MAX_REPEATED,
        },
        non_finite_float_policy: serde_saphyr::options::NonFiniteFloatPolicy::AsString,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        // Messages may quote the text, which can be long.
        let told: String = error.to_string().chars().take(200).collect();
        Reason::Broken(format!("is not YAML that can be read: {}", super::draft::one_line(&told)))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_as_keys_become_text() {
        let read = tree("responses:\n  200: {description: fine}\n  default: no\n").unwrap();
        assert_eq!(read["responses"]["200"]["description"], "fine");
    }

    #[test]
    fn aliases_that_unfold_without_end_are_refused() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let above = format!("*a{}, ", level - 1).repeat(9);
            bomb.push_str(&format!("a{level}: &a{level} [{}]\n", above.trim_end_matches(", ")));
        }
        assert!(matches!(tree(&bomb), Err(Reason::Broken(_))));
    }

    #[test]
    fn endless_nesting_is_refused() {
        for deep in
            ["[".repeat(100_000), "{a: ".repeat(100_000), "- ".repeat(100_000), "a:\n".repeat(100_000)]
        {
            assert!(tree(&deep).is_err(), "{}", &deep[..10]);
        }
    }

    proptest! {
        #[test]
        fn any_text_reads_or_does_not(text in "([a-z]|[ \n:\\[\\]{}&*!|>'\"#-]|- |: |\n  ){0,200}") {
            let _ = tree(&text);
        }
    }
}
