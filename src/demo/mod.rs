//! A small shop, real traffic, one fault, and the whole way from the alert to the posted finding.
//!
//! # Layout
//!
//! - `stage`: where the story plays: the live shop, or a recording of it.
//! - `live`: real processes, watched by eBPF. `replay`: a recorded run through the same pipeline.
//! - `recording`: how a run is kept, and made free of the machine it ran on.
//! - `story`: what the terminal shows. `verdict`: whether the finding names what was injected.

mod live;
mod recording;
mod replay;
mod stage;
mod story;
mod verdict;

use std::{fs, process::ExitCode, time::Duration};

use anyhow::{Context, Result, anyhow};
use waggle_agent_core::{Language, incident::Source};
use waggle_chaos::{Fault, fault_named};
use waggle_signals::Timestamp;

use crate::{
    alert::{AlertRule, AlertState, Fired},
    auth::make_private_dir,
    cli,
    commands::print,
    config::Config,
    desk::{Opening, Solved},
    server,
    stop::Stop,
};
use stage::Stage;
use story::Story;

/// The service whose users the alert rule watches.
const WATCHED: &str = "gateway";
/// What the rule allows there; a healthy shop on a busy machine stays well under both.
const MAX_P99_MS: f64 = 45.0;
const MAX_ERROR_RATIO: f64 = 0.03;
/// The rule is checked this often, over so long, and fires when it was broken three times in a row.
const CHECK_EVERY: Duration = Duration::from_millis(500);
const CHECK_OVER: Duration = Duration::from_secs(4);
/// An alert that has not fired by then will not.
const PATIENCE: Duration = Duration::from_secs(25);
/// What is looked at before the alert, and the healthy time before that.
const WINDOW: Duration = Duration::from_secs(12);
const BASELINE: Duration = Duration::from_secs(22);
/// How long before the fault the harmless deploy is made.
const DECOY_BEFORE: Duration = Duration::from_secs(7);
/// How long the trouble is watched on before it is looked into: a profile of two seconds says little.
const SETTLE: Duration = Duration::from_secs(4);

/// Plays the demo.
pub async fn run(config: Config, args: cli::Demo) -> Result<ExitCode> {
    let fault = fault_named(&args.fault)?;
    let config = Config { dir: config.dir.join("demo"), ..config };
    let _lock = lock(&config)?;
    clear(&config)?;
    let listener = if args.once { None } else { Some(server::bind(args.listen).await?) };
    let story = Story::new(args.json);
    story.title(fault);

    let (mut app, mut stage) = Stage::open(&config, &args, fault, &story).await?;
    let server = listener.map(|listener| app.serve(&config, listener)).transpose()?;
    if let Some(server) = &server {
        story.page(server);
    }
    let warm_up = Duration::from_secs(args.warm_up);
    let injected_at = set_the_scene(&mut stage, fault, warm_up, &story).await?;
    let fired = wait_for_alert(&mut stage, &app, fault, &story).await?;
    stage.pass(SETTLE).await?;

    let incident = app.desk.open(opening(fired, stage.now())).await?;
    story.investigating(&incident, app.desk.model_name());
    let Solved { investigation, took } = app.desk.investigate(incident, Language::En, "waggle").await?;
    let finding = &investigation.finding;
    let end_to_end = injected_at.map(|at| stage.now().since(at));
    if args.json {
        print::json(finding)?;
    }
    story.finding(&investigation, app.desk.model_name(), took, end_to_end);
    let right = verdict::names_the_fault(finding, fault);
    story.judged(finding, fault, right);

    if let Some(server) = &server {
        let mut stop = Stop::listen()?;
        story.stay(server, &config.dir);
        tokio::select! {
            result = stage.go_on() => result?,
            () = stop.asked() => {}
        }
    }
    stage.close().await;
    app.store.close().await.context("close the telemetry store")?;
    Ok(if right { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Plays the recording of a fault through the pipeline and returns what was found, with the name of the model that was asked
/// first. Everything is kept below the folder of the configuration.
pub async fn replayed(config: &Config, fault: Option<&'static dyn Fault>) -> Result<(Solved, String)> {
    make_private_dir(&config.dir)?;
    let story = Story::silent();
    let args = cli::Demo::replayed_once();
    let (app, mut stage) = Stage::open(config, &args, fault, &story).await?;
    set_the_scene(&mut stage, fault, Duration::from_secs(args.warm_up), &story).await?;
    let fired = wait_for_alert(&mut stage, &app, fault, &story).await?;
    stage.pass(SETTLE).await?;
    let incident = app.desk.open(opening(fired, stage.now())).await?;
    let solved = app.desk.investigate(incident, Language::En, "waggle").await;
    stage.close().await;
    app.store.close().await.context("close the telemetry store")?;
    Ok((solved?, app.desk.model_name().to_owned()))
}

/// Opens the incident of an alert, or of somebody who asks although there was none.
fn opening(fired: Option<Fired>, at: Timestamp) -> Opening {
    let (title, service, source) = match fired {
        Some(Fired { title, service }) => (title, Some(service), Source::Alert),
        None => ("is everything all right?".to_owned(), Some(WATCHED.to_owned()), Source::Person),
    };
    Opening { title, service, source, recent: WINDOW, history: BASELINE, at }
}

/// Lets healthy traffic pass, deploys something harmless, and then does the harm. Returns when; `None` when nothing was harmed.
async fn set_the_scene(
    stage: &mut Stage,
    fault: Option<&'static dyn Fault>,
    warm_up: Duration,
    story: &Story,
) -> Result<Option<Timestamp>> {
    story.warming_up(warm_up);
    stage.pass_healthy(warm_up.saturating_sub(DECOY_BEFORE), story).await?;
    stage.deploy_decoy(fault, story).await?;
    stage.pass_healthy(DECOY_BEFORE, story).await?;
    stage.inject(fault, story).await
}

/// Waits until the alert rule fires. Without a fault it must not; after a while somebody asks anyway.
async fn wait_for_alert(
    stage: &mut Stage,
    app: &crate::app::App,
    fault: Option<&'static dyn Fault>,
    story: &Story,
) -> Result<Option<Fired>> {
    let rule = AlertRule {
        p99_ms: MAX_P99_MS,
        error_ratio: MAX_ERROR_RATIO,
        over: CHECK_OVER,
        times: 3,
        ..AlertRule::new(WATCHED)
    };
    let mut alert = AlertState::new(rule);
    let patience = if fault.is_some() { PATIENCE } else { WINDOW };
    let started = stage.now();
    while stage.now().since(started) < patience {
        if !stage.pass(CHECK_EVERY).await? {
            break;
        }
        if let Some(fired) = alert.check(&*app.store, stage.now()).await? {
            story.alert(&fired, stage.now());
            return Ok(Some(fired));
        }
    }
    match fault {
        Some(fault) => Err(anyhow!(
            "the alert rule did not fire within {} s of `{}`\nhint: the machine may be too busy to tell; try again",
            patience.as_secs(),
            fault.name()
        )),
        None => {
            story.no_alert(stage.now());
            Ok(None)
        }
    }
}

/// Keeps a second demo out of the same folder for as long as the file is held.
fn lock(config: &Config) -> Result<fs::File> {
    let file = config.dir.join("lock");
    make_private_dir(&config.dir)?;
    let lock = fs::File::create(&file).with_context(|| format!("create `{}`", file.display()))?;
    lock.try_lock().map_err(|_| {
        anyhow!(
            "another demo uses `{}`\nhint: stop it first; two demos on one machine would see each other",
            config.dir.display()
        )
    })?;
    Ok(lock)
}

/// Removes what the last demo kept: each starts with an empty store.
fn clear(config: &Config) -> Result<()> {
    let files = ["memory.sqlite", "memory.sqlite-wal", "memory.sqlite-shm", "server.json"];
    let removed = files.iter().map(|name| fs::remove_file(config.dir.join(name)));
    for result in removed.chain([fs::remove_dir_all(config.store_dir())]) {
        match result {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("clear `{}`", config.dir.display()));
            }
            _ => {}
        }
    }
    Ok(())
}
