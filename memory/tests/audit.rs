//! What is done to the audit log behind its back is found.
#![expect(clippy::unwrap_used, reason = "in a test, a failed unwrap is a failed test")]

use serde_json::json;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, sqlite::SqliteConnectOptions};
use waggle_agent_core::ports::{AuditEntry, Memory, NewAuditEntry};
use waggle_memory::{
    AuditFault::{self, Added, Edited, Moved, Removed, Unlinked},
    AuditVerdict, SqliteMemory,
};
use waggle_signals::Timestamp;

/// More than the links that are verified at a time.
const ENTRIES: u64 = 1_100;

const TRIGGERS: &str = "DROP TRIGGER audit_never_changes; DROP TRIGGER audit_never_shrinks;
    DROP TRIGGER audit_head_follows;";

#[tokio::test]
async fn tampering_is_found_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let written = folder.path().join("memory.db");
    let log = write(&written).await;
    // What a careful forger would write in place of entry 7.
    let forged = AuditEntry::link(7, entry(700), Some(&log[5].hash));
    let forged =
        format!("body = '{}', hash = '{}'", serde_json::to_string(&forged.entry).unwrap(), forged.hash);
    let swap = |a, b| {
        format!(
            "UPDATE audit SET sequence = -1 WHERE sequence = {a};
             UPDATE audit SET sequence = {a} WHERE sequence = {b};
             UPDATE audit SET sequence = {b} WHERE sequence = -1"
        )
    };
    let cases: [(&str, String, u64, AuditFault); 16] = [
        (
            "an edited detail",
            "UPDATE audit SET body = replace(body, '\"n\":7}', '\"n\":8}') WHERE sequence = 8".into(),
            8,
            Edited,
        ),
        (
            "an edited caller",
            "UPDATE audit SET body = replace(body, 'li.na', 'nobody') WHERE sequence = 1".into(),
            1,
            Edited,
        ),
        ("a space", "UPDATE audit SET body = body || ' ' WHERE sequence = 1050".into(), 1050, Edited),
        ("an edited hash", "UPDATE audit SET hash = previous WHERE sequence = 3".into(), 3, Edited),
        ("no JSON", "UPDATE audit SET body = '' WHERE sequence = 3".into(), 3, Edited),
        ("a removed entry", "DELETE FROM audit WHERE sequence = 5".into(), 5, Removed),
        ("a removed beginning", "DELETE FROM audit WHERE sequence <= 10".into(), 1, Removed),
        ("a removed end", "DELETE FROM audit WHERE sequence > 1090".into(), 1091, Removed),
        ("everything removed", "DELETE FROM audit".into(), 1, Removed),
        ("two swapped", swap(5, 6), 5, Moved { from: 6 }),
        (
            "a removed entry, the gap closed",
            "DELETE FROM audit WHERE sequence = 5; UPDATE audit SET sequence = 5 WHERE sequence = 1100"
                .into(),
            5,
            Moved { from: 1100 },
        ),
        (
            "an entry forged with its hash",
            format!("UPDATE audit SET {forged} WHERE sequence = 7"),
            8,
            Unlinked,
        ),
        (
            "a forged head",
            "UPDATE audit_head SET hash = (SELECT hash FROM audit WHERE sequence = 1)".into(),
            1100,
            Unlinked,
        ),
        ("a head that was removed", "DELETE FROM audit_head".into(), 1, Added),
        (
            "an entry added before the beginning",
            "INSERT INTO audit SELECT 0, body, previous, hash FROM audit WHERE sequence = 1".into(),
            1,
            Added,
        ),
        (
            "an entry added behind the end",
            "INSERT INTO audit SELECT 1101, body, previous, hash FROM audit WHERE sequence = 1".into(),
            1101,
            Added,
        ),
    ];
    for (case, sql, sequence, fault) in cases {
        let tampered = folder.path().join("tampered.db");
        std::fs::copy(&written, &tampered).unwrap();
        let mut connection = SqliteConnectOptions::new().filename(&tampered).connect().await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(format!("{TRIGGERS} {sql}"))).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();

        let memory = SqliteMemory::open(&tampered).await.unwrap();
        assert_eq!(memory.verify_audit().await.unwrap(), AuditVerdict::Broken { sequence, fault }, "{case}");
        memory.close().await;
    }
}

#[tokio::test]
async fn the_log_goes_on_behind_a_removed_end_and_the_gap_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("memory.db");
    write(&path).await;
    let mut connection = SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
    let cut = format!("{TRIGGERS} DELETE FROM audit WHERE sequence = 1100");
    sqlx::raw_sql(AssertSqlSafe(cut)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();

    let memory = SqliteMemory::open(&path).await.unwrap();
    assert_eq!(memory.audit(&entry(1)).await.unwrap().sequence, 1101);
    let verdict = memory.verify_audit().await.unwrap();
    assert_eq!(verdict, AuditVerdict::Broken { sequence: 1100, fault: Removed });
    assert_eq!(verdict.to_string(), "entry 1100 was removed");
}

#[tokio::test]
async fn an_entry_that_was_given_up_half_way_leaves_one_chain() {
    let folder = tempfile::tempdir().unwrap();
    let memory = SqliteMemory::open(folder.path().join("memory.db")).await.unwrap();
    for polls in 0..200 {
        // Dropped after so many steps, as by a caller with a timeout.
        let entry = entry(polls);
        let mut adding = memory.audit(&entry);
        for _ in 0..polls {
            if polled(&mut adding).await {
                break;
            }
        }
    }
    memory.audit(&entry(1)).await.unwrap();
    let verdict = memory.verify_audit().await.unwrap();
    assert!(verdict.is_intact(), "{verdict}");
}

/// Polls once and lets others run; tells whether it is done.
async fn polled<T>(future: &mut (impl Future<Output = T> + Unpin)) -> bool {
    let mut pinned = std::pin::Pin::new(future);
    let done =
        std::future::poll_fn(|context| std::task::Poll::Ready(pinned.as_mut().poll(context).is_ready()))
            .await;
    tokio::task::yield_now().await;
    done
}

#[tokio::test]
async fn a_plain_mistake_cannot_change_the_log_or_evidence() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("memory.db");
    let memory = SqliteMemory::open(&path).await.unwrap();
    memory.audit(&entry(1)).await.unwrap();
    memory.close().await;
    let mut connection = SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
    let evidence =
        "INSERT INTO incidents VALUES ('inc', 0, '{}'); INSERT INTO evidence VALUES ('inc', 1, '{}')";
    sqlx::raw_sql(evidence).execute(&mut connection).await.unwrap();
    let cases = [
        ("UPDATE audit SET body = ''", "the audit log never changes"),
        ("DELETE FROM audit", "the audit log never shrinks"),
        ("UPDATE evidence SET body = ''", "evidence never changes"),
    ];
    for (sql, message) in cases {
        let error = sqlx::raw_sql(sql).execute(&mut connection).await.unwrap_err();
        assert!(error.to_string().contains(message), "{sql}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_grows_meanwhile_is_intact() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("memory.db");
    write(&path).await;
    let memory = SqliteMemory::open(&path).await.unwrap();
    let writer = memory.clone();
    let writing = tokio::spawn(async move {
        for n in 0..500 {
            writer.audit(&entry(n)).await.unwrap();
        }
    });
    let mut verified = 0;
    while !writing.is_finished() {
        let verdict = memory.verify_audit().await.unwrap();
        assert!(verdict.is_intact(), "{verdict}");
        verified += 1;
    }
    writing.await.unwrap();
    assert!(verified > 1);
}

#[tokio::test]
async fn an_empty_log_is_intact() {
    let folder = tempfile::tempdir().unwrap();
    let memory = SqliteMemory::open(folder.path().join("memory.db")).await.unwrap();
    let verdict = memory.verify_audit().await.unwrap();
    assert_eq!(verdict, AuditVerdict::Intact { entries: 0, head: "0".repeat(64) });
}

async fn write(path: &std::path::Path) -> Vec<AuditEntry> {
    let memory = SqliteMemory::open(path).await.unwrap();
    for n in 0..ENTRIES {
        memory.audit(&entry(n)).await.unwrap();
    }
    let log = memory.audit_log(0, usize::MAX).await.unwrap();
    let head = log[log.len() - 1].hash.clone();
    assert_eq!(memory.verify_audit().await.unwrap(), AuditVerdict::Intact { entries: ENTRIES, head });
    memory.close().await;
    log
}

fn entry(n: u64) -> NewAuditEntry {
    NewAuditEntry {
        at: Timestamp::from_secs(1_772_373_900),
        caller: "li.na".into(),
        action: "execute_tool".into(),
        detail: json!({ "n": n }),
    }
}
