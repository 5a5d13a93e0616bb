//! A repository of several services with its commits and deploys, made by `git fast-import`.

use std::path::Path;

use anyhow::Result;

use crate::{
    code::{Language, Module},
    fault::{Planted, plant},
    writer::Writer,
};

/// Services with their languages.
pub const SERVICES: [(&str, Language); 8] = [
    ("checkout", Language::Go),
    ("inventory", Language::Rust),
    ("pricing", Language::Python),
    ("billing", Language::Java),
    ("portal", Language::TypeScript),
    ("search", Language::Cpp),
    ("shipping", Language::Go),
    ("accounts", Language::Python),
];
/// Commits of one deploy and of what follows it.
pub const COMMITS_EACH: usize = 40;

/// A commit as it was made.
#[derive(Clone, Debug)]
pub struct Made {
    /// Full id.
    pub id: String,
    /// When, in seconds.
    pub at: i64,
}

/// A deploy with its truth.
#[derive(Clone, Debug)]
pub struct Deploy {
    /// When the guilty version goes live, in seconds.
    pub at: i64,
    /// What ran before.
    pub before: String,
    /// What was deployed.
    pub head: String,
    /// What was deployed after the trouble began.
    pub later: String,
    /// Commits that came after the trouble began.
    pub after: Vec<Made>,
    /// Commits that the deploy brought, oldest first.
    pub carried: Vec<Made>,
    /// The regression, with its commit; `None` of a healthy deploy.
    pub planted: Option<(String, Planted)>,
    /// The state of the code at that time.
    pub modules: Vec<Module>,
}

/// A repository with its deploys.
pub struct History {
    /// In their order.
    pub deploys: Vec<Deploy>,
    /// All commits.
    pub n_commits: usize,
}

/// Writes a history of `n_deploys` deploys with [`COMMITS_EACH`] commits each into the empty folder `at`.
///
/// # Errors
///
/// When `git` is missing or refuses what it is given.
pub fn write_history(at: &Path, seed: u64, n_deploys: usize) -> Result<History> {
    let mut writer = Writer::new(seed);
    writer.commit("begin", |_| {});
    let mut deploys = Vec::new();
    for number in 0..n_deploys {
        let n_before = 2 + writer.random.below(5);
        let n_after = 3 + writer.random.below(3);
        let n_carried = 5 + writer.random.below(COMMITS_EACH - n_before - n_after - 5);
        let filler = COMMITS_EACH - n_before - n_after - n_carried;
        for _ in 0..n_before + filler {
            writer.everyday(None);
        }
        let before = writer.commits.len() - 1;
        // One of five deploys is healthy, the kinds of regressions take turns.
        let is_guilty = number % 5 != 4;
        let guilty_place = writer.random.below(n_carried - 3);
        let big_place = (guilty_place + 1 + writer.random.below(n_carried - 2)) % n_carried;
        let mut planted = None;
        let mut place = 0;
        while writer.commits.len() - 1 - before < n_carried {
            let near = planted.as_ref().map(|(_, planted): &(usize, Planted)| planted.clone());
            if is_guilty && place >= guilty_place && planted.is_none() {
                let kind = (number / 5 * 4 + number % 5) % 8;
                let guilt = plant(kind, &mut writer.modules, &mut writer.files, &mut writer.random);
                writer.everyday_in(Some(&guilt.service), false);
                writer.note(None);
                planted = Some((writer.commits.len() - 1, guilt));
            } else if place == big_place {
                writer.big();
            } else if near.is_some() && place % 7 == 3 {
                writer.words_in_a_test(near.as_ref());
            } else {
                writer.everyday(near.as_ref());
            }
            place += 1;
        }
        let head = writer.commits.len() - 1;
        let modules = writer.modules.clone();
        for step in 0..n_after {
            let near = planted.as_ref().map(|(_, planted)| planted.clone());
            if step == 0 {
                writer.right_place_too_late(near.as_ref())
            } else {
                writer.everyday(near.as_ref())
            }
        }
        // Somebody finds it in the end, so that the next deploy begins without it.
        if let Some((_, planted)) = &planted {
            writer.mend(planted);
        }
        deploys.push((before, head, writer.commits.len() - 1, planted, modules));
    }
    let ids = writer.import(at)?;
    let made = |place: usize| Made { id: ids[place].clone(), at: writer.commits[place].at };
    let deploys = deploys.into_iter().map(|(before, head, later, planted, modules)| Deploy {
        at: writer.commits[head].at + 600,
        before: ids[before].clone(),
        head: ids[head].clone(),
        later: ids[later].clone(),
        carried: (before + 1..=head).map(made).collect(),
        after: (head + 1..=later).map(made).collect(),
        planted: planted.map(|(place, planted)| (ids[place].clone(), planted)),
        modules,
    });
    let deploys = deploys.collect();
    Ok(History { deploys, n_commits: ids.len() })
}
