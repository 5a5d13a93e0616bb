//! A finding and an answer as short text.

use waggle_agent_core::{Finding, conversation::Answer, finding::Claim};

/// Writes a finding, what matters most first.
pub(crate) fn of_finding(finding: &Finding) -> String {
    let mut lines = vec![format!(
        "{}: {} (confidence {:.2})",
        finding.incident,
        finding.verdict.as_str(),
        finding.confidence
    )];
    if !finding.symptom.text.is_empty() {
        lines.push(format!("symptom: {}", finding.symptom.text));
    }
    for cause in &finding.root_causes {
        lines.push(format!(
            "cause: {} of `{}` (confidence {:.2})",
            cause.fault_class.replace('_', " "),
            cause.service,
            cause.confidence
        ));
        lines.extend(cause.claims.iter().map(of_claim));
    }
    let ruled_out = finding.ruled_out.iter();
    lines.extend(ruled_out.map(|ruled_out| format!("not {}: {}", ruled_out.suspect, ruled_out.reason)));
    if !finding.remediation.text.is_empty() {
        lines.push(format!("do: {} (a person decides)", finding.remediation.text));
    }
    lines.extend(finding.owners.iter().map(|owner| format!("owner: {} by {}", owner.name, owner.rule)));
    let seen = finding.seen_before.iter();
    lines.extend(seen.map(|seen| format!("of before: {} [{}]", seen.text, seen.evidence)));
    lines.extend(finding.missing_data.iter().map(|missing| format!("missing: {missing}")));
    lines.extend(finding.follow_ups.iter().map(|question| format!("ask next: {question}")));
    lines.join("\n")
}

/// Writes an answer.
pub(crate) fn of_answer(answer: &Answer) -> String {
    let mut lines = Vec::new();
    if !answer.note.is_empty() {
        lines.push(answer.note.clone());
    }
    lines.extend(answer.claims.iter().map(of_claim));
    lines.extend(answer.follow_ups.iter().map(|question| format!("ask next: {question}")));
    lines.join("\n")
}

fn of_claim(claim: &Claim) -> String {
    let evidence: Vec<_> = claim.evidence.iter().map(ToString::to_string).collect();
    format!("- {} [{}]", claim.text, evidence.join(", "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_finding_reads_from_verdict_to_next_question() {
        let finding: Finding = serde_json::from_value(json!({
            "incident": "inc-7", "verdict": "likely", "confidence": 0.86,
            "symptom": {"service": "gateway", "signal": "latency_p99", "text": "p99 84 ms to 2.1 s", "onset": ""},
            "root_causes": [{"service": "inventory", "fault_class": "slow_code", "confidence": 0.86, "claims": [
                {"text": "its self time went from 31 ms to 1.98 s", "kind": "observed", "evidence": ["E3", "E6"]}]}],
            "ruled_out": [{"suspect": "network", "reason": "no retransmits", "evidence": ["E5"]}],
            "remediation": {"action": "rollback", "text": "roll inventory back to 41ab07c"},
            "owners": [{"name": "li.na", "rule": "label `owner` of inventory"}],
            "missing_data": ["no profile"], "follow_ups": ["what else changed today?"],
        }))
        .unwrap();
        insta::assert_snapshot!(of_finding(&finding));
    }
}
