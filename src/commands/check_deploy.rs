//! `waggle check-deploy`

use std::{fs, path::Path, process::ExitCode, sync::Arc, time::Duration};

use anyhow::{Context, Result, bail};
use secrecy::SecretString;
use waggle_analysis::deploy::Outcome;
use waggle_deploy_check::{Report, junit, markdown, sarif};
use waggle_knowledge::hosts::{
    Patience,
    github::{CommitState, CommitStatus, PullRequests},
};
use waggle_signals::{Clock, SystemClock};

use super::open_on_disk;
use crate::{
    app::App,
    cli,
    client::Client,
    config::Config,
    deploys::{CheckRequest, check},
    failure,
};

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(30);
/// Name of the comment and of the status.
const NAME: &str = "check-deploy";

/// Exit code when there is no answer; 0, 1 and 2 are answers.
pub const NO_ANSWER: u8 = 3;

pub async fn run(config: Config, args: cli::CheckDeploy) -> Result<ExitCode> {
    match checked(&config, &args).await {
        Ok(code) => Ok(code),
        Err(error) => {
            eprintln!("{}", failure::text(&error));
            Ok(ExitCode::from(NO_ANSWER))
        }
    }
}

async fn checked(config: &Config, args: &cli::CheckDeploy) -> Result<ExitCode> {
    let posts = args.pull_request.is_some() || args.status_of.is_some();
    // A missing token is told before anything is waited for.
    let posts = if posts { Some(pull_requests(config)?) } else { None };
    let report = report(config, args).await?;
    let text = markdown(&report, args.language.into());
    println!("{text}");
    let written = [
        write(args.markdown.as_deref(), || Ok(text.clone())),
        write(args.json.as_deref(), || Ok(serde_json::to_string_pretty(&report)?)),
        write(args.junit.as_deref(), || Ok(junit(&report)?)),
        write(args.sarif.as_deref(), || Ok(sarif(&report)?)),
    ];
    let posted = match posts {
        Some(posts) => post(&posts, args, &report, &text).await,
        None => Ok(()),
    };
    // The answer stands, whether or not it could be told everywhere.
    for error in written.into_iter().chain([posted]).filter_map(Result::err) {
        eprintln!("{}", failure::text(&error));
    }
    Ok(ExitCode::from(report.exit_code))
}

/// Where telemetry is.
enum Source {
    Server(Client),
    Disk(Box<App>),
}

impl Source {
    async fn look(&self, request: &CheckRequest) -> Result<Report> {
        match self {
            Self::Server(client) => client.post("/api/check-deploy", request).await,
            Self::Disk(app) => Ok(check(&app.api(), request).await?),
        }
    }
}

/// Looks once, or until it is settled. One look that fails on the way does not end the watch.
async fn report(config: &Config, args: &cli::CheckDeploy) -> Result<Report> {
    let request = CheckRequest {
        question: args.question(),
        investigate: !args.no_investigation,
        language: args.language.into(),
    };
    let source = match Client::find(config).await? {
        Some(client) => Source::Server(client),
        None => Source::Disk(Box::new(open_on_disk(config).await?)),
    };
    let report = source.look(&request).await?;
    if !args.watch {
        return Ok(report);
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let over = args.deployed_at + args.warm_up + args.horizon + request.question.settle + PAUSE;
    let mut last = report;
    while !last.is_final {
        eprintln!("{}  {}", clock.now(), said(&last));
        tokio::time::sleep(PAUSE).await;
        match source.look(&request).await {
            Ok(report) => last = report,
            Err(error) if clock.now() >= over => return Err(error),
            Err(error) => eprintln!("{}  not looked: {error:#}", clock.now()),
        }
    }
    Ok(last)
}

/// Says in a line where a check stands.
fn said(report: &Report) -> String {
    let (before, after) = (report.requests_before, report.requests_after);
    format!("{before} requests before, {after} after in {} s; not settled yet", report.watched_s)
}

fn write(file: Option<&Path>, text: impl FnOnce() -> Result<String>) -> Result<()> {
    let Some(file) = file else { return Ok(()) };
    fs::write(file, text()?).with_context(|| format!("write `{}`", file.display()))
}

fn pull_requests(config: &Config) -> Result<PullRequests> {
    let Some(github) = &config.settings.changes().github else {
        bail!(
            "nothing says how GitHub is reached\nhint: `[changes.github]` with `token_env` and `allow` in `waggle.toml`"
        )
    };
    let name = github.token_env.as_deref().context(
        "GitHub is not written to without a token\nhint: `token_env` in `[changes.github]` names its variable",
    )?;
    let token = std::env::var(name).ok().filter(|token| !token.is_empty());
    let token = token.with_context(|| format!("`{name}` is not set"))?;
    let seed = SystemClock.now().nanos().unsigned_abs();
    Ok(PullRequests::new(github, SecretString::from(token), Patience::default(), seed)?)
}

async fn post(posts: &PullRequests, args: &cli::CheckDeploy, report: &Report, text: &str) -> Result<()> {
    let repository = args.repository.as_deref().unwrap_or_default();
    let name = format!("{NAME}-{}", name_of(&args.service));
    let comment = match args.pull_request {
        Some(number) => Some(posts.comment(repository, number, &name, text).await?),
        None => None,
    };
    let url = comment.map(|comment| comment.url);
    if let Some(url) = &url {
        eprintln!("commented at {url}");
    }
    if let Some(commit) = &args.status_of {
        let (state, outcome) = match report.outcome {
            Outcome::Pass => (CommitState::Success, "pass"),
            Outcome::Fail => (CommitState::Failure, "fail"),
            Outcome::NotEnoughData => (CommitState::Error, "not enough data"),
        };
        let status = CommitStatus {
            context: format!("waggle/{name}"),
            state,
            description: format!("{}: {outcome}", args.service),
            target_url: url,
        };
        posts.set_status(repository, commit, &status).await?;
    }
    Ok(())
}

/// Returns a service's name with only the letters that the name of a comment may have.
fn name_of(service: &str) -> String {
    let letter =
        |letter: char| if letter.is_ascii_alphanumeric() || "-_.".contains(letter) { letter } else { '-' };
    service.chars().map(letter).collect()
}
