//! What is read of questions, and that a question said back is the same question.

use proptest::prelude::*;

use super::{names::GROUPS, *};
use crate::Language;

/// The same table as the tests of whole conversations read.
const QUESTIONS: &str = include_str!("../../../../tests/all/questions.txt");

const SERVICES: [&str; 16] = include!("../../../../tests/all/questions_services.rs");

fn questions() -> impl Iterator<Item = &'static str> {
    QUESTIONS.lines().filter(|line| !line.is_empty() && !line.starts_with(['#', '>']))
}

/// Says a question back in both languages, and reads that.
fn check_said_back(question: &str) {
    let read_first = read(question, &SERVICES);
    let is_clear = read_first.unclear.is_none() && read_first.unknown.is_none();
    if !is_clear || matches!(read_first.ask, Ask::Act | Ask::Unknown) {
        return;
    }
    for language in [Language::En, Language::Zh] {
        let told = read_first.told(language);
        assert_eq!(read(&told, &SERVICES), read_first, "{question} → {told}");
    }
}

#[test]
fn a_question_said_back_is_the_same_question() {
    questions().for_each(check_said_back);
}

#[test]
fn a_name_that_no_service_has_is_not_answered_for_another() {
    let services = ["api-gateway", "order-service", "mysql"];
    for name in GROUPS.iter().flat_map(|group| group.words) {
        for question in [
            format!("who owns {name}"),
            format!("who do I call when {name} breaks"),
            format!("why is {name} slow"),
            format!("logs of {name}"),
            format!("{name} 谁负责"),
            format!("{name}的日志"),
            format!("不是{name}"),
        ] {
            let found = read(&question, &services);
            let is_told = !found.services.is_empty() || found.unclear.is_some() || found.unknown.is_some();
            assert!(is_told, "{question}: {found:?}");
        }
    }
}

#[test]
fn what_was_understood_reads_well() {
    let told = [
        "services with latency > 100ms in the last 5 minutes",
        "延迟超过 100 毫秒的服务，最近 5 分钟",
        "services with fewer than 10 requests per second",
        "top 5 slowest services",
        "CPU usage for the database since 14:05",
        "services with error rate between 1% and 5%",
        "which service is using the most memory?",
        "订单服务为什么慢?",
        "昨天支付有什么变更",
        "requests of checkout slower than 2 s",
        "which route of checkout fails?",
        "is payment slower than 200 ms",
        "从 14:00 到 14:20 购物车的日志",
    ];
    let told = told.map(|question| {
        let language = Language::of(question);
        format!("{question} → {}", read(question, &SERVICES).told(language))
    });
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn a_name_is_found_by_a_part_a_slip_another_word_or_not_at_all() {
    let check = |question: &str, services: &[&str], unclear: bool, unknown: bool| {
        let question_read = read(question, &SERVICES);
        let got = (question_read.services, question_read.unclear.is_some(), question_read.unknown.is_some());
        let services = services.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(got, (services, unclear, unknown), "{question}");
    };
    check("why is the gateway slow", &["api-gateway"], false, false);
    check("why is api gateway slow", &["api-gateway"], false, false);
    check("why is chekout slow", &["checkout"], false, false);
    check("why is paymnet slow", &["payment"], false, false);
    check("why is orders slow", &["order-service"], false, false);
    check("why is productcatalog slow", &["product-catalog"], false, false);
    check("why is the catalogue slow", &["product-catalog"], false, false);
    check("why is the database slow", &["mysql"], false, false);
    check("用户服务为什么慢", &["user-service"], false, false);
    check("缓存为什么慢", &[], true, false);
    check("为什么redis慢", &["redis-cache"], false, false);
    check("优惠券服务为什么慢", &[], false, true);
    check("why is page-cache slow", &["page-cache"], false, false);
    check("why is cart-db-2 slow", &[], false, true);
}

#[test]
fn a_service_called_like_a_word_is_meant_where_a_name_stands() {
    let services = ["search", "log", "network-proxy"];
    let named = |question: &str| read(question, &services).services;
    assert_eq!(named("why is search slow"), ["search"]);
    assert_eq!(named("search the logs"), Vec::<String>::new());
    assert_eq!(named("what is in the log of log"), ["log"]);
    assert_eq!(read("is network-proxy healthy", &services).ask, Ask::Health);
}

fn any_bound() -> impl Strategy<Value = Bound> {
    let measure = prop_oneof![Just(Measure::Latency), Just(Measure::Errors), Just(Measure::Requests)];
    (measure, prop::bool::ANY, 1..90_u32).prop_map(|(measure, is_least, n)| Bound {
        measure,
        side: if is_least { Side::AtLeast } else { Side::AtMost },
        value: if measure == Measure::Errors { f64::from(n) / 100.0 } else { f64::from(n) * 50.0 },
    })
}

proptest! {
    #[test]
    fn any_text_is_read_without_harm(text in "\\PC{0,200}", names in prop::collection::vec("\\PC{0,12}", 0..4)) {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let question = read(&text, &names);
        question.told(Language::En);
        question.told(Language::Zh);
        plan(&question, Known::default());
        shared_words(&text, "why is it slow", &names);
    }

    #[test]
    fn any_mix_of_known_words_is_read_without_harm(picks in prop::collection::vec(0..600_usize, 1..5)) {
        let all: Vec<&str> = questions().collect();
        let mixed: Vec<&str> = picks.iter().filter_map(|pick| all.get(pick % all.len()).copied()).collect();
        let mixed = mixed.join(" ");
        for cut in (0..mixed.len()).filter(|cut| mixed.is_char_boundary(*cut)).take(40) {
            read(&mixed[cut..], &SERVICES);
        }
    }

    #[test]
    fn a_question_with_limits_and_a_time_said_back_is_the_same(
        bounds in prop::collection::vec(any_bound(), 1..3),
        n in 2..50_u32,
        unit in 1..4_usize,
    ) {
        prop_assume!(bounds.len() == 1 || bounds[0].measure != bounds[1].measure);
        let ms = f64::from(n) * [1e3, 60e3, 3_600e3, 86_400e3][unit];
        let mut question = read("services with latency > 1 s", &SERVICES);
        (question.bounds, question.time) = (bounds, Some(Time::Last(ms)));
        for language in [Language::En, Language::Zh] {
            let told = question.told(language);
            prop_assert_eq!(&read(&told, &SERVICES), &question, "{}", told);
        }
    }
}

#[test]
fn a_number_without_a_unit_is_of_the_unit_that_people_mean() {
    for (question, wanted) in [
        ("services with CPU > 80", 0.8),
        ("services with CPU > 0.5", 0.5),
        ("services with CPU > 2 cores", 2.0),
        ("services with error rate > 5", 0.05),
        ("services with fewer than 120 requests per minute", 2.0),
        ("services with fewer than 120 requests per second", 120.0),
    ] {
        let values: Vec<f64> = read(question, &SERVICES).bounds.iter().map(|bound| bound.value).collect();
        assert_eq!(values, [wanted], "{question}");
        check_said_back(question);
    }
}
