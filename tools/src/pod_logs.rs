//! What one pod wrote.

use std::{collections::BTreeSet, fmt};

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waggle_agent_core::{
    Language, Scene, Tool, ToolError,
    evidence::{Fact, Topic},
    ports::{LogQuery, Of, ResourceQuery},
    tool::Output,
};
use waggle_analysis::kubernetes::object::name;
use waggle_signals::{LogRecord, Resource, Severity, Timestamp, semconv};

use crate::{
    kubernetes_objects::objects,
    names::nearest,
    quote::quote,
    rows::{at_least, write_rows},
    services::whole_range,
};

/// Returns what one pod wrote around the incident, newest first: its newest lines, and the newest of its warnings and errors.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct PodLogs {
    /// Name of the pod, or the beginning of it, which may be that of several copies.
    pub pod: String,
    /// Only of this container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
}

/// What it wrote.
#[derive(Debug, Serialize)]
pub struct PodLines {
    pod: String,
    searched: String,
    /// Pods whose lines these are.
    pods: Vec<String>,
    lines: usize,
    /// Warnings and worse among them.
    bad_lines: usize,
    /// Whether there may be more lines that were not read.
    is_cut: bool,
    /// Newest first.
    newest: Vec<Line>,
    /// Warnings and worse, newest first.
    newest_bad: Vec<Line>,
    missing: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Line {
    at: Timestamp,
    pod: String,
    severity: Severity,
    /// Cut to one short line. Untrusted.
    text: String,
}

/// The container that wrote a line (OpenTelemetry semantic conventions, `k8s.container.name`).
const CONTAINER: &str = "k8s.container.name";
/// Lines that are read at most, of all services together.
const MAX_LINES: usize = 5_000;
/// Services that are looked through for lines of the pod.
const MAX_SERVICES: usize = 8;
/// Lines of each list that are kept.
const MAX_KEPT: usize = 50;
/// Lines of each list that a model is shown.
const MAX_SHOWN: usize = 6;

#[async_trait]
impl Tool for PodLogs {
    const NAME: &'static str = "pod_logs";
    type Output = PodLines;

    fn summary(&self) -> String {
        format!("what pod `{}` wrote", self.pod)
    }

    async fn run(self, scene: &Scene) -> Result<PodLines, ToolError> {
        if self.pod.trim().is_empty() {
            return Err(ToolError::Respond("`pod` is empty; name a pod, or how its name begins".to_owned()));
        }
        let range = whole_range(scene);
        let all = scene.ports.telemetry.resources(&ResourceQuery { range, service: None }).await?;
        let is_its = |resource: &Resource| {
            let pod = resource.tag(semconv::K8S_POD);
            // A recording may name the pod in place of a service.
            pod.map_or_else(|| resource.service() == self.pod, |pod| pod.starts_with(&self.pod))
        };
        let services: BTreeSet<&str> =
            all.iter().filter(|resource| is_its(resource)).map(|resource| resource.service()).collect();
        let mut missing = Vec::new();
        if services.is_empty() {
            let tagged: Vec<&str> =
                all.iter().filter_map(|resource| resource.tag(semconv::K8S_POD)).collect();
            check_pod(scene, &self.pod, &tagged).await?;
            missing.push(format!("no log line carries the tag `{}` of this pod", semconv::K8S_POD));
        }
        let mut lines: Vec<Of<LogRecord>> = Vec::new();
        let n_left_off = services.len().saturating_sub(MAX_SERVICES);
        let mut is_cut = n_left_off > 0;
        if is_cut {
            missing.push(format!("{n_left_off} more services have such pods: name one of them"));
        }
        let limit = MAX_LINES / services.len().clamp(1, MAX_SERVICES);
        for service in services.into_iter().take(MAX_SERVICES) {
            let service = Some(service.to_owned()).filter(|service| !service.is_empty());
            let (min_severity, contains) = (Severity::Trace, String::new());
            let query = LogQuery { range, service, min_severity, contains, limit };
            let found = scene.ports.telemetry.logs(&query).await?;
            if found.len() >= limit {
                is_cut = true;
                missing.push(format!("only the newest {limit} lines of its service were looked through"));
            }
            lines.extend(found.into_iter().filter(|line| is_its(&line.resource)));
        }
        if let Some(container) = self.container.as_ref().filter(|container| !container.is_empty()) {
            let wrote = |line: &Of<LogRecord>| {
                line.resource
                    .tag(CONTAINER)
                    .or_else(|| line.row.attributes.get(CONTAINER).map(String::as_str))
                    == Some(container)
            };
            let n_before = lines.len();
            lines.retain(wrote);
            if lines.is_empty() && n_before > 0 {
                missing.push(format!("none of its {n_before} lines is of that container"));
            }
        }
        let container =
            self.container.map(|one| format!(", container `{}`", quote(&one))).unwrap_or_default();
        let searched = format!("log lines of pod `{}`{container} in {range}", quote(&self.pod));
        lines.sort_by_key(|line| std::cmp::Reverse(line.row.time));
        let is_bad = |line: &&Of<LogRecord>| line.row.severity >= Severity::Warn;
        let pods: BTreeSet<String> = lines.iter().map(|line| line.resource.name()).collect();
        Ok(PodLines {
            searched,
            pods: pods.into_iter().collect(),
            lines: lines.len(),
            bad_lines: lines.iter().filter(is_bad).count(),
            newest: lines.iter().take(MAX_KEPT).map(Line::of).collect(),
            newest_bad: lines.iter().filter(is_bad).take(MAX_KEPT).map(Line::of).collect(),
            is_cut,
            // A name that nobody has is no finding.
            pod: if lines.is_empty() { String::new() } else { self.pod },
            missing,
        })
    }
}

/// Checks that such a pod is recorded among the objects; that it wrote nothing is an answer then.
async fn check_pod(scene: &Scene, pod: &str, tagged: &[&str]) -> Result<(), ToolError> {
    let objects = objects(scene).await?;
    let pods = objects.of("Pod", None)?;
    if pods.iter().any(|object| name(object).starts_with(pod)) {
        return Ok(());
    }
    let known: BTreeSet<&str> =
        pods.iter().map(|object| name(object)).chain(tagged.iter().copied()).collect();
    if known.is_empty() {
        return Ok(());
    }
    let advice = match nearest(pod, known.iter().copied()) {
        Some(near) => format!("nearest is `{near}`"),
        None => format!("known are: {}", known.into_iter().take(12).collect::<Vec<_>>().join(", ")),
    };
    Err(ToolError::Respond(format!("unknown pod `{pod}`; {advice}")))
}

impl Line {
    fn of(line: &Of<LogRecord>) -> Self {
        Self {
            at: line.row.time,
            pod: line.resource.name(),
            severity: line.row.severity,
            text: quote(&line.row.body),
        }
    }
}

impl Output for PodLines {
    fn is_empty(&self) -> bool {
        self.lines == 0
    }

    fn facts(&self, language: Language) -> Vec<Fact> {
        let Self { pod, lines, bad_lines, is_cut, .. } = self;
        if *lines == 0 {
            return Vec::new();
        }
        let counted = |n: usize| at_least(n as u64, *is_cut, language);
        let (lines, bad_lines) = (counted(*lines), counted(*bad_lines));
        let fact = |text| Fact { service: pod.clone(), topic: Topic::Logs, text };
        let mut facts = vec![fact(language.pick(
            format!("pod {pod} wrote {lines} lines, of which {bad_lines} are warnings or errors"),
            format!("Pod {pod} 写了 {lines} 行日志，其中 {bad_lines} 行是警告或错误"),
        ))];
        if let Some(Line { at, pod, text, .. }) = self.newest_bad.first() {
            facts.push(fact(language.pick(
                format!("pod {pod} wrote at {at}: `{text}`"),
                format!("Pod {pod} 在 {at} 写道：`{text}`"),
            )));
        }
        facts
    }
}

impl fmt::Display for PodLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.lines == 0 {
            write!(f, "it wrote nothing; searched: {}", self.searched)?;
            return self.missing.iter().try_for_each(|missing| write!(f, "\nmissing: {missing}"));
        }
        writeln!(
            f,
            "{}: {} lines, {} of them warnings or errors",
            self.pods.join(", "),
            at_least(self.lines as u64, self.is_cut, Language::En),
            self.bad_lines
        )?;
        if !self.newest_bad.is_empty() {
            writeln!(f, "newest warnings and errors:")?;
            write_rows(f, self.newest_bad.iter(), MAX_SHOWN)?;
        }
        writeln!(f, "newest lines:")?;
        write_rows(f, self.newest.iter(), MAX_SHOWN)?;
        self.missing.iter().try_for_each(|missing| writeln!(f, "missing: {missing}"))
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.at, self.severity.as_str(), self.text)
    }
}
