//! What was said, in the words that are scored: taken from a finding, or from a trivial rule.

use std::collections::BTreeSet;

use waggle_agent_core::{
    Finding,
    finding::{Action, Verdict},
};

/// What was said of a case.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// What it comes down to.
    pub stance: Stance,
    /// Who is blamed for what, likeliest first; empty unless something is.
    pub causes: Vec<Blamed>,
    /// The category of the first cause in the set's own words; `healthy` when all is well, `unknown` without an answer.
    pub category: String,
    /// The change that is held responsible for the first cause.
    pub change: Option<String>,
    /// The first service to fail; empty when it is not said.
    pub first_failing_service: String,
    /// The services that were hit besides the first and besides the cause.
    pub hit: BTreeSet<String>,
    /// What to do.
    pub remediation: Action,
    /// Everything that a person reads, lowercase.
    pub told: String,
}

/// What an answer comes down to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stance {
    /// It names a cause.
    Blames,
    /// It says that nothing is wrong.
    AllWell,
    /// It says that it does not know.
    #[default]
    Abstains,
}

/// One cause that is named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Blamed {
    /// The service; empty when none is named.
    pub service: String,
    /// The class of fault; empty when none is named.
    pub fault_class: String,
}

/// The category of an answer that names no cause.
pub const NO_CATEGORY: &str = "unknown";
/// The category of an answer that says that nothing is wrong.
pub const HEALTHY: &str = "healthy";

impl Answer {
    /// Takes the answer out of a finding; `category` puts a fault class into the set's own words.
    pub fn of(finding: &Finding, category: fn(&str) -> &str) -> Self {
        let stance = match (finding.verdict, finding.root_causes.first()) {
            (Verdict::NoIncident, _) => Stance::AllWell,
            (Verdict::Confirmed | Verdict::Likely, Some(_)) => Stance::Blames,
            _ => Stance::Abstains,
        };
        let causes: &[_] = if stance == Stance::Blames { &finding.root_causes } else { &[] };
        let first = causes.first();
        let mut hit: BTreeSet<String> = finding.impact.services.iter().cloned().collect();
        hit.extend(finding.propagation.iter().flat_map(|hop| [hop.from.clone(), hop.to.clone()]));
        hit.remove(&finding.first_failing_service);
        if let Some(first) = first {
            hit.remove(&first.service);
        }
        Self {
            stance,
            category: match (stance, first) {
                (Stance::AllWell, _) => HEALTHY.to_owned(),
                (_, Some(first)) => category(&first.fault_class).to_owned(),
                (_, None) => NO_CATEGORY.to_owned(),
            },
            change: first.and_then(|cause| cause.change.as_ref()).map(|change| change.id.clone()),
            causes: causes
                .iter()
                .map(|cause| Blamed {
                    service: cause.service.clone(),
                    fault_class: cause.fault_class.clone(),
                })
                .collect(),
            first_failing_service: finding.first_failing_service.clone(),
            hit,
            remediation: finding.remediation.action,
            told: told(finding),
        }
    }

    /// Tells whether `id` is the change that was blamed: the same, or of a commit a beginning of seven characters or more.
    ///
    /// Flags and deployments are named in full: `checkout` is not `checkout-v2`.
    pub fn blames_change(&self, id: &str) -> bool {
        let is_commit = id.bytes().all(|b| b.is_ascii_hexdigit());
        let starts = |said: &str| is_commit && said.len() >= 7 && id.starts_with(said);
        self.change.as_deref().is_some_and(|said| said == id || starts(said))
    }

    /// Says it in one line, for lists of misses.
    pub fn in_words(&self) -> String {
        match (self.stance, self.causes.first()) {
            (Stance::AllWell, _) => "nothing is wrong".to_owned(),
            (Stance::Blames, Some(first)) => {
                let change = self.change.as_deref().map(|id| format!(", change {id}")).unwrap_or_default();
                let class = if first.fault_class.is_empty() { "" } else { ", " };
                format!("{}{class}{}{change}", first.service, first.fault_class)
            }
            _ => "no answer".to_owned(),
        }
    }
}

/// All texts of a finding that a person reads, a line each, lowercase.
fn told(finding: &Finding) -> String {
    let mut lines = vec![finding.symptom.text.as_str(), finding.remediation.text.as_str()];
    for cause in &finding.root_causes {
        lines.push(&cause.fault_class);
        lines.extend(cause.claims.iter().map(|claim| claim.text.as_str()));
    }
    lines.extend(finding.ruled_out.iter().flat_map(|one| [one.suspect.as_str(), one.reason.as_str()]));
    lines.extend(finding.missing_data.iter().map(String::as_str));
    lines.join("\n").to_lowercase()
}

#[cfg(test)]
mod tests {
    use waggle_agent_core::{
        IncidentId,
        finding::{ChangeBlamed, RootCause},
    };

    use super::*;

    fn finding(verdict: Verdict, causes: &[(&str, &str)]) -> Finding {
        let cause = |(service, class): &(&str, &str)| RootCause {
            service: (*service).to_owned(),
            resource: String::new(),
            fault_class: (*class).to_owned(),
            confidence: 0.5,
            change: Some(ChangeBlamed {
                kind: "commit".to_owned(),
                id: "abcdef0".to_owned(),
                diff_read: true,
            }),
            claims: Vec::new(),
        };
        let mut finding = Finding::inconclusive(IncidentId::default(), "");
        finding.verdict = verdict;
        finding.root_causes = causes.iter().map(cause).collect();
        finding.first_failing_service = "stock".to_owned();
        finding.impact.services = ["stock", "shop", "edge"].map(str::to_owned).into();
        finding
    }

    #[test]
    fn a_finding_blames_only_when_it_is_sure_of_a_cause() {
        let causes: &[(&str, &str)] = &[("stock", "slow_code")];
        for (verdict, causes, stance, category, words) in [
            (Verdict::Likely, causes, Stance::Blames, "code", "stock, slow_code, change abcdef0"),
            (Verdict::Confirmed, &[], Stance::Abstains, "unknown", "no answer"),
            (Verdict::Inconclusive, causes, Stance::Abstains, "unknown", "no answer"),
            (Verdict::NoIncident, &[], Stance::AllWell, "healthy", "nothing is wrong"),
        ] {
            let answer = Answer::of(&finding(verdict, causes), |_| "code");
            assert_eq!(
                (answer.stance, answer.category.as_str(), answer.in_words().as_str()),
                (stance, category, words)
            );
            assert_eq!(answer.change.is_some(), stance == Stance::Blames);
            assert_eq!(answer.hit, ["edge", "shop"].map(str::to_owned).into());
        }
    }

    #[test]
    fn a_change_may_be_named_by_seven_characters_of_it_and_no_fewer() {
        for (said, is_it) in [("abcdef0123", true), ("abcdef0", true), ("abcdef", false), ("abcdef1", false)]
        {
            let answer = Answer { change: Some(said.to_owned()), ..Answer::default() };
            assert_eq!(answer.blames_change("abcdef0123"), is_it, "{said}");
        }
    }

    #[test]
    fn a_flag_is_named_in_full() {
        for (said, is_it) in [("checkout-v2", true), ("checkout", false), ("checkout-v", false)] {
            let answer = Answer { change: Some(said.to_owned()), ..Answer::default() };
            assert_eq!(answer.blames_change("checkout-v2"), is_it, "{said}");
        }
    }
}
