//! All secrets of a text: every rule, on the text as it stands and as its reader takes it, in order and apart from each other.

use std::sync::LazyLock;

use regex::Regex;

use super::{
    accounts, base64, connections, entropy, formats, headers, ip_addresses, named, national_ids,
    normal_form::normal_form,
    people,
    policy::CompiledPolicy,
    private_keys,
    rule::{Rule, RuleSet, Spot},
};

/// JSON in JSON in JSON, or an address in an address.
const MAX_LAYERS: usize = 3;

/// The first that finds a place names its kind: what is known best comes first. Three sets rather than one: what has been read of a
/// key, a name and a number at once are too many states for one automaton, which would forget and build them over and over.
static RULES: LazyLock<[RuleSet; 3]> = LazyLock::new(|| {
    let set = |rules: Vec<Vec<Rule>>| RuleSet::new(rules.into_iter().flatten().collect());
    [
        set(vec![private_keys::rules(), formats::rules(), headers::rules()]),
        set(vec![named::rules(), connections::rules()]),
        set(vec![people::rules(), national_ids::rules(), accounts::rules()]),
    ]
});

static IP_RULES: LazyLock<RuleSet> = LazyLock::new(|| RuleSet::new(ip_addresses::rules()));

/// What looks like a mark already is marked itself, so that restoring gives back what was there.
static LITERAL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new("<(?:literal|private_key|token|secret|email|phone|id_number|passport|card|iban|ip|number|custom_[a-z0-9_]+)_[0-9]+>").ok()
});

/// Finds what must not leave, in order and apart from each other: what overlaps is one secret, so that nothing between is left.
pub(super) fn secrets<'p>(policy: &'p CompiledPolicy, text: &str) -> Vec<Spot<'p>> {
    let mut found = Vec::new();
    scan(policy, text, &mut found);
    find_wrapped(policy, text, &mut found);
    let mut form = normal_form(text);
    for _ in 0..MAX_LAYERS {
        let Some(layer) = form else { break };
        let mut inside = Vec::new();
        scan(policy, &layer.text, &mut inside);
        let origins =
            inside.into_iter().filter_map(|spot| Some(Spot { range: layer.original(&spot.range)?, ..spot }));
        found.extend(origins);
        form = layer.further();
    }
    found.retain(|spot| !policy.allows(&text[spot.range.clone()]));
    if let Some(literal) = LITERAL.as_ref().filter(|_| text.contains('<')) {
        let literals = literal.find_iter(text);
        found.splice(
            0..0,
            literals.map(|mark| Spot { rule: "literal", kind: "literal", range: mark.range() }),
        );
    }
    merged(found)
}

fn scan<'p>(policy: &'p CompiledPolicy, text: &str, found: &mut Vec<Spot<'p>>) {
    policy.find(text, found);
    RULES.iter().for_each(|rules| rules.find(text, found));
    if policy.ips {
        IP_RULES.find(text, found);
    }
    entropy::find(text, found);
}

/// Adds runs of base64 in which a text with secrets can be read. They go as a whole.
fn find_wrapped<'p>(policy: &'p CompiledPolicy, text: &str, found: &mut Vec<Spot<'p>>) {
    for run in entropy::runs(text) {
        let Some(inner) = base64::text_in(&text[run.clone()]) else { continue };
        let mut inside = Vec::new();
        scan(policy, &inner, &mut inside);
        inside.retain(|spot| !policy.allows(&inner[spot.range.clone()]));
        if let Some(first) = inside.into_iter().min_by_key(|spot| spot.range.start) {
            found.push(Spot { range: run, ..first });
        }
    }
}

fn merged(mut found: Vec<Spot<'_>>) -> Vec<Spot<'_>> {
    // Stable: of two that begin together, the one that was found first names the kind.
    found.sort_by_key(|spot| spot.range.start);
    let mut secrets: Vec<Spot<'_>> = Vec::with_capacity(found.len());
    for spot in found {
        match secrets.last_mut() {
            Some(last) if spot.range.start < last.range.end => {
                last.range.end = last.range.end.max(spot.range.end)
            }
            _ => secrets.push(spot),
        }
    }
    secrets
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_rule_is_a_pattern_with_a_name_of_its_own_and_the_first_pass_holds_all() {
        let mut names = HashSet::new();
        for set in RULES.iter().chain([&*IP_RULES]) {
            assert!(set.has_first_pass());
            for rule in set.rules() {
                assert!(rule.regex().is_some(), "`{}` is no pattern", rule.name);
                assert!(names.insert(rule.name), "`{}` is there twice", rule.name);
                let mark = LITERAL.as_ref().unwrap().is_match(&format!("<{}_1>", rule.kind));
                assert!(mark, "the mark of `{}` is not known as one", rule.name);
            }
        }
    }
}
