//! Dates and times of day, as far as a text gives them.

use std::sync::LazyLock;

use regex::Regex;

/// A date, a time of day, or both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    /// `2026-03-01`.
    date: Option<String>,
    /// Hour and minute.
    minute: Option<(u8, u8)>,
    /// Seconds with their decimals as written: `50`, `50.25`.
    second: Option<String>,
    /// `+08:00`; `None` for UTC and where nothing is said.
    offset: Option<String>,
}

/// RFC 3339 §5.6 and its parts, down to `9:05`.
static MOMENT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?x)^(?:
        (?P<date>\d{4}-\d{2}-\d{2})(?:[Tt\ ](?P<dh>\d{2}):(?P<dm>\d{2})(?::(?P<ds>\d{2}(?:\.\d+)?))?(?:[Zz]|(?P<offset>[+-]\d{2}:\d{2}))?)?
        | (?P<h>\d{1,2}):(?P<m>\d{2})(?::(?P<s>\d{2}(?:\.\d+)?))?[Zz]?
        )",
    )
    .ok()
});

impl Moment {
    /// Reads the moment that `text` begins with, and its length in bytes.
    pub(super) fn at(text: &str) -> Option<(Self, usize)> {
        let found = MOMENT.as_ref()?.captures(text)?;
        let part = |name: &str| found.name(name).map(|part| part.as_str().to_owned());
        let hour_and_minute = match (part("dh").or_else(|| part("h")), part("dm").or_else(|| part("m"))) {
            (Some(hour), Some(minute)) => Some((hour.parse().ok()?, minute.parse().ok()?)),
            _ => None,
        };
        let second = part("ds").or_else(|| part("s"));
        let is_on_the_clock = hour_and_minute.is_none_or(|(hour, minute)| hour < 24 && minute < 60);
        let length = found.get(0)?.end();
        let mut rest = text[length..].chars();
        let goes_on = match rest.next() {
            Some(c) if super::normal::is_word(c) => true,
            Some('.' | ':' | '/' | '+') => rest.next().is_some_and(|c| c.is_ascii_digit()),
            _ => false,
        };
        let offset = part("offset").filter(|offset| offset != "+00:00" && offset != "-00:00");
        let moment = Self { date: part("date"), minute: hour_and_minute, second, offset };
        (is_on_the_clock && !goes_on).then_some((moment, length))
    }

    /// Tells whether a claim that writes `self` says what `known` says, as far as the claim goes.
    pub(super) fn is_said_by(&self, known: &Self) -> bool {
        let same_date = self.date.is_none() || self.date == known.date;
        let same_minute = self.minute.is_none() || self.minute == known.minute;
        let same_second = match (&self.second, &known.second) {
            (None, _) => true,
            (Some(claimed), Some(known)) => known.starts_with(without_zeros(claimed)),
            (Some(_), None) => false,
        };
        same_date && same_minute && same_second && (self.minute.is_none() || self.offset == known.offset)
    }
}

/// Cuts zeros behind the point, which say nothing more.
fn without_zeros(second: &str) -> &str {
    if second.contains('.') { second.trim_end_matches('0').trim_end_matches('.') } else { second }
}
