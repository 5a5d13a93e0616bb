//! `waggle serve`

use std::{
    convert::Infallible,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, anyhow};
use tokio::task::spawn_blocking;
use waggle_agent_core::{Language, incident::Source, ports::Telemetry};
use waggle_collectors::{
    agent::{Agent, AgentConfig},
    logs::{LogCollector, LogFile},
};
use waggle_signals::{Clock, Resource, SystemClock, Timestamp, semconv};

use crate::{
    alert::{AlertRule, AlertState, Fired},
    app::{Access, App},
    cli,
    config::Config,
    desk::{Desk, Opening},
    server,
    shelves::Shelves,
    stop::Stop,
};

/// How often alert rules are checked.
const CHECK_EVERY: Duration = Duration::from_secs(5);
/// How often documents are looked through for changes.
const READ_EVERY: Duration = Duration::from_secs(3_600);
/// What is looked at when an alert fires, and the healthy time before it.
const WINDOW: Duration = Duration::from_secs(300);
const BASELINE: Duration = Duration::from_secs(1800);

pub async fn run(config: Config, args: cli::Serve) -> Result<ExitCode> {
    let rules: Vec<AlertRule> = args.alerts.iter().map(|rule| rule.parse()).collect::<Result<_>>()?;
    let files: Vec<LogFile> = args.logs.iter().map(|text| log_file(text)).collect::<Result<_>>()?;
    let mut stop = Stop::listen()?;
    let listener = server::bind(args.listen).await?;
    let config = Config { repositories: args.repositories, ..config };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let mut app = App::open(&config, clock.clone(), Access::Write).await?;
    // Nobody else is at work on them: this process holds the store.
    app.desk.take_up_abandoned().await.context("take up what was left under investigation")?;
    let agent = if args.no_collect { None } else { Some(start_agent(&app, clock.clone()).await?) };
    let logs =
        if files.is_empty() { None } else { Some(LogCollector::start(files, app.store.clone(), clock)?) };
    let server = app.serve(&config, listener)?;
    if server.token_is_new {
        println!("page      {}", server.link());
    } else {
        println!("page      http://{} (the token is in `{}`)", server.address, config.token_file().display());
    }
    println!(
        "OTLP      http://{}/v1/{{traces,metrics,logs}} with `Authorization: Bearer <token>`",
        server.address
    );
    println!("model     {}", app.desk.model_name());
    for name in config.settings.knowledge().collections() {
        println!("documents {name}");
    }
    for file in &args.logs {
        println!("log       {file}");
    }
    for rule in &rules {
        println!("alert     {rule}");
    }
    tokio::select! {
        never = keep_read(app.shelves.as_ref()) => match never {},
        never = watch(&app.desk, &*app.store, &*app.clock, rules) => match never {},
        never = tell_failure(|| failure(agent.as_ref(), logs.as_ref())) => match never {},
        () = stop.asked() => {}
    }
    drop(server);
    let stopping = spawn_blocking(move || {
        if let Some(agent) = agent {
            agent.stop();
        }
        if let Some(logs) = logs {
            logs.stop();
        }
    });
    let stopped = stopping.await.context("stop the collector");
    app.store.close().await.context("close the telemetry store")?;
    stopped?;
    Ok(ExitCode::SUCCESS)
}

async fn start_agent(app: &App, clock: Arc<dyn Clock>) -> Result<Agent> {
    let sink = app.store.clone();
    let seed = clock.now().nanos().unsigned_abs();
    let started = spawn_blocking(move || Agent::start(AgentConfig::seeded(seed), sink, clock)).await;
    let agent = started.context("start the collector")?;
    let agent = agent.map_err(|error| anyhow!("{error}\nhint: `--no-collect` serves without collecting"))?;
    let missing: Vec<_> = agent
        .status()
        .probes
        .into_iter()
        .filter(|probe| !probe.is_attached())
        .map(|probe| probe.name)
        .collect();
    let without =
        if missing.is_empty() { String::new() } else { format!(", without {}", missing.join(", ")) };
    println!("eBPF      all processes of this machine{without}");
    Ok(agent)
}

/// Returns why nothing more comes in, when that is so.
fn failure(agent: Option<&Agent>, logs: Option<&LogCollector>) -> Option<String> {
    let of_agent = agent.and_then(|agent| agent.status().failure);
    of_agent.or_else(|| logs.and_then(|logs| logs.counts().failure()))
}

/// Says once that collecting has ended: without it, silence would look like health. What was stored can still be asked about.
async fn tell_failure(failure: impl Fn() -> Option<String>) -> Infallible {
    loop {
        tokio::time::sleep(CHECK_EVERY).await;
        if let Some(reason) = failure() {
            eprintln!("error: nothing more is collected: {reason}\nhint: start `waggle serve` again");
            std::future::pending::<Infallible>().await;
        }
    }
}

/// Brings the documents up to date, now and from time to time. What cannot be read is told, and tried again.
async fn keep_read(shelves: Option<&Shelves>) -> Infallible {
    let Some(shelves) = shelves else { return std::future::pending().await };
    loop {
        match shelves.sync().await {
            Ok(done) => {
                for (name, synced) in done {
                    tracing::info!(collection = name, "documents: {synced}");
                    for skipped in synced.skipped {
                        tracing::warn!(collection = name, "a document is left out: {skipped}");
                    }
                }
            }
            Err(error) => {
                tracing::error!(error = format!("{error:#}"), "documents were not brought up to date")
            }
        }
        tokio::time::sleep(READ_EVERY).await;
    }
}

/// Checks the rules for ever, and investigates what they find. A check that fails is logged, and made again the next time.
async fn watch(
    desk: &Desk,
    telemetry: &dyn Telemetry,
    clock: &dyn Clock,
    rules: Vec<AlertRule>,
) -> Infallible {
    let mut states: Vec<_> = rules.into_iter().map(AlertState::new).collect();
    loop {
        tokio::time::sleep(CHECK_EVERY).await;
        for state in &mut states {
            let now = clock.now();
            let fired = match state.check(telemetry, now).await {
                Ok(Some(fired)) => fired,
                Ok(None) => continue,
                Err(error) => {
                    tracing::error!(error = format!("{error:#}"), "alert rule was not checked");
                    continue;
                }
            };
            println!("{now}  alert: {}", fired.title);
            // The next rule does not wait for this one's model.
            tokio::spawn(look_into(desk.clone(), fired, now));
        }
    }
}

/// Opens an incident for an alert and investigates it. What fails is logged.
async fn look_into(desk: Desk, fired: Fired, at: Timestamp) {
    let opening = Opening {
        title: fired.title,
        service: Some(fired.service),
        source: Source::Alert,
        recent: WINDOW,
        history: BASELINE,
        at,
    };
    let looked = match desk.open(opening).await {
        Ok(incident) => desk.investigate(incident, Language::En, "waggle").await.map(drop),
        Err(error) => Err(error),
    };
    if let Err(error) = looked {
        tracing::error!(error = error.chain(), "alert was not looked into");
    }
}

/// Reads `service=path`.
fn log_file(text: &str) -> Result<LogFile> {
    let (service, path) =
        text.split_once('=').filter(|(service, path)| !service.is_empty() && !path.is_empty()).ok_or_else(
            || anyhow!("`{text}` is not a log file\nhint: such as `checkout=/var/log/checkout.log`"),
        )?;
    // The file itself may be written later: a service that has not started has no log yet.
    let folder = Path::new(path).parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        let folder = folder.display();
        return Err(anyhow!(
            "the log of `{service}`: no folder `{folder}`\nhint: the file may come later, its folder must be there"
        ));
    }
    let resource = Resource::new([(semconv::SERVICE_NAME, service)]);
    Ok(LogFile { path: PathBuf::from(path), resource, reads_existing: false })
}

#[cfg(test)]
mod tests {
    use waggle_agent_core::Kind;

    use super::*;
    use crate::{broken::BrokenTelemetry, desk::tests::desk};

    #[tokio::test(start_paused = true)]
    async fn a_rule_that_cannot_be_checked_does_not_end_the_watch() {
        let rules = vec![AlertRule::new("checkout"), AlertRule::new("cart")];
        let (desk, _) = desk();
        let telemetry = BrokenTelemetry(Kind::Unavailable);
        let watching = watch(&desk, &telemetry, &SystemClock, rules);
        assert!(tokio::time::timeout(CHECK_EVERY * 20, watching).await.is_err());
    }
}
