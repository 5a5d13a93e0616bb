//! Another server's tools as tools of the agent: named, allowed one by one, capped, and never trusted.
//!
//! Files: `config` says which server, `link` holds the connection, `transport` opens it, `adopt` chooses and names tools,
//! `foreign` calls one, `output` reads what it returned.

mod adopt;
mod config;
mod foreign;
mod link;
mod output;
mod transport;

use std::{collections::BTreeSet, sync::Arc};

use futures::future::join_all;
use waggle_agent_core::{Result, toolbox::AnyTool};

pub use config::{McpServerConfig, Secret};

use adopt::{Adopted, adopted};
use foreign::Foreign;
use link::Link;

/// A server that was reached, and the tools of it that are allowed.
pub struct McpServer {
    link: Arc<Link>,
    adopted: Vec<Adopted>,
    warnings: Vec<String>,
}

/// The servers of a configuration.
#[derive(Default)]
pub struct Connected {
    /// Those that were reached, in the order of the configuration.
    pub servers: Vec<McpServer>,
    /// Those that were not: the name, and why. Waggle starts without them.
    pub missing: Vec<(String, String)>,
}

/// Reaches all servers side by side. None of them keeps Waggle from starting.
pub async fn connect_all(configs: &[McpServerConfig]) -> Connected {
    let mut names = BTreeSet::new();
    let reached = join_all(configs.iter().map(|config| {
        let is_new = names.insert(config.name.clone());
        async move {
            if is_new {
                connect(config).await.map_err(|error| error.chain())
            } else {
                Err(twice(&config.name))
            }
        }
    }));
    let mut connected = Connected::default();
    for (config, server) in configs.iter().zip(reached.await) {
        match server {
            Ok(server) => connected.servers.push(server),
            Err(reason) => {
                tracing::warn!(server = config.name, reason, "an MCP server is missing");
                connected.missing.push((config.name.clone(), reason));
            }
        }
    }
    connected
}

fn twice(name: &str) -> String {
    format!("two MCP servers are named `{name}`; only the first is used")
}

/// Reaches a server and reads its list of tools.
///
/// # Errors
///
/// `Invalid` for a configuration that makes no sense, `Unavailable` or `Timeout` when the server is not there.
pub async fn connect(config: &McpServerConfig) -> Result<McpServer> {
    config.check()?;
    let (link, listed) = Link::open(config.clone()).await?;
    let (adopted, warnings) = adopted(config, listed);
    for warning in &warnings {
        tracing::warn!(server = config.name, warning, "a tool of an MCP server is left out");
    }
    link.pin(adopted.iter().map(|adopted| adopted.listed.clone()));
    Ok(McpServer { link, adopted, warnings })
}

impl McpServer {
    /// Returns its name in the configuration.
    pub fn name(&self) -> &str {
        self.link.name()
    }

    /// Returns the tools that are allowed; may be empty. They hold the connection.
    pub fn tools(&self) -> Vec<Arc<dyn AnyTool>> {
        let tools = self.adopted.iter().cloned();
        tools.map(|adopted| Arc::new(Foreign::new(self.link.clone(), adopted)) as Arc<dyn AnyTool>).collect()
    }

    /// Returns one line for each tool that was left out though a pattern meant it, and for each pattern that means none.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}
