//! Who answers for a service, by labels, a catalogue and shifts.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use waggle_agent_core::{Ports, finding::Owner, testing::fake_ownership::FakeOwnership};
use waggle_signals::{Batch, Severity, TimeRange, semconv};

use crate::ask::{at, line, nothing, ports, refused, resource, told};

fn owner(name: &str, rule: &str, contact: &str) -> Owner {
    Owner { name: name.to_owned(), rule: rule.to_owned(), contact: contact.to_owned() }
}

/// `payments` runs and has a label; `ledger` runs and has none; the catalogue lists `payments` and `batch-report`, which sent nothing.
fn world() -> Ports {
    let mut batch = Batch::default();
    for tags in [
        &[(semconv::SERVICE_NAME, "payments"), (semconv::OWNER, "@li.na")][..],
        &[(semconv::SERVICE_NAME, "ledger")],
    ] {
        let process = resource(&mut batch, tags);
        line(&mut batch, process, 30, Severity::Info, "ready");
    }
    let shift = TimeRange::ending_at(at(90), Duration::from_secs(3600));
    let over = TimeRange::ending_at(at(50), Duration::from_secs(3600));
    let ownership = FakeOwnership::default()
        .owned_by("payments", owner("money", "catalogue component `payments`", "@money"))
        .owned_by("batch-report", owner("night", "catalogue component `batch-report`", ""))
        .on_call("payments", shift, owner("wang.wei", "on call for team `money`", "slack:U1"))
        .on_call("batch-report", over, owner("zhao.min", "on call for team `night`", ""));
    Ports { ownership: Arc::new(ownership), ..ports(batch) }
}

#[tokio::test]
async fn everybody_is_named_with_their_rule_and_a_gap_is_said() {
    let ports = world();
    let mut out = told(&ports, "owners", json!({"service": "payments"})).await;
    // Known to the catalogue alone.
    out += &told(&ports, "owners", json!({"service": "batch-report"})).await;
    insta::assert_snapshot!("owners", out);
    assert_eq!(
        nothing(&ports, "owners", json!({"service": "ledger"})).await,
        "no rule names an owner of `ledger`; searched: labels, the catalogue and who is on call"
    );
}

#[tokio::test]
async fn an_unknown_service_is_not_answered_for_another() {
    for (service, wanted) in [
        ("payment", "unknown service `payment`; nearest is `payments`; the catalogue lists `payments`"),
        (
            "batch-reprot",
            "unknown service `batch-reprot`; known are: ledger, payments; the catalogue lists `batch-report`",
        ),
        ("zebra", "unknown service `zebra`; known are: ledger, payments"),
    ] {
        assert_eq!(refused(&world(), "owners", json!({"service": service})).await, wanted);
    }
}
