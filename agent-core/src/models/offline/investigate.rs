//! From ranked suspects to a finding: prove the first one, quote what proves it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::reading::{Reading, place_in_story, quoted};
use crate::{
    EvidenceId, Finding, IncidentId,
    evidence::Topic,
    finding::{
        ChangeBlamed, Claim, ClaimKind, Impact, Owner, Remediation, RootCause, RuledOut, SymptomFound,
        Verdict,
    },
    investigation::SUBMIT_FINDING,
    past_case::{PAST_TOOL, Told, lift, told},
    ports::ToolCall,
    triage::{CONFIRMED, Ranking, SUSPECTS_TOOL, Suspect},
    verify::{DIFF_TOOL, MOST_CONFIDENT, OWNERS_TOOL},
};

/// A probability under which a suspect is not worth a name.
const LIKELY: f64 = 0.45;
/// A card with more claims is not read at 3 a.m.
const MAX_CLAIMS: usize = 6;
/// Tools overlap; the first to say something says it best.
const MAX_CLAIMS_OF_A_TOPIC: usize = 1;

/// Returns what to call next: the tools that the first suspect wants, then the submission.
pub(super) fn next_calls(reading: &Reading<'_>) -> Vec<ToolCall> {
    let told: Vec<Told> = reading.results(PAST_TOOL).last().map(|last| told(&last.data)).unwrap_or_default();
    let ranking = reading.latest::<Ranking>(SUSPECTS_TOOL).map(|(evidence, mut ranking)| {
        lift(&mut ranking, &told);
        (evidence, ranking)
    });
    let proof =
        ranking.iter().filter_map(|(_, ranking)| ranking.suspects.first()).flat_map(|s| proof(reading, s));
    let proof: Vec<_> = proof.collect();
    if !proof.is_empty() {
        return number(proof);
    }
    let finding = match ranking {
        Some((evidence, ranking)) => finding(reading, evidence, ranking),
        None => Finding::inconclusive(IncidentId::default(), unanswered(reading)),
    };
    let mut arguments = serde_json::to_value(finding).unwrap_or(Value::Null);
    if let Some(fields) = arguments.as_object_mut() {
        fields.remove("incident");
    }
    vec![reading.call(SUBMIT_FINDING, arguments)]
}

/// Says why there is no triage: in the words of the refusal, where there is one.
fn unanswered(reading: &Reading<'_>) -> String {
    match reading.refusal_of(SUSPECTS_TOOL, &json!({})) {
        Some(reason) => format!("the triage: {reason}"),
        None => "the triage did not answer".to_owned(),
    }
}

/// Returns the calls that prove or clear a suspect and were not made yet.
fn proof(reading: &Reading<'_>, suspect: &Suspect) -> Vec<ToolCall> {
    let wants = suspect.wants.iter().map(String::as_str);
    let always = ["compare", DIFF_TOOL, OWNERS_TOOL].into_iter();
    let mut calls: Vec<ToolCall> = Vec::new();
    for tool in wants.chain(always) {
        let arguments = match (tool, &suspect.change) {
            (DIFF_TOOL, Some(change)) => json!({ "commit": change.id }),
            (DIFF_TOOL, None) => continue,
            _ if reading.takes_service(tool) => json!({ "service": suspect.service }),
            _ => json!({}),
        };
        if !calls.iter().any(|call| call.name == tool) {
            calls.extend(reading.new_call(tool, arguments));
        }
    }
    calls
}

/// Gives calls of one message ids of their own.
fn number(mut calls: Vec<ToolCall>) -> Vec<ToolCall> {
    for (index, call) in calls.iter_mut().enumerate() {
        call.id = format!("{}_{index}", call.id);
    }
    calls
}

fn finding(reading: &Reading<'_>, triage: EvidenceId, ranking: Ranking) -> Finding {
    let blank = Finding::inconclusive(IncidentId::default(), String::new());
    let ruled_out = ranking.ruled_out.iter().map(|cleared| RuledOut {
        suspect: cleared.suspect.clone(),
        reason: cleared.reason.clone(),
        evidence: vec![triage],
    });
    let base = Finding {
        symptom: ranking.symptom.clone(),
        ruled_out: ruled_out.collect(),
        missing_data: ranking.missing_data.clone(),
        impact: Impact { services: ranking.affected.clone(), requests_failed: ranking.requests_failed },
        ..blank
    };
    if ranking.quiet {
        return Finding {
            verdict: Verdict::NoIncident,
            confidence: 0.9,
            symptom: SymptomFound::default(),
            impact: Impact::default(),
            follow_ups: quiet_questions(reading),
            ..base
        };
    }
    let mut ranking = ranking;
    for suspect in &mut ranking.suspects {
        suspect.confidence = suspect.confidence.min(MOST_CONFIDENT);
    }
    let Some(suspect) = ranking.suspects.first().filter(|suspect| suspect.confidence >= LIKELY) else {
        return Finding { confidence: 0.0, follow_ups: questions(reading, &ranking), ..base };
    };
    let cause = root_cause(reading, triage, suspect);
    let others = ranking.suspects.iter().skip(1).filter(|other| other.confidence >= LIKELY);
    let others: Vec<_> = others.map(|other| root_cause(reading, triage, other)).collect();
    let seen_at_work = cause.claims.iter().filter(|claim| claim.kind == ClaimKind::Observed).count() >= 2;
    let verdict =
        if suspect.confidence >= CONFIRMED && seen_at_work { Verdict::Confirmed } else { Verdict::Likely };
    Finding {
        verdict,
        confidence: suspect.confidence,
        first_failing_service: suspect.service.clone(),
        propagation: ranking.propagation.clone(),
        remediation: Remediation { action: suspect.action, text: suspect.advice.clone() },
        owners: owners(reading),
        follow_ups: questions(reading, &ranking),
        root_causes: std::iter::once(cause).chain(others).collect(),
        ..base
    }
}

fn root_cause(reading: &Reading<'_>, triage: EvidenceId, suspect: &Suspect) -> RootCause {
    let mut facts: Vec<_> = reading.facts();
    // Who answers for it is told apart, and is no proof.
    facts.retain(|(_, fact)| fact.service == suspect.service && fact.topic != Topic::Owner);
    // Of several changes, the one that is blamed is the one to tell of; commits are told by their first seven characters.
    let blamed = suspect.change.as_ref().map(|change| change.id.get(..7).unwrap_or(&change.id));
    let is_of_another = |text: &str| blamed.is_some_and(|id| !text.contains(id));
    facts.sort_by_key(|(_, fact)| (place_in_story(fact.topic), is_of_another(&fact.text)));
    let mut n_of_topic: BTreeMap<Topic, usize> = BTreeMap::new();
    facts.retain(|(_, fact)| {
        let n = n_of_topic.entry(fact.topic).or_default();
        *n += 1;
        *n <= MAX_CLAIMS_OF_A_TOPIC
    });
    let mut claims: Vec<Claim> = facts.into_iter().map(quoted).take(MAX_CLAIMS).collect();
    if claims.len() < MAX_CLAIMS && !suspect.because.is_empty() {
        let text = suspect.because.join("; ");
        claims.push(Claim { text, kind: ClaimKind::Inferred, evidence: vec![triage] });
    }
    let diff_read = |id: &str| {
        reading
            .results(DIFF_TOOL)
            .any(|diff| diff.data.pointer("/commit/id").and_then(Value::as_str) == Some(id))
    };
    let change = suspect.change.as_ref().filter(|change| change.kind != "commit" || diff_read(&change.id));
    RootCause {
        service: suspect.service.clone(),
        resource: suspect.resource.clone(),
        fault_class: suspect.fault_class.clone(),
        confidence: suspect.confidence,
        change: change.map(|change| ChangeBlamed {
            kind: change.kind.clone(),
            id: change.id.clone(),
            diff_read: diff_read(&change.id),
        }),
        claims,
    }
}

fn owners(reading: &Reading<'_>) -> Vec<Owner> {
    let results = reading.results(OWNERS_TOOL).filter_map(|result| result.data.get("owners")).cloned();
    results.filter_map(|owners| serde_json::from_value::<Vec<Owner>>(owners).ok()).flatten().collect()
}

/// Proposes what a person would ask next; the offline model understands all of these.
fn questions(reading: &Reading<'_>, ranking: &Ranking) -> Vec<String> {
    let language = reading.language();
    let mut questions = vec![language.pick("Why do you think so?", "为什么这么认为？").to_owned()];
    if let Some(suspect) = ranking.suspects.first() {
        let service = &suspect.service;
        questions.push(
            language.pick(format!("Show the slow traces of {service}"), format!("看看 {service} 的慢请求")),
        );
        questions.push(language.pick(format!("It is not {service}"), format!("不是 {service}")));
    }
    questions.push(language.pick("What else changed?", "还有什么变更？").to_owned());
    questions
}

fn quiet_questions(reading: &Reading<'_>) -> Vec<String> {
    let language = reading.language();
    let questions = [
        language.pick("What changed?", "有什么变更？"),
        language.pick("Show the slow traces", "看看慢请求"),
        language.pick("Which service uses the most CPU?", "哪个服务最占 CPU？"),
    ];
    questions.map(str::to_owned).to_vec()
}
