//! How often healthy deploys fail, and bad ones do, on simulated traffic; the long form is the example `deploy_power`.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[path = "../examples/deploy_power/check.rs"]
mod check;
#[path = "../examples/deploy_power/world.rs"]
mod world;

use waggle_analysis::deploy::{Amount, Aspect, Baseline, Outcome, Requests, Rules, Side, Verdict, judge};
use world::{Blocks, Compared, Fault, World};

const BLOCKS: Blocks = Blocks { before: 120, after: 60, warm_up: 4 };

fn failures(world: &World, compared: Compared, fault: Fault, deploys: u64) -> u64 {
    let fails = |seed: &u64| {
        let played = world.play(compared, fault, BLOCKS, 5_000 + seed);
        check::watched(&Rules::default(), compared, &played).0 == Outcome::Fail
    };
    (0..deploys).filter(fails).count() as u64
}

#[test]
fn healthy_deploys_fail_no_more_often_than_stated() {
    let world = World { unrest: 1.0, ..World::shop(1.0) };
    // Were the rate the stated 5 %, more than these would come up once in 100 times (binomial).
    for (compared, deploys, most) in
        [(Compared::JustBefore, 300, 24), (Compared::DayBefore, 100, 11), (Compared::Canary, 100, 11)]
    {
        let failed = failures(&world, compared, Fault::default(), deploys);
        assert!(failed <= most, "{compared:?}: {failed} of {deploys}");
    }
}

#[test]
fn bad_deploys_fail() {
    let world = World::shop(3.0);
    for (fault, least) in [
        (Fault { slower: 0.7, ..Fault::default() }, 29),
        (Fault { errors: 0.05, ..Fault::default() }, 29),
        (Fault { stuck: 0.05, ..Fault::default() }, 29),
        (Fault { cpu: 0.5, ..Fault::default() }, 29),
    ] {
        let failed = failures(&world, Compared::JustBefore, fault, 30);
        assert!(failed >= least, "{fault:?}: {failed} of 30");
    }
    let slower = Fault { slower: 0.7, ..Fault::default() };
    for compared in [Compared::DayBefore, Compared::Canary] {
        let failed = failures(&world, compared, slower, 30);
        assert!(failed >= 29, "{compared:?}: {failed} of 30");
    }
}

/// A service with one endpoint, every block of which has the latencies given for it.
fn side(blocks: impl IntoIterator<Item = Vec<f64>>) -> Side {
    let requests: Vec<Requests> = blocks.into_iter().map(|ms| Requests::of(ms, 0, 0)).collect();
    Side { blocks: requests.len(), endpoints: [("GET /".to_owned(), requests)].into(), ..Side::default() }
}

fn spread(around: f64, n: usize) -> Vec<f64> {
    (0..n).map(|i| around * (0.5 + (i * 37 % n) as f64 / n as f64)).collect()
}

fn verdict_of(aspect: Aspect, rules: Rules, before: &Side, beside: Option<&Side>, after: &Side) -> Verdict {
    let baseline = Baseline::of(rules, before);
    let baseline = beside.map_or(baseline.clone(), |stable| baseline.beside(stable));
    let found = judge(&baseline, after, after.blocks);
    found.iter().find(|it| it.aspect == aspect && it.endpoint.is_none()).unwrap().verdict
}

#[test]
fn what_hits_a_canary_and_the_stable_version_alike_is_not_the_canary_s_doing() {
    let calm = side((0..60).map(|_| spread(100.0, 40)));
    // Both are twice as slow for the whole of the canary's life.
    let (stable, canary) =
        (side((0..40).map(|_| spread(200.0, 40))), side((0..40).map(|_| spread(200.0, 40))));
    let rules = Rules { is_concurrent: true, ..Rules::default() };
    let beside = verdict_of(Aspect::P90, rules, &calm, Some(&stable), &canary);
    assert_eq!(beside, Verdict::NotWorse);
    let after = verdict_of(Aspect::P90, Rules::default(), &calm, None, &canary);
    assert_eq!(after, Verdict::Worse, "without the stable version beside it, nobody could know");
}

#[test]
fn however_large_a_change_is_it_is_found() {
    let before = side((0..120).map(|_| spread(100.0, 10)));
    for times in [2.0, 10.0, 1_000.0] {
        let after = side((0..40).map(|_| spread(100.0 * times, 20)));
        for aspect in [Aspect::P50, Aspect::P90, Aspect::P99] {
            let verdict = verdict_of(aspect, Rules::default(), &before, None, &after);
            assert_eq!(verdict, Verdict::Worse, "{aspect:?} {times} times");
        }
    }
    let failing = |every: usize| {
        let mut side = side((0..40).map(|_| spread(100.0, 20)));
        side.endpoints.values_mut().flatten().for_each(|block| block.errors = (20 / every) as u64);
        side
    };
    for every in [1, 5, 20] {
        let verdict = verdict_of(Aspect::ErrorRate, Rules::default(), &before, None, &failing(every));
        assert_eq!(verdict, Verdict::Worse, "one of {every} fails");
    }
    let amounts = |total: f64, blocks| vec![Amount { total, over: 10.0 }; blocks];
    let using = |mut side: Side, ms: f64| {
        let blocks = side.blocks;
        side.amounts = [(Aspect::Cpu, amounts(ms * 10.0, blocks))].into();
        side
    };
    let after = side((0..40).map(|_| spread(100.0, 20)));
    for times in [2.0, 100.0, 10_000.0] {
        let (before, after) = (using(before.clone(), 4.0), using(after.clone(), 4.0 * times));
        assert_eq!(
            verdict_of(Aspect::Cpu, Rules::default(), &before, None, &after),
            Verdict::Worse,
            "{times} times"
        );
    }
}

#[test]
fn too_little_traffic_says_how_much_more_it_takes() {
    let before = side((0..120).map(|_| spread(100.0, 400)));
    let after = side((0..10).map(|_| spread(100.0, 10)));
    let found = judge(&Baseline::of(Rules::default(), &before), &after, 10);
    let of = |aspect| found.iter().find(|it| it.aspect == aspect).unwrap();
    assert_eq!(of(Aspect::ErrorRate).verdict, Verdict::TooLittle);
    assert!(of(Aspect::ErrorRate).needed.unwrap() > 500);
    // Five requests beyond the 99th percentile take 500.
    assert!(of(Aspect::P99).needed.unwrap() >= 400);
}

#[test]
fn nothing_and_nonsense_give_no_verdict() {
    let before = side((0..120).map(|_| spread(100.0, 10)));
    let empty = side((0..60).map(|_| Vec::new()));
    let nonsense = side((0..60).map(|_| vec![f64::NAN, f64::INFINITY]));
    for (before, after) in [(&before, &empty), (&before, &nonsense), (&empty, &before), (&empty, &empty)] {
        let found = judge(&Baseline::of(Rules::default(), before), after, 60);
        assert!(found.iter().all(|it| it.verdict == Verdict::TooLittle));
    }
}
