//! The times of a repeated event.

use icalendar::rrule::RRuleSet;
use jiff::{SignedDuration, civil::DateTime};

use super::times::Wall;

/// Times that are gone through for one event. A rule with more is one that no shift has: every second, for years.
const MAX_TIMES: usize = 20_000;
/// Letters of a rule.
const MAX_RULE: usize = 1_000;

/// Returns the times at which a rule repeats what begins at `start`, on the clock of its zone, up to `until`; in order.
///
/// The rule is followed on the clock alone, and each time becomes a moment only then: a shift that begins at nine begins at
/// nine all year. The library follows it in UTC, which has no hours that are skipped or doubled.
///
/// # Errors
///
/// What is wrong with the rule, in words.
pub fn times(start: &Wall, rule: &str, until: DateTime) -> Result<Vec<DateTime>, String> {
    let unread =
        || format!("rule `{}` does not read", rule.chars().take(60).collect::<String>().escape_debug());
    let is_plain = rule.len() <= MAX_RULE && rule.chars().all(|letter| letter.is_ascii_graphic());
    if !is_plain {
        return Err(unread());
    }
    let rule = on_the_clock(rule, start).ok_or_else(unread)?;
    let first = start.time.strftime("%Y%m%dT%H%M%SZ");
    let set: RRuleSet = format!("DTSTART:{first}\nRRULE:{rule}").parse().map_err(|_| unread())?;
    let set = set.limit();
    let mut times = Vec::new();
    for (count, time) in (&set).into_iter().enumerate() {
        let after = SignedDuration::from_secs(time.timestamp());
        let Ok(time) = DateTime::constant(1970, 1, 1, 0, 0, 0, 0).checked_add(after) else { break };
        if time > until {
            return Ok(times);
        }
        if count >= MAX_TIMES {
            return Err(format!("rule `{rule}` repeats over {MAX_TIMES} times"));
        }
        times.push(time);
    }
    Ok(times)
}

/// Rewrites `UNTIL`, which is a moment in UTC or a day, as a time on the clock of the zone that the library is told is UTC.
fn on_the_clock(rule: &str, start: &Wall) -> Option<String> {
    let part = |part: &str| {
        let upper = part.to_uppercase();
        let Some(until) = upper.strip_prefix("UNTIL=") else { return Some(upper) };
        let text = match until.strip_suffix('Z') {
            Some(utc) => {
                let moment: DateTime = DateTime::strptime("%Y%m%dT%H%M%S", utc).ok()?;
                let moment = moment.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
                moment.with_time_zone(start.zone.clone()).datetime().strftime("%Y%m%dT%H%M%SZ").to_string()
            }
            // The last day is inside.
            None if until.len() == 8 => format!("{until}T235959Z"),
            None => format!("{until}Z"),
        };
        Some(format!("UNTIL={text}"))
    };
    let parts: Option<Vec<String>> = rule.split(';').filter(|part| !part.is_empty()).map(part).collect();
    Some(parts?.join(";"))
}
