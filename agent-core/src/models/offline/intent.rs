//! What a question asks for, by a small grammar over words of both languages.

use std::sync::LazyLock;

use regex::Regex;

use crate::nearest::edits;

/// What a question asks for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Intent {
    /// Why a finding says what it says.
    Why,
    /// That a service is not the cause.
    NotThis,
    /// Requests to look at.
    Traces,
    /// What was changed.
    Changes,
    /// Who answers for it.
    Owner,
    /// What was written to the log.
    Logs,
    /// CPU and memory.
    Resources,
    /// Connections and the network.
    Network,
    /// Where the CPU time goes.
    Profile,
    /// Services above a bound.
    Above(Bound),
    /// How a service is doing.
    Health,
    /// Not understood.
    Unknown,
}

/// A bound that was asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Bound {
    /// A share of failed requests, 0 to 1.
    ErrorRatio(f64),
    /// A 99th percentile, milliseconds.
    LatencyMs(f64),
}

/// An intent, and the words that show it.
type Words = (fn() -> Intent, &'static [&'static str]);

/// Words of each intent, tried in order: the first that matches wins, so the narrow ones stand first.
static WORDS: [Words; 10] = [
    (
        || Intent::Why,
        &[
            "why do you think",
            "why so",
            "how do you know",
            "proof",
            "evidence",
            "为什么这么",
            "依据",
            "证据",
            "怎么知道",
        ],
    ),
    (|| Intent::NotThis, &["it is not", "it's not", "not the cause", "不是"]),
    (|| Intent::Traces, &["trace", "slow request", "slowest", "慢请求", "链路", "调用链"]),
    (|| Intent::Profile, &["profile", "flame", "hot function", "cpu time go", "火焰图", "热点", "剖析"]),
    (
        || Intent::Changes,
        &["change", "deploy", "commit", "release", "rolled out", "变更", "发布", "上线", "提交", "改了"],
    ),
    (|| Intent::Owner, &["who owns", "owner", "who wrote", "whom", "谁负责", "负责人", "谁写"]),
    (|| Intent::Logs, &["log ", "logs", "logged", "log line", "日志"]),
    (|| Intent::Resources, &["cpu", "memory", "resource usage", "内存", "资源"]),
    (|| Intent::Network, &["connection", "network", "packet", "retransmi", "连接", "网络", "丢包", "重传"]),
    (
        || Intent::Health,
        &[
            "slow",
            "latency",
            "error",
            "fail",
            "down",
            "healthy",
            "health",
            "how is",
            "what is wrong",
            "why",
            "status",
            "traffic",
            "requests",
            "ok?",
            "慢",
            "延迟",
            "错误",
            "失败",
            "怎么样",
            "为什么",
            "为何",
            "健康",
            "状态",
            "流量",
        ],
    ),
];

/// `error rate > 1%`, `latency above 100 ms`, `错误率大于 1%`, `延迟超过100毫秒`.
static BOUND: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?x)(?P<what>error|fail|错误|失败|latency|p99|slow|延迟|耗时)
          [^0-9]{0,40}?(?:>=?|＞|above|over|more\ than|\w*er\ than|exceed\w*|超过|大于|高于)
          \s*(?P<n>\d+(?:\.\d+)?)\s*(?P<unit>%|％|ms|毫秒|s|秒)?",
    )
    .ok()
});

impl Intent {
    /// Reads a question. Case does not matter.
    pub(super) fn of(question: &str) -> Self {
        let question = format!("{} ", question.to_lowercase());
        if let Some(bound) = bound(&question) {
            return Self::Above(bound);
        }
        let matches = |words: &[&str]| words.iter().any(|word| has_word_start(&question, word));
        WORDS.iter().find(|(_, words)| matches(words)).map_or(Self::Unknown, |(intent, _)| intent())
    }
}

/// Tells whether `start` stands in `text` where a word begins: `log` begins in `logs`, and not in `catalog`.
fn has_word_start(text: &str, start: &str) -> bool {
    let goes_on = |at: usize| text[..at].ends_with(|c: char| c.is_ascii_alphanumeric());
    let is_ascii = start.starts_with(|c: char| c.is_ascii_alphanumeric());
    text.match_indices(start).any(|(at, _)| !is_ascii || !goes_on(at))
}

fn bound(question: &str) -> Option<Bound> {
    let found = BOUND.as_ref()?.captures(question)?;
    let number: f64 = found.name("n")?.as_str().parse().ok()?;
    let is_about_errors = matches!(found.name("what")?.as_str(), "error" | "fail" | "错误" | "失败");
    Some(match (is_about_errors, found.name("unit").map_or("", |unit| unit.as_str())) {
        (true, "%" | "％") => Bound::ErrorRatio(number / 100.0),
        // Nobody asks for more failures than requests: `error rate > 5` means percent.
        (true, _) if number > 1.0 => Bound::ErrorRatio(number / 100.0),
        (true, _) => Bound::ErrorRatio(number),
        (false, "s" | "秒") => Bound::LatencyMs(number * 1e3),
        (false, _) => Bound::LatencyMs(number),
    })
}

/// Finds the service that a question names: exactly, else the one most like a word of it.
pub(super) fn service_named<'a>(question: &str, services: &[&'a str]) -> Option<&'a str> {
    let question = question.to_lowercase();
    let exact = services.iter().filter(|name| question.contains(&name.to_lowercase()));
    // The longest name wins: `cart-db` over `cart`.
    if let Some(name) = exact.max_by_key(|name| name.len()) {
        return Some(name);
    }
    let words = question.split(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_');
    words
        .filter(|word| word.len() >= 4)
        .flat_map(|word| services.iter().map(move |name| (edits(word, &name.to_lowercase()), *name)))
        .filter(|(edits, name)| *edits * 4 <= name.len())
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(question: &str, want: Intent, service: Option<&str>) {
        assert_eq!(Intent::of(question), want, "{question}");
        let services = ["checkout", "inventory", "payment", "datastore"];
        assert_eq!(service_named(question, &services), service, "{question}");
    }

    #[test]
    fn questions_are_understood_in_both_languages() {
        check("Why do you think so?", Intent::Why, None);
        check("It is not inventory", Intent::NotThis, Some("inventory"));
        check("Show the slow traces of checkout", Intent::Traces, Some("checkout"));
        check("What else changed?", Intent::Changes, None);
        check("show me all services with error rate > 1%", Intent::Above(Bound::ErrorRatio(0.01)), None);
        check("services with latency > 100ms", Intent::Above(Bound::LatencyMs(100.0)), None);
        check("延迟超过 0.2 秒的服务", Intent::Above(Bound::LatencyMs(200.0)), None);
        check("CPU usage for inventory service", Intent::Resources, Some("inventory"));
        check("why is chekout slow?", Intent::Health, Some("checkout"));
        check("为什么不是 datastore?", Intent::NotThis, Some("datastore"));
        check("payment 为什么慢？", Intent::Health, Some("payment"));
        check("还有什么变更？", Intent::Changes, None);
        check("tell me a joke", Intent::Unknown, None);
    }

    #[test]
    fn words_count_from_their_start() {
        check("why is the catalog slow?", Intent::Health, None);
        check("show me the logs of payment", Intent::Logs, Some("payment"));
        check("what did payment log", Intent::Logs, Some("payment"));
        check("is the exchange service down?", Intent::Health, None);
        check("services slower than 100 ms", Intent::Above(Bound::LatencyMs(100.0)), None);
        check("error rate over 5", Intent::Above(Bound::ErrorRatio(0.05)), None);
        check("error rate over 0.05", Intent::Above(Bound::ErrorRatio(0.05)), None);
        check("错误率大于 1%的服务", Intent::Above(Bound::ErrorRatio(0.01)), None);
    }
}
