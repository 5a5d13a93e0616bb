//! Files that do not read: set aside, named, and nothing else lost.

use std::{
    fs,
    path::{Path, PathBuf},
};

use waggle_agent_core::Kind;
use waggle_signals::{Rejected, Sink};
use waggle_telemetry_store::Store;

use crate::numbered::{clock, config, numbered, open, rows};

const NUMBERS: &str =
    "SELECT service, count(*), count(DISTINCT body) FROM events GROUP BY service ORDER BY service";

fn files(dir: &Path, ending: &str) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == ending));
    files.sort();
    files
}

fn change(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 0x55;
    fs::write(path, bytes).unwrap();
}

/// Three appends in a log that was not flushed.
async fn crashed(dir: &Path) -> PathBuf {
    let store = open(dir);
    for (service, numbers) in [("cart", 0..10), ("payment", 10..20), ("gateway", 20..30)] {
        store.append(numbered(service, numbers)).await.unwrap();
    }
    files(&dir.join("wal"), "wal").remove(0)
}

#[tokio::test]
async fn a_torn_tail_loses_what_was_not_acknowledged_only() {
    let dir = tempfile::tempdir().unwrap();
    let log = crashed(dir.path()).await;
    let bytes = fs::read(&log).unwrap();
    fs::write(&log, &bytes[..bytes.len() - 3]).unwrap();
    let store = open(dir.path());
    assert_eq!(rows(&store, NUMBERS).await, r#"[["cart",10,10],["payment",10,10]]"#);
    let health = store.health();
    assert!(health.torn_bytes > 0 && health.set_aside.is_empty(), "{health:?}");
    store.append(numbered("gateway", 20..30)).await.unwrap();
    store.close().await.unwrap();
    drop(store);
    let store = open(dir.path());
    assert_eq!(rows(&store, NUMBERS).await, r#"[["cart",10,10],["gateway",10,10],["payment",10,10]]"#);
    assert!(store.health().is_well());
}

#[tokio::test]
async fn a_damaged_log_is_set_aside_and_the_rest_of_it_kept() {
    let dir = tempfile::tempdir().unwrap();
    let log = crashed(dir.path()).await;
    let middle = fs::read(&log).unwrap().len() / 2;
    change(&log, middle);
    let store = open(dir.path());
    let want = r#"[["cart",10,10],["gateway",10,10]]"#;
    assert_eq!(rows(&store, NUMBERS).await, want);
    store.flush().await.unwrap();
    let health = store.health();
    assert_eq!(health.set_aside.len(), 1, "{health:?}");
    assert!(health.set_aside[0].path.exists() && health.set_aside[0].path.extension().unwrap() == "bad");
    drop(store);
    let store = open(dir.path());
    assert_eq!(rows(&store, NUMBERS).await, want, "the rest is kept once");
    assert_eq!(store.health().set_aside.len(), 1, "it is named until a person removes it");
}

#[tokio::test]
async fn a_segment_without_a_footer_is_set_aside_at_the_open() {
    let dir = tempfile::tempdir().unwrap();
    let segments = two_segments(dir.path()).await;
    let bytes = fs::read(&segments[0]).unwrap();
    fs::write(&segments[0], &bytes[..bytes.len() / 2]).unwrap();
    let store = open(dir.path());
    assert_eq!(rows(&store, NUMBERS).await, r#"[["payment",10,10]]"#);
    assert_eq!(store.health().set_aside.len(), 1);
    assert!(!segments[0].exists() && segments[1].exists());
}

#[tokio::test]
async fn a_segment_that_fails_in_a_query_is_set_aside_and_the_query_answered() {
    let dir = tempfile::tempdir().unwrap();
    let segments = two_segments(dir.path()).await;
    let mut bytes = fs::read(&segments[0]).unwrap();
    // The first pages, but not the footer.
    bytes[4..100].fill(0xEE);
    fs::write(&segments[0], bytes).unwrap();
    let reader = Store::open_read_only(config(dir.path()), clock()).unwrap();
    assert_eq!(rows(&reader, NUMBERS).await, r#"[["payment",10,10]]"#);
    assert_eq!(reader.health().set_aside[0].path, segments[0], "named, and left where it is");
    assert!(segments[0].exists());
    drop(reader);
    let store = open(dir.path());
    assert!(store.health().is_well());
    assert_eq!(rows(&store, NUMBERS).await, r#"[["payment",10,10]]"#);
    assert_eq!(store.health().set_aside.len(), 1, "{:?}", store.health());
    assert!(!segments[0].exists());
    assert_eq!(rows(&store, NUMBERS).await, r#"[["payment",10,10]]"#);
}

#[tokio::test]
async fn a_damaged_segment_among_those_to_join_is_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for first in (0..70).step_by(10) {
        store.append(numbered("cart", first..first + 10)).await.unwrap();
        store.flush().await.unwrap();
    }
    let damaged = files(&dir.path().join("segments"), "parquet").remove(3);
    let mut bytes = fs::read(&damaged).unwrap();
    bytes[4..100].fill(0xEE);
    fs::write(&damaged, bytes).unwrap();
    store.append(numbered("cart", 70..80)).await.unwrap();
    store.close().await.unwrap();
    assert_eq!(rows(&store, NUMBERS).await, r#"[["cart",70,70]]"#);
    assert_eq!(store.health().set_aside.len(), 1, "{:?}", store.health());
}

#[tokio::test]
async fn a_segment_that_vanished_is_no_reason_to_fail() {
    let dir = tempfile::tempdir().unwrap();
    let segments = two_segments(dir.path()).await;
    let store = open(dir.path());
    fs::remove_file(&segments[1]).unwrap();
    assert_eq!(rows(&store, NUMBERS).await, r#"[["cart",10,10]]"#);
    assert_eq!(store.health().set_aside.len(), 1, "{:?}", store.health());
}

async fn two_segments(dir: &Path) -> Vec<PathBuf> {
    let store = open(dir);
    store.append(numbered("cart", 0..10)).await.unwrap();
    store.flush().await.unwrap();
    store.append(numbered("payment", 10..20)).await.unwrap();
    store.close().await.unwrap();
    let segments = files(&dir.join("segments"), "parquet");
    assert_eq!(segments.len(), 2);
    segments
}

#[tokio::test]
async fn a_damaged_line_of_resources_costs_one_name_and_no_row() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.append(numbered("cart", 0..10)).await.unwrap();
    store.append(numbered("payment", 10..20)).await.unwrap();
    store.close().await.unwrap();
    drop(store);
    change(&dir.path().join("resources.log"), 20);
    let store = open(dir.path());
    assert_eq!(rows(&store, NUMBERS).await, r#"[["payment",10,10],[null,10,10]]"#);
    assert_eq!(store.health().set_aside.len(), 1);
    store.append(numbered("gateway", 20..30)).await.unwrap();
    assert_eq!(rows(&store, NUMBERS).await, r#"[["gateway",10,10],["payment",10,10],[null,10,10]]"#);
}

#[tokio::test]
async fn segments_of_a_log_that_is_still_there_do_not_count() {
    // A crash between writing the segments and removing the log.
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.append(numbered("cart", 0..10)).await.unwrap();
    let log = files(&dir.path().join("wal"), "wal").remove(0);
    let bytes = fs::read(&log).unwrap();
    store.close().await.unwrap();
    drop(store);
    assert!(!log.exists());
    fs::write(&log, bytes).unwrap();
    fs::write(dir.path().join("segments/events_1-1_1_1.parquet.tmp"), "half").unwrap();
    let store = open(dir.path());
    assert_eq!(rows(&store, NUMBERS).await, r#"[["cart",10,10]]"#);
    store.close().await.unwrap();
    assert_eq!(rows(&store, NUMBERS).await, r#"[["cart",10,10]]"#);
    assert!(files(&dir.path().join("segments"), "tmp").is_empty());
}

#[tokio::test]
async fn parts_of_a_joined_segment_do_not_count() {
    // A crash between writing the joined segment and removing its parts.
    let dir = tempfile::tempdir().unwrap();
    let (segments, parts) = (dir.path().join("segments"), tempfile::tempdir().unwrap());
    let store = open(dir.path());
    for first in (0..80).step_by(10) {
        store.append(numbered("cart", first..first + 10)).await.unwrap();
        store.flush().await.unwrap();
        for part in files(&segments, "parquet") {
            fs::copy(&part, parts.path().join(part.file_name().unwrap())).unwrap();
        }
    }
    store.close().await.unwrap();
    drop(store);
    assert_eq!(files(&segments, "parquet").len(), 1, "eight were joined");
    for part in files(parts.path(), "parquet") {
        fs::copy(&part, segments.join(part.file_name().unwrap())).unwrap();
    }
    let n_files = files(&segments, "parquet").len();
    assert!(n_files >= 8, "{n_files}");
    let reader = Store::open_read_only(config(dir.path()), clock()).unwrap();
    assert_eq!(rows(&reader, NUMBERS).await, r#"[["cart",80,80]]"#);
    drop(reader);
    assert_eq!(files(&segments, "parquet").len(), n_files, "a reader removes nothing");
    let store = open(dir.path());
    assert_eq!(rows(&store, NUMBERS).await, r#"[["cart",80,80]]"#);
    assert_eq!(files(&segments, "parquet").len(), 1);
}

#[tokio::test]
async fn a_reader_changes_nothing_and_takes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let log = crashed(dir.path()).await;
    let before = fs::read(&log).unwrap();
    let reader = Store::open_read_only(config(dir.path()), clock()).unwrap();
    let second = Store::open_read_only(config(dir.path()), clock()).unwrap();
    let want = r#"[["cart",10,10],["gateway",10,10],["payment",10,10]]"#;
    assert_eq!(rows(&reader, NUMBERS).await, want);
    assert_eq!(rows(&second, NUMBERS).await, want);
    let refused = reader.append(numbered("cart", 0..1)).await.unwrap_err();
    assert!(matches!(refused, Rejected::Unavailable(_)));
    assert_eq!(reader.flush().await.unwrap_err().kind(), Kind::Unavailable);
    assert_eq!(Store::open(config(dir.path()), clock()).unwrap_err().kind(), Kind::Unavailable);
    drop((reader, second));
    assert_eq!(fs::read(&log).unwrap(), before);
    assert!(files(&dir.path().join("segments"), "parquet").is_empty());
}

#[tokio::test]
async fn a_closed_store_answers_and_takes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.append(numbered("cart", 0..10)).await.unwrap();
    store.close().await.unwrap();
    assert_eq!(rows(&store, NUMBERS).await, r#"[["cart",10,10]]"#);
    let refused = store.append(numbered("cart", 10..20)).await.unwrap_err();
    assert!(matches!(refused, Rejected::Unavailable(_)), "{refused}");
    assert_eq!(store.close().await.unwrap_err().kind(), Kind::Unavailable);
}
