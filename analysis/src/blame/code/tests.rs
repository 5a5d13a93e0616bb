use proptest::prelude::*;
use waggle_signals::Timestamp;

use super::*;
use crate::blame::{Candidate, ChangedFile, Kind, Signs};

fn commit(id: &str, path: &str, diff: &str) -> Candidate {
    Candidate {
        id: id.to_owned(),
        kind: Kind::Commit,
        at: Timestamp::from_secs(0),
        message: String::new(),
        service: String::new(),
        files: vec![ChangedFile { path: path.to_owned(), lines: diff.lines().map(str::to_owned).collect() }],
    }
}

fn of(code: CodeSigns) -> Signs {
    Signs { services: vec!["stock".to_owned(), "cart".to_owned()], code, ..Signs::default() }
}

fn frame(function: &str) -> CodeSigns {
    let frame =
        FrameSign { service: "stock".to_owned(), function: function.to_owned(), location: None, share: 0.8 };
    CodeSigns { frames: vec![frame], ..CodeSigns::default() }
}

fn call(what: &str, per_request: (f64, f64), each_ms: (f64, f64), given_up_ms: Option<f64>) -> CodeSigns {
    let call = CallSign {
        service: "stock".to_owned(),
        route: "GET /shelves/{id}".to_owned(),
        what: what.to_owned(),
        peer: "prices".to_owned(),
        per_request,
        each_ms,
        given_up_ms,
    };
    CodeSigns { calls: vec![call], ..CodeSigns::default() }
}

fn waiting() -> CodeSigns {
    let route = RouteSign {
        service: "stock".to_owned(),
        route: "POST /reservations".to_owned(),
        why: Why::Waits,
        own_before_ms: 2.0,
        own_after_ms: 90.0,
        common: 0.2,
    };
    CodeSigns { routes: vec![route], ..CodeSigns::default() }
}

const HARMLESS: &str = "@@ -40,2 +40,3 @@ fn label(item: &Item) -> String {\n     let name = item.name();\n+    let name = name.to_uppercase();";

/// The place that is named first.
fn check(code: CodeSigns, path: &str, diff: &str, wanted: &str) {
    let changes = [commit("harmless", "stock/src/labels.rs", HARMLESS), commit("guilty", path, diff)];
    let ranked = rank_hunks(&changes, &of(code));
    let first = &ranked[0];
    assert_eq!(format!("{}:{} {}", first.path, first.line, first.function), wanted, "{ranked:#?}");
    assert!(first.score > 0.3 && first.score > 2.0 * ranked[1].score, "{ranked:#?}");
}

#[test]
fn the_hunk_of_each_kind_of_fault_stands_first() {
    check(
        frame("stock::shelf::match_sku"),
        "stock/src/shelf.rs",
        "@@ -80,3 +80,5 @@ fn match_sku(sku: &Sku) -> bool {\n     let all = all();\n+    for other in &all {\n+        n += distance(sku, other);\n+    }",
        "stock/src/shelf.rs:81 match_sku",
    );
    check(
        call("SELECT name FROM products WHERE id = ?", (1.0, 30.0), (1.0, 1.0), None),
        "stock/shelf.go",
        "@@ -9,3 +9,5 @@ func (s *Shelf) List(id string) {\n+\tfor _, line := range lines {\n+\t\tproduct := s.db.QueryRow(\"SELECT name FROM products WHERE id = $1\", line.ID)\n+\t}",
        "stock/shelf.go:9 List",
    );
    check(
        call("SELECT id FROM orders WHERE customer_id = ?", (1.0, 1.0), (2.0, 80.0), None),
        "stock/migrations/0042_tidy.sql",
        "@@ -0,0 +1,1 @@\n+DROP INDEX IF EXISTS idx_orders_customer_id ON orders;",
        "stock/migrations/0042_tidy.sql:1 ",
    );
    check(
        call("GET /prices", (1.0, 1.0), (300.0, 200.0), Some(201.0)),
        "stock/client.py",
        "@@ -7,3 +7,3 @@ class PriceClient:\n-    timeout = 2.0\n+    timeout = 0.2",
        "stock/client.py:7 PriceClient",
    );
    check(
        waiting(),
        "stock/ReservationService.java",
        "@@ -30,6 +30,6 @@ public Reservation createReservation(Order order) {\n+    lock.lock();\n     Price price = prices.fetch(order);\n-    lock.lock();\n     book(order, price);",
        "stock/ReservationService.java:30 createReservation",
    );
    check(
        CodeSigns { leaking: vec!["stock".to_owned()], ..CodeSigns::default() },
        "stock/session.ts",
        "@@ -30,6 +30,7 @@ export function openSession(id: string) {\n   const session = make(id);\n+  history.push(session);\n   return session;",
        "stock/session.ts:31 openSession",
    );
}

#[test]
fn a_route_without_a_word_is_answered_by_no_hunk_in_particular() {
    let locks = "@@ -30,6 +30,6 @@ public Price fetch(Order order) {\n+    lock.lock();\n     var path = \"/reservations\";\n-    lock.lock();";
    let score = |route: &str| {
        let mut code = waiting();
        code.routes[0].route = route.to_owned();
        rank_hunks(&[commit("c", "stock/Prices.java", locks)], &of(code))[0].score
    };
    let (elsewhere, here) = (score("GET /carts"), score("POST /reservations"));
    assert!(here > 1.5 * elsewhere, "{here} {elsewhere}");
    for route in ["GET /", "/", "GET", ""] {
        assert!((score(route) - elsewhere).abs() < 1e-9, "`{route}`");
    }
}

#[test]
fn what_does_not_run_is_worth_nothing() {
    let looped =
        "@@ -1,1 +1,3 @@ fn match_sku() {\n+    for other in all {\n+        distance(other);\n+    }";
    for path in [
        "stock/tests/shelf.rs",
        "stock/shelf_test.go",
        "docs/shelf.md",
        "stock/vendor/shelf.rs",
        "stock/shelf.pb.go",
    ] {
        let ranked = rank_hunks(&[commit("c", path, looped)], &of(frame("stock::shelf::match_sku")));
        assert_eq!(ranked[0].score, 0.0, "{path}");
    }
    for diff in [
        "@@ -1 +1 @@ fn match_sku() {\n-  a(b);\n+    a( b );",
        "@@ -1 +1 @@ fn match_sku() {\n+    // for each other",
        "@@ -1 +1 @@ fn match_sku() {\n+use shop::match_sku;",
    ] {
        let ranked =
            rank_hunks(&[commit("c", "stock/src/shelf.rs", diff)], &of(frame("stock::shelf::match_sku")));
        assert!(ranked[0].score < 0.1, "{ranked:?}");
    }
}

#[test]
fn the_same_lines_in_another_service_explain_little() {
    let looped =
        "@@ -1,1 +1,3 @@ fn match_sku() {\n+    for other in all {\n+        distance(other);\n+    }";
    let ranked =
        rank_hunks(&[commit("c", "cart/src/shelf.rs", looped)], &of(frame("stock::shelf::match_sku")));
    assert!(ranked[0].score < 0.2, "{ranked:?}");
}

#[test]
fn merges_are_seen_through_and_reverted_pairs_cancel() {
    let message = |text: &str, mut commit: Candidate, at: i64| {
        (commit.message, commit.at) = (text.to_owned(), Timestamp::from_secs(at));
        commit
    };
    let made = "aaaaaaaaaa";
    let row = vec![
        message("add", commit(made, "a.rs", "+x()"), 1),
        message(
            &format!("Revert \"add\"\n\nThis reverts commit {made}."),
            commit("bbbbbbbbbb", "a.rs", "-x()"),
            2,
        ),
        message("fix", commit("cccccccccc", "b.rs", "+y()"), 3),
        message("Merge branch 'fix'", commit("dddddddddd", "b.rs", "+y()"), 4),
        message("Merge branch 'hand'", commit("eeeeeeeeee", "c.rs", "+by_hand()"), 5),
        message("Revert \"old\"\n\nThis reverts commit 1111111111.", commit("ffffffffff", "d.rs", "-z()"), 6),
    ];
    let net = net(row);
    let left: Vec<&str> = net.changes.iter().map(|change| change.id.as_str()).collect();
    assert_eq!(left, ["cccccccccc", "eeeeeeeeee", "ffffffffff"]);
    assert_eq!(net.left_out.len(), 3);
}

#[test]
fn a_hunk_is_told_with_its_place_and_reasons() {
    let diff = "@@ -80,3 +80,5 @@ fn match_sku(sku: &Sku) -> bool {\n+    for other in &all {\n+        n += distance(sku, other);\n+    }";
    let ranked =
        rank_hunks(&[commit("9f3c1e2aa", "stock/src/shelf.rs", diff)], &of(frame("stock::shelf::match_sku")));
    insta::assert_snapshot!(ranked[0]);
}

proptest! {
    #[test]
    fn any_diff_has_a_score_between_zero_and_one(
        path in "[a-zA-Z/._]{0,30}", diff in "(?s)(@@ [ -~]{0,20}\n|[ +-][ -~]{0,60}\n){0,12}", function in "[ -~]{0,60}", what in "[ -~]{0,60}",
    ) {
        let mut code = frame(&function);
        code.calls = call(&what, (1.0, 9.0), (1.0, 9.0), Some(200.0)).calls;
        code.routes = waiting().routes;
        code.leaking = vec!["stock".to_owned()];
        for hunk in rank_hunks(&[commit("c", &path, &diff)], &of(code)) {
            prop_assert!((0.0..=1.0).contains(&hunk.score), "{hunk:?}");
        }
    }
}
