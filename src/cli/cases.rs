//! What can be typed after `waggle cases`.

use clap::{Args, Subcommand};

#[derive(Args, Debug)]
pub struct Cases {
    #[command(subcommand)]
    pub command: Option<CasesCommand>,
    /// Print JSON
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
pub enum CasesCommand {
    /// Print what is kept of one, and what was said about it since
    Show {
        /// The incident, such as `inc-20260301140510`
        incident: String,
    },
    /// Take one out of use for good: it is never told again
    Retire(RetireCase),
}

#[derive(Args, Debug)]
pub struct RetireCase {
    /// The incident, such as `inc-20260301140510`
    pub incident: String,
    /// Why, for those who wonder later
    #[arg(long, value_name = "TEXT")]
    pub why: String,
    /// Who says so
    #[arg(long, value_name = "NAME", env = "USER", default_value = "unknown")]
    pub by: String,
}
