//! An on-call table: who, for what, on which days, at which hours, and who stands in.

use async_trait::async_trait;
use jiff::{
    ToSpan,
    civil::{Date, Time, Weekday},
    tz::TimeZone,
};
use serde::Deserialize;
use waggle_agent_core::{Error, Kind, Result};
use waggle_signals::Timestamp;

use super::on_call::{OnCall, OnCallQuery, Shift, Watch, covered};

/// Rows of a table; more are no table that a person keeps.
const MAX_ROWS: usize = 10_000;

/// One row as it is written: somebody's regular hours. `to` at or before `from` is on the next day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DutySettings {
    /// Name or e-mail.
    pub who: String,
    /// Services it is for.
    #[serde(default)]
    pub services: Vec<String>,
    /// Teams it is for.
    #[serde(default)]
    pub teams: Vec<String>,
    /// Days on which it begins, `mon` to `sun`; all when empty.
    #[serde(default)]
    pub days: Vec<String>,
    /// Begins at this time, `09:00`; midnight when empty.
    #[serde(default)]
    pub from: String,
    /// Ends at this time, outside; midnight when empty.
    #[serde(default)]
    pub to: String,
    /// IANA name of the time zone; UTC when empty.
    #[serde(default)]
    pub zone: String,
    /// 1, unless set, is called first.
    pub level: Option<u32>,
}

/// Somebody who stands in for all others for a while.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StandInSettings {
    /// Name or e-mail; nobody when empty, which makes a gap.
    pub who: String,
    /// Services it is for.
    #[serde(default)]
    pub services: Vec<String>,
    /// Teams it is for.
    #[serde(default)]
    pub teams: Vec<String>,
    /// First moment, RFC 3339.
    pub from: Timestamp,
    /// First moment after, RFC 3339.
    pub to: Timestamp,
}

/// A table that was checked.
#[derive(Clone, Debug, Default)]
pub struct OnCallTable {
    place: String,
    duties: Vec<Duty>,
    stand_ins: Vec<StandInSettings>,
}

#[derive(Clone, Debug)]
struct Duty {
    settings: DutySettings,
    /// Empty when on all days.
    days: Vec<Weekday>,
    from: Time,
    to: Time,
    zone: TimeZone,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    on_call: Vec<DutySettings>,
    #[serde(default, rename = "override")]
    stand_ins: Vec<StandInSettings>,
}

impl OnCallTable {
    /// Reads the file at `place`: `[[on_call]]` and `[[override]]` in TOML.
    ///
    /// # Errors
    ///
    /// `Invalid` when it does not read, or a row makes no sense.
    pub fn read(place: &str, text: &str) -> Result<Self> {
        let file: File = toml::from_str(text).map_err(|error| {
            Kind::Invalid.because(format!("the on-call table `{place}` does not read"), error)
        })?;
        Self::new(place, file.on_call, file.stand_ins)
    }

    /// Checks the rows that the file at `place` has.
    ///
    /// # Errors
    ///
    /// `Invalid`, with the row, for an unknown day, time or zone, for nobody, and for nothing to be on call for.
    pub fn new(place: &str, duties: Vec<DutySettings>, stand_ins: Vec<StandInSettings>) -> Result<Self> {
        if duties.len() + stand_ins.len() > MAX_ROWS {
            return Err(Kind::Invalid.error(format!("the on-call table `{place}` has over {MAX_ROWS} rows")));
        }
        for (index, row) in stand_ins.iter().enumerate() {
            let wrong =
                |what: &str| Kind::Invalid.error(format!("override {} of `{place}` {what}", index + 1));
            if row.services.is_empty() && row.teams.is_empty() {
                return Err(wrong("is for nothing").with_hint("name `services` or `teams`"));
            }
            if row.from >= row.to {
                return Err(wrong("ends before it begins"));
            }
        }
        let read = |(index, row): (usize, DutySettings)| {
            let told = format!("row {} of the on-call table `{place}`", index + 1);
            Duty::read(row).map_err(|error| {
                let hint = error.hint().unwrap_or("see docs/owners.md").to_owned();
                error.kind().error(format!("{told}: {error}")).with_hint(hint)
            })
        };
        let duties = duties.into_iter().enumerate().map(read).collect::<Result<_>>()?;
        Ok(Self { place: place.to_owned(), duties, stand_ins })
    }

    /// Returns who is on call.
    pub fn watch(&self, query: &OnCallQuery) -> Watch {
        let mut watch = Watch::default();
        let mut note_cover = |covers: &[String]| {
            for cover in covers {
                if !watch.covers.contains(cover) {
                    watch.covers.push(cover.clone());
                }
            }
        };
        let mut stand_ins = Vec::new();
        for (index, row) in self.stand_ins.iter().enumerate() {
            let StandInSettings { who, services, teams, from, to } = row;
            let covers = covered(query, services, teams);
            if covers.is_empty() || !(*from..*to).contains(&query.at) {
                continue;
            }
            note_cover(&covers);
            let rule =
                format!("on call for {}, override {} of `{}`", covers.join(" and "), index + 1, self.place);
            let (who, called) = (who.clone(), String::new());
            stand_ins.push(Shift { who, called, level: 1, from: Some(*from), to: Some(*to), rule });
        }
        let mut shifts = Vec::new();
        for (index, duty) in self.duties.iter().enumerate() {
            let covers = covered(query, &duty.settings.services, &duty.settings.teams);
            note_cover(&covers);
            let Some((from, to)) = duty.around(query.at).filter(|_| !covers.is_empty()) else { continue };
            let rule = format!("on call for {}, row {} of `{}`", covers.join(" and "), index + 1, self.place);
            let (who, level) = (duty.settings.who.clone(), duty.settings.level.unwrap_or(1));
            shifts.push(Shift { who, called: String::new(), level, from: Some(from), to: Some(to), rule });
        }
        // Who stands in does so for all.
        watch.shifts = if stand_ins.is_empty() { shifts } else { stand_ins };
        watch.shifts.retain(|shift| !shift.who.trim().is_empty());
        watch
    }
}

#[async_trait]
impl OnCall for OnCallTable {
    fn name(&self) -> String {
        format!("on-call table `{}`", self.place)
    }

    fn services(&self) -> Vec<String> {
        self.duties.iter().flat_map(|duty| duty.settings.services.clone()).collect()
    }

    async fn on_call(&self, query: &OnCallQuery) -> Result<Watch> {
        Ok(self.watch(query))
    }
}

impl Duty {
    fn read(settings: DutySettings) -> Result<Self> {
        if settings.who.trim().is_empty() {
            return Err(Kind::Invalid.error("`who` is empty").with_hint("a gap needs no row"));
        }
        if settings.services.is_empty() && settings.teams.is_empty() {
            return Err(Kind::Invalid.error("it is for nothing").with_hint("name `services` or `teams`"));
        }
        let days = settings.days.iter().map(|day| weekday(day)).collect::<Result<_>>()?;
        let (from, to) = (time(&settings.from)?, time(&settings.to)?);
        let zone = zone(&settings.zone)?;
        Ok(Self { days, from, to, zone, settings })
    }

    /// Returns the shift that `at` lies in.
    ///
    /// A time that the clocks skip is taken as if they had not been put forward yet, one that they show twice is the first.
    fn around(&self, at: Timestamp) -> Option<(Timestamp, Timestamp)> {
        let today =
            jiff::Timestamp::from_nanosecond(i128::from(at.nanos())).ok()?.to_zoned(self.zone.clone()).date();
        // It may have begun yesterday, and hours that are put back may reach into the day before.
        let days = [today, today.yesterday().ok()?];
        days.into_iter().find_map(|day| self.shift(day).filter(|(from, to)| (*from..*to).contains(&at)))
    }

    fn shift(&self, day: Date) -> Option<(Timestamp, Timestamp)> {
        if !self.days.is_empty() && !self.days.contains(&day.weekday()) {
            return None;
        }
        let last = if self.to <= self.from { day.checked_add(1.day()).ok()? } else { day };
        let moment = |day: Date, time: Time| -> Option<Timestamp> {
            let zoned = day.to_datetime(time).to_zoned(self.zone.clone()).ok()?;
            i64::try_from(zoned.timestamp().as_nanosecond()).ok().map(Timestamp::from_nanos)
        };
        Some((moment(day, self.from)?, moment(last, self.to)?))
    }
}

/// Reads the name of a day in English, short or long.
fn weekday(text: &str) -> Result<Weekday> {
    let names = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let asked = text.to_lowercase();
    let place = names.iter().position(|name| asked.len() >= 3 && name.starts_with(&asked));
    let day = place
        .and_then(|place| i8::try_from(place).ok())
        .and_then(|place| Weekday::from_monday_zero_offset(place).ok());
    day.ok_or_else(|| unknown("day", text, "days are `mon`, `tue`, `wed`, `thu`, `fri`, `sat`, `sun`"))
}

/// Reads a time of day; midnight when nothing is said. `24:00` is midnight too.
fn time(text: &str) -> Result<Time> {
    if text.is_empty() || text == "24:00" {
        return Ok(Time::midnight());
    }
    text.parse().map_err(|_| unknown("time", text, "times are written `09:00`"))
}

/// Finds a time zone by its IANA name; UTC when nothing is said.
///
/// # Errors
///
/// `Invalid` for an unknown one, and when this machine has no time zones.
pub fn zone(name: &str) -> Result<TimeZone> {
    if name.is_empty() || name.eq_ignore_ascii_case("utc") {
        return Ok(TimeZone::UTC);
    }
    let hint = "zones are named like `Asia/Shanghai`, and need the system's time zone database (tzdata)";
    TimeZone::get(name).map_err(|_| unknown("time zone", name, hint))
}

fn unknown(what: &str, text: &str, hint: &str) -> Error {
    let shown: String = text.chars().take(60).collect();
    Kind::Invalid.error(format!("unknown {what} `{}`", shown.escape_debug())).with_hint(hint)
}
