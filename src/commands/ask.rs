//! `waggle ask`

use std::process::ExitCode;

use anyhow::Result;
use waggle_agent_core::conversation::Answer;

use super::{open_on_disk, print};
use crate::{
    api::{self, AskRequest},
    cli,
    client::Client,
    config::Config,
};

pub async fn run(config: Config, args: cli::Ask) -> Result<ExitCode> {
    let request = AskRequest { question: args.question, incident: args.incident };
    let answer: Answer = match Client::find(&config).await? {
        Some(client) => client.post("/api/ask", &request).await?,
        None => api::question(&open_on_disk(&config).await?.api(), &request).await?,
    };
    if args.json {
        print::json(&answer)?;
    } else {
        println!("{}", answer.text());
        for question in &answer.follow_ups {
            println!("  ? {question}");
        }
    }
    Ok(ExitCode::SUCCESS)
}
