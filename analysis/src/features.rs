//! Everything measured about one service, as named numbers that the fault tree can ask for.
//!
//! The names, units and meanings are in [`FEATURES`], and nowhere else. A feature that could not be measured is absent, which is not zero.

use std::{collections::BTreeMap, time::Duration};

/// Named numbers about one service.
pub type Features = BTreeMap<String, f64>;

/// What one feature is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Feature {
    /// Name, as conditions write it.
    pub name: &'static str,
    /// Unit; `1` for shares, ratios and counts, `0|1` for yes or no.
    pub unit: &'static str,
    /// Meaning.
    pub text: &'static str,
}

const fn feature(name: &'static str, unit: &'static str, text: &'static str) -> Feature {
    Feature { name, unit, text }
}

/// All features. "Rise" is window minus baseline, "ratio" window over baseline.
pub const FEATURES: &[Feature] = &[
    // What it explains.
    feature("explained", "1", "share of the symptom that it explains, time and errors together"),
    feature(
        "latency.share",
        "1",
        "share of the symptom's added time that it adds; 0 when the symptom is not slow",
    ),
    feature("errors.share", "1", "share of the symptom's added errors that begin at it or on the way to it"),
    feature("errors.own.share", "1", "the part of `errors.share` that it answered itself"),
    feature("errors.lost.share", "1", "the part of `errors.share` that got no answer from it"),
    // Its time, per request.
    feature("self_ms.before", "ms", "mean own work in the baseline, calls to others taken off"),
    feature("self_ms.after", "ms", "the same in the window"),
    feature("self_ms.ratio", "1", "ratio of own work; own work below 0.1 ms counts as 0.1 ms"),
    feature("self_ms.delta", "ms", "rise of own work"),
    feature("self.share", "1", "part of the time that it adds which is own work"),
    feature("calls.share", "1", "part of the time that it adds which comes from asking others more often"),
    feature(
        "retries.share",
        "1",
        "part of the time that it adds which comes from asking it again after a failure",
    ),
    feature(
        "gap.share",
        "1",
        "part of the time that it adds which passes before it reads or after it answers",
    ),
    feature("network.share", "1", "part of the time that it adds which passes on edges that lose packets"),
    feature(
        "load.share",
        "1",
        "for the symptom only: share of added time at services that got 1.5 times the requests and no costlier ones",
    ),
    // Its requests.
    feature("rate.before", "/s", "requests answered in the baseline"),
    feature("rate.after", "/s", "requests answered in the window"),
    feature("rate.ratio", "1", "ratio of requests answered"),
    feature("errors.before", "1", "failed requests per request in the baseline"),
    feature("errors.after", "1", "the same in the window"),
    feature("errors.delta", "1", "rise of failed requests per request"),
    feature(
        "errors.own.delta",
        "1",
        "rise of failed requests per request that its failing calls do not explain",
    ),
    feature("edge.failed.delta", "1", "rise of failed calls per call, as those who ask it see it"),
    feature("silent", "0|1", "it is asked and no longer answers"),
    feature("starved", "0|1", "it is no longer asked"),
    feature("unobserved", "0|1", "only its callers were seen, never itself"),
    // The way to it: the worst of the edges into it.
    feature("edge.gap_ms.delta", "ms", "largest rise of the time between a caller's clock and its own"),
    feature(
        "edge.gap_p50_ms.delta",
        "ms",
        "rise of the difference of the two medians, over all edges into it",
    ),
    feature("edge.gap_p99_ms.delta", "ms", "rise of the difference of the two 99th percentiles"),
    feature("edge.retransmits.before", "/s", "segments sent again on the edges into it, in the baseline"),
    feature("edge.retransmits.after", "/s", "the same in the window"),
    feature("edge.retransmits.delta", "/s", "rise of segments sent again"),
    feature("edge.connect_failures.delta", "/s", "rise of attempts to connect to it that failed"),
    // Its resources.
    feature("cpu.before", "cores", "CPU used in the baseline"),
    feature("cpu.after", "cores", "CPU used in the window"),
    feature("cpu.ratio", "1", "ratio of CPU used"),
    feature("cpu_per_request.before", "ms", "CPU time for each request in the baseline"),
    feature("cpu_per_request.after", "ms", "the same in the window"),
    feature("cpu_per_request.ratio", "1", "ratio of CPU time for each request"),
    feature("cpu.share", "1", "part of the time that it adds which is CPU time of its own"),
    feature("cpu_wait.before", "s/s", "being runnable without a CPU, in the baseline"),
    feature("cpu_wait.after", "s/s", "the same in the window"),
    feature("cpu_wait.delta", "s/s", "rise of being runnable without a CPU"),
    feature("cpu_wait.share", "1", "part of the time that it adds which is waiting for a CPU"),
    feature("neighbour_cpu.delta", "cores", "largest rise of CPU used by another process on the same CPUs"),
    feature("memory.delta", "MiB", "rise of resident memory"),
    feature("memory.ratio", "1", "ratio of resident memory"),
    // What happened to it.
    feature("process_ended", "0|1", "a process of it ended and none was started after"),
    feature("restarted", "0|1", "a process of it ended and another was started after"),
    feature(
        "deploy.seconds_before_onset",
        "s",
        "its last change, before the onset; absent when there was none in the 15 minutes before",
    ),
    feature("error_logs.before", "/s", "log records of severity error or worse, in the baseline"),
    feature("error_logs.after", "/s", "the same in the window"),
    feature("error_logs.delta", "/s", "rise of log records of severity error or worse"),
    feature("error_logs.new_templates", "1", "kinds of error records that the baseline has not"),
    feature("anomalies", "1", "measures of it that left their usual range"),
];

/// A change longer ago than this is not tried as the cause of a sudden onset.
pub const CHANGE_HORIZON: Duration = Duration::from_secs(15 * 60);

/// An onset is known to a step or two; a change this short after it may still be its cause.
pub const ONSET_SLACK: Duration = Duration::from_secs(2);
