//! Who calls whom, and how it went: rate, errors and duration per node and edge.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::TimeRange;

/// The services that were seen in a window and the calls between them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Topology {
    /// The window.
    pub range: TimeRange,
    /// Services, by name.
    pub nodes: Vec<Node>,
    /// Calls, by caller and then callee.
    pub edges: Vec<Edge>,
}

/// One service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// Its name.
    pub service: String,
    /// Requests that it answered; all zero for a service that only calls.
    pub answered: Red,
}

/// All calls from one service to another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Edge {
    /// The caller.
    pub from: String,
    /// The callee; its address where no name is known.
    pub to: String,
    /// The calls as the caller saw them.
    pub asked: Red,
    /// The same calls as the callee saw them; all zero when it was not seen.
    pub answered: Red,
    /// Segments that either end sent again.
    pub retransmits: u64,
    /// Attempts to connect that failed.
    pub connect_failures: u64,
    /// Connections opened.
    pub connections: u64,
}

/// Rate, errors, duration of a set of requests (Wilkie's RED). All zero when there were none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Red {
    /// Requests.
    pub count: u64,
    /// Requests that failed.
    pub errors: u64,
    /// Sum of their durations, milliseconds.
    pub total_ms: f64,
    /// Median duration, milliseconds.
    pub p50_ms: f64,
    /// 90th percentile, milliseconds.
    pub p90_ms: f64,
    /// 99th percentile, milliseconds.
    pub p99_ms: f64,
}

impl Topology {
    /// Returns the node of `service`.
    pub fn node(&self, service: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| node.service == service)
    }

    /// Returns the edge between two services.
    pub fn edge(&self, from: &str, to: &str) -> Option<&Edge> {
        self.edges.iter().find(|edge| edge.from == from && edge.to == to)
    }

    /// Returns the calls that `service` makes.
    pub fn calls_of<'a>(&'a self, service: &'a str) -> impl Iterator<Item = &'a Edge> {
        self.edges.iter().filter(move |edge| edge.from == service)
    }

    /// Returns the calls made to `service`.
    pub fn callers_of<'a>(&'a self, service: &'a str) -> impl Iterator<Item = &'a Edge> {
        self.edges.iter().filter(move |edge| edge.to == service)
    }
}

impl Red {
    /// Returns requests per second over `length`.
    pub fn rate(&self, length: Duration) -> f64 {
        if length.is_zero() { 0.0 } else { self.count as f64 / length.as_secs_f64() }
    }

    /// Returns the share of requests that failed, 0 to 1; zero when there were none.
    pub fn error_ratio(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.errors as f64 / self.count as f64 }
    }

    /// Returns the mean duration in milliseconds; zero when there were none.
    pub fn mean_ms(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.total_ms / self.count as f64 }
    }
}
