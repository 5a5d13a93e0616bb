//! The shop's processes: started, replaced and stopped, always from the thread of the [`ground`](super::ground).

use std::{
    collections::BTreeMap,
    fs::File,
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use super::placement::{Cpus, on_cpus};
use crate::command::wait;

/// A service finishes its requests within 3 s; this leaves it some more.
const LEAVE: Duration = Duration::from_secs(5);
const READY: Duration = Duration::from_secs(12);
const PROBE: Duration = Duration::from_secs(2);

/// What is needed to start one process.
#[derive(Debug)]
pub(super) struct Launch {
    pub(super) name: String,
    pub(super) program: PathBuf,
    pub(super) settings: Vec<String>,
    pub(super) environment: Vec<(String, String)>,
    pub(super) directory: PathBuf,
    pub(super) log: PathBuf,
    pub(super) cpus: Cpus,
    /// Where it says whether it is ready; `None` if it does not listen.
    pub(super) port: Option<u16>,
}

/// The processes that run, by name. A child ends when its standard input does, so none outlives this program.
#[derive(Default)]
pub(super) struct Processes {
    running: BTreeMap<String, Child>,
}

impl Processes {
    /// Starts a process, and if one of that name runs, replaces it: the new one waits until the old one has left the port.
    ///
    /// Returns when the new one answers.
    pub(super) fn replace(&mut self, launch: &Launch) -> Result<u32> {
        let mut new = start(launch)?;
        if let Some(old) = self.running.remove(&launch.name) {
            leave(old);
        }
        let ready = launch.port.map_or(Ok(()), |port| until_ready(port, &mut new));
        let pid = new.id();
        self.running.insert(launch.name.clone(), new);
        ready.with_context(|| format!("start `{}`; its log is `{}`", launch.name, launch.log.display()))?;
        Ok(pid)
    }

    /// Kills a process, without a chance to finish its work.
    pub(super) fn kill(&mut self, name: &str) -> Result<()> {
        let Some(mut child) = self.running.remove(name) else { bail!("`{name}` does not run") };
        child.kill().and_then(|()| child.wait().map(drop)).with_context(|| format!("kill `{name}`"))
    }

    /// Returns the process ids, by name.
    pub(super) fn pids(&self) -> BTreeMap<String, u32> {
        self.running.iter().map(|(name, child)| (name.clone(), child.id())).collect()
    }

    /// Stops all processes; those that do not leave are killed.
    pub(super) fn stop_all(&mut self) {
        let mut leaving: Vec<Child> = std::mem::take(&mut self.running).into_values().collect();
        // All at once, so that their times to leave do not add up.
        leaving.iter_mut().for_each(|child| drop(child.stdin.take()));
        leaving.into_iter().for_each(leave);
    }
}

fn start(launch: &Launch) -> Result<Child> {
    let log = File::options().create(true).append(true).open(&launch.log);
    let log = log.with_context(|| format!("open `{}`", launch.log.display()))?;
    let complaints = log.try_clone().with_context(|| format!("open `{}`", launch.log.display()))?;
    let mut command = Command::new(&launch.program);
    command.args(&launch.settings).envs(launch.environment.iter().map(|(name, value)| (name, value)));
    command.current_dir(&launch.directory).stdin(Stdio::piped()).stdout(log).stderr(complaints);
    // Not in the terminal's group: the shop is closed by this program, in order.
    command.process_group(0);
    on_cpus(launch.cpus, || command.spawn()).with_context(|| format!("start `{}`", launch.program.display()))
}

fn leave(mut child: Child) {
    drop(child.stdin.take());
    let has_left = matches!(wait(&mut child, LEAVE), Ok(Some(_)));
    if !has_left && child.kill().and_then(|()| child.wait()).is_err() {
        tracing::warn!(pid = child.id(), "process does not end");
    }
}

/// Waits until the process itself answers at the port, not the one before it.
fn until_ready(port: u16, child: &mut Child) -> Result<()> {
    let started = Instant::now();
    let wanted = format!("ok {}", child.id());
    while started.elapsed() < READY {
        if let Some(status) = child.try_wait().context("look after the process")? {
            bail!("it ended at once with {status}");
        }
        if probe(port).is_ok_and(|answer| answer.ends_with(&wanted)) {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(3));
    }
    bail!("it did not answer at port {port} within {READY:?}\nhint: is another program using the port?")
}

fn probe(port: u16) -> std::io::Result<String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, PROBE)?;
    stream.set_read_timeout(Some(PROBE))?;
    stream.write_all(b"GET /health HTTP/1.1\r\nHost: shop\r\nContent-Length: 0\r\n\r\n")?;
    // The whole answer is shorter than one segment.
    let mut answer = [0; 1024];
    let length = stream.read(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer[..length]).into_owned())
}
