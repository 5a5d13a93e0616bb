//! Schedules in calendars.

use proptest::prelude::*;
use waggle_agent_core::Kind;
use waggle_knowledge::owners::{Calendar, OnCall, Schedule, ScheduleSettings};

use crate::{at, query};

fn calendar(events: &[&str]) -> Calendar {
    let events: Vec<String> =
        events.iter().map(|lines| format!("BEGIN:VEVENT\n{}\nEND:VEVENT\n", lines.trim())).collect();
    Calendar::read(&format!("BEGIN:VCALENDAR\n{}END:VCALENDAR\n", events.concat()), "").unwrap()
}

/// Who is on call at a moment, from when to when.
fn check(events: &[&str], moment: &str, wanted: &[(&str, &str, &str)]) {
    let found = calendar(events).at(at(moment));
    assert_eq!(found.notes, [""; 0], "{moment}");
    let told: Vec<_> = found
        .events
        .iter()
        .flat_map(|event| event.who.iter().map(|(who, _)| (who.as_str(), event.from, event.to)))
        .collect();
    let wanted: Vec<_> = wanted.iter().map(|(who, from, to)| (*who, at(from), at(to))).collect();
    assert_eq!(told, wanted, "{moment}");
}

const WEEKLY: &str = "UID:w
SUMMARY:On call: Li Na
DTSTART;TZID=Europe/Berlin:20260302T090000
DTEND;TZID=Europe/Berlin:20260309T090000
RRULE:FREQ=WEEKLY;INTERVAL=2
EXDATE;TZID=Europe/Berlin:20260316T090000";

#[test]
fn a_repeated_shift_keeps_to_the_clock_when_the_clocks_change() {
    let who = "On call: Li Na";
    check(&[WEEKLY], "2026-03-02T07:59:59Z", &[]);
    check(&[WEEKLY], "2026-03-02T08:00:00Z", &[(who, "2026-03-02T08:00:00Z", "2026-03-09T08:00:00Z")]);
    check(&[WEEKLY], "2026-03-10T08:00:00Z", &[]);
    // Left out.
    check(&[WEEKLY], "2026-03-17T08:00:00Z", &[]);
    // Summer time: nine is an hour earlier in UTC.
    check(&[WEEKLY], "2026-03-30T07:00:00Z", &[(who, "2026-03-30T07:00:00Z", "2026-04-06T07:00:00Z")]);
    // The week in which the clocks are put back is an hour longer.
    check(&[WEEKLY], "2026-10-26T07:59:59Z", &[]);
    let daily = "UID:d\nSUMMARY:a\nDTSTART;TZID=Europe/Berlin:20261020T220000\nDTEND;TZID=Europe/Berlin:20261021T060000\nRRULE:FREQ=DAILY";
    check(&[daily], "2026-10-25T04:59:59Z", &[("a", "2026-10-24T20:00:00Z", "2026-10-25T05:00:00Z")]);
}

#[test]
fn a_single_day_that_was_changed_stands_for_the_day_it_names() {
    let swap = "UID:w\nRECURRENCE-ID;TZID=Europe/Berlin:20260302T090000\nSUMMARY:On call: Wang Wei\nDTSTART:20260303T080000Z\nDTEND:20260309T080000Z";
    let who = "On call: Wang Wei";
    check(&[WEEKLY, swap], "2026-03-02T10:00:00Z", &[]);
    check(&[WEEKLY, swap], "2026-03-04T10:00:00Z", &[(who, "2026-03-03T08:00:00Z", "2026-03-09T08:00:00Z")]);
    let cancelled = format!("{swap}\nSTATUS:CANCELLED");
    check(&[WEEKLY, &cancelled], "2026-03-04T10:00:00Z", &[]);
    check(&[&format!("{WEEKLY}\nSTATUS:CANCELLED")], "2026-03-04T10:00:00Z", &[]);
}

#[test]
fn rules_end_where_they_say() {
    let rule = |rule: &str| {
        format!(
            "UID:r\nSUMMARY:a\nDTSTART;TZID=America/New_York:20260302T090000\nDURATION:PT8H\nRRULE:{rule}"
        )
    };
    let second = ("a", "2026-03-03T14:00:00Z", "2026-03-03T22:00:00Z");
    for (ends, is_on) in [
        ("FREQ=DAILY;COUNT=2", true),
        ("FREQ=DAILY;COUNT=1", false),
        ("FREQ=DAILY;UNTIL=20260303T140000Z", true),
        ("FREQ=DAILY;UNTIL=20260303T135959Z", false),
        ("FREQ=DAILY;UNTIL=20260303", true),
        ("FREQ=WEEKLY;BYDAY=MO,TU", true),
        ("FREQ=WEEKLY;BYDAY=MO,WE", false),
    ] {
        let wanted = if is_on { vec![second] } else { Vec::new() };
        check(&[&rule(ends)], "2026-03-03T15:00:00Z", &wanted);
    }
}

#[test]
fn days_more_dates_and_times_without_a_zone_are_read() {
    let day = "UID:1\nSUMMARY:a\nDTSTART;VALUE=DATE:20260302\nDTEND;VALUE=DATE:20260304";
    check(&[day], "2026-03-03T23:59:59Z", &[("a", "2026-03-02T00:00:00Z", "2026-03-04T00:00:00Z")]);
    check(&["UID:1\nSUMMARY:a\nDTSTART;VALUE=DATE:20260302"], "2026-03-03T00:00:00Z", &[]);
    let also =
        "UID:1\nSUMMARY:a\nDTSTART:20260302T090000\nDURATION:PT1H\nRDATE:20260305T090000,20260307T090000";
    check(&[also], "2026-03-07T09:30:00Z", &[("a", "2026-03-07T09:00:00Z", "2026-03-07T10:00:00Z")]);
    let text = "BEGIN:VCALENDAR\nX-WR-TIMEZONE:Asia/Shanghai\nBEGIN:VEVENT\nSUMMARY:a\nDTSTART:20260302T090000\nDURATION:PT1H\nEND:VEVENT\nEND:VCALENDAR";
    for (zone, moment) in [("", "2026-03-02T01:00:00Z"), ("America/New_York", "2026-03-02T14:00:00Z")] {
        let found = Calendar::read(text, zone).unwrap().at(at(moment));
        assert_eq!(found.events.first().map(|event| event.from), Some(at(moment)), "`{zone}`");
    }
}

#[test]
fn those_who_attend_are_named_before_the_title() {
    let base = "UID:1\nDTSTART:20260302T090000Z\nDTEND:20260302T180000Z";
    let na = ("li.na@shop.example".to_owned(), "Li Na".to_owned());
    for (lines, wanted) in [
        (
            "SUMMARY:Primary\nATTENDEE;CN=\"Li Na\":mailto:li.na@sh\n op.example\nATTENDEE;PARTSTAT=DECLINED:mailto:x@y.example",
            vec![na.clone()],
        ),
        (
            "SUMMARY:Li\\, Na\nORGANIZER;CN=Boss:mailto:boss@shop.example",
            vec![("Li, Na".to_owned(), String::new())],
        ),
        ("ORGANIZER;CN=Li Na:MAILTO:li.na@shop.example", vec![na]),
        ("DESCRIPTION:nobody", Vec::new()),
    ] {
        let found = calendar(&[&format!("{base}\n{lines}")]).at(at("2026-03-02T10:00:00Z"));
        assert_eq!(found.events[0].who, wanted, "{lines}");
    }
}

#[test]
fn an_event_that_makes_no_sense_is_named_and_the_others_count() {
    let good = "UID:g\nSUMMARY:good\nDTSTART:20260302T090000Z\nDTEND:20260302T180000Z";
    let bad = |lines: &str| format!("UID:b\nSUMMARY:bad\n{lines}");
    for (lines, why) in [
        ("DTSTART;TZID=Mars/Base:20260302T090000", "event 1 is not read: time zone `Mars/Base` is unknown"),
        ("DTSTART:2026-03-02", "event 1 is not read: time `2026-03-02` does not read"),
        ("DTSTART:00010101T000000Z", "event 1 is not read: year 1 is out of range"),
        ("X:1", "event 1 is not read: it has no `DTSTART`"),
        ("DTSTART:20260101T090000Z\nDURATION:-PT1H", "event 1 is not read: its `DURATION` does not read"),
        (
            "DTSTART:20260101T090000Z\nRRULE:FREQ=NEVER",
            "event \"bad\" is not read: rule `FREQ=NEVER` does not read",
        ),
        (
            "DTSTART:20200101T090000Z\nRRULE:FREQ=SECONDLY",
            "event \"bad\" is not read: rule `FREQ=SECONDLY` repeats over 20000 times",
        ),
    ] {
        let found = calendar(&[&bad(lines), good]).at(at("2026-03-02T10:00:00Z"));
        assert_eq!(found.notes, [why]);
        assert_eq!(found.events.len(), 1, "{lines}");
    }
    let error = Calendar::read("<html>log in</html>", "").unwrap_err();
    assert_eq!((error.kind(), error.to_string().contains("no calendar")), (Kind::Invalid, true));
    // As deep as the sender likes.
    let deep = format!("BEGIN:VCALENDAR\n{}", "BEGIN:VEVENT\n".repeat(100_000));
    assert!(Calendar::read(&deep, "").is_ok());
}

#[tokio::test]
async fn a_file_is_asked_for_its_teams_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.ics");
    std::fs::write(&path, format!("BEGIN:VCALENDAR\nBEGIN:VEVENT\n{WEEKLY}\nEND:VEVENT\nEND:VCALENDAR"))
        .unwrap();
    let settings = ScheduleSettings {
        place: path.display().to_string(),
        teams: vec!["shop".to_owned()],
        ..ScheduleSettings::default()
    };
    let schedule = Schedule::new(settings).unwrap();
    let watch = schedule.on_call(&query("2026-03-02T10:00:00Z")).await.unwrap();
    assert_eq!(watch.covers, ["team `shop`"]);
    assert_eq!(watch.shifts.len(), 1, "{watch:?}");
    let gap = schedule.on_call(&query("2026-03-12T10:00:00Z")).await.unwrap();
    assert_eq!((gap.shifts.len(), gap.covers.len()), (0, 1));
    let other = waggle_knowledge::owners::OnCallQuery {
        teams: vec!["pay".to_owned()],
        ..query("2026-03-02T10:00:00Z")
    };
    assert_eq!(schedule.on_call(&other).await.unwrap(), Default::default());
}

proptest! {
    #[test]
    fn any_text_is_read(text in any::<String>()) {
        let _ = Calendar::read(&text, "");
        let _ = Calendar::read(&format!("BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20260302T090000Z\n{text}"), "");
    }

    #[test]
    fn any_rule_and_any_time_is_answered(
        rule in "FREQ=(YEARLY|MONTHLY|WEEKLY|DAILY|HOURLY);(INTERVAL=[0-9]{1,5}|COUNT=[0-9]{1,4}|UNTIL=[0-9]{8}(T[0-9]{6}Z?)?|BY(MONTH|MONTHDAY|SETPOS|HOUR|WEEKNO|YEARDAY)=-?[0-9]{1,3}|BYDAY=-?[1-5]?(MO|SU)){0,2}",
        start in "(19[789][0-9]|20[0-9]{2}|22[0-6][0-9])(0[1-9]|1[0-2])(0[1-9]|[12][0-9])T[0-2][0-9]0000",
        zone in "(Europe/Berlin|America/New_York|Asia/Shanghai)",
    ) {
        let event = format!("DTSTART;TZID={zone}:{start}\nDURATION:PT9H\nRRULE:{rule}");
        calendar(&[&event]).at(at("2026-03-02T10:00:00Z"));
    }
}
