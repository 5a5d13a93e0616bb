//! A memory that forgets when the program ends.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use waggle_signals::Timestamp;

use crate::{
    Evidence, EvidenceId, Incident, IncidentId, Kind, Result,
    past_case::{CaseCheck, KeptCase, PastCase, Retirement},
    ports::{
        AuditEntry, CasePage, ChatLine, Checkpoint, IncidentPage, InvestigationRecord, Memory, NewAuditEntry,
        Rating,
    },
};

/// Keeps everything in the program's own memory, by the same rules as a real one.
#[derive(Debug, Default)]
pub struct FakeMemory {
    /// Locked for a few lines, never across an await.
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    incidents: BTreeMap<IncidentId, Incident>,
    /// In the order of their first saying.
    lines: Vec<Said>,
    evidence: BTreeMap<(IncidentId, EvidenceId), Evidence>,
    checkpoints: BTreeMap<IncidentId, Checkpoint>,
    /// In the order of saving.
    investigations: Vec<InvestigationRecord>,
    /// In the order of saving.
    ratings: Vec<Rating>,
    cases: BTreeMap<IncidentId, PastCase>,
    retirements: BTreeMap<IncidentId, Retirement>,
    /// By case, and by the incident that said it.
    checks: BTreeMap<(IncidentId, IncidentId), CaseCheck>,
    audit: Vec<AuditEntry>,
}

#[derive(Debug)]
struct Said {
    incident: IncidentId,
    first_at: Timestamp,
    line: ChatLine,
}

impl FakeMemory {
    /// Makes an empty memory.
    pub fn new() -> Self {
        Self::default()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn known(&self, incident: &IncidentId) -> Result<()> {
        if self.incidents.contains_key(incident) {
            return Ok(());
        }
        Err(Kind::NotFound.error(format!("unknown incident `{incident}`")))
    }
}

impl Kept {
    fn known_case(&self, incident: &IncidentId) -> Result<()> {
        if self.cases.contains_key(incident) {
            return Ok(());
        }
        Err(Kind::NotFound.error(format!("no case of incident `{incident}`")))
    }

    fn ratings_of(&self, incident: &IncidentId) -> Vec<Rating> {
        let mut ratings: Vec<_> =
            self.ratings.iter().filter(|rating| rating.incident == *incident).cloned().collect();
        ratings.sort_by_key(|rating| rating.at);
        ratings
    }

    fn kept_case(&self, case: &PastCase) -> KeptCase {
        let checks = self.checks.values().filter(|check| check.case == case.incident);
        let mut checks: Vec<_> = checks.cloned().collect();
        checks.sort_by(|a, b| a.at.cmp(&b.at).then_with(|| a.by.cmp(&b.by)));
        KeptCase {
            ratings: self.ratings_of(&case.incident),
            retirement: self.retirements.get(&case.incident).cloned(),
            checks,
            case: case.clone(),
        }
    }
}

#[async_trait]
impl Memory for FakeMemory {
    async fn add_incident(&self, incident: &Incident) -> Result<bool> {
        let mut kept = self.kept();
        let is_free = !kept.incidents.contains_key(&incident.id);
        if is_free {
            kept.incidents.insert(incident.id.clone(), incident.clone());
        }
        Ok(is_free)
    }

    async fn save_incident(&self, incident: &Incident) -> Result<()> {
        self.kept().incidents.insert(incident.id.clone(), incident.clone());
        Ok(())
    }

    async fn incident(&self, id: &IncidentId) -> Result<Incident> {
        let kept = self.kept();
        kept.known(id)?;
        Ok(kept.incidents[id].clone())
    }

    async fn incidents(&self, page: &IncidentPage) -> Result<Vec<Incident>> {
        let kept = self.kept();
        let in_page = |incident: &&Incident| page.before.is_none_or(|before| incident.opened_at < before);
        let mut found: Vec<_> = kept.incidents.values().filter(in_page).cloned().collect();
        found.sort_by(|a, b| b.opened_at.cmp(&a.opened_at).then_with(|| b.id.cmp(&a.id)));
        found.truncate(page.limit);
        Ok(found)
    }

    async fn save_line(&self, incident: &IncidentId, line: &ChatLine) -> Result<()> {
        let mut kept = self.kept();
        kept.known(incident)?;
        let said = kept.lines.iter_mut().find(|said| said.incident == *incident && said.line.id == line.id);
        if let Some(said) = said {
            said.line = line.clone();
            return Ok(());
        }
        kept.lines.push(Said { incident: incident.clone(), first_at: line.at, line: line.clone() });
        Ok(())
    }

    async fn lines(&self, incident: &IncidentId) -> Result<Vec<ChatLine>> {
        let kept = self.kept();
        let mut said: Vec<_> = kept.lines.iter().filter(|said| said.incident == *incident).collect();
        said.sort_by_key(|said| said.first_at);
        Ok(said.into_iter().map(|said| said.line.clone()).collect())
    }

    async fn save_evidence(&self, incident: &IncidentId, evidence: &Evidence) -> Result<()> {
        let mut kept = self.kept();
        kept.known(incident)?;
        let key = (incident.clone(), evidence.id);
        let stays = kept.evidence.entry(key).or_insert_with(|| evidence.clone());
        if stays == evidence {
            return Ok(());
        }
        Err(Kind::Invalid
            .error(format!("other evidence is already kept as `{}` of `{incident}`", evidence.id)))
    }

    async fn evidence(&self, incident: &IncidentId, id: EvidenceId) -> Result<Evidence> {
        let kept = self.kept();
        kept.known(incident)?;
        let evidence = kept.evidence.get(&(incident.clone(), id)).cloned();
        evidence.ok_or_else(|| Kind::NotFound.error(format!("no evidence `{id}` in `{incident}`")))
    }

    async fn all_evidence(&self, incident: &IncidentId) -> Result<Vec<Evidence>> {
        let kept = self.kept();
        let of_incident = kept.evidence.iter().filter(|((of, _), _)| of == incident);
        Ok(of_incident.map(|(_, evidence)| evidence.clone()).collect())
    }

    async fn save_checkpoint(&self, checkpoint: &Checkpoint) -> Result<()> {
        let mut kept = self.kept();
        kept.known(&checkpoint.incident)?;
        kept.checkpoints.insert(checkpoint.incident.clone(), checkpoint.clone());
        Ok(())
    }

    async fn checkpoint(&self, incident: &IncidentId) -> Result<Option<Checkpoint>> {
        Ok(self.kept().checkpoints.get(incident).cloned())
    }

    async fn save_investigation(&self, record: &InvestigationRecord) -> Result<()> {
        let mut kept = self.kept();
        kept.known(&record.incident)?;
        kept.checkpoints.remove(&record.incident);
        kept.investigations.push(record.clone());
        Ok(())
    }

    async fn latest_investigation(&self, incident: &IncidentId) -> Result<Option<InvestigationRecord>> {
        let kept = self.kept();
        let of_incident = kept.investigations.iter().filter(|record| record.incident == *incident);
        Ok(of_incident.max_by_key(|record| record.started_at).cloned())
    }

    async fn save_rating(&self, rating: &Rating) -> Result<()> {
        let mut kept = self.kept();
        kept.known(&rating.incident)?;
        kept.ratings.push(rating.clone());
        Ok(())
    }

    async fn ratings(&self, incident: &IncidentId) -> Result<Vec<Rating>> {
        Ok(self.kept().ratings_of(incident))
    }

    async fn save_case(&self, case: &PastCase) -> Result<()> {
        let mut kept = self.kept();
        kept.known(&case.incident)?;
        kept.cases.insert(case.incident.clone(), case.clone());
        Ok(())
    }

    async fn cases(&self, page: &CasePage) -> Result<Vec<KeptCase>> {
        let kept = self.kept();
        let in_page = |case: &&PastCase| page.before.is_none_or(|before| case.closed_at < before);
        let mut found: Vec<_> = kept.cases.values().filter(in_page).collect();
        found.sort_by(|a, b| b.closed_at.cmp(&a.closed_at).then_with(|| b.incident.cmp(&a.incident)));
        found.truncate(page.limit);
        Ok(found.into_iter().map(|case| kept.kept_case(case)).collect())
    }

    async fn save_case_check(&self, check: &CaseCheck) -> Result<()> {
        let mut kept = self.kept();
        kept.known_case(&check.case)?;
        kept.checks.insert((check.case.clone(), check.by.clone()), check.clone());
        Ok(())
    }

    async fn retire_case(&self, incident: &IncidentId, retirement: &Retirement) -> Result<()> {
        let mut kept = self.kept();
        kept.known_case(incident)?;
        kept.retirements.entry(incident.clone()).or_insert_with(|| retirement.clone());
        Ok(())
    }

    async fn audit(&self, entry: &NewAuditEntry) -> Result<AuditEntry> {
        let mut kept = self.kept();
        let last = kept.audit.last();
        let sequence = last.map_or(1, |last| last.sequence + 1);
        let linked = AuditEntry::link(sequence, entry.clone(), last.map(|last| last.hash.as_str()));
        kept.audit.push(linked.clone());
        Ok(linked)
    }

    async fn audit_log(&self, after: u64, limit: usize) -> Result<Vec<AuditEntry>> {
        let kept = self.kept();
        let later = kept.audit.iter().filter(|entry| entry.sequence > after);
        Ok(later.take(limit).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::memory::conformance;

    #[tokio::test]
    async fn the_fake_keeps_the_rules_of_a_memory() {
        conformance(&FakeMemory::new()).await;
    }
}
