//! A service catalogue as Backstage writes it: which team answers for a component.
//!
//! <https://backstage.io/docs/features/software-catalog/descriptor-format/>

mod entity;
mod source;

use waggle_agent_core::finding::Owner;

pub use entity::{Entity, Reference};
pub use source::CatalogueSource;

use super::people::{Person, Team};

/// Kinds that run or are run, the likeliest meaning of a service's name first.
const KINDS: [&str; 4] = ["component", "api", "resource", "system"];

/// What `catalog-info.yaml` files say.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    entities: Vec<Entity>,
    /// What could not be read.
    pub notes: Vec<String>,
}

/// What a catalogue says of a service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// Whether it lists the service.
    pub is_listed: bool,
    /// Who owns it; empty when nothing says, or it is doubtful.
    pub owners: Vec<Owner>,
    /// What a paging service calls it.
    pub paging_ids: Vec<String>,
    /// Where its code lies, as the annotation `backstage.io/source-location` has it; empty when unknown.
    pub source_location: String,
    /// Doubts.
    pub notes: Vec<String>,
}

impl Catalogue {
    /// Makes a catalogue of what was read.
    pub fn new(entities: Vec<Entity>, notes: Vec<String>) -> Self {
        Self { entities, notes }
    }

    /// Returns what was read, and what could not be.
    pub fn into_parts(self) -> (Vec<Entity>, Vec<String>) {
        (self.entities, self.notes)
    }

    /// Adds what the file at `place` says. A document that does not read is noted, and the others still count.
    pub fn add(&mut self, place: &str, text: &str) {
        let (entities, notes) = entity::entities(place, text);
        self.entities.extend(entities);
        self.notes.extend(notes);
    }

    /// Returns the names that services may be asked by.
    pub fn services(&self) -> impl Iterator<Item = &str> {
        let is_service = |entity: &&Entity| KINDS.contains(&entity.reference.kind.as_str());
        self.entities.iter().filter(is_service).map(|entity| entity.reference.name.as_str())
    }

    /// Returns what it says of a service: the component of that name, else the one whose `backstage.io/kubernetes-id` it is,
    /// else the API, resource or system of that name. A name in several namespaces is a doubt, unless asked as `namespace/name`.
    pub fn listed(&self, service: &str) -> Listed {
        let Some(found) = self.find(service) else { return Listed::default() };
        let [entity] = found.as_slice() else {
            let which: Vec<_> = found.iter().map(|entity| format!("`{}`", entity.reference)).collect();
            let note = format!("the catalogue lists `{service}` as {}; none is taken", which.join(" and "));
            return Listed { is_listed: true, notes: vec![note], ..Listed::default() };
        };
        let mut listed = Listed {
            is_listed: true,
            paging_ids: entity.annotation("pagerduty.com/service-id").into_iter().collect(),
            source_location: entity.annotation("backstage.io/source-location").unwrap_or_default(),
            ..Listed::default()
        };
        match self.owner(entity) {
            Some(owner) => listed.owners.push(owner),
            None => listed.notes.push(format!("`{}` of the catalogue names no owner", entity.reference)),
        }
        listed
    }

    fn find(&self, service: &str) -> Option<Vec<&Entity>> {
        let asked = service.to_lowercase();
        if asked.is_empty() {
            return None;
        }
        let of_kind = |kind: &str, is_it: &dyn Fn(&Entity) -> bool| -> Vec<&Entity> {
            self.entities.iter().filter(|entity| entity.reference.kind == kind && is_it(entity)).collect()
        };
        let by_name = |entity: &Entity| {
            let Reference { namespace, name, .. } = &entity.reference;
            *name == asked || format!("{namespace}/{name}") == asked
        };
        let by_id =
            |entity: &Entity| entity.annotation("backstage.io/kubernetes-id").as_deref() == Some(service);
        let components = of_kind("component", &by_name);
        let rest = [of_kind("component", &by_id)].into_iter();
        let others = KINDS.iter().skip(1).map(|kind| of_kind(kind, &by_name));
        std::iter::once(components).chain(rest).chain(others).find(|found| !found.is_empty())
    }

    /// Returns the owner that an entity names, else the one of the system that it belongs to.
    fn owner(&self, entity: &Entity) -> Option<Owner> {
        let told = |entity: &Entity| format!("catalogue `{}` {}", entity.place, entity.reference.told());
        let named =
            |owner: &Reference, rule: String| Owner { name: owner.short(), rule, contact: String::new() };
        if let Some(owner) = &entity.owner {
            return Some(named(owner, format!("{} `spec.owner: {owner}`", told(entity))));
        }
        let system = entity.system.as_ref()?;
        let system = self.entities.iter().find(|other| other.reference == *system)?;
        let owner = system.owner.as_ref()?;
        let why = format!("as {} is part of it and names none", entity.reference.told());
        Some(named(owner, format!("{} `spec.owner: {owner}`, {why}", told(system))))
    }

    /// Returns the people it describes.
    pub fn people(&self) -> Vec<Person> {
        let users = self.entities.iter().filter(|entity| entity.reference.kind == "user");
        let person = |user: &Entity| Person {
            name: user.reference.short(),
            email: user.email.clone(),
            also: user.also(),
            ..Person::default()
        };
        users.map(person).collect()
    }

    /// Returns the teams it describes, with those who say that they belong to one.
    pub fn teams(&self) -> Vec<Team> {
        let groups = self.entities.iter().filter(|entity| entity.reference.kind == "group");
        let team = |group: &Entity| {
            let says_so = self.entities.iter().filter(|user| user.member_of.contains(&group.reference));
            let mut members: Vec<String> = group.members.iter().map(Reference::short).collect();
            members.extend(says_so.map(|user| user.reference.short()));
            members.sort();
            members.dedup();
            let (name, email) = (group.reference.short(), group.email.clone());
            Team { name, email, also: group.also(), members, ..Team::default() }
        };
        groups.map(team).collect()
    }
}
