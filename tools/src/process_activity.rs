//! What became of processes: started, ended and how, killed for want of memory.

use std::{cmp::Reverse, collections::BTreeMap, fmt};

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use waggle_agent_core::{
    Language, Result, Scene, Tool, ToolError,
    evidence::{Fact, Topic},
    ports::{EventQuery, LogQuery, Of},
    tool::Output,
};
use waggle_analysis::quantity;
use waggle_signals::{Event, Severity, TimeRange, Timestamp, semconv};

use crate::{
    kubernetes_containers::containers_of,
    kubernetes_objects::objects,
    kubernetes_objects::program,
    quote::quote,
    rows::{at_least, write_rows},
    services::resources_of,
};

/// Counts processes that were started, that ended (with exit code or signal, where one is told), that were killed for want of memory, and containers that were restarted, in the incident's window and in the healthy time before.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
pub struct ProcessActivity {
    /// Only of this service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
}

/// What became of processes.
#[derive(Debug, Serialize)]
pub struct Activity {
    searched: String,
    baseline: TimeRange,
    window: TimeRange,
    baseline_seconds: f64,
    window_seconds: f64,
    /// Killed for want of memory first, then by what ended in the window.
    services: Vec<Lives>,
    /// Whether more processes may have started or ended than were read.
    is_cut: bool,
    /// The same of those that were killed for want of memory.
    is_cut_of_kills: bool,
    missing: Vec<String>,
}

#[derive(Debug, Default, Serialize)]
struct Lives {
    service: String,
    before: Counts,
    now: Counts,
    /// How processes ended in the window, newest first: `exit code 137`, `signal 9`.
    ends: Vec<End>,
    /// Restarts of containers in all their life, as Kubernetes counts them; absent where it says nothing.
    container_restarts: Option<u64>,
    /// How containers ended last, as Kubernetes says; the newest first, those of unknown times last.
    container_ends: Vec<ContainerEnd>,
}

#[derive(Debug, Serialize)]
struct ContainerEnd {
    at: Option<Timestamp>,
    how: String,
}

#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Counts {
    starts: u64,
    ends: u64,
    /// Processes that the kernel killed for want of memory.
    memory_kills: u64,
}

#[derive(Debug, Serialize)]
struct End {
    at: Timestamp,
    resource: String,
    /// Empty when nobody says how.
    how: String,
}

/// How a process ended (OpenTelemetry semantic conventions, `process.exit.code`).
const EXIT_CODE: &str = "process.exit.code";
/// The signal that ended a process; no convention has one.
const EXIT_SIGNAL: &str = "process.exit.signal";
/// What the kernel writes when it kills for want of memory.
// https://github.com/torvalds/linux/blob/master/mm/oom_kill.c, `__oom_kill_process`: "%s: Killed process %d (%s)".
const KERNEL_KILLS: &str = "killed process";
/// Events of each name, and lines, that are read at most.
const MAX_EVENTS: usize = 5_000;
/// Ends that are kept of a service.
const MAX_ENDS: usize = 20;
/// Services that a model is shown.
const MAX_ROWS: usize = 12;

#[async_trait]
impl Tool for ProcessActivity {
    const NAME: &'static str = "process_activity";
    type Output = Activity;

    fn summary(&self) -> String {
        match &self.service {
            Some(service) => format!("processes of `{service}` that started and ended"),
            None => "processes that started and ended".to_owned(),
        }
    }

    async fn run(self, scene: &Scene) -> Result<Activity, ToolError> {
        let service = self.service.filter(|service| !service.is_empty());
        let objects = objects(scene).await?;
        let pods = objects.of("Pod", None)?;
        if let Some(service) = &service
            && !pods.iter().any(|pod| program(pod) == *service)
        {
            resources_of(scene, service).await?;
        }
        let (baseline, window) = (scene.incident.baseline, scene.incident.window);
        let mut missing = Vec::new();
        let (mut is_cut, mut is_cut_of_kills) = (false, false);
        let mut all: BTreeMap<String, Lives> = BTreeMap::new();
        for (range, is_now) in [(baseline, false), (window, true)] {
            // Kills have names of many kinds, and are looked for among all.
            for name in [Some(semconv::EVENT_PROCESS_START), Some(semconv::EVENT_PROCESS_END), None] {
                let (service, named) = (service.clone(), name.map(str::to_owned));
                let query = EventQuery { range, service, name: named, limit: MAX_EVENTS };
                let events = scene.ports.telemetry.events(&query).await?;
                if events.len() >= MAX_EVENTS {
                    is_cut |= name.is_some();
                    is_cut_of_kills |= name.is_none();
                    let which = name.map(|name| format!(" `{name}`")).unwrap_or_default();
                    missing.push(format!("only the newest {MAX_EVENTS} events{which} of {range} were read"));
                }
                let is_of_query = |event: &&Of<Event>| name.is_some() || is_kill(&event.row.name);
                events.iter().filter(is_of_query).for_each(|event| count(event, is_now, &mut all));
            }
            let (kills, is_cut_of_lines) = kills(scene, range, service.as_deref()).await?;
            if is_cut_of_lines {
                is_cut_of_kills = true;
                missing
                    .push(format!("only the newest {MAX_EVENTS} lines of the kernel of {range} were read"));
            }
            for (service, n) in kills {
                let lives = all.entry(service).or_default();
                let counts = if is_now { &mut lives.now } else { &mut lives.before };
                // The same kill may be told by an event and by a line: who tells more tells all.
                counts.memory_kills = counts.memory_kills.max(n);
            }
        }
        containers(&pods, service.as_deref(), &mut all);
        let mut services: Vec<Lives> =
            all.into_iter().map(|(service, lives)| Lives { service, ..lives }).collect();
        services.sort_by_key(|lives| Reverse((lives.now.memory_kills, lives.now.ends, lives.now.starts)));
        let searched = format!(
            "events of processes, lines of the kernel and states of containers in {baseline} and {window}"
        );
        let seconds = |range: TimeRange| range.length().as_secs_f64();
        let (baseline_seconds, window_seconds) = (seconds(baseline), seconds(window));
        Ok(Activity {
            searched,
            baseline,
            window,
            baseline_seconds,
            window_seconds,
            services,
            is_cut,
            is_cut_of_kills,
            missing,
        })
    }
}

fn is_kill(name: &str) -> bool {
    name.split(['.', '_', '-']).any(|word| matches!(word, "oom" | "oomkill" | "oomkilled"))
}

fn count(event: &Of<Event>, is_now: bool, all: &mut BTreeMap<String, Lives>) {
    let name = event.row.name.as_str();
    let lives = all.entry(event.resource.service().to_owned()).or_default();
    let counts = if is_now { &mut lives.now } else { &mut lives.before };
    match name {
        semconv::EVENT_PROCESS_START => counts.starts += 1,
        semconv::EVENT_PROCESS_END => {
            counts.ends += 1;
            if is_now && lives.ends.len() < MAX_ENDS {
                lives.ends.push(End {
                    at: event.row.time,
                    resource: event.resource.name(),
                    how: how(&event.row),
                });
            }
        }
        _ => counts.memory_kills += 1,
    }
}

fn how(event: &Event) -> String {
    let tag = |key: &str| event.attributes.get(key).map(|value| quote(value));
    match (tag(EXIT_SIGNAL), tag(EXIT_CODE)) {
        (Some(signal), _) => format!("signal {signal}"),
        (None, Some(code)) => format!("exit code {code}"),
        (None, None) => String::new(),
    }
}

/// Counts what the kernel says that it killed, by service; and tells whether there may be more.
async fn kills(
    scene: &Scene,
    range: TimeRange,
    service: Option<&str>,
) -> Result<(BTreeMap<String, u64>, bool)> {
    let (service, contains) = (service.map(str::to_owned), KERNEL_KILLS.to_owned());
    let query = LogQuery { range, service, min_severity: Severity::Trace, contains, limit: MAX_EVENTS };
    let mut kills = BTreeMap::new();
    let lines = scene.ports.telemetry.logs(&query).await?;
    let is_cut = lines.len() >= MAX_EVENTS;
    for line in lines {
        let text = line.row.body.to_lowercase();
        if text.contains("out of memory") || text.contains("oom") {
            *kills.entry(line.resource.service().to_owned()).or_default() += 1;
        }
    }
    Ok((kills, is_cut))
}

/// Adds what Kubernetes says of the containers of each program.
fn containers(pods: &[&Value], service: Option<&str>, all: &mut BTreeMap<String, Lives>) {
    for pod in pods {
        let program = program(pod);
        if service.is_some_and(|service| service != program) {
            continue;
        }
        for container in containers_of(pod).into_iter().filter(|container| container.restarts > 0) {
            let lives = all.entry(program.clone()).or_default();
            *lives.container_restarts.get_or_insert_default() += container.restarts;
            lives.container_ends.extend(container.last_end.map(|end| ContainerEnd {
                at: container.last_ended,
                how: format!("{}: {end}", container.name),
            }));
        }
    }
    all.values_mut().for_each(|lives| lives.container_ends.sort_by_key(|end| Reverse(end.at)));
}

impl Output for Activity {
    fn is_empty(&self) -> bool {
        self.services.is_empty()
    }

    fn facts(&self, language: Language) -> Vec<Fact> {
        let mut facts = Vec::new();
        let counted = |n| at_least(n, self.is_cut, language);
        for Lives { service, before, now, ends, container_restarts, container_ends } in
            self.services.iter().take(MAX_ROWS)
        {
            let mut say = |text| facts.push(Fact { service: service.clone(), topic: Topic::Lifecycle, text });
            if now.memory_kills > 0 {
                let counted = |n| at_least(n, self.is_cut_of_kills, language);
                let (old, new) = (counted(before.memory_kills), counted(now.memory_kills));
                say(language.pick(
                    format!("{service}: processes killed for want of memory {old} → {new}"),
                    format!("{service}：因内存不足被杀的进程 {old} → {new}"),
                ));
            }
            if now.starts + now.ends > 0 {
                let (starts, ends) = (counted(now.starts), counted(now.ends));
                let (old_starts, old_ends) = (counted(before.starts), counted(before.ends));
                let (length, old_length) =
                    (quantity::seconds(self.window_seconds), quantity::seconds(self.baseline_seconds));
                say(language.pick(
                    format!("{service}: {starts} processes started and {ends} ended in {length}; before, {old_starts} and {old_ends} in {old_length}"),
                    format!("{service}：{length} 内启动 {starts} 个进程，结束 {ends} 个；之前 {old_length} 内为 {old_starts} 和 {old_ends}"),
                ));
            }
            if let Some(End { at, resource, how }) = ends.iter().find(|end| !end.how.is_empty()) {
                let at = quantity::clock(*at);
                say(language.pick(
                    format!("{resource} ended at {at} with {how}"),
                    format!("{resource} 在 {at} 结束：{how}"),
                ));
            }
            if let (Some(restarts), Some(ContainerEnd { at, how })) =
                (container_restarts, container_ends.first())
            {
                // Without times, nobody knows which of several was the last.
                let is_last = at.is_some() || container_ends.len() == 1;
                let (end, zh_end) = if is_last {
                    ("last end", "最近一次结束")
                } else {
                    ("one ended", "其中一次结束")
                };
                say(language.pick(
                    format!("{service}: its containers were restarted {restarts} times in all their life; {end} {how}"),
                    format!("{service}：容器自创建以来重启 {restarts} 次；{zh_end} {how}"),
                ));
            }
        }
        facts
    }
}

impl fmt::Display for Activity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.services.is_empty() {
            write!(f, "no process started or ended; searched: {}", self.searched)?;
        } else {
            writeln!(f, "{} compared with {}", self.window, self.baseline)?;
            write_rows(f, self.services.iter(), MAX_ROWS)?;
        }
        self.missing.iter().try_for_each(|missing| writeln!(f, "missing: {missing}"))
    }
}

impl fmt::Display for Lives {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { service, before, now, ends, container_restarts, container_ends } = self;
        write!(
            f,
            "{service}: started {} → {}, ended {} → {}, killed for want of memory {} → {}",
            before.starts, now.starts, before.ends, now.ends, before.memory_kills, now.memory_kills
        )?;
        for End { at, how, .. } in ends.iter().filter(|end| !end.how.is_empty()).take(3) {
            write!(f, "; {at} {how}")?;
        }
        if let Some(restarts) = container_restarts {
            write!(f, "; containers restarted {restarts} times in all their life")?;
        }
        container_ends.iter().take(2).try_for_each(|end| write!(f, " ({})", end.how))
    }
}
