//! Owners that are told rather than looked up.

use async_trait::async_trait;
use waggle_signals::TimeRange;

use crate::{
    Result,
    finding::Owner,
    nearest::nearest,
    ports::{Owned, Ownership, OwnershipQuery, by_label},
};

/// A catalogue of services and who is on call for them. By default it lists none, and only labels name anybody.
#[derive(Clone, Debug, Default)]
pub struct FakeOwnership {
    /// In order of telling.
    services: Vec<(String, Owner)>,
    shifts: Vec<(String, TimeRange, Owner)>,
}

impl FakeOwnership {
    /// Lists a service with its owner. Told twice, it has both.
    #[must_use]
    pub fn owned_by(mut self, service: impl Into<String>, owner: Owner) -> Self {
        self.services.push((service.into(), owner));
        self
    }

    /// Puts somebody on call for a service for a while.
    #[must_use]
    pub fn on_call(mut self, service: impl Into<String>, shift: TimeRange, owner: Owner) -> Self {
        self.shifts.push((service.into(), shift, owner));
        self
    }
}

#[async_trait]
impl Ownership for FakeOwnership {
    async fn owners_of(&self, query: &OwnershipQuery) -> Result<Owned> {
        let OwnershipQuery { service, labels, at, .. } = query;
        let names: Vec<&str> = self.services.iter().map(|(name, _)| name.as_str()).collect();
        let is_listed = names.contains(&service.as_str());
        let likely = if is_listed { None } else { nearest(service, &names).map(str::to_owned) };
        let searched = "labels, the catalogue and who is on call".to_owned();
        let mut owned = Owned { is_listed, nearest: likely, searched, ..Owned::default() };
        labels.iter().for_each(|label| owned.add(by_label(label, service)));
        for (name, owner) in &self.services {
            if name == service {
                owned.add(owner.clone());
            }
        }
        let mut shifts = self.shifts.iter().filter(|(name, ..)| name == service).peekable();
        if shifts.peek().is_some() && !shifts.clone().any(|(_, shift, _)| shift.contains(*at)) {
            owned.notes.push(format!("nobody is on call for `{service}` at {at}"));
        }
        shifts.filter(|(_, shift, _)| shift.contains(*at)).for_each(|(.., owner)| owned.add(owner.clone()));
        Ok(owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::ownership::{conformance, sample};

    #[tokio::test]
    async fn the_fake_keeps_the_rules_of_ownership() {
        let sample = sample();
        let owner = |name: &str, rule: &str| Owner {
            name: name.to_owned(),
            rule: rule.to_owned(),
            contact: String::new(),
        };
        let fake = sample.services.iter().fold(FakeOwnership::default(), |fake, (service, team)| {
            fake.owned_by(*service, owner(team, "catalogue"))
        });
        let (service, shift, person) = sample.shift;
        conformance(&fake.on_call(service, shift, owner(person, "on call"))).await;
    }
}
