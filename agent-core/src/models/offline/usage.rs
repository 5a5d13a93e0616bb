//! Who uses most: the services ranked by CPU or memory, and the calls for their own numbers.

use serde_json::{Value, json};

use super::{
    question::{Ask, Measure, Order, Question},
    quote::{MAX_CLAIMS, MOST_CLAIMS, is_within, number},
    reading::Reading,
};

/// Who uses most is told of so many services.
const N_RANKED: usize = 3;

/// Services in the order of what they use.
pub(super) struct ByUsage {
    /// Calls about those that use most (or least), one each; empty when none is within the limits.
    pub calls: Vec<(&'static str, Value)>,
    /// How many others were measured and are within the limits.
    pub n_more: usize,
}

/// Ranks the services by what they use; `None` when that is not asked, or was not measured.
pub(super) fn by_usage(
    reading: &Reading<'_>,
    question: &Question,
    calls: &[(&'static str, Value)],
) -> Option<ByUsage> {
    let is_asked = question.ask == Ask::Usage && question.services.is_empty();
    let (_, arguments) = calls.first().filter(|(tool, _)| is_asked && *tool == "processes")?;
    let result = reading.result_of("processes", arguments)?;
    let ranked = Question {
        measure: Some(question.measure.unwrap_or(Measure::Cpu)),
        order: Some(question.order.unwrap_or(Order::Most)),
        ..question.clone()
    };
    let rows = result.data.get("services").and_then(Value::as_array);
    let measured = |measure| move |row: &&Value| number(row, measure).is_some();
    let n_measured =
        rows.into_iter().flatten().filter(measured(ranked.measure.unwrap_or(Measure::Cpu))).count();
    if n_measured == 0 {
        return None;
    }
    // Who asks for a limit asks for all that are beyond it, who asks for an end of the list for a few.
    let usual = match (question.bounds.is_empty(), question.order) {
        (false, _) => MOST_CLAIMS,
        (true, Some(_)) => N_RANKED,
        (true, None) => MAX_CLAIMS,
    };
    let n = question.top_n.unwrap_or(usual).min(MOST_CLAIMS);
    let names = usage_order(&ranked, &result.data);
    let n_more = names.len().min(question.top_n.unwrap_or(usize::MAX)).saturating_sub(n);
    let calls = names.into_iter().take(n).map(|name| ("processes", json!({ "service": name })));
    Some(ByUsage { calls: calls.collect(), n_more })
}

fn usage_order(question: &Question, data: &Value) -> Vec<String> {
    let measure = question.measure.unwrap_or(Measure::Cpu);
    let rows = data.get("services").and_then(Value::as_array);
    let named = rows
        .into_iter()
        .flatten()
        .filter_map(|row| Some((number(row, measure)?, row.get("service")?.as_str()?)));
    let mut named: Vec<_> = named
        .filter(|(value, _)| {
            question.bounds.iter().all(|bound| bound.measure != measure || is_within(bound, Some(*value)))
        })
        .collect();
    named.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    if question.order == Some(Order::Least) {
        named.reverse();
    }
    named.into_iter().map(|(_, name)| name.to_owned()).collect()
}
