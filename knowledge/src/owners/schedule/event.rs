//! The events of a calendar, and which of them take place at a moment.

use jiff::{Span, tz::TimeZone};
use waggle_agent_core::{Kind, Result};
use waggle_signals::Timestamp;

use super::{
    Found, Happening,
    lines::{Component, Line, components},
    recurrence::times,
    times::{Wall, duration},
};
use crate::owners::table;

/// Events of a calendar that are read.
const MAX_EVENTS: usize = 10_000;
/// Days that an event leaves out or adds.
const MAX_DATES: usize = 5_000;
/// Letters of a title or a name.
const MAX_TEXT: usize = 120;
/// Notes of one answer.
const MAX_NOTES: usize = 5;

/// A calendar that was read.
#[derive(Clone, Debug, Default)]
pub struct Calendar {
    events: Vec<Event>,
    /// Events that do not read.
    notes: Vec<String>,
}

#[derive(Clone, Debug)]
struct Event {
    id: String,
    title: String,
    who: Vec<(String, String)>,
    start: Wall,
    end: End,
    rules: Vec<String>,
    also: Vec<Wall>,
    except: Vec<Wall>,
    /// The time of the repeated event of the same id that it stands for.
    stands_for: Option<Timestamp>,
    is_cancelled: bool,
}

#[derive(Clone, Debug)]
enum End {
    At(Wall),
    After(Span),
}

impl Calendar {
    /// Reads a calendar. Events that make no sense are noted. `zone` is that of times that name none.
    ///
    /// # Errors
    ///
    /// `Invalid` when the text is no calendar at all, or the zone is unknown.
    pub fn read(text: &str, zone: &str) -> Result<Self> {
        let components = components(text);
        let calendar = components.iter().find(|component| component.name == "VCALENDAR");
        let Some(calendar) = calendar else {
            return Err(Kind::Invalid
                .error("it is no calendar: there is no `BEGIN:VCALENDAR`")
                .with_hint("an address may have answered with a page to log in"));
        };
        // Not in the standard; calendars say it so: <https://learn.microsoft.com/en-us/openspecs/exchange_server_protocols/ms-oxcical/1da58449-b97e-46bd-b018-a1ce576f3e6d>.
        let own = calendar.line("X-WR-TIMEZONE").map(Line::text).and_then(|name| table::zone(&name).ok());
        let usual = if zone.is_empty() { own.unwrap_or(TimeZone::UTC) } else { table::zone(zone)? };
        let mut read = Self::default();
        for (index, event) in components.iter().filter(|component| component.name == "VEVENT").enumerate() {
            if index >= MAX_EVENTS {
                read.notes.push(format!("it has over {MAX_EVENTS} events; the rest is not read"));
                break;
            }
            match Event::read(event, &usual) {
                Ok(event) => read.events.push(event),
                Err(why) => read.notes.push(format!("event {} is not read: {why}", index + 1)),
            }
        }
        Ok(read)
    }

    /// Returns what takes place at a moment.
    pub fn at(&self, at: Timestamp) -> Found {
        let mut found = Found { events: Vec::new(), notes: self.notes.clone() };
        for event in self.events.iter().filter(|event| !event.is_cancelled || event.stands_for.is_some()) {
            match self.happening(event, at) {
                Ok(happening) => found.events.extend(happening),
                Err(why) => found.notes.push(format!("event \"{}\" is not read: {why}", event.title)),
            }
        }
        let left = found.notes.len().saturating_sub(MAX_NOTES);
        found.notes.truncate(MAX_NOTES);
        if left > 0 {
            found.notes.push(format!("and {left} more"));
        }
        found
    }

    fn happening(&self, event: &Event, at: Timestamp) -> Result<Option<Happening>, String> {
        if event.is_cancelled {
            return Ok(None);
        }
        // What stands for a single day takes it away from the rest.
        let is_replaced = |from: Timestamp| {
            event.stands_for.is_none()
                && self.events.iter().any(|other| other.id == event.id && other.stands_for == Some(from))
        };
        for start in event.starts(at)? {
            let (Some(from), Some(to)) = (start.moment(), event.end_of(&start)) else { continue };
            if (from..to).contains(&at) && !event.leaves_out(&start, from) && !is_replaced(from) {
                let (title, who) = (event.title.clone(), event.who.clone());
                return Ok(Some(Happening { title, who, from, to }));
            }
        }
        Ok(None)
    }
}

impl Event {
    fn read(component: &Component, usual: &TimeZone) -> Result<Self, String> {
        let text = |name: &str| component.line(name).map(Line::text).unwrap_or_default();
        let start = component.line("DTSTART").ok_or("it has no `DTSTART`")?;
        let start = Wall::read_one(start, usual)?;
        let end = match (component.line("DTEND"), component.line("DURATION")) {
            (Some(line), _) => End::At(Wall::read_one(line, usual)?),
            (None, Some(line)) => {
                End::After(duration(line.value.trim()).ok_or("its `DURATION` does not read")?)
            }
            // A day is a day long, anything else is over at once: RFC 5545 §3.6.1.
            (None, None) => End::After(if start.is_day { Span::new().days(1) } else { Span::new() }),
        };
        let dates = |name: &str| -> Result<Vec<Wall>, String> {
            let mut dates = Vec::new();
            for line in component.lines_of(name) {
                dates.extend(Wall::read_all(line, usual)?);
            }
            if dates.len() > MAX_DATES { Err(format!("it has over {MAX_DATES} dates")) } else { Ok(dates) }
        };
        let stands_for = match component.line("RECURRENCE-ID") {
            Some(line) if line.parameter("RANGE").is_some() => {
                return Err("it changes all later days at once (`RANGE`), which is not understood".to_owned());
            }
            Some(line) => Wall::read_one(line, usual)?.moment(),
            None => None,
        };
        Ok(Self {
            id: text("UID"),
            title: cut(&text("SUMMARY")),
            who: who(component),
            rules: component.lines_of("RRULE").map(|line| line.value.trim().to_owned()).collect(),
            also: dates("RDATE")?,
            except: dates("EXDATE")?,
            is_cancelled: text("STATUS").eq_ignore_ascii_case("cancelled"),
            stands_for,
            start,
            end,
        })
    }

    /// Returns the times at which it begins, up to about `at`.
    fn starts(&self, at: Timestamp) -> Result<Vec<Wall>, String> {
        let mut starts = vec![self.start.clone()];
        starts.extend(self.also.iter().cloned());
        let now =
            jiff::Timestamp::from_nanosecond(i128::from(at.nanos())).map_err(|error| error.to_string())?;
        let until = now.to_zoned(self.start.zone.clone()).datetime();
        // A clock that was put back shows less than it did.
        let until = until.checked_add(Span::new().hours(3)).unwrap_or(until);
        for rule in &self.rules {
            let times = times(&self.start, rule, until)?;
            starts.extend(times.into_iter().map(|time| Wall { time, ..self.start.clone() }));
        }
        Ok(starts)
    }

    /// Returns the end of the time that begins at `start`, as late on the clock as the first one is.
    ///
    /// RFC 5545 §3.8.5.3 wants the same exact duration where `DTEND` is given: a shift that is handed over at nine would
    /// twice a year have an hour with two people or with none.
    fn end_of(&self, start: &Wall) -> Option<Timestamp> {
        match &self.end {
            End::At(end) => end.moved(start.since(self.start.time))?.moment(),
            End::After(span) => start.after(*span)?.moment(),
        }
    }

    fn leaves_out(&self, start: &Wall, from: Timestamp) -> bool {
        self.except.iter().any(|except| match except.is_day {
            true => except.time.date() == start.time.date(),
            false => except.moment() == Some(from),
        })
    }
}

/// Returns whom an event names: those who attend and did not decline, else its title, else who organises it.
fn who(component: &Component) -> Vec<(String, String)> {
    let declined = |line: &&Line| {
        line.parameter("PARTSTAT").is_some_and(|answer| answer.eq_ignore_ascii_case("declined"))
    };
    let mut who: Vec<(String, String)> = Vec::new();
    for person in component.lines_of("ATTENDEE").filter(|line| !declined(line)).filter_map(person) {
        if !who.contains(&person) {
            who.push(person);
        }
    }
    let title = component.line("SUMMARY").map(|line| cut(&line.text())).unwrap_or_default();
    if who.is_empty() && !title.is_empty() {
        return vec![(title, String::new())];
    }
    if who.is_empty() {
        who.extend(component.line("ORGANIZER").and_then(person));
    }
    who
}

/// Reads `ATTENDEE;CN=Li Na:mailto:li.na@shop.example`.
fn person(line: &Line) -> Option<(String, String)> {
    let value = line.text();
    let is_mail = value.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("mailto:"));
    let address = if is_mail { value.get(7..).unwrap_or_default() } else { "" };
    let called = cut(line.parameter("CN").unwrap_or_default());
    match (address.is_empty(), called.is_empty()) {
        (true, true) => None,
        (true, false) => Some((called, String::new())),
        (false, _) => Some((cut(address), called)),
    }
}

fn cut(text: &str) -> String {
    let plain = text.chars().filter(|letter| !letter.is_control());
    plain.take(MAX_TEXT).collect::<String>().trim().to_owned()
}
