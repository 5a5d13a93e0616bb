//! Measures, values and verdicts in words.

use waggle_agent_core::Language;
use waggle_analysis::{deploy::Aspect, quantity};

use crate::report::Row;

/// Characters of a foreign text that are shown.
const MAX_CHARS: usize = 120;
/// Characters of a foreign sentence that are shown.
const MAX_SENTENCE: usize = 400;

/// Names a measure.
pub(crate) fn measure(aspect: Aspect, language: Language) -> &'static str {
    let (en, zh) = match aspect {
        Aspect::ErrorRate => ("error rate", "错误率"),
        Aspect::P50 => ("p50 latency", "p50 延迟"),
        Aspect::P90 => ("p90 latency", "p90 延迟"),
        Aspect::P99 => ("p99 latency", "p99 延迟"),
        Aspect::Calls => ("calls per request", "每请求调用数"),
        Aspect::ErrorLogs => ("error lines per request", "每请求错误日志数"),
        Aspect::Cpu => ("CPU per request", "每请求 CPU"),
        Aspect::CpuWait => ("wait for CPU per request", "每请求等待 CPU"),
        Aspect::Memory => ("memory per process", "每进程内存"),
    };
    language.pick(en, zh)
}

/// Writes a value of a measure with its unit.
pub(crate) fn value(aspect: Aspect, value: f64) -> String {
    match aspect {
        Aspect::ErrorRate => quantity::percent(value),
        Aspect::P50 | Aspect::P90 | Aspect::P99 | Aspect::Cpu | Aspect::CpuWait => quantity::ms(value),
        Aspect::Calls | Aspect::ErrorLogs => quantity::number(value),
        Aspect::Memory => quantity::bytes(value),
    }
}

/// Writes a value that may not be known.
pub(crate) fn value_or_dash(aspect: Aspect, known: Option<f64>) -> String {
    known.map_or_else(|| "–".to_owned(), |known| value(aspect, known))
}

/// Writes a change: points for shares, a percentage for the rest, a difference where there was nothing before.
pub(crate) fn change(row: &Row, language: Language) -> String {
    let Some(after) = row.after else { return "–".to_owned() };
    let added = after - row.before;
    let sign = if added < 0.0 { "-" } else { "+" };
    let size = added.abs();
    match row.measure {
        Aspect::ErrorRate => {
            format!("{sign}{} {}", quantity::number(size * 100.0), language.pick("points", "个百分点"))
        }
        _ if row.before > 0.0 => format!("{sign}{}", quantity::percent(size / row.before)),
        aspect => format!("{sign}{}", value(aspect, size)),
    }
}

/// Names the endpoint of a row, or the whole.
pub(crate) fn endpoint(row: &Row, language: Language) -> String {
    match &row.endpoint {
        Some(endpoint) => format!("`{}`", quote(endpoint)),
        None => language.pick("all", "全部").to_owned(),
    }
}

/// Cuts an untrusted text to one short line that can stand between backticks in a cell of a table.
pub(crate) fn quote(text: &str) -> String {
    one_line(text).replace('|', "\\|")
}

/// Cuts an untrusted text to one short line without backticks.
pub(crate) fn one_line(text: &str) -> String {
    cut(text, MAX_CHARS)
}

/// As [`one_line`], with room for a sentence.
pub(crate) fn sentence(text: &str) -> String {
    cut(text, MAX_SENTENCE)
}

fn cut(text: &str, max: usize) -> String {
    let line = text.lines().next().unwrap_or_default();
    let kept = line.chars().filter(|c| !c.is_control()).take(max);
    let text: String = kept.map(|c| if c == '`' { '\'' } else { c }).collect();
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::quote;

    proptest! {
        #[test]
        fn a_quote_never_ends_its_line_its_quote_or_its_cell(text in any::<String>()) {
            let quoted = quote(&text);
            prop_assert!(!quoted.contains(['\n', '\r', '`']));
            prop_assert_eq!(quoted.matches('|').count(), quoted.matches("\\|").count());
        }
    }
}
