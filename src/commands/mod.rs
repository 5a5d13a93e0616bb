//! One file per command.

mod analyze;
mod ask;
mod audit;
mod cases;
mod check_deploy;
mod demo;
mod docs;
mod eval;
mod export;
mod investigate;
mod knowledge;
mod mcp;
pub mod print;
mod replay;
mod serve;
mod sql;

use std::{process::ExitCode, sync::Arc};

use anyhow::Result;
use waggle_agent_core::redact::set_standing_policy;
use waggle_signals::{Clock, SystemClock};

pub use check_deploy::NO_ANSWER;

use crate::{
    app::{Access, App},
    cli::{Cli, Command},
    config::Config,
};

/// Runs what was typed.
pub async fn run(cli: Cli) -> Result<ExitCode> {
    let config = Config::from_env(cli.dir)?;
    set_standing_policy(config.settings.redaction().compile()?)?;
    match cli.command {
        Command::Demo(args) => demo::run(config, args).await,
        Command::Serve(args) => serve::run(config, args).await,
        Command::Investigate(args) => investigate::run(config, args).await,
        Command::Analyze(what) => analyze::run(what),
        Command::Ask(args) => ask::run(config, args).await,
        Command::Sql(args) => sql::run(config, args).await,
        Command::CheckDeploy(args) => check_deploy::run(config, *args).await,
        Command::Eval(args) => eval::run(config, args).await,
        Command::Replay(args) => replay::run(config, args).await,
        Command::Mcp(args) => mcp::run(config, args).await,
        Command::Docs(args) => docs::run(config, args).await,
        Command::Knowledge(args) => knowledge::run(config, args).await,
        Command::Cases(args) => cases::run(config, args).await,
        Command::Export(args) => export::run(config, args).await,
        Command::Audit(args) => audit::run(config, args).await,
    }
}

/// Says that repositories were named in vain: a server reads its own.
fn note_unused(config: &Config) {
    if !config.repositories.is_empty() {
        eprintln!(
            "note: a server is running and reads its own repositories; give `--repository` to `waggle serve`"
        );
    }
}

/// Opens the stores on disk, for a command that found no server running. Telemetry is only read.
async fn open_on_disk(config: &Config) -> Result<App> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    App::open(config, clock, Access::Read).await
}
