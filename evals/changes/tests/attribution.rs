//! A small history: most regressions are named, none after the onset, and the seed decides all.

use waggle_change_evals::{history::write_history, run::score};

#[tokio::test]
async fn the_guilty_commit_is_named_and_none_after_the_onset() {
    let score = score(3, 10, true).await.unwrap();
    assert_eq!((score.guilty, score.healthy), (8, 2));
    assert_eq!(score.after, 0, "{}", score.table());
    assert!(score.first >= 6 && score.in_three >= 7, "{}", score.table());
    assert!(score.falsely <= 1, "{}", score.table());
    assert!(score.floors.iter().all(|floor| *floor < score.first), "{}", score.table());
}

#[test]
fn a_seed_writes_the_same_history_again() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let heads = |folder: &tempfile::TempDir| {
        let history = write_history(folder.path(), 7, 3).unwrap();
        history.deploys.into_iter().map(|deploy| deploy.head).collect::<Vec<_>>()
    };
    assert_eq!(heads(&one), heads(&other));
}
