//! `waggle mcp`

use std::{fs, process::ExitCode, sync::Arc};

use anyhow::{Context, Result, bail};
use waggle_mcp::{Limits, Recorded, recorded, serve_stdio};

use super::open_on_disk;
use crate::{cli, client::Client, config::Config, faces::mcp::McpHost};

pub async fn run(config: Config, args: cli::Mcp) -> Result<ExitCode> {
    if let Some(file) = &args.recorded {
        let text = fs::read_to_string(file).with_context(|| format!("read `{}`", file.display()))?;
        let recorded = Recorded::parse(&text).with_context(|| format!("read `{}`", file.display()))?;
        recorded::serve_stdio(recorded, &Limits::default()).await?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(client) = Client::find(&config).await? {
        bail!(
            "a server is running and holds the store\nhint: connect to `{}/mcp` over streamable HTTP, with the token in `{}` as bearer",
            client.url(),
            config.token_file().display()
        );
    }
    let config = Config { repositories: args.repositories, ..config };
    let app = open_on_disk(&config).await?;
    serve_stdio(Arc::new(McpHost::new(app.api())), "operator", Limits::default()).await?;
    Ok(ExitCode::SUCCESS)
}
