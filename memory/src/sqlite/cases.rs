//! Past cases, and what was said about them.

use std::collections::BTreeMap;

use serde::{Serialize, de::DeserializeOwned};
use waggle_agent_core::{
    IncidentId, Result,
    past_case::{CaseCheck, KeptCase, PastCase, Retirement},
    ports::{CasePage, Rating},
};

use super::{
    SqliteMemory,
    failure::{failed, failed_for, failed_for_case},
    rows,
};
use crate::json;

/// Keeps a case in place of the one of its incident.
pub async fn save(memory: &SqliteMemory, case: &PastCase) -> Result<()> {
    const SQL: &str = "INSERT INTO cases (incident, closed_at, body) VALUES (?1, ?2, ?3)
        ON CONFLICT (incident) DO UPDATE SET closed_at = excluded.closed_at, body = excluded.body";
    let body = json::written("the case", case)?;
    let query = sqlx::query(SQL).bind(&case.incident.0).bind(case.closed_at.nanos()).bind(body);
    let saved = query.execute(&memory.writer).await;
    saved.map_err(failed_for(&case.incident, memory.doing("save case")))?;
    Ok(())
}

/// Reads a page of cases with all that was said about them, in as many statements as there are tables.
pub async fn page(memory: &SqliteMemory, page: &CasePage) -> Result<Vec<KeptCase>> {
    const CASES: &str = "SELECT incident, body FROM cases WHERE ?1 IS NULL OR closed_at < ?1
        ORDER BY closed_at DESC, incident DESC LIMIT ?2";
    const RATINGS: &str = "SELECT incident, body FROM ratings WHERE incident IN (SELECT incident FROM cases
        WHERE ?1 IS NULL OR closed_at < ?1 ORDER BY closed_at DESC, incident DESC LIMIT ?2) ORDER BY at, place";
    const RETIREMENTS: &str =
        "SELECT incident, body FROM case_retirements WHERE incident IN (SELECT incident FROM cases
        WHERE ?1 IS NULL OR closed_at < ?1 ORDER BY closed_at DESC, incident DESC LIMIT ?2)";
    const CHECKS: &str = "SELECT incident, body FROM case_checks WHERE incident IN (SELECT incident FROM cases
        WHERE ?1 IS NULL OR closed_at < ?1 ORDER BY closed_at DESC, incident DESC LIMIT ?2) ORDER BY at, by_incident";
    let cases: Vec<(String, PastCase)> = read(memory, "case", CASES, page).await?;
    let mut ratings: BTreeMap<String, Vec<Rating>> = by_case(read(memory, "rating", RATINGS, page).await?);
    let mut retired: BTreeMap<String, Vec<Retirement>> =
        by_case(read(memory, "retirement", RETIREMENTS, page).await?);
    let mut checks: BTreeMap<String, Vec<CaseCheck>> = by_case(read(memory, "check", CHECKS, page).await?);
    let kept = cases.into_iter().map(|(incident, case)| KeptCase {
        case,
        ratings: ratings.remove(&incident).unwrap_or_default(),
        retirement: retired.remove(&incident).unwrap_or_default().pop(),
        checks: checks.remove(&incident).unwrap_or_default(),
    });
    Ok(kept.collect())
}

/// Keeps what one incident said of a case, once.
pub async fn save_check(memory: &SqliteMemory, check: &CaseCheck) -> Result<()> {
    const SQL: &str = "INSERT INTO case_checks (incident, by_incident, at, body) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT (incident, by_incident) DO UPDATE SET at = excluded.at, body = excluded.body";
    let body = json::written("the check", check)?;
    let query = sqlx::query(SQL).bind(&check.case.0).bind(&check.by.0).bind(check.at.nanos()).bind(body);
    let saved = query.execute(&memory.writer).await;
    saved.map_err(failed_for_case(&check.case, memory.doing("save check of a case")))?;
    Ok(())
}

/// Takes a case out of use; the first word stays.
pub async fn retire(memory: &SqliteMemory, incident: &IncidentId, retirement: &Retirement) -> Result<()> {
    const SQL: &str =
        "INSERT INTO case_retirements (incident, body) VALUES (?1, ?2) ON CONFLICT (incident) DO NOTHING";
    let body = json::written("the retirement", retirement)?;
    let saved = sqlx::query(SQL).bind(&incident.0).bind(body).execute(&memory.writer).await;
    saved.map_err(failed_for_case(incident, memory.doing("retire case")))?;
    Ok(())
}

async fn read<T: DeserializeOwned + Serialize>(
    memory: &SqliteMemory,
    what: &str,
    sql: &'static str,
    page: &CasePage,
) -> Result<Vec<(String, T)>> {
    let query = sqlx::query_as(sql).bind(page.before.map(|before| before.nanos())).bind(rows(page.limit));
    let found: Vec<(String, String)> = query
        .fetch_all(&memory.readers)
        .await
        .map_err(failed(memory.doing(&format!("read {what} of past cases"))))?;
    found.into_iter().map(|(incident, body)| Ok((incident, json::read(what, &body)?))).collect()
}

fn by_case<T>(rows: Vec<(String, T)>) -> BTreeMap<String, Vec<T>> {
    let mut all: BTreeMap<String, Vec<T>> = BTreeMap::new();
    for (incident, row) in rows {
        all.entry(incident).or_default().push(row);
    }
    all
}
