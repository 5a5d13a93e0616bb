//! Services on their first day: modules, settings, and the words that they are made of.

use crate::{
    code::{Function, Language, Line, Module},
    history::SERVICES,
    random::Random,
};

const NOUNS: [&str; 40] = [
    "order",
    "parcel",
    "invoice",
    "refund",
    "basket",
    "voucher",
    "carrier",
    "address",
    "profile",
    "session",
    "ledger",
    "tariff",
    "catalog",
    "review",
    "stock",
    "shelf",
    "reservation",
    "payout",
    "receipt",
    "quote",
    "label",
    "route",
    "pickup",
    "return",
    "customer",
    "contract",
    "consent",
    "badge",
    "feed",
    "ranking",
    "synonym",
    "facet",
    "discount",
    "campaign",
    "tax",
    "currency",
    "dispute",
    "mandate",
    "batch",
    "manifest",
];
/// What functions do.
pub const VERBS: [&str; 14] = [
    "list", "load", "create", "update", "resolve", "merge", "collect", "apply", "check", "prepare", "settle",
    "match", "expand", "assign",
];
/// What lines do.
pub const WORKS: [&str; 12] = [
    "trim",
    "normalize",
    "round_up",
    "encode",
    "fold",
    "clip",
    "pick",
    "shape",
    "hash",
    "weigh",
    "strip",
    "rank",
];
/// Returns the words that modules are named by.
pub fn nouns() -> Vec<&'static str> {
    NOUNS.to_vec()
}

/// Settings with their usual values.
pub const CONFIG: [(&str, u64); 6] = [
    ("pool_max_connections", 40),
    ("cache_ttl_seconds", 600),
    ("worker_threads", 16),
    ("log_sample_percent", 10),
    ("retry_pause_ms", 60),
    ("batch_size", 200),
];

/// Writes the settings of a service.
pub fn config(random: &mut Random) -> String {
    let lines = CONFIG.iter().map(|(key, value)| format!("{key}: {value}\n"));
    format!("name: service-{}\n{}", random.below(90), lines.collect::<String>())
}

/// Sets a number of a settings file.
pub fn set(text: &str, key: &str, value: u64) -> String {
    let lines = text.lines().map(|line| {
        if line.split(':').next() == Some(key) { format!("{key}: {value}\n") } else { format!("{line}\n") }
    });
    lines.collect()
}

/// Draws a module.
pub fn module(service: &str, language: Language, noun: &str, random: &mut Random) -> Module {
    let mut functions = Vec::new();
    for place in 0..5 {
        let verb = VERBS[(random.below(VERBS.len()) + place) % VERBS.len()];
        let is_route = place < 2;
        let method = if place == 0 { "GET" } else { "POST" };
        // A third of the routes goes by another name than its file.
        let shown = if random.chance(0.35) { *random.one(&NOUNS) } else { noun };
        let route = if is_route {
            format!(
                "{method} /api/v1/{shown}s/{{id}}{}",
                if place == 1 { format!("/{verb}") } else { String::new() }
            )
        } else {
            String::new()
        };
        let mut name = vec![verb.to_owned(), noun.to_owned()];
        if place > 1 {
            name.push(["entries", "parts", "totals"][place - 2].to_owned());
        }
        let work = |random: &mut Random| (*random.one(&WORKS)).to_owned();
        let mut lines = vec![Line::Let("key".to_owned(), work(random), "request".to_owned())];
        if is_route {
            lines.push(Line::Query(
                format!("{noun}s"),
                format!("{}_id", if place == 0 { noun } else { "owner" }),
            ));
        }
        if place == 1 {
            let peer = SERVICES[random.below(SERVICES.len())].0;
            lines.push(Line::Call(
                if peer == service { "gateway".to_owned() } else { peer.to_owned() },
                format!("/api/v1/{noun}s"),
            ));
        }
        lines.push(Line::Each("entries".to_owned(), work(random)));
        lines.push(Line::Let("answer".to_owned(), work(random), "key".to_owned()));
        functions.push(Function { name, route, lines });
    }
    let numbers = vec![("page_size".to_owned(), 50), ("client_timeout_ms".to_owned(), 2_000)];
    Module { service: service.to_owned(), language, noun: noun.to_owned(), numbers, functions }
}
