//! SQLite keeps the rules of a memory, and keeps them across programs and restarts.

use serde_json::json;
use waggle_agent_core::{
    ports::{IncidentPage, Memory, NewAuditEntry},
    testing::memory::conformance,
};
use waggle_memory::{AuditVerdict, SqliteMemory};
use waggle_signals::Timestamp;

#[tokio::test]
async fn sqlite_keeps_the_rules_of_a_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("memory.db");
    let memory = SqliteMemory::open(&path).await.unwrap();
    conformance(&memory).await;
    let everything = async |memory: &SqliteMemory| {
        let incidents = memory.incidents(&IncidentPage { before: None, limit: 100 }).await.unwrap();
        let mut all = vec![format!("{:?}", memory.audit_log(0, 100).await.unwrap())];
        for incident in incidents {
            all.push(format!("{incident:?}"));
            all.push(format!("{:?}", memory.lines(&incident.id).await.unwrap()));
            all.push(format!("{:?}", memory.all_evidence(&incident.id).await.unwrap()));
            all.push(format!("{:?}", memory.latest_investigation(&incident.id).await.unwrap()));
            all.push(format!("{:?}", memory.ratings(&incident.id).await.unwrap()));
        }
        all
    };
    let before = everything(&memory).await;
    memory.close().await;

    let memory = SqliteMemory::open(&path).await.unwrap();
    assert_eq!(everything(&memory).await, before, "a restart changes nothing");
    let verdict = memory.verify_audit().await.unwrap();
    assert!(matches!(verdict, AuditVerdict::Intact { entries: 20, .. }), "{verdict}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_programs_that_open_a_new_file_at_once_write_one_chain() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("memory.db");
    let writers = (0..8).map(|writer| {
        let path = path.clone();
        tokio::spawn(async move {
            // Each has pools of its own, as another program would.
            let memory = SqliteMemory::open(&path).await.unwrap();
            for n in 0..20 {
                let detail = json!({ "writer": writer, "n": n });
                let entry = NewAuditEntry {
                    at: Timestamp::from_secs(n),
                    caller: "test".into(),
                    action: "write".into(),
                    detail,
                };
                memory.audit(&entry).await.unwrap();
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let memory = SqliteMemory::open(&path).await.unwrap();
    let verdict = memory.verify_audit().await.unwrap();
    assert!(matches!(verdict, AuditVerdict::Intact { entries: 160, .. }), "{verdict}");
    let log = memory.audit_log(0, 1_000).await.unwrap();
    let mut before = None;
    for entry in &log {
        assert!(entry.follows(before));
        before = Some(entry);
    }
}
