//! What a port answers when it cannot do what was asked.

use std::{error::Error as StdError, fmt, time::Duration};

use crate::ports::Usage;

/// Shorthand for results of ports.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure with a kind that a caller can act on and a chain that a person can read.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    message: String,
    hint: Option<String>,
    retry_after: Option<Duration>,
    usage: Usage,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// What a caller can do about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// What was asked for does not exist.
    NotFound,
    /// The question itself is wrong; asking again will not help.
    Invalid,
    /// The caller may not.
    Denied,
    /// The other side is not there or has no room; later may help.
    Unavailable,
    /// It took too long; a smaller question may help.
    Timeout,
    /// A fault of this program.
    Internal,
}

// === impl Kind ===

impl Kind {
    /// Makes an error of this kind with a message: lowercase, no full stop, literals in backticks.
    pub fn error(self, message: impl Into<String>) -> Error {
        Error {
            kind: self,
            message: message.into(),
            hint: None,
            retry_after: None,
            usage: Usage::default(),
            source: None,
        }
    }

    /// Makes an error of this kind out of what went wrong below; `doing` says what was being done.
    pub fn because(
        self,
        doing: impl Into<String>,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Error {
        Error { source: Some(source.into()), ..self.error(doing) }
    }

    /// Tells whether the same question may succeed later.
    pub fn is_retryable(self) -> bool {
        matches!(self, Self::Unavailable | Self::Timeout)
    }
}

// === impl Error ===

impl Error {
    /// Returns the kind.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Adds advice for a person, shown on a `hint:` line of its own.
    #[must_use]
    pub fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// Returns the advice, if there is any.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Notes how long the other side wants to be left alone.
    #[must_use]
    pub fn with_retry_after(self, wait: Option<Duration>) -> Self {
        Self { retry_after: wait, ..self }
    }

    /// Returns how long the other side wants to be left alone; `None` when it did not say.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Adds what a model spent before it failed.
    #[must_use]
    pub fn with_usage(mut self, spent: Usage) -> Self {
        self.usage += spent;
        self
    }

    /// Returns what models spent in vain, all attempts together; 0 where nothing was read, or nobody knows.
    pub fn usage(&self) -> Usage {
        self.usage
    }

    /// Writes the message and everything below it on one line.
    pub fn chain(&self) -> String {
        let mut text = self.message.clone();
        let mut below = self.source();
        while let Some(error) = below {
            text.push_str(": ");
            text.push_str(&error.to_string());
            below = error.source();
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}
