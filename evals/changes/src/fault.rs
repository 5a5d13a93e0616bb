//! Eight kinds of regressions: what each changes in the code, and what is wrong then.

use std::collections::BTreeMap;

use crate::{
    code::{Line, Module, name},
    random::Random,
    world::set,
};

/// Kinds, in their order.
pub const KINDS: [&str; 8] = [
    "slow loop",
    "n+1 query",
    "lock held across a call",
    "leak",
    "bad regex",
    "wrong timeout",
    "removed index",
    "config value",
];

/// A regression that was planted.
#[derive(Clone, Debug)]
pub struct Planted {
    /// Place in [`KINDS`].
    pub kind: usize,
    /// Whose.
    pub service: String,
    /// File with the guilty hunk.
    pub path: String,
    /// The function, as written; empty where there is none.
    pub function: String,
    /// The first route that runs through it, with its module and function.
    pub route: String,
    /// How a profiler names the function.
    pub symbol: String,
    /// How a profiler names what answers the route.
    pub handler: String,
    /// The table, peer or key that it is about; empty where there is none.
    pub subject: String,
    /// The number that was set; zero where there is none.
    pub number: u64,
    /// Words around it, for decoys.
    pub words: String,
}

/// Plants a regression of a kind somewhere in the code.
pub fn plant(
    kind: usize,
    modules: &mut [Module],
    files: &mut BTreeMap<String, String>,
    random: &mut Random,
) -> Planted {
    let at = random.below(modules.len());
    let module = &mut modules[at];
    let is_caller = matches!(kind, 2 | 5);
    let routed = usize::from(is_caller || random.chance(0.5));
    let inner = if matches!(kind, 0 | 4) && random.chance(0.5) { 2 + random.below(3) } else { routed };
    let inner = inner.min(module.functions.len() - 1);
    let noun = module.noun.clone();
    let route = module.functions[routed].route.clone();
    let handler = module.symbol(&module.functions[routed].clone());
    let peer = module.functions[1].lines.iter().find_map(|line| match line {
        Line::Call(peer, _) if peer != "flags" => Some(peer.clone()),
        _ => None,
    });
    let mut planted = Planted {
        kind,
        service: module.service.clone(),
        path: module.path(),
        function: name(module.language, &module.functions[inner].name),
        route,
        symbol: module.symbol(&module.functions[inner].clone()),
        handler,
        subject: String::new(),
        number: 0,
        words: format!("{noun} entries"),
    };
    let lines = &mut module.functions[inner].lines;
    let place = 1.min(lines.len());
    match kind {
        0 => lines.insert(place, Line::EachByEach("entries".to_owned(), "weigh".to_owned())),
        1 => {
            planted.subject = format!("{noun}_parts");
            lines.insert(
                place,
                Line::QueryEach("entries".to_owned(), planted.subject.clone(), format!("{noun}_id")),
            );
        }
        2 => {
            let call = lines.iter().position(|line| matches!(line, Line::Call(..))).unwrap_or(0);
            lines.insert(call, Line::Lock);
            lines.insert((call + 2).min(lines.len()), Line::Unlock);
        }
        3 => lines.push(Line::Keep(format!("seen_{noun}s"), "key".to_owned())),
        4 => {
            let pattern = format!("^([a-z0-9]+[-_]?)+{noun}$");
            let known = lines.iter().position(|line| matches!(line, Line::Match(..)));
            match known {
                Some(known) => lines[known] = Line::Match("text".to_owned(), format!("{pattern}(x+)+")),
                None => lines.insert(place, Line::Match("text".to_owned(), format!("{pattern}(x+)+"))),
            }
        }
        5 => {
            planted.subject = peer.unwrap_or_else(|| "gateway".to_owned());
            planted.number = *random.one(&[100, 150, 200, 250]);
            planted.function = String::new();
            if let Some((_, value)) = module.numbers.iter_mut().find(|(key, _)| key.contains("timeout")) {
                *value = planted.number;
            }
        }
        6 => {
            planted.subject = format!("{noun}s");
            planted.function = String::new();
            let column = if routed == 0 { format!("{noun}_id") } else { "owner_id".to_owned() };
            planted.path =
                format!("services/{}/migrations/{:05}_tidy.sql", module.service, random.below(90_000));
            files.insert(planted.path.clone(), format!("DROP INDEX idx_{noun}s_{column} ON {noun}s;\n"));
        }
        _ => {
            let (key, value) =
                *random.one(&[("pool_max_connections", 4), ("cache_ttl_seconds", 0), ("worker_threads", 2)]);
            planted.path = format!("services/{}/config/production.yaml", module.service);
            planted.function = String::new();
            (planted.subject, planted.number) = (key.to_owned(), value);
            if let Some(text) = files.get_mut(&planted.path) {
                *text = set(text, key, value);
            }
        }
    }
    planted
}
