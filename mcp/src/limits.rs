//! How much one client may have.

use std::time::Duration;

/// The most of everything. What is above it is refused with a message that says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Time for one call of a tool.
    pub tool_time: Duration,
    /// Time for an investigation, or for the answer to a question.
    pub work_time: Duration,
    /// Calls that one session may have running at once.
    pub calls_at_once: usize,
    /// Calls of all sessions of a server that may run at once.
    pub calls_in_all: usize,
    /// Sessions over HTTP at once.
    pub sessions: usize,
    /// A session over HTTP that was silent for so long is closed.
    pub silence: Duration,
    /// Bytes of one message from a client.
    pub message_bytes: usize,
    /// Bytes of the text of one result; what is above is cut.
    pub text_bytes: usize,
    /// Bytes of the data of one result as JSON; larger data is left out, and the result says so.
    pub data_bytes: usize,
    /// Bytes of all results of one session: the marks that stand for its secrets are kept as long as it lives.
    pub session_bytes: usize,
    /// Web pages, as `https://host:port`, that may call over HTTP. None by default: programs send no `Origin`.
    pub allowed_origins: Vec<String>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            tool_time: Duration::from_secs(60),
            work_time: Duration::from_secs(300),
            calls_at_once: 4,
            calls_in_all: 16,
            sessions: 32,
            silence: Duration::from_secs(900),
            message_bytes: 1 << 20,
            text_bytes: 64 << 10,
            data_bytes: 256 << 10,
            session_bytes: 64 << 20,
            allowed_origins: Vec::new(),
        }
    }
}
