//! Who and what may be blamed: a change that went live there before the onset, an owner whom a rule names.

use serde_json::Value;

use super::{CHANGES_TOOL, Check, DIFF_TOOL, OWNERS_TOOL};
use crate::{
    Evidence,
    finding::{ChangeBlamed, Owner},
};

impl Check<'_> {
    fn diff_was_read(&self, id: &str) -> bool {
        !id.is_empty()
            && self
                .results_of(DIFF_TOOL)
                .any(|diff| diff.pointer("/commit/id").and_then(Value::as_str) == Some(id))
    }

    /// Sets what is known of a change, and returns why it cannot be the cause at `service`, if it cannot.
    pub(super) fn why_not_blame(&self, change: &mut ChangeBlamed, service: &str) -> Option<String> {
        let id = change.id.clone();
        change.diff_read = self.diff_was_read(&id);
        let is = |seen: &Value, key: &str, want: &str| seen.get(key).and_then(Value::as_str) == Some(want);
        // One commit may go live in several services, at different times.
        let seen: Vec<&Value> = self
            .results_of(CHANGES_TOOL)
            .filter_map(|result| result.get("changes")?.as_array())
            .flatten()
            .filter(|seen| is(seen, "id", &id) && is(seen, "service", service))
            .collect();
        if let Some(kind) = seen.iter().find_map(|seen| seen.get("kind")?.as_str()) {
            change.kind = kind.to_owned();
        }
        // A commit stays one under any other name.
        let looks_like_a_commit = id.len() >= 7 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        if (change.kind == "commit" || looks_like_a_commit) && !change.diff_read {
            return Some(format!(
                "commit `{id}` is blamed, but its diff was not read: call `{DIFF_TOOL}` first, and give the full id"
            ));
        }
        if seen.is_empty() {
            return Some(format!(
                "change `{id}` is blamed, but `{CHANGES_TOOL}` did not show that it went live in `{service}`"
            ));
        }
        let after_onset =
            seen.iter().all(|seen| seen.get("after_onset").and_then(Value::as_bool) == Some(true));
        after_onset.then(|| {
            format!("change `{id}` went live in `{service}` after the onset, so it cannot be the cause")
        })
    }

    /// Tells whether a tool named the owner of `service` by that rule; a contact that it did not name is blanked.
    pub(super) fn keep_owner(&mut self, owner: &mut Owner, service: &str) -> bool {
        let Owner { name, rule, contact } = owner;
        let field =
            |stated: &Value, key: &str, want: &str| stated.get(key).and_then(Value::as_str) == Some(want);
        let is_about = |evidence: &&Evidence| {
            let asked = evidence.arguments.get("service").and_then(Value::as_str);
            evidence.tool == OWNERS_TOOL && asked.is_none_or(|asked| asked == service)
        };
        let stated: Vec<&Value> = self
            .evidence
            .values()
            .filter(is_about)
            .filter_map(|evidence| evidence.data.get("owners")?.as_array())
            .flatten()
            .filter(|stated| field(stated, "name", name) && field(stated, "rule", rule))
            .collect();
        if service.is_empty() || stated.is_empty() {
            self.problems.push(format!(
                "owner `{name}` of `{service}` is not named by the rule \"{rule}\" in any `{OWNERS_TOOL}` result"
            ));
            return false;
        }
        if !contact.is_empty() && !stated.iter().any(|stated| field(stated, "contact", contact)) {
            self.problems
                .push(format!("contact \"{contact}\" of owner `{name}` is in no `{OWNERS_TOOL}` result"));
            contact.clear();
        }
        true
    }
}
