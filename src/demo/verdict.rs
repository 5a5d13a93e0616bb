//! Whether a finding names what was injected.

use waggle_agent_core::{Finding, finding::Verdict};
use waggle_chaos::{Fault, named_right};

/// Tells whether the finding names the injected service and fault class first, or `no_incident` when nothing was injected.
pub fn names_the_fault(finding: &Finding, fault: Option<&'static dyn Fault>) -> bool {
    let blames = matches!(finding.verdict, Verdict::Confirmed | Verdict::Likely);
    match (fault, finding.root_causes.first()) {
        (None, _) => finding.verdict == Verdict::NoIncident,
        (Some(fault), Some(cause)) => {
            blames && named_right(&fault.truth(), &cause.service, &cause.fault_class)
        }
        (Some(_), None) => false,
    }
}

#[cfg(test)]
mod tests {
    use waggle_agent_core::{IncidentId, finding::RootCause};
    use waggle_chaos::fault_named;

    use super::*;

    #[test]
    fn a_finding_is_right_only_with_the_right_service_and_class() {
        let fault = fault_named("slow-commit").unwrap();
        let finding = |verdict, service: &str, class: &str| Finding {
            verdict,
            root_causes: vec![RootCause {
                service: service.to_owned(),
                resource: String::new(),
                fault_class: class.to_owned(),
                confidence: 0.9,
                change: None,
                claims: Vec::new(),
            }],
            ..Finding::inconclusive(IncidentId::default(), "")
        };
        assert!(names_the_fault(&finding(Verdict::Likely, "inventory", "slow_code"), fault));
        assert!(!names_the_fault(&finding(Verdict::Likely, "inventory", "packet_loss"), fault));
        assert!(!names_the_fault(&finding(Verdict::Likely, "gateway", "slow_code"), fault));
        assert!(!names_the_fault(&finding(Verdict::Inconclusive, "inventory", "slow_code"), fault));
        assert!(!names_the_fault(&Finding::inconclusive(IncidentId::default(), ""), fault));
        assert!(!names_the_fault(&Finding::inconclusive(IncidentId::default(), ""), None));
    }
}
