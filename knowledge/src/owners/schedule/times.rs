//! Times of a calendar: on the clock of a zone, and as moments.

use jiff::{
    SignedDuration, Span,
    civil::{Date, DateTime, Time},
    tz::TimeZone,
};
use waggle_signals::Timestamp;

use super::lines::Line;
use crate::owners::table;

/// A time on the clock of a zone.
#[derive(Clone, Debug, PartialEq)]
pub struct Wall {
    /// What the clock shows.
    pub time: DateTime,
    /// Whose clock.
    pub zone: TimeZone,
    /// Whether it is a day and not a time.
    pub is_day: bool,
}

/// Years in which calendars are read; rules that begin elsewhere take too long to follow.
const YEARS: std::ops::RangeInclusive<i16> = 1970..=2261;

impl Wall {
    /// Reads the value of a `DTSTART` and its like; several where commas stand between.
    ///
    /// # Errors
    ///
    /// What is wrong, in words.
    pub fn read_all(line: &Line, usual: &TimeZone) -> Result<Vec<Self>, String> {
        line.value.split(',').map(|value| Self::read(value, line.parameter("TZID"), usual)).collect()
    }

    /// Reads the value of a line that has one.
    ///
    /// # Errors
    ///
    /// What is wrong, in words.
    pub fn read_one(line: &Line, usual: &TimeZone) -> Result<Self, String> {
        Self::read(&line.value, line.parameter("TZID"), usual)
    }

    fn read(value: &str, zone: Option<&str>, usual: &TimeZone) -> Result<Self, String> {
        let value = value.trim();
        let (text, is_utc) = match value.strip_suffix('Z') {
            Some(text) => (text, true),
            None => (value, false),
        };
        let zone = match zone {
            _ if is_utc => TimeZone::UTC,
            Some(name) => zone_of(name)?,
            None => usual.clone(),
        };
        let time = date_time(text).ok_or_else(|| format!("time `{}` does not read", short(value)))?;
        if !YEARS.contains(&time.year()) {
            return Err(format!("year {} is out of range", time.year()));
        }
        Ok(Self { time, zone, is_day: text.len() == 8 })
    }

    /// Returns the moment. A time that clocks skip is taken as if they had not been put forward yet, one that they show twice is
    /// the first: <https://www.rfc-editor.org/rfc/rfc5545#section-3.3.5>.
    pub fn moment(&self) -> Option<Timestamp> {
        let zoned = self.time.to_zoned(self.zone.clone()).ok()?;
        i64::try_from(zoned.timestamp().as_nanosecond()).ok().map(Timestamp::from_nanos)
    }

    /// Returns the same clock later, or earlier.
    pub fn moved(&self, by: SignedDuration) -> Option<Self> {
        Some(Self { time: self.time.checked_add(by).ok()?, ..self.clone() })
    }

    /// Returns the same clock later by a span.
    pub fn after(&self, span: Span) -> Option<Self> {
        Some(Self { time: self.time.checked_add(span).ok()?, ..self.clone() })
    }

    /// Returns how much later this clock's time is than that of another one of the same zone.
    pub fn since(&self, earlier: DateTime) -> SignedDuration {
        self.time.duration_since(earlier)
    }
}

/// Reads `20260301` and `20260301T090000`.
fn date_time(text: &str) -> Option<DateTime> {
    let (date, time) = text.split_once('T').unwrap_or((text, "000000"));
    let number = |text: &str, from: usize, to: usize| -> Option<i16> {
        let digits = text.get(from..to).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
        digits.parse().ok()
    };
    let small = |text: &str, from: usize, to: usize| i8::try_from(number(text, from, to)?).ok();
    if date.len() != 8 || time.len() != 6 {
        return None;
    }
    let date = Date::new(number(date, 0, 4)?, small(date, 4, 6)?, small(date, 6, 8)?).ok()?;
    // Second 60 is a leap second, which no clock here has.
    let second = small(time, 4, 6)?.min(59);
    let time = Time::new(small(time, 0, 2)?, small(time, 2, 4)?, second, 0).ok()?;
    Some(date.to_datetime(time))
}

/// Finds a zone by its IANA name, which some programs put behind a path of their own: `/example.org/Europe/Berlin`.
fn zone_of(name: &str) -> Result<TimeZone, String> {
    let mut rest = name.trim().trim_matches('"').trim_start_matches('/');
    loop {
        // What is left of a path must not become UTC by being empty.
        if !rest.is_empty()
            && let Ok(zone) = table::zone(rest)
        {
            return Ok(zone);
        }
        match rest.split_once('/') {
            Some((_, behind)) => rest = behind,
            None => return Err(format!("time zone `{}` is unknown", short(name))),
        }
    }
}

/// Reads a duration, `P1W`, `P1DT12H`: <https://www.rfc-editor.org/rfc/rfc5545#section-3.3.6>. `None` for any other text, and for none or less.
pub fn duration(text: &str) -> Option<Span> {
    let is_plain = text.starts_with('P') && text.len() <= 20;
    let span: Span = if is_plain { text.parse().ok()? } else { return None };
    (span.is_positive() && span.get_years() == 0 && span.get_months() == 0).then_some(span)
}

fn short(text: &str) -> String {
    text.chars().take(40).collect::<String>().escape_debug().to_string()
}
