//! Who answers for a service: label, catalogue, `CODEOWNERS`, who is on call; and where they are reached.
//!
//! # Layout
//!
//! - `order`: puts together what the rules say. `settings`: what may be configured.
//! - `catalogue`: Backstage's `catalog-info.yaml`.
//! - `on_call`: the question that a table, a calendar (`schedule`) and `pagerduty` answer.
//! - `people`: from a name or an address to where somebody is reached.
//! - `http`: how the outside is asked.

mod catalogue;
mod http;
mod on_call;
mod order;
mod pagerduty;
mod people;
mod schedule;
mod settings;
mod table;

use std::{
    fs,
    io::Read,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use secrecy::SecretString;
use tokio::sync::Mutex;
use waggle_agent_core::{
    Kind, Result,
    nearest::nearest,
    ports::{Changes, Owned, Ownership, OwnershipQuery, by_code, by_label},
};
use waggle_signals::semconv;

pub use catalogue::{Catalogue, CatalogueSource, Entity, Listed, Reference};
pub use on_call::{OnCall, OnCallQuery, Shift, Watch};
pub use order::{Stated, owned, teams};
pub use pagerduty::{PagerDuty, PagerDutySettings};
pub use people::{Meant, People, Person, Team};
pub use schedule::{Calendar, Found, Happening, Schedule, ScheduleSettings};
pub use settings::OwnerSettings;
pub use table::{DutySettings, OnCallTable, StandInSettings};

use crate::GitChanges;

/// How long a catalogue that was read is taken for new.
const FRESH: Duration = Duration::from_secs(300);
/// Bytes of a file with an on-call table.
const MAX_TABLE: u64 = 1024 * 1024;
/// How long one source of shifts is waited for.
const PATIENCE: Duration = Duration::from_secs(15);
/// Notes of one answer, and letters of each.
const MAX_NOTES: usize = 8;
const MAX_NOTE: usize = 300;

/// Answers by every rule that is configured. A source that fails is noted, and the rest still answers.
pub struct ConfiguredOwners {
    changes: Arc<dyn Changes>,
    git: GitChanges,
    catalogues: Vec<CatalogueSource>,
    /// What was read last, and when.
    kept: Mutex<Option<(Instant, Arc<Catalogue>)>>,
    on_call: Vec<Arc<dyn OnCall>>,
    people: Vec<Person>,
    teams: Vec<Team>,
}

impl ConfiguredOwners {
    /// Takes the settings, and reads the tables that they name. `changes` is asked for `CODEOWNERS`, `git` for catalogues in
    /// repositories. PagerDuty is asked with `key`.
    ///
    /// # Errors
    ///
    /// `Invalid` for settings that make no sense, `NotFound` or `Unavailable` for a table that cannot be read.
    pub fn open(
        settings: OwnerSettings,
        changes: Arc<dyn Changes>,
        git: GitChanges,
        key: Option<&SecretString>,
    ) -> Result<Self> {
        let OwnerSettings {
            catalogue: catalogues,
            tables,
            on_call,
            overrides,
            schedules,
            pagerduty,
            people,
            teams,
            // Whoever makes `changes` has used it: `GitChanges::with_code_owners`.
            code_owners: _,
        } = settings;
        let mut sources: Vec<Arc<dyn OnCall>> = Vec::new();
        if !on_call.is_empty() || !overrides.is_empty() {
            sources.push(Arc::new(OnCallTable::new("waggle.toml", on_call, overrides)?));
        }
        for place in tables {
            let text = read_table(&place)?;
            sources.push(Arc::new(OnCallTable::read(&place.display().to_string(), &text)?));
        }
        for schedule in schedules {
            sources.push(Arc::new(Schedule::new(schedule)?));
        }
        match (pagerduty, key) {
            (Some(settings), Some(key)) => sources.push(Arc::new(PagerDuty::new(settings, key)?)),
            (Some(_), None) => {
                return Err(Kind::Invalid
                    .error("`owners.pagerduty` has no key")
                    .with_hint("put a key for reading where docs/owners.md says"));
            }
            (None, _) => {}
        }
        Ok(Self { changes, git, catalogues, kept: Mutex::default(), on_call: sources, people, teams })
    }

    /// Adds a source of shifts besides those that are configured.
    #[must_use]
    pub fn with_on_call(mut self, source: Arc<dyn OnCall>) -> Self {
        self.on_call.push(source);
        self
    }

    /// Reads all catalogues, or returns what was read shortly before. A catalogue that cannot be read is noted in what is returned.
    async fn catalogue(&self) -> Arc<Catalogue> {
        let mut kept = self.kept.lock().await;
        if let Some((read, catalogue)) = &*kept
            && read.elapsed() < FRESH
        {
            return catalogue.clone();
        }
        let mut entities = Vec::new();
        let mut notes = Vec::new();
        for source in &self.catalogues {
            match source.read(&self.git).await {
                Ok(catalogue) => {
                    let (more, doubts) = catalogue.into_parts();
                    entities.extend(more);
                    notes.extend(doubts);
                }
                Err(error) => notes.push(format!("a catalogue is not read: {error}")),
            }
        }
        let catalogue = Arc::new(Catalogue::new(entities, notes));
        *kept = Some((Instant::now(), catalogue.clone()));
        catalogue
    }

    /// Asks every source of shifts, one after the other, each for a while.
    async fn watches(&self, query: &OnCallQuery, notes: &mut Vec<String>) -> Vec<Watch> {
        let mut watches = Vec::new();
        for source in &self.on_call {
            match tokio::time::timeout(PATIENCE, source.on_call(query)).await {
                Ok(Ok(watch)) => watches.push(watch),
                Ok(Err(error)) => notes.push(format!("{} was not read: {error}", source.name())),
                Err(_) => notes.push(format!("{} did not answer in {} s", source.name(), PATIENCE.as_secs())),
            }
        }
        watches
    }

    fn searched(&self) -> String {
        let mut searched = vec![format!("label `{}`", semconv::OWNER)];
        if !self.catalogues.is_empty() {
            searched.push("the service catalogue".to_owned());
        }
        searched.push("CODEOWNERS".to_owned());
        searched.extend(self.on_call.iter().map(|source| source.name()));
        searched.join(", ")
    }
}

#[async_trait]
impl Ownership for ConfiguredOwners {
    async fn owners_of(&self, query: &OwnershipQuery) -> Result<Owned> {
        let OwnershipQuery { service, labels, at, .. } = query;
        let catalogue = self.catalogue().await;
        let people =
            People::new(self.people.clone(), self.teams.clone()).with(catalogue.people(), catalogue.teams());
        let listed = catalogue.listed(service);
        let (code, note) = by_code(&*self.changes, query).await;
        let mut stated = Stated {
            labels: labels.iter().map(|label| by_label(label, service)).collect(),
            catalogue: listed.owners,
            code,
            notes: catalogue.notes.iter().cloned().chain(listed.notes).chain(note).collect(),
            ..Stated::default()
        };
        let asked = OnCallQuery {
            service: service.clone(),
            teams: teams(&stated, &people),
            paging_ids: listed.paging_ids,
            at: *at,
        };
        stated.watches = self.watches(&asked, &mut stated.notes).await;
        let mut names: Vec<String> = self.on_call.iter().flat_map(|source| source.services()).collect();
        let is_listed = listed.is_listed || names.iter().any(|name| name == service);
        names.extend(catalogue.services().map(str::to_owned));
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut owned = owned(stated, &people, service, *at);
        owned.notes.truncate(MAX_NOTES);
        owned.notes.iter_mut().for_each(|note| *note = note.chars().take(MAX_NOTE).collect());
        owned.nearest = if is_listed { None } else { nearest(service, &names).map(str::to_owned) };
        Ok(Owned { is_listed, searched: self.searched(), ..owned })
    }
}

fn read_table(place: &Path) -> Result<String> {
    let told = place.display();
    let unread = |error: std::io::Error| {
        let kind =
            if error.kind() == std::io::ErrorKind::NotFound { Kind::NotFound } else { Kind::Unavailable };
        kind.because(format!("the on-call table `{told}` cannot be read"), error)
            .with_hint("check the path under `owners.tables`")
    };
    let mut text = String::new();
    let file = fs::File::open(place).map_err(unread)?;
    file.take(MAX_TABLE + 1).read_to_string(&mut text).map_err(unread)?;
    let is_small = u64::try_from(text.len()).is_ok_and(|length| length <= MAX_TABLE);
    if is_small {
        Ok(text)
    } else {
        Err(Kind::Invalid.error(format!("the on-call table `{told}` is over {MAX_TABLE} bytes")))
    }
}
