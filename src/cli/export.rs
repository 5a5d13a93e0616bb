//! Options of `waggle export`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// What is written.
#[derive(Args, Clone, Debug)]
pub struct Export {
    /// Incidents [default: all that were rated as chosen]
    pub incidents: Vec<String>,
    /// Which investigations, by what people last said of them
    #[arg(long, default_value = "helpful")]
    pub rated: Rated,
    /// Write training examples here, one a line, in the chat format with tools that fine-tuning takes
    #[arg(long, value_name = "FILE", required_unless_present = "recordings")]
    pub jsonl: Option<PathBuf>,
    /// Write each investigation as a file into this folder, for `waggle replay --recording`
    #[arg(long, value_name = "DIR")]
    pub recordings: Option<PathBuf>,
}

/// By ratings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Rated {
    /// Somebody found it helpful, and nobody's last word is that it was not.
    Helpful,
    /// Somebody's last word is that it was not.
    Unhelpful,
    /// Whatever was said, and where nothing was.
    All,
}
