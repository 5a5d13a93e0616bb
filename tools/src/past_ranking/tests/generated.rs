//! Three hundred generated cases of twelve kinds of fault: how well they are found again, and how often where there is nothing to find.

use waggle_agent_core::past_case::{Outcome, signs::STANDS_OUT};

use super::*;

/// A kind of fault: its class, where it sits, what it does to the service, and what is written.
type FaultKind = (&'static str, Role, &'static [(&'static str, f64)], &'static [&'static str]);

#[rustfmt::skip]
const KINDS: [FaultKind; 12] = [
    ("slow_code", Role::Below, &[("self_ms.ratio", 4.0), ("self_ms.delta", 60.0), ("self.share", 0.9), ("latency.share", 0.8), ("cpu_per_request.ratio", 2.5), ("cpu.share", 0.7), ("explained", 0.8)], &[]),
    ("slow_code", Role::Felt, &[("self_ms.ratio", 3.0), ("self_ms.delta", 40.0), ("self.share", 0.9), ("latency.share", 0.9), ("deploy.seconds_before_onset", 30.0), ("explained", 0.9)], &[]),
    ("packet_loss", Role::Below, &[("edge.retransmits.delta", 3.0), ("network.share", 0.8), ("gap.share", 0.7), ("edge.gap_ms.delta", 40.0), ("latency.share", 0.7), ("explained", 0.7)], &[]),
    ("cpu_contention", Role::Below, &[("cpu_wait.share", 0.8), ("cpu_wait.delta", 0.6), ("neighbour_cpu.delta", 2.0), ("latency.share", 0.7), ("self_ms.ratio", 2.5), ("explained", 0.7)], &[]),
    ("error_burst", Role::Below, &[("errors.own.share", 0.9), ("errors.delta", 0.3), ("errors.own.delta", 0.3), ("error_logs.delta", 3.0), ("error_logs.new_templates", 2.0), ("explained", 0.9)], &["null pointer while parsing the coupon", "cannot parse field amount"]),
    ("service_down", Role::Below, &[("silent", 1.0), ("process_ended", 1.0), ("edge.connect_failures.delta", 5.0), ("edge.failed.delta", 0.9), ("errors.lost.share", 0.9), ("explained", 0.9)], &["connection refused"]),
    ("traffic_surge", Role::Felt, &[("rate.ratio", 4.0), ("cpu.ratio", 3.0), ("load.share", 0.9), ("latency.share", 0.5), ("explained", 0.8)], &[]),
    ("memory_growth", Role::Below, &[("memory.ratio", 3.0), ("memory.delta", 900.0), ("restarted", 1.0), ("self_ms.ratio", 1.9), ("latency.share", 0.4), ("explained", 0.5)], &["garbage collection pause too long"]),
    ("retry_storm", Role::Felt, &[("calls.share", 0.35), ("retries.share", 0.7), ("rate.ratio", 1.7), ("latency.share", 0.6), ("explained", 0.6)], &["max retries exceeded"]),
    ("dependency_failing", Role::Felt, &[("unobserved", 1.0), ("errors.share", 0.6), ("edge.failed.delta", 0.4), ("errors.lost.share", 0.6), ("errors.delta", 0.4), ("explained", 0.6)], &["upstream answered 503"]),
    ("upstream_lost", Role::Beside, &[("starved", 1.0), ("rate.ratio", 0.1), ("cpu.ratio", 0.2), ("explained", 0.3)], &["no message received for a while"]),
    ("invalid_configuration", Role::Felt, &[("restarted", 1.0), ("error_logs.delta", 2.0), ("error_logs.new_templates", 3.0), ("deploy.seconds_before_onset", 20.0), ("errors.delta", 0.1), ("explained", 0.4)], &["unknown option in the settings file", "falling back to the default setting"]),
];

/// What never happened before: features that go together in none of the kinds.
#[rustfmt::skip]
const NOVEL: [FaultKind; 4] = [
    ("", Role::Beside, &[("memory.ratio", 2.0), ("edge.gap_ms.delta", 20.0)], &["replica lags behind its primary"]),
    ("", Role::Beside, &[("cpu.ratio", 0.2), ("retries.share", 0.6), ("edge.retransmits.delta", 1.0)], &["lease expired before renewal"]),
    ("", Role::Below, &[("starved", 1.0), ("memory.ratio", 1.8)], &["partition was reassigned"]),
    ("", Role::Beside, &[("gap.share", 0.6), ("cpu_wait.delta", 0.4)], &["clock moved backwards"]),
];

const SERVICES: [&str; 12] = [
    "cart", "checkout", "stock", "users", "mail", "search", "prices", "orders", "images", "billing", "geo",
    "feed",
];
const TITLES: [&str; 4] = ["p99 latency above 200 ms", "error ratio above 5%", "users complain", "变慢"];

/// A linear congruential generator (Knuth, The Art of Computer Programming, volume 2, 3.3.4): the same numbers everywhere.
struct Dice(u64);

impl Dice {
    fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[(self.share() * all.len() as f64) as usize]
    }
}

/// Draws an incident of a kind: numbers vary by a third, one in seven is not measured, and now and then something else stands out.
fn drawn(dice: &mut Dice, kind: &FaultKind) -> Showing {
    let (_, role, features, templates) = kind;
    let mut features = measured(features);
    features.retain(|_, _| dice.share() > 0.15);
    features.values_mut().for_each(|value| *value *= 0.7 + 0.6 * dice.share());
    while dice.share() < 0.4 {
        let (feature, _, above) = dice.one_of(&STANDS_OUT);
        features.entry(feature.to_owned()).or_insert(above.unwrap_or_default().max(0.1) * 1.5);
    }
    // Most of what is as ever was measured, too. A change is only there when there was one.
    for (feature, ..) in STANDS_OUT.iter().filter(|(feature, ..)| !feature.starts_with("deploy")) {
        let as_ever = if feature.ends_with("ratio") { 1.0 } else { 0.0 };
        if dice.share() < 0.85 {
            features.entry((*feature).to_owned()).or_insert(as_ever);
        }
    }
    let service = dice.one_of(&SERVICES);
    let templates = templates.iter().filter(|_| dice.share() > 0.2).map(|line| (*line).to_owned());
    let templates = templates.collect();
    let title = format!("{service}: {}", dice.one_of(&TITLES));
    Showing { service: service.to_owned(), role: *role, title, templates, features }
}

#[test]
fn the_same_kind_is_found_again_and_nothing_is_found_where_there_is_nothing() {
    const DRAWS: usize = 12;
    let mut dice = Dice(7);
    let mut cases = Vec::new();
    for n in 0_usize..300 {
        let kind = &KINDS[n % KINDS.len()];
        let days_ago = 1 + (dice.share() * 300.0) as i64;
        let showing = drawn(&mut dice, kind);
        cases.push(case(&format!("inc-{}-{n}", n % KINDS.len()), days_ago, kind.0, &showing));
    }
    let (mut n_again, mut n_first, mut n_held_wrongly) = (0, 0, 0);
    println!("{:<28} {:>8} {:>8} {:>8} of {DRAWS}", "kind", "first", "in 3", "held");
    for (place, kind) in KINDS.iter().enumerate() {
        let of_kind = |alike: &Alike| alike.kept.case.incident.0.starts_with(&format!("inc-{place}-"));
        let (mut first, mut again, mut held) = (0, 0, 0);
        for _ in 0..DRAWS {
            let found = found(cases.clone(), &drawn(&mut dice, kind));
            first += usize::from(found.first().is_some_and(of_kind));
            again += usize::from(found.iter().take(3).any(of_kind));
            let holds = |alike: &&Alike| alike.outcome() == Outcome::Holds;
            held += usize::from(found.iter().filter(holds).any(of_kind));
            let wrong = found.first().filter(holds).is_some_and(|alike| {
                alike.blamed.as_ref().is_some_and(|blamed| blamed.cause.fault_class != kind.0)
            });
            n_held_wrongly += usize::from(wrong);
        }
        println!("{:<28} {first:>8} {again:>8} {held:>8}", format!("{} {:?}", kind.0, kind.1));
        (n_again, n_first) = (n_again + again, n_first + first);
    }
    let (mut n_told, mut n_seen, mut n_novel) = (0, 0, 0);
    for kind in &NOVEL {
        for _ in 0..3 * DRAWS {
            let found = found(cases.clone(), &drawn(&mut dice, kind));
            n_novel += 1;
            n_told += usize::from(!found.is_empty());
            n_seen += usize::from(found.first().is_some_and(|alike| alike.outcome() == Outcome::Holds));
        }
    }
    let n = KINDS.len() * DRAWS;
    println!("of {n}: {n_first} first, {n_again} in three, {n_held_wrongly} another class held first");
    println!("of {n_novel} that never happened: {n_told} told as alike, {n_seen} as seen before");
    let share = |part: usize, of: usize| part as f64 / of as f64;
    assert!(share(n_again, n) >= 0.95, "{n_again} of {n} found in three");
    assert!(share(n_first, n) >= 0.9, "{n_first} of {n} found first");
    assert!(share(n_held_wrongly, n) <= 0.02, "{n_held_wrongly} of {n} held wrongly");
    assert!(share(n_told, n_novel) <= 0.3, "{n_told} of {n_novel} told");
    assert!(share(n_seen, n_novel) <= 0.02, "{n_seen} of {n_novel} seen before");
}
