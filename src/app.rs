//! The parts, wired.

use std::sync::Arc;

use anyhow::{Context, Result};
use secrecy::SecretString;
use tokio::{sync::mpsc, task::spawn_blocking};
use waggle_agent_core::{
    Ports, Toolbox,
    investigation::Investigator,
    models::Offline,
    ports::{Changes, Memory, Model, Remembered},
};
use waggle_chat_adapters::web::{Question, WebChat};
use waggle_knowledge::{ByRepository, ConfiguredOwners, GitChanges, HostsConfig};
use waggle_mcp::{McpServer, connect_all};
use waggle_memory::SqliteMemory;
use waggle_signals::Clock;
use waggle_telemetry_store::{Store, StoreConfig};

use crate::{
    auth::make_private_dir,
    config::{Config, Repository},
    desk::Desk,
    shelves::Shelves,
};

/// Questions that may wait for an answer; more are refused with "try again".
pub const MAX_QUESTIONS: usize = 64;

/// Everything that a command may need.
pub struct App {
    pub store: Arc<Store>,
    pub memory: Arc<SqliteMemory>,
    pub chat: Arc<WebChat>,
    pub desk: Desk,
    pub clock: Arc<dyn Clock>,
    /// Where the chat puts questions.
    pub questions: mpsc::Sender<Question>,
    /// Where they come out; taken by the server.
    pub asked: mpsc::Receiver<Question>,
    /// What was written down, when anything is named.
    pub shelves: Option<Shelves>,
    /// Servers whose tools are used; they end with this.
    #[expect(dead_code, reason = "let go when it is dropped")]
    servers: Vec<McpServer>,
}

/// How the telemetry store is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// One process at a time.
    Write,
    /// While nobody writes.
    Read,
}

impl App {
    /// Opens the stores and wires the parts.
    ///
    /// # Errors
    ///
    /// When a store is in use by another process or cannot be read, or the model's URL is none.
    pub async fn open(config: &Config, clock: Arc<dyn Clock>, access: Access) -> Result<Self> {
        let changes = Arc::new(changes(config)?);
        Self::open_with(config, clock, access, changes).await
    }

    /// As [`open`](Self::open), with the history of the code from elsewhere than git.
    pub async fn open_with(
        config: &Config,
        clock: Arc<dyn Clock>,
        access: Access,
        changes: Arc<dyn Changes>,
    ) -> Result<Self> {
        if access == Access::Write {
            make_private_dir(&config.dir)?;
        }
        let (setup, store_clock) = (StoreConfig::new(config.store_dir()), clock.clone());
        let store = spawn_blocking(move || match access {
            Access::Write => Store::open(setup, store_clock),
            Access::Read => Store::open_read_only(setup, store_clock),
        });
        let store = Arc::new(store.await.context("open the telemetry store")??);
        let memory = SqliteMemory::open(config.memory_file()).await?;
        let memory = Arc::new(memory);
        let kept: Arc<dyn Memory> = memory.clone();
        let chat = Arc::new(WebChat::new(kept.clone(), clock.clone()));
        let shelves = Shelves::open(config.settings.knowledge(), &config.dir).await?;
        let ports = Ports {
            telemetry: store.clone(),
            ownership: Arc::new(owners(config, changes.clone())?),
            changes,
            knowledge: Shelves::reader(shelves.as_ref()),
            past: Arc::new(Remembered(kept.clone())),
            clock: clock.clone(),
        };
        let fallback: Arc<dyn Model> = Arc::new(Offline);
        let seed = clock.now().nanos().unsigned_abs();
        let reasoning = config.models.reasoning(seed)?;
        let model = reasoning.model.unwrap_or_else(|| fallback.clone());
        let connected = connect_all(config.settings.mcp_servers()).await;
        for (name, reason) in &connected.missing {
            eprintln!("note: tools of `{name}` are missing: {reason}");
        }
        let foreign = connected.servers.iter().flat_map(McpServer::tools);
        let toolbox = foreign.fold(waggle_tools::toolbox(), Toolbox::with_any);
        let investigator = Investigator {
            reviewer: reasoning.reviewer,
            budget: config.settings.budget(),
            ..Investigator::new(model, fallback, toolbox, kept.clone())
        };
        let desk = Desk::new(ports, investigator, kept, chat.clone());
        let (questions, asked) = mpsc::channel(MAX_QUESTIONS);
        let servers = connected.servers;
        Ok(Self { store, memory, chat, desk, clock, shelves, questions, asked, servers })
    }
}

/// Returns ports behind which there is nothing, for tools that answer out of a recording.
pub fn nothing_but(clock: Arc<dyn Clock>) -> Ports {
    let fakes = waggle_agent_core::testing::fakes::Fakes::default();
    Ports { clock, ..fakes.ports() }
}

/// Allows repositories to be read: clones on this machine, each by its path and, where it has one, by its URL, and those of hosts.
fn changes(config: &Config) -> Result<ByRepository> {
    let local = clones(config);
    local.check()?;
    let named = config.repositories.iter();
    let named = named.filter_map(|Repository { url, path }| Some((url.as_deref()?, path)));
    let all = named.fold(ByRepository::new(local), |all, (url, path)| all.with_clone(url, path));
    let mut hosts = config.settings.changes().clone();
    let HostsConfig { github, gitlab, gitee } = &mut hosts;
    for (name, host) in [("github", github), ("gitlab", gitlab), ("gitee", gitee)] {
        // Asked without it, a host would answer that private repositories are not there.
        let missing =
            host.as_ref().and_then(|host| host.token_env.clone()).filter(|name| secret(name).is_none());
        if let Some(variable) = missing {
            eprintln!(
                "note: `{variable}`, which `[changes.{name}]` names, is not set: that host is not asked"
            );
            *host = None;
        }
    }
    let hosts = hosts.connect(secret)?;
    Ok(hosts.into_iter().fold(all, ByRepository::with_host))
}

/// Returns the clones on this machine by their paths.
fn clones(config: &Config) -> GitChanges {
    let clones = GitChanges::new(config.repositories.iter().map(|repository| &repository.path));
    match config.settings.owners().code_owners {
        Some(dialect) => clones.with_code_owners(dialect),
        None => clones,
    }
}

/// Puts together every rule that names who answers for a service.
fn owners(config: &Config, changes: Arc<dyn Changes>) -> Result<ConfiguredOwners> {
    let named = config.repositories.iter();
    let named = named.filter_map(|Repository { url, path }| Some((url.as_deref()?, path)));
    let git = named.fold(clones(config), |all, (url, path)| all.with_clone(url, path));
    let key = secret("WAGGLE_PAGERDUTY_KEY");
    Ok(ConfiguredOwners::open(config.settings.owners().clone(), changes, git, key.as_ref())?)
}

/// Returns a secret out of the environment; `None` for an empty one.
fn secret(variable: &str) -> Option<SecretString> {
    std::env::var(variable).ok().filter(|value| !value.is_empty()).map(SecretString::from)
}
