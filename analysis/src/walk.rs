//! Anomaly bounding: from a symptom down the calls, to the services whose own work, or the way to them, explains it.
//!
//! The time that was added is split in `added_time.rs`, the errors in `added_errors.rs`; here the two are put together.
//!
//! ## Assumptions
//!
//! Calls of one request follow one another (see [`self_time`](crate::self_time)), and a callee serves all its callers alike.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{Deserialize, Serialize};
use waggle_signals::Topology;

use crate::{
    graph::Windows,
    quantity,
    worsening::{Worsening, worsening},
};

/// What explains the worsening of one service, by the services below it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Walk {
    /// The service that the walk started from.
    pub root: String,
    /// How its users fare.
    pub worsening: Worsening,
    /// Milliseconds that one request at the root takes longer, as far as services explain it; what became faster is not set against it.
    pub added_ms: f64,
    /// The root and every service below it, most explaining first.
    pub contributions: Vec<Contribution>,
    /// Calls that carry the trouble, by caller and callee.
    pub hops: Vec<Hop>,
}

/// What one service adds to each request of the root.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Contribution {
    /// The service.
    pub service: String,
    /// How often one request of the root asks it.
    pub visits: f64,
    /// Added by its own work, milliseconds per request of the root; negative when it became faster.
    pub self_ms: f64,
    /// Added because it asks others more often, though they do not fail more.
    pub more_calls_ms: f64,
    /// Added because calls to it fail and are tried again.
    pub retried_ms: f64,
    /// Added between it and those who ask it, or by itself where it was not seen: queues before it reads, connecting, the network.
    pub gap_ms: f64,
    /// The part of `gap_ms` on edges that lose packets.
    pub network_ms: f64,
    /// Its share of all that was added, 0 to 1; zero when the root is no slower.
    pub latency_share: f64,
    /// Its own errors' share of the root's added errors, 0 to 1; zero when the root does not fail more.
    pub own_error_share: f64,
    /// The share that failed on the way to it, without its saying so.
    pub lost_error_share: f64,
    /// The caller whose calls to it lost the most, when any did.
    pub worst_caller: Option<String>,
}

/// One step of the way that trouble takes, from the asker to the asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hop {
    /// The caller.
    pub from: String,
    /// The callee.
    pub to: String,
    /// How much of the trouble goes this way: share of added time plus share of added errors, 0 to about 2.
    pub weight: f64,
}

/// Steps down the calls; deeper chains do not occur, and longer cycles are cut.
pub(crate) const MAX_DEPTH: usize = 64;

/// Walks from `root` and splits its worsening over the services below it.
///
/// A root that is not in the topology has no contributions.
pub fn walk(baseline: &Topology, window: &Topology, root: &str, hints: Hints) -> Walk {
    Walker::new(&Windows::new(baseline, window, hints)).walk(root)
}

/// What else is known about services, where the map alone leaves a choice. May be empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Hints {
    /// How many milliseconds longer one request waits for a CPU, by service. Decides whether a gap is the fault of the end that asks or the end that answers.
    pub run_queue_ms: BTreeMap<String, f64>,
    /// Services whose process ended and was not started again. Those who asked them and fail without asking have a reason.
    pub ended: BTreeSet<String>,
}

/// The two windows and what has been credited to whom.
pub(crate) struct Walker<'a> {
    pub windows: &'a Windows<'a>,
    credit: BTreeMap<&'a str, Contribution>,
    hops: BTreeMap<(&'a str, &'a str), (f64, f64)>,
    worst: BTreeMap<&'a str, (Suffered, &'a str)>,
}

/// What calls of one caller suffer; errors are compared before time.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub(crate) struct Suffered {
    /// Share of the root's added errors.
    pub errors: f64,
    /// Milliseconds per request of the root.
    pub ms: f64,
}

impl<'a> Walker<'a> {
    pub fn new(windows: &'a Windows<'a>) -> Self {
        let (credit, hops, worst) = Default::default();
        Self { windows, credit, hops, worst }
    }

    pub fn walk(mut self, root: &str) -> Walk {
        let worsening = worsening(self.windows, root);
        let (before, after) = (&self.windows.before.nodes, &self.windows.after.nodes);
        if let Some((root, _)) = before.get_key_value(root).or_else(|| after.get_key_value(root)) {
            self.split_time(root);
            if worsening.failing || worsening.silent {
                self.split_errors(root);
            }
        }
        self.finish(root, worsening)
    }

    /// Returns the credit of `service`, nothing yet at first.
    pub fn credited(&mut self, service: &'a str) -> &mut Contribution {
        self.credit
            .entry(service)
            .or_insert_with(|| Contribution { service: service.to_owned(), ..Contribution::default() })
    }

    /// Remembers whose calls to `to` suffer most: those that fail count before those that wait.
    pub fn blame_caller(&mut self, from: &'a str, to: &'a str, suffered: Suffered) {
        let worst = self.worst.entry(to).or_insert((Suffered::default(), from));
        if suffered > worst.0 {
            *worst = (suffered, from);
        }
    }

    /// Adds trouble that goes from `from` to `to`: milliseconds per request of the root, and a share of its added errors.
    pub fn pass(&mut self, from: &'a str, to: &'a str, (ms, errors): (f64, f64)) {
        let hop = self.hops.entry((from, to)).or_default();
        *hop = (hop.0 + ms.max(0.0), hop.1 + errors);
    }

    fn finish(self, root: &str, worsening: Worsening) -> Walk {
        let added_ms: f64 = self.credit.values().map(|c| c.added_ms().max(0.0)).sum();
        let mut contributions: Vec<Contribution> = self.credit.into_values().collect();
        for contribution in &mut contributions {
            if worsening.slower && added_ms > 0.0 {
                contribution.latency_share = contribution.added_ms().max(0.0) / added_ms;
            }
            let worst = self
                .worst
                .get(contribution.service.as_str())
                .filter(|(suffered, _)| *suffered > Suffered::default());
            contribution.worst_caller = worst.map(|(_, from)| (*from).to_owned());
        }
        let share = |c: &Contribution| c.latency_share + c.error_share();
        contributions.sort_by(|a, b| share(b).total_cmp(&share(a)));
        let hops = self.hops.into_iter().map(|((from, to), (slow, failed))| {
            let slow = if worsening.slower && added_ms > 0.0 { slow / added_ms } else { 0.0 };
            Hop { from: from.to_owned(), to: to.to_owned(), weight: slow + failed }
        });
        Walk { root: root.to_owned(), hops: hops.collect(), added_ms, contributions, worsening }
    }
}

// === impl Contribution ===

impl Contribution {
    /// Returns what it adds to each request of the root, milliseconds.
    pub fn added_ms(&self) -> f64 {
        self.self_ms + self.more_calls_ms + self.retried_ms + self.gap_ms
    }

    /// Returns its share of the root's added errors, 0 to 1.
    pub fn error_share(&self) -> f64 {
        self.own_error_share + self.lost_error_share
    }
}

// === impl Walk ===

impl Walk {
    /// Returns the contribution of `service`; `None` when no request of the root reaches it.
    pub fn contribution(&self, service: &str) -> Option<&Contribution> {
        self.contributions.iter().find(|c| c.service == service)
    }

    /// Returns how much of the symptom `service` explains, 0 to 1: its shares of added time and of added errors, weighted by how bad each is.
    pub fn explained_by(&self, service: &str) -> f64 {
        let Some(found) = self.contribution(service) else { return 0.0 };
        let slower = self.worsening.slower_by();
        let failing = if self.worsening.silent { 3.0 } else { self.worsening.failing_by() };
        if slower + failing <= 0.0 {
            return 0.0;
        }
        (found.latency_share * slower + found.error_share() * failing) / (slower + failing)
    }

    /// Returns the strongest way from the root to `service`, both included; just the two when no single call connects them, just the root for itself.
    pub fn path_to(&self, service: &str) -> Vec<String> {
        let mut path = vec![service];
        let mut at = service;
        while at != self.root {
            let into = self.hops.iter().filter(|hop| hop.to == at && !path.contains(&hop.from.as_str()));
            let Some(hop) = into.max_by(|a, b| a.weight.total_cmp(&b.weight)) else {
                path.push(&self.root);
                break;
            };
            at = &hop.from;
            path.push(at);
        }
        path.into_iter().rev().map(str::to_owned).collect()
    }
}

impl fmt::Display for Walk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.worsening)?;
        for found in self.contributions.iter().filter(|c| c.latency_share.max(c.error_share()) >= 0.05) {
            write!(f, "\n- {}:", self.path_to(&found.service).join(" → "))?;
            if found.latency_share > 0.0 {
                write!(
                    f,
                    " adds {} ({} of it; own work {}, more calls {}, calls to it tried again {}, on the way to it {})",
                    quantity::ms(found.added_ms()),
                    quantity::percent(found.latency_share),
                    quantity::ms(found.self_ms),
                    quantity::ms(found.more_calls_ms),
                    quantity::ms(found.retried_ms),
                    quantity::ms(found.gap_ms),
                )?;
            }
            if found.error_share() > 0.0 {
                write!(
                    f,
                    " {} of added errors ({} lost on the way to it)",
                    quantity::percent(found.error_share()),
                    quantity::percent(found.lost_error_share),
                )?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Shop, red};

    /// gateway → checkout → {cart, inventory}; every edge adds 1 ms.
    fn chain(inventory_ms: f64, inventory_errors: u64, calls_per_order: u64) -> Topology {
        let inventory = red(100 * calls_per_order, inventory_errors, inventory_ms);
        let cart = red(100, 0, 5.0);
        let checkout_ms = 20.0 + (inventory_ms + 1.0) * calls_per_order as f64 + 6.0;
        let errors = inventory_errors.min(100);
        let (checkout, gateway) = (red(100, errors, checkout_ms), red(100, errors, checkout_ms + 3.0));
        let on_the_way = |ms| red(100, errors, ms);
        Shop::new(30)
            .node("gateway", gateway)
            .node("checkout", checkout)
            .node("cart", cart)
            .node("inventory", inventory)
            .edge("gateway", "checkout", on_the_way(checkout_ms + 1.0), checkout)
            .edge("checkout", "cart", red(100, 0, 6.0), cart)
            .edge(
                "checkout",
                "inventory",
                red(100 * calls_per_order, inventory_errors, inventory_ms + 1.0),
                inventory,
            )
            .build()
    }

    fn check(before: &Topology, after: &Topology, root: &str, wanted: &str, path: &[&str]) -> Walk {
        let walk = walk(before, after, root, Hints::default());
        assert_eq!(walk.contributions[0].service, wanted, "{walk}");
        assert!(walk.explained_by(wanted) > 0.9, "{walk}");
        assert_eq!(walk.path_to(wanted), path);
        walk
    }

    #[test]
    fn added_time_goes_to_the_service_that_works_longer() {
        let walk = check(
            &chain(30.0, 0, 1),
            &chain(1980.0, 0, 1),
            "gateway",
            "inventory",
            &["gateway", "checkout", "inventory"],
        );
        assert!((walk.added_ms - 1950.0).abs() < 1e-6);
    }

    #[test]
    fn added_errors_go_to_the_service_that_fails_first() {
        check(
            &chain(30.0, 0, 1),
            &chain(30.0, 40, 1),
            "gateway",
            "inventory",
            &["gateway", "checkout", "inventory"],
        );
    }

    #[test]
    fn more_calls_are_the_callers_doing() {
        let walk =
            check(&chain(30.0, 0, 1), &chain(30.0, 0, 20), "gateway", "checkout", &["gateway", "checkout"]);
        assert!((walk.contributions[0].more_calls_ms - 19.0 * 31.0).abs() < 1e-6);
    }

    #[test]
    fn the_way_to_a_callee_is_credited_to_it_and_names_the_caller() {
        let (before, mut after) = (chain(30.0, 0, 1), chain(30.0, 0, 1));
        after.edges[2].asked = red(100, 0, 231.0);
        after.edges[2].retransmits = 90;
        after.edges[0].asked = red(100, 0, 257.0);
        for node in 0..2 {
            after.nodes[node].answered = red(100, 0, if node == 0 { 260.0 } else { 257.0 });
        }
        after.edges[0].answered = red(100, 0, 257.0);
        let walk = check(&before, &after, "gateway", "inventory", &["gateway", "checkout", "inventory"]);
        assert!(walk.contributions[0].network_ms > 190.0);
        assert_eq!(walk.contributions[0].worst_caller.as_deref(), Some("checkout"));
    }

    #[test]
    fn cycles_self_calls_and_unknown_roots_end() {
        let cycle = |ms: f64| {
            Shop::new(10)
                .node("a", red(50, 0, ms))
                .edge("a", "b", red(50, 0, ms), red(50, 0, ms))
                .edge("b", "a", red(50, 0, ms), red(50, 0, ms))
                .edge("a", "a", red(50, 0, ms), red(50, 0, ms))
                .build()
        };
        let found = walk(&cycle(10.0), &cycle(90.0), "a", Hints::default());
        assert!(found.contributions.iter().all(|c| c.latency_share.is_finite()));
        let empty = Shop::new(10).build();
        assert_eq!(walk(&empty, &empty, "nobody", Hints::default()).contributions, []);
    }
}
