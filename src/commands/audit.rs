//! `waggle audit`

use std::process::ExitCode;

use anyhow::Result;
use waggle_memory::{AuditVerdict, SqliteMemory};

use crate::config::Config;

pub async fn run(config: Config) -> Result<ExitCode> {
    let memory = SqliteMemory::open(config.memory_file()).await?;
    let verdict: AuditVerdict = memory.verify_audit().await?;
    println!("{verdict}");
    Ok(if verdict.is_intact() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
