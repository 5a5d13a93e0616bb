//! Who answers for paths, as a revision of the repository itself says.

use waggle_agent_core::{Result, finding::Owner};

use super::repository::Repository;
use crate::codeowners::{CodeOwners, Dialect, MAX_BYTES};

impl Repository {
    /// Returns the owners of all paths, each with each rule once, in order of the paths.
    pub fn owners(
        &self,
        revision: &str,
        paths: &[String],
        configured: Option<Dialect>,
    ) -> Result<Vec<Owner>> {
        let commit = self.commit(revision)?;
        let mut owners: Vec<Owner> = Vec::new();
        for &place in Dialect::places(configured) {
            let Some(text) = self.file(&commit, place, MAX_BYTES)? else {
                continue;
            };
            let rules =
                CodeOwners::read_as(Dialect::of(place, configured), place, &String::from_utf8_lossy(&text));
            for path in paths {
                self.deadline.check()?;
                let more = rules.owners(path);
                owners.extend(more.into_iter().filter(|owner| !owners.contains(owner)).collect::<Vec<_>>());
            }
            break;
        }
        Ok(owners)
    }
}
