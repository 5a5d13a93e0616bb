//! Numbers with what they measure, and when one is a rounding of another.

/// The most that rounding may move a value: a tenth. `2 s` is a fair rounding of 1.98 s, not of 1.6 s.
const MAX_ROUNDING: f64 = 0.1;
/// What is smaller may be written as nothing: tools write three decimals at most.
const NEXT_TO_NOTHING: f64 = 0.0005;

/// A number as it was written or measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Quantity {
    /// The number itself.
    pub value: f64,
    /// Digits behind the point.
    pub n_decimals: i32,
    /// What it is a number of.
    pub unit: Unit,
}

/// What a number is a number of, and how many of its base unit it stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Unit {
    /// Not said: a count, a rate, or a measure whose unit stands elsewhere. The factor is that of `k` or `万`.
    Plain(f64),
    /// Seconds.
    Time(f64),
    /// Bytes.
    Size(f64),
    /// Shares of one.
    Share(f64),
}

impl Quantity {
    /// Tells whether a claim that writes `self` says what `known` says: the same to the last digit that it writes.
    ///
    /// ## Assumptions
    ///
    /// A known number without a unit may be in any usual unit of the claim's kind, because data keeps units in places
    /// that cannot all be known. One with a unit is only what it says.
    pub(super) fn is_said_by(&self, known: &Self) -> bool {
        let raw = known.value;
        match (self.unit, known.unit) {
            (Unit::Plain(to), Unit::Plain(from))
            | (Unit::Time(to), Unit::Time(from))
            | (Unit::Size(to), Unit::Size(from))
            | (Unit::Share(to), Unit::Share(from)) => self.rounds(raw * from / to, NEXT_TO_NOTHING),
            (Unit::Plain(to), _) => self.rounds(raw / to, 0.0),
            (Unit::Time(to), Unit::Plain(factor)) => {
                let usual = [1e-9, 1e-6, 1e-3, 1.0];
                self.rounds(raw * factor, NEXT_TO_NOTHING)
                    || usual.iter().any(|from| self.rounds(raw * factor * from / to, 0.0))
            }
            (Unit::Size(to) | Unit::Share(to), Unit::Plain(factor)) => {
                self.rounds(raw * factor, NEXT_TO_NOTHING) || self.rounds(raw * factor / to, 0.0)
            }
            _ => false,
        }
    }

    /// Tells whether `exact`, or what is no further than `least` from it, is written so. Signs do not count: a text says
    /// "fell by 5 %" of what data has as -5.
    fn rounds(&self, exact: f64, least: f64) -> bool {
        let half_a_digit = 0.5 * 10_f64.powi(-self.n_decimals);
        let allowed = half_a_digit.min(f64::max(exact.abs() * MAX_ROUNDING, least));
        let what_floats_cost = 1e-9 * exact.abs();
        (exact.abs() - self.value.abs()).abs() <= allowed + what_floats_cost
    }
}

/// Finds the unit that `text` begins with, and its length in bytes. A word of letters must end there.
pub(super) fn unit_at(text: &str) -> Option<(Unit, usize)> {
    let ends = |unit: &str| {
        let rest = &text[unit.len()..];
        let is_letters = unit.ends_with(|c: char| c.is_ascii_alphabetic());
        // 成 counts tenths, and begins 成功, 成为, 成本, 成员.
        let begins_a_word = unit == "成" && rest.starts_with(['功', '为', '本', '员', '立', '果', '交']);
        let goes_on = is_letters && rest.starts_with(super::normal::is_word);
        !begins_a_word && !goes_on
    };
    let fitting = UNITS.iter().filter(|(name, _)| text.starts_with(name) && ends(name));
    fitting.max_by_key(|(name, _)| name.len()).map(|(name, unit)| (*unit, name.len()))
}

/// Reads the unit off a field's name: `p99_ms`, `own_ms_before`, `cpu_nanos`, `error_ratio`. What is per something has none.
pub(super) fn unit_of_field(name: &str) -> Unit {
    let name = name.to_ascii_lowercase();
    let words: Vec<&str> = name.split(['_', '.']).collect();
    if words.contains(&"per") {
        return Unit::Plain(1.0);
    }
    let short = match words.last() {
        Some(&"s") => Some(Unit::Time(1.0)),
        Some(&"us") => Some(Unit::Time(1e-6)),
        Some(&"ns") => Some(Unit::Time(1e-9)),
        _ => None,
    };
    let written_out = words.iter().rev().find_map(|word| match *word {
        "ms" | "millis" | "milliseconds" => Some(Unit::Time(1e-3)),
        "micros" | "microseconds" => Some(Unit::Time(1e-6)),
        "nanos" | "nanoseconds" => Some(Unit::Time(1e-9)),
        "secs" | "seconds" => Some(Unit::Time(1.0)),
        "bytes" => Some(Unit::Size(1.0)),
        "ratio" | "share" | "fraction" | "confidence" | "probability" => Some(Unit::Share(1.0)),
        "percent" | "pct" => Some(Unit::Share(0.01)),
        _ => None,
    });
    short.or(written_out).unwrap_or(Unit::Plain(1.0))
}

/// Units as people write them. Case counts: `m` is a minute, `M` a million.
static UNITS: [(&str, Unit); 81] = [
    ("ns", Unit::Time(1e-9)),
    ("纳秒", Unit::Time(1e-9)),
    ("nanoseconds", Unit::Time(1e-9)),
    ("us", Unit::Time(1e-6)),
    ("µs", Unit::Time(1e-6)),
    ("微秒", Unit::Time(1e-6)),
    ("microseconds", Unit::Time(1e-6)),
    ("ms", Unit::Time(1e-3)),
    ("msec", Unit::Time(1e-3)),
    ("毫秒", Unit::Time(1e-3)),
    ("millisecond", Unit::Time(1e-3)),
    ("milliseconds", Unit::Time(1e-3)),
    ("s", Unit::Time(1.0)),
    ("sec", Unit::Time(1.0)),
    ("secs", Unit::Time(1.0)),
    ("second", Unit::Time(1.0)),
    ("seconds", Unit::Time(1.0)),
    ("秒", Unit::Time(1.0)),
    ("m", Unit::Time(60.0)),
    ("min", Unit::Time(60.0)),
    ("mins", Unit::Time(60.0)),
    ("minute", Unit::Time(60.0)),
    ("minutes", Unit::Time(60.0)),
    ("分钟", Unit::Time(60.0)),
    ("h", Unit::Time(3_600.0)),
    ("hour", Unit::Time(3_600.0)),
    ("hours", Unit::Time(3_600.0)),
    ("小时", Unit::Time(3_600.0)),
    ("d", Unit::Time(86_400.0)),
    ("day", Unit::Time(86_400.0)),
    ("days", Unit::Time(86_400.0)),
    ("天", Unit::Time(86_400.0)),
    ("B", Unit::Size(1.0)),
    ("byte", Unit::Size(1.0)),
    ("bytes", Unit::Size(1.0)),
    ("字节", Unit::Size(1.0)),
    ("kB", Unit::Size(1e3)),
    ("KB", Unit::Size(1e3)),
    ("MB", Unit::Size(1e6)),
    ("GB", Unit::Size(1e9)),
    ("TB", Unit::Size(1e12)),
    ("KiB", Unit::Size(1_024.0)),
    ("MiB", Unit::Size(1_048_576.0)),
    ("GiB", Unit::Size(1_073_741_824.0)),
    ("TiB", Unit::Size(1_099_511_627_776.0)),
    ("Ki", Unit::Size(1_024.0)),
    ("Mi", Unit::Size(1_048_576.0)),
    ("Gi", Unit::Size(1_073_741_824.0)),
    ("%", Unit::Share(0.01)),
    ("percent", Unit::Share(0.01)),
    ("per cent", Unit::Share(0.01)),
    ("percentage points", Unit::Share(0.01)),
    ("pp", Unit::Share(0.01)),
    ("个百分点", Unit::Share(0.01)),
    ("百分点", Unit::Share(0.01)),
    ("‰", Unit::Share(0.001)),
    ("成", Unit::Share(0.1)),
    ("x", Unit::Plain(1.0)),
    ("X", Unit::Plain(1.0)),
    ("×", Unit::Plain(1.0)),
    ("fold", Unit::Plain(1.0)),
    ("times", Unit::Plain(1.0)),
    ("倍", Unit::Plain(1.0)),
    ("st", Unit::Plain(1.0)),
    ("nd", Unit::Plain(1.0)),
    ("rd", Unit::Plain(1.0)),
    ("th", Unit::Plain(1.0)),
    ("rps", Unit::Plain(1.0)),
    ("qps", Unit::Plain(1.0)),
    ("k", Unit::Plain(1e3)),
    ("K", Unit::Plain(1e3)),
    ("千", Unit::Plain(1e3)),
    ("thousand", Unit::Plain(1e3)),
    ("万", Unit::Plain(1e4)),
    ("M", Unit::Plain(1e6)),
    ("million", Unit::Plain(1e6)),
    ("百万", Unit::Plain(1e6)),
    ("亿", Unit::Plain(1e8)),
    ("billion", Unit::Plain(1e9)),
    ("G", Unit::Plain(1e9)),
    ("dozen", Unit::Plain(12.0)),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read_off_names_of_fields() {
        for (name, want) in [
            ("p99_ms", Unit::Time(1e-3)),
            ("own_ms_before", Unit::Time(1e-3)),
            ("cpu_nanos", Unit::Time(1e-9)),
            ("elapsed_s", Unit::Time(1.0)),
            ("seconds_before_onset", Unit::Time(1.0)),
            ("memory_bytes", Unit::Size(1.0)),
            ("own_error_ratio_after", Unit::Share(1.0)),
            ("cpu_percent", Unit::Share(0.01)),
            ("bytes_per_s", Unit::Plain(1.0)),
            ("retransmits_per_s", Unit::Plain(1.0)),
            ("requests", Unit::Plain(1.0)),
            ("services", Unit::Plain(1.0)),
            ("s_total", Unit::Plain(1.0)),
            ("", Unit::Plain(1.0)),
        ] {
            assert_eq!(unit_of_field(name), want, "{name}");
        }
    }

    #[test]
    fn the_longest_unit_counts_and_ends_with_its_word() {
        for (text, want) in [
            ("ms later", Some((Unit::Time(1e-3), 2))),
            ("min", Some((Unit::Time(60.0), 3))),
            ("m", Some((Unit::Time(60.0), 1))),
            ("MiB/s", Some((Unit::Size(1_048_576.0), 3))),
            ("msx", None),
            ("requests", None),
            ("毫秒后", Some((Unit::Time(1e-3), 6))),
            ("成以上", Some((Unit::Share(0.1), 3))),
            ("成功", None),
            ("", None),
        ] {
            assert_eq!(unit_at(text), want, "{text}");
        }
    }
}
