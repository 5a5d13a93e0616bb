//! Hunks of all changes, most to blame first.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{
    construct::{Construct, constructs},
    file_kind::{FileKind, file_kind},
    grounds::Asked,
    hunk::{Hunk, hunks},
};
use crate::{
    blame::{
        candidate::{Candidate, ChangedFile},
        diff_shape::{Effect, diff_shape},
        place::is_name_of,
        signs::Signs,
    },
    quantity,
};

/// One changed place, judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RankedHunk {
    /// The change that it is part of, as in [`Candidate::id`].
    pub change: String,
    /// Its file.
    pub path: String,
    /// First changed line, after the change; zero when the diff does not say.
    pub line: u32,
    /// The innermost function that was changed; empty when unknown.
    pub function: String,
    /// Effect times what its grounds say together, 0 to 1.
    pub score: f64,
    /// Does it do anything? 0 to 1.
    pub effect: f64,
    /// The grounds in words, strongest first; empty when nothing of what is seen meets it.
    pub why: Vec<String>,
}

/// Reasons that are told of one hunk.
const MAX_WHY: usize = 3;
/// Hunks of one change that are looked at; a vendored tree has more, and they are worth nothing.
const MAX_HUNKS: usize = 2_000;

/// Ranks all hunks of `changes` by how well they explain `signs`; those that explain nothing come last, in the order of their files.
///
/// Comments, tests, documents, locks, generated and vendored files, blanks and pure renames are worth nothing or next to it. Empty without hunks.
pub fn rank_hunks(changes: &[Candidate], signs: &Signs) -> Vec<RankedHunk> {
    let mut ranked: Vec<RankedHunk> = changes.iter().flat_map(|change| of_change(change, signs)).collect();
    ranked.sort_by(|a, b| b.score.total_cmp(&a.score));
    ranked
}

fn of_change(change: &Candidate, signs: &Signs) -> Vec<RankedHunk> {
    let all = change.files.iter().flat_map(|file| hunks(file).into_iter().map(move |hunk| (file, hunk)));
    all.take(MAX_HUNKS).map(|(file, hunk)| judged(change, file, &hunk, signs)).collect()
}

fn judged(change: &Candidate, file: &ChangedFile, hunk: &Hunk, signs: &Signs) -> RankedHunk {
    let effect = effect(file, hunk);
    let grounds = if effect > LITTLE {
        Asked::new(&file.path, hunk)
            .grounds(signs, |service| reach(change, &file.path, service, &signs.services))
    } else {
        Vec::new()
    };
    let doubt: f64 = grounds.iter().map(|ground| 1.0 - ground.weight.clamp(0.0, 0.99)).product();
    RankedHunk {
        change: change.id.clone(),
        path: file.path.clone(),
        line: hunk.line,
        function: hunk.functions.last().cloned().unwrap_or_default(),
        score: effect * (1.0 - doubt),
        effect,
        why: grounds.into_iter().take(MAX_WHY).map(|ground| ground.why).collect(),
    }
}

/// Effects below this are none.
const LITTLE: f64 = 0.1;

/// Tells what a hunk can do, 0 to 1.
fn effect(file: &ChangedFile, hunk: &Hunk) -> f64 {
    let kind = file_kind(&file.path);
    let is_indentation_code = [".py", ".yaml", ".yml"].iter().any(|ending| file.path.ends_with(ending));
    if hunk.is_blank(is_indentation_code) || matches!(kind, FileKind::Inert | FileKind::Foreign) {
        return 0.0;
    }
    let alone = ChangedFile { path: file.path.clone(), lines: hunk.lines.clone() };
    let shape = diff_shape(&Candidate::of_files(vec![alone])).does;
    if shape <= Effect::Logging || is_import(hunk) {
        return 0.05;
    }
    // What was only moved matters where it is a lock or a loop: order is all that these are about.
    let moves = constructs(hunk).touched;
    if shape == Effect::Rewriting
        && (moves.contains(&Construct::Lock)
            || moves.contains(&Construct::Loop)
            || kind == FileKind::Migration)
    {
        return 0.8;
    }
    shape.weight()
}

fn is_import(hunk: &Hunk) -> bool {
    let marks = ["import ", "use ", "from ", "#include", "require(", "package "];
    let mut changed = hunk.side('+').chain(hunk.side('-')).map(str::trim).filter(|line| !line.is_empty());
    changed.all(|line| marks.iter().any(|mark| line.starts_with(mark)))
}

/// Folders that say nothing of whose the code is.
const SHARED: &[&str] = &[
    "pkg",
    "lib",
    "libs",
    "common",
    "shared",
    "internal",
    "platform",
    "core",
    "proto",
    "schema",
    "schemas",
    "src",
    "app",
    "cmd",
    "config",
    "conf",
    "db",
    "migrations",
    "deploy",
    "charts",
    "k8s",
];

/// Tells how surely a file is part of a service: by folders and by its own name, and less when it names another service that is known.
pub(in crate::blame) fn reach(change: &Candidate, path: &str, service: &str, services: &[String]) -> f64 {
    if service.is_empty() {
        return 0.6;
    }
    let parts = || path.split(['/', '.']).filter(|part| !part.is_empty());
    if change.service == service || parts().any(|part| is_name_of(part, service)) {
        return 1.0;
    }
    if parts().any(|part| services.iter().any(|other| other != service && is_name_of(part, other))) {
        return 0.1;
    }
    let first = path.split('/').next().unwrap_or_default();
    if SHARED.contains(&first) || !path.contains('/') { 0.85 } else { 0.4 }
}

impl RankedHunk {
    /// Returns `path:line`; the path alone where the line is not known.
    pub fn place(&self) -> String {
        if self.line == 0 { self.path.clone() } else { format!("{}:{}", self.path, self.line) }
    }
}

impl fmt::Display for RankedHunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { change, function, score, why, .. } = self;
        let place = self.place();
        let inside = if function.is_empty() { String::new() } else { format!(" (`{function}`)") };
        write!(f, "{} {place}{inside} {score:.2}: {}", quantity::short(change), why.join("; "))
    }
}
