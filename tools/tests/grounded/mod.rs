//! Calls a tool in both languages, and holds every sentence that it states against its own result.

use std::fmt::Write;

use serde_json::Value;
use waggle_agent_core::{Language, Scene, ToolError, grounding::Ground};

/// What a tool said.
pub struct Told {
    /// For the model.
    pub text: String,
    /// Everything.
    pub data: Value,
    /// Sentences in English.
    pub facts: Vec<String>,
    /// Everything that is read, for a snapshot.
    pub page: String,
    /// Whether there was nothing to find.
    pub empty: bool,
}

/// Calls a tool by its name. Every number, time and name of its sentences must be in its result.
pub async fn told(scene: &Scene, tool: &str, arguments: Value) -> Told {
    let mut page = String::new();
    let mut facts = Vec::new();
    let mut last = None;
    for language in [Language::Zh, Language::En] {
        let scene = Scene { language, ..scene.clone() };
        let called = waggle_tools::toolbox().call(tool, arguments.clone(), &scene).await.unwrap();
        let mut ground = Ground::default();
        ground.add(&called.data, &called.text);
        ground.add_arguments(&arguments);
        let services = ["gateway", "checkout", "inventory", "cache", "audit"].map(str::to_owned);
        for fact in &called.facts {
            assert_eq!(
                ground.missing(&fact.text, &services),
                [],
                "{tool} says `{}` of:\n{}",
                fact.text,
                called.text
            );
        }
        facts = called.facts.iter().map(|fact| fact.text.clone()).collect();
        for fact in &called.facts {
            writeln!(page, "{:?} [{}] {}", fact.topic, fact.service, fact.text).unwrap();
        }
        last = Some(called);
    }
    let called = last.unwrap();
    let page = format!("{}\n---\n{page}", called.text.trim_end());
    Told { text: called.text, data: called.data, facts, page, empty: called.empty }
}

/// Calls a tool that answers with what to mend.
pub async fn refused(scene: &Scene, tool: &str, arguments: Value) -> String {
    match waggle_tools::toolbox().call(tool, arguments, scene).await {
        Err(ToolError::Respond(text)) => text,
        other => panic!("{other:?}"),
    }
}
