//! How much is taken at once.

use std::time::Duration;

/// What a request may weigh, how long it may take, and how many may be under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest body, in bytes. Whole conversations are sent with every question.
    pub body_bytes: usize,
    /// How long the body may take to arrive.
    pub body_within: Duration,
    /// The most messages of a conversation.
    pub messages: usize,
    /// The longest question, in bytes.
    pub question_bytes: usize,
    /// How long an answer may take. The Python SDK waits 10 minutes unless it is told otherwise.
    pub answer_within: Duration,
    /// The most answers under way for one caller.
    pub at_once_per_caller: usize,
    /// The most answers under way for all callers together.
    pub at_once: usize,
    /// How often a silent stream says that it lives; proxies close what is silent for a minute.
    pub heartbeat: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 1024 * 1024,
            body_within: Duration::from_secs(30),
            messages: 512,
            question_bytes: 16 * 1024,
            answer_within: Duration::from_secs(5 * 60),
            at_once_per_caller: 8,
            at_once: 32,
            heartbeat: Duration::from_secs(15),
        }
    }
}
