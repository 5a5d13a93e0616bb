//! What can be followed of a run while it goes on.

use crate::EvidenceId;

/// Follows a run. Called in order; must return at once.
pub trait Watch: Send + Sync {
    /// Something happened.
    fn on(&self, progress: Progress<'_>);
}

/// What happens in a run.
#[derive(Clone, Copy, Debug)]
pub enum Progress<'a> {
    /// A tool was called. The line says for people what is asked.
    Asked {
        /// Where the answer will be kept.
        evidence: EvidenceId,
        /// The tool.
        tool: &'a str,
        /// What is asked.
        line: &'a str,
    },
    /// A tool answered.
    Answered {
        /// Where the answer is kept.
        evidence: EvidenceId,
    },
    /// The model wrote text.
    Text(&'a str),
    /// Another model took over.
    FellBack {
        /// Why.
        reason: &'a str,
    },
}

/// Follows nothing.
impl Watch for () {
    fn on(&self, _: Progress<'_>) {}
}
