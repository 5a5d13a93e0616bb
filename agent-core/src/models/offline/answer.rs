//! From a question to an answer: the calls that it is for, their facts quoted.

use serde_json::{Value, json};

use super::{
    question::{Ask, Known, Question, plan, read},
    quote::{self, Told},
    reading::Reading,
    suggest,
};
use crate::{
    Finding, Language,
    conversation::{Answer, FINDING_CONTEXT},
    finding::Claim,
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
        Ask::Act => suggest::reads_only(language, services),
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
        let answer = suggest::no_tool(language, services);
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
    let ranked = quote::by_usage(reading, question, &calls);
    let new = reading.new_calls(&ranked);
    if !new.is_empty() {
        return Step::Call(new);
    }
    if !ranked.is_empty() {
        calls = ranked;
    }
    Step::Answer(told(reading, question, &calls, services))
}

/// Quotes what the calls returned.
fn told(reading: &Reading<'_>, question: &Question, calls: &[Planned], services: &[&str]) -> Answer {
    let language = reading.language();
    let understood = format!("{}{}", question.told(language), window(reading, question, calls));
    let Told { claims, about, n_more, searched, is_answered } = quote::facts(reading, question, calls);
    let note = match calls.first() {
        Some((tool, arguments)) if !is_answered => {
            let asked = serde_json::to_string(arguments).unwrap_or_default();
            language.pick(
                format!("I asked `{tool}` with `{asked}` and got no answer I can use."),
                format!("我用 `{asked}` 查了 `{tool}`，没有得到可用的结果。"),
            )
        }
        _ if claims.is_empty() => nothing_found(language, question, &searched),
        _ if n_more > 0 => language
            .pick(format!("{n_more} more services are like that."), format!("还有 {n_more} 个这样的服务。")),
        _ if question.ask == Ask::Advice => language
            .pick("I change nothing: a person decides.", "我不会改动任何东西，由人来决定。")
            .to_owned(),
        _ => String::new(),
    };
    let follow_ups = suggest::next_questions(language, question, about.as_deref(), services);
    Answer { understood, note, claims, follow_ups }
}

fn nothing_found(language: Language, question: &Question, searched: &str) -> String {
    let said = match question.ask {
        Ask::Services => language.pick("No service is like that.", "没有这样的服务。"),
        Ask::Changes | Ask::Diff => language.pick("No change of that is known.", "没有查到这样的变更。"),
        Ask::Owner => language.pick("No rule names an owner.", "没有规则指明负责人。"),
        Ask::Past => language.pick("Nothing like this is remembered.", "没有记录过类似的故障。"),
        Ask::Knowledge => language.pick("No document says anything about that.", "没有相关的文档。"),
        Ask::RuledOut => language.pick("Nothing was ruled out yet.", "还没有排除任何对象。"),
        Ask::Advice => language.pick("Nothing is known to do about.", "目前没有需要处理的问题。"),
        _ => language.pick("Nothing notable there.", "没有发现异常。"),
    };
    if searched.is_empty() {
        return said.to_owned();
    }
    language.pick(format!("{said} Searched: {searched}."), format!("{said}查过：{searched}。"))
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
    let claims = finding.ruled_out.iter().take(quote::MAX_CLAIMS).map(|cleared| Claim {
        text: format!("{}: {}", cleared.suspect, cleared.reason),
        kind: crate::finding::ClaimKind::Observed,
        evidence: cleared.evidence.clone(),
    });
    let claims: Vec<_> = claims.collect();
    (!claims.is_empty()).then_some(claims)
}
