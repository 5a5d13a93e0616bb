//! The world itself: started, deployed to, harmed and stopped.

use std::{
    collections::BTreeMap,
    fs, io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail};
use waggle_signals::{Clock, Resource, SystemClock, Timestamp};

use super::{
    Progress,
    builds::Builds,
    ground::Ground,
    labels,
    placement::Cpus,
    processes::Launch,
    repository::{BASELINE, COMMITS, NamedCommit, Repository},
    services::{self, CUSTOMERS, SERVICES, Service, service_named},
    traffic::{self, TrafficSecond},
};
use crate::command::{command, output};

/// Marks a directory as one that may be emptied for the next world.
const MARK: &str = ".waggle-shop";
const START: Duration = Duration::from_secs(20);
const HEALTHY: Duration = Duration::from_secs(20);
/// Seconds in a row without a failure that count as healthy.
const CALM: usize = 2;

/// What a world needs to know.
#[derive(Clone, Debug)]
pub struct WorldConfig {
    /// Where repository, logs and working directories go. Absent, empty, or left by an earlier world.
    pub directory: PathBuf,
    /// Where built programs are kept from one world to the next.
    pub cache: PathBuf,
    /// How many orders arrive per second; two fifths as many other visits come on top.
    pub orders_per_second: f64,
    /// Where the customers' randomness starts.
    pub seed: u64,
}

/// A running shop. Closes itself when dropped.
pub struct World {
    config: WorldConfig,
    repository: Repository,
    ports: BTreeMap<&'static str, u16>,
    builds: Mutex<Builds>,
    /// What runs where. Locked for a few lines only.
    deployed: Mutex<BTreeMap<&'static str, Running>>,
    ground: Ground,
}

/// One log file of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFile {
    /// The service that writes it.
    pub service: &'static str,
    /// Grows by whole lines; a deploy continues it.
    pub path: PathBuf,
    /// Whose lines are being added now.
    pub resource: Resource,
}

/// That a deploy is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployed {
    /// Just before the new process was started.
    pub at: Timestamp,
    /// The new process.
    pub pid: u32,
    /// Full id of the commit that ran before; `None` if nothing had.
    pub before: Option<String>,
}

#[derive(Clone, Debug)]
struct Running {
    commit: String,
    /// Counts the deploys of this service, from one.
    instance: u32,
}

/// Builds all that a world starts or deploys, so that [`World::start`] finds it in the cache.
///
/// # Errors
///
/// As [`World::start`], for what concerns git, the compiler and the directories.
pub fn build(config: &WorldConfig, progress: impl Fn(Progress) + Sync) -> Result<()> {
    prepared(config.clone(), &progress).map(drop)
}

impl World {
    /// Builds what is missing, starts all services and the customers, and waits until they are served without failure.
    ///
    /// Blocks: about 3 s with a warm cache, and some seconds more for the first build.
    /// `progress` is called from several threads.
    ///
    /// # Errors
    ///
    /// When git, the compiler or `ip` is missing or fails, when a directory is in use for something else, or when the shop does not become healthy in time.
    pub fn start(config: WorldConfig, progress: impl Fn(Progress) + Sync) -> Result<Self> {
        let (config, repository, builds) = prepared(config, &progress)?;
        for service in SERVICES {
            let directory = working_directory(&config, service.name);
            fs::create_dir_all(&directory).with_context(|| format!("create `{}`", directory.display()))?;
        }
        let ground = Ground::start()?;
        let ports = if ground.is_isolated() { own_ports() } else { free_ports()? };
        let (builds, deployed) = (Mutex::new(builds), Mutex::default());
        let world = Self { config, repository, ports, builds, deployed, ground };
        for service in SERVICES {
            progress(Progress::Starting { service: service.name });
            world.restore_files(service.name)?;
            world.deploy(service.name, BASELINE)?;
        }
        progress(Progress::Opening);
        world.until_healthy()?;
        progress(Progress::Open);
        Ok(world)
    }

    /// Returns all services, the customers among them.
    pub fn services(&self) -> &'static [Service] {
        SERVICES
    }

    /// Returns the directory of the git repository that the services are deployed from.
    pub fn repository(&self) -> &Path {
        self.repository.directory()
    }

    /// Returns the commits that have a part in the play, oldest first.
    pub fn commits(&self) -> &'static [NamedCommit] {
        &COMMITS
    }

    /// Returns the log file of each service, with the labels of who writes it now.
    pub fn log_files(&self) -> Vec<LogFile> {
        let deployed = self.deployed();
        SERVICES
            .iter()
            .filter_map(|service| {
                let running = deployed.get(service.name)?;
                let resource =
                    labels::resource(service, running.instance, &running.commit, self.repository());
                Some(LogFile { service: service.name, path: log_path(&self.config, service.name), resource })
            })
            .collect()
    }

    /// Tells whether the shop has a network of its own.
    pub fn is_isolated(&self) -> bool {
        self.ground.is_isolated()
    }

    /// Returns where the gateway listens. In a network of its own, only the shop can reach it.
    pub fn gateway_address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.ports.get("gateway").copied().unwrap_or_default()))
    }

    /// Returns the port of a service.
    ///
    /// # Errors
    ///
    /// When there is no such service, or it does not listen.
    pub fn port(&self, service: &str) -> Result<u16> {
        self.ports.get(service).copied().ok_or_else(|| anyhow!("`{service}` has no port"))
    }

    /// Returns the process ids of all that runs, neighbours too, by name.
    ///
    /// # Errors
    ///
    /// When the shop is closed or busy for too long.
    pub fn pids(&self) -> Result<BTreeMap<String, u32>> {
        self.ground.run(START, |processes| Ok(processes.pids()))
    }

    /// Returns what the customers met so far, second by second, oldest first.
    ///
    /// # Errors
    ///
    /// When their log cannot be read.
    pub fn traffic(&self) -> Result<Vec<TrafficSecond>> {
        traffic::traffic(&log_path(&self.config, CUSTOMERS))
    }

    /// Deploys a service: builds the commit unless that is done, starts the new process, lets the old one finish, and waits until the new one answers.
    ///
    /// # Errors
    ///
    /// When service or commit is unknown, the commit does not compile, or the new process does not answer in time; then the old one is gone already.
    pub fn deploy(&self, service: &str, commit: &str) -> Result<Deployed> {
        let service = service_named(service)?;
        let commit = self.repository.resolve(commit)?;
        let program = {
            let mut builds = self.builds.lock().unwrap_or_else(PoisonError::into_inner);
            builds.add(&self.repository, &self.config.cache, service.name, &commit)?;
            builds.service(service.name, &commit)?.to_path_buf()
        };
        let last = self.deployed().get(service.name).cloned();
        let instance = last.as_ref().map_or(1, |last| last.instance + 1);
        let resource = labels::resource(service, instance, &commit, self.repository());
        let launch = Launch {
            name: service.name.to_owned(),
            program,
            settings: self.settings(service)?,
            environment: labels::environment(&resource),
            directory: working_directory(&self.config, service.name),
            log: log_path(&self.config, service.name),
            cpus: cpus(service),
            port: self.ports.get(service.name).copied(),
        };
        let at = SystemClock.now();
        let pid = self.ground.run(START, move |processes| processes.replace(&launch))?;
        self.deployed().insert(service.name, Running { commit, instance });
        Ok(Deployed { at, pid, before: last.map(|last| last.commit) })
    }

    /// Kills a service or a neighbour; nothing starts it again but a [`deploy`](Self::deploy).
    ///
    /// # Errors
    ///
    /// When it does not run.
    pub fn kill(&self, name: &str) -> Result<()> {
        let name = name.to_owned();
        self.ground.run(START, move |processes| processes.kill(&name))
    }

    /// Starts a program that is no part of the shop on the CPUs of `service`. It bears no labels.
    ///
    /// # Errors
    ///
    /// When neighbour or service is unknown, or the program does not start.
    pub fn start_neighbour(&self, name: &str, service: &str, settings: &[String]) -> Result<u32> {
        let service = service_named(service)?;
        let builds = self.builds.lock().unwrap_or_else(PoisonError::into_inner);
        let launch = Launch {
            name: name.to_owned(),
            program: builds.neighbour(name)?.to_path_buf(),
            settings: settings.to_vec(),
            environment: Vec::new(),
            directory: self.config.directory.clone(),
            log: log_path(&self.config, name),
            cpus: cpus(service),
            port: None,
        };
        drop(builds);
        self.ground.run(START, move |processes| processes.replace(&launch))
    }

    /// Writes a file into the working directory of a service, whole or not at all.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write_file(&self, service: &str, name: &str, text: &str) -> Result<()> {
        let path = working_directory(&self.config, service).join(name);
        let draft = path.with_extension("new");
        fs::write(&draft, text).with_context(|| format!("write `{}`", draft.display()))?;
        fs::rename(&draft, &path).with_context(|| format!("replace `{}`", path.display()))
    }

    /// Gives a service the files back that it was started with.
    ///
    /// # Errors
    ///
    /// When they cannot be written.
    pub fn restore_files(&self, service: &str) -> Result<()> {
        services::files(service).iter().try_for_each(|(name, text)| self.write_file(service, name, text))
    }

    /// Runs a program in the shop's network and returns what it says.
    ///
    /// # Errors
    ///
    /// When it is missing, fails, or takes longer than `limit`.
    pub fn run_inside(&self, program: &str, words: &[&str], limit: Duration) -> Result<String> {
        let mut command = command(program);
        command.args(words);
        self.ground.run(limit + START, move |_| output(&mut command, limit))
    }

    /// Closes the shop: all processes end, and the network with them. Logs and repository stay.
    pub fn stop(mut self) {
        self.ground.stop();
    }

    fn settings(&self, service: &Service) -> Result<Vec<String>> {
        let mut settings = Vec::new();
        if service.port.is_some() {
            settings.push(format!("listen=127.0.0.1:{}", self.port(service.name)?));
        }
        for called in service.calls {
            settings.push(format!("{called}=127.0.0.1:{}", self.port(called)?));
        }
        if service.name == CUSTOMERS {
            settings.push(format!("orders_per_second={}", self.config.orders_per_second));
            settings.push(format!("seed={}", self.config.seed));
        }
        Ok(settings)
    }

    fn until_healthy(&self) -> Result<()> {
        let started = Instant::now();
        while started.elapsed() < HEALTHY {
            let traffic = self.traffic()?;
            let is_calm = |second: &TrafficSecond| second.answers > 0 && second.failed == 0;
            if traffic.len() >= CALM && traffic.iter().rev().take(CALM).all(is_calm) {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(50));
        }
        let logs = self.config.directory.join("logs");
        bail!("the customers are not served within {HEALTHY:?}\nhint: see the logs in `{}`", logs.display())
    }

    fn deployed(&self) -> MutexGuard<'_, BTreeMap<&'static str, Running>> {
        self.deployed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WorldConfig {
    /// Returns the usual shop in `directory`: 40 orders per second, programs kept in the user's cache.
    pub fn in_directory(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into(), cache: user_cache(), orders_per_second: 40.0, seed: 1 }
    }
}

/// `waggle/shop` in the user's cache directory.
/// Source: XDG Base Directory Specification 0.8; relative paths in the variable are invalid.
fn user_cache() -> PathBuf {
    let xdg = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    xdg.or_else(home).unwrap_or_else(std::env::temp_dir).join("waggle/shop")
}

/// Lays out the directories, makes the repository and builds. The configuration comes back with absolute paths: processes start elsewhere.
fn prepared(
    mut config: WorldConfig,
    progress: &(impl Fn(Progress) + Sync),
) -> Result<(WorldConfig, Repository, Builds)> {
    empty(&config.directory)?;
    for directory in [&mut config.directory, &mut config.cache] {
        let absolute = fs::create_dir_all(&directory).and_then(|()| fs::canonicalize(&directory));
        *directory = absolute.with_context(|| format!("create `{}`", directory.display()))?;
    }
    fs::create_dir_all(config.directory.join("logs")).context("create the directory of logs")?;
    progress(Progress::Repository);
    let repository =
        Repository::create(&config.directory.join("repository")).context("make the shop's repository")?;
    let builds = Builds::all(&repository, &config.cache, progress)?;
    Ok((config, repository, builds))
}

/// Makes the directory ready for a new world, and refuses to touch what is not an older one.
fn empty(directory: &Path) -> Result<()> {
    let describe = || format!("prepare `{}`", directory.display());
    fs::create_dir_all(directory).with_context(describe)?;
    let is_used = fs::read_dir(directory).with_context(describe)?.next().is_some();
    if is_used && !directory.join(MARK).is_file() {
        bail!(
            "`{}` is not empty, and no shop was there before\nhint: name another directory",
            directory.display()
        );
    }
    for part in ["repository", "logs", "run"] {
        match fs::remove_dir_all(directory.join(part)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).with_context(describe);
            }
            _ => {}
        }
    }
    fs::write(directory.join(MARK), "").with_context(describe)
}

fn own_ports() -> BTreeMap<&'static str, u16> {
    SERVICES.iter().filter_map(|service| Some((service.name, service.port?))).collect()
}

/// Asks the system for a free port for each service.
fn free_ports() -> Result<BTreeMap<&'static str, u16>> {
    // All are held until all are found: no port is given twice.
    let mut held = Vec::new();
    for service in SERVICES.iter().filter(|service| service.port.is_some()) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("find a free port")?;
        let port = listener.local_addr().context("find a free port")?.port();
        held.push((service.name, port, listener));
    }
    Ok(held.iter().map(|(name, port, _)| (*name, *port)).collect())
}

fn cpus(service: &Service) -> Cpus {
    if service.is_alone { Cpus::Last } else { Cpus::Rest }
}

fn working_directory(config: &WorldConfig, service: &str) -> PathBuf {
    config.directory.join("run").join(service)
}

fn log_path(config: &WorldConfig, name: &str) -> PathBuf {
    config.directory.join("logs").join(format!("{name}.log"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_world_can_be_shared_between_threads() {
        fn is_shared<T: Send + Sync>() {}
        is_shared::<World>();
    }

    #[test]
    fn a_directory_with_other_things_in_it_is_refused() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("thesis.txt"), "years of work").unwrap();
        let error = empty(place.path()).unwrap_err().to_string();
        assert!(error.contains("is not empty"), "{error}");
        assert!(place.path().join("thesis.txt").exists());
    }

    #[test]
    fn a_directory_of_an_older_shop_is_emptied() {
        let place = tempfile::tempdir().unwrap();
        let shop = place.path().join("shop");
        empty(&shop).unwrap();
        fs::create_dir_all(shop.join("logs")).unwrap();
        fs::write(shop.join("logs/cart.log"), "old").unwrap();
        empty(&shop).unwrap();
        assert!(!shop.join("logs").exists());
    }
}
