//! The four parts of a change's score.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Blamed,
    candidate::{Candidate, Deployment, Kind},
    code::{RankedHunk, Why, rank},
    diff_shape::{DiffShape, Effect, diff_shape, is_inert},
    live::{Built, Live, live},
    place::place,
    signs::{Sign, SignSource, Signs},
    words::{Rarity, literals, terms, terms_and_words},
};

/// Terms of the complaint that have to be met for a full match: a sentence of an error has about so many that say something.
const FULL_MATCH_TERMS: usize = 5;

/// Grades one change.
pub(super) fn grade(
    candidate: &Candidate,
    built: &Built<'_>,
    deployments: &[Deployment],
    signs: &Signs,
    rarity: &Rarity,
    hunks: Vec<RankedHunk>,
) -> Blamed {
    let shape = diff_shape(candidate);
    let mut why = Vec::new();
    let Live { grade: live, service, at: live_at, after_onset } =
        live(candidate, built, deployments, signs, &mut why);
    let mut place = place(candidate, &service, signs, &mut why);
    let by_code = by_code(candidate, &hunks, signs, &mut why);
    let matching = matching(candidate, &shape, signs, rarity, by_code, &mut why);
    let mut effect = match candidate.kind {
        Kind::Commit | Kind::Config => shape.does.weight(),
        // A flag turns on what was not run before; what that is cannot be read.
        Kind::Flag => 0.6,
        Kind::Scale => 0.8,
    };
    let shape_told = shape.to_string();
    if candidate.kind == Kind::Commit && !why.iter().any(|reason| reason.contains(&shape_told)) {
        why.push(format!("it {shape_told}"));
    }
    // A hunk that is met stands for the whole change: what else came with it takes nothing from it.
    if let Some(hunk) = hunks.first().filter(|hunk| !signs.code.is_empty() && hunk.score > MET) {
        effect = effect.max(hunk.effect);
        place = place.max(rank::reach(candidate, &hunk.path, &service, &signs.services));
    }
    let score = live * place * effect * matching;
    Blamed {
        id: candidate.id.clone(),
        kind: candidate.kind,
        service,
        live_at,
        after_onset,
        score,
        live,
        place,
        effect,
        matching,
        shape,
        hunks,
        why,
    }
}

/// A hunk with a higher score is met by what is seen.
const MET: f64 = 0.2;

/// Of several hunks that are met, the best says the most; each further one adds a little.
fn by_code(candidate: &Candidate, hunks: &[RankedHunk], signs: &Signs, why: &mut Vec<String>) -> f64 {
    if candidate.kind == Kind::Scale {
        let waits = signs.code.routes.iter().find(|route| {
            route.service == candidate.service && matches!(route.why, Why::Waits | Why::Unknown)
        });
        return waits.map_or(0.0, |route| {
            why.insert(
                0,
                format!(
                    "`{}` of `{}` waits, and there are other copies than before",
                    route.route, route.service
                ),
            );
            0.3 + 0.3 * route.common
        });
    }
    let Some(best) = hunks.first() else { return 0.0 };
    if signs.code.is_empty() {
        // Words and levels are graded for the whole change, and count once.
        return 0.0;
    }
    if best.score > MET {
        for reason in best.why.iter().rev() {
            why.insert(0, reason.clone());
        }
        let inside =
            if best.function.is_empty() { String::new() } else { format!(" in `{}`", best.function) };
        why.insert(0, format!("its hunk at {}{inside}", best.place()));
    }
    best.score / best.effect.max(0.1)
}

/// Is what it does complained of?
fn matching(
    candidate: &Candidate,
    shape: &DiffShape,
    signs: &Signs,
    rarity: &Rarity,
    by_code: f64,
    why: &mut Vec<String>,
) -> f64 {
    let by_literal = literal_match(shape, signs, why).max(version_match(shape, signs, why));
    let by_level = level_match(shape, signs, why);
    let mut by_words = word_match(candidate, shape, signs, rarity, why);
    let is_said = signs.texts.iter().any(|sign| matches!(sign.source, SignSource::Log | SignSource::Span));
    if !signs.code.is_empty() {
        // Where requests say what got worse, words of the alert alone say nothing, and those of lines less than the hunk that they meet.
        by_words *= if is_said { 0.35 } else { 0.05 };
    }
    // Independent grounds: the chance that none of them is right is the product of their doubts.
    1.0 - (1.0 - by_literal) * (1.0 - by_level) * (1.0 - by_words) * (1.0 - by_code.clamp(0.0, 0.99))
}

/// A name that the complaint quotes, and that the change took away or brought in.
fn literal_match(shape: &DiffShape, signs: &Signs, why: &mut Vec<String>) -> f64 {
    let quoted: BTreeSet<String> = signs
        .texts
        .iter()
        .filter(|sign| sign.source.weight() > 0.0)
        .flat_map(|sign| literals(&sign.text))
        .collect();
    let bare = |token: &str| token.trim_matches(['"', '\'']).to_lowercase();
    let hit = quoted.into_iter().find(|literal| {
        shape.net.iter().any(|token| {
            let token = bare(token);
            // A longer text, such as a query, may hold the name as one of its words.
            token == *literal
                || (literal.len() >= 5
                    && token.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == *literal))
        })
    });
    match hit {
        Some(literal) => {
            why.insert(0, format!("the error names `{literal}`, which its diff takes away or brings in"));
            0.85
        }
        None => 0.0,
    }
}

/// A dependency that the complaint names by its own name, and whose version the change moved by more than a patch.
fn version_match(shape: &DiffShape, signs: &Signs, why: &mut Vec<String>) -> f64 {
    if shape.does < Effect::Version {
        return 0.0;
    }
    let complaints = signs.texts.iter().filter(|sign| sign.source.weight() > 0.0);
    let said: BTreeSet<String> = complaints
        .flat_map(|sign| sign.text.split(|c: char| !c.is_alphanumeric() && c != '-' && c != '_'))
        .map(str::to_lowercase)
        .collect();
    let own_name = |name: &str| name.rsplit('/').find(|part| !is_major(part)).unwrap_or_default().to_owned();
    let hit = shape.versions.iter().find(|(name, ..)| {
        let own = own_name(name);
        own.len() >= 4 && said.contains(&own)
    });
    match hit {
        Some((name, before, after)) => {
            why.insert(
                0,
                format!("the error names `{}`, which it takes from {before} to {after}", own_name(name)),
            );
            0.7
        }
        None => 0.0,
    }
}

/// Tells whether a part of a module's path is its major version, as in Go.
fn is_major(part: &str) -> bool {
    part.strip_prefix('v')
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A number that the change set from one value to another, and a metric that moved between just these.
fn level_match(shape: &DiffShape, signs: &Signs, why: &mut Vec<String>) -> f64 {
    let near = |a: f64, b: f64| (a - b).abs() <= 0.01 * a.abs().max(b.abs()).max(1e-9);
    let hit = shape.numbers.iter().find_map(|(name, before, after)| {
        let level =
            signs.levels.iter().find(|level| near(level.before, *before) && near(level.after, *after))?;
        Some((name, before, after, level))
    });
    match hit {
        Some((name, before, after, level)) => {
            why.insert(
                0,
                format!(
                    "it sets {name} from {before} to {after}, and `{}` of `{}` went the same way",
                    level.metric, level.service
                ),
            );
            0.9
        }
        None => 0.0,
    }
}

/// Terms of the complaint that stand in the change, weighted by how rare they are and where they stand.
fn word_match(
    candidate: &Candidate,
    shape: &DiffShape,
    signs: &Signs,
    rarity: &Rarity,
    why: &mut Vec<String>,
) -> f64 {
    let names: BTreeSet<String> = signs.services.iter().flat_map(|service| terms(service)).collect();
    // Each term with its weight and the word that people know it by.
    let mut complaint: BTreeMap<String, (f64, String)> = BTreeMap::new();
    let texts = signs.texts.iter().map(|sign: &Sign| (sign.text.as_str(), sign.source.weight()));
    let metrics = signs.levels.iter().map(|level| (level.metric.as_str(), 0.6));
    for (text, weight) in texts.chain(metrics) {
        for (term, word) in terms_and_words(text) {
            // Names of services say where, not what.
            let weight = if names.contains(&term) { 0.2 * weight } else { weight };
            let known = complaint.entry(term).or_insert((weight, word));
            known.0 = known.0.max(weight);
        }
    }
    let places = places(candidate, shape);
    let mut asked: Vec<f64> =
        complaint.iter().map(|(term, (weight, _))| weight * rarity.weight(term)).collect();
    asked.sort_by(|a, b| b.total_cmp(a));
    let full: f64 = asked.iter().take(FULL_MATCH_TERMS).sum();
    if full <= 0.0 {
        return 0.0;
    }
    let mut met: Vec<(f64, &str)> = complaint
        .iter()
        .filter_map(|(term, (weight, word))| {
            Some((weight * rarity.weight(term) * places.get(term)?, word.as_str()))
        })
        .collect();
    met.sort_by(|a, b| b.0.total_cmp(&a.0));
    let sum: f64 = met.iter().take(2 * FULL_MATCH_TERMS).map(|(weight, _)| weight).sum();
    if !met.is_empty() {
        let words: Vec<String> = met.iter().take(4).map(|(_, word)| format!("`{word}`")).collect();
        why.push(format!("it speaks of {}, as the errors do", words.join(", ")));
    }
    (sum / full).min(0.9)
}

/// Where each term of a change stands, as a weight: what it took away or brought in counts most.
fn places(candidate: &Candidate, shape: &DiffShape) -> BTreeMap<String, f64> {
    let mut places: BTreeMap<String, f64> = BTreeMap::new();
    let mut put = |text: &str, weight: f64| {
        for term in terms(text) {
            let known = places.entry(term).or_default();
            *known = known.max(weight);
        }
    };
    for token in &shape.net {
        put(token, 1.0);
    }
    for (name, ..) in shape.numbers.iter() {
        put(name, 1.0);
    }
    for file in candidate.files.iter().filter(|file| !is_inert(&file.path)) {
        put(&file.path, 0.7);
        for line in &file.lines {
            let weight = if line.starts_with(['+', '-']) { 0.6 } else { 0.3 };
            put(line, weight);
        }
    }
    if shape.does > Effect::Rewriting {
        put(&candidate.message, 0.5);
    } else {
        put(&candidate.message, 0.3);
    }
    if candidate.kind == Kind::Flag {
        put(&candidate.id, 0.8);
    }
    places
}
