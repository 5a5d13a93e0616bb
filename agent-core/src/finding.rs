//! The typed result of an investigation. Every face emits exactly this; fields may be added, never renamed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{EvidenceId, IncidentId, past_case::Outcome};

/// What was found, with its proof.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// The incident it answers.
    pub incident: IncidentId,
    /// How sure it is.
    pub verdict: Verdict,
    /// Probability that the first root cause is right, or that there is no incident; 0 to 1.
    pub confidence: f64,
    /// What is wrong as its users feel it.
    pub symptom: SymptomFound,
    /// Why, likeliest first; empty unless the verdict is `confirmed` or `likely`.
    #[serde(default)]
    pub root_causes: Vec<RootCause>,
    /// The first service to fail in time; empty when unknown.
    #[serde(default)]
    pub first_failing_service: String,
    /// How the trouble spread, from the cause outwards.
    #[serde(default)]
    pub propagation: Vec<Hop>,
    /// Who was hit.
    #[serde(default)]
    pub impact: Impact,
    /// What it is not, with the reason.
    #[serde(default)]
    pub ruled_out: Vec<RuledOut>,
    /// What to do. A person decides.
    #[serde(default)]
    pub remediation: Remediation,
    /// Who answers for the first root cause, by which rule.
    #[serde(default)]
    pub owners: Vec<Owner>,
    /// Incidents of before that look like this one, those whose cause shows today first; the key is left out when there are none.
    /// They are no proof. Filled in by the program, whatever a model says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seen_before: Vec<SeenBefore>,
    /// What would have helped and was not there.
    #[serde(default)]
    pub missing_data: Vec<String>,
    /// Three or four questions to ask next.
    #[serde(default)]
    pub follow_ups: Vec<String>,
}

/// How sure a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The cause was seen at work.
    Confirmed,
    /// The evidence points one way.
    Likely,
    /// The evidence does not decide.
    Inconclusive,
    /// Nothing is wrong.
    NoIncident,
}

/// What is wrong as its users feel it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SymptomFound {
    /// Where it is felt; empty when nowhere.
    #[serde(default)]
    pub service: String,
    /// The signal: `latency_p99`, `error_ratio`, `request_rate`.
    #[serde(default)]
    pub signal: String,
    /// One line with numbers.
    #[serde(default)]
    pub text: String,
    /// When it began, RFC 3339; empty when unknown.
    #[serde(default)]
    pub onset: String,
}

/// One explanation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RootCause {
    /// The service at fault.
    pub service: String,
    /// The process, pod or host at fault; empty when it is all of the service.
    #[serde(default)]
    pub resource: String,
    /// The class of fault, as in the fault tree.
    pub fault_class: String,
    /// Probability that this is it, 0 to 1.
    pub confidence: f64,
    /// The change that did it, when a change did.
    #[serde(default)]
    pub change: Option<ChangeBlamed>,
    /// The proof.
    pub claims: Vec<Claim>,
}

/// A change that is held responsible.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChangeBlamed {
    /// What kind of change.
    pub kind: String,
    /// Full commit id, or the name of the flag, config or deployment.
    pub id: String,
    /// Whether its diff was read. A commit may only be blamed when it was.
    pub diff_read: bool,
}

/// One sentence with the evidence it rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Claim {
    /// The sentence. Its numbers, times and names must occur in the evidence it cites.
    pub text: String,
    /// Seen, or concluded.
    pub kind: ClaimKind,
    /// What it rests on; never empty.
    pub evidence: Vec<EvidenceId>,
}

/// Whether a claim was seen or concluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClaimKind {
    /// The evidence says so.
    Observed,
    /// It follows from the evidence.
    Inferred,
}

/// One step of the way that trouble took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hop {
    /// Nearer the cause.
    pub from: String,
    /// Nearer the symptom.
    pub to: String,
    /// `call`, `host`, `network` or another relation.
    pub kind: String,
}

/// Who was hit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Impact {
    /// Services that got worse, the cause included.
    #[serde(default)]
    pub services: Vec<String>,
    /// Failed requests at the symptom within the window.
    #[serde(default)]
    pub requests_failed: u64,
}

/// A suspect that was cleared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RuledOut {
    /// A service, a change, or a class of fault.
    pub suspect: String,
    /// Why it is not this.
    pub reason: String,
    /// What the reason rests on.
    pub evidence: Vec<EvidenceId>,
}

/// An incident of before that looks like this one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SeenBefore {
    /// That incident.
    pub incident: IncidentId,
    /// Whether what was its cause shows today.
    pub outcome: Outcome,
    /// What it was, whether that holds today and what differs, in one sentence. Parts of it are from outside.
    pub text: String,
    /// What held it against today.
    pub evidence: EvidenceId,
}

/// What to do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Remediation {
    /// The kind of action.
    pub action: Action,
    /// In words.
    #[serde(default)]
    pub text: String,
}

/// Kinds of action.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Go back to the version before.
    Rollback,
    /// Ship a fix.
    RollForward,
    /// Undo a configuration change.
    ConfigRevert,
    /// Add or move capacity.
    Scale,
    /// Switch to a healthy copy.
    Failover,
    /// Replace a certificate or a credential.
    RotateCertificate,
    /// Switch a feature flag off.
    DisableFlag,
    /// Repair data.
    FixData,
    /// Start it again.
    Restart,
    /// Nothing.
    #[default]
    None,
}

/// Who answers for something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Owner {
    /// Name or handle.
    pub name: String,
    /// The rule that named them: ``label `owner` of inventory``.
    pub rule: String,
    /// How to reach them; empty when unknown.
    #[serde(default)]
    pub contact: String,
}

impl Finding {
    /// Makes a finding that says nothing yet: `inconclusive`, with the reason under missing data.
    pub fn inconclusive(incident: IncidentId, reason: impl Into<String>) -> Self {
        Self {
            incident,
            verdict: Verdict::Inconclusive,
            confidence: 0.0,
            symptom: SymptomFound::default(),
            root_causes: Vec::new(),
            first_failing_service: String::new(),
            propagation: Vec::new(),
            impact: Impact::default(),
            ruled_out: Vec::new(),
            remediation: Remediation::default(),
            owners: Vec::new(),
            seen_before: Vec::new(),
            missing_data: vec![reason.into()],
            follow_ups: Vec::new(),
        }
    }

    /// Returns the JSON schema of a finding; `docs/finding.schema.json` is this.
    pub fn json_schema() -> serde_json::Value {
        schemars::schema_for!(Self).to_value()
    }
}

impl Verdict {
    /// Returns the word used in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Likely => "likely",
            Self::Inconclusive => "inconclusive",
            Self::NoIncident => "no_incident",
        }
    }
}
