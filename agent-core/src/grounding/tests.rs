use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// Checks what of `claim` is not in `data`.
fn check(claim: &str, data: &Value, want: &[&str]) {
    let mut ground = Ground::default();
    ground.add(data, "");
    ground.add_id(EvidenceId(3));
    let names = ["inventory".to_owned(), "payment".to_owned()];
    let missing: Vec<_> = ground.missing(claim, &names).into_iter().map(|missing| missing.0).collect();
    assert_eq!(missing, want, "{claim}");
}

/// Checks claims against a text, all of which hold.
fn holds(text: &str, claims: &[&str]) {
    for claim in claims {
        check(claim, &json!(text), &[]);
    }
}

/// Checks claims of which nothing is in the data: each misses something.
fn slips_through_not(data: &Value, claims: &[&str]) {
    let mut ground = Ground::default();
    ground.add(data, "");
    for claim in claims {
        assert_ne!(ground.missing(claim, &[]), [], "`{claim}` passed for {data}");
    }
}

#[test]
fn a_number_may_be_rounded_and_change_its_unit_but_not_its_value() {
    let data =
        json!({ "self_ms": 1983.4, "share": 0.713, "cpu_nanos": 62_000_000_u64, "rss_bytes": 536_870_912 });
    check("self time is 1.98 s", &data, &[]);
    check("self time is 1983 ms, 71% of it", &data, &[]);
    check("self time is 1.99 s", &data, &["1.99 s"]);
    check("self time is 2 s", &data, &[]);
    check("self time is 1983 s", &data, &["1983 s"]);
    check("it burnt 62 ms, 0.062 s or 62,000,000 ns and holds 512 MiB", &data, &[]);
    check("it burnt 62 s and holds 512 GiB", &data, &["62 s", "512 GiB"]);
    check("71.3 percent, 71 per cent, 71.30%", &data, &[]);
    check("72%, 0.71%, 713%", &data, &["72%", "0.71%", "713%"]);
}

#[test]
fn rounding_is_to_the_last_digit_and_never_far() {
    let data = json!({ "wait_s": 1.6, "ratio": 0.0004, "rate_per_s": 11.6 });
    check("2 s", &data, &["2 s"]);
    check("12 requests per second", &data, &[]);
    check("0% failed, 0.0% failed", &data, &["0%", "0.0%"]);
    check("0.1% failed", &data, &["0.1%"]);
    check("0/s → 0.001/s", &json!({ "before_per_s": 0.0003, "after_per_s": 0.0006 }), &[]);
    check("0.04% failed", &data, &[]);
    check("0 requests failed", &data, &["0"]);
    check("0 requests failed, 0.0%", &json!({ "failed": 0, "ratio": 0.0 }), &[]);
}

#[test]
fn a_unit_that_is_known_stays_what_it_is() {
    check("it took 500 ms", &json!({ "error_ratio": 0.5 }), &["500 ms"]);
    check("50% failed", &json!({ "p99_ms": 50 }), &["50%"]);
    check("50 MB", &json!("50 ms"), &["50 MB"]);
    check("1.2k requests", &json!({ "rps": 1.2 }), &["1.2k"]);
    check("1.2k requests, 1200 requests, 0.12万次", &json!({ "count": 1200 }), &[]);
    check("12 requests failed", &json!({ "ratio": 0.12 }), &["12"]);
    check("5 min", &json!({ "elapsed_s": 300 }), &[]);
    check("5 MB/s", &json!("5 MB/s"), &[]);
    check("2 million rows", &json!({ "rows": 2_000_000 }), &[]);
}

#[test]
fn chinese_sentences_are_checked_as_english_ones() {
    let data = json!({ "before_ms": 31.0, "after_ms": 1983.4, "share": 0.713, "failed": 12 });
    check("自身耗时 31 ms → 1.98 s", &data, &[]);
    check("自身耗时31毫秒升到1.98秒，占71%", &data, &[]);
    check("自身耗时从 31 升到 1983 毫秒", &data, &[]);
    check("自身耗时３１毫秒，占百分之71，占百分之七十一", &data, &[]);
    check("失败了12次", &data, &[]);
    check("自身耗时500毫秒", &data, &["500毫秒"]);
    check("自身耗时从 32 升到 1983 毫秒", &data, &["32"]);
    check("失败了十三次，占百分之五十，慢了五倍", &data, &["十三", "百分之五十", "五倍"]);
    check("14点05分之后变慢", &json!("since 14:05:00"), &[]);
    check("14点06分之后变慢", &json!("since 14:05:00"), &["14:06"]);
    check("请求 12 成功", &data, &[]);
}

#[test]
fn a_range_shares_its_unit() {
    let data = json!({ "low_s": 0.02, "high_s": 0.04 });
    for claim in
        ["20-40 ms", "20–40 ms", "20 to 40 ms", "20~40ms", "20 → 40 ms", "20 ms-40 ms", "20、40 毫秒"]
    {
        check(claim, &data, &[]);
    }
    check("20-50 ms", &data, &["50 ms"]);
    check("30-40 ms", &data, &["30"]);
    check("20 requests in 40 ms", &data, &["20"]);
    check("between 20 and 40 ms", &data, &[]);
}

#[test]
fn signs_do_not_count() {
    let data = json!({ "change": -0.05, "delta_ms": -12 });
    check("fell by 5%, changed -5%, +12 ms, −12 ms", &data, &[]);
}

#[test]
fn thousands_may_be_separated() {
    let data = json!({ "requests": 1983, "rows": 12_345_678 });
    check("1,983 requests, 1\u{202f}983 requests, 12,345,678 rows", &data, &[]);
    check("1,984 requests", &data, &["1,984"]);
    check("at 1983, 1983,1983", &data, &[]);
}

#[test]
fn a_time_must_be_in_the_evidence_as_far_as_it_goes() {
    let data = json!({ "at": "2026-03-01T14:04:50.25Z" });
    check("since 14:04:50, 14:04, 14:04:50Z, 14:04:50.2, 2026-03-01 14:04, 2026-03-01T14:04:50Z", &data, &[]);
    check("since 14:05:50", &data, &["14:05:50"]);
    check("since 14:05", &data, &["14:05"]);
    check("since 14:04:51", &data, &["14:04:51"]);
    check("since 14:04:50.3", &data, &["14:04:50.3"]);
    check("since 2026-03-02T14:04:50Z", &data, &["2026-03-02T14:04:50Z"]);
    check("since 2026-03-01T14:04:50+08:00", &data, &["2026-03-01T14:04:50+08:00"]);
    check("since 14:04:50", &json!({ "at": "14:04" }), &["14:04:50"]);
    check("9:05 is 09:05", &json!({ "at": "2026-03-01T09:05:00Z" }), &[]);
    check("14:04:50-14:05:10", &json!("2026-03-01T14:04:50Z..2026-03-01T14:05:10Z"), &[]);
    check("4 and 50 requests failed", &data, &["4", "50"]);
}

#[test]
fn a_commit_may_be_shortened() {
    let data = json!({ "id": "9f3c1e2ab04d77aa", "digits": "4711234ab04d77aa", "seconds": 10 });
    check("10 s after 9f3c1e2", &data, &[]);
    check("10 s after `9f3c1e2ab`", &data, &[]);
    check("10 s after 4711234", &data, &[]);
    check("deploy 41ab07c, 9f3c1e3", &data, &["41ab07c", "9f3c1e3"]);
    check("1234567 rows", &json!({ "bytes": 12_345_678_901_u64, "text": "12345678901 ns" }), &["1234567"]);
    check("trace 4bf92f3577b34da6a3ce929d0e0e4736", &json!("4bf92f3577b34da6a3ce929d0e0e4736"), &[]);
}

#[test]
fn names_count_when_they_are_known_or_in_backticks() {
    let data = json!({ "service": "inventory", "frame": "reserve::match_sku", "route": "GET /cart/{id}" });
    check("inventory waits on itself", &data, &[]);
    check("payment waits on itself", &data, &["payment"]);
    check("Payment waits on itself", &data, &["payment"]);
    check("payment-db and prepayment wait", &data, &[]);
    check("`match_sku` burns", &json!({ "service": "inventory" }), &["`match_sku`"]);
    check("`match_sku` and `reserve::match_sku` burn", &data, &[]);
    check("`match` burns", &data, &["`match`"]);
    check("`GET /cart/{id}` is slow", &data, &[]);
    check("`GET /orders/{id}` is slow", &data, &["`GET /orders/{id}`"]);
}

#[test]
fn long_quotes_may_be_cut_inside_of_a_word() {
    let data = json!({ "line": "could not reserve sku 4711 of order 1234: connection to datastore reset" });
    check("`could not reserve sku 4711 of order 1234: connec`", &data, &[]);
    check("`could not reserve sku 4711 of order 1234: connec…`", &data, &[]);
    check("`could not reserve sku 4711 of order 12`", &data, &["12"]);
    check("`could not re`", &data, &["`could not re`"]);
}

#[test]
fn names_with_digits_stand_in_the_evidence_as_they_are() {
    let data =
        json!("v1.2.3 of node-17 at 10.0.0.9:6379, src/reserve.rs:88, checkout[4711], checkout-7d9f8b-x2x1z");
    holds("v1.2.3 and 1.2.3", &["1.2.3"]);
    check(
        "1.2.3 on 10.0.0.9:6379 port 6379, reserve.rs:88, line 88, checkout[4711], node-17",
        &data,
        &["1.2.3"],
    );
    check("`v1.2.3` at `10.0.0.9`, pod `checkout-7d9f8b-x2x1z`", &data, &[]);
    check(
        "v1.2.4, v1.2, 10.0.0.8, reserve.rs:89, node-18",
        &data,
        &["v1.2.4", "v1.2", "10.0.0.8", "89", "18"],
    );
    check("10.0 ms, 0.9 s, 17 failed", &data, &["10.0 ms", "0.9 s", "17"]);
}

#[test]
fn terms_measure_nothing_and_prove_nothing() {
    check("p99 and p99.9 are up, 95th percentile, see E3, HTTP/1.1, 5xx, UTF-8", &json!({}), &[]);
    check("see E4", &json!({}), &["E4"]);
    check("99 requests, 1.1 s, 3 errors", &json!("p99 of HTTP/1.1 in E3"), &["99", "1.1 s", "3"]);
    check("HTTP 500", &json!({ "http.response.status_code": "500" }), &[]);
    check("HTTP 500s", &json!({ "status": 500 }), &[]);
    check("HTTP 503", &json!({ "http.response.status_code": "500" }), &["503"]);
}

#[test]
fn what_was_asked_may_be_named_but_proves_no_number() {
    let mut ground = Ground::default();
    ground.add(&json!({ "rows": [] }), "no rows");
    ground.add_arguments(&json!({ "service": "payment", "min_ms": 4242, "contains": "4242 ms" }));
    ground.add_arguments(&json!("{\"min_ms\":4242}"));
    let names = ["payment".to_owned()];
    assert_eq!(ground.missing("payment has none", &names), []);
    assert_eq!(ground.missing("asked with `{\"min_ms\":4242}`", &names), []);
    for claim in ["payment took 4242 ms", "took `4242 ms`", "took `4242`", "took {\"min_ms\":4242}"] {
        assert_ne!(ground.missing(claim, &names), [], "{claim}");
    }
}

#[test]
fn numbers_cannot_hide() {
    let data = json!({ "text": "p99 31 ms at 14:05:00, 5 of 12 on node-3, v2.7", "self_ms": 1983.4 });
    slips_through_not(
        &data,
        &[
            "took x500",
            "took x500ms",
            "took ms500",
            "took _500",
            "took 500x",
            "took a/500",
            "took .500 s",
            "took `500` ms",
            "took `500 ms`",
            "took `x500`",
            "took 5\u{200b}00 ms",
            "took 5\u{ad}00 ms",
            "took 5\u{332}00 ms",
            "took 5\u{202f}00 ms",
            "took 5\u{a0}00 ms",
            "took ５００ ms",
            "took ٥٠٠ ms",
            "took ५०० ms",
            "took 𝟓𝟎𝟎 ms",
            "took ⑤⓪⓪ ms",
            "took ⁵⁰⁰ ms",
            "took ½ s",
            "took 5e2 ms",
            "took 5_00 ms",
            "took 5'00 ms",
            "took 0x1f4 ms",
            "took p500",
            "took E500 ms",
            "took HTTP/500",
            "took 500th",
            "took five hundred ms",
            "took five-hundred ms",
            "took Five Hundred milliseconds",
            "fifty percent failed",
            "ninety-nine requests failed",
            "zero requests failed",
            "ten times slower",
            "耗时五百毫秒",
            "耗时五〇〇毫秒",
            "百分之五十失败",
            "九成失败",
            "耗时500毫秒",
            "耗时５００毫秒",
            "慢了十倍",
            "took 500毫秒",
            "took 1.983 h",
            "1983% failed",
            "99% failed",
            "3 failed",
            "2.7 s",
            "14 failed",
            "30..35 ms",
            "#500",
            "=500",
            "500",
        ],
    );
}

/// Any number that tools measure, with what people write around it.
fn quantity_text() -> impl Strategy<Value = String> {
    let number = prop_oneof![
        (0..100_000_u32).prop_map(|n| n.to_string()),
        (0..1_000_000_u32).prop_map(|n| format!("{:.2}", f64::from(n) / 100.0)),
        (1_000..999_999_u32).prop_map(|n| format!("{},{:03}", n / 1_000, n % 1_000)),
    ];
    let unit = prop::sample::select(vec!["", " ms", "ms", " s", "%", " MiB", "毫秒", " requests", "x", "k"]);
    (number, unit).prop_map(|(number, unit)| format!("{number}{unit}"))
}

proptest! {
    #[test]
    fn any_text_is_judged_without_panic(claim in ".*", text in ".*") {
        let mut ground = Ground::default();
        ground.add(&json!(text), &text);
        ground.add_arguments(&json!([text]));
        let _ = ground.missing(&claim, &["a".to_owned()]);
    }

    #[test]
    fn what_is_quoted_word_for_word_holds(text in prop_oneof!["[ -~]{0,60}", "\\PC{0,40}", "[0-9a-fEexv.,:/ _=%-]{0,30}"]) {
        let mut ground = Ground::default();
        ground.add(&json!(text), "");
        prop_assert_eq!(ground.missing(&text, &["inventory".to_owned()]), []);
    }

    #[test]
    fn what_is_quoted_in_chinese_holds(text in "[0-9 .,:%耗时毫秒升到百分之十五二点秒时分的了成功`→]{0,40}") {
        let mut ground = Ground::default();
        ground.add(&json!(text), "");
        prop_assert_eq!(ground.missing(&text, &[]), []);
    }

    #[test]
    fn quoted_numbers_hold_in_any_sentence(one in quantity_text(), other in quantity_text()) {
        let mut ground = Ground::default();
        ground.add(&json!({ "text": format!("took {one} and {other}") }), "");
        prop_assert_eq!(ground.missing(&format!("从 {one} 到 {other}，see {other}."), &[]), []);
    }

    #[test]
    fn a_number_far_from_every_other_is_refused(known in 1_000..2_000_u32, claimed in 3_000..9_000_u32) {
        let mut ground = Ground::default();
        ground.add(&json!({ "latency_ms": known, "count": known }), "");
        for claim in [format!("{claimed} ms"), format!("x{claimed}"), format!("`{claimed}`"), format!("{claimed}%")] {
            prop_assert_ne!(ground.missing(&claim, &[]), [], "{}", claim);
        }
    }

    #[test]
    fn any_measured_number_may_be_written_out(value in -1e9..1e9_f64) {
        let mut ground = Ground::default();
        ground.add(&json!({ "value": value }), "");
        prop_assert_eq!(ground.missing(&format!("value {value:.3}"), &[]), []);
    }
}
