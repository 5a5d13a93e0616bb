//! Futures that are known: simulated ones, and slopes and variances that were worked out another way.

use proptest::prelude::*;
use waggle_signals::{Attributes, Measure};

use super::*;
use crate::Direction;

/// Noise without a library: a linear congruential generator (Knuth, MMIX), twelve uniform values summed.
fn noise(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    move || {
        let mut uniform = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1_u64 << 53) as f64
        };
        (0..12).map(|_| uniform()).sum::<f64>() - 6.0
    }
}

fn series(step_s: u64, values: impl IntoIterator<Item = f64>) -> Series {
    Series {
        measure: Measure::Metric("m".to_owned()),
        labels: Attributes::new(),
        start: Timestamp::from_secs(0),
        step: Duration::from_secs(step_s),
        values: values.into_iter().map(Some).collect(),
    }
}

/// Returns the share of futures inside of the band, over worlds that go on as they began.
fn coverage(n: usize, step_s: u64, world: impl Fn(u64) -> Vec<f64>) -> f64 {
    let (mut inside, mut all) = (0_usize, 0_usize);
    let n_worlds = if n > 500 { 12 } else { 60 };
    for seed in 1..=n_worlds {
        let values = world(seed);
        let Ok(forecast) = forecast(&series(step_s, values[..n].iter().copied())) else { continue };
        for (step, value) in forecast.steps.iter().zip(&values[n..]) {
            all += 1;
            inside += usize::from(step.low <= *value && *value <= step.high);
        }
    }
    inside as f64 / all as f64
}

fn remembering(seed: u64, n: usize, rho: f64) -> Vec<f64> {
    let (mut noise, mut last) = (noise(seed), 0.0);
    (0..n)
        .map(|_| {
            last = rho * last + noise();
            last
        })
        .collect()
}

#[test]
fn the_band_holds_four_of_five_futures() {
    let day = |row: usize| 30.0 * (row as f64 / 288.0 * std::f64::consts::TAU).sin();
    type World = Box<dyn Fn(u64) -> Vec<f64>>;
    let of = |rho: f64, n: usize, shape: fn(usize) -> f64| -> World {
        Box::new(move |seed| {
            remembering(seed, n, rho).iter().enumerate().map(|(row, v)| v + shape(row)).collect()
        })
    };
    let spiky: World = Box::new(|seed| {
        let mut spike = noise(seed + 7_000);
        let values = remembering(seed, 240, 0.0).into_iter().enumerate();
        values.map(|(row, v)| v + 0.1 * row as f64 + if spike() > 1.8 { 20.0 } else { 0.0 }).collect()
    });
    let daily: World = Box::new(move |seed| {
        remembering(seed, 288 * 6, 0.3)
            .iter()
            .enumerate()
            .map(|(row, v)| v + day(row) + 0.01 * row as f64)
            .collect()
    });
    let cases: [(&str, usize, u64, World); 6] = [
        ("a flat line", 120, 60, of(0.0, 240, |_| 5.0)),
        ("a line that rises", 120, 60, of(0.0, 240, |row| 0.2 * row as f64)),
        ("a short line that falls", 30, 60, of(0.0, 60, |row| -0.5 * row as f64)),
        ("noise that remembers its past", 120, 60, of(0.5, 240, |row| 0.2 * row as f64)),
        ("spikes", 120, 60, spiky),
        ("days", 288 * 3, 300, daily),
    ];
    for (name, n, step_s, world) in cases {
        let share = coverage(n, step_s, world);
        assert!((0.7..=0.9).contains(&share), "{name}: {share:.3}");
    }
}

#[test]
fn noise_hardly_ever_has_a_trend() {
    for rho in [0.0, 0.5] {
        let trends = (1..=200).filter(|seed| {
            forecast(&series(60, remembering(*seed, 120, rho))).is_ok_and(|forecast| forecast.has_trend())
        });
        let n = trends.count();
        assert!(n <= 20, "{n} of 200 at {rho}");
    }
}

#[test]
fn a_leak_meets_its_bound_when_it_should() {
    // 100 MiB, one more every minute: 160 MiB at the end of the hour, 200 MiB forty minutes later.
    let mut noise = noise(3);
    let forecast = forecast(&series(60, (0..60).map(|row| 100.0 + row as f64 + 0.3 * noise()))).unwrap();
    assert!(forecast.has_trend() && (forecast.trend_per_s * 60.0 - 1.0).abs() < 0.02);
    let Reach::Expected(when) = forecast.reach(200.0, Direction::Up) else { panic!("{forecast:?}") };
    let minute = |time: Timestamp| time.nanos() / 60_000_000_000;
    assert!((98..=102).contains(&minute(when.likely)), "{when:?}");
    assert!(when.earliest <= when.likely && when.latest.is_some_and(|latest| latest >= when.likely));
    // Two hours away is further than the hour that was seen.
    assert_eq!(forecast.reach(280.0, Direction::Up), Reach::Unlikely);
    assert_eq!(forecast.reach(150.0, Direction::Up), Reach::Already);
    assert_eq!(forecast.until(), Timestamp::from_secs(7200));
}

#[test]
fn only_what_came_after_the_last_change_counts() {
    let mut noise = noise(5);
    let value = |row: usize| if row < 60 { 10.0 } else { 10.0 + 2.0 * (row - 60) as f64 };
    let forecast = forecast(&series(60, (0..100).map(|row| value(row) + noise()))).unwrap();
    let began = forecast.since.nanos() / 60_000_000_000;
    assert!((50..=66).contains(&began), "{began}");
    assert!((forecast.trend_per_s * 60.0 - 2.0).abs() < 0.15, "{}", forecast.trend_per_s * 60.0);
    assert!(forecast.steps.len() <= 50);
}

#[test]
fn too_little_is_said_to_be_too_little() {
    assert_eq!(forecast(&series(60, [1.0; 11])), Err(Unfit::TooFew { n_values: 11, n_needed: 12 }));
    assert_eq!(forecast(&series(60, [])), Err(Unfit::TooFew { n_values: 0, n_needed: 12 }));
    let mut noise = noise(9);
    let steps = (0..100).map(|row| noise() + if row < 95 { 0.0 } else { 90.0 });
    let found = forecast(&series(60, steps.collect::<Vec<_>>()));
    assert_eq!(found, Err(Unfit::JustChanged { at: Timestamp::from_secs(95 * 60), n_values: 5 }));
}

#[test]
fn a_bound_is_met_already_when_the_newest_value_meets_it_at_its_time_of_day() {
    // Three days of 50 ± 30, ended at noon's height and at night's depth.
    let day = |row: usize| 50.0 + 30.0 * (row as f64 / 288.0 * std::f64::consts::TAU).sin();
    for (ends, wanted_high, wanted_low) in [(3 * 288 + 73, true, false), (3 * 288 + 217, false, true)] {
        let mut noise = noise(5);
        let values: Vec<f64> = (0..ends).map(|row| day(row) + noise()).collect();
        let forecast = forecast(&series(300, values)).unwrap();
        assert!(forecast.is_daily);
        assert_eq!(forecast.reach(70.0, Direction::Up) == Reach::Already, wanted_high);
        assert_eq!(forecast.reach(30.0, Direction::Down) == Reach::Already, wanted_low);
    }
}

/// All orders of `values`, by Heap's algorithm.
fn orders(values: &mut [f64], n: usize, seen: &mut Vec<Vec<f64>>) {
    if n <= 1 {
        return seen.push(values.to_vec());
    }
    for place in 0..n {
        orders(values, n - 1, seen);
        values.swap(if n.is_multiple_of(2) { place } else { 0 }, n - 1);
    }
}

#[test]
fn the_variance_of_s_is_that_of_all_orders_counted_out() {
    for values in [vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], vec![1.0, 1.0, 2.0, 3.0, 3.0, 3.0]] {
        let mut seen = Vec::new();
        orders(&mut values.clone(), values.len(), &mut seen);
        let sign = |a: f64, b: f64| f64::from(i8::from(b > a) - i8::from(b < a));
        let s = |order: &Vec<f64>| -> f64 {
            (0..order.len())
                .flat_map(|i| (0..i).map(move |j| (i, j)))
                .map(|(i, j)| sign(order[j], order[i]))
                .sum()
        };
        let exact = seen.iter().map(|order| s(order).powi(2)).sum::<f64>() / seen.len() as f64;
        assert!((trend::variance_of_s(&values) - exact).abs() < 1e-9, "{exact}");
    }
}

proptest! {
    #[test]
    fn the_slope_is_the_middle_of_all_slopes(values in prop::collection::vec(-1e3_f64..1e3, 3..40)) {
        let points: Vec<(f64, f64)> = values.iter().enumerate().map(|(x, y)| (x as f64, *y)).collect();
        let mut plain = Vec::new();
        for i in 0..values.len() {
            for j in i + 1..values.len() {
                plain.push((values[j] - values[i]) / (j - i) as f64);
            }
        }
        plain.sort_by(f64::total_cmp);
        let half = plain.len() / 2;
        let middle = if plain.len() % 2 == 1 { plain[half] } else { (plain[half - 1] + plain[half]) / 2.0 };
        let line = trend::theil_sen(&points).unwrap();
        prop_assert!((line.slope - middle).abs() < 1e-9);
        let (slowest, fastest) = line.slopes(1.96);
        prop_assert!(slowest <= line.slope && line.slope <= fastest);
    }

    #[test]
    fn any_values_give_ordered_bands_no_longer_than_the_history(
        values in prop::collection::vec(prop::option::of(any::<f64>()), 0..60), step in 0..100_000_u64, bound in any::<f64>(),
    ) {
        let n = values.len();
        let series = Series { values, ..series(step, []) };
        if let Ok(forecast) = forecast(&series) {
            prop_assert!(forecast.steps.len() <= n && forecast.from.since(forecast.since) >= forecast.until().since(forecast.from));
            prop_assert!(forecast.steps.iter().all(|step| step.low <= step.middle && step.middle <= step.high));
            forecast.reach(bound, Direction::Up);
        }
    }
}
