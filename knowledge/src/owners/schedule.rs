//! An on-call schedule in a calendar: a file, or an address that is asked again now and then.
//!
//! Events are read as RFC 5545 has them, <https://www.rfc-editor.org/rfc/rfc5545>: repeated ones, left-out days, single days that
//! were changed, time zones by their IANA name.

mod event;
mod lines;
mod recurrence;
mod times;

use std::{
    fs,
    io::Read,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use serde::Deserialize;
use tokio::{sync::Mutex, task::spawn_blocking};
use waggle_agent_core::{Kind, Result};
use waggle_signals::Timestamp;

pub use event::Calendar;

use super::{
    http::{Client, Request},
    on_call::{OnCall, OnCallQuery, Shift, Watch, covered},
};

/// Bytes of a calendar.
const MAX_BYTES: usize = 4 * 1024 * 1024;
/// How long a calendar that was read is taken for new.
const FRESH: Duration = Duration::from_secs(300);

/// Which calendar, and what it is for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleSettings {
    /// A path, or an address with `https://` (or `http://`) in front.
    pub place: String,
    /// Services it is for.
    #[serde(default)]
    pub services: Vec<String>,
    /// Teams it is for.
    #[serde(default)]
    pub teams: Vec<String>,
    /// Time zone of times that name none; that of the calendar, else UTC, when empty.
    #[serde(default)]
    pub zone: String,
}

/// A schedule that is read when it is asked about.
pub struct Schedule {
    settings: ScheduleSettings,
    client: Client,
    /// What was read last, and when.
    kept: Mutex<Option<(Instant, Arc<Calendar>)>>,
}

impl Schedule {
    /// Takes a calendar that lies at a place.
    ///
    /// # Errors
    ///
    /// `Invalid` when it is for nothing, or the zone is unknown.
    pub fn new(settings: ScheduleSettings) -> Result<Self> {
        super::table::zone(&settings.zone)?;
        if settings.services.is_empty() && settings.teams.is_empty() {
            return Err(Kind::Invalid
                .error(format!("the schedule `{}` is for nothing", shown(&settings.place)))
                .with_hint("name `services` or `teams`"));
        }
        Ok(Self { settings, client: Client::new()?, kept: Mutex::default() })
    }

    async fn calendar(&self) -> Result<Arc<Calendar>> {
        let mut kept = self.kept.lock().await;
        if let Some((read, calendar)) = &*kept
            && read.elapsed() < FRESH
        {
            return Ok(calendar.clone());
        }
        let (place, zone) = (self.settings.place.clone(), self.settings.zone.clone());
        let told = shown(&place);
        let text = if is_address(&place) {
            let request =
                Request { url: &place, headers: Vec::new(), query: Vec::new(), max_bytes: MAX_BYTES };
            self.client.read(&request, &format!("the schedule `{told}`")).await?
        } else {
            let reading = spawn_blocking(move || read_file(PathBuf::from(place)));
            reading.await.map_err(|error| Kind::Internal.because("read a schedule", error))??
        };
        let calendar = Calendar::read(&String::from_utf8_lossy(&text), &zone)?;
        let calendar = Arc::new(calendar);
        *kept = Some((Instant::now(), calendar.clone()));
        Ok(calendar)
    }
}

#[async_trait]
impl OnCall for Schedule {
    fn name(&self) -> String {
        format!("schedule `{}`", shown(&self.settings.place))
    }

    fn services(&self) -> Vec<String> {
        self.settings.services.clone()
    }

    async fn on_call(&self, query: &OnCallQuery) -> Result<Watch> {
        let covers = covered(query, &self.settings.services, &self.settings.teams);
        if covers.is_empty() {
            return Ok(Watch::default());
        }
        let (calendar, at, name) = (self.calendar().await?, query.at, self.name());
        let counting = spawn_blocking(move || calendar.at(at));
        let found = counting.await.map_err(|error| Kind::Internal.because("read a schedule", error))?;
        let notes = found.notes.into_iter().map(|note| format!("{name}: {note}")).collect();
        let mut shifts = Vec::new();
        for event in found.events {
            for (who, called) in event.who {
                let rule = format!("on call for {}, {name} \"{}\"", covers.join(" and "), event.title);
                let (from, to) = (Some(event.from), Some(event.to));
                shifts.push(Shift { who, called, level: 1, from, to, rule });
            }
        }
        Ok(Watch { shifts, covers, notes })
    }
}

/// What a calendar has at a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// In order of the calendar.
    pub events: Vec<Happening>,
    /// Events that could not be read.
    pub notes: Vec<String>,
}

/// One time that an event takes place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happening {
    /// Its title.
    pub title: String,
    /// Whom it names: address or name, and the name beside an address. Nobody twice.
    pub who: Vec<(String, String)>,
    /// First moment.
    pub from: Timestamp,
    /// First moment after.
    pub to: Timestamp,
}

fn is_address(place: &str) -> bool {
    place.starts_with("https://") || place.starts_with("http://")
}

/// Returns a place as it may be told: of an address the host alone, since the rest is often the key to it.
fn shown(place: &str) -> String {
    if !is_address(place) {
        return place.to_owned();
    }
    let host = reqwest::Url::parse(place).ok().and_then(|url| url.host_str().map(str::to_owned));
    host.unwrap_or_else(|| "a calendar".to_owned())
}

fn read_file(path: PathBuf) -> Result<Vec<u8>> {
    let unread = |error: std::io::Error| {
        Kind::Unavailable.because(format!("the schedule `{}` cannot be read", path.display()), error)
    };
    let mut bytes = Vec::new();
    let file = fs::File::open(&path).map_err(unread)?;
    let limit = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX);
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(unread)?;
    if bytes.len() > MAX_BYTES {
        return Err(
            Kind::Invalid.error(format!("the schedule `{}` is over {MAX_BYTES} bytes", path.display()))
        );
    }
    Ok(bytes)
}
