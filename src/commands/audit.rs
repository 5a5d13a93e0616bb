//! `waggle audit`

use std::process::ExitCode;

use anyhow::{Result, bail};
use waggle_agent_core::ports::Memory as _;
use waggle_memory::{AuditVerdict, SqliteMemory};

use super::print;
use crate::{
    cli::{Audit, AuditCommand},
    config::Config,
};

pub async fn run(config: Config, args: Audit) -> Result<ExitCode> {
    let file = config.memory_file();
    // Opening would make an empty one, whose log is intact and says nothing.
    if !file.exists() {
        bail!(
            "no memory in `{}`: there is no audit log to walk\nhint: name the folder that `waggle` keeps its things in with `--dir`",
            config.dir.display()
        );
    }
    let memory = SqliteMemory::open(file).await?;
    match args.command {
        Some(AuditCommand::List { after, limit }) => {
            for entry in memory.audit_log(after, limit).await? {
                print::out(&format!("{}\n", serde_json::to_string(&entry)?))?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Some(AuditCommand::Verify { expect }) => verify(&memory, expect.as_ref()).await,
        None => verify(&memory, None).await,
    }
}

async fn verify(memory: &SqliteMemory, expected: Option<&(u64, String)>) -> Result<ExitCode> {
    let verdict: AuditVerdict = memory.verify_audit().await?;
    println!("{verdict}");
    if !verdict.is_intact() {
        return Ok(ExitCode::FAILURE);
    }
    let Some((place, hash)) = expected else { return Ok(ExitCode::SUCCESS) };
    let entry = memory.audit_log(place - 1, 1).await?.pop().filter(|entry| entry.sequence == *place);
    let fault = match entry {
        Some(entry) if entry.hash == *hash => return Ok(ExitCode::SUCCESS),
        Some(_) => "is another one than was written down: the log was written anew",
        None => "is not there any more: the end of the log was removed",
    };
    println!("entry {place} {fault}");
    Ok(ExitCode::FAILURE)
}
