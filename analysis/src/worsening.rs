//! Whether users of a service fare worse than before, and how: slower, failing, or not served at all.
//!
//! This decides between an incident and none, so it asks for an effect that is large, that chance does not explain, and that more than a single request felt.

use std::fmt;

use serde::{Deserialize, Serialize};
use waggle_signals::Red;

use crate::{graph::Windows, quantity};

/// How one service's users fare, before and after. Seen from its callers where they were seen, else from itself; one that only asks is its own user.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Worsening {
    /// The service.
    pub service: String,
    /// Mean latency in the baseline, milliseconds; zero without requests.
    pub latency_before_ms: f64,
    /// Mean latency in the window.
    pub latency_after_ms: f64,
    /// 99th percentile in the baseline, milliseconds.
    pub p99_before_ms: f64,
    /// 99th percentile in the window.
    pub p99_after_ms: f64,
    /// Failed requests per request in the baseline, 0 to 1; attempts to connect in vain are failed requests.
    pub errors_before: f64,
    /// The same in the window.
    pub errors_after: f64,
    /// Requests answered per second in the baseline.
    pub rate_before: f64,
    /// The same in the window.
    pub rate_after: f64,
    /// Requests that failed in the window.
    pub failed: u64,
    /// Latency rose beyond noise.
    pub slower: bool,
    /// Half of the requests or more are slower, not only some.
    pub most_are_slower: bool,
    /// Errors rose beyond noise.
    pub failing: bool,
    /// It no longer answers, though it is asked, or its process ended, or nobody knows who asks it.
    pub silent: bool,
    /// It is no longer asked, though its callers are known. No fault of its own.
    pub starved: bool,
}

/// A mean has to rise by this factor. Load swings of a third move latency less at usual utilisation; CPU neighbours move it more.
const SLOWER_RATIO: f64 = 1.4;
/// … and by so many milliseconds: less is within scheduling noise.
const SLOWER_MS: f64 = 3.0;
/// Requests wanted on both sides before latency is compared.
const SLOWER_MIN_REQUESTS: u64 = 20;
/// So many requests have to be at a percentile or above it: a single slow one then does not move it.
const REQUESTS_AT_PERCENTILE: f64 = 3.0;
/// Errors have to rise by this share of requests …
const FAILING_DELTA: f64 = 0.02;
/// … by so many requests …
const FAILING_MIN_REQUESTS: f64 = 5.0;
/// … and by so many standard errors of the difference of two proportions (two-sided chance below 1 in 10,000).
const FAILING_Z: f64 = 4.0;
/// A service is silent when this share or less of its requests is still answered; a window that is cut a second early has some.
const SILENT_SHARE: f64 = 0.1;
/// … and it used to answer so many in the baseline.
const SILENT_MIN_REQUESTS: u64 = 10;

pub(crate) fn worsening(windows: &Windows<'_>, service: &str) -> Worsening {
    let (before, after) = (&windows.before, &windows.after);
    let (asked_before, asked_after) = if before.only_asks(service) {
        (before.calls_from(service), after.calls_from(service))
    } else {
        (before.calls_to(service), after.calls_to(service))
    };
    let (own_before, own_after) = (before.answered(service), after.answered(service));
    let callers_were_seen = asked_before.attempts() > 0.0;
    let (red_before, red_after) =
        if callers_were_seen { (asked_before.asked, asked_after.asked) } else { (own_before, own_after) };
    let (failed_before, failed_after) = if callers_were_seen {
        (asked_before.failed(), asked_after.failed())
    } else {
        (own_before.errors as f64, own_after.errors as f64)
    };
    let (tried_before, tried_after) = if callers_were_seen {
        (asked_before.attempts(), asked_after.attempts())
    } else {
        (own_before.count as f64, own_after.count as f64)
    };
    let (errors_before, errors_after) =
        (share(failed_before, tried_before), share(failed_after, tried_after));
    let (rate_before, rate_after) =
        (own_before.count as f64 / before.seconds, own_after.count as f64 / after.seconds);
    let stopped = own_before.count >= SILENT_MIN_REQUESTS && rate_after <= SILENT_SHARE * rate_before;
    let is_asked = windows.hints.ended.contains(service)
        || !callers_were_seen
        || tried_after / after.seconds > SILENT_SHARE * tried_before / before.seconds;
    Worsening {
        service: service.to_owned(),
        latency_before_ms: red_before.mean_ms(),
        latency_after_ms: red_after.mean_ms(),
        p99_before_ms: red_before.p99_ms,
        p99_after_ms: red_after.p99_ms,
        errors_before,
        errors_after,
        rate_before,
        rate_after,
        failed: failed_after as u64,
        slower: is_slower(&red_before, &red_after),
        most_are_slower: rose(red_before.p50_ms, red_after.p50_ms, 1.25),
        failing: is_failing(failed_before, tried_before, failed_after, tried_after),
        silent: stopped && is_asked,
        starved: stopped && !is_asked,
    }
}

/// Tells whether the mean rose and enough requests felt it: a middle percentile moved, or one further out that many requests lie above.
fn is_slower(before: &Red, after: &Red) -> bool {
    if before.count.min(after.count) < SLOWER_MIN_REQUESTS {
        return false;
    }
    let counts = |above: f64| (after.count as f64 * above).floor() + 1.0 >= REQUESTS_AT_PERCENTILE;
    let felt = rose(before.p50_ms, after.p50_ms, 1.25)
        || (rose(before.p90_ms, after.p90_ms, SLOWER_RATIO) && counts(0.1))
        || (rose(before.p99_ms, after.p99_ms, 2.0) && counts(0.01));
    rose(before.mean_ms(), after.mean_ms(), SLOWER_RATIO) && felt
}

fn rose(from: f64, to: f64, ratio: f64) -> bool {
    to > from * ratio && to - from > SLOWER_MS
}

fn is_failing(failed_before: f64, tried_before: f64, failed: f64, tried: f64) -> bool {
    let (p_before, p_after) = (share(failed_before, tried_before), share(failed, tried));
    if tried < 1.0 || p_after - p_before < FAILING_DELTA {
        return false;
    }
    let unexpected = failed - p_before * tried;
    // Without a baseline there is nothing to compare with; one imaginary request keeps the error of the difference finite.
    let pooled = (failed_before + failed) / (tried_before + tried).max(1.0);
    let error = (pooled * (1.0 - pooled) * (1.0 / tried_before.max(1.0) + 1.0 / tried)).sqrt();
    unexpected >= FAILING_MIN_REQUESTS && p_after - p_before >= FAILING_Z * error
}

fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { (part / whole).clamp(0.0, 1.0) } else { 0.0 }
}

// === impl Worsening ===

impl Worsening {
    /// Tells whether its users have something to complain about.
    pub fn is_trouble(&self) -> bool {
        self.slower || self.failing || self.silent
    }

    /// Returns how bad the latency is: doublings of the mean, 0 to 3.
    pub fn slower_by(&self) -> f64 {
        if !self.slower || self.latency_before_ms <= 0.0 {
            return 0.0;
        }
        (self.latency_after_ms / self.latency_before_ms).log2().clamp(0.0, 3.0)
    }

    /// Returns how bad the errors are on the same scale: 3 when half of all requests fail that did not before.
    pub fn failing_by(&self) -> f64 {
        if self.failing { ((self.errors_after - self.errors_before) * 6.0).clamp(0.1, 3.0) } else { 0.0 }
    }

    /// Returns how bad it is altogether; zero when there is no trouble.
    pub fn severity(&self) -> f64 {
        if self.silent { 6.0 } else { self.slower_by() + self.failing_by() }
    }

    /// Returns what is wrong in one word: `silence`, `errors`, `latency`, or `none`.
    pub fn signal(&self) -> &'static str {
        if self.silent {
            "silence"
        } else if self.failing_by() >= self.slower_by() && self.failing {
            "errors"
        } else if self.slower {
            "latency"
        } else {
            "none"
        }
    }
}

impl fmt::Display for Worsening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let service = &self.service;
        if self.silent {
            let (before, after) =
                (quantity::per_second(self.rate_before), quantity::per_second(self.rate_after));
            write!(f, "`{service}` no longer answers: {before} → {after}")?;
            if self.failing {
                write!(f, ", {} of calls to it fail", quantity::percent(self.errors_after))?;
            }
            return Ok(());
        }
        write!(
            f,
            "`{service}` latency mean {} → {}, p99 {} → {}, errors {} → {}, rate {} → {}",
            quantity::ms(self.latency_before_ms),
            quantity::ms(self.latency_after_ms),
            quantity::ms(self.p99_before_ms),
            quantity::ms(self.p99_after_ms),
            quantity::percent(self.errors_before),
            quantity::percent(self.errors_after),
            quantity::per_second(self.rate_before),
            quantity::per_second(self.rate_after),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fixture::{Shop, red},
        walk::Hints,
    };

    fn check(before: Red, after: Red, wanted: &str) {
        let (before, after) =
            (Shop::new(30).node("s", before).build(), Shop::new(30).node("s", after).build());
        let found = worsening(&Windows::new(&before, &after, Hints::default()), "s");
        assert_eq!(found.signal(), wanted, "{found}");
    }

    #[test]
    fn large_lasting_effects_are_trouble_and_small_or_single_ones_are_not() {
        let calm = red(600, 0, 20.0);
        check(calm, red(600, 0, 26.0), "none");
        check(calm, red(420, 0, 22.0), "none");
        check(calm, red(600, 0, 40.0), "latency");
        check(calm, red(600, 120, 18.0), "errors");
        check(calm, red(600, 8, 20.0), "none");
        check(calm, red(0, 0, 0.0), "silence");
        check(red(6, 0, 20.0), red(6, 0, 200.0), "none");
        check(red(0, 0, 0.0), red(0, 0, 0.0), "none");
    }

    #[test]
    fn one_request_of_ten_seconds_is_no_trouble() {
        let calm = red(500, 0, 20.0);
        let one_slow = Red { total_ms: calm.total_ms + 10_000.0, ..calm };
        check(calm, one_slow, "none");
    }

    #[test]
    fn a_few_percent_of_very_slow_requests_are_trouble() {
        let calm = red(500, 0, 20.0);
        let loss = Red { total_ms: calm.total_ms + 25.0 * 400.0, p99_ms: 420.0, ..calm };
        check(calm, loss, "latency");
    }

    #[test]
    fn a_service_whose_callers_went_away_is_starved_and_one_that_refuses_is_silent() {
        let calm = || Shop::new(30).node("a", red(300, 0, 9.0)).node("b", red(300, 0, 5.0));
        let before = calm().edge("a", "b", red(300, 0, 6.0), red(300, 0, 5.0)).build();
        let starving = Shop::new(30).node("a", red(0, 0, 0.0)).node("b", red(0, 0, 0.0)).build();
        let refusing = Shop::new(30)
            .node("a", red(300, 300, 1.0))
            .edge("a", "b", red(0, 0, 0.0), red(0, 0, 0.0))
            .trouble(0, 300)
            .build();
        let found = worsening(&Windows::new(&before, &starving, Hints::default()), "b");
        assert_eq!((found.starved, found.silent), (true, false));
        let found = worsening(&Windows::new(&before, &refusing, Hints::default()), "b");
        assert_eq!((found.starved, found.silent, found.failing), (false, true, true));
    }
}
