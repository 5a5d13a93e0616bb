//! Questions in English and Chinese, read by a grammar: no model, no guess that is not told.
//!
//! A question is brought into one spelling, cut into tokens (meanings, services, numbers, times, ids), and what is left
//! decides by a table of rules what is asked. Words are data.
//!
//! # Layout
//!
//! - [`normal`], [`stem`], [`units`]: one spelling, one form of a word, numbers with units.
//! - [`sense`], [`lexicon`] and `words.txt`: what words mean. [`names`]: which services they name.
//! - [`tokens`]: the lexer. [`times`], [`bounds`]: phrases of time and of limits. [`rules`]: what is asked.
//! - [`told`]: the question said back in one line. [`plan`]: the calls that answer it.

mod bounds;
mod lexicon;
mod names;
mod normal;
mod plan;
mod rules;
mod sense;
mod stem;
#[cfg(test)]
mod tests;
mod times;
mod tokens;
mod told;
mod units;

use self::{
    sense::Sense,
    tokens::{Token, What},
};

pub(super) use self::{
    bounds::{Bound, Measure, Side},
    plan::{Known, plan},
    rules::{Ask, ROUTE},
    sense::Kind,
};
use self::{names::Named, times::Time};

/// A question, read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Question {
    /// What is asked.
    pub ask: Ask,
    /// Services that it names, in the order of mention; all exist.
    pub services: Vec<String>,
    /// A name that several services answer to, and those.
    pub unclear: Option<(String, Vec<String>)>,
    /// A name that no service has, and services that may be meant.
    pub unknown: Option<(String, Vec<String>)>,
    /// What is measured.
    pub measure: Option<Measure>,
    /// Limits that hold together.
    pub bounds: Vec<Bound>,
    /// Which end of the measure is asked for.
    pub order: Option<Order>,
    /// At most so many rows.
    pub top_n: Option<usize>,
    /// When.
    pub time: Option<Time>,
    /// By what requests are told apart.
    pub group_by: Option<&'static str>,
    /// Kind of object in a cluster.
    pub kind: Option<Kind>,
    /// A commit, a trace, or an object of a cluster.
    pub id: Option<String>,
    /// Words to search for.
    pub words: Option<String>,
    /// Only what failed.
    pub failed: bool,
}

/// Who may suffer from an incident without being a service.
const PEOPLE: [&str; 8] = ["user", "users", "account", "accounts", "用户", "账户", "账号", "会员"];

/// Which end of a measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Most,
    Least,
}

/// Reads a question about these services.
pub(super) fn read(question: &str, services: &[&str]) -> Question {
    let text = normal::normal(question);
    let mut tokens = tokens::tokens(&text, services);
    let mut named = names::name_services(&mut tokens, services, &text);
    let mut is_used = vec![false; tokens.len()];
    let time = times::time(&tokens, &mut is_used);
    let (mut bounds, bounded_by) = bounds::bounds(&tokens, &mut is_used);
    if bounds.is_empty() && named.services.is_empty() {
        bounds.extend(bounds::none_of(&tokens, &mut is_used));
    }
    let left: Vec<&Token> =
        tokens.iter().zip(&is_used).filter(|(_, is_used)| !**is_used).map(|(token, _)| token).collect();
    let signs = signs(&tokens, &left, &named, &bounds, &bounded_by, time, &text);
    let ask = match understands(&tokens, &named) {
        true => rules::ask(&signs),
        false => Ask::Unknown,
    };
    if ask.is_of_one() && named.services.is_empty() && named.unclear.is_none() && named.unknown.is_none() {
        named.unknown = names::strange_name(&tokens).map(|name| (name, Vec::new()));
    }
    let has = |sense| signs.contains(&sense);
    let uses_both = has(Sense::Cpu) && has(Sense::Memory) && bounds.is_empty();
    let measure = left
        .iter()
        .find_map(|token| bounds::measure_of(token))
        .or(bounds.first().map(|bound| bound.measure))
        // Of requests that fail, the failures are meant.
        .map(
            |measure| {
                if measure == Measure::Requests && has(Sense::Errors) { Measure::Errors } else { measure }
            },
        )
        .filter(|_| !uses_both);
    let order = match (has(Sense::Most) || has(Sense::Top), has(Sense::Least)) {
        (_, true) => Some(Order::Least),
        (true, _) => Some(Order::Most),
        _ => None,
    };
    let question = Question {
        ask,
        measure,
        order,
        time,
        top_n: top_n(&left),
        group_by: rules::group_by(&signs),
        kind: kind(&left),
        id: id(&tokens, &text),
        words: words(&tokens, &text),
        failed: has(Sense::Errors),
        services: named.services,
        unclear: named.unclear,
        unknown: named.unknown,
        bounds,
    };
    question.trimmed()
}

impl Question {
    /// Forgets what does not matter for what is asked, so that equal questions are equal.
    fn trimmed(mut self) -> Self {
        use Ask::*;
        if !matches!(self.ask, Services | Usage | Forecast | Attribution | Health | Compare | Why) {
            self.measure = None;
        }
        if self.ask == Services && self.bounds.is_empty() && self.order.is_none() && self.measure.is_some() {
            self.order = Some(Order::Most);
        }
        if !matches!(self.ask, Services | Usage) {
            self.order = None;
        }
        if self.order.is_none() && self.ask == Services {
            self.measure = None;
        }
        if matches!(self.ask, Health | Compare) && self.bounds.is_empty() {
            self.measure = None;
        }
        if self.ask == Why {
            self.measure =
                self.measure.filter(|measure| matches!(measure, Measure::Latency | Measure::Errors));
        }
        if !matches!(self.ask, Services | Usage | Traces | Health) {
            self.bounds.clear();
        }
        if !matches!(self.ask, Services | Usage | Traces | Changes | Pods | LogPatterns) {
            self.top_n = None;
        }
        if self.ask != Attribution {
            self.group_by = None;
        }
        if !matches!(self.ask, Pods | Describe | PodLogs | ClusterDependencies | Restarts) {
            self.kind = None;
        }
        if !matches!(
            self.ask,
            Trace
                | Diff
                | Pods
                | Describe
                | PodLogs
                | ClusterDependencies
                | Restarts
                | CriticalPath
                | Act
                | Advice
        ) {
            self.id = None;
        }
        if matches!(self.ask, Act | Advice) {
            self.id = self.id.filter(|id| tokens::hash(id).is_some());
        }
        if !matches!(self.ask, Logs | Knowledge) {
            self.words = None;
        }
        self.failed &= self.ask == Traces;
        if self.id.is_some() && self.kind.is_some() {
            self.unknown = None;
        }
        if self.ask == Knowledge && self.services.is_empty() {
            // What is written down may well be about a service that is not here.
            self.words = self.words.or(self.unknown.take().map(|(name, _)| name));
        }
        let is_of_people = self.unknown.as_ref().is_some_and(|(name, _)| PEOPLE.contains(&name.as_str()));
        if matches!(self.ask, Help | Knowledge | Unknown) || (self.ask == Impact && is_of_people) {
            self.unknown = None;
        }
        if self.ask == Unknown {
            self.time = None;
        }
        self
    }
}

/// Collects what is said anywhere in the question.
fn signs(
    tokens: &[Token],
    left: &[&Token],
    named: &Named,
    bounds: &[Bound],
    bounded_by: &[Sense],
    time: Option<Time>,
    text: &str,
) -> Vec<Sense> {
    let mut signs: Vec<Sense> = Vec::new();
    for token in left {
        if let What::Said(entry) = &token.what {
            signs.extend(&entry.senses);
        }
    }
    signs.extend(bounded_by);
    let said: Vec<_> = tokens.iter().filter(|token| !token.is_filler()).collect();
    let first = said.first().filter(|token| token.has(Sense::Act));
    let is_bare = |token: &&&Token| {
        !text
            .get(token.at.clone())
            .is_some_and(|word| word.ends_with("ing") || word.ends_with("ed") || word.ends_with('s'))
    };
    let names_next = said.get(1).is_some_and(|token| {
        matches!(token.what, What::Service(_) | What::Word(_) | What::Name(_))
            || token.has(Sense::Service)
            || has_kind(token)
    }) || tokens.iter().any(|token| matches!(token.what, What::Hash(_)));
    // 把支付服务重启一下: the verb comes last.
    let is_order_in_chinese =
        text.contains('把') && !text.contains('吗') && said.iter().any(|token| token.has(Sense::Act));
    let hash = tokens.iter().find_map(|token| match &token.what {
        What::Hash(id) => Some(id.len()),
        _ => None,
    });
    let is_trace = |length: usize| length == 32 || (length == 16 && signs.contains(&Sense::Trace));
    let seen = [
        (Sense::Named, !named.services.is_empty() || named.unclear.is_some()),
        (Sense::NamedUnknown, named.unknown.is_some()),
        (Sense::Bounded, !bounds.is_empty()),
        (Sense::TraceId, hash.is_some_and(is_trace)),
        (Sense::CommitId, hash.is_some_and(|length| !is_trace(length))),
        (Sense::Timed, time.is_some()),
        (Sense::AnyKind, left.iter().any(|token| has_kind(token))),
        (Sense::ObjectName, tokens.iter().any(is_object)),
        (Sense::QuotedWords, tokens.iter().any(|token| matches!(token.what, What::Quoted(_)))),
        (Sense::Imperative, (first.filter(is_bare).is_some() && names_next) || is_order_in_chinese),
        (Sense::Alone, said.len() == 1),
        (Sense::AllKnown, tokens.iter().all(is_known)),
    ];
    signs.extend(seen.into_iter().filter(|(_, is_seen)| *is_seen).map(|(sense, _)| sense));
    signs
}

/// Tells whether enough of the words are known: of more strange words than known ones, nothing is answered.
fn understands(tokens: &[Token], named: &Named) -> bool {
    if tokens.iter().any(|token| token.has(Sense::OffTopic)) {
        return false;
    }
    let n_known = tokens.iter().filter(|token| is_known(token) && !token.is_filler()).count();
    let n_words = tokens.iter().filter(|token| matches!(token.what, What::Word(_))).count();
    let n_letters = tokens.iter().filter(|token| matches!(token.what, What::Han(_))).count();
    // Most Chinese words have two characters.
    let n_strange = n_words + n_letters.div_ceil(2);
    n_strange <= n_known + usize::from(!named.services.is_empty())
}

fn is_known(token: &Token) -> bool {
    !matches!(token.what, What::Word(_) | What::Han(_))
}

fn has_kind(token: &Token) -> bool {
    matches!(&token.what, What::Said(entry) if entry.senses.iter().any(|sense| sense.kind().is_some()))
}

fn kind(left: &[&Token]) -> Option<Kind> {
    left.iter().find_map(|token| match &token.what {
        What::Said(entry) => entry.senses.iter().find_map(|sense| sense.kind()),
        _ => None,
    })
}

/// Names of objects have a hyphen and mostly a digit: `checkout-7d9f8b-x2x`.
fn is_object(token: &Token) -> bool {
    matches!(&token.what, What::Word(word) | What::Quoted(word) if word.contains('-') && !word.contains(' '))
}

fn id(tokens: &[Token], text: &str) -> Option<String> {
    let written =
        |token: &Token| text.get(token.at.clone()).map(|word| word.trim_matches(['"', '`']).to_owned());
    let hash = tokens.iter().find(|token| matches!(token.what, What::Hash(_)));
    hash.or_else(|| tokens.iter().find(|token| is_object(token))).and_then(written)
}

/// Returns the words to search for: what is quoted, else what stands behind `containing`, else what is strange.
fn words(tokens: &[Token], text: &str) -> Option<String> {
    let quoted = tokens.iter().find_map(|token| match &token.what {
        What::Quoted(words) => Some(words.clone()),
        _ => None,
    });
    let behind = || {
        let contains = tokens.iter().find(|token| token.has(Sense::Contains))?;
        let words = text
            .get(contains.at.end..)?
            .trim()
            .trim_matches(['?', '.', '!', ':', '"', '`', '的', '日', '志', ' ']);
        (!words.is_empty()).then(|| words.to_owned())
    };
    quoted.filter(|words| !words.is_empty()).or_else(behind)
}

/// Reads how many rows are wanted: a plain small number.
fn top_n(left: &[&Token]) -> Option<usize> {
    left.iter().find_map(|token| match token.what {
        What::Quantity(number)
            if number.unit == units::Unit::None && number.value >= 1.0 && number.value <= 50.0 =>
        {
            Some(number.value as usize)
        }
        _ => None,
    })
}

/// Returns a question with another name in place of one that it has.
pub(super) fn renamed(question: &str, name: &str, other: &str) -> String {
    // ASCII letters keep their places when they are made small, so the rest can stay as it was written.
    let at = question.to_ascii_lowercase().find(name);
    let parts = at.and_then(|at| question.get(..at).zip(question.get(at + name.len()..)));
    match parts {
        Some((before, behind)) => format!("{before}{other}{behind}"),
        None => normal::normal(question).replacen(name, other, 1),
    }
}

/// Counts the meanings, services and strange words that two texts share; what says nothing does not count.
pub(super) fn shared_words(a: &str, b: &str, services: &[&str]) -> usize {
    let words = |text: &str| {
        let text = normal::normal(text);
        let tokens = tokens::tokens(&text, services);
        let said = tokens.into_iter().filter(|token| !token.is_filler());
        said.map(|token| match token.what {
            What::Said(entry) => format!("{:?}", entry.senses),
            _ => text.get(token.at).unwrap_or_default().to_owned(),
        })
        .collect::<std::collections::BTreeSet<_>>()
    };
    words(a).intersection(&words(b)).count()
}
