//! Whether a message to the one model asks for an investigation or for an answer.
//!
//! A chat client has no button for an investigation, so it is asked for in words. Only messages that say so plainly
//! count: an investigation takes longer and opens an incident, and any question can be answered without one.

/// What a message asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// To look for what is wrong.
    Investigate {
        /// The service that is named; `None` for all of them.
        service: Option<String>,
    },
    /// To answer the question.
    Answer,
}

/// Openings that ask for an investigation. What follows may only name a service or say when.
const OPENINGS: [&str; 26] = [
    "what is wrong",
    "what's wrong",
    "what’s wrong",
    "whats wrong",
    "what is broken",
    "what's broken",
    "what is going on",
    "what's going on",
    "is anything wrong",
    "is something wrong",
    "investigate",
    "find the root cause",
    "what is the root cause",
    "what's the root cause",
    "root cause",
    "diagnose",
    "triage",
    "出了什么问题",
    "有什么问题",
    "哪里有问题",
    "哪里出问题",
    "出什么事",
    "排查",
    "调查",
    "诊断",
    "根因",
];

/// Politeness before the opening.
const COURTESIES: [&str; 14] = [
    "hi",
    "hello",
    "hey",
    "waggle",
    "please",
    "pls",
    "can you",
    "could you",
    "now",
    "你好",
    "请",
    "帮我",
    "帮忙",
    "麻烦",
];

/// Words that turn the message to something that was said: about that, a question is answered.
const ABOUT_WORDS: [&str; 10] =
    ["answer", "finding", "said", "you think", "your", "evidence", "回答", "结论", "你说", "证据"];

/// Reads a message. `services` are the names that are known; the longest that is in the message is meant.
pub fn wish(message: &str, services: &[String]) -> Wish {
    let message = message.to_lowercase();
    let service = named_service(&message, services);
    let mut rest = message.as_str();
    loop {
        rest = rest.trim_start_matches(|c: char| !c.is_alphanumeric());
        let subject = service.filter(|service| is_chinese_ahead(rest, service));
        let polite = COURTESIES.into_iter().chain(subject).find_map(|word| after_word(rest, word));
        match polite {
            Some(after) => rest = after,
            None => break,
        }
    }
    let asks = OPENINGS.iter().any(|opening| after_word(rest, opening).is_some());
    if !asks || ABOUT_WORDS.iter().any(|word| rest.contains(word)) {
        return Wish::Answer;
    }
    Wish::Investigate { service: service.map(str::to_owned) }
}

/// In Chinese the service stands first: `checkout 出了什么问题`.
fn is_chinese_ahead(rest: &str, service: &str) -> bool {
    rest.strip_prefix(&service.to_lowercase()).is_some_and(|after| !after.is_ascii())
}

fn named_service<'a>(message: &str, services: &'a [String]) -> Option<&'a str> {
    let named = services.iter().filter(|service| {
        let name = service.to_lowercase();
        !name.is_empty() && message.match_indices(&name).any(|(at, _)| is_word(message, at, at + name.len()))
    });
    named.max_by_key(|service| service.len()).map(String::as_str)
}

/// Returns what follows a word at the start of a text, if the word ends there.
fn after_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let word = word.to_lowercase();
    text.starts_with(&word)
        .then_some(word.len())
        .filter(|end| is_word(text, 0, *end))
        .and_then(|end| text.get(end..))
}

/// Tells whether what stands there is not a part of a longer word of the Latin script; Chinese has no blanks.
fn is_word(text: &str, start: usize, end: usize) -> bool {
    let is_inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let (Some(inside), Some(before), Some(after)) =
        (text.get(start..end), text.get(..start), text.get(end..))
    else {
        return false;
    };
    let goes_on_before = inside.starts_with(is_inside) && before.ends_with(is_inside);
    let goes_on_after = inside.ends_with(is_inside) && after.starts_with(is_inside);
    !goes_on_before && !goes_on_after
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn services() -> Vec<String> {
        ["checkout", "checkout-db", "api", "订单服务", ""].map(str::to_owned).into()
    }

    #[test]
    fn an_investigation_is_asked_for_in_plain_words() {
        let cases = [
            ("What is wrong?", Some(None)),
            ("what's wrong with checkout", Some(Some("checkout"))),
            ("Hi Waggle, can you please investigate checkout-db?", Some(Some("checkout-db"))),
            ("Investigate API since 14:05", Some(Some("api"))),
            ("Root cause?", Some(None)),
            ("出了什么问题？", Some(None)),
            ("请帮我排查订单服务", Some(Some("订单服务"))),
            ("checkout 出了什么问题？", Some(Some("checkout"))),
            ("订单服务出了什么问题", Some(Some("订单服务"))),
            ("investigated services", None),
            ("what is wrong with your last answer?", None),
            ("Why is checkout slow?", None),
            ("services with latency > 100ms", None),
            ("do not investigate; just tell me the owner", None),
            ("订单服务为什么慢?", None),
            ("", None),
        ];
        for (message, expected) in cases {
            let expected = expected.map_or(Wish::Answer, |service: Option<&str>| Wish::Investigate {
                service: service.map(str::to_owned),
            });
            assert_eq!(wish(message, &services()), expected, "{message}");
        }
    }

    proptest! {
        #[test]
        fn any_message_is_read(message in "\\PC{0,80}", names in prop::collection::vec("\\PC{0,8}", 0..4)) {
            let read = wish(&message, &names);
            if let Wish::Investigate { service: Some(service) } = read {
                prop_assert!(names.contains(&service));
            }
        }
    }
}
