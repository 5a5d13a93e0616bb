//! What was acknowledged is there after the program was killed.
#![expect(clippy::unwrap_used, reason = "in a test, a failed unwrap is a failed test")]

use std::{
    env,
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
};

use serde_json::json;
use waggle_agent_core::{
    Evidence, EvidenceId, Incident, IncidentId,
    incident::Source,
    ports::{Memory, NewAuditEntry},
};
use waggle_memory::{AuditVerdict, SqliteMemory};
use waggle_signals::Timestamp;

/// Set for the child: the file to write.
const CHILD: &str = "WAGGLE_MEMORY_CRASH_TEST_FILE";

/// The test runs itself as the program to be killed.
#[tokio::test]
async fn what_was_acknowledged_survives_kill_9() {
    if let Ok(path) = env::var(CHILD) {
        return write_until_killed(&path).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("memory.db");
    let mut acknowledged = 0;
    for round in 1..=5 {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "what_was_acknowledged_survives_kill_9", "--nocapture"])
            .env(CHILD, &path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let number = |line: String| line.strip_prefix("acknowledged ")?.parse::<u32>().ok();
        let first = lines.by_ref().filter_map(number).nth(20 * round).expect("the child writes");
        child.kill().unwrap();
        child.wait().unwrap();
        // The pipe still holds what was said before the kill.
        let in_this_round: Vec<u32> = std::iter::once(first).chain(lines.filter_map(number)).collect();
        acknowledged = *in_this_round.last().unwrap();

        let memory = SqliteMemory::open(&path).await.unwrap();
        let evidence = memory.all_evidence(&incident().id).await.unwrap();
        let expected: Vec<_> = (1..=evidence.len() as u32).map(evidence_of).collect();
        assert_eq!(evidence, expected, "whole and without gaps");
        assert!(evidence.len() as u32 >= acknowledged, "{} of {acknowledged}", evidence.len());
        let verdict = memory.verify_audit().await.unwrap();
        assert!(matches!(verdict, AuditVerdict::Intact { .. }), "{verdict}");
        // Numbers follow the evidence; a kill between the two leaves evidence without its entry, which nobody was told of.
        let entries = memory.audit_log(0, 100_000).await.unwrap();
        for n in in_this_round {
            let detail = json!({ "n": n });
            assert!(entries.iter().any(|entry| entry.entry.detail == detail), "entry {n} was acknowledged");
        }
        memory.close().await;
    }
    assert!(acknowledged >= 5 * 20, "each round went on from the one before");
}

async fn write_until_killed(path: &str) {
    let memory = SqliteMemory::open(path).await.unwrap();
    memory.save_incident(&incident()).await.unwrap();
    let start = memory.all_evidence(&incident().id).await.unwrap().len() as u32;
    for n in start + 1.. {
        let (id, evidence, entry) = (incident().id, evidence_of(n), audit_of(n));
        let (saved, audited) = tokio::join!(memory.save_evidence(&id, &evidence), memory.audit(&entry));
        saved.unwrap();
        audited.unwrap();
        let mut out = std::io::stdout();
        writeln!(out, "\nacknowledged {n}").unwrap();
        out.flush().unwrap();
    }
}

fn incident() -> Incident {
    let (minute, now) = (std::time::Duration::from_secs(60), Timestamp::from_secs(1_772_373_900));
    Incident::open(IncidentId("inc-crash".into()), "killed", None, Source::Alert, now, minute, minute)
}

fn evidence_of(n: u32) -> Evidence {
    Evidence {
        id: EvidenceId(n),
        tool: "series".into(),
        arguments: json!({ "n": n }),
        at: Timestamp::from_secs(i64::from(n)),
        scope: String::new(),
        text: "x".repeat(2_000),
        data: json!({ "n": n }),
        facts: Vec::new(),
    }
}

fn audit_of(n: u32) -> NewAuditEntry {
    NewAuditEntry {
        at: Timestamp::from_secs(i64::from(n)),
        caller: "test".into(),
        action: "execute_tool".into(),
        detail: json!({ "n": n }),
    }
}
