use std::time::Duration;

use proptest::prelude::*;
use waggle_signals::{Attributes, Measure, Series, Severity, TimeRange, Timestamp, semconv};

use super::{
    observe::{Line, SpanError, Telemetry, signs},
    *,
};

const MINUTE: i64 = 60;

fn at(minute: i64) -> Timestamp {
    Timestamp::from_secs(minute * MINUTE)
}

fn commit(id: &str, minute: i64, message: &str, path: &str, diff: &str) -> Candidate {
    Candidate {
        id: id.to_owned(),
        kind: Kind::Commit,
        at: at(minute),
        message: message.to_owned(),
        service: String::new(),
        files: ChangedFile::from_diff(diff, &[path.to_owned()]),
    }
}

fn deployed(service: &str, minute: i64, commit: &str) -> Deployment {
    Deployment { service: service.to_owned(), at: at(minute), commit: commit.to_owned(), brought: Vec::new() }
}

fn line(second: i64, service: &str, text: &str) -> Line {
    Line {
        time: Timestamp::from_secs(second),
        service: service.to_owned(),
        severity: Severity::Error,
        text: text.to_owned(),
    }
}

/// One value a minute for an hour; `after` from minute 45 on.
fn level(service: &str, metric: &str, before: f64, after: f64) -> Series {
    Series {
        measure: Measure::Metric(metric.to_owned()),
        labels: Attributes::from([(semconv::SERVICE_NAME.to_owned(), service.to_owned())]),
        start: at(0),
        step: Duration::from_secs(60),
        values: (0..60).map(|minute| Some(if minute < 45 { before } else { after })).collect(),
    }
}

/// An hour in which `service` writes each text ten times from minute 45 on.
fn trouble(service: &str, texts: &[&str]) -> Telemetry {
    let lines = texts.iter().flat_map(|text| (0..10).map(move |n| line(45 * 60 + n, service, text)));
    Telemetry { lines: lines.collect(), ..Telemetry::default() }
}

fn seen(telemetry: &Telemetry) -> Signs {
    signs(telemetry, TimeRange::new(at(0), at(40)).unwrap(), TimeRange::new(at(40), at(60)).unwrap())
}

fn check(telemetry: &Telemetry, candidates: &[Candidate], deployments: &[Deployment], wanted: Option<&str>) {
    let blame = blame(candidates, deployments, &seen(telemetry));
    assert_eq!(blame.culprit().map(|culprit| culprit.id.as_str()), wanted, "{blame}");
}

#[test]
fn the_name_that_the_error_quotes_leads_to_the_change() {
    let telemetry = trouble("ledger", &["column \"iban_code\" does not exist"]);
    let candidates = [
        commit(
            "guilty",
            30,
            "tidy names",
            "ledger/model.py",
            "-  iban_code = Column(Text)\n+  iban = Column(Text)",
        ),
        commit(
            "later",
            40,
            "speed up totals",
            "ledger/totals.py",
            "-  return sum(rows)\n+  return fast_sum(rows)",
        ),
    ];
    let deployments = [deployed("ledger", 31, "guilty"), deployed("ledger", 41, "later")];
    check(&telemetry, &candidates, &deployments, Some("guilty"));
}

#[test]
fn a_setting_and_a_metric_that_went_the_same_way_belong_together() {
    let mut telemetry = trouble("search", &["worker queue is full, request dropped"]);
    telemetry.series = vec![level("search", "worker_limit", 64.0, 8.0)];
    let candidates = [
        commit(
            "guilty",
            42,
            "simplify defaults",
            "pkg/pool/defaults.go",
            "-const limit = 64\n+const limit = 8",
        ),
        commit("near", 43, "longer idle time of workers", "search/worker.go", "-  idle := 30\n+  idle := 60"),
    ];
    check(&telemetry, &candidates, &[deployed("search", 44, "near")], Some("guilty"));
}

#[test]
fn what_does_nothing_is_not_to_blame_however_near_it_lies() {
    let telemetry = trouble("mailer", &["template invoice_v2 rejected: unknown placeholder"]);
    let candidates = [
        commit(
            "words",
            43,
            "document the invoice template",
            "docs/invoice.md",
            "+ about the template and its placeholder",
        ),
        commit(
            "logs",
            43,
            "log the template",
            "mailer/send.rs",
            "+    log.info(\"template invoice_v2 placeholder\");",
        ),
        commit(
            "patch",
            43,
            "bump",
            "go.mod",
            "-\tgithub.com/x/template v1.2.3\n+\tgithub.com/x/template v1.2.4",
        ),
        commit(
            "moved",
            43,
            "extract",
            "mailer/render.go",
            "-  out := render(template, values)\n-  return out\n+  return rendered(template, values)\n+  out := render(template, values)",
        ),
        commit("unread", 43, "template work", "mailer/x.go", ""),
    ];
    check(&telemetry, &candidates, &[deployed("mailer", 44, "unread")], None);
}

#[test]
fn a_change_that_was_not_live_in_time_is_not_to_blame() {
    let telemetry = trouble("ledger", &["column \"iban_code\" does not exist"]);
    let diff = "-  iban_code = Column(Text)\n+  iban = Column(Text)";
    let after = [commit("after", 50, "tidy", "ledger/model.py", diff)];
    check(&telemetry, &after, &[deployed("ledger", 51, "after")], None);
    let waiting = [
        commit("waiting", 30, "tidy", "ledger/model.py", diff),
        commit("other", 20, "x", "ledger/a.py", "+y"),
    ];
    check(&telemetry, &waiting, &[deployed("ledger", 44, "other")], None);
}

#[test]
fn a_change_elsewhere_is_not_to_blame_and_shared_code_is() {
    let telemetry = trouble("ledger", &["signature of request refused: clock skew beyond tolerance"]);
    let diff = "-  const tolerance = 90\n-  if skew > tolerance {\n+  if skew > 0 {";
    let here = |path| [commit("c", 30, "simplify skew check", path, diff)];
    check(&telemetry, &here("pkg/signing/check.go"), &[deployed("ledger", 31, "c")], Some("c"));
    check(&telemetry, &here("billing/signing/check.go"), &[deployed("billing", 31, "c")], None);
}

#[test]
fn circumstances_are_told_from_changes() {
    let harmless =
        [commit("c", 40, "retry more", "store/client.go", "-  cfg.Retries = 3\n+  cfg.Retries = 4")];
    let deployments = [deployed("store", 41, "c")];
    let mut surge = trouble("store", &["overloaded, request refused"]);
    surge.series = vec![
        level("store", "requests_per_sec", 100.0, 700.0),
        level("cart", "requests_per_sec", 50.0, 300.0),
    ];
    let mut outage = trouble("store", &["PutObject retries failed: 503 from bucket.objects.example.com"]);
    outage.status = vec![(at(44), "object storage: degraded: increased error rates".to_owned())];
    let record = trouble("store", &["cannot decode record_id=a71 offset=9913: bad length"]);
    let expired = trouble("store", &["x509: certificate has expired or is not yet valid"]);
    for (telemetry, kind) in [
        (surge, CircumstanceKind::LoadSurge),
        (outage, CircumstanceKind::ProviderOutage),
        (record, CircumstanceKind::BadRecord),
        (expired, CircumstanceKind::Expiry),
    ] {
        let blame = blame(&harmless, &deployments, &seen(&telemetry));
        assert_eq!(blame.circumstance().map(|found| found.kind), Some(kind), "{blame}");
        assert_eq!(blame.culprit(), None, "{blame}");
    }
}

#[test]
fn errors_of_different_records_are_no_bad_record() {
    let lines = (0..10).map(|n| {
        line(45 * 60 + n, "store", &format!("cannot decode record_id=a{n} offset={n}1: bad length"))
    });
    let telemetry = Telemetry { lines: lines.collect(), ..Telemetry::default() };
    assert_eq!(blame(&[], &[], &seen(&telemetry)).circumstances, []);
}

#[test]
fn whom_others_complain_of_failed_first() {
    let mut telemetry = trouble("ledger", &["panic: no such table"]);
    telemetry.lines.push(line(45 * 60 - 5, "portal", "upstream ledger refused the connection"));
    telemetry.lines.push(line(45 * 60 - 4, "portal", "upstream ledger refused the connection"));
    telemetry.span_errors = vec![SpanError {
        time: at(46),
        service: "portal".to_owned(),
        text: "GET /".to_owned(),
        is_deepest: true,
    }];
    assert_eq!(seen(&telemetry).failing, ["ledger", "portal"]);
}

#[test]
fn old_complaints_are_no_signs() {
    let mut telemetry = trouble("ledger", &["slow query took 3 s"]);
    telemetry.lines.push(line(60, "ledger", "slow query took 9 s"));
    let signs = seen(&telemetry);
    assert_eq!((signs.texts, signs.failing), (vec![], vec![]));
}

#[test]
fn the_text_says_who_did_it_and_why() {
    let telemetry = trouble("ledger", &["column \"iban_code\" does not exist"]);
    let diff = "-  iban_code = Column(Text)\n+  iban = Column(Text)";
    let candidates = [commit("9f3c1e2aa", 30, "tidy names", "ledger/model.py", diff)];
    let blame = blame(&candidates, &[deployed("ledger", 31, "9f3c1e2aa")], &seen(&telemetry));
    insta::assert_snapshot!(blame);
}

proptest! {
    #[test]
    fn a_change_that_went_live_after_the_onset_is_never_to_blame(
        late_s in 1_i64..100_000,
        within_s in 0_u64..120,
        service in "ledger|portal",
        lists_it in any::<bool>(),
        text in "[ -~]{0,40}",
    ) {
        let mut signs = seen(&trouble("ledger", &["column \"iban_code\" does not exist", &text]));
        signs.onset_within = Some(Duration::from_secs(within_s));
        let live_at = signs.onset + Duration::from_secs(within_s) + Duration::from_secs(u64::try_from(late_s).unwrap());
        let diff = "-  iban_code = Column(Text)\n+  iban = Column(Text)";
        // Made long before, deployed too late: by its own id, or with others.
        let mut candidate = commit("guilty", 1, &text, &format!("{service}/model.py"), diff);
        let brought = if lists_it { vec!["guilty".to_owned()] } else { Vec::new() };
        let deployment = Deployment { service, at: live_at, commit: "guilty".to_owned(), brought };
        let blamed = &blame(std::slice::from_ref(&candidate), std::slice::from_ref(&deployment), &signs).ranked[0];
        prop_assert!(blamed.score < NAMED, "{blamed}");
        prop_assert!(!lists_it || (blamed.after_onset && blamed.score == 0.0), "{blamed}");
        // Turned or made too late: a commit, a setting, a flag, a number of copies.
        for kind in [Kind::Commit, Kind::Config, Kind::Flag, Kind::Scale] {
            (candidate.kind, candidate.at, candidate.service) = (kind, live_at, "ledger".to_owned());
            let blame = blame(std::slice::from_ref(&candidate), &[], &signs);
            prop_assert!(blame.ranked[0].after_onset && blame.ranked[0].score == 0.0 && blame.culprit().is_none());
        }
    }

    #[test]
    fn any_change_and_complaint_have_parts_between_zero_and_one(
        diff in "(?s)([+-][ -~]{0,40}\n){0,6}",
        path in "[a-z/._]{0,20}",
        text in "[ -~]{0,60}",
        minutes in (-10_000_000_i64..10_000_000, -10_000_000_i64..10_000_000),
    ) {
        let telemetry = trouble("ledger", &[&text]);
        let candidates = [commit("c", minutes.0, &text, &path, &diff)];
        let blame = blame(&candidates, &[deployed("ledger", minutes.1, "c")], &seen(&telemetry));
        for found in &blame.ranked {
            for part in [found.score, found.live, found.place, found.effect, found.matching] {
                prop_assert!((0.0..=1.0).contains(&part), "{found:?}");
            }
        }
    }
}
