//! What the descriptions of tools cost a model in every step.

/// Characters of one description with its schema; a token is about four.
const MOST: usize = 1_500;

#[test]
fn no_tool_is_described_at_length() {
    let mut all: Vec<(usize, String)> = waggle_tools::toolbox()
        .specs()
        .into_iter()
        .map(|spec| (serde_json::json!(spec).to_string().len(), spec.name))
        .collect();
    all.sort();
    let longest: Vec<_> = all.iter().rev().take_while(|(length, _)| *length > MOST).collect();
    assert!(longest.is_empty(), "{longest:?}");
}
