//! Which rows a search may see, as the condition that Lance filters by.

use std::collections::BTreeSet;

use waggle_agent_core::ports::PassageQuery;

/// Returns the condition for a question by somebody who holds these labels.
///
/// A document that names no service (or
/// fault class) is about all of them, so a filter keeps it.
pub fn condition(query: &PassageQuery, held: &BTreeSet<String>) -> String {
    let mut all = vec![readable(held)];
    let about = |column: &str, value: &Option<String>| {
        let value = value.as_deref()?;
        Some(format!("({} OR {})", is_empty(column), has(column, value)))
    };
    all.extend(about("service", &query.service));
    all.extend(about("fault_class", &query.fault_class));
    if let Some(library) = &query.library {
        let keys: Vec<String> = library.keys().iter().map(|key| quoted(key)).collect();
        all.push(format!("library IN ({})", keys.join(", ")));
        all.extend(library.version.as_deref().map(|version| format!("version = {}", quoted(version))));
    }
    if !query.collections.is_empty() {
        let names: Vec<String> = query.collections.iter().map(|name| quoted(name)).collect();
        all.push(format!("collection IN ({})", names.join(", ")));
    }
    all.join(" AND ")
}

/// Returns the condition that somebody who holds these labels may read a row: both its collection and its document are open to them.
pub fn readable(held: &BTreeSet<String>) -> String {
    let is_open = |column: &str| {
        let ways = held.iter().map(|label| format!(" OR {}", has(column, label)));
        format!("({}{})", is_empty(column), ways.collect::<String>())
    };
    format!("{} AND {}", is_open("gate"), is_open("labels"))
}

fn is_empty(column: &str) -> String {
    format!("array_length({column}) IS NULL OR array_length({column}) = 0")
}

fn has(column: &str, value: &str) -> String {
    format!("array_has({column}, {})", quoted(value))
}

/// Returns a text as an SQL literal.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn labels_open_documents_and_nothing_else_does() {
        let held = BTreeSet::from(["oncall".to_owned()]);
        assert_eq!(
            readable(&held),
            "(array_length(gate) IS NULL OR array_length(gate) = 0 OR array_has(gate, 'oncall')) \
             AND (array_length(labels) IS NULL OR array_length(labels) = 0 OR array_has(labels, 'oncall'))"
        );
        assert!(!readable(&BTreeSet::new()).contains("array_has"));
    }

    proptest! {
        #[test]
        fn a_text_never_leaves_its_quotes(text in "\\PC{0,40}") {
            let literal = quoted(&text);
            let inside = literal.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')).unwrap_or_default();
            prop_assert!(!inside.replace("''", "").contains('\''), "{}", literal);
            prop_assert_eq!(inside.replace("''", "'"), text);
        }
    }
}
