//! From a question to an answer: the calls that it is for, their facts quoted.

use serde_json::{Value, json};

use super::{
    nothing::{nothing_told, refused},
    question::{Ask, Known, Question, plan, read},
    quote::{self, Told},
    reading::Reading,
    suggest,
    usage::{ByUsage, by_usage},
};
use crate::{
    Finding, Language,
    conversation::{Answer, FINDING_CONTEXT},
    finding::{Claim, ClaimKind, RuledOut},
    investigation::SUBMIT_ANSWER,
    ports::ToolCall,
};

/// A call that answers a question.
type Planned = (&'static str, Value);

/// Returns what to call next: the tools that the question is for, all at once, then the answer.
pub(super) fn next_calls(reading: &Reading<'_>) -> Vec<ToolCall> {
    let services = reading.services();
    let question = read(reading.last_question(), &services);
    let finding = reading.latest::<Finding>(FINDING_CONTEXT).map(|(_, finding)| finding);
    let answer = match without_tools(reading, &question, finding.as_ref(), &services) {
        Some(answer) => answer,
        None => match with_tools(reading, &question, finding.as_ref(), &services) {
            Step::Call(calls) => return calls,
            Step::Answer(answer) => answer,
        },
    };
    vec![reading.call(SUBMIT_ANSWER, serde_json::to_value(answer).unwrap_or(Value::Null))]
}

enum Step {
    Call(Vec<ToolCall>),
    Answer(Answer),
}

/// Answers what needs no telemetry: what can be asked, what a finding says, which service is meant.
fn without_tools(
    reading: &Reading<'_>,
    question: &Question,
    finding: Option<&Finding>,
    services: &[&str],
) -> Option<Answer> {
    let (language, asked) = (reading.language(), reading.last_question());
    let understood = question.told(language);
    let answer = match question.ask {
        Ask::Unknown => suggest::not_understood(language, asked, services),
        Ask::Help => suggest::help(language, services),
        Ask::Act if question.id.is_none() => suggest::reads_only(language, services),
        _ if question.unclear.is_some() || question.unknown.is_some() => {
            return suggest::which_is_meant(language, asked, question, services);
        }
        Ask::WhySo => of_cause(language, finding),
        Ask::Cause if finding.is_some_and(|finding| !finding.root_causes.is_empty()) => {
            of_cause(language, finding)
        }
        Ask::RuledOut => Answer { claims: ruled_out(finding?)?, ..Answer::default() },
        _ => return None,
    };
    Some(Answer { understood, ..answer })
}

fn with_tools(
    reading: &Reading<'_>,
    question: &Question,
    finding: Option<&Finding>,
    services: &[&str],
) -> Step {
    let language = reading.language();
    let cause = finding.and_then(|finding| finding.root_causes.first());
    let change = cause.and_then(|cause| cause.change.as_ref()).filter(|change| change.kind == "commit");
    let known = Known {
        service: cause.map(|cause| cause.service.as_str()),
        commit: change.map(|change| change.id.as_str()),
    };
    let mut calls: Vec<Planned> = Vec::new();
    for wanted in plan(question, known) {
        let can_be_had = wanted.into_iter().find(|(tool, _)| reading.offers(tool));
        calls.extend(can_be_had.filter(|call| !calls.contains(call)));
    }
    if calls.is_empty() {
        let answer = match question.ask {
            Ask::Act => suggest::reads_only(language, services),
            _ => suggest::no_tool(language, services),
        };
        return Step::Answer(Answer { understood: question.told(language), ..answer });
    }
    for (tool, arguments) in &mut calls {
        if arguments.get("service").is_some() || !reading.needs_service(tool) {
            continue;
        }
        let Some(service) = reading.incident_service().filter(|name| services.contains(name)) else {
            let answer = suggest::which_service(language, reading.last_question(), services);
            return Step::Answer(Answer { understood: question.told(language), ..answer });
        };
        if let Some(fields) = arguments.as_object_mut() {
            fields.insert("service".to_owned(), json!(service));
        }
    }
    let new = reading.new_calls(&calls);
    if !new.is_empty() {
        return Step::Call(new);
    }
    // Who uses most is known by now: their own numbers are asked for next.
    let Some(ByUsage { calls: ranked, n_more }) = by_usage(reading, question, &calls) else {
        return Step::Answer(told(reading, question, finding, &calls, services));
    };
    let new = reading.new_calls(&ranked);
    if !new.is_empty() {
        return Step::Call(new);
    }
    let mut answer = told(reading, question, finding, &ranked, services);
    if ranked.is_empty() {
        answer.note = language.pick("No service is like that.", "没有这样的服务。").to_owned();
    } else if n_more > 0 {
        answer.note = language.pick(
            format!("{n_more} more services were measured."),
            format!("另外还有 {n_more} 个服务有数据，未列出。"),
        );
    }
    Step::Answer(answer)
}

/// Quotes what the calls returned.
fn told(
    reading: &Reading<'_>,
    question: &Question,
    finding: Option<&Finding>,
    calls: &[Planned],
    services: &[&str],
) -> Answer {
    let language = reading.language();
    let understood = format!("{}{}", question.told(language), window(reading, question, calls));
    let Told { mut claims, about, n_more, n_ranked, is_answered } = quote::facts(reading, question, calls);
    let is_named_cause = |name: &String| {
        finding.is_some_and(|finding| finding.root_causes.iter().any(|cause| cause.service == *name))
    };
    let is_cause = question.services.iter().any(is_named_cause);
    let mut is_cleared = n_ranked > 0;
    if let Some(finding) = finding.filter(|_| question.ask == Ask::NotThis) {
        let said =
            if is_cause { of_cause(language, Some(finding)).claims } else { cleared(finding, question) };
        is_cleared |= !said.is_empty();
        claims.retain(|claim| !said.iter().any(|known| known.text == claim.text));
        claims.splice(0..0, said);
        claims.truncate(quote::MOST_CLAIMS);
    }
    let nothing = || match is_answered {
        true => nothing_told(reading, question, calls),
        false => refused(reading, calls),
    };
    let note = match question.ask {
        Ask::Act if claims.is_empty() => {
            let space = language.pick(" ", "");
            format!("{}{space}{}", suggest::reads_only(language, services).note, refused(reading, calls))
        }
        Ask::Act => suggest::reads_only(language, services).note,
        _ if claims.is_empty() => nothing(),
        Ask::Services if n_more > 0 => language
            .pick(format!("{n_more} more services are like that."), format!("还有 {n_more} 个这样的服务。")),
        _ if n_more > 0 => {
            language.pick(format!("{n_more} more are not listed."), format!("另有 {n_more} 条未列出。"))
        }
        Ask::Advice => language
            .pick("I change nothing: a person decides.", "我不会改动任何东西，由人来决定。")
            .to_owned(),
        Ask::NotThis if is_cause => language
            .pick("The finding names it as the cause: above is why.", "结论认为就是它，依据如上。")
            .to_owned(),
        Ask::NotThis if !is_cleared => language
            .pick(
                "Nothing has cleared it yet: I looked at it again, and above are its own numbers.",
                "目前还没有排除它：我又查了一遍，以上是它自己的数据。",
            )
            .to_owned(),
        _ => String::new(),
    };
    let follow_ups = suggest::next_questions(language, question, about.as_deref(), services);
    Answer { understood, note, claims, follow_ups }
}

/// Says which time the numbers are of. Tools look at the incident's window, whatever time was asked for.
fn window(reading: &Reading<'_>, question: &Question, calls: &[Planned]) -> String {
    let clock = |moment: &Value| moment.as_str().and_then(|text| text.get(11..19)).map(str::to_owned);
    let range = calls.iter().find_map(|(tool, arguments)| {
        let window = reading.result_of(tool, arguments)?.data.pointer("/windows/window")?;
        Some((clock(window.get("from")?)?, clock(window.get("to")?)?))
    });
    let language = reading.language();
    match (range, question.time.is_some()) {
        (Some((from, to)), false) => {
            language.pick(format!("; seen from {from}Z to {to}Z"), format!("；所看时间：{from}Z 到 {to}Z"))
        }
        (Some((from, to)), true) => language.pick(
            format!("; what I can see of it is from {from}Z to {to}Z"),
            format!("；我能看到的是 {from}Z 到 {to}Z"),
        ),
        (None, true) => {
            language.pick("; I look at the time around the incident", "；我查看的是故障前后的时间").to_owned()
        }
        (None, false) => String::new(),
    }
}

/// Repeats the proof of the finding.
fn of_cause(language: Language, finding: Option<&Finding>) -> Answer {
    let claims =
        finding.iter().flat_map(|finding| &finding.root_causes).take(1).flat_map(|cause| &cause.claims);
    let claims: Vec<Claim> = claims.take(quote::MAX_CLAIMS).cloned().collect();
    let note = if claims.is_empty() {
        language.pick("There is no finding with a cause to explain yet.", "还没有可以解释的结论。").to_owned()
    } else {
        String::new()
    };
    Answer { note, claims, ..Answer::default() }
}

/// Repeats what the finding ruled out; `None` when it ruled out nothing.
fn ruled_out(finding: &Finding) -> Option<Vec<Claim>> {
    let claims: Vec<_> = finding.ruled_out.iter().take(quote::MAX_CLAIMS).map(ruled_out_claim).collect();
    (!claims.is_empty()).then_some(claims)
}

/// Repeats how the finding ruled out the services that are asked about; empty when it did not.
fn cleared(finding: &Finding, question: &Question) -> Vec<Claim> {
    let all = finding.ruled_out.iter();
    let of_named = all.filter(|out| question.services.iter().any(|name| quote::has_name(&out.suspect, name)));
    of_named.take(quote::MAX_CLAIMS).map(ruled_out_claim).collect()
}

fn ruled_out_claim(cleared: &RuledOut) -> Claim {
    Claim {
        text: format!("{}: {}", cleared.suspect, cleared.reason),
        kind: ClaimKind::Observed,
        evidence: cleared.evidence.clone(),
    }
}
