//! A question said back in one line: what was understood. The grammar reads these lines as the same question.

mod chinese;
mod english;

use self::{chinese::length_zh, english::length_en};
use super::{Bound, Measure, Question, times::Time, units::Clock};
use crate::Language;

impl Question {
    /// Says what was understood, without a full stop; empty when nothing was.
    pub(crate) fn told(&self, language: Language) -> String {
        let what = match language {
            Language::En => self.told_en(),
            Language::Zh => self.told_zh(),
        };
        let what = what.trim();
        if what.is_empty() {
            return String::new();
        }
        let time = self.time.map(|time| told_time(time, language));
        match (time, language) {
            (None, _) => what.to_owned(),
            (Some(time), Language::En) => format!("{what}, {time}"),
            (Some(time), Language::Zh) => format!("{what}，{time}"),
        }
    }

    fn names(&self, comma: &str, and: &str) -> String {
        match self.services.as_slice() {
            [] => String::new(),
            [first] => first.clone(),
            [first @ .., last] => format!("{}{and}{last}", first.join(comma)),
        }
    }
}

const MIB: f64 = 1_048_576.0;
const GIB: f64 = 1_073_741_824.0;

/// Writes a limit in the unit that people would choose.
fn value(bound: &Bound, per_second: &str) -> String {
    let value = bound.value;
    match bound.measure {
        Measure::Errors => format!("{}%", plain(value * 100.0)),
        Measure::Latency if value >= 1_000.0 => format!("{} s", plain(value / 1e3)),
        Measure::Latency => format!("{} ms", plain(value)),
        Measure::Requests => format!("{} {per_second}", plain(value)),
        // The grammar reads both as powers of 1,024, and people write them without the i.
        Measure::Memory if value >= GIB => format!("{} GB", plain(value / GIB)),
        Measure::Memory if value >= MIB => format!("{} MB", plain(value / MIB)),
        Measure::Memory if value <= 1.0 => format!("{}%", plain(value * 100.0)),
        Measure::Memory => format!("{} bytes", plain(value)),
        Measure::Cpu if value <= 1.0 => format!("{}%", plain(value * 100.0)),
        Measure::Cpu => format!("{} cores", plain(value)),
        Measure::Disk => format!("{}%", plain(value * 100.0)),
    }
}

/// Writes a number without the noise of binary fractions.
fn plain(number: f64) -> String {
    let rounded = (number * 1e6).round() / 1e6;
    format!("{rounded}")
}

fn told_time(time: Time, language: Language) -> String {
    let clock = |Clock { hour, minute, second }: Clock| match second {
        0 => format!("{hour:02}:{minute:02}"),
        _ => format!("{hour:02}:{minute:02}:{second:02}"),
    };
    let (en, zh) = match time {
        Time::Last(ms) => (
            format!("in the last {}", length_en(ms).trim_start_matches("1 ")),
            format!("最近{}", length_zh(ms)),
        ),
        Time::Next(ms) => (
            format!("in the next {}", length_en(ms).trim_start_matches("1 ")),
            format!("未来{}", length_zh(ms)),
        ),
        Time::Ago(ms) => (format!("{} ago", length_en(ms)), format!("{}之前", length_zh(ms).trim())),
        Time::Since(from) => (format!("since {}", clock(from)), format!("从 {} 以来", clock(from))),
        Time::Between(from, to) => {
            (format!("from {} to {}", clock(from), clock(to)), format!("从 {} 到 {}", clock(from), clock(to)))
        }
        Time::At(at) => (format!("at {}", clock(at)), format!("{} 左右", clock(at))),
        Time::SinceDeploy => ("since the deploy".to_owned(), "发布以来".to_owned()),
        Time::Recently => ("recently".to_owned(), "近期".to_owned()),
        Time::Yesterday => ("yesterday".to_owned(), "昨天".to_owned()),
        Time::Today => ("today".to_owned(), "今天".to_owned()),
    };
    language.pick(en, zh)
}

/// Returns a length in the largest unit that gives at least one and, if it can be, a whole number.
fn length(ms: f64) -> (f64, usize) {
    let units = [1e3, 60e3, 3_600e3, 86_400e3, 604_800e3];
    let whole = units.iter().rposition(|unit| ms >= *unit && (ms / unit).fract() == 0.0);
    let unit = whole.unwrap_or(0);
    (ms / units.get(unit).unwrap_or(&1e3), unit)
}
