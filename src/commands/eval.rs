//! `waggle eval`

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail};
use async_trait::async_trait;
use waggle_agent_core::{
    Language,
    models::{Counted, Offline, Replay, Scripted},
    ports::{Message, Model, ModelReply},
};
use waggle_chaos::{
    eval::{self, Case, Options, Progress, Report, Run, Runner, What},
    fault_named,
};

use crate::{cli, config::Config, demo, desk::Solved, incident_files, models::Models};

/// What is given to a case before it counts as not run.
const LIMIT: Duration = Duration::from_secs(600);

pub async fn run(config: Config, args: cli::Eval) -> Result<ExitCode> {
    if let [first, second] = args.compare.as_slice() {
        print!("{}", eval::compare(&report_in(first)?, &report_in(second)?)?.markdown());
        return Ok(ExitCode::SUCCESS);
    }
    let suite =
        args.suite.as_deref().context("no suite\nhint: `--suite demo`, or `--suite DIR --layout NAME`")?;
    let suite = eval::suite(suite, args.layout.as_deref())?;
    let agent =
        Agent { config, model: args.model.clone(), record: args.record.clone(), script: args.script.clone() };
    let name = agent.name()?;
    let results =
        args.results.clone().unwrap_or_else(|| PathBuf::from(format!("eval-{}-{name}.jsonl", suite.name)));
    let mut settings = BTreeMap::new();
    settings.insert("budget".to_owned(), agent.config.settings.budget().to_string());
    settings.insert("program".to_owned(), program()?);
    if !matches!(args.model.as_str(), "offline" | "counted") {
        settings.insert("models".to_owned(), agent.config.models.to_string());
    }
    if let Some(script) = &args.script {
        settings.insert("script".to_owned(), script.display().to_string());
    }
    let servers = agent.config.settings.mcp_servers().iter().map(|server| server.name.as_str());
    let servers: Vec<_> = servers.collect();
    if !servers.is_empty() {
        settings.insert("MCP servers".to_owned(), servers.join(" "));
    }
    let options = Options { repeat: args.repeat, parallel: args.parallel, limit: LIMIT, results, settings };
    let told = |progress: Progress<'_>| {
        let Progress { n_done, n_all, case, failed } = progress;
        match failed {
            Some(reason) => eprintln!("{n_done}/{n_all} {case}: not run: {reason}"),
            None => eprintln!("{n_done}/{n_all} {case}"),
        }
    };
    let evaluated = eval::evaluate(suite, &agent, &name, &options, &told).await?;
    let report = eval::report(&evaluated)?;
    if let Some(file) = &args.json {
        let json = serde_json::to_string_pretty(&report).context("write the report")?;
        fs::write(file, json).with_context(|| format!("write `{}`", file.display()))?;
    }
    print!("{}", report.markdown());
    let judged = eval::judge(&report, args.min_pass);
    println!("\n{}", judged.line);
    Ok(ExitCode::from(judged.outcome.exit_code()))
}

/// Names the build: another program may answer otherwise.
fn program() -> Result<String> {
    let file = std::env::current_exe().context("find this program")?;
    let built = fs::metadata(&file).with_context(|| format!("read `{}`", file.display()))?;
    let since_1970 = built.modified().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    Ok(format!(
        "{} of {} bytes, built {} s after 1970",
        env!("CARGO_PKG_VERSION"),
        built.len(),
        since_1970.unwrap_or_default().as_secs()
    ))
}

fn report_in(file: &Path) -> Result<Report> {
    let text = fs::read_to_string(file).with_context(|| format!("read `{}`", file.display()))?;
    Report::from_json(&text)
}

/// The whole agent, with the model that is to be scored.
struct Agent {
    config: Config,
    model: String,
    /// Transcripts are kept here, or played from here.
    record: Option<PathBuf>,
    script: Option<PathBuf>,
}

impl Agent {
    /// Returns the name of the model that is scored.
    fn name(&self) -> Result<String> {
        match self.model.as_str() {
            "openai" | "rig" | "configured" if !self.config.models.is_configured() => {
                bail!(
                    "no model is configured\nhint: set `WAGGLE_MODEL_URL` and `WAGGLE_MODEL_NAME`; `docs/models.md` tells more"
                )
            }
            "openai" | "rig" | "configured" => {
                let model = self.config.models.reasoning(0)?.model;
                Ok(model.map_or_else(|| "offline".to_owned(), |model| model.name().replace('/', "_")))
            }
            "scripted" if self.script.is_none() => {
                bail!("`--model scripted` plays `--script FILE`, and none is named")
            }
            "replay" if !self.record.as_ref().is_some_and(|folder| folder.is_dir()) => {
                bail!("`--model replay` plays the folder `--record DIR`, and there is none")
            }
            "offline" | "counted" | "scripted" | "replay" => Ok(self.model.clone()),
            other => Err(anyhow!(
                "unknown model `{other}`\nhint: `offline`, `counted`, `openai` or `rig` as the environment configures them, `scripted`, `replay`"
            )),
        }
    }

    /// Returns the models for one case.
    fn models(&self, case: &Case) -> Result<Models> {
        Ok(match self.model.as_str() {
            "offline" => Models::default(),
            "counted" => Models::given(Arc::new(Counted(Offline))),
            "scripted" => {
                let file = self.script.as_deref().context("`--model scripted` plays `--script FILE`")?;
                let text = fs::read_to_string(file).with_context(|| format!("read `{}`", file.display()))?;
                let replies: Vec<ModelReply> =
                    serde_json::from_str(&text).with_context(|| format!("read `{}`", file.display()))?;
                Models::given(Arc::new(Scripted::new(replies.into_iter().map(Ok))) as Arc<dyn Model>)
            }
            "replay" => {
                let file = self.transcript_file(case).context("`--model replay` plays `--record DIR`")?;
                let text = fs::read_to_string(&file).with_context(|| format!("read `{}`", file.display()))?;
                let transcript: Vec<Message> =
                    serde_json::from_str(&text).with_context(|| format!("read `{}`", file.display()))?;
                Models::given(Arc::new(Replay::new(transcript)))
            }
            _ => self.config.models.clone(),
        })
    }

    fn transcript_file(&self, case: &Case) -> Option<PathBuf> {
        let name: String = case
            .id
            .chars()
            .map(|c| if c.is_alphanumeric() || matches!(c, '.' | '_') { c } else { '-' })
            .collect();
        Some(self.record.as_ref()?.join(format!("{name}.json")))
    }

    fn keep_transcript(&self, case: &Case, transcript: &[Message]) -> Result<()> {
        let Some(file) = self.transcript_file(case).filter(|_| self.model != "replay") else { return Ok(()) };
        if let Some(dir) = file.parent() {
            fs::create_dir_all(dir).with_context(|| format!("create `{}`", dir.display()))?;
        }
        let json = serde_json::to_string(&waggle_agent_core::investigation::transcript::lean(transcript))?;
        fs::write(&file, json).with_context(|| format!("write `{}`", file.display()))
    }

    async fn solve(&self, case: &Case) -> Result<(Solved, String)> {
        let models = self.models(case)?;
        let kept = tempfile::tempdir().context("make a folder for the case")?;
        let config = Config { dir: kept.path().join("store"), models, ..self.config.clone() };
        match (&case.what, eval::stage(case, kept.path())?) {
            (What::Fault(name), _) => demo::replayed(&config, fault_named(name)?).await,
            (What::Folder { .. }, Some(folder)) => {
                incident_files::solve(&config, &folder, Language::En).await
            }
            (What::Folder { path, .. }, None) => Err(anyhow!("`{}` was not staged", path.display())),
        }
    }
}

#[async_trait]
impl Runner for Agent {
    async fn run(&self, case: &Case) -> Result<Run> {
        let (solved, asked) = self.solve(case).await?;
        self.keep_transcript(case, &solved.investigation.transcript)?;
        Ok(Run::of(solved.investigation, solved.took, &asked))
    }
}
