//! Questions said back in English.

use super::{
    super::{Ask, Kind, Measure, Order, Question, Side},
    length, plain, value,
};

impl Question {
    pub(super) fn told_en(&self) -> String {
        let names = self.names(", ", " and ");
        let of = if names.is_empty() { String::new() } else { format!(" of {names}") };
        let is = if names.is_empty() { "anything".to_owned() } else { names.clone() };
        let id = self.id.as_ref().map(|id| format!(" `{id}`")).unwrap_or_default();
        let kind = self.kind.map_or("pod", Kind::told);
        match self.ask {
            Ask::Unknown => String::new(),
            Ask::Help => "help".to_owned(),
            Ask::Act => match id.trim() {
                "" => format!("an order to change {is}"),
                id => format!("an order to change {id}"),
            },
            Ask::WhySo => "the proof of the finding".to_owned(),
            Ask::RuledOut => "what was ruled out".to_owned(),
            Ask::NotThis => format!("whether it is not {is}"),
            Ask::Cause => "the root cause".to_owned(),
            Ask::Advice if !id.is_empty() => format!("what to do about{id}"),
            Ask::Advice => "what to do".to_owned(),
            Ask::Impact => "who is affected, and how bad it is".to_owned(),
            Ask::Past => "whether this happened before".to_owned(),
            Ask::Forecast => format!("the forecast of {}{of}", measure_en(self.measure)),
            Ask::Knowledge => match &self.words {
                Some(words) => format!("documents about \"{words}\""),
                None => format!("documents{of}"),
            },
            Ask::Trace => format!("the trace{id}"),
            Ask::CriticalPath => format!("where the time is spent in requests{of}"),
            Ask::TraceChanges => format!("how the traces{of} changed"),
            Ask::Traces => {
                let which = if self.failed { "traces of failed requests" } else { "slow traces" };
                match self.bounds.first() {
                    Some(bound) => format!("{which}{of} that take at least {}", value(bound, "")),
                    None => format!("{which}{of}"),
                }
            }
            Ask::Diff => format!("the diff{id}{of}"),
            Ask::Changes => format!("the changes{of}"),
            Ask::Owner => format!("the owner{of}"),
            Ask::Dependencies => format!("the dependencies{of}"),
            Ask::Network => format!("the network{of}"),
            Ask::Connections => format!("the connections{of}"),
            Ask::Profile => format!("the functions that CPU time goes to{of}, a profile"),
            Ask::Pods => format!("the {kind}s{of}{id}"),
            Ask::Describe => format!("a description of the {kind}{id}{of}"),
            Ask::ClusterDependencies => format!("the dependencies of the {kind}{id}{of}"),
            Ask::ClusterEvents => format!("cluster events{of}"),
            Ask::PodLogs => format!("the log of the {kind}{id}"),
            Ask::Restarts => match self.kind {
                Some(_) => format!("{kind} restarts{of}{id}"),
                None => format!("restarts{of}{id}"),
            },
            Ask::NewLogs => format!("new log lines{of}"),
            Ask::FirstErrors => "the first errors".to_owned(),
            Ask::LogPatterns => format!("the most common kinds of log lines{of}"),
            Ask::Logs => match &self.words {
                Some(words) => format!("log lines{of} that contain \"{words}\""),
                None => format!("the log lines{of}, errors and warnings on top"),
            },
            Ask::Files => format!("the files that were opened, file activity{of}"),
            Ask::Processes => format!("the processes{of} that started or ended"),
            Ask::Attribution => {
                format!(
                    "which {} carries the {}{of}, a breakdown",
                    self.group_by.unwrap_or_default(),
                    measure_en(self.measure.or(Some(Measure::Latency)))
                )
            }
            Ask::Metrics => format!("the metrics{of}"),
            Ask::Compare => format!("{is} compared with before"),
            Ask::Services => self.services_en(),
            Ask::Usage if !self.services.is_empty() => format!(
                "the {} usage{of}",
                self.measure.map_or("resource", |measure| measure_en(Some(measure)))
            ),
            Ask::Usage => self.services_en(),
            Ask::Rate => format!("the requests per second{of}"),
            Ask::Why => match self.measure {
                Some(Measure::Latency) => format!("why {is} is slow"),
                Some(Measure::Errors) => format!("why {is} fails"),
                _ => format!("why {is} is in trouble"),
            },
            Ask::Health => format!(
                "the health{of}{}",
                self.bounds_en().replace(" whose", ", whether its").replace(" and, whether its", " and its")
            ),
            Ask::Wrong => "what is wrong".to_owned(),
            Ask::Events => format!("what happened to {is}"),
        }
    }

    fn services_en(&self) -> String {
        let measure = self.measure.unwrap_or(Measure::Latency);
        let n = self.top_n.map(|n| format!("{} ", few(n))).unwrap_or_default();
        let ordered = self.order.map(|order| {
            format!(
                " with the {} {}",
                match order {
                    Order::Most => "highest",
                    Order::Least => "lowest",
                },
                use_en(measure)
            )
        });
        let (the, ordered) = match ordered {
            Some(ordered) => ("the ", ordered),
            None if self.ask == Ask::Usage => (
                "",
                match self.measure {
                    Some(measure) if self.bounds.is_empty() => format!(" by {}", use_en(measure)),
                    Some(_) => String::new(),
                    None => " by resource usage".to_owned(),
                },
            ),
            None => ("", String::new()),
        };
        let all =
            if the.is_empty() && ordered.is_empty() && self.bounds.is_empty() { "list of " } else { "" };
        format!("{all}{the}{n}services{ordered}{}", self.bounds_en())
    }

    fn bounds_en(&self) -> String {
        let told = self.bounds.iter().map(|bound| {
            let side = match bound.side {
                Side::AtLeast => "at least",
                Side::AtMost => "at most",
            };
            let measure = match bound.measure {
                Measure::Latency => "99th percentile",
                measure => measure_en(Some(measure)),
            };
            format!("whose {measure} is {side} {}", value(bound, "per second"))
        });
        let told = told.collect::<Vec<_>>().join(" and ");
        if told.is_empty() { told } else { format!(" {told}") }
    }
}

fn measure_en(measure: Option<Measure>) -> &'static str {
    match measure {
        Some(Measure::Latency) => "latency",
        Some(Measure::Errors) => "error ratio",
        Some(Measure::Requests) => "request rate",
        Some(Measure::Cpu) => "CPU",
        Some(Measure::Memory) => "memory",
        Some(Measure::Disk) => "disk",
        None => "resources",
    }
}

/// Names a measure where services are ranked by it.
fn use_en(measure: Measure) -> &'static str {
    match measure {
        Measure::Cpu => "CPU usage",
        Measure::Memory => "memory usage",
        Measure::Disk => "disk usage",
        measure => measure_en(Some(measure)),
    }
}

pub(super) fn length_en(ms: f64) -> String {
    if ms == 1_800e3 {
        return "half an hour".to_owned();
    }
    let (n, unit) = length(ms);
    let s = if n == 1.0 { "" } else { "s" };
    format!("{} {}{s}", plain(n), ["second", "minute", "hour", "day", "week"].get(unit).unwrap_or(&"second"))
}

/// Writes small numbers out, as people do who ask for a few.
fn few(n: usize) -> String {
    let words = ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
    n.checked_sub(2).and_then(|at| words.get(at)).map_or_else(|| n.to_string(), |word| (*word).to_owned())
}
