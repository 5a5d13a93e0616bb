//! Frames of a profile that are explained: whose code, which library, what is known.

use std::sync::Arc;

use serde_json::json;
use waggle_agent_core::{
    Ports,
    ports::Library,
    testing::fake_knowledge::{Document, FakeKnowledge},
};
use waggle_signals::{Batch, ProfileSample, semconv};

use crate::ask::{at, nothing, ports, refused, resource, told};

/// A profile of one service, and documents of one library.
fn world() -> Ports {
    let mut batch = Batch::default();
    let tags =
        [(semconv::SERVICE_NAME, "payments"), (semconv::REPOSITORY, "https://github.com/acme/payments.git")];
    let payments = resource(&mut batch, &tags);
    let stacks: [(&[&str], Option<&str>, u64); 3] = [
        (&["main.main", "github.com/acme/payments/ledger.Balance"], Some("ledger.go:88"), 700),
        (&["main.main", "github.com/jackc/pgx/v5.(*Conn).Query", "runtime.mallocgc"], None, 200),
        (&["main.main", "futex_wait_queue_[k]"], None, 100),
    ];
    for (frames, location, nanos) in stacks {
        batch.samples.push(ProfileSample {
            resource: payments,
            time: at(45),
            frames: frames.iter().map(|it| (*it).to_owned()).collect(),
            location: location.map(str::to_owned),
            count: 1,
            cpu_nanos: nanos,
        });
    }
    let document = |id: &str, library: Option<&str>, heading: &str, text: &str| Document {
        id: id.to_owned(),
        service: String::new(),
        library: library.map(Library::named),
        sections: vec![(heading.to_owned(), text.to_owned())],
    };
    let shelf = vec![
        document(
            "library/requests-2.31.0",
            Some("python:requests"),
            "requests.sessions.Session › request",
            "Constructs a request and sends it. Waits for ever unless `timeout` is given.",
        ),
        document(
            "library/pyyaml-6.0",
            Some("python:pyyaml"),
            "yaml.load",
            "Parses a document. `safe_load` is the one for input of others.",
        ),
        document(
            "library/guava-33.0",
            Some("java:com.google.guava:guava"),
            "LocalCache › get",
            "Computes a value under a lock of its segment.",
        ),
        document(
            "library/redis-py-5.0",
            Some("python:redis"),
            "redis.client.Redis › get",
            "Sends a command and waits for its answer.",
        ),
        document(
            "runbooks/requests.md",
            None,
            "Orders › Slow requests",
            "A request of a session may wait for the database.",
        ),
    ];
    Ports { knowledge: Arc::new(FakeKnowledge::of(shelf)), ..ports(batch) }
}

#[tokio::test]
async fn a_frame_is_explained_by_whose_code_it_is() {
    let world = world();
    for (name, frame, service) in [
        ("explain_frame_kernel", "futex_wait_queue_[k]", Some("payments")),
        ("explain_frame_runtime", "runtime.mallocgc", Some("payments")),
        ("explain_frame_own", "github.com/acme/payments/ledger.Balance", Some("payments")),
        ("explain_frame_library_unknown", "github.com/jackc/pgx/v5.(*Conn).Query", Some("payments")),
        (
            "explain_frame_library",
            "request (/usr/lib/python3.11/site-packages/requests/sessions.py:589)",
            None,
        ),
        (
            "explain_frame_published_by_another_name",
            "load (/usr/lib/python3.11/site-packages/yaml/__init__.py:81)",
            None,
        ),
        (
            "explain_frame_jar_with_documents",
            "com.google.common.cache.LocalCache.get (~[guava-33.0.0-jre.jar:?])",
            None,
        ),
        ("explain_frame_jar", "com.acme.lib.Codec.read (~[acme-codec-2.15.2.jar:2.15.2])", None),
    ] {
        let arguments = match service {
            Some(service) => json!({"frame": frame, "service": service}),
            None => json!({"frame": frame}),
        };
        insta::assert_snapshot!(name, told(&world, "explain_frame", arguments).await);
    }
}

#[tokio::test]
async fn documents_of_others_do_not_explain_a_library() {
    let world = world();
    for (frame, is_explained) in [
        ("request (/venv/lib/python3.11/site-packages/urllib3/sessions.py)", false),
        ("get (/venv/lib/python3.11/site-packages/redis/client.py)", true),
        ("get (/app/node_modules/redis/client.js:12:3)", false),
        ("load (/app/node_modules/yaml/load.js:12:3)", false),
    ] {
        let text = told(&world, "explain_frame", json!({ "frame": frame })).await;
        assert_eq!(text.contains("library/"), is_explained, "{text}");
        assert!(!text.contains("runbooks/"), "{text}");
    }
}

#[tokio::test]
async fn a_frame_without_a_name_is_not_explained() {
    let text = nothing(&world(), "explain_frame", json!({"frame": "[unknown]"})).await;
    assert!(text.starts_with("nothing is known about `[unknown]`; searched: "), "{text}");
}

#[tokio::test]
async fn a_wrong_question_is_answered_with_advice() {
    let world = world();
    let text = refused(&world, "explain_frame", json!({"frame": " "})).await;
    assert_eq!(text, "`frame` is empty; `profile_top` names the hot ones");
    let text = refused(&world, "explain_frame", json!({"frame": "main.main", "service": "payment"})).await;
    assert_eq!(text, "unknown service `payment`; nearest is `payments`");
    let text = refused(&world, "explain_frame", json!({"frame": "x".repeat(5_000)})).await;
    assert!(text.contains("4096 bytes"), "{text}");
}
