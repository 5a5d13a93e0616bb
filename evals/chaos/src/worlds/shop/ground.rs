//! The ground that the shop stands on: one thread, with a network of its own, that all processes are started from.
//!
//! A child inherits the network namespace and the CPUs of the thread that starts it.
//! So nothing else in this program ever enters that namespace, and the namespace is gone when the last process is.

use std::{
    sync::mpsc::{self, Receiver, SyncSender},
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail};

use super::processes::Processes;
use crate::command::{command, output};

/// How many jobs may wait for the thread; whoever brings another one waits as well.
const QUEUE: usize = 16;
const LIMIT: Duration = Duration::from_secs(10);

type Job = Box<dyn FnOnce(&mut Processes) + Send>;

/// The thread, and the way to it.
pub(super) struct Ground {
    /// `None` once it has been stopped.
    jobs: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
    is_isolated: bool,
}

impl Ground {
    /// Starts the thread. As root it gets a network of its own; otherwise it stays in that of the machine.
    pub(super) fn start() -> Result<Self> {
        let (jobs, inbox) = mpsc::sync_channel(QUEUE);
        let (tell, told) = mpsc::sync_channel(1);
        let thread = thread::Builder::new().name("shop-ground".to_owned()).spawn(move || {
            let isolated = isolate();
            let is_ready = isolated.is_ok();
            if tell.send(isolated).is_ok() && is_ready {
                work(inbox);
            }
        });
        let thread = thread.context("start the shop's thread")?;
        let is_isolated = told.recv().context("the shop's thread ended early")??;
        Ok(Self { jobs: Some(jobs), thread: Some(thread), is_isolated })
    }

    pub(super) fn is_isolated(&self) -> bool {
        self.is_isolated
    }

    /// Runs `job` on the thread and waits for its answer, at most `limit`.
    pub(super) fn run<T: Send + 'static>(
        &self,
        limit: Duration,
        job: impl FnOnce(&mut Processes) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let Some(jobs) = &self.jobs else { bail!("the shop is closed") };
        let (answer, answered) = mpsc::sync_channel(1);
        let job = Box::new(move |processes: &mut Processes| {
            // Nobody waits any more if that fails.
            let _ = answer.send(job(processes));
        });
        jobs.send(job).map_err(|_| anyhow!("the shop is closed"))?;
        answered.recv_timeout(limit).map_err(|_| anyhow!("the shop did not answer within {limit:?}"))?
    }

    /// Stops all processes and the thread.
    pub(super) fn stop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A panic there has been reported already; the processes went with their pipes.
            let _ = thread.join();
        }
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        self.stop();
    }
}

fn work(inbox: Receiver<Job>) {
    let mut processes = Processes::default();
    for job in inbox {
        job(&mut processes);
    }
    processes.stop_all();
}

/// Gives the calling thread a network of its own. `false` without the right to do so.
#[cfg(target_os = "linux")]
fn isolate() -> Result<bool> {
    use nix::sched::{CloneFlags, unshare};

    if !nix::unistd::geteuid().is_root() || unshare(CloneFlags::CLONE_NEWNET).is_err() {
        return Ok(false);
    }
    output(command("ip").args(["link", "set", "lo", "up"]), LIMIT).context("bring up the shop's network")?;
    Ok(true)
}

#[cfg(not(target_os = "linux"))]
fn isolate() -> Result<bool> {
    Ok(false)
}
