//! What can be typed.

mod analyze;
mod audit;
mod cases;
mod check_deploy;
mod export;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand};

pub use analyze::{Analyze, AnalyzeArgs};
pub use audit::{Audit, AuditCommand};
pub use cases::{Cases, CasesCommand, RetireCase};
pub use check_deploy::CheckDeploy;
pub use export::{Export, Rated};

use waggle_signals::Timestamp;

use crate::config::Repository;

/// A self-hosted incident agent: collects, remembers, investigates, and tells where to look.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true)]
pub struct Cli {
    /// Folder for what Waggle keeps [default: `$XDG_DATA_HOME/waggle` or `~/.local/share/waggle`]
    #[arg(long, env = "WAGGLE_DIR", global = true)]
    pub dir: Option<PathBuf>,

    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start a small shop, break it, and find out why
    Demo(Demo),
    /// Collect, remember, serve the web page, and investigate when an alert rule fires
    Serve(Serve),
    /// Find out what is wrong now, or what was wrong at a given time
    Investigate(Investigate),
    /// Ask anything about the system in your own words
    Ask(Ask),
    /// Ask in SQL; tables: spans, metrics, logs, events, samples, flows, resources
    Sql(Sql),
    /// Analyse files: metrics, tables, logs, series, profiles, traces; JSON on stdout
    Analyze(AnalyzeArgs),
    /// Compare a service before and after a deploy, or a canary with the stable version: exit code 0 pass, 1 fail, 2 not enough data
    CheckDeploy(Box<CheckDeploy>),
    /// Score the agent on incidents with known answers
    Eval(Eval),
    /// Run a recorded investigation again: the same to the byte, or with another model
    Replay(Replay),
    /// Serve the tools to another agent by the Model Context Protocol, over stdio
    Mcp(Mcp),
    /// The documents that the agent reads: bring them up to date, and search them
    Knowledge(Knowledge),
    /// Documents of libraries, read from what is installed on this machine
    Docs(Docs),
    /// Incidents of before as cases: list them, show one, take one out of use
    Cases(Cases),
    /// Rated investigations as training examples and as recordings
    Export(Export),
    /// The audit log: verify that nothing in it was changed, or print it
    Audit(Audit),
}

#[derive(Args, Debug)]
pub struct Demo {
    /// What goes wrong: a name from `--list-faults`, or `none`
    #[arg(long, default_value = "slow-commit")]
    pub fault: String,
    /// List the faults and stop
    #[arg(long)]
    pub list_faults: bool,
    /// Stop after the finding; exit code 0 only when it names the injected service and fault class
    #[arg(long)]
    pub once: bool,
    /// Print the finding (or the list) as JSON on stdout, and nothing else there
    #[arg(long)]
    pub json: bool,
    /// Replay the recording even where the live demo would run
    #[arg(long)]
    pub replay: bool,
    /// Where the web page listens
    #[arg(long, default_value = "127.0.0.1:7420")]
    pub listen: SocketAddr,
    /// Seconds of healthy traffic before the fault
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(20..=600))]
    pub warm_up: u64,
    /// Record the run into this folder, for `--replay`
    #[arg(long, hide = true)]
    pub record: Option<PathBuf>,
    /// Orders per second
    #[arg(long, hide = true)]
    pub orders: Option<u32>,
}

#[derive(Args, Debug)]
pub struct Serve {
    /// Where to listen. Anything but loopback should stand behind TLS
    #[arg(long, default_value = "127.0.0.1:7420")]
    pub listen: SocketAddr,
    /// Do not collect from this machine; take OTLP only
    #[arg(long)]
    pub no_collect: bool,
    /// A log file to follow, as `service=path`; may be given several times
    #[arg(long = "log", value_name = "SERVICE=PATH")]
    pub logs: Vec<String>,
    /// A git repository whose commits may be read, with the URL that services call it by; may be given several times
    #[arg(long = "repository", value_name = "[URL=]PATH")]
    pub repositories: Vec<Repository>,
    /// An alert rule, as `service:p99_ms=200,error_ratio=0.05`; may be given several times
    #[arg(long = "alert", value_name = "RULE")]
    pub alerts: Vec<String>,
}

#[derive(Args, Debug)]
pub struct Investigate {
    /// An incident as a folder of files, in place of the store: alert.json, logs.ndjson, metrics.csv, traces.json, context/*.json, kubernetes/*.json
    #[arg(long, value_name = "DIR", conflicts_with_all = ["service", "at"])]
    pub incident: Option<PathBuf>,
    /// The service with the symptom; all services when left out
    #[arg(long)]
    pub service: Option<String>,
    /// The time to look at ends here, RFC 3339 [default: the newest data]
    #[arg(long, value_parser = moment)]
    pub at: Option<Timestamp>,
    /// Length of the time to look at: `90s`, `15m`, `1h`
    #[arg(long, default_value = "5m", value_parser = duration)]
    pub window: Duration,
    /// Length of the healthy time before it
    #[arg(long, default_value = "30m", value_parser = duration)]
    pub baseline: Duration,
    /// A git repository whose commits may be read, where no server runs; may be given several times
    #[arg(long = "repository", value_name = "[URL=]PATH")]
    pub repositories: Vec<Repository>,
    /// Print the finding as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Debug)]
pub struct Ask {
    /// The question, in English or Chinese
    pub question: String,
    /// The incident that it is about [default: the newest, else what happens now]
    #[arg(long)]
    pub incident: Option<String>,
    /// A git repository whose commits may be read, where no server runs; may be given several times
    #[arg(long = "repository", value_name = "[URL=]PATH")]
    pub repositories: Vec<Repository>,
    /// Print the answer as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Debug)]
pub struct Sql {
    /// One read-only statement
    pub query: String,
    /// Print rows as JSON
    #[arg(long)]
    pub json: bool,
    /// At most so many rows
    #[arg(long, default_value_t = 100)]
    pub limit: usize,
}

#[derive(Args, Debug)]
pub struct Eval {
    /// `demo`, or a folder of incidents
    #[arg(long, value_name = "DIR", required_unless_present = "compare")]
    pub suite: Option<String>,
    /// How the folder is kept: `waggle`, `rootcausebench`, `opensre`
    #[arg(long, value_name = "NAME")]
    pub layout: Option<String>,
    /// `offline`, `counted` (the same, with the tokens a language model would read on its way), `openai` or `rig` as the environment configures them, `scripted`, `replay`
    #[arg(long, default_value = "offline")]
    pub model: String,
    /// Replies that `--model scripted` plays, as a JSON array
    #[arg(long, value_name = "FILE")]
    pub script: Option<PathBuf>,
    /// Folder to keep transcripts in, and from which `--model replay` plays them
    #[arg(long, value_name = "DIR")]
    pub record: Option<PathBuf>,
    /// How often each incident is investigated
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub repeat: u32,
    /// How many are investigated at once
    #[arg(long, default_value = "2", value_parser = at_least_one)]
    pub parallel: usize,
    /// Where finished runs are kept; a run that was stopped goes on from there [default: `eval-SUITE-MODEL.jsonl`]
    #[arg(long, value_name = "FILE")]
    pub results: Option<PathBuf>,
    /// Write the report as JSON too
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Exit code 1 when a smaller share than this passed
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub min_pass: Option<f64>,
    /// Compare two JSON reports in place of running anything
    #[arg(long, num_args = 2, value_names = ["FIRST", "SECOND"], conflicts_with = "suite")]
    pub compare: Vec<PathBuf>,
}

#[derive(Args, Debug)]
pub struct Replay {
    /// The incident [default: the newest]
    pub incident: Option<String>,
    /// A file that `waggle export --recordings` wrote, in place of an incident of this folder
    #[arg(long, value_name = "FILE", conflicts_with = "incident")]
    pub recording: Option<PathBuf>,
    /// Let another model reason on the recorded answers: `offline`, or `configured` as the environment says
    #[arg(long, value_parser = ["offline", "configured"])]
    pub model: Option<String>,
    /// Print the finding as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Debug)]
pub struct Mcp {
    /// Serve recorded answers in place of the store: a JSON map from call to text
    #[arg(long, value_name = "FILE")]
    pub recorded: Option<PathBuf>,
    /// A git repository whose commits may be read; may be given several times
    #[arg(long = "repository", value_name = "[URL=]PATH")]
    pub repositories: Vec<Repository>,
}

#[derive(Args, Debug)]
pub struct Knowledge {
    #[command(subcommand)]
    pub command: KnowledgeCommand,
}

#[derive(Debug, Subcommand)]
pub enum KnowledgeCommand {
    /// Read what is new or was changed in the documents that `waggle.toml` names
    Sync,
    /// Print the passages that fit best
    Search(SearchKnowledge),
}

#[derive(Args, Debug)]
pub struct Docs {
    #[command(subcommand)]
    pub command: DocsCommand,
}

#[derive(Debug, Subcommand)]
pub enum DocsCommand {
    /// Read what a library says of itself, so that functions of it in profiles can be explained
    Add {
        /// Such as `python:requests@2.31`, `rust:tokio`, `node:express`, `go:github.com/jackc/pgx/v5`, `java:com.google.guava:guava`, `c:libcurl`
        #[arg(required = true, value_name = "LANGUAGE:NAME[@VERSION]")]
        libraries: Vec<String>,
        /// A folder with packages, before the usual places; may be given several times
        #[arg(long, value_name = "DIR")]
        root: Vec<PathBuf>,
    },
    /// List the libraries that were added, with their pages
    List,
    /// Forget libraries
    Remove {
        /// As `waggle docs list` names them
        #[arg(required = true, value_name = "LANGUAGE:NAME[@VERSION]")]
        libraries: Vec<String>,
    },
}

#[derive(Args, Debug)]
pub struct SearchKnowledge {
    /// What to look for, in English or Chinese
    pub query: String,
    /// Only documents about this service, or about none in particular
    #[arg(long)]
    pub service: Option<String>,
    /// Only documents of this collection
    #[arg(long)]
    pub collection: Option<String>,
    /// At most so many passages
    #[arg(long, default_value_t = 5)]
    pub limit: usize,
    /// Print them as JSON
    #[arg(long)]
    pub json: bool,
}

impl Demo {
    /// Returns what plays a recording once.
    pub fn replayed_once() -> Self {
        Self {
            fault: String::new(),
            list_faults: false,
            once: true,
            json: true,
            replay: true,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            warm_up: 30,
            record: None,
            orders: None,
        }
    }
}

/// Reads `90s`, `15m`, `2h`.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a duration such as `90s`, `15m` or `2h`");
    let unit = text.chars().next_back().ok_or_else(wrong)?;
    let seconds_each = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        _ => return Err(wrong()),
    };
    let number: u64 = text[..text.len() - unit.len_utf8()].parse().map_err(|_| wrong())?;
    match number.checked_mul(seconds_each) {
        Some(seconds) if (1..=90 * 86_400).contains(&seconds) => Ok(Duration::from_secs(seconds)),
        _ => Err(format!("`{text}` must be from 1 s to 90 days")),
    }
}

/// Reads `2026-03-01T14:05:00Z`.
fn moment(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| format!("`{text}` is not a time such as `2026-03-01T14:05:00Z`"))
}

/// Reads `0.9`.
fn share(text: &str) -> Result<f64, String> {
    let share: Option<f64> = text.parse().ok();
    share
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or_else(|| format!("`{text}` is not a share from 0 to 1"))
}

fn at_least_one(text: &str) -> Result<usize, String> {
    let number: Option<usize> = text.parse().ok();
    number.filter(|number| *number > 0).ok_or_else(|| format!("`{text}` is not a number from 1 on"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        assert!(moment("2026-03-01T14:05:00Z").is_ok() && moment("yesterday").is_err());
        assert!(share("0.9").is_ok() && share("90").is_err() && share("NaN").is_err());
        assert!(at_least_one("1").is_ok() && at_least_one("0").is_err());
    }

    #[test]
    fn durations_have_a_unit_and_bounds() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("2h"), Ok(Duration::from_secs(7200)));
        for wrong in ["", "5", "m", "0s", "-1m", "5µ", "99999999999999999999h", "9999h"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
