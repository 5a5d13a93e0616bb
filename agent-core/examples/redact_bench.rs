//! What the redactor takes for secrets in logs that have none, and how fast it reads.
//!
//! `redact_bench FOLDER [SAMPLES]` reads each `*.log` below a folder line by line, and prints the redactions in 10,000 lines by rule with
//! samples, and megabytes (10⁶ bytes) a second of one CPU, beside a plain search with one regular expression after another. The samples are
//! what was found: mind where you print them.

use std::{
    collections::BTreeMap,
    error::Error,
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use regex::Regex;
use waggle_agent_core::redact::Redactor;

/// Logs are read up to this, bytes.
const MAX_BYTES: usize = 256 << 20;
/// A text as a tool returns it.
const CHUNK_BYTES: usize = 64 << 10;
/// Each speed is the best of so many.
const ROUNDS: usize = 5;

/// A tenth of what the redactor looks for, searched one after the other: how it is done without a first pass.
const PLAIN: &[&str] = &[
    r"-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY(?: BLOCK)?-----|\z)",
    r"(?-u:\b)eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*",
    r"(?-u:\b)(?:(?:AKIA|ASIA)[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36,}|glpat-[A-Za-z0-9_-]{20,}|xox[abeoprs]-[A-Za-z0-9-]{10,}|sk-[A-Za-z0-9_-]{20,}|AIza[0-9A-Za-z_-]{35})",
    r"(?i)(?-u:\b)(?:bearer|basic)\s+(?P<v>[A-Za-z0-9+/_.=-]{12,})",
    r#"(?i)authorization\\?["']?\s*[:=]\s*\\?["']?(?:[a-z][a-z0-9_-]*\s+)?(?P<v>[^\s"'\\,;<>]{8,})"#,
    r"(?i)(?-u:\b)(?:set-)?cookie\s*:\s*(?P<v>[^\r\n]+)",
    r#"(?i)(?:pass(?:word|wd|phrase)|pwd|secret|token|api[_-]?key|access[_-]?key|credential)\\?["']?\s*[:=]\s*(?P<v>[^\s"'\\&,;<>]{4,})"#,
    r"(?i)(?-u:\b)[a-z][a-z0-9+.-]*://[^\s:/@]*:(?P<v>[^\s@/]+)@",
    r"(?-u:\b)[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}(?-u:\b)",
    r"\+\d{1,3}[ -]?\d{2,4}[ -]?\d{3,4}[ -]?\d{3,4}(?-u:\b)",
    r"(?-u:\b)1[3-9]\d(?:\d{8}|[ -]\d{4}[ -]\d{4})(?-u:\b)",
    r"(?-u:\b)[1-9]\d{5}(?:18|19|20)\d{2}(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])\d{3}[0-9Xx](?-u:\b)",
];

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let Some(folder) = arguments.next().map(PathBuf::from) else {
        return Err("say which folder: `redact_bench FOLDER [SAMPLES]`".into());
    };
    let samples: usize = arguments.next().and_then(|n| n.to_str()?.parse().ok()).unwrap_or(3);
    let mut files = Vec::new();
    find_logs(&folder, &mut files)?;
    files.sort();
    if files.is_empty() {
        return Err(format!("no `*.log` below `{}`", folder.display()).into());
    }
    let mut text = String::new();
    for file in &files {
        text.push_str(&String::from_utf8_lossy(&fs::read(file)?));
        text.push('\n');
        text.truncate(text.floor_char_boundary(MAX_BYTES));
    }
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    print_found(&lines, samples);
    print_speed(&text, &lines)
}

fn find_logs(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            find_logs(&path, files)?;
        } else if path.extension().is_some_and(|end| end == "log") {
            files.push(path);
        }
    }
    Ok(())
}

fn print_found(lines: &[&str], samples: usize) {
    let redactor = Redactor::default();
    let mut found: BTreeMap<String, Vec<(&str, &str)>> = BTreeMap::new();
    for line in lines {
        for secret in redactor.secrets(line) {
            if let Some(text) = line.get(secret.place) {
                found.entry(secret.rule).or_default().push((text, line));
            }
        }
    }
    let in_10_000 = |n: usize| n as f64 * 10_000.0 / lines.len() as f64;
    println!("{} lines", lines.len());
    for (rule, places) in &found {
        println!("{rule}: {} ({:.1} in 10,000 lines)", places.len(), in_10_000(places.len()));
        let step = (places.len() / samples.max(1)).max(1);
        for (text, line) in places.iter().step_by(step).take(samples) {
            println!("    `{text}` in {}", line.chars().take(200).collect::<String>());
        }
    }
    let all = found.values().map(Vec::len).sum();
    println!("all: {all} ({:.1} in 10,000 lines)", in_10_000(all));
}

fn print_speed(text: &str, lines: &[&str]) -> Result<(), Box<dyn Error>> {
    let plain = PLAIN.iter().map(|pattern| Regex::new(pattern)).collect::<Result<Vec<_>, _>>()?;
    let mut chunks = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (chunk, after) = rest.split_at(rest.floor_char_boundary(CHUNK_BYTES));
        chunks.push(chunk);
        rest = after;
    }
    let redactor = Redactor::default();
    for (name, texts) in [("lines", lines), ("64 KiB", chunks.as_slice())] {
        let n_bytes: usize = texts.iter().map(|text| text.len()).sum();
        let speed = |search: &dyn Fn(&str) -> usize| {
            let rounds = (0..ROUNDS).map(|_| {
                let started = Stopwatch::start();
                let n: usize = texts.iter().map(|text| search(text)).sum();
                std::hint::black_box(n);
                n_bytes as f64 / 1e6 / started.seconds()
            });
            rounds.fold(0.0, f64::max)
        };
        let ours = speed(&|text| redactor.secrets(text).len());
        let theirs = speed(&|text| plain.iter().map(|pattern| pattern.find_iter(text).count()).sum());
        println!("{name}: {ours:.1} MB/s; {} patterns one after the other {theirs:.1} MB/s", plain.len());
    }
    Ok(())
}

/// Measures how long this thread computes, where Linux tells; else how long it takes.
struct Stopwatch {
    computed: Option<f64>,
    started: Instant,
}

impl Stopwatch {
    fn start() -> Self {
        Self { computed: computed_seconds(), started: Instant::now() }
    }

    fn seconds(&self) -> f64 {
        let computed = computed_seconds().zip(self.computed).map(|(now, then)| now - then);
        computed.unwrap_or_else(|| self.started.elapsed().as_secs_f64())
    }
}

/// https://docs.kernel.org/scheduler/sched-stats.html: the first number is nanoseconds on a CPU.
fn computed_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(stat.split(' ').next()?.parse::<u64>().ok()? as f64 / 1e9)
}
