//! Who answers for a service: catalogue, shifts, calendars, paging, identities, and all of it together.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod calendar;
mod catalogue;
mod identities;
mod paging;
mod table;
mod together;

use waggle_knowledge::owners::OnCallQuery;
use waggle_signals::Timestamp;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Asks about the team `shop` and the service `inventory`.
fn query(moment: &str) -> OnCallQuery {
    OnCallQuery {
        service: "inventory".to_owned(),
        teams: vec!["shop".to_owned()],
        paging_ids: Vec::new(),
        at: at(moment),
    }
}
