//! What was stopped goes on, and what is not ours is left alone.

use std::{fs, path::Path, sync::atomic::Ordering, time::Duration};

use proptest::prelude::*;
use waggle_chaos::eval::results::{self, Fingerprint};

use crate::agent::{Agent, evaluated, folder, incident, options, own_agent, own_suite, write};

#[tokio::test]
async fn a_second_call_asks_only_what_has_no_answer_yet() {
    let (suite, kept) = (own_suite(), folder(&[]));
    let options = options(kept.path());
    let mut agent = own_agent();
    let torn = agent.says.remove("torn").unwrap();
    let first = evaluated(suite.path(), &agent, &options).await.unwrap();
    assert_eq!((first.records.len(), agent.n_asked()), (3, 4));
    let failed: Vec<_> = first.failed.iter().map(|one| (one.case.as_str(), one.why.as_str())).collect();
    assert_eq!(failed, [("torn", "the store is on fire")]);
    assert_eq!(first.suite.not_run.len(), 1, "broken files are told of before anybody is asked");

    let agent = Agent::saying(&[("torn", torn)]);
    let second = evaluated(suite.path(), &agent, &options).await.unwrap();
    assert_eq!(*agent.asked.lock().unwrap(), ["torn"]);
    assert_eq!((second.records.len(), second.failed.len()), (4, 0));
    assert_eq!(second.records.iter().filter(|record| record.case != "torn").count(), first.records.len());

    let third = evaluated(suite.path(), &Agent::default(), &options).await.unwrap();
    assert_eq!(third.records, second.records, "nothing is left to ask");
}

#[tokio::test]
async fn runs_go_on_at_the_same_time_up_to_the_bound() {
    let (suite, kept) = (folder(&[]), folder(&[]));
    let names: Vec<String> = (0..9).map(|n| format!("case-{n}")).collect();
    for name in &names {
        incident(suite.path(), name);
        write(suite.path(), &format!("{name}/truth.toml"), "healthy = true\n");
    }
    for (parallel, repeat) in [(1, 1), (3, 2)] {
        let says: Vec<_> = names.iter().map(|name| (name.as_str(), crate::agent::all_well(0.5))).collect();
        let agent = Agent::saying(&says);
        let mut options = options(kept.path());
        (options.parallel, options.repeat) = (parallel, repeat);
        options.results = kept.path().join(format!("{parallel}.jsonl"));
        let done = evaluated(suite.path(), &agent, &options).await.unwrap();
        assert_eq!(done.records.len(), 9 * repeat as usize);
        assert_eq!(agent.most_running.load(Ordering::SeqCst), parallel);
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_hangs_counts_as_not_run() {
    let (suite, kept) = (own_suite(), folder(&[]));
    let mut agent = own_agent();
    agent.hangs = vec!["slow".to_owned()];
    let options = options(kept.path());
    let done = evaluated(suite.path(), &agent, &options);
    let done = tokio::time::timeout(Duration::from_secs(3600), done).await.unwrap().unwrap();
    assert_eq!((done.records.len(), done.failed[0].why.as_str()), (3, "no finding after 60 s"));
}

fn fingerprint(model: &str) -> Fingerprint {
    Fingerprint { suite: "waggle-1".to_owned(), model: model.to_owned(), options: [].into() }
}

/// Writes a results file of three runs, and returns its bytes.
async fn three_runs(path: &Path) -> Vec<u8> {
    let (suite, kept) = (own_suite(), folder(&[]));
    let done = evaluated(suite.path(), &own_agent(), &options(kept.path())).await.unwrap();
    let (mut file, _) = results::open(path, &fingerprint("offline")).unwrap();
    for record in done.records.iter().take(3) {
        let fingerprint = fingerprint("offline");
        file.append(&results::Record { fingerprint, ..record.clone() }).unwrap();
    }
    fs::read(path).unwrap()
}

#[tokio::test]
async fn a_file_that_was_torn_at_any_byte_of_its_last_line_goes_on() {
    let kept = folder(&[]);
    let path = kept.path().join("results.jsonl");
    let whole = three_runs(&path).await;
    let last = whole[..whole.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    let (_, all) = results::open(&path, &fingerprint("offline")).unwrap();
    assert_eq!(all.len(), 3);
    for end in last..whole.len() {
        fs::write(&path, &whole[..end]).unwrap();
        let (mut file, records) = results::open(&path, &fingerprint("offline")).unwrap();
        assert_eq!(records, all[..2], "torn at byte {end}");
        file.append(&all[2]).unwrap();
        drop(file);
        assert_eq!(fs::read(&path).unwrap(), whole, "torn at byte {end}");
    }
}

#[tokio::test]
async fn a_first_line_that_was_torn_leaves_an_empty_file() {
    let kept = folder(&[]);
    let path = kept.path().join("results.jsonl");
    let whole = three_runs(&path).await;
    let first = whole.iter().position(|byte| *byte == b'\n').unwrap();
    for end in 0..=first {
        fs::write(&path, &whole[..end]).unwrap();
        let (_, records) = results::open(&path, &fingerprint("offline")).unwrap();
        assert!(records.is_empty());
        assert_eq!(fs::read(&path).unwrap(), b"", "torn at byte {end}");
    }
}

#[tokio::test]
async fn runs_of_another_model_or_another_file_are_refused_and_left_as_they_are() {
    let kept = folder(&[]);
    let path = kept.path().join("results.jsonl");
    let whole = three_runs(&path).await;
    let torn = whole[..whole.len() - 9].to_vec();
    let first_torn = whole[..60].to_vec();
    let of = |model| fingerprint(model);
    let settings = Fingerprint { options: [("budget".to_owned(), "2".to_owned())].into(), ..of("offline") };
    let suite = Fingerprint { suite: "waggle-2".to_owned(), ..of("offline") };
    let mut middle = whole.clone();
    middle[3] = b'\n';
    for (bytes, fingerprint, wanted) in [
        (&whole, of("big"), "holds runs of another model: `offline`, not `big`"),
        (&torn, of("big"), "another model"),
        (&whole, settings, "another set of options: ``, not `budget=2`"),
        (&whole, suite, "another suite: `waggle-1`, not `waggle-2`"),
        (&first_torn, of("big"), "ends in something else"),
        (&b"{\"incident\": 1}".to_vec(), of("offline"), "ends in something else"),
        (&b"dear diary\n".to_vec(), of("offline"), "line 1, is no run"),
        (&middle, of("offline"), "line 1, is no run"),
    ] {
        fs::write(&path, bytes).unwrap();
        let error = results::open(&path, &fingerprint).unwrap_err().to_string();
        assert!(error.contains(wanted) && error.contains("hint: "), "{error}");
        assert_eq!(fs::read(&path).unwrap(), *bytes, "{wanted}");
    }
}

#[test]
fn two_evaluations_do_not_write_into_one_file() {
    let kept = folder(&[]);
    let path = kept.path().join("new/folder/results.jsonl");
    let (_held, _) = results::open(&path, &fingerprint("offline")).unwrap();
    let error = results::open(&path, &fingerprint("offline")).unwrap_err().to_string();
    assert!(error.contains("in use by another evaluation"), "{error}");
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused_and_then_left_alone(
        bytes in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..200),
            "(\\{\"fingerprint\":\\{\"suite\":\"waggle-1\",\"model\":\"offline\",\"options\":\\{\\}\\}[\",:a-z0-9}\\n]{0,40}){1,3}"
                .prop_map(String::into_bytes),
        ],
    ) {
        let kept = folder(&[]);
        let path = kept.path().join("results.jsonl");
        fs::write(&path, &bytes).unwrap();
        match results::open(&path, &fingerprint("offline")) {
            Ok((_, records)) => prop_assert!(records.is_empty()),
            Err(_) => prop_assert_eq!(fs::read(&path).unwrap(), bytes),
        }
    }
}
