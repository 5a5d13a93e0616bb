//! What a service writes, by kinds of lines.

use std::fmt;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waggle_agent_core::{
    Language, Scene, Tool, ToolError,
    evidence::{Fact, Topic},
    ports::LogQuery,
    tool::Output,
};
use waggle_analysis::{
    quantity,
    templates::{Limits, Miner, Template},
};
use waggle_signals::{Severity, TimeRange};

use crate::{
    log_reads::read_logs,
    quote::quote,
    rows::write_rows,
    services::resources_of,
    windows::{Windows, windows},
};

/// Returns the most frequent kinds of log lines of a service (or of all) in the time of the trouble, as templates with counts and a sample.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
pub struct LogTemplates {
    /// Only this service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
}

/// Kinds of lines.
#[derive(Debug, Serialize)]
pub struct Kinds {
    service: Option<String>,
    windows: Windows,
    searched: String,
    /// Lines that were read.
    lines: usize,
    /// The time that they cover.
    covers: TimeRange,
    is_cut: bool,
    /// Kinds that they came down to.
    n_templates: usize,
    /// Most frequent first.
    templates: Vec<Template>,
}

/// Lines that are read at most, the newest.
const MAX_LINES: usize = 5_000;
/// Kinds that are kept.
const MAX_KINDS: usize = 50;
/// Kinds that are shown.
const MAX_SHOWN: usize = 8;

#[async_trait]
impl Tool for LogTemplates {
    const NAME: &'static str = "log_templates";
    type Output = Kinds;

    fn summary(&self) -> String {
        match &self.service {
            Some(service) => format!("kinds of log lines of `{service}`"),
            None => "kinds of log lines".to_owned(),
        }
    }

    async fn run(self, scene: &Scene) -> Result<Kinds, ToolError> {
        if let Some(service) = &self.service {
            resources_of(scene, service).await?;
        }
        let windows = windows(scene).await?;
        let query = LogQuery {
            range: windows.window,
            service: self.service.clone(),
            min_severity: Severity::Trace,
            contains: String::new(),
            limit: MAX_LINES,
        };
        let read = read_logs(scene, &query).await?;
        let mut miner = Miner::new(Limits::default());
        for line in read.bodies() {
            miner.add(line);
        }
        let mut templates = miner.templates().templates;
        let n_templates = templates.len();
        templates.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.text.cmp(&b.text)));
        templates.truncate(MAX_KINDS);
        Ok(Kinds {
            searched: format!("log lines in {}", windows.window),
            service: self.service,
            windows,
            lines: read.lines.len(),
            covers: read.covers,
            is_cut: read.is_cut,
            n_templates,
            templates,
        })
    }
}

impl Output for Kinds {
    fn is_empty(&self) -> bool {
        self.templates.is_empty()
    }

    /// Lines are untrusted: they are quoted.
    fn facts(&self, language: Language) -> Vec<Fact> {
        let whose =
            self.service.clone().unwrap_or_else(|| language.pick("the services", "各服务").to_owned());
        let told = self.templates.iter().take(3).map(|template| {
            let (count, lines, sample) = (template.count, self.lines, quote(&template.example));
            let text = language.pick(
                format!("{count} of {lines} log lines of {whose} are like `{sample}`"),
                format!("{whose} 的 {lines} 行日志中有 {count} 行形如 `{sample}`"),
            );
            Fact { service: self.service.clone().unwrap_or_default(), topic: Topic::Logs, text }
        });
        told.collect()
    }
}

impl fmt::Display for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.templates.is_empty() {
            return write!(f, "no log lines; searched: {}", self.searched);
        }
        write!(f, "{} lines of {} kinds in {}", self.lines, self.n_templates, self.windows.window)?;
        if self.is_cut {
            write!(f, ", only the newest, since {}", quantity::clock(self.covers.from()))?;
        }
        writeln!(f)?;
        let shown = self.templates.iter().take(MAX_SHOWN).map(Shown);
        write_rows(f, shown, MAX_SHOWN)?;
        let n_more = self.n_templates.saturating_sub(MAX_SHOWN);
        if n_more > 0 { writeln!(f, "… {n_more} more kinds") } else { Ok(()) }
    }
}

struct Shown<'a>(&'a Template);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Template { text, count, example } = self.0;
        let (text, example) = (quote(text), quote(example));
        write!(f, "{count} times: {text}")?;
        if text == example { Ok(()) } else { write!(f, " (such as: {example})") }
    }
}
