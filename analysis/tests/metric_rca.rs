//! Incidents made up of columns alone, and what the search for their root cause says.

use proptest::prelude::*;
use waggle_analysis::metric_rca::{CallGraph, Column, MetricRca, Panel, SymptomName, metric_rca};
use waggle_signals::Timestamp;

const BEFORE: usize = 200;
const AFTER: usize = 100;

/// Noise that is the same in every run: a linear congruential generator (Knuth's MMIX), three draws added up, deviation about a half.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        (0..3)
            .map(|_| {
                self.0 =
                    self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (self.0 >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
            })
            .sum()
    }
}

/// A column that is at one level, then at another from row `from` on.
fn column(service: &str, metric: &str, (before, after): (f64, f64), noise: f64, from: usize) -> Column {
    let seed = service
        .bytes()
        .chain(metric.bytes())
        .fold(7_u64, |seed, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)));
    let mut source = Noise(seed);
    let level = |row: usize| if row < from { before } else { after };
    let values = (0..BEFORE + AFTER).map(|row| level(row) + noise * source.next()).collect();
    Column { service: service.into(), metric: metric.into(), statistic: String::new(), values }
}

fn panel(columns: Vec<Column>) -> Panel {
    let times = (0..BEFORE + AFTER).map(|row| Timestamp::from_secs(1_700_000_000 + row as i64)).collect();
    Panel { times, split: BEFORE, columns }
}

fn calls(calls: &[(&str, &str)]) -> CallGraph {
    CallGraph::new(calls.iter().map(|(caller, callee)| ((*caller).to_owned(), (*callee).to_owned())))
}

fn named(service: &str, metric: &str) -> SymptomName {
    SymptomName { service: service.into(), metric: Some(metric.into()) }
}

fn services(found: &MetricRca) -> Vec<&str> {
    found.suspects.iter().map(|suspect| suspect.service.as_str()).collect()
}

#[test]
fn a_hogged_processor_comes_before_what_it_slows_down() {
    let found = metric_rca(
        panel(vec![
            column("web", "latency", (80.0, 240.0), 8.0, BEFORE),
            column("cart", "cpu", (0.4, 3.9), 0.04, BEFORE),
            column("cart", "mem", (300.0, 302.0), 1.0, BEFORE),
            column("pay", "cpu", (0.6, 0.61), 0.05, BEFORE),
        ]),
        &CallGraph::default(),
        None,
    );
    assert_eq!(services(&found), ["cart", "web"], "{found}");
    assert_eq!(found.suspects[0].metric, "cpu");
    assert_eq!(found.onset.unwrap().late_rows, 0);
}

#[test]
fn a_gauge_that_never_moved_and_moves_by_a_page_is_no_suspect() {
    let found = metric_rca(
        panel(vec![
            column("idle", "mem", (300_000_000.0, 300_004_096.0), 0.0, BEFORE),
            column("zero", "cpu", (0.0, 0.001), 0.0, BEFORE),
            column("cart", "cpu", (0.4, 3.9), 0.04, BEFORE),
            column("pay", "cpu", (0.6, 0.6), 0.05, BEFORE),
        ]),
        &CallGraph::default(),
        None,
    );
    assert_eq!(services(&found), ["cart"], "{found}");
}

#[test]
fn many_metrics_are_no_disadvantage() {
    let mut columns: Vec<Column> =
        (0..40).map(|i| column("big", &format!("size_{i}"), (50.0, 51.0), 3.0, BEFORE)).collect();
    columns.push(column("small", "cpu", (1.0, 4.0), 0.1, BEFORE));
    let found = metric_rca(panel(columns), &CallGraph::default(), None);
    assert_eq!(services(&found), ["small"], "{found}");
}

#[test]
fn a_window_that_was_cut_late_is_cut_again_to_the_row() {
    for late in [10, 60, 90] {
        let from = BEFORE - late;
        let found = metric_rca(
            panel(vec![
                column("web", "latency", (80.0, 240.0), 8.0, from),
                column("cart", "cpu", (0.4, 3.9), 0.04, from),
                column("pay", "cpu", (0.6, 0.6), 0.05, from),
            ]),
            &CallGraph::default(),
            None,
        );
        assert_eq!(services(&found)[0], "cart");
        let onset = found.onset.unwrap();
        assert_eq!(onset.late_rows, late);
        assert_eq!(onset.at, Timestamp::from_secs(1_700_000_000 + from as i64));
    }
}

/// A shop where each request to `web` is one to `cart` and `pay`, and one of those to `db`; the symptom is that of `web`.
fn check_calls(latencies: &[(&str, f64, f64)], wanted: &[&str]) {
    let mut columns = Vec::new();
    for (service, before, after) in latencies {
        columns.push(column(service, "latency", (*before, *after), 0.02 * before, BEFORE));
        columns.push(column(service, "requests", (100.0, 100.0), 4.0, BEFORE));
    }
    let graph = calls(&[("web", "cart"), ("web", "pay"), ("cart", "db"), ("db", "cart"), ("web", "web")]);
    let found = metric_rca(panel(columns), &graph, Some(&named("web", "latency")));
    assert_eq!(services(&found), wanted, "{found}");
}

#[test]
fn the_symptom_is_followed_to_who_is_slow_by_itself() {
    check_calls(&[("web", 100.0, 300.0), ("cart", 50.0, 250.0), ("pay", 20.0, 20.0)], &["cart", "web"]);
    check_calls(&[("web", 100.0, 300.0), ("cart", 50.0, 51.0), ("pay", 20.0, 220.0)], &["pay", "web"]);
    check_calls(&[("web", 100.0, 300.0), ("cart", 50.0, 51.0), ("pay", 20.0, 20.0)], &["web"]);
}

#[test]
fn a_callee_that_is_strange_by_little_does_not_excuse_its_caller() {
    // `pay` is slower by half of its two milliseconds, `web` by 200.
    check_calls(&[("web", 100.0, 300.0), ("cart", 50.0, 51.0), ("pay", 2.0, 3.0)], &["web"]);
}

#[test]
fn failures_are_counted_in_requests() {
    // `edge` fails for more of its requests, and has few of them.
    let mut columns = Vec::new();
    for (service, before, after, requests) in
        [("web", 99.9, 95.0, 500.0), ("edge", 100.0, 90.0, 30.0), ("stock", 100.0, 97.0, 800.0)]
    {
        columns.push(column(service, "availability", (before, after), 0.0, BEFORE));
        columns.push(column(service, "requests", (requests, requests), 1.0, BEFORE));
    }
    let graph = calls(&[("web", "edge"), ("web", "stock")]);
    let found = metric_rca(panel(columns), &graph, Some(&named("web", "availability")));
    assert_eq!(services(&found)[0], "stock", "{found}");
}

#[test]
fn a_symptom_named_by_its_service_alone_is_what_leads_somewhere() {
    // `web` is also a little slower, which leads nowhere.
    let mut columns = Vec::new();
    for (service, before, after) in [("web", 100.0, 96.0), ("stock", 100.0, 94.0), ("pay", 100.0, 100.0)] {
        columns.push(column(service, "availability", (before, after), 0.0, BEFORE));
        columns.push(column(
            service,
            "latency",
            (50.0, if service == "web" { 58.0 } else { 50.0 }),
            5.0,
            BEFORE,
        ));
        columns.push(column(service, "requests", (400.0, 400.0), 1.0, BEFORE));
    }
    let graph = calls(&[("web", "stock"), ("web", "pay")]);
    let symptom = SymptomName { service: "web".into(), metric: None };
    let found = metric_rca(panel(columns), &graph, Some(&symptom));
    assert_eq!(found.symptom.as_deref(), Some("web availability"));
    assert_eq!(services(&found)[0], "stock", "{found}");
}

#[test]
fn a_percentile_is_followed_by_the_mean_that_adds_up() {
    let mut columns = Vec::new();
    for (service, mean, p99) in
        [("web", (100.0, 200.0), (300.0, 400.0)), ("cart", (50.0, 150.0), (60.0, 900.0))]
    {
        columns.push(column(service, "latency", mean, 2.0, BEFORE));
        columns.push(Column { statistic: "p99".into(), ..column(service, "latency", p99, 6.0, BEFORE) });
    }
    let found = metric_rca(panel(columns), &calls(&[("web", "cart")]), Some(&named("web", "latency p99")));
    assert_eq!(found.method, "followed `web latency` down the calls");
    assert_eq!(services(&found), ["cart", "web"]);
}

#[test]
fn a_callee_that_nobody_times_is_found_by_its_processor() {
    let found = metric_rca(
        panel(vec![
            column("web", "latency", (100.0, 300.0), 2.0, BEFORE),
            column("db", "cpu", (0.5, 3.0), 0.05, BEFORE),
            column("far", "cpu", (0.5, 3.0), 0.05, BEFORE),
        ]),
        &calls(&[("web", "db")]),
        Some(&named("web", "latency")),
    );
    assert_eq!(services(&found), ["db", "web"], "{found}");
}

#[test]
fn a_symptom_that_is_not_named_is_looked_for_where_calls_come_in() {
    let found = metric_rca(
        panel(vec![
            column("web", "latency", (100.0, 300.0), 2.0, BEFORE),
            column("cart", "latency", (50.0, 250.0), 1.0, BEFORE),
            column("pay", "latency", (20.0, 20.0), 0.4, BEFORE),
        ]),
        &calls(&[("web", "cart"), ("web", "pay")]),
        None,
    );
    assert_eq!(found.symptom.as_deref(), Some("web latency"));
    assert_eq!(services(&found), ["cart", "web"], "{found}");
}

#[test]
fn health_is_quiet() {
    let columns = || {
        let mut columns = Vec::new();
        for service in ["web", "cart", "pay", "db"] {
            columns.push(column(service, "latency", (50.0, 50.0), 9.0, 0));
            columns.push(column(service, "cpu", (1.0, 1.0), 0.2, 0));
            columns.push(column(service, "availability", (100.0, 100.0), 0.0, 0));
        }
        panel(columns)
    };
    let graph = calls(&[("web", "cart"), ("cart", "db"), ("web", "pay")]);
    for symptom in [None, Some(named("web", "latency")), Some(named("web", "availability"))] {
        for graph in [&graph, &CallGraph::default()] {
            let found = metric_rca(columns(), graph, symptom.as_ref());
            assert!(found.quiet && found.suspects.is_empty() && found.onset.is_none(), "{found}");
        }
    }
}

#[test]
fn a_named_symptom_that_does_not_show_is_quiet_whatever_else_happens() {
    let columns = vec![
        column("web", "latency", (100.0, 100.0), 0.0, 0),
        column("batch", "cpu", (1.0, 8.0), 0.1, BEFORE),
    ];
    let found = metric_rca(panel(columns), &CallGraph::default(), Some(&named("web", "latency")));
    assert_eq!(found.to_string(), "quiet: `web latency` is within its usual range");
}

#[test]
fn rows_and_columns_that_say_nothing_are_quiet() {
    let nothing = f64::NAN;
    for (rows, split, values) in [
        (0, 0, vec![]),
        (1, 1, vec![1.0]),
        (9, 4, vec![1.0; 9]),
        (9, 20, vec![1.0; 3]),
        (9, 6, vec![nothing; 9]),
        (9, 6, vec![1.0, 1.0, 1.0, 1.0, 1.0, 1.0, nothing, nothing, nothing]),
        (9, 6, vec![1.0, f64::INFINITY, nothing, 1.0, 1.0, 1.0, f64::INFINITY, nothing, f64::NEG_INFINITY]),
    ] {
        let times = vec![Timestamp::from_secs(0); rows];
        let column = Column { service: "a".into(), metric: "cpu".into(), statistic: String::new(), values };
        let columns = vec![column.clone(), column, Column::default()];
        let found = metric_rca(Panel { times, split, columns }, &calls(&[("a", "b"), ("b", "a")]), None);
        assert!(found.quiet, "{found}");
    }
}

#[test]
fn the_text_has_numbers_and_times() {
    let mut columns = Vec::new();
    for (service, before, after) in [("web", 100.0, 300.0), ("cart", 50.0, 250.0), ("pay", 20.0, 20.0)] {
        columns.push(column(service, "latency", (before, after), 0.1 * before, BEFORE - 40));
    }
    columns.push(column("cart", "cpu", (0.5, 3.0), 0.05, BEFORE - 40));
    let graph = calls(&[("web", "cart"), ("web", "pay")]);
    let found = metric_rca(panel(columns), &graph, Some(&named("web", "latency")));
    insta::assert_snapshot!(found);
}

proptest! {
    #[test]
    fn any_columns_give_scores_that_add_up_to_one(
        columns in prop::collection::vec(
            (0..4_usize, 0..5_usize, prop::collection::vec(prop_oneof![any::<f64>(), -10.0..10.0_f64, Just(0.0)], 0..40)),
            0..8,
        ),
        edges in prop::collection::vec((0..4_usize, 0..4_usize), 0..6),
        rows in 0..40_usize,
        split in 0..41_usize,
        symptom in prop::option::of((0..5_usize, prop::option::of(0..5_usize))),
    ) {
        let service = |i: usize| format!("s{i}");
        let metric = |i: usize| ["latency", "cpu", "requests", "availability", "depth"][i].to_owned();
        let columns = columns
            .into_iter()
            .map(|(s, m, values)| Column { service: service(s), metric: metric(m), statistic: String::new(), values })
            .collect();
        let times = (0..rows).map(|row| Timestamp::from_secs(row as i64)).collect();
        let graph = CallGraph::new(edges.into_iter().map(|(a, b)| (service(a), service(b))));
        let symptom = symptom.map(|(s, m)| SymptomName { service: service(s), metric: m.map(metric) });
        let found = metric_rca(Panel { times, split, columns }, &graph, symptom.as_ref());
        prop_assert_eq!(found.quiet, found.suspects.is_empty());
        let total: f64 = found.suspects.iter().map(|suspect| suspect.score).sum();
        prop_assert!(found.quiet || (total - 1.0).abs() < 1e-9, "{}", found);
        prop_assert!(found.suspects.windows(2).all(|pair| pair[0].score >= pair[1].score));
    }
}
