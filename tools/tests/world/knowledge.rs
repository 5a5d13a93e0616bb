//! Runbooks that are searched and read.

use std::sync::Arc;

use serde_json::json;
use waggle_agent_core::{
    Ports,
    testing::{fake_knowledge::FakeKnowledge, knowledge::sample},
};
use waggle_signals::Batch;

use crate::ask::{nothing, ports, refused, told};

fn shelf() -> Ports {
    Ports { knowledge: Arc::new(FakeKnowledge::of(sample())), ..ports(Batch::default()) }
}

#[tokio::test]
async fn passages_come_with_their_section() {
    let found = told(&shelf(), "search_knowledge", json!({"query": "slow orders, connection pool"})).await;
    let first = found.lines().next().unwrap();
    assert_eq!(
        first,
        "- runbooks/checkout.md › Checkout › Slow orders: Look at the connection pool of the database first."
    );
    insta::assert_snapshot!("search_knowledge", found);
    let empty = refused(&shelf(), "search_knowledge", json!({"query": " "})).await;
    assert_eq!(empty, "`query` is empty; say what to look for");
}

#[tokio::test]
async fn a_document_is_read_section_by_section() {
    let read = told(&shelf(), "read_document", json!({"id": "runbooks/checkout.md"})).await;
    assert!(read.contains("[Checkout › Certificates]\nRenew the certificate"), "{read}");
    insta::assert_snapshot!("read_document", read);
    let unknown = refused(&shelf(), "read_document", json!({"id": "runbooks/chekout.md"})).await;
    assert_eq!(unknown, "unknown document `runbooks/chekout.md`; `search_knowledge` finds ids by words");
    let unknown = refused(&shelf(), "read_document", json!({"id": "checkout"})).await;
    assert_eq!(unknown, "unknown document `checkout`; nearest is `runbooks/checkout.md`");
}

#[tokio::test]
async fn an_empty_shelf_has_nothing() {
    let ports = ports(Batch::default());
    let text = nothing(&ports, "search_knowledge", json!({"query": "disk full"})).await;
    assert_eq!(text, "nothing is written about it; searched: documents for `disk full`");
    let text = refused(&ports, "read_document", json!({"id": "x"})).await;
    assert_eq!(text, "unknown document `x`; `search_knowledge` finds ids by words");
}
