//! PagerDuty as it answers, and a calendar at an address.

use secrecy::SecretString;
use serde_json::{Value, json};
use waggle_agent_core::{Error, Kind};
use waggle_knowledge::owners::{
    OnCall, OnCallQuery, PagerDuty, PagerDutySettings, Schedule, ScheduleSettings,
};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{header, method, path, query_param},
};

use crate::query;

const KEY: &str = "u+secret-key-123";
const MOMENT: &str = "2026-03-02T10:00:00Z";

async fn paging(server: &MockServer) -> PagerDuty {
    let teams = [("Shop".to_owned(), "PSHOP1".to_owned())].into();
    let settings = PagerDutySettings { url: server.uri(), teams, ..PagerDutySettings::default() };
    PagerDuty::new(settings, &SecretString::from(KEY)).unwrap()
}

fn entry(email: &str, policy: &str, level: u32, start: Value, end: Value) -> Value {
    json!({
        "user": {"id": "U1", "type": "user", "summary": "Li Na", "name": "Li Na", "email": email},
        "schedule": {"id": "S1", "summary": "Primary"},
        "escalation_policy": {"id": policy, "summary": "Shop policy"},
        "escalation_level": level, "start": start, "end": end,
    })
}

fn page(entries: &[Value], more: bool) -> ResponseTemplate {
    ResponseTemplate::new(200)
        .set_body_json(json!({"oncalls": entries, "limit": 100, "offset": 0, "more": more}))
}

#[tokio::test]
async fn all_pages_are_read_and_the_first_level_comes_first() {
    let server = MockServer::start().await;
    let first = page(
        &[
            entry("second@shop.example", "PSHOP1", 2, Value::Null, Value::Null),
            entry("over@shop.example", "PSHOP1", 1, json!("2026-03-02T01:00:00Z"), json!(MOMENT)),
            entry("other@shop.example", "POTHER", 1, Value::Null, Value::Null),
        ],
        true,
    );
    let second = page(
        &[entry(
            "li.na@shop.example",
            "PSHOP1",
            1,
            json!("2026-03-02T09:00:00Z"),
            json!("2026-03-02T21:00:00Z"),
        )],
        false,
    );
    for (offset, answer) in [("0", first), ("100", second)] {
        Mock::given(method("GET"))
            .and(path("/oncalls"))
            .and(header("authorization", format!("Token token={KEY}").as_str()))
            .and(header("accept", "application/vnd.pagerduty+json;version=2"))
            .and(query_param("offset", offset))
            .and(query_param("escalation_policy_ids[]", "PSHOP1"))
            .and(query_param("since", MOMENT))
            .respond_with(answer)
            .expect(1)
            .mount(&server)
            .await;
    }
    let watch = paging(&server).await.on_call(&query(MOMENT)).await.unwrap();
    let told: Vec<_> =
        watch.shifts.iter().map(|shift| format!("{} | {}", shift.who, shift.stated())).collect();
    insta::assert_snapshot!("paging", told.join("\n"));
    assert_eq!(watch.covers, ["team `Shop`"]);
}

#[tokio::test]
async fn a_service_is_found_by_the_id_of_its_catalogue() {
    let server = MockServer::start().await;
    let service = json!({"service": {"id": "PSTOCK1", "escalation_policy": {"id": "PPOL", "summary": "x"}}});
    let answer = ResponseTemplate::new(200).set_body_json(service);
    Mock::given(path("/services/PSTOCK1")).respond_with(answer).mount(&server).await;
    let answer = page(&[entry("li.na@shop.example", "PPOL", 1, Value::Null, Value::Null)], false);
    Mock::given(path("/oncalls"))
        .and(query_param("escalation_policy_ids[]", "PPOL"))
        .respond_with(answer)
        .mount(&server)
        .await;
    let asked = OnCallQuery { teams: Vec::new(), paging_ids: vec!["PSTOCK1".to_owned()], ..query(MOMENT) };
    let watch = paging(&server).await.on_call(&asked).await.unwrap();
    assert_eq!(watch.shifts.len(), 1, "{watch:?}");
    let hostile = OnCallQuery { paging_ids: vec!["../users".to_owned()], ..asked };
    assert_eq!(paging(&server).await.on_call(&hostile).await.unwrap_err().kind(), Kind::Invalid);
}

async fn failing(answer: ResponseTemplate, times: u64) -> Error {
    let server = MockServer::start().await;
    Mock::given(path("/oncalls")).respond_with(answer).expect(times).mount(&server).await;
    let error = paging(&server).await.on_call(&query(MOMENT)).await.unwrap_err();
    let said = format!("{} {error:?}", error.chain());
    assert!(!said.contains("secret"), "{said}");
    error
}

#[tokio::test]
async fn refusals_are_told_without_the_key() {
    let repeats = format!("bad key {KEY}");
    let answer = |status: u16| {
        ResponseTemplate::new(status).set_body_string(repeats.clone()).insert_header("retry-after", "0")
    };
    for (status, times, kind, said) in [
        (401, 1, Kind::Denied, "PagerDuty refuses the key (HTTP 401)"),
        (403, 1, Kind::Denied, "PagerDuty refuses the key (HTTP 403)"),
        (404, 1, Kind::NotFound, "PagerDuty has nothing there (HTTP 404)"),
        (429, 3, Kind::Unavailable, "PagerDuty was asked too often (HTTP 429)"),
        (503, 3, Kind::Unavailable, "PagerDuty fails (HTTP 503)"),
        (302, 1, Kind::Invalid, "PagerDuty wants to be asked elsewhere (HTTP 302)"),
        (200, 1, Kind::Invalid, "PagerDuty answers with what is not understood"),
    ] {
        let error = failing(answer(status), times).await;
        assert_eq!((error.kind(), error.to_string().as_str()), (kind, said));
    }
    // Longer than it is worth to wait: it is not asked again.
    let wait = ResponseTemplate::new(429).insert_header("retry-after", "3600");
    let error = failing(wait, 1).await;
    assert_eq!(error.retry_after().map(|wait| wait.as_secs()), Some(3600));
}

#[tokio::test]
async fn a_failure_that_passes_is_forgiven() {
    let server = MockServer::start().await;
    let busy = ResponseTemplate::new(500).insert_header("retry-after", "0");
    Mock::given(path("/oncalls")).respond_with(busy).up_to_n_times(2).mount(&server).await;
    let answer = page(&[entry("li.na@shop.example", "PSHOP1", 1, Value::Null, Value::Null)], false);
    Mock::given(path("/oncalls")).respond_with(answer).mount(&server).await;
    assert_eq!(paging(&server).await.on_call(&query(MOMENT)).await.unwrap().shifts.len(), 1);
}

#[tokio::test]
async fn nothing_is_asked_about_what_nobody_configured() {
    let server = MockServer::start().await;
    let other = OnCallQuery { teams: vec!["pay".to_owned()], ..query(MOMENT) };
    assert_eq!(paging(&server).await.on_call(&other).await.unwrap(), Default::default());
    assert_eq!(server.received_requests().await.unwrap().len(), 0);
}

/// The address of a private calendar is the key to it.
#[tokio::test]
async fn a_calendar_at_an_address_is_read_once_and_its_address_is_not_told() {
    let server = MockServer::start().await;
    let text = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:a\nDTSTART:20260302T090000Z\nDURATION:PT8H\nEND:VEVENT\nEND:VCALENDAR";
    Mock::given(path("/private-secret/x.ics"))
        .respond_with(ResponseTemplate::new(200).set_body_string(text))
        .expect(1)
        .mount(&server)
        .await;
    let schedule = |path: &str| {
        let (place, teams) = (format!("{}{path}", server.uri()), vec!["shop".to_owned()]);
        Schedule::new(ScheduleSettings { place, teams, ..ScheduleSettings::default() }).unwrap()
    };
    let good = schedule("/private-secret/x.ics");
    for _ in 0..2 {
        let watch = good.on_call(&query(MOMENT)).await.unwrap();
        assert_eq!(watch.shifts.len(), 1);
        assert!(!format!("{watch:?}").contains("secret"), "{watch:?}");
    }
    let error = schedule("/private-secret/none.ics").on_call(&query(MOMENT)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound);
    assert!(!error.chain().contains("secret"), "{}", error.chain());
}
