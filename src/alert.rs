//! The rule that opens incidents: a bound on a service's latency or failures, held for a while.

use std::{fmt, str::FromStr, time::Duration};

use anyhow::{Context, Error, Result, bail};
use waggle_agent_core::ports::Telemetry;
use waggle_analysis::quantity;
use waggle_signals::{Edge, TimeRange, Timestamp, Topology};

/// A bound on what one service's callers feel.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertRule {
    pub service: String,
    pub p99_ms: f64,
    pub error_ratio: f64,
    /// What is measured each time.
    pub over: Duration,
    /// How often in a row it must be broken before the alert fires.
    pub times: u32,
}

/// A rule with its memory of the last checks.
#[derive(Debug)]
pub struct AlertState {
    rule: AlertRule,
    n_broken: u32,
}

/// An alert that fired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fired {
    pub service: String,
    /// What is broken, for people.
    pub title: String,
}

/// What one check of a rule came to.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Judgement {
    /// With what is broken, for people.
    Broken(String),
    Holds,
    /// Too few requests to tell.
    TooLittle,
}

/// A rule is not judged by fewer requests: one slow request in five is no 99th percentile.
const MIN_REQUESTS: u64 = 20;

impl AlertRule {
    /// Makes a rule with the usual bounds: p99 over 500 ms or 5 % failed, over 10 s, three times in a row.
    pub fn new(service: impl Into<String>) -> Self {
        Self {
            service: service.into(),
            p99_ms: 500.0,
            error_ratio: 0.05,
            over: Duration::from_secs(10),
            times: 3,
        }
    }

    /// Judges the numbers of a service map: what the service answered, and what its callers asked of it.
    ///
    /// Callers see what the service cannot: that it is gone, and that requests or answers are lost on the way.
    fn judge(&self, map: &Topology) -> Judgement {
        let service = &self.service;
        let answered = map.node(service).map(|node| node.answered).unwrap_or_default();
        let callers: Vec<&Edge> = map.callers_of(service).filter(|edge| edge.from != *service).collect();
        let sum = |of: fn(&Edge) -> u64| callers.iter().map(|edge| of(edge)).sum::<u64>();
        let (asked, refused) = (sum(|edge| edge.asked.count), sum(|edge| edge.connect_failures));
        let (failed, tried) = (sum(|edge| edge.asked.errors) + refused, asked + refused);
        let knows = |count: u64| count >= MIN_REQUESTS;
        if answered.count == 0 && knows(tried) && failed >= tried {
            return Judgement::Broken(format!("{service}: it is asked and answers nothing"));
        }
        if !knows(answered.count) && !knows(tried) {
            return Judgement::TooLittle;
        }
        let ratios = [(answered.errors, answered.count), (failed, tried)];
        let ratios =
            ratios.into_iter().filter(|(_, of)| knows(*of)).map(|(errors, of)| errors as f64 / of as f64);
        let errors = ratios.fold(0.0, f64::max);
        let felt = callers.iter().map(|edge| edge.asked).chain([answered]);
        let p99_ms = felt.filter(|red| knows(red.count)).map(|red| red.p99_ms).fold(0.0, f64::max);
        if errors > self.error_ratio {
            let (errors, bound) = (quantity::percent(errors), quantity::percent(self.error_ratio));
            Judgement::Broken(format!("{service}: {errors} of requests fail, above {bound}"))
        } else if p99_ms > self.p99_ms {
            let (p99, bound) = (quantity::ms(p99_ms), quantity::ms(self.p99_ms));
            Judgement::Broken(format!("{service}: p99 latency {p99}, above {bound}"))
        } else {
            Judgement::Holds
        }
    }
}

impl fmt::Display for AlertRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { service, p99_ms, error_ratio, over, times } = self;
        let (p99, failed) = (quantity::ms(*p99_ms), quantity::percent(*error_ratio));
        write!(f, "{service}: p99 above {p99} or {failed} failed, over {} s, {times} times", over.as_secs())
    }
}

impl AlertState {
    pub fn new(rule: AlertRule) -> Self {
        Self { rule, n_broken: 0 }
    }

    /// Checks the rule once; fires when it was broken often enough in a row, and again only after it held in between.
    pub async fn check(&mut self, telemetry: &dyn Telemetry, now: Timestamp) -> Result<Option<Fired>> {
        let map = telemetry.topology(TimeRange::ending_at(now, self.rule.over)).await?;
        Ok(self.note(self.rule.judge(&map)))
    }

    /// Takes a judgement down. Too little to judge by changes nothing: a service may be silent because it is broken.
    fn note(&mut self, judgement: Judgement) -> Option<Fired> {
        match judgement {
            Judgement::Holds => {
                self.n_broken = 0;
                None
            }
            Judgement::TooLittle => None,
            Judgement::Broken(title) => {
                self.n_broken += 1;
                let fires = self.n_broken == self.rule.times;
                fires.then(|| Fired { service: self.rule.service.clone(), title })
            }
        }
    }
}

impl FromStr for AlertRule {
    type Err = Error;

    /// Reads `service:p99_ms=200,error_ratio=0.05`; what is left out stays usual.
    fn from_str(text: &str) -> Result<Self> {
        let (service, bounds) = text.split_once(':').unwrap_or((text, ""));
        if service.is_empty() {
            bail!(
                "alert rule `{text}` names no service\nhint: such as `checkout:p99_ms=200,error_ratio=0.05`"
            );
        }
        let mut rule = Self::new(service);
        for bound in bounds.split(',').filter(|bound| !bound.is_empty()) {
            let (name, value) = bound.split_once('=').unwrap_or((bound, ""));
            let value: f64 =
                value.parse().with_context(|| format!("alert rule `{text}`: `{value}` is no number"))?;
            match name {
                "p99_ms" if value > 0.0 => rule.p99_ms = value,
                "error_ratio" if (0.0..1.0).contains(&value) => rule.error_ratio = value,
                "p99_ms" | "error_ratio" => bail!("alert rule `{text}`: `{name}` cannot be {value}"),
                _ => {
                    bail!("alert rule `{text}`: unknown bound `{name}`\nhint: one of `p99_ms`, `error_ratio`")
                }
            }
        }
        Ok(rule)
    }
}

#[cfg(test)]
mod tests {
    use waggle_signals::{Node, Red};

    use super::*;

    #[test]
    fn rules_are_read_from_the_command_line() {
        let rule: AlertRule = "checkout:p99_ms=200,error_ratio=0.1".parse().unwrap();
        assert_eq!((rule.service.as_str(), rule.p99_ms, rule.error_ratio), ("checkout", 200.0, 0.1));
        assert_eq!("checkout".parse::<AlertRule>().unwrap(), AlertRule::new("checkout"));
        for wrong in
            ["", ":p99_ms=1", "a:p98=1", "a:p99_ms=x", "a:error_ratio=2", "a:p99_ms=-1", "a:p99_ms=NaN"]
        {
            assert!(wrong.parse::<AlertRule>().is_err(), "{wrong}");
        }
    }

    fn red(count: u64, errors: u64, p99_ms: f64) -> Red {
        Red { count, errors, total_ms: p99_ms, p50_ms: p99_ms, p90_ms: p99_ms, p99_ms }
    }

    /// What `checkout` answered, what `gateway` asked of it, and how many of its connections were refused.
    fn map(answered: Red, asked: Red, connect_failures: u64) -> Topology {
        let edge = Edge {
            from: "gateway".to_owned(),
            to: "checkout".to_owned(),
            asked,
            answered,
            retransmits: 0,
            connect_failures,
            connections: 1,
        };
        let range = TimeRange::ending_at(Timestamp::from_secs(60), Duration::from_secs(10));
        Topology { range, nodes: vec![Node { service: "checkout".to_owned(), answered }], edges: vec![edge] }
    }

    #[test]
    fn callers_are_believed_where_the_service_says_nothing() {
        let rule = AlertRule::new("checkout");
        let none = Red::default();
        let fine = red(100, 0, 20.0);
        for (map, wanted) in [
            (map(fine, fine, 0), None),
            (map(red(100, 9, 20.0), fine, 0), Some("checkout: 9% of requests fail, above 5%")),
            (map(red(100, 0, 700.0), fine, 0), Some("checkout: p99 latency 700 ms, above 500 ms")),
            (map(none, none, 40), Some("checkout: it is asked and answers nothing")),
            (map(none, red(30, 30, 1000.0), 0), Some("checkout: it is asked and answers nothing")),
            // Whoever answers without being watched is judged by its callers alone.
            (map(none, fine, 0), None),
            (map(fine, red(100, 20, 20.0), 0), Some("checkout: 20% of requests fail, above 5%")),
            (map(fine, red(100, 0, 3000.0), 0), Some("checkout: p99 latency 3 s, above 500 ms")),
            (map(fine, fine, 100), Some("checkout: 50% of requests fail, above 5%")),
        ] {
            let broken = wanted.map(|title| Judgement::Broken(title.to_owned()));
            assert_eq!(rule.judge(&map), broken.unwrap_or(Judgement::Holds));
        }
        for too_little in
            [map(none, none, 0), map(red(19, 19, 900.0), red(19, 19, 900.0), 0), map(none, none, 19)]
        {
            assert_eq!(rule.judge(&too_little), Judgement::TooLittle);
        }
        let empty = Topology { nodes: Vec::new(), edges: Vec::new(), ..map(none, none, 0) };
        assert_eq!(rule.judge(&empty), Judgement::TooLittle);
    }

    #[test]
    fn a_rule_fires_when_it_is_broken_often_enough_and_silence_does_not_excuse_it() {
        let mut state = AlertState::new(AlertRule::new("checkout"));
        let broken = || Judgement::Broken("checkout: broken".to_owned());
        let mut fires = |judgement| state.note(judgement).is_some();
        assert!(!fires(broken()) && !fires(broken()) && !fires(Judgement::Holds), "it held in between");
        assert!(!fires(broken()) && !fires(Judgement::TooLittle) && !fires(broken()));
        assert!(fires(broken()));
        assert!(!fires(broken()) && !fires(Judgement::TooLittle), "it fires once");
    }
}
