//! What was investigated before.

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use waggle_signals::Timestamp;

use crate::{
    Incident, IncidentId, Result,
    past_case::{KeptCase, PastCase, keep_case},
    ports::{CasePage, IncidentPage, Memory},
};

/// Cases read for one answer, newest first. A flood of many equal ones must not push all others out.
const MAX_READ: usize = 2_000;
/// Incidents looked through for one answer that have no case yet, newest first.
const MAX_LOOKED_THROUGH: usize = 500;
/// Cases that are made for one answer: each reads an incident's evidence. The next answer goes on.
const MAX_MADE: usize = 100;

/// Returns incidents that came to an end, as cases.
#[async_trait]
pub trait PastIncidents: Send + Sync {
    /// Returns cases that were closed before a time, newest first; those out of use are among them. Empty when there was none.
    async fn cases(&self, query: &PastQuery) -> Result<Vec<KeptCase>>;

    /// Tells whether there is any such case.
    async fn is_any(&self, query: &PastQuery) -> Result<bool> {
        Ok(!self.cases(&PastQuery { limit: 1, ..query.clone() }).await?.is_empty())
    }
}

/// Asks for past incidents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastQuery {
    /// Opened and closed before this: what lies in the future was not seen.
    pub before: Timestamp,
    /// All but this one.
    pub except: IncidentId,
    /// At most so many.
    pub limit: usize,
}

impl PastQuery {
    /// Asks for what came before an incident.
    pub fn before(incident: &Incident, limit: usize) -> Self {
        Self { before: incident.opened_at, except: incident.id.clone(), limit }
    }
}

/// No past.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoPast;

#[async_trait]
impl PastIncidents for NoPast {
    async fn cases(&self, _: &PastQuery) -> Result<Vec<KeptCase>> {
        Ok(Vec::new())
    }
}

/// The past of a recorded run: what its tools answered is recorded, and whether they were asked shows by their being there.
#[derive(Clone, Copy, Debug, Default)]
pub struct RecordedPast;

#[async_trait]
impl PastIncidents for RecordedPast {
    async fn cases(&self, _: &PastQuery) -> Result<Vec<KeptCase>> {
        Ok(Vec::new())
    }

    async fn is_any(&self, _: &PastQuery) -> Result<bool> {
        Ok(true)
    }
}

/// The past as the memory has it. Incidents from before there were cases get theirs when they are asked for.
#[derive(Clone)]
pub struct Remembered(pub Arc<dyn Memory>);

#[async_trait]
impl PastIncidents for Remembered {
    async fn cases(&self, query: &PastQuery) -> Result<Vec<KeptCase>> {
        let before = Some(query.before);
        let mut cases = self.0.cases(&CasePage { before: None, limit: MAX_READ }).await?;
        let known: BTreeSet<IncidentId> = cases.iter().map(|kept| kept.case.incident.clone()).collect();
        let mut n_made = 0;
        for incident in self.0.incidents(&IncidentPage { before, limit: MAX_LOOKED_THROUGH }).await? {
            let is_wanted = incident.id != query.except && !known.contains(&incident.id);
            if n_made < MAX_MADE && is_wanted && keep_case(self.0.as_ref(), &incident).await?.is_some() {
                n_made += 1;
            }
        }
        if n_made > 0 {
            cases = self.0.cases(&CasePage { before, limit: MAX_READ }).await?;
        }
        let is_before = |case: &PastCase| case.closed_at < query.before && case.opened_at < query.before;
        cases.retain(|kept| kept.case.incident != query.except && is_before(&kept.case));
        cases.truncate(query.limit);
        Ok(cases)
    }
}
