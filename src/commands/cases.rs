//! `waggle cases`

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use serde_json::json;
use waggle_agent_core::{
    IncidentId,
    past_case::{KeptCase, OutOfUse, Outcome, Retirement, all_cases, keep_case},
    ports::{Memory, NewAuditEntry},
};
use waggle_memory::SqliteMemory;
use waggle_signals::{Clock as _, SystemClock};

use super::print;
use crate::{
    cli::{Cases, CasesCommand, RetireCase},
    config::Config,
};

pub async fn run(config: Config, args: Cases) -> Result<ExitCode> {
    let file = config.memory_file();
    if !file.exists() {
        bail!(
            "no memory in `{}`: there are no cases\nhint: name the folder that `waggle` keeps its things in with `--dir`",
            config.dir.display()
        );
    }
    let memory = SqliteMemory::open(file).await?;
    match args.command {
        None => list(&all_cases(&memory).await?, args.json)?,
        Some(CasesCommand::Show { incident }) => {
            let cases = all_cases(&memory).await?;
            let kept = cases.iter().find(|kept| kept.case.incident.0 == incident).with_context(|| {
                format!("no case of incident `{incident}`\nhint: `waggle cases` lists those that are kept")
            })?;
            print::json(kept)?;
        }
        Some(CasesCommand::Retire(retire)) => take_out(&memory, retire, args.json).await?,
    }
    Ok(ExitCode::SUCCESS)
}

fn list(cases: &[KeptCase], as_json: bool) -> Result<()> {
    if as_json {
        return print::json(&cases);
    }
    if cases.is_empty() {
        return print::out("no cases: nothing was investigated yet\n");
    }
    let lines: Vec<String> = cases.iter().map(line).collect();
    print::out(&format!("{}\n", lines.join("\n")))
}

/// Says in a line what a case blames, what people and later data said of it, and whether it is in use.
fn line(kept: &KeptCase) -> String {
    let case = &kept.case;
    let blamed = match &case.cause {
        Some(cause) => format!("{}: {}", cause.service, cause.fault_class),
        None => "nothing blamed".to_owned(),
    };
    let votes = kept.votes();
    let mut parts = vec![format!("{}  {}  {blamed}", case.incident, case.closed_at)];
    if votes.n_helpful + votes.n_unhelpful > 0 {
        parts.push(format!("rated helpful by {}, unhelpful by {}", votes.n_helpful, votes.n_unhelpful));
    }
    if !votes.correction.is_empty() {
        parts.push(format!("corrected: {}", votes.correction.lines().next().unwrap_or_default()));
    }
    let n = |outcome| kept.checks.iter().filter(|check| check.outcome == outcome).count();
    if !kept.checks.is_empty() {
        parts.push(format!("held {} times, did not {}", n(Outcome::Holds), n(Outcome::DoesNotHold)));
    }
    match kept.out_of_use() {
        None => {}
        Some(OutOfUse::Retired(Retirement { by, why, .. })) => parts.push(format!("retired by {by}: {why}")),
        Some(OutOfUse::Failed(times)) => {
            parts.push(format!("out of use: failed {times} times since it held"))
        }
    }
    parts.join("; ")
}

/// Takes a case out of use. The audit log has it before the case does.
async fn take_out(memory: &SqliteMemory, retire: RetireCase, as_json: bool) -> Result<()> {
    let RetireCase { incident, why, by } = retire;
    if why.trim().is_empty() {
        bail!("`--why` says nothing\nhint: those who wonder later want a reason");
    }
    let (incident, at) = (IncidentId(incident), SystemClock.now());
    // An incident from before there were cases gets its own first.
    let known = memory.incident(&incident).await?;
    keep_case(memory, &known)
        .await?
        .with_context(|| format!("`{incident}` has no finding, and so no case"))?;
    let entry = NewAuditEntry {
        at,
        caller: by.clone(),
        action: "retire_case".to_owned(),
        detail: json!({ "incident": incident, "why": why }),
    };
    memory.audit(&entry).await?;
    let retirement = Retirement { by, at, why };
    memory.retire_case(&incident, &retirement).await?;
    if as_json {
        return print::json(&retirement);
    }
    print::out(&format!("`{incident}` is never told again\n"))
}

#[cfg(test)]
mod tests {
    use waggle_agent_core::{
        finding::{Remediation, Verdict},
        past_case::{CaseCheck, CauseThen, Magnitude, PastCase, Role},
        ports::Rating,
    };
    use waggle_signals::Timestamp;

    use super::*;

    fn kept() -> KeptCase {
        let at = Timestamp::from_secs(1_772_373_600);
        KeptCase::new(PastCase {
            incident: IncidentId("inc-1".to_owned()),
            opened_at: at,
            closed_at: at,
            window: None,
            title: String::new(),
            named: String::new(),
            felt_by: String::new(),
            felt_as: String::new(),
            magnitude: Magnitude::Unknown,
            signs: Vec::new(),
            templates: Vec::new(),
            cause: None,
            remedy: Remediation::default(),
            verdict: Verdict::Inconclusive,
            confidence: 0.0,
            versions: Default::default(),
        })
    }

    #[test]
    fn a_line_says_what_is_blamed_what_was_said_since_and_whether_it_is_in_use() {
        assert_eq!(line(&kept()), "inc-1  2026-03-01T14:00:00Z  nothing blamed");
        let mut kept = kept();
        let (id, at) = (kept.case.incident.clone(), kept.case.closed_at);
        kept.case.cause = Some(CauseThen {
            service: "stock".to_owned(),
            role: Role::Below,
            fault_class: "slow_code".to_owned(),
            change_kind: String::new(),
            change: String::new(),
        });
        let (by, correction) = ("li.na".to_owned(), "the disk".to_owned());
        kept.ratings.push(Rating { incident: id.clone(), by: by.clone(), at, helpful: false, correction });
        let later = IncidentId("inc-2".to_owned());
        kept.checks.push(CaseCheck { case: id, by: later, at, outcome: Outcome::DoesNotHold });
        kept.retirement = Some(Retirement { by, at, why: "that host is gone".to_owned() });
        assert_eq!(
            line(&kept),
            "inc-1  2026-03-01T14:00:00Z  stock: slow_code; rated helpful by 0, unhelpful by 1; corrected: the disk; held 0 times, did not 1; retired by li.na: that host is gone"
        );
    }
}
