//! What an investigation of a failed check found: the cause, and the change that may be to blame.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waggle_agent_core::{Evidence, Finding, blamed_code::BlamedCode, finding::Verdict};

/// What was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Investigated {
    /// The incident that it is kept under.
    pub incident: String,
    /// How sure it is.
    pub verdict: Verdict,
    /// The service at fault, which may be another than the one that was deployed; empty when none was found.
    pub service: String,
    /// The class of fault; empty when none was found.
    pub fault_class: String,
    /// Probability that this is it, 0 to 1.
    pub confidence: f64,
    /// Why, most telling first; at most three sentences. Untrusted text.
    pub because: Vec<String>,
}

/// A commit of the checked service with the places in it that explain what got worse.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Suspect {
    /// Full id of the commit.
    pub commit: String,
    /// First line of its message; empty when unknown. Untrusted text.
    pub title: String,
    /// The guilty lines, most telling first; empty when unknown.
    pub places: Vec<Place>,
    /// The functions that they are in; empty when unknown.
    pub functions: Vec<String>,
}

/// A line of a file in the repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Place {
    /// Path from the root of the repository.
    pub file: String,
    /// First line of the hunk, from 1.
    pub line: u32,
}

/// Sentences that are told.
const MAX_BECAUSE: usize = 3;

impl Investigated {
    /// Puts a finding into short.
    pub fn of(finding: &Finding) -> Self {
        let cause = finding.root_causes.first();
        let claims = cause.map(|cause| &cause.claims[..]).unwrap_or_default();
        Self {
            incident: finding.incident.to_string(),
            verdict: finding.verdict,
            service: cause.map(|cause| cause.service.clone()).unwrap_or_default(),
            fault_class: cause.map(|cause| cause.fault_class.clone()).unwrap_or_default(),
            confidence: finding.confidence,
            because: claims.iter().take(MAX_BECAUSE).map(|claim| claim.text.clone()).collect(),
        }
    }
}

impl Suspect {
    /// Finds the commit that a finding blames; `None` when it blames none, or one of another service, whose files are in another repository.
    pub fn of(finding: &Finding, evidence: &[Evidence], service: &str) -> Option<Self> {
        let cause = finding.root_causes.first().filter(|cause| cause.service == service)?;
        cause.change.as_ref().filter(|change| change.kind == "commit")?;
        let blamed = BlamedCode::of(finding, evidence)?;
        let shown =
            blamed.hunk().map(|(file, hunk)| Place { file: file.path.clone(), line: hunk.new_start.max(1) });
        let BlamedCode { commit, places, .. } = blamed;
        let mut functions: Vec<String> = places.iter().map(|place| place.function.clone()).collect();
        functions.retain(|function| !function.is_empty());
        functions.dedup();
        let places = places.into_iter().map(|place| Place { file: place.path, line: place.line.max(1) });
        let mut places: Vec<Place> = places.collect();
        // Where no place fits what is seen, the one that the card shows is still where to look first.
        if places.is_empty() {
            places.extend(shown);
        }
        Some(Self { commit: commit.id, title: commit.summary, places, functions })
    }
}
