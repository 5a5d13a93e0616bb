//! What telemetry shows of a deploy: requests, profiles, memory and lines, drawn from a model of each regression with noise.

use std::time::Duration;

use waggle_signals::{Batch, Severity, SpanKind, semconv};

use crate::{
    code::{Language, Line, Module},
    fault::Planted,
    history::{Deploy, SERVICES},
    random::Random,
    sent::{World, at_ms},
};

/// Minutes of healthy time.
pub const HEALTHY_MIN: i64 = 40;
/// Minutes that are looked at.
pub const WINDOW_MIN: i64 = 20;
/// Seconds between two requests of one route.
const EVERY_S: i64 = 20;

/// What a deploy looks like from outside.
pub struct Shown {
    /// All that was sent.
    pub batch: Batch,
    /// When the alert fired, in seconds.
    pub now: i64,
    /// When the trouble began, in seconds.
    pub onset: i64,
    /// The service that the alert names.
    pub service: String,
    /// What the alert says.
    pub title: String,
}

/// Draws the telemetry of a deploy. `repository` is what services say they were built from.
pub fn shown(deploy: &Deploy, repository: &str, seed: u64) -> Shown {
    let mut random = Random::new(seed ^ u64::try_from(deploy.at).unwrap_or(1));
    let onset = deploy.at + 20 + i64::try_from(random.below(60)).unwrap_or(0);
    let planted = deploy.planted.as_ref().map(|(_, planted)| planted.clone());
    let service = planted
        .as_ref()
        .map_or_else(|| random.one(&SERVICES).0.to_owned(), |planted| planted.service.clone());
    let healthy = random.below(3);
    let now = onset + 60 * (12 + i64::try_from(random.below(4)).unwrap_or(0));
    let title = match &planted {
        Some(planted) if planted.kind == 3 => format!("{service}: memory above 85% of its limit"),
        _ if random.chance(0.5) => format!("{service}: latency of requests above its objective"),
        _ => format!("{service}: error budget burns"),
    };
    let mut world = World { batch: Batch::default(), random, repository, next: 1 };
    let others: Vec<&str> = SERVICES.iter().map(|(name, _)| *name).filter(|name| *name != service).collect();
    let near = *world.random.one(&others);
    let far = *world.random.one(&others);
    world.deployed(&service, deploy.at, &deploy.head, &deploy.before);
    // Another service goes live nearer to the onset, and the right one once more when it is too late.
    world.deployed(near, onset - 5, &deploy.head, &deploy.before);
    world.deployed(&service, onset + 60 * 4, &deploy.later, &deploy.head);
    let scene = Scene {
        planted: planted.as_ref(),
        onset,
        healthy: planted.is_none().then_some(healthy),
        service: &service,
    };
    let from = now - 60 * (HEALTHY_MIN + WINDOW_MIN);
    for module in deploy
        .modules
        .iter()
        .filter(|module| [service.as_str(), near, far].contains(&module.service.as_str()))
    {
        for function in module.functions.iter().filter(|function| !function.route.is_empty()) {
            let mut at = from + i64::try_from(world.random.below(20)).unwrap_or(0);
            while at < now {
                let n =
                    if scene.healthy == Some(1) && at >= onset && module.service == service { 3 } else { 1 };
                for _ in 0..n {
                    world.request(&scene, module, function, at);
                }
                at += EVERY_S / 2 + i64::try_from(world.random.below(20)).unwrap_or(0);
            }
        }
    }
    world.background(&scene, &deploy.modules, from, now, [&service, near, far]);
    Shown { batch: world.batch, now, onset, service, title }
}

/// What is going on.
struct Scene<'a> {
    planted: Option<&'a Planted>,
    onset: i64,
    /// Of healthy deploys: nothing, load, or a slow partner outside.
    healthy: Option<usize>,
    service: &'a str,
}

impl World<'_> {
    /// One request: own work, statements and calls one after another.
    fn request(&mut self, scene: &Scene<'_>, module: &Module, function: &crate::code::Function, at: i64) {
        let is_after = at >= scene.onset;
        let is_here = module.service == scene.service;
        let fault = scene
            .planted
            .filter(|planted| is_after && is_here && self.random.chance(0.97) && !planted.service.is_empty());
        let is_route = fault.is_some_and(|fault| fault.route == function.route);
        let trace = self.next;
        let start = at_ms(at, self.random.between(0.0, 900.0));
        let mut own = self.random.between(2.0, 5.0) * self.random.jitter();
        if scene.healthy == Some(1) && is_after && is_here {
            own *= 1.6;
        }
        let mut children: Vec<(String, f64, bool, Option<String>, String)> = Vec::new();
        for line in &function.lines {
            match line {
                Line::Query(table, column) => {
                    let statement = format!("SELECT * FROM {table} WHERE {column} = $1");
                    let mut ms = self.random.between(1.0, 3.0) * self.random.jitter();
                    let is_scanned = fault.is_some_and(|fault| fault.kind == 6 && fault.subject == *table);
                    if is_scanned && is_route {
                        ms = self.random.between(60.0, 240.0);
                    }
                    let is_uncached =
                        fault.is_some_and(|fault| fault.kind == 7 && fault.subject.starts_with("cache"));
                    let n = if is_uncached { 3 + self.random.below(3) } else { 1 };
                    for _ in 0..n {
                        children.push((
                            format!("SELECT {table}"),
                            ms,
                            false,
                            Some(statement.clone()),
                            "postgres".to_owned(),
                        ));
                    }
                }
                Line::Call(peer, path) if peer != "flags" => {
                    // A long tail, as calls to others have.
                    let mut ms = self.random.between(30.0, 110.0) * self.random.jitter();
                    if self.random.chance(0.3) {
                        ms *= self.random.between(2.0, 5.0);
                    }
                    if scene.healthy == Some(2) && is_after && is_here {
                        ms *= 6.0;
                    }
                    let given_up = fault.filter(|fault| {
                        fault.kind == 5 && is_route && fault.subject == *peer && ms > fault.number as f64
                    });
                    let failed = given_up.is_some();
                    if let Some(fault) = given_up {
                        ms = fault.number as f64 + self.random.between(0.2, 2.0);
                    }
                    children.push((format!("GET {path}"), ms, failed, None, peer.clone()));
                }
                _ => {}
            }
        }
        if let Some(fault) = fault {
            match fault.kind {
                0 | 4 if is_route => own += self.random.between(40.0, 200.0),
                1 if is_route => {
                    let noun = fault.subject.trim_end_matches("_parts");
                    let statement = format!("SELECT * FROM {} WHERE {noun}_id = $1", fault.subject);
                    for _ in 0..12 + self.random.below(25) {
                        let ms = self.random.between(0.8, 2.5);
                        children.push((
                            format!("SELECT {}", fault.subject),
                            ms,
                            false,
                            Some(statement.clone()),
                            "postgres".to_owned(),
                        ));
                    }
                }
                2 if is_route => own += self.random.between(30.0, 180.0),
                // Who shares the lock waits a little as well.
                2 if self.random.chance(0.2) => own += self.random.between(0.0, 15.0),
                3 => own *= 1.1,
                7 if !fault.subject.starts_with("cache") => own += self.random.between(10.0, 90.0),
                _ => {}
            }
        }
        let failed = children.iter().any(|child| child.2);
        let total = own + children.iter().map(|child| child.1).sum::<f64>() + 0.05 * children.len() as f64;
        let server =
            self.span(&module.service, trace, None, SpanKind::Server, &function.route, start, total, failed);
        let mut passed = own * 0.4;
        for (name, ms, failed, statement, peer) in children {
            let begin = start + Duration::from_micros((passed * 1e3) as u64);
            self.child(&module.service, trace, server, &name, begin, ms, failed, statement.as_deref(), &peer);
            passed += ms + 0.05;
        }
        if let Some(fault) = fault {
            self.complain(fault, module, at, failed, is_route);
        }
    }

    /// What programs say of it, where they do.
    fn complain(&mut self, fault: &Planted, module: &Module, at: i64, failed: bool, is_route: bool) {
        let text = match fault.kind {
            2 if is_route && self.random.chance(0.2) => "request took longer than expected".to_owned(),
            5 if failed => match module.language {
                Language::Go => format!("call to {}: context deadline exceeded", fault.subject),
                Language::Python => format!("{}: ReadTimeout while waiting for an answer", fault.subject),
                Language::Java => {
                    format!("java.net.SocketTimeoutException: Read timed out calling {}", fault.subject)
                }
                _ => format!("request to {} timed out", fault.subject),
            },
            7 if fault.subject.starts_with("pool") && self.random.chance(0.3) => {
                "timed out waiting for a free connection".to_owned()
            }
            _ => return,
        };
        self.says(&module.service, at, Severity::Warn, text);
    }

    /// Profiles, memory and lines over the whole time.
    fn background(
        &mut self,
        scene: &Scene<'_>,
        modules: &[Module],
        from: i64,
        now: i64,
        services: [&str; 3],
    ) {
        let is_inlined = self.random.chance(0.25);
        let noisy = *self.random.one(&services);
        let is_noisy = self.random.chance(0.3);
        for at in (from..now).step_by(10) {
            let is_after = at >= scene.onset;
            for service in services {
                let own: Vec<String> = modules
                    .iter()
                    .filter(|module| module.service == service)
                    .flat_map(|module| {
                        module
                            .functions
                            .iter()
                            .filter(|function| !function.route.is_empty())
                            .map(|function| module.symbol(function))
                    })
                    .collect();
                let load =
                    if scene.healthy == Some(1) && is_after && service == scene.service { 3 } else { 1 };
                for _ in 0..3 * load {
                    let handler = self.random.one(&own).clone();
                    self.sample(service, at, vec!["main".to_owned(), "serve".to_owned(), handler], 1);
                }
                let leaks = |fault: &&Planted| fault.kind == 3 && is_after && service == fault.service;
                let memory = if scene.planted.is_some_and(|fault| leaks(&fault)) {
                    1.0 + 0.9 * (at - scene.onset) as f64 / (now - scene.onset) as f64
                } else {
                    1.0
                };
                let memory = 4e8 * memory * (1.0 + 0.02 * self.random.part());
                self.metric(service, at, semconv::METRIC_MEMORY, memory);
                let Some(fault) = scene.planted.filter(|fault| is_after && service == fault.service) else {
                    continue;
                };
                let language =
                    modules.iter().find(|module| module.service == service).map(|module| module.language);
                match fault.kind {
                    0 | 4 => {
                        let mut frames = vec!["main".to_owned(), "serve".to_owned(), fault.handler.clone()];
                        if fault.symbol != fault.handler && !is_inlined {
                            frames.push(fault.symbol.clone());
                        }
                        frames.push(leaf(fault.kind, language).to_owned());
                        let count = 6 + u32::try_from(self.random.below(5)).unwrap_or(0);
                        self.sample(service, at, frames, count);
                    }
                    7 if fault.subject.starts_with("worker") => {
                        let depth = 30.0 * self.random.jitter();
                        self.metric(service, at, "worker.queue.depth", depth);
                    }
                    7 if fault.subject.starts_with("pool") => {
                        let pending = 12.0 * self.random.jitter();
                        self.metric(service, at, "db.client.connection.pending_requests", pending);
                    }
                    _ => {}
                }
            }
            if !is_after && at % 30 == 0 {
                self.metric(scene.service, at, "worker.queue.depth", 1.0);
                self.metric(scene.service, at, "db.client.connection.pending_requests", 0.2);
            }
            if at % 60 == 0 {
                self.says(noisy, at, Severity::Warn, format!("slow client, waited {at} ms"));
            }
            if is_noisy && is_after && at % 120 < 10 {
                self.says(noisy, at, Severity::Warn, "feature list is older than a day".to_owned());
            }
        }
    }
}

/// What a profiler sees at the innermost place: the library's work, not the program's words.
fn leaf(kind: usize, language: Option<Language>) -> &'static str {
    let is_pattern = kind == 4;
    match (language, is_pattern) {
        (Some(Language::Rust), true) => "regex_automata::hybrid::search::find_fwd",
        (Some(Language::Rust), false) => "core::str::pattern::memcmp",
        (Some(Language::Go), true) => "regexp.(*Regexp).backtrack",
        (Some(Language::Go), false) => "runtime.memequal",
        (Some(Language::Python), true) => "match (re/__init__.py)",
        (Some(Language::Python), false) => "_PyEval_EvalFrameDefault",
        (Some(Language::Java), true) => "java.util.regex.Pattern$Loop.match",
        (Some(Language::Java), false) => "java.lang.String.equals",
        (Some(Language::TypeScript), true) => "RegExp: ^([a-z0-9]+",
        (Some(Language::TypeScript), false) => "Builtins_StringEqual",
        (_, true) => "std::__detail::_Executor<char>::_M_dfs(std::__detail::_Match_mode)",
        (_, false) => "__memcmp_avx2_movbe",
    }
}
