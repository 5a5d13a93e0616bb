//! A small shop made of plain distributions: what collectors would have seen of it, with and without one fault.
//!
//! customers → gateway → checkout → { cart → datastore, inventory → datastore, payment }
//!
//! Times are log-normal, arrivals are Poisson, all services share two cores, and there are always decoys:
//! deployments that did nothing, neighbours that come and go, one slow request, a swing of load, a short stall of the host.

use std::{collections::BTreeMap, time::Duration};

use waggle_analysis::{
    anomaly::scan,
    observed::{Change, ErrorLogs, Lifecycle, Observed, Phase, ResourceUse, Symptom, Use},
};
use waggle_signals::{Edge, Measure, Node, Red, Series, TimeRange, Timestamp, Topology, semconv};

pub const SERVICES: [&str; 6] = ["gateway", "checkout", "cart", "inventory", "payment", "datastore"];
/// Usual own work, milliseconds.
const SELF_MS: [f64; 6] = [1.0, 3.0, 2.0, 4.0, 5.0, 1.5];
/// Part of own work that is CPU time.
const CPU_PART: f64 = 0.6;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    None,
    /// Milliseconds more, and whether on the CPU.
    SlowCode(f64, bool),
    /// Chance that a request fails.
    ErrorBurst(f64),
    /// Milliseconds of waiting for a CPU, for each slice of work.
    CpuContention(f64),
    /// Chance that a call loses a segment.
    PacketLoss(f64),
    ServiceDown,
}

/// One run of the shop.
pub struct Run {
    pub fault: Fault,
    pub service: usize,
    pub seed: u64,
}

/// Small deterministic generator: SplitMix64 (Steele, Lea and Flood 2014).
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + self.unit() * (high - low)
    }

    pub fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    /// Log-normal around `median`.
    fn around(&mut self, median: f64, sigma: f64) -> f64 {
        // Box and Muller 1958.
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        median * (sigma * radius * (2.0 * std::f64::consts::PI * self.unit()).cos()).exp()
    }
}

/// One request at one service, or one call on one edge.
#[derive(Clone, Copy)]
struct Seen {
    at: f64,
    ms: f64,
    failed: bool,
}

type Call = (Seen, Option<Seen>);

/// All that was seen of a run; seconds from its start.
#[derive(Default)]
struct Recording {
    answered: BTreeMap<usize, Vec<Seen>>,
    /// Each call as its caller saw it and, if it did, its callee.
    asked: BTreeMap<(usize, usize), Vec<Call>>,
    retransmits: Vec<(f64, usize, usize)>,
    refused: Vec<(f64, usize, usize)>,
    cpu_ms: Vec<(f64, usize, f64)>,
    wait_ms: Vec<(f64, usize, f64)>,
    error_logs: Vec<(f64, usize)>,
}

/// The customers' place among the callers.
const CUSTOMERS: usize = 6;

struct Shop<'a> {
    run: &'a Run,
    random: Random,
    onset: f64,
    sigma: f64,
    /// How much of a CPU hog's appetite the others feel, on two cores for all.
    coupling: f64,
    /// How long requests queue before a slow service reads them, as a part of the added time.
    queueing: f64,
    /// When the whole host stalls for a second or two: from, to.
    stall: (f64, f64),
    load: f64,
    recording: Recording,
}

impl Run {
    /// Plays the run and collects what a triage would be given.
    pub fn observed(&self) -> Observed {
        let mut random = Random(self.seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ 0x5851_f42d);
        let onset = random.between(45.0, 60.0);
        let end = onset + random.between(12.0, 30.0);
        let rate = random.between(6.0, 45.0);
        let swing = random.between(0.7, 1.3);
        let sigma = random.between(0.2, 0.5);
        let slow_request = random.chance(0.5).then(|| random.between(0.0, end));
        let (coupling, queueing) = (random.between(0.02, 0.2), random.between(0.0, 0.5));
        let recording = Recording::default();
        let stall_at = random.between(0.0, 2.0 * end);
        let stall = (stall_at, stall_at + random.between(0.3, 2.0));
        let mut shop =
            Shop { run: self, random, onset, sigma, coupling, queueing, stall, load: 1.0, recording };
        let mut at = 0.0;
        let mut slow_request = slow_request;
        while at < end {
            shop.load = if at >= onset { swing } else { 1.0 };
            at += -(1.0 - shop.random.unit()).ln() / (rate * shop.load);
            let extra = slow_request.filter(|slow| *slow <= at).map_or(0.0, |_| {
                slow_request = None;
                shop.random.between(2000.0, 9000.0)
            });
            shop.order(at, extra);
        }
        shop.observed(end)
    }
}

impl Shop<'_> {
    fn order(&mut self, at: f64, extra_ms: f64) {
        let _ = self.call(at, CUSTOMERS, 0, extra_ms);
    }

    fn is_faulty(&self, at: f64, service: usize) -> bool {
        at >= self.onset && service == self.run.service
    }

    /// One call; `Err` when the callee failed or could not be reached. Returns milliseconds as the caller sees them.
    fn call(&mut self, at: f64, from: usize, to: usize, extra_ms: f64) -> Result<f64, f64> {
        if self.is_faulty(at, to) && self.run.fault == Fault::ServiceDown {
            self.recording.refused.push((at, from, to));
            return Err(0.4);
        }
        let mut gap = self.random.around(0.3, 0.5);
        let mut late_read = 0.0;
        if let Fault::PacketLoss(p) = self.run.fault
            && self.is_faulty(at, to)
        {
            let mut timeout_ms = 200.0;
            while self.random.chance(p) && timeout_ms < 3000.0 {
                self.recording.retransmits.push((at, from, to));
                // Sometimes the server has read the first part already.
                if self.random.chance(0.2) {
                    late_read += timeout_ms
                } else {
                    gap += timeout_ms
                }
                timeout_ms *= 2.0;
            }
            if timeout_ms >= 3000.0 {
                self.recording
                    .asked
                    .entry((from, to))
                    .or_default()
                    .push((Seen { at, ms: gap, failed: true }, None));
                return Err(gap);
            }
        }
        if let Fault::SlowCode(added, _) = self.run.fault
            && self.is_faulty(at, to)
        {
            gap += self.random.around(added * self.queueing + 0.01, 0.8);
        }
        if let Fault::CpuContention(wait) = self.run.fault {
            if self.is_faulty(at, to) {
                gap += self.waited(at, to, wait * 0.7);
            }
            if self.is_faulty(at, from) {
                gap += self.waited(at, from, wait * 0.7);
            }
        }
        let (ms, failed) = self.answer(at + gap / 2000.0, to, extra_ms + late_read);
        let answered = Seen { at, ms, failed };
        let asked = Seen { at, ms: ms + gap, failed };
        self.recording.asked.entry((from, to)).or_default().push((asked, Some(answered)));
        if failed { Err(ms + gap) } else { Ok(ms + gap) }
    }

    fn waited(&mut self, at: f64, service: usize, median_ms: f64) -> f64 {
        let wait = self.random.around(median_ms, 0.6);
        self.recording.wait_ms.push((at, service, wait));
        wait
    }

    fn answer(&mut self, at: f64, service: usize, extra_ms: f64) -> (f64, bool) {
        let stalls = self.stall.0 <= at && at < self.stall.1;
        let busy = if stalls { 4.0 } else { 1.0 + 0.15 * (self.load - 1.0) };
        let own = self.random.around(SELF_MS[service] * busy, self.sigma);
        let mut cpu = own * CPU_PART;
        let mut ms = own + extra_ms;
        ms += self.waited(at, service, 0.05);
        match self.run.fault {
            Fault::SlowCode(added, on_cpu) if at >= self.onset => {
                if service == self.run.service {
                    let added = self.random.around(added, self.sigma);
                    ms += added;
                    cpu += if on_cpu { added } else { 0.0 };
                    if on_cpu {
                        ms += self.waited(at, service, added * 0.1);
                    }
                } else if on_cpu {
                    // Two cores for all: the others wait a little.
                    ms += self.waited(at, service, (added * self.coupling).min(8.0));
                }
            }
            Fault::CpuContention(wait) if at >= self.onset => {
                let beside = service == self.run.service;
                ms += self.waited(at, service, if beside { wait } else { wait * self.coupling });
                cpu *= if beside { 1.15 } else { 1.03 };
            }
            _ => {}
        }
        let mut failed = self.random.chance(0.001);
        if let Fault::ErrorBurst(p) = self.run.fault {
            failed |= self.is_faulty(at, service) && self.random.chance(p);
        }
        if failed {
            ms *= 0.6;
            self.recording.error_logs.push((at, service));
        } else {
            let callees: &[usize] = match service {
                0 => &[1],
                1 => &[2, 3, 4],
                2 | 3 => &[5],
                _ => &[],
            };
            for callee in callees {
                match self.call(at + ms / 1000.0, service, *callee, 0.0) {
                    Ok(waited) => ms += waited,
                    Err(waited) => {
                        ms += waited;
                        failed = true;
                        self.recording.error_logs.push((at, service));
                        break;
                    }
                }
            }
        }
        self.recording.cpu_ms.push((at, service, cpu));
        self.recording.answered.entry(service).or_default().push(Seen { at, ms, failed });
        (ms, failed)
    }

    // --- what collectors make of it ---

    fn observed(mut self, end: f64) -> Observed {
        let end_s = end.floor() as i64;
        // The alert looks at the last part of the time; the tool cuts where the first anomaly began.
        let alert_from = (self.onset - self.random.between(2.0, 12.0)).floor() as i64;
        let series = self.series(end_s);
        let anomalies = scan(&series, range(0, alert_from), range(alert_from, end_s));
        let felt = anomalies.iter().filter(|anomaly| anomaly.is_symptom()).map(|anomaly| anomaly.onset).min();
        let window_from = felt.map_or(alert_from, |onset| onset.nanos() / 1_000_000_000).min(end_s - 5);
        let (baseline, window) = (range(0, alert_from), range(window_from, end_s));
        let (changes, mut lifecycle) = self.changes();
        if self.run.fault == Fault::ServiceDown {
            let (service, at) = (name(self.run.service), seconds(self.onset));
            lifecycle.push(Lifecycle {
                service,
                phase: Phase::Ended,
                at,
                text: "killed by signal 9".to_owned(),
            });
        }
        Observed {
            symptom: self.random.chance(0.5).then(|| Symptom { service: "gateway".to_owned() }),
            onset: None,
            resources: self.resources(baseline, window),
            neighbours: self.neighbours(),
            logs: self.logs(baseline, window),
            baseline: self.topology(baseline),
            window: self.topology(window),
            changes,
            lifecycle,
            anomalies: Some(anomalies),
        }
    }

    fn series(&self, end: i64) -> Vec<Series> {
        let mut all = Vec::new();
        for (service, seen) in &self.recording.answered {
            let labels = [(semconv::SERVICE_NAME.to_owned(), name(*service))];
            let mut by_second: BTreeMap<i64, Vec<Seen>> = BTreeMap::new();
            for seen in seen {
                by_second.entry(seen.at as i64).or_default().push(*seen);
            }
            let per_second: Vec<Red> =
                (0..end).map(|second| red(by_second.get(&second).into_iter().flatten())).collect();
            let of = |measure: Measure, value: &dyn Fn(&Red) -> Option<f64>| Series {
                measure,
                labels: labels.clone().into(),
                start: Timestamp::from_secs(0),
                step: Duration::from_secs(1),
                values: per_second.iter().map(value).collect(),
            };
            let with_requests = |red: &Red, value: f64| (red.count > 0).then_some(value);
            all.push(of(Measure::RequestRate, &|red| Some(red.count as f64)));
            all.push(of(Measure::ErrorRatio, &|red| with_requests(red, red.error_ratio())));
            all.push(of(Measure::LatencyMean, &|red| with_requests(red, red.mean_ms())));
            all.push(of(Measure::LatencyP50, &|red| with_requests(red, red.p50_ms)));
            all.push(of(Measure::LatencyP99, &|red| with_requests(red, red.p99_ms)));
        }
        all
    }

    fn topology(&self, range: TimeRange) -> Topology {
        let inside = |at: f64| range.contains(seconds(at));
        let nodes = self.recording.answered.iter().map(|(service, seen)| Node {
            service: name(*service),
            answered: red(seen.iter().filter(|s| inside(s.at))),
        });
        let mut pairs: Vec<(usize, usize)> = self.recording.asked.keys().copied().collect();
        pairs.extend(self.recording.refused.iter().map(|(_, from, to)| (*from, *to)));
        pairs.sort_unstable();
        pairs.dedup();
        let edges = pairs.into_iter().map(|(from, to)| {
            let calls = self.recording.asked.get(&(from, to)).map_or(&[][..], Vec::as_slice);
            let calls: Vec<_> = calls.iter().filter(|(asked, _)| inside(asked.at)).collect();
            let count = |events: &[(f64, usize, usize)]| {
                events.iter().filter(|(at, f, t)| (*f, *t) == (from, to) && inside(*at)).count() as u64
            };
            let refused = count(&self.recording.refused);
            Edge {
                from: name(from),
                to: name(to),
                asked: red(calls.iter().map(|(asked, _)| asked)),
                answered: red(calls.iter().filter_map(|(_, answered)| answered.as_ref())),
                retransmits: count(&self.recording.retransmits),
                connect_failures: refused,
                connections: refused + 1,
            }
        });
        Topology { range, nodes: nodes.collect(), edges: edges.collect() }
    }

    fn resources(&mut self, baseline: TimeRange, window: TimeRange) -> Vec<ResourceUse> {
        let sum = |events: &[(f64, usize, f64)], service: usize, range: TimeRange| {
            let inside = events.iter().filter(|(at, s, _)| *s == service && range.contains(seconds(*at)));
            inside.map(|(_, _, ms)| ms).sum::<f64>() / 1000.0 / range.length().as_secs_f64()
        };
        let mut all = Vec::new();
        for service in 0..SERVICES.len() {
            let mut of = |range: TimeRange| Use {
                cpu_cores: Some(
                    sum(&self.recording.cpu_ms, service, range) * self.random.between(0.9, 1.1) + 0.002,
                ),
                cpu_wait: Some(
                    sum(&self.recording.wait_ms, service, range) * self.random.between(0.8, 1.2) + 0.001,
                ),
                memory_bytes: Some(30e6 * self.random.between(0.95, 1.1)),
            };
            let (before, after) = (of(baseline), of(window));
            all.push(ResourceUse { name: name(service), before, after, cpus: vec![] });
        }
        all
    }

    fn neighbours(&mut self) -> Vec<ResourceUse> {
        let mut process = |name: &str, before: f64, after: f64| ResourceUse {
            name: name.to_owned(),
            before: Use { cpu_cores: Some(before * self.random.between(0.8, 1.2)), ..Use::default() },
            after: Use { cpu_cores: Some(after * self.random.between(0.8, 1.2)), ..Use::default() },
            cpus: vec![],
        };
        let mut all = vec![process("backup[77]", 0.05, 0.25), process("sshd[9]", 0.01, 0.01)];
        if matches!(self.run.fault, Fault::CpuContention(_)) {
            all.push(process("stress[4711]", 0.0, 0.95));
        }
        all
    }

    fn logs(&self, baseline: TimeRange, window: TimeRange) -> Vec<ErrorLogs> {
        let count = |service: usize, range: TimeRange| {
            let logs = self.recording.error_logs.iter();
            logs.filter(|(at, s)| *s == service && range.contains(seconds(*at))).count() as u64
        };
        let of = |service: usize| ErrorLogs {
            service: name(service),
            before: count(service, baseline),
            after: count(service, window),
            new_templates: vec![],
        };
        (0..SERVICES.len()).map(of).collect()
    }

    /// Deployments: often the faulty one, and always decoys.
    fn changes(&mut self) -> (Vec<Change>, Vec<Lifecycle>) {
        let (mut changes, mut lifecycle) = (Vec::new(), Vec::new());
        let mut deploy = |service: usize, at: f64| {
            let (service, at) = (name(service), seconds(at));
            let id = format!("{:07x}", at.nanos() & 0xfff_ffff);
            for phase in [Phase::Ended, Phase::Started] {
                lifecycle.push(Lifecycle { service: service.clone(), phase, at, text: String::new() });
            }
            changes.push(Change { service, kind: "commit".to_owned(), at, id, id_before: String::new() });
        };
        let by_deploy = matches!(self.run.fault, Fault::SlowCode(..) | Fault::ErrorBurst(_));
        if by_deploy && self.random.chance(0.6) {
            deploy(self.run.service, self.onset - self.random.between(0.1, 3.0));
        }
        let other = (self.run.service + 1 + (self.random.unit() * 5.0) as usize) % SERVICES.len();
        deploy(other, self.onset - self.random.between(0.5, 40.0));
        let late = (self.random.unit() * 6.0) as usize;
        let is_down = self.run.fault == Fault::ServiceDown && late == self.run.service;
        let late = if is_down { other } else { late };
        deploy(late, self.onset + self.random.between(4.0, 10.0));
        (changes, lifecycle)
    }
}

fn red<'a>(seen: impl Iterator<Item = &'a Seen>) -> Red {
    let seen: Vec<&Seen> = seen.collect();
    let mut ms: Vec<f64> = seen.iter().map(|s| s.ms).collect();
    ms.sort_by(f64::total_cmp);
    let at =
        |q: f64| ms.get(((ms.len() as f64 * q).ceil() as usize).saturating_sub(1)).copied().unwrap_or(0.0);
    Red {
        count: seen.len() as u64,
        errors: seen.iter().filter(|s| s.failed).count() as u64,
        total_ms: ms.iter().sum(),
        p50_ms: at(0.5),
        p90_ms: at(0.9),
        p99_ms: at(0.99),
    }
}

fn name(service: usize) -> String {
    SERVICES.get(service).copied().unwrap_or("customers").to_owned()
}

fn seconds(at: f64) -> Timestamp {
    Timestamp::from_nanos((at * 1e9) as i64)
}

fn range(from: i64, to: i64) -> TimeRange {
    let to = Timestamp::from_secs(to);
    TimeRange::ending_at(to, to.since(Timestamp::from_secs(from)))
}
