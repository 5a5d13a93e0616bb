//! Calls are checked before they run, and whatever is wrong with one is said so that a model can mend it.

use serde_json::{Value, json};
use waggle_agent_core::{Language, ToolError, toolbox::Called};

use crate::shop::{is_fatal, responded, scene, toolbox};

async fn call(tool: &str, arguments: Value) -> Result<Called, ToolError> {
    toolbox().call(tool, arguments, &scene("inc-1", Language::En)).await
}

#[tokio::test(start_paused = true)]
async fn faults_in_arguments_are_answered_with_their_paths() {
    for (tool, arguments, wants) in [
        ("compare", json!({}), &["break its schema", "\"service\" is a required property"][..]),
        ("compare", json!({ "service": 7 }), &["at `/service`", "is not of type \"string\""]),
        ("compare", json!({ "service": null }), &["at `/service`", "null is not of type \"string\""]),
        ("echo", json!({ "n": -1 }), &["at `/n`", "less than the minimum"]),
        ("echo", json!({ "n": 1.5, "words": [] }), &["at `/n`", "; at `/words`"]),
        ("echo", json!({ "m": 1 }), &["'m' was unexpected"]),
        ("echo", json!([1]), &["is not of type \"object\""]),
        ("echo", json!("n=1"), &["\"n=1\" is not of type \"object\""]),
        ("echo", json!(3), &["is not of type \"object\""]),
    ] {
        let text = responded(call(tool, arguments.clone()).await);
        assert!(text.starts_with(&format!("the arguments of `{tool}` ")), "{text}");
        for want in wants {
            assert!(text.contains(want), "{arguments}: {text}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_arguments_may_be_written_in_any_way() {
    for arguments in [json!(null), json!(""), json!(" \n"), json!({})] {
        let called = call("echo", arguments.clone()).await.unwrap();
        assert_eq!(called.data, json!({ "n": 0, "words": null }), "{arguments}");
    }
    assert_eq!(call("echo", json!({ "words": null })).await.unwrap().data["words"], json!(null));
}

#[tokio::test]
async fn an_unknown_tool_is_answered_with_the_nearest_and_all_others() {
    let text = responded(call("service-map", json!({})).await);
    assert!(
        text.starts_with("unknown tool `service-map`; nearest is `service_map`; the tools are: "),
        "{text}"
    );
    assert!(text.ends_with("suspects"), "{text}");
    let text = responded(call("run_shell", json!({ "command": "rm -rf /" })).await);
    assert!(text.starts_with("unknown tool `run_shell`; the tools are: "), "{text}");
    let text = responded(call(&"x".repeat(100_000), json!({})).await);
    assert!(text.chars().count() < 7_000, "{}", text.len());
}

#[tokio::test]
async fn what_is_too_long_is_cut_and_says_so() {
    let called = call("endless", json!({})).await.unwrap();
    assert!(called.text.starts_with("慢慢慢"));
    assert!(called.text.ends_with("\n… 1000 more characters; ask for less"), "{}", called.text.len());
    assert_eq!(called.text.chars().filter(|c| *c == '慢').count(), 6_000);

    let text = responded(call("compare", json!({ "service": ["x".repeat(100_000)] })).await);
    assert!(text.chars().count() < 1_000, "{}", text.len());
}

#[tokio::test]
async fn no_data_is_an_answer_that_says_what_was_searched() {
    let called = call("slow_traces", json!({ "service": "payment" })).await.unwrap();
    assert!(called.empty);
    assert_eq!(called.text, "no requests; searched: answered requests of payment in the last 30 s");
    assert_eq!(called.facts, []);
    assert!(!call("compare", json!({ "service": "inventory" })).await.unwrap().empty);
}

#[tokio::test]
async fn what_the_outside_answers_is_told_and_faults_of_the_program_end_the_run() {
    assert_eq!(responded(call("refuses", json!({})).await), "the store restarts; hint: ask again");
    assert!(is_fatal(call("broken", json!({})).await));
}

#[test]
fn a_call_is_said_in_one_line() {
    let toolbox = toolbox();
    assert_eq!(toolbox.summary("echo", &json!({ "n": 3 })), "echo of 3");
    assert_eq!(toolbox.summary("echo", &json!({ "n": "three" })), "echo");
    assert_eq!(toolbox.summary("no_such_tool", &json!({})), "no_such_tool");
}

#[test]
fn a_tool_describes_itself_to_the_model() {
    let specs = toolbox().specs();
    let of = |name: &str| specs.iter().find(|spec| spec.name == name).unwrap();
    // Whether maps keep the order of their keys depends on what else is built.
    insta::with_settings!({ sort_maps => true }, {
        insta::assert_json_snapshot!("spec_with_defaults", of("echo"));
        insta::assert_json_snapshot!("spec_without_arguments", of("service_map"));
    });
    let names: Vec<_> = specs.iter().map(|spec| spec.name.as_str()).collect();
    assert!(names.is_sorted(), "{names:?}");
}
