//! On which grounds a hunk is held to explain what is seen.

use std::collections::BTreeSet;

use super::{
    construct::{Construct, Constructs, constructs},
    fit::{called, covered, filtered, numbers, plain, route_words, stem, tables, writes_route},
    hunk::Hunk,
    signs::{CallSign, CodeSigns, Why},
    symbol::{Symbol, symbol},
};
use crate::{
    blame::{
        signs::{SignSource, Signs},
        words::{terms, terms_and_words},
    },
    quantity,
};

/// One ground: how surely the hunk explains by it, 0 to 1, and why in words.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ground {
    pub weight: f64,
    pub why: String,
}

/// A frame further out holds what the inner ones hold, and says less.
const FURTHER_OUT: f64 = 0.8;

/// A hunk with the words in which it can be asked.
pub(super) struct Asked<'a> {
    hunk: &'a Hunk,
    path: &'a str,
    does: Constructs,
    /// Words of changed lines.
    changed: BTreeSet<String>,
    /// Words of all lines.
    near: BTreeSet<String>,
    /// Words of the functions and the file.
    names: BTreeSet<String>,
    /// Whole words of changed lines, lower case, with their underscores.
    literal: BTreeSet<String>,
    /// Names that changed lines call.
    calls: BTreeSet<String>,
    /// Numbers that were brought in.
    numbers: Vec<f64>,
    /// Functions, in one spelling.
    functions: BTreeSet<String>,
}

impl<'a> Asked<'a> {
    pub fn new(path: &'a str, hunk: &'a Hunk) -> Self {
        let changed_lines: Vec<&str> = hunk.side('+').chain(hunk.side('-')).collect();
        let whole = |line: &str| -> Vec<String> {
            line.split(|c: char| !c.is_alphanumeric() && c != '_').map(str::to_lowercase).collect()
        };
        let stem = stem(path);
        Self {
            path,
            does: constructs(hunk),
            changed: changed_lines.iter().flat_map(|line| terms(line)).collect(),
            near: hunk.lines.iter().flat_map(|line| terms(line)).collect(),
            names: hunk.functions.iter().flat_map(|name| terms(name)).chain(terms(stem)).collect(),
            literal: changed_lines
                .iter()
                .flat_map(|line| whole(line))
                .filter(|word| word.len() >= 3)
                .collect(),
            calls: changed_lines.iter().flat_map(|line| called(line)).collect(),
            numbers: hunk.only('+').into_iter().flat_map(numbers).collect(),
            functions: hunk.functions.iter().map(|name| plain(name)).collect(),
            hunk,
        }
    }

    /// Returns all grounds that hold. `reach` tells how surely the file is part of a service.
    pub fn grounds(&self, signs: &Signs, reach: impl Fn(&str) -> f64) -> Vec<Ground> {
        let code = &signs.code;
        let mut grounds: Vec<Ground> = self.by_frames(code, &reach).into_iter().collect();
        grounds.extend(self.by_calls(code, &reach));
        grounds.extend(self.by_routes(code, &reach));
        grounds.extend(code.leaking.iter().filter_map(|service| self.by_memory(service, reach(service))));
        grounds.extend(self.by_words(signs, &reach));
        grounds.extend(self.by_levels(signs, &reach));
        grounds.retain(|ground| ground.weight > 0.02);
        grounds.sort_by(|a, b| b.weight.total_cmp(&a.weight));
        grounds
    }

    /// A function that was changed, or is newly called, holds new CPU time.
    fn by_frames(&self, code: &CodeSigns, reach: impl Fn(&str) -> f64) -> Option<Ground> {
        let mut best: Option<Ground> = None;
        let mut depth = std::collections::BTreeMap::<&str, f64>::new();
        for frame in &code.frames {
            let symbol = symbol(&frame.function, frame.location.as_deref());
            let weight = depth.entry(&frame.service).or_insert(1.0);
            let function = plain(&symbol.function);
            let module = self.module_fit(&symbol);
            let is_pattern = is_pattern(&symbol) && self.does.touched.contains(&Construct::Pattern);
            let (fit, how) = if self.functions.contains(&function) && function.len() > 2 {
                (0.92 * module, "it changes")
            } else if self.calls.contains(&function) && function.len() > 3 {
                (0.7 * module.max(0.8), "its lines call")
            } else if is_pattern {
                (0.6, "it changes a pattern, and patterns are matched in")
            } else if module >= 0.9 {
                (0.25, "it changes the file of")
            } else {
                (0.0, "")
            };
            let fit = fit * *weight * frame.share.clamp(0.3, 1.0).sqrt() * reach(&frame.service);
            // Library code is no step further out: who calls it decides.
            if module >= 0.6 || symbol.modules.len() < 2 {
                *weight *= FURTHER_OUT;
            }
            if fit > best.as_ref().map_or(0.0, |best| best.weight) {
                let share = quantity::percent(frame.share);
                let why = format!(
                    "{how} `{}`, which holds {share} of the new CPU time of `{}`",
                    symbol.function, frame.service
                );
                best = Some(Ground { weight: fit, why });
            }
        }
        // What costs CPU is a loop, a pattern or work on texts; other edits of the same function cost none.
        let costs = [Construct::Loop, Construct::Pattern, Construct::Computes, Construct::Cache];
        let is_costly = costs.iter().any(|it| self.does.added.contains(it) || self.does.removed.contains(it));
        best.map(|best| Ground { weight: if is_costly { best.weight } else { 0.55 * best.weight }, ..best })
    }

    /// 1 for the file of the symbol, less for its module, 0.4 when neither says so.
    fn module_fit(&self, symbol: &Symbol) -> f64 {
        if let Some(file) = &symbol.file {
            let is_same =
                self.path.ends_with(file.trim_start_matches(['/', '.'])) || file.ends_with(self.path);
            if is_same {
                return 1.0;
            }
            return if plain(stem(file)) == plain(stem(self.path)) { 0.9 } else { 0.3 };
        }
        let modules: BTreeSet<String> = symbol.modules.iter().map(|module| plain(module)).collect();
        let own = plain(stem(self.path));
        let mut folders = self.path.rsplit('/').skip(1).map(plain);
        if modules.contains(&own) {
            1.0
        } else if folders.next().is_some_and(|folder| modules.contains(&folder)) {
            0.9
        } else if folders.any(|folder| modules.contains(&folder)) {
            0.6
        } else {
            0.4
        }
    }

    /// The best of what [`by_call`](Self::by_call) says, less where it explains few of all calls that got worse.
    fn by_calls(&self, code: &CodeSigns, reach: impl Fn(&str) -> f64) -> Option<Ground> {
        let best = |grounds: Vec<Ground>| grounds.into_iter().max_by(|a, b| a.weight.total_cmp(&b.weight));
        let each: Vec<Option<Ground>> =
            code.calls.iter().map(|call| best(self.by_call(call, reach(&call.service)))).collect();
        let all = each.len();
        let weights: Vec<f64> =
            each.iter().map(|ground| ground.as_ref().map_or(0.0, |it| it.weight)).collect();
        let first = best(each.into_iter().flatten().collect())?;
        let alike =
            weights.iter().filter(|weight| **weight >= 0.6 * first.weight).count() as f64 / all as f64;
        Some(Ground { weight: first.weight * (0.4 + 0.6 * alike), ..first })
    }

    /// A call or a statement got worse, and the hunk is about it.
    fn by_call(&self, call: &CallSign, reach: f64) -> Vec<Ground> {
        let tables = tables(&call.what);
        let asked: BTreeSet<String> = tables.iter().flat_map(|table| terms(table)).collect();
        let subject = if asked.is_empty() { route_words(&call.what) } else { asked };
        let peer: BTreeSet<String> = terms(&call.peer).into_iter().collect();
        let is_named = tables.iter().any(|table| self.literal.contains(table));
        let about = if is_named {
            0.9
        } else {
            let words = covered(&subject, &self.changed);
            (0.8 * words)
                .max(0.6 * covered(&subject, &self.names))
                .max(0.5 * covered(&subject, &self.near))
                .max(0.5 * covered(&peer, &self.changed))
        };
        let handles = covered(&route_words(&call.route), &self.names);
        let short = short(&call.what);
        let mut grounds = Vec::new();
        let mut push = |weight: f64, why: String| grounds.push(Ground { weight: weight * reach, why });
        if let Some(given_up) = call.given_up_ms {
            let near = |ms: f64| ms > 0.0 && (ms - given_up).abs() <= 0.06 * given_up;
            let is_its_time =
                self.numbers.iter().any(|number| near(*number) || near(number * 1e3) || near(number * 6e4));
            let is_timeout = self.does.touched.contains(&Construct::Timeout);
            let base = match (is_its_time, is_timeout) {
                (true, true) => 0.85,
                (true, false) => 0.5,
                (false, true) => 0.35,
                (false, false) => 0.0,
            };
            let weight = (base
                + 0.1 * about.max(covered(&peer, &self.near)).max(covered(&peer, &self.names)))
            .min(0.95);
            if base > 0.0 {
                push(
                    weight,
                    format!(
                        "calls of `{short}` are now given up after {}, and it sets such a time",
                        quantity::ms(given_up)
                    ),
                );
            }
        }
        if call.is_more() {
            let (before, after) =
                (quantity::number(call.per_request.0), quantity::number(call.per_request.1));
            let times = format!("`{short}` is asked {before} → {after} times per request");
            let how = if self.does.query_in_loop {
                0.9
            } else if self.does.removed.contains(&Construct::Batch)
                || (self.does.removed.contains(&Construct::Cache)
                    && !self.does.added.contains(&Construct::Cache))
            {
                0.75
            } else if self.does.touched.contains(&Construct::Cache)
                || self.does.touched.contains(&Construct::Batch)
            {
                0.55
            } else if self.does.added.contains(&Construct::Query)
                || self.does.added.contains(&Construct::Loop)
            {
                0.45
            } else {
                0.1
            };
            push(
                how * (0.35 + 0.45 * about + 0.2 * handles),
                format!("{times}, and it changes how that is asked"),
            );
        }
        if call.is_slower() && call.given_up_ms.is_none() && !tables.is_empty() {
            let (before, after) = (quantity::ms(call.each_ms.0), quantity::ms(call.each_ms.1));
            let columns = covered(&filtered(&call.what), &self.literal);
            let how = if self.does.touched.contains(&Construct::Index) && is_named {
                0.85 + 0.1 * columns
            } else if self.does.touched.contains(&Construct::Index) && about > 0.3 {
                0.6
            } else if is_named && self.does.touched.contains(&Construct::Query) {
                0.45
            } else {
                0.15 * about
            };
            push(how, format!("`{short}` takes {before} → {after} each, and it changes what that stands on"));
        }
        grounds
    }

    /// A route got worse by itself, and the hunk is in what answers it.
    fn by_routes(&self, code: &CodeSigns, reach: impl Fn(&str) -> f64) -> Option<Ground> {
        let grounds = code.routes.iter().map(|route| {
            let handles = covered(&route_words(&route.route), &self.names);
            let is_written = self.hunk.lines.iter().any(|line| writes_route(line, &route.route));
            let handles = if is_written { 1.0 } else { handles };
            let fits = match route.why {
                Why::Waits => {
                    let moved = self.does.touched.contains(&Construct::Lock);
                    if moved {
                        0.75
                    } else if self.does.touched.contains(&Construct::Limit) {
                        0.45
                    } else {
                        0.08
                    }
                }
                Why::Cpu => {
                    let costs = [Construct::Loop, Construct::Pattern, Construct::Computes];
                    if costs.iter().any(|it| self.does.added.contains(it)) { 0.35 } else { 0.08 }
                }
                Why::Unknown => 0.25,
                Why::Fails => 0.2,
            };
            // Where all routes got worse alike, what answers one of them says nothing.
            let where_ = (1.0 - route.common) * handles + route.common * 0.5;
            let (before, after) = (quantity::ms(route.own_before_ms), quantity::ms(route.own_after_ms));
            let how = match route.why {
                Why::Waits => "waits",
                Why::Cpu => "computes",
                Why::Unknown => "takes longer by itself",
                Why::Fails => "fails by itself",
            };
            let why = format!(
                "`{}` of `{}` {how} ({before} → {after} of its own), and it changes what answers it",
                route.route, route.service
            );
            Ground { weight: fits * (0.25 + 0.75 * where_) * reach(&route.service), why }
        });
        grounds.max_by(|a, b| a.weight.total_cmp(&b.weight))
    }

    /// Memory grows, and the hunk keeps more or gives back less.
    fn by_memory(&self, service: &str, reach: f64) -> Option<Ground> {
        let (added, removed) = (&self.does.added, &self.does.removed);
        let fits = if removed.contains(&Construct::Frees) && !added.contains(&Construct::Frees) {
            0.7
        } else if added.contains(&Construct::Keeps) && !added.contains(&Construct::Frees) {
            0.55
        } else if self.does.touched.contains(&Construct::Cache) {
            0.4
        } else {
            return None;
        };
        Some(Ground {
            weight: fits * reach,
            why: format!("memory of `{service}` grows and grows, and it keeps more or gives back less"),
        })
    }

    /// New lines of logs and errors of spans speak of what the hunk does.
    fn by_words(&self, signs: &Signs, reach: impl Fn(&str) -> f64) -> Option<Ground> {
        let texts =
            signs.texts.iter().filter(|sign| matches!(sign.source, SignSource::Log | SignSource::Span));
        let grounds = texts.filter_map(|sign| {
            let said: BTreeSet<String> = terms(&sign.text).into_iter().collect();
            if said.is_empty() {
                return None;
            }
            let least = 3.0 / (said.len() as f64).max(3.0);
            let changed = covered(&said, &self.changed) / least.max(0.5);
            let near = covered(&said, &self.near) / least.max(0.5);
            let weight = (0.6 * changed.min(1.0)).max(0.3 * near.min(1.0)) * reach(&sign.service);
            let words =
                terms_and_words(&sign.text).into_iter().filter(|(term, _)| self.changed.contains(term));
            let met: BTreeSet<String> = words.map(|(_, word)| word).take(3).collect();
            let words = if met.is_empty() {
                "the same words".to_owned()
            } else {
                met.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
            };
            Some(Ground {
                weight,
                why: format!("it speaks of {words}, as new lines of `{}` do", sign.service),
            })
        });
        grounds.max_by(|a, b| a.weight.total_cmp(&b.weight))
    }

    /// A setting is named as a metric that moved is.
    fn by_levels(&self, signs: &Signs, reach: impl Fn(&str) -> f64) -> Option<Ground> {
        if self.numbers.is_empty() {
            return None;
        }
        let grounds = signs.levels.iter().map(|level| {
            let own: BTreeSet<String> = terms(&level.service).into_iter().collect();
            let named: BTreeSet<String> =
                terms(&level.metric).into_iter().filter(|term| !own.contains(term)).collect();
            let fit = covered(&named, &self.changed);
            let is_limit = [Construct::Limit, Construct::Cache, Construct::Batch]
                .iter()
                .any(|it| self.does.touched.contains(it));
            let weight = if fit >= 0.5 { (0.3 + 0.3 * fit) * if is_limit { 1.0 } else { 0.7 } } else { 0.0 };
            Ground {
                weight: weight * reach(&level.service),
                why: format!(
                    "it sets a number that `{}` of `{}` is named after",
                    level.metric, level.service
                ),
            }
        });
        grounds.max_by(|a, b| a.weight.total_cmp(&b.weight))
    }
}

/// Tells whether a symbol belongs to an engine of patterns.
fn is_pattern(symbol: &Symbol) -> bool {
    let file = symbol.file.as_deref().map(stem).unwrap_or_default();
    let names = symbol.modules.iter().map(String::as_str).chain([symbol.function.as_str(), file]);
    names
        .map(plain)
        .any(|name| name.contains("regex") || name == "re" || name.starts_with("sre") || name == "pattern")
}

fn short(what: &str) -> String {
    what.chars().take(60).collect()
}
