//! What every [`Chat`] does, whatever the platform.
#![expect(clippy::unwrap_used, reason = "a suite fails by panicking")]

use std::{collections::BTreeSet, time::Duration};

use waggle_signals::Timestamp;

use crate::{
    EvidenceId, Incident, IncidentId, Kind, Language, Result,
    card::{Card, Line, Section, SectionKind, Step},
    finding::{Owner, Verdict},
    incident::Source,
    ports::{Button, Chat, MessageId, Post, RoomId},
};

/// More than any platform takes in one message.
const OVER_EVERY_LIMIT: usize = 1024 * 1024;

/// Checks that an adapter with no rooms yet keeps the promises of the port.
///
/// `read` returns what people see in a room: each message's id with everything that is written in it, in any form that
/// has the words, oldest first.
///
/// # Panics
///
/// When it breaks one.
pub async fn conformance(chat: &dyn Chat, read: impl AsyncFn(&RoomId) -> Vec<(MessageId, String)>) {
    let platform = chat.platform();
    assert!(!platform.is_empty() && platform.bytes().all(|byte| byte.is_ascii_lowercase()), "`{platform}`");

    each_incident_has_one_room(chat).await;
    what_is_posted_is_read(chat, &read).await;
    an_update_replaces_in_place(chat, &read).await;
    a_mention_names_the_owner_and_the_rule(chat, &read).await;
    no_secret_is_shown(chat, &read).await;
    what_is_not_there_is_not_found(chat).await;
    what_is_too_long_is_refused_and_not_posted(chat, &read).await;
}

async fn each_incident_has_one_room(chat: &dyn Chat) {
    let (one, other) = (incident("inc-chat-one"), incident("inc-chat-other"));
    let room = chat.open_room(&one).await.unwrap();
    assert_eq!(chat.open_room(&one).await.unwrap(), room, "the room that is open already");
    assert_ne!(chat.open_room(&other).await.unwrap(), room);
}

async fn what_is_posted_is_read(chat: &dyn Chat, read: &impl AsyncFn(&RoomId) -> Vec<(MessageId, String)>) {
    let room = chat.open_room(&incident("inc-chat-post")).await.unwrap();
    assert_eq!(read(&room).await, []);
    let first = chat.post(&room, &text("数据库正常", &["那是什么?"])).await.unwrap();
    let second = chat.post(&room, &card("checkout is slow", "inventory waits on itself")).await.unwrap();
    let seen = read(&room).await;
    assert_eq!(ids(&seen), [first, second]);
    assert_contains(&seen[0].1, &["数据库正常", "那是什么?"]);
    assert_contains(&seen[1].1, &["checkout is slow", "inventory waits on itself", "E3"]);
}

async fn an_update_replaces_in_place(
    chat: &dyn Chat,
    read: &impl AsyncFn(&RoomId) -> Vec<(MessageId, String)>,
) {
    let room = chat.open_room(&incident("inc-chat-update")).await.unwrap();
    let first = chat.post(&room, &card("looking", "at what changed")).await.unwrap();
    let second = chat.post(&room, &text("meanwhile", &[])).await.unwrap();
    chat.update(&room, &first, &card("cart fails", "its store is down")).await.unwrap();
    let seen = read(&room).await;
    assert_eq!(ids(&seen), [first, second]);
    assert_contains(&seen[0].1, &["cart fails", "its store is down"]);
    assert!(!seen[0].1.contains("at what changed"), "{}", seen[0].1);
    assert_contains(&seen[1].1, &["meanwhile"]);
}

async fn a_mention_names_the_owner_and_the_rule(
    chat: &dyn Chat,
    read: &impl AsyncFn(&RoomId) -> Vec<(MessageId, String)>,
) {
    let room = chat.open_room(&incident("inc-chat-mention")).await.unwrap();
    let mentioned = chat.mention(&room, &owner()).await.unwrap();
    chat.invite(&room, &owner()).await.unwrap();
    let seen = read(&room).await;
    let message = seen.iter().find(|(id, _)| *id == mentioned).unwrap();
    assert_contains(&message.1, &["li.na", "label `owner` of inventory"]);
}

/// A chat is outside: what is posted there passes the redactor, an update like a post.
async fn no_secret_is_shown(chat: &dyn Chat, read: &impl AsyncFn(&RoomId) -> Vec<(MessageId, String)>) {
    let room = chat.open_room(&incident("inc-chat-secret")).await.unwrap();
    let secret = "password=hunter2x";
    chat.post(&room, &text(secret, &[secret])).await.unwrap();
    let updated = chat.post(&room, &card("looking", "at what changed")).await.unwrap();
    chat.update(&room, &updated, &card(secret, secret)).await.unwrap();
    for (_, seen) in read(&room).await {
        assert!(!seen.contains("hunter2x"), "{seen}");
        assert_contains(&seen, &["password=<secret_1>"]);
    }
}

async fn what_is_not_there_is_not_found(chat: &dyn Chat) {
    let room = chat.open_room(&incident("inc-chat-known")).await.unwrap();
    let (nowhere, nothing) = (RoomId("inc-chat-unknown".into()), MessageId("unknown".into()));
    let post = text("hello", &[]);
    let posted = chat.post(&room, &post).await.unwrap();
    assert_eq!(kind(chat.post(&nowhere, &post).await), Kind::NotFound);
    assert_eq!(kind(chat.update(&nowhere, &posted, &post).await), Kind::NotFound);
    assert_eq!(kind(chat.update(&room, &nothing, &post).await), Kind::NotFound);
    assert_eq!(kind(chat.mention(&nowhere, &owner()).await), Kind::NotFound);
    assert_eq!(kind(chat.invite(&nowhere, &owner()).await), Kind::NotFound);
}

async fn what_is_too_long_is_refused_and_not_posted(
    chat: &dyn Chat,
    read: &impl AsyncFn(&RoomId) -> Vec<(MessageId, String)>,
) {
    let room = chat.open_room(&incident("inc-chat-long")).await.unwrap();
    let long = text(&"x".repeat(OVER_EVERY_LIMIT), &[]);
    assert_eq!(kind(chat.post(&room, &long).await), Kind::Invalid);
    let posted = chat.post(&room, &text("short", &[])).await.unwrap();
    assert_eq!(kind(chat.update(&room, &posted, &long).await), Kind::Invalid);
    let seen = read(&room).await;
    assert_eq!(ids(&seen), [posted]);
    assert_contains(&seen[0].1, &["short"]);
}

fn kind<T: std::fmt::Debug>(result: Result<T>) -> Kind {
    result.unwrap_err().kind()
}

/// The ids in the order of the room; none twice.
fn ids(seen: &[(MessageId, String)]) -> Vec<MessageId> {
    let ids: Vec<_> = seen.iter().map(|(id, _)| id.clone()).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "an id was given twice: {ids:?}");
    ids
}

fn assert_contains(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in `{text}`");
    }
}

fn incident(id: &str) -> Incident {
    Incident::open(
        IncidentId(id.into()),
        "gateway: p99 latency above 200 ms",
        Some("gateway".into()),
        Source::Alert,
        Timestamp::from_secs(1_772_374_000),
        Duration::from_secs(300),
        Duration::from_secs(1800),
    )
}

fn owner() -> Owner {
    Owner { name: "li.na".into(), rule: "label `owner` of inventory".into(), contact: String::new() }
}

fn text(text: &str, buttons: &[&str]) -> Post {
    let buttons = buttons.iter().map(|&text| Button { text: text.into() }).collect();
    Post::Text { text: text.into(), buttons }
}

fn card(title: &str, cause: &str) -> Post {
    let cause = Section {
        kind: SectionKind::Cause,
        heading: "Cause".into(),
        lines: vec![Line { text: cause.into(), evidence: vec![EvidenceId(3)] }],
    };
    let step = Step { evidence: EvidenceId(3), tool: "red".into(), text: "inventory".into(), done: true };
    Post::Card {
        card: Box::new(Card {
            title: title.into(),
            done: true,
            verdict: Some(Verdict::Likely),
            confidence: 0.86,
            sections: vec![cause],
            hunk: None,
            mentions: Vec::new(),
            buttons: Vec::new(),
            steps: vec![step],
            elapsed_ms: 1400,
            language: Language::En,
        }),
    }
}
