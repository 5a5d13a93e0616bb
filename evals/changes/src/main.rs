//! Prints how often the guilty commit and hunk are named: `waggle-change-evals SEED… [--deploys N] [--verbose]`.

use anyhow::{Context as _, Result};
use waggle_change_evals::run::{Score, score};

#[tokio::main]
async fn main() -> Result<()> {
    let (mut seeds, mut n_deploys, mut is_verbose) = (Vec::new(), 50, false);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--verbose" => is_verbose = true,
            "--deploys" => n_deploys = arguments.next().context("`--deploys` needs a number")?.parse()?,
            seed => seeds.push(seed.parse::<u64>().with_context(|| format!("`{seed}` is no seed"))?),
        }
    }
    let mut all = Score::default();
    for seed in seeds {
        all.add(&score(seed, n_deploys, is_verbose).await?);
    }
    print!("{}", all.table());
    Ok(())
}
