//! The same requests before and now: how many, how long, how many failed; and which of it is a change.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waggle_agent_core::{Language, evidence::Topic};
use waggle_analysis::{attribution::Amount, quantity};

use crate::{
    change::change,
    dimensions::{Measured, Request},
    red::round,
};

/// A change to explain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Subject {
    /// Mean time to answer.
    Latency,
    /// Share of failed requests.
    Errors,
    /// Number of requests.
    Requests,
}

/// The same requests before and now.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Moved {
    pub requests_before: usize,
    pub requests_after: usize,
    pub requests_per_s_before: f64,
    pub requests_per_s_after: f64,
    pub mean_ms_before: f64,
    pub mean_ms_after: f64,
    pub error_ratio_before: f64,
    pub error_ratio_after: f64,
}

/// A mean is worth explaining when it moved by this part of itself and so many milliseconds …
const NOTABLE_PART: f64 = 0.2;
const NOTABLE_MS: f64 = 1.0;
/// … and a share of failed requests by this much.
const NOTABLE_ERRORS: f64 = 0.005;

impl Subject {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Latency => "latency",
            Self::Errors => "errors",
            Self::Requests => "requests",
        }
    }

    pub(crate) fn amount(self) -> Measured {
        match self {
            Self::Latency => |request: &Request| Amount { value: request.ms, of: Some(1.0) },
            Self::Errors => |request: &Request| Amount { value: f64::from(request.failed), of: Some(1.0) },
            Self::Requests => |_: &Request| Amount { value: 1.0, of: None },
        }
    }

    pub(crate) fn topic(self) -> Topic {
        match self {
            Self::Latency => Topic::Latency,
            Self::Errors => Topic::Errors,
            Self::Requests => Topic::Traffic,
        }
    }
}

impl Moved {
    pub(crate) fn of(requests: &[Vec<&Request>; 2], lengths: [Duration; 2]) -> Self {
        let count = |window: usize| requests[window].len();
        let per =
            |sum: f64, window: usize| if count(window) > 0 { round(sum / count(window) as f64) } else { 0.0 };
        let ms = |window: usize| per(requests[window].iter().map(|request| request.ms).sum(), window);
        let failed = |window: usize| requests[window].iter().filter(|request| request.failed).count() as f64;
        let rate = |window: usize| round(count(window) as f64 / lengths[window].as_secs_f64());
        Self {
            requests_before: count(0),
            requests_after: count(1),
            requests_per_s_before: rate(0),
            requests_per_s_after: rate(1),
            mean_ms_before: ms(0),
            mean_ms_after: ms(1),
            error_ratio_before: per(failed(0), 0),
            error_ratio_after: per(failed(1), 1),
        }
    }

    pub(crate) fn is_notable(&self, measure: Subject) -> bool {
        let moved = |before: f64, after: f64, least: f64| {
            let by = (after - before).abs();
            by >= least && by >= NOTABLE_PART * before.min(after)
        };
        match measure {
            Subject::Latency => moved(self.mean_ms_before, self.mean_ms_after, NOTABLE_MS),
            Subject::Errors => moved(self.error_ratio_before, self.error_ratio_after, NOTABLE_ERRORS),
            Subject::Requests => {
                moved(self.requests_per_s_before, self.requests_per_s_after, f64::MIN_POSITIVE)
            }
        }
    }

    /// Returns what is most worth explaining: failures before slowness before traffic, as they hurt.
    pub(crate) fn most(&self) -> Subject {
        let all = [Subject::Errors, Subject::Latency, Subject::Requests];
        all.into_iter().find(|subject| self.is_notable(*subject)).unwrap_or(Subject::Latency)
    }

    pub(crate) fn written(&self, measure: Subject, language: Language) -> String {
        match measure {
            Subject::Latency => {
                let mean = change(quantity::ms, self.mean_ms_before, self.mean_ms_after);
                language.pick(format!("mean latency {mean}"), format!("平均耗时 {mean}"))
            }
            Subject::Errors => {
                let errors = change(quantity::percent, self.error_ratio_before, self.error_ratio_after);
                language.pick(format!("error ratio {errors}"), format!("错误率 {errors}"))
            }
            Subject::Requests => {
                let rate =
                    change(quantity::per_second, self.requests_per_s_before, self.requests_per_s_after);
                language.pick(format!("requests {rate}"), format!("请求 {rate}"))
            }
        }
    }
}
