//! What every [`Ownership`] does, whatever it reads.

use std::time::Duration;

use waggle_signals::{TimeRange, Timestamp};

use crate::ports::{Owned, Ownership, OwnershipQuery};

/// What the suite asks about. Whoever runs the suite makes a catalogue and a table of it.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Services and the team that the catalogue names for each.
    pub services: Vec<(&'static str, &'static str)>,
    /// The only shift there is: for this service, in this time, this person.
    pub shift: (&'static str, TimeRange, &'static str),
}

/// Returns what the suite asks about.
pub fn sample() -> Sample {
    // 2026-03-01T09:00:00Z, for eight hours.
    let nine = Timestamp::from_secs(1_772_355_600);
    let shift = TimeRange::ending_at(nine + Duration::from_secs(8 * 3600), Duration::from_secs(8 * 3600));
    Sample {
        services: vec![("checkout", "shop"), ("inventory", "stock")],
        shift: ("inventory", shift, "li.na"),
    }
}

/// Checks that `ownership` over what [`sample`] says keeps the promises of the port.
///
/// # Panics
///
/// When it breaks one.
pub async fn conformance(ownership: &dyn Ownership) {
    the_nearest_rule_comes_first_and_nobody_twice(ownership).await;
    who_is_on_call_depends_on_the_moment(ownership).await;
    an_unknown_service_is_not_answered_for_another(ownership).await;
}

async fn asked(ownership: &dyn Ownership, service: &str, labels: &[&str], at: Timestamp) -> Owned {
    let labels = labels.iter().map(|&label| label.to_owned()).collect();
    let query = OwnershipQuery { service: service.to_owned(), labels, at, ..OwnershipQuery::default() };
    let owned = ownership.owners_of(&query).await.unwrap();
    let is_ruled = owned.owners.iter().all(|owner| !owner.name.is_empty() && !owner.rule.is_empty());
    assert!(is_ruled, "everybody is named by a rule: {owned:?}");
    owned
}

fn names(owned: &Owned) -> Vec<&str> {
    owned.owners.iter().map(|owner| owner.name.as_str()).collect()
}

async fn the_nearest_rule_comes_first_and_nobody_twice(ownership: &dyn Ownership) {
    let at = sample().shift.1.to();
    for (labels, wanted) in
        [(&[][..], &["shop"][..]), (&["wang.wei"], &["wang.wei", "shop"]), (&["@Shop", "shop"], &["@Shop"])]
    {
        let owned = asked(ownership, "checkout", labels, at).await;
        assert_eq!(names(&owned), wanted, "{labels:?}");
        assert!(owned.is_listed && owned.nearest.is_none(), "{owned:?}");
    }
}

async fn who_is_on_call_depends_on_the_moment(ownership: &dyn Ownership) {
    let (service, shift, person) = sample().shift;
    let moment = Duration::from_secs(1);
    for (at, is_on_call) in [
        (shift.from() - moment, false),
        (shift.from(), true),
        (shift.to() - moment, true),
        (shift.to(), false),
    ] {
        let owned = asked(ownership, service, &[], at).await;
        assert_eq!(names(&owned).contains(&person), is_on_call, "at {at}: {owned:?}");
        let is_said = owned.notes.iter().any(|note| note.contains("nobody is on call"));
        assert_eq!(is_said, !is_on_call, "a gap is said, at {at}: {owned:?}");
    }
}

async fn an_unknown_service_is_not_answered_for_another(ownership: &dyn Ownership) {
    let at = sample().shift.1.from();
    for (service, nearest) in
        [("inventroy", Some("inventory")), ("Checkout-", Some("checkout")), ("zebra", None), ("", None)]
    {
        let owned = asked(ownership, service, &[], at).await;
        assert_eq!(names(&owned), [""; 0], "`{service}`");
        assert!(!owned.is_listed, "`{service}`");
        assert_eq!(owned.nearest.as_deref(), nearest, "`{service}`");
    }
}
