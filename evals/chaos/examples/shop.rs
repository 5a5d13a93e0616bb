//! Opens the shop, lets one fault happen, and prints what the customers meet, second by second.
//!
//! `cargo run -p waggle-chaos --example shop -- slow-commit`

use std::{
    env,
    path::Path,
    process, thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use waggle_chaos::{
    Fault, NO_FAULT, decoy, fault_named,
    worlds::shop::{TrafficSecond, World, WorldConfig},
};

/// Before the decoy, from there to the fault, with the fault, and after it.
const PHASES: [u64; 4] = [8, 7, 15, 8];

fn main() -> Result<()> {
    let name = env::args().nth(1).unwrap_or_else(|| NO_FAULT.to_owned());
    let fault = fault_named(&name)?;
    let directory = env::temp_dir().join(format!("waggle-shop-{}", process::id()));
    let result = play(fault, &directory);
    std::fs::remove_dir_all(&directory).with_context(|| format!("remove `{}`", directory.display()))?;
    result
}

fn play(fault: Option<&dyn Fault>, directory: &Path) -> Result<()> {
    let name = fault.map_or(NO_FAULT, Fault::name);
    let started = Instant::now();
    let world = World::start(WorldConfig::in_directory(directory), |step| eprintln!("{step}"))?;
    println!("open after {:.1} s", started.elapsed().as_secs_f64());
    let mut shown = 0;

    watch(&world, "healthy", PHASES[0], &mut shown)?;
    let decoy = decoy(fault);
    world.deploy(decoy.service, decoy.commit)?;
    let before = watch(&world, &format!("{} was deployed", decoy.service), PHASES[1], &mut shown)?;
    if let Some(fault) = fault {
        println!("{}", fault.inject(&world)?.text);
    }
    let during = watch(&world, name, PHASES[2], &mut shown)?;
    if let Some(fault) = fault {
        fault.revert(&world)?;
    }
    watch(&world, "reverted", PHASES[3], &mut shown)?;

    println!("\n{name}: before {}", summary(&before));
    println!("{name}: during {}", summary(during.get(2..).unwrap_or_default()));
    world.stop();
    Ok(())
}

/// Prints each new second for `seconds`, and returns them.
fn watch(world: &World, phase: &str, seconds: u64, shown: &mut usize) -> Result<Vec<TrafficSecond>> {
    println!("-- {phase}");
    let mut seen = Vec::new();
    for _ in 0..seconds {
        thread::sleep(Duration::from_secs(1));
        for second in world.traffic()?.into_iter().skip(*shown) {
            let TrafficSecond { answers, failed, outside, p50_ms, p99_ms, .. } = second;
            println!(
                "{answers:4} answers, {failed:2} failed, {outside:2} outside, p50 {p50_ms:7.1} ms, p99 {p99_ms:7.1} ms"
            );
            *shown += 1;
            seen.push(second);
        }
    }
    Ok(seen)
}

/// Medians over the seconds, and the share of failures over all.
fn summary(seconds: &[TrafficSecond]) -> String {
    let median = |value: fn(&TrafficSecond) -> f64| {
        let mut values: Vec<f64> = seconds.iter().map(value).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or_default()
    };
    format!(
        "p50 {:.1} ms, p99 {:.1} ms, errors {:.1} %, {:.0} answers/s",
        median(|second| second.p50_ms),
        median(|second| second.p99_ms),
        median(TrafficSecond::error_rate) * 100.0,
        median(|second| f64::from(second.answers)),
    )
}
