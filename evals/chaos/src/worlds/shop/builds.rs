//! Building services from commits, as a pipeline would: ahead of time, cached by content.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, anyhow};

use super::{
    Progress,
    repository::{BAD, BASELINE, CART_DECOY, PAYMENT_DECOY, Repository},
    services::SERVICES,
    sources::NEIGHBOURS,
};
use crate::command::{command, output};

/// Optimised as in production; symbols, lines and frame pointers, so that profilers can name what runs.
const FLAGS: &[&str] = &[
    "--edition=2021",
    "-Copt-level=3",
    "-Ccodegen-units=1",
    "-Cdebuginfo=line-tables-only",
    "-Cforce-frame-pointers=yes",
];
/// The source directory as debug information has it: `/shop/inventory/src/reserve.rs`.
const SOURCE_ROOT: &str = "/shop";
const COMPILERS: usize = 2;
const LIMIT: Duration = Duration::from_secs(120);

/// Programs that are built: where the file of each is.
#[derive(Clone, Debug, Default)]
pub(super) struct Builds {
    services: BTreeMap<(String, String), PathBuf>,
    neighbours: BTreeMap<String, PathBuf>,
}

/// What one run of the compiler needs.
struct Job {
    service: String,
    /// `None` for a neighbour.
    commit: Option<String>,
    /// In the directory of sources.
    main: String,
    /// Named after the content, the compiler and its flags.
    directory: PathBuf,
}

impl Builds {
    /// Builds everything that the shop and its faults deploy.
    pub(super) fn all(
        repository: &Repository,
        cache: &Path,
        progress: &(impl Fn(Progress) + Sync),
    ) -> Result<Self> {
        let compiler = Compiler::find()?;
        let mut wanted: Vec<(&str, &str)> = SERVICES.iter().map(|service| (service.name, BASELINE)).collect();
        wanted.extend([("cart", CART_DECOY), ("payment", PAYMENT_DECOY), ("inventory", BAD)]);
        let mut jobs = wanted
            .into_iter()
            .map(|(service, commit)| service_job(repository, cache, &compiler, service, commit))
            .collect::<Result<Vec<_>>>()?;
        jobs.extend(NEIGHBOURS.iter().map(|(name, text)| neighbour_job(cache, &compiler, name, text)));
        build(&compiler, repository, cache, &jobs, progress)?;
        let mut builds = Self::default();
        jobs.into_iter().for_each(|job| builds.keep(job));
        Ok(builds)
    }

    /// Builds one more service, unless it is there.
    pub(super) fn add(
        &mut self,
        repository: &Repository,
        cache: &Path,
        service: &str,
        commit: &str,
    ) -> Result<()> {
        if self.services.contains_key(&(service.to_owned(), commit.to_owned())) {
            return Ok(());
        }
        let compiler = Compiler::find()?;
        let job = service_job(repository, cache, &compiler, service, commit)?;
        build(&compiler, repository, cache, std::slice::from_ref(&job), &|_| ())?;
        self.keep(job);
        Ok(())
    }

    /// Returns the program of a service as of a commit.
    pub(super) fn service(&self, service: &str, commit: &str) -> Result<&Path> {
        let built = self.services.get(&(service.to_owned(), commit.to_owned()));
        built.map(PathBuf::as_path).ok_or_else(|| anyhow!("`{service}` is not built at commit `{commit}`"))
    }

    /// Returns the program of a neighbour.
    pub(super) fn neighbour(&self, name: &str) -> Result<&Path> {
        self.neighbours.get(name).map(PathBuf::as_path).ok_or_else(|| anyhow!("unknown neighbour `{name}`"))
    }

    fn keep(&mut self, job: Job) {
        let program = job.program();
        match job.commit {
            Some(commit) => self.services.insert((job.service, commit), program),
            None => self.neighbours.insert(job.service, program),
        };
    }
}

impl Job {
    fn program(&self) -> PathBuf {
        self.directory.join(&self.service)
    }
}

fn service_job(
    repository: &Repository,
    cache: &Path,
    compiler: &Compiler,
    service: &str,
    commit: &str,
) -> Result<Job> {
    let content = repository.content_ids(commit, &[service, "common"])?;
    Ok(Job {
        service: service.to_owned(),
        commit: Some(commit.to_owned()),
        main: format!("{service}/src/main.rs"),
        directory: cache.join(format!("{service}-{:016x}", compiler.hash(&content))),
    })
}

fn neighbour_job(cache: &Path, compiler: &Compiler, name: &str, text: &str) -> Job {
    Job {
        service: name.to_owned(),
        commit: None,
        main: format!("{name}.rs"),
        directory: cache.join(format!("{name}-{:016x}", compiler.hash(text))),
    }
}

/// Builds those jobs whose program is not in the cache.
fn build(
    compiler: &Compiler,
    repository: &Repository,
    cache: &Path,
    jobs: &[Job],
    progress: &(impl Fn(Progress) + Sync),
) -> Result<()> {
    let missing: Vec<&Job> = jobs.iter().filter(|job| !job.program().is_file()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let site = cache.join(format!(".building-{}-{:?}", std::process::id(), thread::current().id()));
    fs::create_dir_all(&site).with_context(|| format!("create `{}`", site.display()))?;
    let result = compile_all(compiler, repository, &site, &missing, progress);
    fs::remove_dir_all(&site).with_context(|| format!("remove `{}`", site.display()))?;
    result
}

fn compile_all(
    compiler: &Compiler,
    repository: &Repository,
    site: &Path,
    jobs: &[&Job],
    progress: &(impl Fn(Progress) + Sync),
) -> Result<()> {
    for job in jobs {
        let sources = job.sources(site);
        match &job.commit {
            Some(_) if sources.exists() => {}
            Some(commit) => repository.export(commit, &sources)?,
            None => lay_out_neighbours(&sources)?,
        }
    }
    let total = jobs.len();
    let queue = Mutex::new(jobs.iter().enumerate());
    let work = || -> Result<()> {
        loop {
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((position, job)) = next else { return Ok(()) };
            let commit = job.commit.clone();
            progress(Progress::Building {
                service: job.service.clone(),
                commit,
                number: position + 1,
                total,
            });
            compiler.compile(job, site)?;
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..COMPILERS).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().unwrap_or_else(|_| Err(anyhow!("a build thread panicked"))))
    })
}

impl Job {
    fn sources(&self, site: &Path) -> PathBuf {
        site.join(self.commit.as_deref().unwrap_or("neighbours"))
    }
}

fn lay_out_neighbours(directory: &Path) -> Result<()> {
    fs::create_dir_all(directory).with_context(|| format!("create `{}`", directory.display()))?;
    for (name, text) in NEIGHBOURS {
        let path = directory.join(format!("{name}.rs"));
        fs::write(&path, text).with_context(|| format!("write `{}`", path.display()))?;
    }
    Ok(())
}

/// The Rust compiler of the machine.
struct Compiler {
    program: String,
    /// What `rustc -vV` says.
    version: String,
}

impl Compiler {
    /// Takes `$RUSTC`, else `rustc` from the path, else the one that rustup puts into the home directory.
    fn find() -> Result<Self> {
        let home = std::env::var("HOME").map(|home| format!("{home}/.cargo/bin/rustc"));
        let candidates = std::env::var("RUSTC").into_iter().chain([String::from("rustc")]).chain(home);
        let mut first_error = None;
        for program in candidates {
            match output(command(&program).arg("-vV"), LIMIT) {
                Ok(version) => return Ok(Self { program, version }),
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        Err(first_error.unwrap_or_else(|| anyhow!("no Rust compiler")))
    }

    fn hash(&self, content: &str) -> u64 {
        fnv1a([self.version.as_str(), SOURCE_ROOT, content].into_iter().chain(FLAGS.iter().copied()))
    }

    fn compile(&self, job: &Job, site: &Path) -> Result<()> {
        let sources = job.sources(site);
        let place = site.join(format!("{}-{}", job.service, job.commit.as_deref().unwrap_or("neighbour")));
        fs::create_dir_all(&place).with_context(|| format!("create `{}`", place.display()))?;
        let mut rustc = command(&self.program);
        rustc.args(FLAGS).args(["--crate-name", &job.service.replace('-', "_")]);
        rustc.arg(format!("--remap-path-prefix={}={SOURCE_ROOT}", sources.display()));
        rustc.arg("-o").arg(place.join(&job.service)).arg(&job.main).current_dir(&sources);
        output(&mut rustc, LIMIT).with_context(|| {
            format!("build `{}` at {}", job.service, job.commit.as_deref().unwrap_or("its only version"))
        })?;
        // Renamed whole: a build that was cut short is never taken for a finished one.
        match fs::rename(&place, &job.directory) {
            Err(_) if job.program().is_file() => Ok(()),
            renamed => renamed.with_context(|| format!("keep `{}`", job.directory.display())),
        }
    }
}

/// Fowler, Noll and Vo, 64 bits: <http://www.isthe.com/chongo/tech/comp/fnv/>. A zero byte ends each part.
fn fnv1a<'a>(parts: impl IntoIterator<Item = &'a str>) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325;
    for byte in parts.into_iter().flat_map(|part| part.bytes().chain([0])) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_changes_with_each_part() {
        // The published value for "a" followed by a zero byte, worked out by hand from that of "a".
        let after_a: u64 = 0xaf63_dc4c_8601_ec8c;
        assert_eq!(fnv1a(["a"]), after_a.wrapping_mul(0x0100_0000_01b3));
        assert_ne!(fnv1a(["ab", "c"]), fnv1a(["a", "bc"]));
    }
}
