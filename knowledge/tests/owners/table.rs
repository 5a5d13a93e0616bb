//! The on-call table: hours, days, zones with summer time, stand-ins, gaps.

use waggle_agent_core::Kind;
use waggle_knowledge::owners::OnCallTable;

use crate::{at, query};

const TABLE: &str = r#"
[[on_call]]
who = "li.na"
teams = ["shop"]
days = ["mon", "tue", "wed", "thu", "fri"]
from = "09:00"
to = "18:00"
zone = "Asia/Shanghai"

[[on_call]]
who = "wang.wei"
services = ["Inventory"]
days = ["Saturday"]
from = "22:00"
to = "06:00"
zone = "Europe/Berlin"

[[on_call]]
who = "second"
teams = ["@Shop"]
from = "09:00"
to = "10:00"
level = 2

[[override]]
who = "zhao.min"
teams = ["shop"]
from = "2026-03-03T00:00:00+08:00"
to = "2026-03-04T00:00:00+08:00"

[[override]]
who = ""
teams = ["shop"]
from = "2026-03-05T00:00:00Z"
to = "2026-03-06T00:00:00Z"
"#;

/// Who is on call, from when to when.
fn check(moment: &str, wanted: &[(&str, &str, &str)]) {
    let watch = OnCallTable::read("oncall.toml", TABLE).unwrap().watch(&query(moment));
    let found: Vec<_> = watch
        .shifts
        .iter()
        .map(|shift| (shift.who.as_str(), shift.from.unwrap(), shift.to.unwrap()))
        .collect();
    let wanted: Vec<_> = wanted.iter().map(|(who, from, to)| (*who, at(from), at(to))).collect();
    assert_eq!(found, wanted, "{moment}");
    assert!(!watch.covers.is_empty());
}

#[test]
fn hours_are_those_of_the_zone_and_the_end_is_outside() {
    let monday = ("li.na", "2026-03-02T01:00:00Z", "2026-03-02T10:00:00Z");
    check("2026-03-02T00:59:59Z", &[]);
    check("2026-03-02T01:00:00Z", &[monday]);
    check("2026-03-02T09:59:59Z", &[monday, ("second", "2026-03-02T09:00:00Z", "2026-03-02T10:00:00Z")]);
    check("2026-03-02T10:00:00Z", &[]);
    // A Sunday, after the night before it.
    check("2026-03-01T06:00:00Z", &[]);
}

#[test]
fn a_night_begins_on_one_day_and_ends_on_the_next() {
    let night = ("wang.wei", "2026-03-07T21:00:00Z", "2026-03-08T05:00:00Z");
    check("2026-03-07T21:00:00Z", &[night]);
    check("2026-03-08T04:59:59Z", &[night]);
    check("2026-03-08T05:00:00Z", &[]);
    check("2026-03-08T21:30:00Z", &[]);
}

/// Berlin puts its clocks forward on 2026-03-29 at 02:00 and back on 2026-10-25 at 03:00.
#[test]
fn a_night_is_an_hour_shorter_or_longer_when_the_clocks_change() {
    let short = ("wang.wei", "2026-03-28T21:00:00Z", "2026-03-29T04:00:00Z");
    check("2026-03-29T03:59:59Z", &[short]);
    check("2026-03-29T04:00:00Z", &[]);
    let long = ("wang.wei", "2026-10-24T20:00:00Z", "2026-10-25T05:00:00Z");
    check("2026-10-25T04:59:59Z", &[long]);
    check("2026-10-25T05:00:00Z", &[]);
}

#[test]
fn an_hour_that_the_clocks_skip_or_show_twice_has_one_beginning() {
    let row = |from: &str, to: &str| {
        let text =
            format!("[[on_call]]\nwho='a'\nteams=['shop']\nfrom='{from}'\nto='{to}'\nzone='Europe/Berlin'");
        OnCallTable::read("t", &text).unwrap()
    };
    for (from, to, moment, begins, ends) in [
        // 02:30 is skipped: it begins at 03:30, which is 01:30 in UTC.
        ("02:30", "04:00", "2026-03-29T01:45:00Z", "2026-03-29T01:30:00Z", "2026-03-29T02:00:00Z"),
        // 02:30 comes twice: it begins with the first.
        ("02:30", "04:00", "2026-10-25T00:45:00Z", "2026-10-25T00:30:00Z", "2026-10-25T03:00:00Z"),
    ] {
        let watch = row(from, to).watch(&query(moment));
        let shift = watch.shifts.first().unwrap();
        assert_eq!((shift.from, shift.to), (Some(at(begins)), Some(at(ends))), "{moment}");
    }
}

#[test]
fn who_stands_in_takes_the_place_of_all_others_and_may_be_nobody() {
    let day = ("zhao.min", "2026-03-02T16:00:00Z", "2026-03-03T16:00:00Z");
    check("2026-03-03T02:00:00Z", &[day]);
    check("2026-03-03T16:00:00Z", &[]);
    check("2026-03-05T09:30:00Z", &[]);
}

#[test]
fn others_are_not_asked_for() {
    let table = OnCallTable::read("oncall.toml", TABLE).unwrap();
    let other = waggle_knowledge::owners::OnCallQuery {
        service: "inventory-2".to_owned(),
        teams: vec!["shop2".to_owned()],
        ..query("2026-03-02T02:00:00Z")
    };
    assert_eq!(table.watch(&other), Default::default());
}

#[test]
fn a_row_that_makes_no_sense_is_named() {
    for (row, wanted) in [
        ("who='a'\nteams=['x']\ndays=['someday']", "row 1 of the on-call table `t`: unknown day `someday`"),
        ("who='a'\nteams=['x']\ndays=['m']", "row 1 of the on-call table `t`: unknown day `m`"),
        ("who='a'\nteams=['x']\nfrom='25:00'", "row 1 of the on-call table `t`: unknown time `25:00`"),
        (
            "who='a'\nteams=['x']\nzone='Mars/Base'",
            "row 1 of the on-call table `t`: unknown time zone `Mars/Base`",
        ),
        ("who=' '\nteams=['x']", "row 1 of the on-call table `t`: `who` is empty"),
        ("who='a'", "row 1 of the on-call table `t`: it is for nothing"),
        ("who='a'\nhours='x'", "the on-call table `t` does not read"),
    ] {
        let error = OnCallTable::read("t", &format!("[[on_call]]\n{row}")).unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (Kind::Invalid, wanted));
    }
    let error = OnCallTable::read(
        "t",
        "[[override]]\nwho='a'\nteams=['x']\nfrom='2026-03-02T00:00:00Z'\nto='2026-03-01T00:00:00Z'",
    );
    assert_eq!(error.unwrap_err().to_string(), "override 1 of `t` ends before it begins");
}
