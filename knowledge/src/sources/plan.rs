//! What is new, what changed, and what is gone since the last run.

use std::collections::{BTreeMap, HashMap};

use super::Step;
use crate::documents::{ContentHash, DocumentId};

/// What a run came across: names and hashes, no bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census {
    seen: BTreeMap<DocumentId, Seen>,
    is_cut: bool,
}

/// What became of a document in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Read(ContentHash),
    Same,
    Unread,
}

/// What to do with each document; each list is in order, and no document is in two.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Not known before.
    pub added: Vec<DocumentId>,
    /// Known with other bytes.
    pub changed: Vec<DocumentId>,
    /// Known as they are.
    pub unchanged: Vec<DocumentId>,
    /// Seen and not read this time. What is known of them stays; some may not be known at all.
    pub unread: Vec<DocumentId>,
    /// Known and gone. Empty when the run ended before its end: what was not looked at is not gone.
    pub removed: Vec<DocumentId>,
}

impl Census {
    /// Counts a step. The first of a document counts.
    pub fn add(&mut self, step: &Step) {
        let (id, seen) = match step {
            Step::Found(found) => (&found.id, Seen::Read(found.content_hash)),
            Step::Same(id) => (id, Seen::Same),
            Step::Unread(id, _) => (id, Seen::Unread),
            Step::Skipped(_) => return,
            Step::Stopped(_) => {
                self.is_cut = true;
                return;
            }
        };
        self.seen.entry(id.clone()).or_insert(seen);
    }
}

/// Compares what is known with what was found. Pure; costs time linear in both.
pub fn plan(known: &HashMap<DocumentId, ContentHash>, found: &Census) -> Plan {
    let mut plan = Plan::default();
    for (id, seen) in &found.seen {
        let list = match (seen, known.get(id)) {
            (Seen::Read(_), None) => &mut plan.added,
            (Seen::Read(hash), Some(known)) if hash != known => &mut plan.changed,
            (Seen::Read(_) | Seen::Same, Some(_)) => &mut plan.unchanged,
            (Seen::Same, None) | (Seen::Unread, _) => &mut plan.unread,
        };
        list.push(id.clone());
    }
    if !found.is_cut {
        plan.removed = known.keys().filter(|id| !found.seen.contains_key(id)).cloned().collect();
        plan.removed.sort();
    }
    plan
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        documents::Reason,
        sources::{Found, Step},
    };

    fn id(name: &str) -> DocumentId {
        DocumentId::new("runbooks", name)
    }

    fn found(name: &str, text: &str) -> Step {
        Step::Found(Found::new(id(name), name.to_owned(), text.into()))
    }

    fn planned(steps: &[Step]) -> Plan {
        let known = ["same", "other", "gone", "not-modified", "down"];
        let known = known.map(|name| (id(name), ContentHash::of(b"text"))).into();
        let mut census = Census::default();
        steps.iter().for_each(|step| census.add(step));
        plan(&known, &census)
    }

    #[test]
    fn every_document_is_told_once() {
        let down = Step::unread(id("down"), "down", Reason::Unavailable("status 503".into()));
        let mut steps = vec![
            found("same", "text"),
            found("other", "new text"),
            found("new", "text"),
            found("new", "twice"),
            Step::Same(id("not-modified")),
            down,
            Step::skipped("logo.png", Reason::NotADocument),
        ];
        let expected = Plan {
            added: vec![id("new")],
            changed: vec![id("other")],
            unchanged: vec![id("not-modified"), id("same")],
            unread: vec![id("down")],
            removed: vec![id("gone")],
        };
        assert_eq!(planned(&steps), expected);
        steps.push(Step::stopped("…", Reason::TooMany { limit: 7 }));
        assert_eq!(planned(&steps), Plan { removed: Vec::new(), ..expected });
    }
}
