//! Numbers and what they count: `1.5 s`, `10/s`, `百分之五`, `两分钟`, `14:05`, `3pm`.

use std::sync::LazyLock;

use regex::{Captures, Regex};

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// Nothing that was said.
    None,
    /// Hundredths.
    Percent,
    /// Time; the value is in milliseconds.
    Time,
    /// Events a second.
    PerSecond,
    /// Memory; the value is in bytes.
    Bytes,
    /// CPUs.
    Cores,
}

/// A number with its unit, in the unit's base.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Quantity {
    pub value: f64,
    pub unit: Unit,
}

/// A time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Clock {
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
}

const NUMERALS: &str = "零一二两三四五六七八九十百半";

static NUMBER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?x)^(?:(?P<hundredths>百分之)\s*(?P<percent>\d+(?:\.\d+)?|[零一二两三四五六七八九十百半]+)
          |(?P<n>\d+(?:,\d{3})*(?:\.\d+)?|[零一二两三四五六七八九十百半]+)
           (?P<thousand>[k万千])?(?P<piece>个)?
           (?:\s*(?P<unit>%|percent(?-u:\b)|per\s+cent(?-u:\b)|pct(?-u:\b)
             |毫秒|分钟|分|小时|个小时|微秒|秒钟|秒|天|周|核
             |(?:req(?:uest)?s?|calls?|次|个?请求)?\s*/\s*(?:sec(?:ond)?|s|秒)(?-u:\b)?|[rqt]ps(?-u:\b)
             |(?:req(?:uest)?s?|calls?|次|个?请求)?\s*/\s*(?:min(?:ute)?|m|分钟?)(?-u:\b)?|[rqt]pm(?-u:\b)
             |[kmgt]i?b(?-u:\b)|bytes?(?-u:\b)|cores?(?-u:\b)|cpus(?-u:\b)
             |(?:ms|msecs?|millis|milliseconds?|us|microseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|weeks?)(?-u:\b)))?)",
    )
    .ok()
});

static CLOCK: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?x)^(?P<half>上午|下午|晚上|凌晨|早上)?\s*(?:
            (?P<h>\d{1,2}):(?P<m>\d{2})(?::(?P<s>\d{2}))?\s*(?P<noon>am(?-u:\b)|pm(?-u:\b))?
          | (?P<h2>\d{1,2})\s*(?P<noon2>am(?-u:\b)|pm(?-u:\b))
          | (?P<h3>\d{1,2}|[一二两三四五六七八九十]{1,3})\s*点(?:(?P<m3>\d{1,2})分?|(?P<half3>半))?)",
    )
    .ok()
});

/// Reads a number at the start of `text`, and how many bytes it takes. Chinese numerals count only before a unit: `一下` is none.
pub(super) fn quantity(text: &str) -> Option<(Quantity, usize)> {
    let found = NUMBER.as_ref()?.captures(text)?;
    let length = found.get(0)?.end();
    if let Some(percent) = found.name("percent") {
        return Some((Quantity { value: number(percent.as_str())?, unit: Unit::Percent }, length));
    }
    let written = found.name("n")?.as_str();
    let unit = found.name("unit").map_or("", |unit| unit.as_str());
    let is_counted = !unit.is_empty() || found.name("piece").is_some();
    if !is_counted && written.starts_with(|c| NUMERALS.contains(c)) {
        return None;
    }
    let thousand = match found.name("thousand").map(|letter| letter.as_str()) {
        Some("万") => 10_000.0,
        Some(_) => 1_000.0,
        None => 1.0,
    };
    let (scale, unit) = scale(unit);
    let value = number(written)? * thousand * scale;
    value.is_finite().then_some((Quantity { value, unit }, length))
}

/// Reads a time of day at the start of `text`, and how many bytes it takes.
pub(super) fn clock(text: &str) -> Option<(Clock, usize)> {
    let found = CLOCK.as_ref()?.captures(text)?;
    let part = |names: [&str; 3]| names.iter().find_map(|name| found.name(name)).map(|part| part.as_str());
    let hour = number(part(["h", "h2", "h3"])?)?;
    let minute = match (part(["m", "m3", "m3"]), part(["half3", "half3", "half3"])) {
        (Some(minute), _) => number(minute)?,
        (None, Some(_)) => 30.0,
        (None, None) => 0.0,
    };
    let second = part(["s", "s", "s"]).map_or(Some(0.0), number)?;
    let hour = if is_after_noon(&found) && hour < 12.0 { hour + 12.0 } else { hour };
    let whole = |value: f64, most: f64| (value <= most).then_some(value as u8);
    let clock =
        Clock { hour: whole(hour, 24.0)?, minute: whole(minute, 59.0)?, second: whole(second, 59.0)? };
    Some((clock, found.get(0)?.end()))
}

fn is_after_noon(found: &Captures<'_>) -> bool {
    let said = ["noon", "noon2", "half"].iter().find_map(|name| found.name(name));
    said.is_some_and(|said| matches!(said.as_str(), "pm" | "下午" | "晚上"))
}

/// Reads digits, or a Chinese numeral up to 999. 半 is a half.
fn number(text: &str) -> Option<f64> {
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return text.replace(',', "").parse().ok();
    }
    if text == "半" {
        return Some(0.5);
    }
    let (mut sum, mut digit) = (0.0, None);
    for c in text.chars() {
        match c {
            '十' => sum += digit.take().unwrap_or(1.0) * 10.0,
            '百' => sum += digit.take().unwrap_or(1.0) * 100.0,
            c => {
                digit = Some(f64::from(
                    u8::try_from(
                        "零一二三四五六七八九"
                            .chars()
                            .position(|known| known == c)
                            .or((c == '两').then_some(2))?,
                    )
                    .ok()?,
                ))
            }
        }
    }
    Some(sum + digit.unwrap_or(0.0))
}

/// Returns what one of a unit is in its base, and the base.
fn scale(unit: &str) -> (f64, Unit) {
    let unit = unit.trim();
    let time = |ms: f64| (ms, Unit::Time);
    match unit {
        "" => (1.0, Unit::None),
        "%" | "pct" => (1.0, Unit::Percent),
        _ if unit.starts_with("per") => (1.0, Unit::Percent),
        "rps" | "qps" | "tps" => (1.0, Unit::PerSecond),
        "rpm" | "qpm" | "tpm" => (1.0 / 60.0, Unit::PerSecond),
        _ if unit.split_once('/').is_some_and(|(_, time)| time.trim().starts_with(['m', '分'])) => {
            (1.0 / 60.0, Unit::PerSecond)
        }
        _ if unit.contains('/') => (1.0, Unit::PerSecond),
        "核" => (1.0, Unit::Cores),
        _ if unit.starts_with("core") || unit == "cpus" => (1.0, Unit::Cores),
        "微秒" | "us" => time(1e-3),
        _ if unit.starts_with("micro") => time(1e-3),
        "毫秒" | "ms" => time(1.0),
        _ if unit.starts_with("ms") || unit.starts_with("milli") => time(1.0),
        "秒" | "秒钟" => time(1e3),
        "分" | "分钟" => time(60e3),
        "小时" | "个小时" => time(3_600e3),
        "天" => time(86_400e3),
        "周" => time(604_800e3),
        _ if unit.starts_with("byte") => (1.0, Unit::Bytes),
        _ if unit.ends_with('b') => {
            let power = "kmgt".find(unit.chars().next().unwrap_or('k')).unwrap_or(0);
            (1024_f64.powi(i32::try_from(power).unwrap_or(0) + 1), Unit::Bytes)
        }
        _ => match unit.chars().next() {
            Some('s') => time(1e3),
            Some('m') => time(60e3),
            Some('h') => time(3_600e3),
            Some('d') => time(86_400e3),
            _ => time(604_800e3),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_with_units_of_any_length() {
        for (text, value, unit) in [
            ("1%", 1.0, Unit::Percent),
            ("百分之五", 5.0, Unit::Percent),
            ("2 minutes", 120_000.0, Unit::Time),
            ("2m", 120_000.0, Unit::Time),
            ("1.5s", 1_500.0, Unit::Time),
            ("500us", 0.5, Unit::Time),
            ("两分钟", 120_000.0, Unit::Time),
            ("十五分钟", 900_000.0, Unit::Time),
            ("半小时", 1_800_000.0, Unit::Time),
            ("1 week", 604_800_000.0, Unit::Time),
            ("10 rps", 10.0, Unit::PerSecond),
            ("10/s", 10.0, Unit::PerSecond),
            ("1,000 req/s", 1_000.0, Unit::PerSecond),
            ("600/min", 10.0, Unit::PerSecond),
            ("600 req/m", 10.0, Unit::PerSecond),
            ("60 rpm", 1.0, Unit::PerSecond),
            ("120 次/分钟", 2.0, Unit::PerSecond),
            ("5k", 5_000.0, Unit::None),
            ("512mb", 536_870_912.0, Unit::Bytes),
            ("2 cores", 2.0, Unit::Cores),
            ("3 services", 3.0, Unit::None),
        ] {
            let (quantity, _) = quantity(text).unwrap();
            assert_eq!((quantity.value, quantity.unit), (value, unit), "{text}");
        }
        assert_eq!(quantity("一下"), None);
    }

    #[test]
    fn times_of_day_are_read() {
        for (text, hour, minute) in
            [("14:05", 14, 5), ("3pm", 15, 0), ("14点", 14, 0), ("下午3点半", 15, 30), ("14点05分", 14, 5)]
        {
            let (clock, length) = clock(text).unwrap();
            assert_eq!((clock.hour, clock.minute, length), (hour, minute, text.len()), "{text}");
        }
        assert_eq!(clock("100ms"), None);
        assert_eq!(clock("99:99"), None);
    }
}
