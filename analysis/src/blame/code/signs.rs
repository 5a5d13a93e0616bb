//! What requests and profiles show of an incident, as far as code can be held against it.

use serde::{Deserialize, Serialize};
use waggle_signals::Timestamp;

/// All that requests, profiles and memory show; empty when nothing got worse or nothing was measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CodeSigns {
    /// Routes whose own time grew or that fail by themselves, worst first.
    pub routes: Vec<RouteSign>,
    /// Calls and statements that are made more often, take longer, or are given up; worst first.
    pub calls: Vec<CallSign>,
    /// Functions that hold the new CPU time, innermost first.
    pub frames: Vec<FrameSign>,
    /// Services whose memory grew and grew.
    pub leaking: Vec<String>,
    /// When the first route or service got worse; `None` when none did.
    pub onset: Option<Onset>,
}

/// A beginning, as surely as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Onset {
    /// The first that was worse.
    pub at: Timestamp,
    /// The next that was worse: the first may have been so by chance.
    pub latest: Timestamp,
}

/// A route whose requests got worse by the service's own doing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RouteSign {
    /// Who answers it.
    pub service: String,
    /// `GET /carts/{id}`, or the name of its spans.
    pub route: String,
    /// Why it got worse.
    pub why: Why,
    /// Mean own time before, milliseconds.
    pub own_before_ms: f64,
    /// Mean own time after, milliseconds.
    pub own_after_ms: f64,
    /// The part of the service's routes that got worse alike, 0 to 1: where all did, none says much.
    pub common: f64,
}

/// Why a route's own time grew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// It computes more: CPU time grew with it.
    Cpu,
    /// It waits: CPU time did not grow.
    Waits,
    /// Its CPU time is not known.
    Unknown,
    /// It fails while nothing that it calls does.
    Fails,
}

/// A call or a statement that got worse.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallSign {
    /// Who calls.
    pub service: String,
    /// In answer to which route; empty when it is part of none.
    pub route: String,
    /// The statement without its values, else the name of the span.
    pub what: String,
    /// Who is called; empty when unknown.
    pub peer: String,
    /// Calls per request, before and after.
    pub per_request: (f64, f64),
    /// Mean time of one call, milliseconds, before and after.
    pub each_ms: (f64, f64),
    /// The time at which failed calls end, milliseconds, where they all end at one and did not before.
    pub given_up_ms: Option<f64>,
}

/// A function that holds new CPU time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FrameSign {
    /// Whose.
    pub service: String,
    /// The frame as the profiler names it.
    pub function: String,
    /// Where in the source, as `file.rs:88`; `None` when unknown.
    pub location: Option<String>,
    /// Its part of the new CPU time with all that it calls, 0 to 1.
    pub share: f64,
}

/// A number of calls per request that grew by this factor grew for a reason: retries and pages add less.
pub const MORE: f64 = 2.0;

impl CodeSigns {
    /// Tells whether nothing got worse.
    pub fn is_empty(&self) -> bool {
        self.routes.is_empty() && self.calls.is_empty() && self.frames.is_empty() && self.leaking.is_empty()
    }

    /// Returns the services that got worse by their own doing, worst first.
    pub fn services(&self) -> Vec<String> {
        let named = self.routes.iter().map(|route| &route.service);
        let all = named
            .chain(self.calls.iter().map(|call| &call.service))
            .chain(self.frames.iter().map(|frame| &frame.service))
            .chain(&self.leaking);
        let mut services: Vec<String> = Vec::new();
        for service in all.filter(|service| !service.is_empty()) {
            if !services.contains(service) {
                services.push(service.clone());
            }
        }
        services
    }
}

impl CallSign {
    /// Tells whether there are more of it per request.
    pub fn is_more(&self) -> bool {
        self.per_request.1 >= MORE * self.per_request.0.max(0.5)
    }

    /// Tells whether each takes longer.
    pub fn is_slower(&self) -> bool {
        self.each_ms.0 > 0.0 && self.each_ms.1 >= 1.5 * self.each_ms.0
    }
}
