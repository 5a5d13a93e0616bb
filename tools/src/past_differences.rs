//! What is different today from an incident of before.

use std::collections::BTreeSet;

use serde::Serialize;
use waggle_agent_core::{
    Language,
    past_case::{Magnitude, PastCase},
};
use waggle_analysis::quantity;

use crate::{past_recheck::Blamed, past_today::Today, similarity::Features};

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
    /// These stand out now, and did not then.
    New { signs: Vec<String> },
    /// These stood out then, and do not now.
    Missing { signs: Vec<String> },
    /// It is worse or milder.
    Magnitude { then: Magnitude, now: Magnitude },
    /// A change was blamed then, and none of that service went live now.
    NoChange { service: String, change: String },
    /// The service at fault runs other code now.
    Version { service: String, then: String, now: String },
}

/// Signs of one side that are told.
const MAX_SIGNS: usize = 3;

/// Returns what is different, what decides first.
pub(crate) fn differences(
    today: &Today,
    then: &Features,
    case: &PastCase,
    blamed: Option<&Blamed>,
) -> Vec<Difference> {
    let (mut all, now) = (Vec::new(), &today.features);
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
    if let Some(Blamed { cause, .. }) = blamed {
        let (service, change) = (cause.service.clone(), cause.change.clone());
        if !change.is_empty() && !today.changed.contains_key(&service) {
            all.push(Difference::NoChange { service, change });
        }
        if let Some((then, now)) = other_version(today, case, &cause.service) {
            all.push(Difference::Version { service: cause.service.clone(), then, now });
        }
    }
    // Where either side was not measured, nothing is new and nothing is missing. Classes are told above.
    if !now.signs.is_empty() && !then.signs.is_empty() {
        let of = |a: &BTreeSet<String>, b: &BTreeSet<String>| -> Vec<String> {
            a.difference(b).filter(|sign| !sign.contains(" fault:")).take(MAX_SIGNS).cloned().collect()
        };
        let (new, missing) = (of(&now.signs, &then.signs), of(&then.signs, &now.signs));
        all.extend(Some(new).filter(|signs| !signs.is_empty()).map(|signs| Difference::New { signs }));
        all.extend(
            Some(missing).filter(|signs| !signs.is_empty()).map(|signs| Difference::Missing { signs }),
        );
    }
    let (then, now) = (case.magnitude, today.magnitude);
    if then != now && then != Magnitude::Unknown && now != Magnitude::Unknown {
        all.push(Difference::Magnitude { then, now });
    }
    all
}

/// Returns the commits that a service ran then and runs now, where both are known and differ.
pub(crate) fn other_version(today: &Today, case: &PastCase, service: &str) -> Option<(String, String)> {
    let (then, now) = (case.versions.get(service)?, today.versions.get(service)?);
    (then != now).then(|| (then.clone(), now.clone()))
}

impl Difference {
    /// Says it in part of a sentence.
    pub(crate) fn sentence(&self, language: Language) -> String {
        let listed = |all: &[String]| all.join(language.pick(", ", "、"));
        match self {
            Self::Service { then, now } => {
                let (then, now) = (listed(then), listed(now));
                language.pick(format!("it is of {now}, not of {then}"), format!("这次是 {now}，不是 {then}"))
            }
            Self::NoSigns { class } => {
                language.pick(format!("nothing shows `{class}`"), format!("没有 `{class}` 的迹象"))
            }
            Self::Signal { then, now } => {
                let (then, now) = (listed(then), listed(now));
                language.pick(
                    format!("it shows in {now}, then in {then}"),
                    format!("这次表现为 {now}，当时是 {then}"),
                )
            }
            Self::New { signs } => {
                let signs = listed(&in_words(signs, language));
                language.pick(format!("new is {signs}"), format!("新出现：{signs}"))
            }
            Self::Missing { signs } => {
                let signs = listed(&in_words(signs, language));
                language.pick(format!("without {signs}"), format!("缺少：{signs}"))
            }
            Self::Magnitude { then, now } => match then < now {
                true => language.pick("it is worse", "比当时严重").to_owned(),
                false => language.pick("it is milder", "比当时轻").to_owned(),
            },
            Self::NoChange { service, change } => {
                let change = short(change);
                language.pick(
                    format!("no change of {service} went live, as {change} had then"),
                    format!("{service} 没有变更上线，当时有 {change}"),
                )
            }
            Self::Version { service, then, now } => {
                let (then, now) = (short(then), short(now));
                language.pick(
                    format!("{service} runs {now}, then {then}"),
                    format!("{service} 现在运行 {now}，当时是 {then}"),
                )
            }
        }
    }
}

/// Says signs as people do: `below self_ms.ratio up` is "`self_ms.ratio` up on the way".
fn in_words(signs: &[String], language: Language) -> Vec<String> {
    let sign = |sign: &String| {
        let mut parts = sign.split(' ');
        let (role, feature, trend) = (parts.next()?, parts.next()?, parts.next()?);
        let place = match role {
            "felt" => language.pick("where it is felt", "症状处"),
            "below" => language.pick("on the way", "传播路径上"),
            _ => language.pick("elsewhere", "别处"),
        };
        let zh_trend = if trend == "up" { "上升" } else { "下降" };
        Some(language.pick(format!("`{feature}` {trend} {place}"), format!("{place} `{feature}` {zh_trend}")))
    };
    signs.iter().filter_map(sign).collect()
}

/// Commits by the characters that people write, all else by its name.
pub(crate) fn short(change: &str) -> &str {
    let is_commit = change.len() >= 12 && change.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_commit { quantity::short(change) } else { change }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_difference_is_part_of_a_sentence_in_both_languages() {
        let all = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let commit = |letter: &str| letter.repeat(40);
        let differences = [
            Difference::Service { then: all(&["users"]), now: all(&["stock", "cart"]) },
            Difference::NoSigns { class: "slow_code".to_owned() },
            Difference::Signal { then: all(&["latency"]), now: all(&["error_ratio"]) },
            Difference::New { signs: all(&["below self_ms.ratio up", "felt rate.ratio down"]) },
            Difference::Missing { signs: all(&["beside cpu.ratio up"]) },
            Difference::Magnitude { then: Magnitude::Slight, now: Magnitude::Manifold },
            Difference::Magnitude { then: Magnitude::Manifold, now: Magnitude::Several },
            Difference::NoChange { service: "stock".to_owned(), change: commit("a") },
            Difference::NoChange { service: "stock".to_owned(), change: "dark-mode".to_owned() },
            Difference::Version { service: "stock".to_owned(), then: commit("a"), now: commit("b") },
        ];
        let told = differences.iter().map(|difference| {
            format!("{}\n{}", difference.sentence(Language::En), difference.sentence(Language::Zh))
        });
        insta::assert_snapshot!("differences", told.collect::<Vec<_>>().join("\n"));
    }
}
