//! What is different today from an incident of before.

use std::collections::BTreeSet;

use serde::Serialize;
use waggle_agent_core::{Finding, Language};
use waggle_analysis::quantity;

use crate::similarity::Features;

/// One thing that is different.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "what")]
pub(crate) enum Difference {
    /// It was of other services.
    Service { then: Vec<String>, now: Vec<String> },
    /// What was at fault then shows no signs now.
    NoSigns { class: String },
    /// Something else was unusual.
    Signal { then: Vec<String>, now: Vec<String> },
    /// A change was blamed then, and none of that service went live now.
    NoChange { service: String, change: String },
}

/// Returns what is different. `changed` are the services of which a change went live before the trouble now.
pub(crate) fn differences(
    now: &Features,
    then: &Features,
    finding: &Finding,
    changed: &BTreeSet<String>,
) -> Vec<Difference> {
    let mut all = Vec::new();
    let list = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>();
    let are_apart =
        |a: &BTreeSet<String>, b: &BTreeSet<String>| !a.is_empty() && !b.is_empty() && a.is_disjoint(b);
    if are_apart(&now.services, &then.services) {
        all.push(Difference::Service { then: list(&then.services), now: list(&now.services) });
    }
    if let Some(class) = then.classes.first().filter(|_| then.classes.is_disjoint(&now.classes)) {
        all.push(Difference::NoSigns { class: class.clone() });
    }
    if are_apart(&now.signals, &then.signals) {
        all.push(Difference::Signal { then: list(&then.signals), now: list(&now.signals) });
    }
    for cause in &finding.root_causes {
        if let Some(change) = cause.change.as_ref().filter(|_| !changed.contains(&cause.service)) {
            all.push(Difference::NoChange { service: cause.service.clone(), change: change.id.clone() });
        }
    }
    all
}

impl Difference {
    /// Says it in part of a sentence.
    pub(crate) fn sentence(&self, language: Language) -> String {
        match self {
            Self::Service { then, now } => {
                let (then, now) = (then.join(", "), now.join(", "));
                language.pick(format!("it is of {now}, not of {then}"), format!("这次是 {now}，不是 {then}"))
            }
            Self::NoSigns { class } => {
                language.pick(format!("nothing shows `{class}`"), format!("没有 `{class}` 的迹象"))
            }
            Self::Signal { then, now } => {
                let (then, now) = (then.join(", "), now.join(", "));
                language.pick(format!("{now} in place of {then}"), format!("异常的是 {now}，不是 {then}"))
            }
            Self::NoChange { service, change } => {
                let is_commit = change.len() >= 12 && change.bytes().all(|byte| byte.is_ascii_hexdigit());
                let change = if is_commit { quantity::short(change) } else { change };
                language.pick(
                    format!("no change of {service} went live, as {change} had then"),
                    format!("{service} 没有变更上线，当时有 {change}"),
                )
            }
        }
    }
}
