//! The rule that opens incidents: a bound on a service's latency or failures, held for a while.

use std::{str::FromStr, time::Duration};

use anyhow::{Context, Error, Result, bail};
use waggle_agent_core::ports::Telemetry;
use waggle_analysis::quantity;
use waggle_signals::{TimeRange, Timestamp};

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

/// A rule is not checked over fewer requests: one slow request in five is no 99th percentile.
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

    /// Returns what is broken in the numbers before `now`, for people; `None` when nothing is, or too little was asked to tell.
    async fn broken(&self, telemetry: &dyn Telemetry, now: Timestamp) -> Result<Option<String>> {
        let map = telemetry.topology(TimeRange::ending_at(now, self.over)).await?;
        let Some(node) = map.node(&self.service) else { return Ok(None) };
        let red = node.answered;
        if red.count < MIN_REQUESTS {
            return Ok(None);
        }
        let (service, errors) = (&self.service, red.error_ratio());
        Ok(if errors > self.error_ratio {
            let (errors, bound) = (quantity::percent(errors), quantity::percent(self.error_ratio));
            Some(format!("{service}: {errors} of requests fail, above {bound}"))
        } else if red.p99_ms > self.p99_ms {
            let (p99, bound) = (quantity::ms(red.p99_ms), quantity::ms(self.p99_ms));
            Some(format!("{service}: p99 latency {p99}, above {bound}"))
        } else {
            None
        })
    }
}

impl AlertState {
    pub fn new(rule: AlertRule) -> Self {
        Self { rule, n_broken: 0 }
    }

    /// Checks the rule once; fires when it was broken often enough in a row, and again only after it held in between.
    pub async fn check(&mut self, telemetry: &dyn Telemetry, now: Timestamp) -> Result<Option<Fired>> {
        let Some(title) = self.rule.broken(telemetry, now).await? else {
            self.n_broken = 0;
            return Ok(None);
        };
        self.n_broken += 1;
        let fires = self.n_broken == self.rule.times;
        Ok(fires.then(|| Fired { service: self.rule.service.clone(), title }))
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
}
