//! `waggle docs`

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Result, bail};
use waggle_knowledge::{
    documents::DocumentId,
    index::Index,
    library::{LibraryRef, Roots},
    shelve::{LIBRARIES, shelve},
};

use super::print;
use crate::{cli, config::Config, shelves::Shelves};

pub async fn run(config: Config, args: cli::Docs) -> Result<ExitCode> {
    let shelves = Shelves::made(config.settings.knowledge(), &config.dir).await?;
    match args.command {
        cli::DocsCommand::Add { libraries, root } => add(shelves.index(), &libraries, &root).await?,
        cli::DocsCommand::List => {
            let kept = kept(shelves.index()).await?;
            if kept.is_empty() {
                print::out("no library was added yet: `waggle docs add python:requests`\n")?;
            }
            for (library, pages) in &kept {
                print::out(&format!("{library}  {} pages\n", pages.len()))?;
            }
        }
        cli::DocsCommand::Remove { libraries } => remove(shelves.index(), &libraries).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn add(index: &Index, libraries: &[String], root: &[PathBuf]) -> Result<()> {
    let references: Vec<LibraryRef> = libraries.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
    for reference in references {
        let known = Roots::well_known(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
        let roots = root
            .iter()
            .fold(known, |roots, folder: &PathBuf| roots.with(reference.ecosystem, Path::new(folder)));
        let (found, synced) = shelve(index, &reference, &roots).await?;
        print::out(&format!("{found}: {synced}\n"))?;
        for skipped in &synced.skipped {
            print::out(&format!("  {skipped}\n"))?;
        }
    }
    Ok(())
}

async fn remove(index: &Index, libraries: &[String]) -> Result<()> {
    let mut kept = kept(index).await?;
    for library in libraries {
        let Some(pages) = kept.remove(library) else {
            bail!("`{library}` was not added\nhint: `waggle docs list` names what was");
        };
        index.forget(&pages).await?;
        println!("{library}: {} pages forgotten", pages.len());
    }
    Ok(())
}

/// Returns the pages of each library that was added.
async fn kept(index: &Index) -> Result<BTreeMap<String, Vec<DocumentId>>> {
    let mut libraries = BTreeMap::<String, Vec<DocumentId>>::new();
    for id in index.known_under(&DocumentId::new(LIBRARIES, "")).await?.into_keys() {
        libraries.entry(library_of(id.as_str()).to_owned()).or_default().push(id);
    }
    Ok(libraries)
}

/// Returns the library in the name of a page: `python:requests@2.31.0` of `library:python:requests@2.31.0/requests.api`. Names of
/// libraries may have slashes in them, versions have none.
fn library_of(page: &str) -> &str {
    let page = page.split_once(':').map_or(page, |(_, page)| page);
    let version = page.find('@').unwrap_or_default();
    let end = page.get(version..).and_then(|rest| rest.find('/')).map_or(page.len(), |at| version + at);
    page.get(..end).unwrap_or(page)
}

#[cfg(test)]
mod tests {
    use super::library_of;

    #[test]
    fn pages_name_their_library() {
        for (page, library) in [
            ("library:python:requests@2.31.0/requests.api", "python:requests@2.31.0"),
            ("library:go:github.com/jackc/pgx/v5@v5.5.0/Conn", "go:github.com/jackc/pgx/v5@v5.5.0"),
            ("library:c:libcurl/curl_easy_init.3", "c:libcurl"),
        ] {
            assert_eq!(library_of(page), library);
        }
    }
}
