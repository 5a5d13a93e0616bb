//! Waggle: a self-hosted incident agent. The one binary that knows everybody.
//!
//! # Layout
//!
//! - `cli`: what can be typed. `commands`: one file per command.
//! - `config`: where things are kept. `models`: which models reason. `settings`: the settings file. `app`: the parts, wired.
//! - `shelves`: the documents that the agent may read.
//! - `desk`: from an incident to a posted finding, from a question to an answer. `alert`: the rule that opens incidents.
//! - `rooms`: questions out of many rooms. `stop`: when the program is asked to end.
//! - `server`: the HTTP face. `auth`: who may come in. `api`: what programs may ask. `client`: the same from the other side.
//! - `faces`: the same desk by the protocols of OpenAI and of MCP.
//! - `demo`: a shop, a fault, and the whole way to the finding.
//! - `incident_files`: an incident as a folder, through the same loop.
//! - `failure`: errors as people read them.

mod alert;
mod api;
mod app;
mod auth;
#[cfg(test)]
mod broken;
mod cli;
mod client;
mod commands;
mod config;
mod demo;
mod deploys;
mod desk;
mod embeddings;
mod faces;
mod failure;
mod incident_files;
mod models;
mod rooms;
mod server;
mod settings;
mod shelves;
mod stop;

use std::{io::IsTerminal as _, process::ExitCode};

use clap::Parser;
use waggle_agent_core::redact::RedactedWriter;

/// What is logged unless `WAGGLE_LOG` says otherwise. That an MCP server cannot be reached is told in our own words.
const QUIET: &str = "error,rmcp=off";

fn main() -> ExitCode {
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refused(&error),
    };
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("WAGGLE_LOG").unwrap_or_else(|_| QUIET.into()),
        )
        .with_writer(|| RedactedWriter(std::io::stderr()))
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
    // One TLS provider for every client in this process. An error means that it is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return failure::report(&anyhow::Error::new(error).context("start the runtime")),
    };
    match runtime.block_on(commands::run(cli)) {
        Ok(code) => code,
        Err(error) => failure::report(&error),
    }
}

/// Prints what is wrong with the arguments, or the help that they ask for. A build must not take the first for an answer of its check.
fn refused(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    let is_check = std::env::args().any(|argument| argument == "check-deploy");
    match error.exit_code() {
        0 => ExitCode::SUCCESS,
        _ if is_check => ExitCode::from(commands::NO_ANSWER),
        code => ExitCode::from(u8::try_from(code).unwrap_or(failure::FAILED)),
    }
}
