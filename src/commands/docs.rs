//! `waggle docs`

use std::process::ExitCode;

use anyhow::Result;
use waggle_knowledge::{
    library::{LibraryRef, Roots},
    shelve::shelve,
};

use crate::{cli, config::Config, shelves::Shelves};

pub async fn run(config: Config, args: cli::Docs) -> Result<ExitCode> {
    let cli::DocsCommand::Add { libraries, root } = args.command;
    let references: Vec<LibraryRef> = libraries.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
    let shelves = Shelves::made(config.settings.knowledge(), &config.dir).await?;
    for reference in references {
        let known = Roots::well_known(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
        let roots = root.iter().fold(known, |roots, folder| roots.with(reference.ecosystem, folder));
        let (found, synced) = shelve(shelves.index(), &reference, &roots).await?;
        println!("{found}: {synced}");
        for skipped in &synced.skipped {
            println!("  left out  {skipped}");
        }
    }
    Ok(ExitCode::SUCCESS)
}
