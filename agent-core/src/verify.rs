//! Refuses what the evidence does not say. Verification only ever lowers confidence.

mod blame;
mod proof;

use std::collections::BTreeMap;

use serde_json::Value;
use waggle_signals::Timestamp;

use proof::{is_measured, is_of_now, rests_on_fact};

use crate::{
    Evidence, EvidenceId, Finding,
    finding::{Claim, ClaimKind, Impact, Remediation, RootCause, Verdict},
    follow_ups::fit_to_show,
    grounding::Ground,
    past_case::PAST_TOOL,
    prompts,
    triage::SUSPECTS_TOOL,
};

/// Name of the tool that reads a commit's diff. Its result has the full id under `/commit/id`.
pub const DIFF_TOOL: &str = "read_diff";
/// Name of the tool that lists changes. Its result has `changes: [{service, id, kind, at, after_onset}]`.
pub const CHANGES_TOOL: &str = "recent_changes";
/// Name of the tool that names owners. Its argument is `service`, its result has `owners: [{name, rule, contact}]`.
pub const OWNERS_TOOL: &str = "owners";

/// Tools that tell of other days and of what was written down: none of it proves what is now.
const OF_OTHER_DAYS: [&str; 3] = [PAST_TOOL, "search_knowledge", "read_document"];
/// The tool whose query may have any number in it.
const SQL_TOOL: &str = "sql";

/// The most that a first root cause is worth which no suspect of the triage stands for: one reading against another.
pub const UNSUSPECTED: f64 = 0.6;

/// Two windows of telemetry never prove more than this, whoever says so.
pub const MOST_CONFIDENT: f64 = 0.95;

/// The fault class of what no known fault fits.
const UNKNOWN: &str = "unknown";

/// A finding after verification.
#[derive(Clone, Debug, PartialEq)]
pub struct Verified {
    /// What is left of the finding: everything in it holds.
    pub finding: Finding,
    /// What was wrong with it, for the model to repair; empty when all held.
    pub problems: Vec<String>,
}

/// Drops from `finding` what the evidence does not say, and lowers the verdict where too little is left.
///
/// - A claim must cite evidence that exists, and its numbers, times and names must occur in it.
/// - What was asked proves nothing: what a result says it searched for, and numbers of an SQL query.
/// - Past incidents and documents alone prove no cause, and make no class, symptom or onset seen.
/// - All other text and numbers, apart from follow-up questions, must occur in any evidence.
/// - A commit may be blamed only if its diff was read and it was live in that very service before the onset.
/// - Classes of fault, signals and ways of spreading must stand in some evidence word for word.
/// - An owner may be named only by a rule that a tool stated for the first root cause.
/// - `no_incident` is left only to a triage that was quiet.
/// - What was said about a first root cause that falls, falls with it: what to do, who owns it, how it spread.
/// - A root cause that the triage did not suspect needs a claim that says something measured of it, in a tool's own words: what
///   others write, into a log or a commit, proves nothing. It is `likely` at most, and no surer than [`UNSUSPECTED`].
/// - A first root cause of which no claim restates a fact is no surer than the triage was of it.
/// - Nothing repeats the standing instructions; follow-up questions are few and short.
/// - `names` are the services that are known; a root cause must be one of them.
pub fn verify(finding: Finding, evidence: &BTreeMap<EvidenceId, Evidence>, names: &[String]) -> Verified {
    let mut check = Check::new(evidence, names);
    let mut finding = finding;
    let n_claims = n_claims(&finding);

    check.verdict(&mut finding);
    finding.confidence = probability(finding.confidence);
    let kept: Vec<bool> = finding.root_causes.iter_mut().map(|cause| check.keep_cause(cause)).collect();
    let first_fell = kept.first() == Some(&false);
    let mut is_kept = kept.into_iter();
    finding.root_causes.retain(|_| is_kept.next().unwrap_or(false));
    finding.ruled_out.retain(|ruled_out| {
        check.holds(
            "ruled-out reason",
            &format!("{}: {}", ruled_out.suspect, ruled_out.reason),
            &ruled_out.evidence,
        )
    });
    check.blank_unless_seen("symptom", &mut finding.symptom.text);
    check.blank_unless_word_seen("symptom signal", &mut finding.symptom.signal);
    check.onset(&mut finding.symptom.onset);
    check.blank_unless_known("symptom service", &mut finding.symptom.service);
    check.blank_unless_known("first failing service", &mut finding.first_failing_service);
    finding.propagation.retain_mut(|hop| {
        check.blank_unless_word_seen("propagation", &mut hop.kind);
        check.is_known("propagation", &hop.from) && check.is_known("propagation", &hop.to)
    });
    check.impact(&mut finding.impact);
    check.blank_unless_seen("remediation", &mut finding.remediation.text);
    finding.missing_data.retain(|missing| check.is_seen("missing data", missing));

    if first_fell {
        finding.first_failing_service.clear();
        finding.propagation.clear();
        finding.remediation = Remediation::default();
        finding.owners.clear();
    }
    let blamed = finding.root_causes.first().map(|cause| cause.service.clone()).unwrap_or_default();
    finding.owners.retain_mut(|owner| check.keep_owner(owner, &blamed));

    finding.follow_ups = fit_to_show(finding.follow_ups);

    lower(&mut finding, n_claims);
    check.doubt_what_was_not_suspected(&mut finding);
    Verified { finding, problems: check.problems }
}

/// Keeps the claims whose evidence says what they say.
pub fn holding_claims(
    claims: Vec<Claim>,
    evidence: &BTreeMap<EvidenceId, Evidence>,
    names: &[String],
) -> Vec<Claim> {
    let mut check = Check::new(evidence, names);
    let holding = claims.into_iter().filter(|claim| check.holds("claim", &claim.text, &claim.evidence));
    holding.collect()
}

/// Lowers verdict and confidence to what is left.
fn lower(finding: &mut Finding, n_claims_before: usize) {
    let n_kept = n_claims(finding);
    if n_kept < n_claims_before {
        finding.confidence *= n_kept as f64 / n_claims_before as f64;
        if finding.verdict == Verdict::Confirmed {
            finding.verdict = Verdict::Likely;
        }
    }
    let blames = matches!(finding.verdict, Verdict::Confirmed | Verdict::Likely);
    if blames && finding.root_causes.is_empty() {
        finding.verdict = Verdict::Inconclusive;
        finding.confidence = 0.0;
        finding.remediation = Remediation::default();
        finding.missing_data.push("no root cause was left that its evidence proves".to_owned());
    }
    if finding.verdict == Verdict::Inconclusive {
        finding.confidence = 0.0;
    }
    let observed = |cause: &RootCause| cause.claims.iter().any(|claim| claim.kind == ClaimKind::Observed);
    if finding.verdict == Verdict::Confirmed && !finding.root_causes.first().is_some_and(observed) {
        finding.verdict = Verdict::Likely;
    }
    if let Some(first) = finding.root_causes.first() {
        finding.confidence = finding.confidence.min(first.confidence);
    }
    for cause in &mut finding.root_causes {
        cause.confidence = cause.confidence.min(finding.confidence);
    }
}

fn n_claims(finding: &Finding) -> usize {
    finding.root_causes.iter().map(|cause| cause.claims.len()).sum()
}

/// NaN and what lies outside become a probability, and certainty what is next to it.
fn probability(value: f64) -> f64 {
    if value.is_nan() { 0.0 } else { value.clamp(0.0, MOST_CONFIDENT) }
}

struct Check<'a> {
    evidence: &'a BTreeMap<EvidenceId, Evidence>,
    names: &'a [String],
    /// What each piece of evidence says, read when it is first cited.
    grounds: BTreeMap<EvidenceId, Ground>,
    problems: Vec<String>,
}

// === impl Check ===

impl<'a> Check<'a> {
    fn new(evidence: &'a BTreeMap<EvidenceId, Evidence>, names: &'a [String]) -> Self {
        Self { evidence, names, grounds: BTreeMap::new(), problems: Vec::new() }
    }

    fn verdict(&mut self, finding: &mut Finding) {
        let blames = matches!(finding.verdict, Verdict::Confirmed | Verdict::Likely);
        if !blames && !finding.root_causes.is_empty() {
            self.problems.push(format!("verdict `{}` goes with no root cause", finding.verdict.as_str()));
            finding.root_causes.clear();
        }
        let triage = self.results_of(SUSPECTS_TOOL).last();
        let quiet = triage.and_then(|triage| triage.get("quiet")).and_then(Value::as_bool);
        if finding.verdict == Verdict::NoIncident && quiet != Some(true) {
            let why = match quiet {
                Some(_) => format!("`{SUSPECTS_TOOL}` did not find that all is quiet"),
                None => format!("no result of `{SUSPECTS_TOOL}` says that all is quiet"),
            };
            self.problems.push(format!("verdict `no_incident`, but {why}"));
            finding.verdict = Verdict::Inconclusive;
            finding.confidence = 0.0;
        }
    }

    fn keep_cause(&mut self, cause: &mut RootCause) -> bool {
        cause.confidence = probability(cause.confidence);
        if !self.is_known("root cause", &cause.service) {
            return false;
        }
        if let Some(change) = &mut cause.change
            && let Some(problem) = self.why_not_blame(change, &cause.service)
        {
            self.problems.push(problem);
            cause.change = None;
        }
        if cause.fault_class != UNKNOWN && !self.is_word_seen("fault class", &cause.fault_class) {
            cause.fault_class = UNKNOWN.to_owned();
        }
        self.blank_unless_word_seen("resource", &mut cause.resource);
        cause.claims.retain(|Claim { text, evidence, .. }| self.holds("claim", text, evidence));
        let is_of_now = |claim: &Claim| claim.evidence.iter().any(|id| self.is_of_now(*id));
        if !cause.claims.is_empty() && !cause.claims.iter().any(is_of_now) {
            self.problems
                .push(format!("root cause `{}` rests on other days and documents alone", cause.service));
            cause.claims.clear();
            return false;
        }
        if cause.claims.is_empty() {
            self.problems.push(format!("root cause `{}` has no claim that holds", cause.service));
            return false;
        }
        let is_suspected = self.suspected(&cause.service).is_none_or(|confidence| confidence.is_some());
        if !is_suspected && !rests_on_fact(cause, self.evidence, is_measured) {
            self.problems.push(format!(
                "root cause `{0}` is no suspect, and no claim says what was measured of it: cite a fact about `{0}`",
                cause.service
            ));
            return false;
        }
        true
    }

    /// Tells whether everything in `text` is in the evidence it cites.
    fn holds(&mut self, what: &str, text: &str, cited: &[EvidenceId]) -> bool {
        if cited.is_empty() {
            self.problems.push(format!("{what} cites no evidence: \"{text}\""));
            return false;
        }
        let unknown = cited.iter().find(|id| !self.evidence.contains_key(id));
        if let Some(id) = unknown {
            self.problems.push(format!("{what} cites {id}, which does not exist: \"{text}\""));
            return false;
        }
        let ids: Vec<_> = cited.iter().map(ToString::to_string).collect();
        self.is_said_by(what, text, cited, &ids.join(", "))
    }

    /// Tells whether a piece of evidence tells of this incident's time.
    fn is_of_now(&self, id: EvidenceId) -> bool {
        self.evidence.get(&id).is_some_and(|evidence| !OF_OTHER_DAYS.contains(&evidence.tool.as_str()))
    }

    /// Tells whether everything in `text` is in some evidence.
    fn is_seen(&mut self, what: &str, text: &str) -> bool {
        let all: Vec<_> = self.evidence.keys().copied().filter(|id| self.is_of_now(*id)).collect();
        self.is_said_by(what, text, &all, "the evidence")
    }

    fn is_said_by(&mut self, what: &str, text: &str, ids: &[EvidenceId], by: &str) -> bool {
        let mut ground = Ground::default();
        for id in ids {
            if let Some(evidence) = self.evidence.get(id) {
                ground.add_ground(self.grounds.entry(*id).or_insert_with(|| ground_of(evidence)));
            }
        }
        self.evidence.keys().for_each(|id| ground.add_id(*id));
        if prompts::are_told_in(text) {
            self.problems.push(format!("{what} repeats the instructions"));
            return false;
        }
        let missing: Vec<_> = ground.missing(text, self.names).into_iter().map(|missing| missing.0).collect();
        if !missing.is_empty() {
            let missing = missing.join(", ");
            self.problems.push(format!("{what} says {missing}, which {by} does not: \"{text}\""));
        }
        missing.is_empty()
    }

    /// Blanks a text that says something which no evidence says.
    fn blank_unless_seen(&mut self, what: &str, text: &mut String) {
        if !text.is_empty() && !self.is_seen(what, text) {
            text.clear();
        }
    }

    /// Tells whether some evidence has `word` as it is.
    fn is_word_seen(&mut self, what: &str, word: &str) -> bool {
        let evidence = self.evidence;
        let of_now = evidence.iter().filter(|(_, evidence)| !OF_OTHER_DAYS.contains(&evidence.tool.as_str()));
        let mut of_now = of_now;
        let is_named = of_now
            .any(|(id, evidence)| self.grounds.entry(*id).or_insert_with(|| ground_of(evidence)).names(word));
        if !is_named {
            self.problems.push(format!("{what} `{word}` is in no evidence"));
        }
        is_named
    }

    /// Blanks a word that no evidence has as it is.
    fn blank_unless_word_seen(&mut self, what: &str, word: &mut String) {
        if !word.is_empty() && !self.is_word_seen(what, word) {
            word.clear();
        }
    }

    fn onset(&mut self, onset: &mut String) {
        if !onset.is_empty() && onset.parse::<Timestamp>().is_err() {
            self.problems.push(format!("onset \"{onset}\" is no RFC 3339 time"));
            onset.clear();
        }
        self.blank_unless_seen("onset", onset);
    }

    fn impact(&mut self, impact: &mut Impact) {
        impact.services.retain(|service| self.is_known("impact", service));
        let failed = impact.requests_failed;
        if failed > 0 && !self.is_seen("impact", &format!("{failed} requests failed")) {
            impact.requests_failed = 0;
        }
    }

    fn blank_unless_known(&mut self, what: &str, service: &mut String) {
        if !service.is_empty() && !self.is_known(what, service) {
            service.clear();
        }
    }

    fn is_known(&mut self, what: &str, service: &str) -> bool {
        let known = self.names.iter().any(|name| name == service);
        if !known {
            self.problems.push(format!("{what} names `{service}`, which is no known service"));
        }
        known
    }

    /// Returns how sure the triage is of a service: the inner `None` when it does not suspect it, the outer one when there was no
    /// triage.
    fn suspected(&self, service: &str) -> Option<Option<f64>> {
        let triage = self.results_of(SUSPECTS_TOOL).last()?;
        let mut suspects = triage.get("suspects").and_then(Value::as_array).into_iter().flatten();
        let suspect =
            suspects.find(|suspect| suspect.get("service").and_then(Value::as_str) == Some(service));
        Some(suspect.map(|suspect| suspect.get("confidence").and_then(Value::as_f64).unwrap_or(UNSUSPECTED)))
    }

    /// Lowers a first root cause at a service that the triage looked at and did not suspect, and one that rests on words alone.
    fn doubt_what_was_not_suspected(&self, finding: &mut Finding) {
        let Some(first) = finding.root_causes.first_mut() else { return };
        let most = match self.suspected(&first.service) {
            None => return,
            Some(None) => UNSUSPECTED,
            Some(Some(_)) if rests_on_fact(first, self.evidence, is_of_now) => return,
            Some(Some(confidence)) => confidence,
        };
        first.confidence = first.confidence.min(most);
        finding.confidence = finding.confidence.min(first.confidence);
        if finding.verdict == Verdict::Confirmed {
            finding.verdict = Verdict::Likely;
        }
    }

    fn results_of(&self, tool: &'static str) -> impl Iterator<Item = &'a Value> + use<'a> {
        self.evidence.values().filter(move |evidence| evidence.tool == tool).map(|evidence| &evidence.data)
    }
}

/// Reads what a piece of evidence says. What it says it searched for is the asker's word and not its own.
fn ground_of(evidence: &Evidence) -> Ground {
    let mut data = evidence.data.clone();
    if let Some(fields) = data.as_object_mut() {
        fields.remove("searched");
    }
    let said = evidence.text.split("searched: ").next().unwrap_or_default();
    let mut ground = Ground::default();
    ground.add(&data, said);
    if evidence.tool == SQL_TOOL {
        ground.remove_numbers_of(&evidence.arguments.to_string());
    }
    ground.add_arguments(&evidence.arguments);
    ground
}
