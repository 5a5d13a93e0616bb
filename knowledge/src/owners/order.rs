//! Puts together what all rules say, in the order in which they count.
//!
//! 1. The label `owner` on the service's processes.
//! 2. The service catalogue.
//! 3. `CODEOWNERS`, for the suspected files.
//! 4. Who is on call for the service, or for the team that the first of these named.
//!
//! Nobody else is ever named, and nobody without the rule that names them.

use waggle_agent_core::{finding::Owner, ports::Owned};
use waggle_signals::Timestamp;

use super::{
    on_call::Watch,
    people::{Meant, People},
};

/// What the rules say, by kind.
#[derive(Clone, Debug, Default)]
pub struct Stated {
    /// By the label, in order of the label's values.
    pub labels: Vec<Owner>,
    /// By the catalogue.
    pub catalogue: Vec<Owner>,
    /// By `CODEOWNERS`.
    pub code: Vec<Owner>,
    /// By those who keep shifts.
    pub watches: Vec<Watch>,
    /// What people should know besides.
    pub notes: Vec<String>,
}

/// Returns the teams whose shifts are asked for, by all their names: those that the first kind of rule named. A team that only
/// shares a file is not woken when the service has a team of its own.
pub fn teams(stated: &Stated, people: &People) -> Vec<String> {
    let kinds = [&stated.labels, &stated.catalogue, &stated.code];
    let first = kinds.into_iter().find(|owners| !owners.is_empty());
    let mut teams: Vec<String> = Vec::new();
    for name in first.into_iter().flatten().flat_map(|owner| people.names_of_team(&owner.name)) {
        if !teams.contains(&name) {
            teams.push(name);
        }
    }
    teams
}

/// Returns who answers for `service` at a moment. Of those on call, the ones that are called first.
pub fn owned(stated: Stated, people: &People, service: &str, at: Timestamp) -> Owned {
    let mut owned = Owned { notes: stated.notes, ..Owned::default() };
    let mut reached = Vec::new();
    for owner in stated.labels.into_iter().chain(stated.catalogue).chain(stated.code) {
        let (name, meant) = (owner.name.clone(), people.meant(&owner.name));
        name_once(&mut owned, &mut reached, owner, meant, &name);
    }
    let level = stated.watches.iter().flat_map(|watch| &watch.shifts).map(|shift| shift.level).min();
    let mut covers: Vec<String> = Vec::new();
    for watch in stated.watches {
        owned.notes.extend(watch.notes);
        covers.extend(watch.covers);
        for shift in watch.shifts.into_iter().filter(|shift| Some(shift.level) == level) {
            let mut meant = people.meant(&shift.who);
            if meant == Meant::Unknown {
                meant = people.spoken_of(if shift.called.is_empty() { &shift.who } else { &shift.called });
            }
            let name = match meant {
                Meant::Person(person) => person.name.clone(),
                Meant::Team(team) => team.name.clone(),
                Meant::Unknown | Meant::Several => shift.who.clone(),
            };
            // An address is where somebody is reached, whether or not it is known whose it is.
            let contact = if shift.who.contains('@') { shift.who.clone() } else { String::new() };
            let owner = Owner { name, rule: shift.stated(), contact };
            name_once(&mut owned, &mut reached, owner, meant, &shift.who);
        }
    }
    if level.is_none() && !covers.is_empty() {
        covers.dedup();
        owned.notes.push(format!("nobody is on call for {} of `{service}` at {at}", covers.join(" or ")));
    }
    owned.notes.dedup();
    owned
}

/// Names an owner unless the same person or team is named already. `said` is how the rule calls them.
fn name_once<'a>(
    owned: &mut Owned,
    reached: &mut Vec<Meant<'a>>,
    mut owner: Owner,
    meant: Meant<'a>,
    said: &str,
) {
    if meant == Meant::Several {
        owned.notes.push(format!("`{said}` may be more than one; it is not said how to reach them"));
        owner.contact = String::new();
    }
    let is_known = matches!(meant, Meant::Person(_) | Meant::Team(_));
    if is_known && reached.contains(&meant) {
        return;
    }
    if is_known {
        reached.push(meant);
        let contact = meant.contact();
        if !contact.is_empty() {
            owner.contact = contact;
        }
    }
    owned.add(owner);
}
