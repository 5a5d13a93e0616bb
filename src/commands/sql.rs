//! `waggle sql`

use std::process::ExitCode;

use anyhow::Result;
use waggle_agent_core::ports::{SqlQuery, Table, Telemetry as _};

use super::{open_on_disk, print};
use crate::{
    api::{SQL_TIMEOUT, SqlRequest},
    cli,
    client::Client,
    config::Config,
};

pub async fn run(config: Config, args: cli::Sql) -> Result<ExitCode> {
    let table: Table = match Client::find(&config).await? {
        Some(client) => client.post("/api/sql", &SqlRequest { query: args.query, limit: args.limit }).await?,
        None => {
            let query = SqlQuery { text: args.query, limit: args.limit, timeout: SQL_TIMEOUT };
            open_on_disk(&config).await?.store.sql(&query).await?
        }
    };
    if args.json {
        print::json(&table)?;
    } else {
        print::table(&table);
    }
    Ok(ExitCode::SUCCESS)
}
