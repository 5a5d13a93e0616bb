//! How far the shop has come, for those who wait.

use std::fmt;

/// One step on the way to an open shop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The repository is being made.
    Repository,
    /// A program that is not in the cache is being compiled.
    Building {
        /// The service or neighbour.
        service: String,
        /// Full id; `None` for a neighbour.
        commit: Option<String>,
        /// From one.
        number: usize,
        /// How many are to be compiled.
        total: usize,
    },
    /// A service is being started.
    Starting {
        /// Its name.
        service: &'static str,
    },
    /// All run, and the first customers are awaited.
    Opening,
    /// The customers are served well.
    Open,
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repository => write!(f, "make the shop's repository"),
            Self::Building { service, commit: Some(commit), number, total } => {
                write!(f, "build {service} at {} ({number} of {total})", commit.get(..7).unwrap_or(commit))
            }
            Self::Building { service, commit: None, number, total } => {
                write!(f, "build {service} ({number} of {total})")
            }
            Self::Starting { service } => write!(f, "start {service}"),
            Self::Opening => write!(f, "wait for the first customers"),
            Self::Open => write!(f, "the shop is open"),
        }
    }
}
