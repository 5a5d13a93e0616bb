//! What is said where no fact answers: that there is none of that, that nothing stands out, that nothing was recorded, or why a
//! call was refused.

use serde_json::Value;

use super::{
    question::{Ask, Question},
    reading::Reading,
};
use crate::{Language, toolbox::EMPTY};

/// Says what came of calls whose results state nothing.
pub(super) fn nothing_told(
    reading: &Reading<'_>,
    question: &Question,
    calls: &[(&'static str, Value)],
) -> String {
    let language = reading.language();
    let results: Vec<_> = calls
        .iter()
        .filter_map(|(tool, arguments)| Some((*tool, &reading.result_of(tool, arguments)?.data)))
        .collect();
    let had_rows = results.iter().any(|(tool, data)| had_rows(tool, data));
    let said = match question.ask {
        Ask::Services => language.pick("No service is like that.", "没有这样的服务。"),
        Ask::Changes | Ask::Diff => language.pick("No change of that is known.", "没有查到这样的变更。"),
        Ask::Owner => language.pick("No rule names an owner.", "没有规则指明负责人。"),
        Ask::Past => language.pick("Nothing like this is remembered.", "没有记录过类似的故障。"),
        Ask::Knowledge => language.pick("No document says anything about that.", "没有相关的文档。"),
        Ask::RuledOut => language.pick("Nothing was ruled out yet.", "还没有排除任何对象。"),
        Ask::Advice => language.pick("Nothing is known to do about.", "目前没有需要处理的问题。"),
        Ask::Traces if question.failed => language.pick("No request failed.", "没有失败的请求。"),
        Ask::Traces if !question.bounds.is_empty() => {
            language.pick("No request is like that.", "没有这样的请求。")
        }
        Ask::FirstErrors => language.pick("No new kind of error came up.", "没有出现新的错误。"),
        _ if had_rows => language.pick("Nothing stands out there.", "没有发现异常。"),
        _ => language.pick("Nothing of that is recorded.", "没有这方面的记录。"),
    };
    let searched = match language {
        Language::En => {
            results.iter().find_map(|(_, data)| data.get("searched")?.as_str()).unwrap_or_default().to_owned()
        }
        Language::Zh => {
            let mut sources: Vec<&str> = results.iter().filter_map(|(tool, _)| source_zh(tool)).collect();
            sources.dedup();
            sources.join("、")
        }
    };
    if searched.is_empty() {
        return said.to_owned();
    }
    language.pick(format!("{said} Searched: {searched}."), format!("{said}查过：{searched}。"))
}

/// Says which call was refused and why; empty when none was.
pub(super) fn refused(reading: &Reading<'_>, calls: &[(&'static str, Value)]) -> String {
    let reason =
        calls.iter().find_map(|(tool, arguments)| Some((tool, reading.refusal_of(tool, arguments)?)));
    let language = reading.language();
    match (reason, calls.first()) {
        (Some((tool, reason)), _) => {
            let reason = reason.trim_end_matches('.');
            language.pick(
                format!("`{tool}` could not answer: {reason}."),
                format!("`{tool}` 无法回答，原因：{reason}。"),
            )
        }
        (None, Some((tool, arguments))) => {
            let asked = serde_json::to_string(arguments).unwrap_or_default();
            language.pick(
                format!("I asked `{tool}` with `{asked}` and got no answer I can use."),
                format!("我用 `{asked}` 查了 `{tool}`，没有得到可用的结果。"),
            )
        }
        (None, None) => String::new(),
    }
}

/// Tells whether a tool found anything that it could have spoken of.
fn had_rows(tool: &str, data: &Value) -> bool {
    match (tool, data.get("services").and_then(Value::as_array)) {
        // Nothing out of its range is empty too: whether enough was measured is said by the ranking beside it.
        ("anomalies", _) => false,
        // Calls alone say nothing of the network, unless both ends of one were seen.
        ("network_edges", _) => data.get("edges").and_then(Value::as_array).is_some_and(|edges| {
            let mut states = edges.iter().flat_map(|edge| [edge.get("before"), edge.get("after")]).flatten();
            let counts = ["connections_per_s", "retransmits_per_s", "connect_failures_per_s"];
            states.any(|state| {
                state.get("gap_ms").is_some_and(Value::is_number)
                    || counts.iter().filter_map(|count| state.get(*count)).any(has_number)
            })
        }),
        ("suspects", _) => data.get("quiet").and_then(Value::as_bool) == Some(true),
        (_, Some(rows)) => rows.iter().any(has_number),
        (_, None) => data.get(EMPTY).and_then(Value::as_bool) != Some(true),
    }
}

/// Tells whether anything in a row is more than zero.
fn has_number(row: &Value) -> bool {
    match row {
        Value::Number(number) => number.as_f64().is_some_and(|number| number != 0.0),
        Value::Array(values) => values.iter().any(has_number),
        Value::Object(fields) => fields.values().any(has_number),
        Value::Null | Value::Bool(_) | Value::String(_) => false,
    }
}

/// Names in Chinese what a tool searches; `None` for one that is not known here.
fn source_zh(tool: &str) -> Option<&'static str> {
    Some(match tool {
        "anomalies" => "所有服务的请求量、错误率、延迟、错误日志、CPU 和内存",
        "attribution" | "compare" | "find_traces" | "slow_traces" | "critical_path" | "trace_diff" => {
            "请求的链路"
        }
        "connections" | "network_edges" => "TCP 流",
        "dependencies" | "service_map" | "walk" => "服务间的调用",
        "events" | "process_activity" => "进程事件",
        "file_activity" => "文件事件",
        "first_errors" => "错误日志和失败的请求",
        "forecast" | "metrics" | "processes" => "指标",
        "golden_signals" => "请求和进程指标",
        "kubernetes_dependencies" | "kubernetes_describe" | "kubernetes_get" => "集群对象",
        "kubernetes_events" => "集群事件",
        "log_diff" | "log_templates" | "logs" | "pod_logs" => "日志",
        "owners" => "负责人标签和 CODEOWNERS",
        "past_incidents" => "历史故障",
        "profile_diff" | "profile_top" => "CPU 剖析",
        "read_diff" => "代码仓库",
        "recent_changes" => "变更记录",
        "search_knowledge" => "文档",
        "show_trace" => "链路",
        "suspects" => "故障排查结果",
        _ => return None,
    })
}
