//! Whether a change reaches what fails: by the folders of its files.

use super::{candidate::Candidate, diff_shape::is_inert, signs::Signs};

/// Tells how surely a change's files are part of a service: by the names of their folders.
pub(super) fn reach(candidate: &Candidate, service: &str) -> f64 {
    let alive = candidate.files.iter().filter(|file| !is_inert(&file.path));
    alive.map(|file| path_reach(&file.path, service)).fold(0.0, f64::max)
}

/// 1 for a folder of the service's name, 0.9 for code that all share, 0.15 for another's folder.
fn path_reach(path: &str, service: &str) -> f64 {
    let folders: Vec<&str> = path.split('/').collect();
    let (folders, _file) = folders.split_at(folders.len().saturating_sub(1));
    if folders.iter().any(|folder| is_name_of(folder, service)) {
        return 1.0;
    }
    let shared = [
        "pkg", "lib", "libs", "common", "shared", "internal", "platform", "core", "proto", "schema",
        "schemas",
    ];
    match folders.first() {
        None => 0.9,
        Some(first) if shared.contains(first) => 0.9,
        Some(_) => 0.15,
    }
}

/// Tells whether a folder is named as a service is: `order`, `order-service`, `orderservice`, `order_svc`.
pub(super) fn is_name_of(folder: &str, service: &str) -> bool {
    let plain = |name: &str| {
        let name: String = name.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect();
        let name = name.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned();
        ["service", "svc", "server", "app", "api"]
            .iter()
            .find_map(|ending| name.strip_suffix(ending).filter(|rest| rest.len() >= 3).map(str::to_owned))
            .unwrap_or(name)
    };
    let (folder, service) = (plain(folder), plain(service));
    !folder.is_empty() && folder == service
}

/// Does it reach what fails? A change in a service that fares well is no suspect; shared code reaches all.
pub(super) fn place(candidate: &Candidate, service: &str, signs: &Signs, why: &mut Vec<String>) -> f64 {
    let files = candidate.files.iter().filter(|file| !is_inert(&file.path));
    let best_of = |failing: &str| {
        let by_path = files.clone().map(|file| path_reach(&file.path, failing)).fold(0.0, f64::max);
        let by_name =
            if is_name_of(&candidate.service, failing) || candidate.service == failing { 1.0 } else { 0.0 };
        by_path.max(by_name)
    };
    if signs.failing.is_empty() {
        return 0.7;
    }
    // The first to fail counts most; those after it may be its victims.
    let graded = signs.failing.iter().enumerate().map(|(place, failing)| {
        let rank = if place == 0 { 1.0 } else { 0.75 };
        (rank * best_of(failing), failing)
    });
    let Some((grade, failing)) = graded.max_by(|a, b| a.0.total_cmp(&b.0)) else { return 0.7 };
    if grade > 0.5
        && candidate.files.iter().all(|file| path_reach(&file.path, failing) < 1.0)
        && candidate.service.is_empty()
    {
        why.push("in code that services share".to_owned());
    }
    let is_live_where_it_fails = signs.failing.iter().any(|failing| failing == service);
    if is_live_where_it_fails { grade.max(0.3) } else { grade }
}
