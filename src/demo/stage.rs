//! Where the story plays: the live shop, or a recording of it.

use std::time::Duration;

use anyhow::Result;
use waggle_chaos::Fault;
use waggle_signals::Timestamp;

use super::{live::Live, replay::Replay, story::Story};
use crate::{app::App, cli, config::Config};

/// Where the story plays.
pub enum Stage {
    Live(Box<Live>),
    Replay(Box<Replay>),
}

impl Stage {
    /// Opens the live shop where that is possible, else the recording, saying why in one line.
    pub async fn open(
        config: &Config,
        args: &cli::Demo,
        fault: Option<&'static dyn Fault>,
        story: &Story,
    ) -> Result<(App, Self)> {
        match why_not_live(args) {
            None => {
                let (app, live) = Live::open(config, args, story).await?;
                Ok((app, Self::Live(Box::new(live))))
            }
            Some(reason) => {
                story.line(&format!("replay    {reason}: a recorded run goes through the same pipeline"));
                let (app, replay) = Replay::open(config, args, fault).await?;
                Ok((app, Self::Replay(Box::new(replay))))
            }
        }
    }

    /// Returns the story's time.
    pub fn now(&self) -> Timestamp {
        match self {
            Self::Live(live) => live.now(),
            Self::Replay(replay) => replay.now(),
        }
    }

    /// Lets time pass; false when the recording is over.
    pub async fn pass(&mut self, time: Duration) -> Result<bool> {
        match self {
            Self::Live(_) => {
                tokio::time::sleep(time).await;
                Ok(true)
            }
            Self::Replay(replay) => replay.pass(time).await,
        }
    }

    /// Lets healthy time pass and shows how much is left.
    pub async fn pass_healthy(&mut self, time: Duration, story: &Story) -> Result<()> {
        if let Self::Replay(replay) = self {
            // The recording knows where its healthy time ends.
            return replay.pass_before_mark(time).await;
        }
        for second in 0..time.as_secs() {
            story.progress(&format!("{} s", time.as_secs() - second));
            self.pass(Duration::from_secs(1)).await?;
        }
        story.progress("");
        Ok(())
    }

    /// Deploys something harmless, so that the latest change is not always the guilty one.
    pub async fn deploy_decoy(&mut self, fault: Option<&'static dyn Fault>, story: &Story) -> Result<()> {
        let decoy = waggle_chaos::decoy(fault);
        if let Self::Live(live) = self {
            live.deploy(decoy.service, decoy.commit).await?;
        }
        story.done(self.now(), &format!("{} is deployed from {}", decoy.service, short(decoy.commit)));
        Ok(())
    }

    /// Does the harm. Returns when; `None` when there is none to do.
    pub async fn inject(
        &mut self,
        fault: Option<&'static dyn Fault>,
        story: &Story,
    ) -> Result<Option<Timestamp>> {
        let Some(fault) = fault else {
            if let Self::Live(live) = self {
                live.mark(live.now());
            }
            return Ok(None);
        };
        let (at, text) = match self {
            Self::Live(live) => {
                let injected = live.inject(fault).await?;
                (injected.at, injected.text)
            }
            Self::Replay(replay) => (replay.mark(), fault.text().to_owned()),
        };
        story.done(at, &text);
        Ok(Some(at))
    }

    /// Goes on until the recording is over; the live shop goes on for ever.
    pub async fn go_on(&mut self) -> Result<()> {
        while self.pass(Duration::from_secs(1)).await? {}
        // A recording that is over leaves the page open.
        std::future::pending().await
    }

    /// Closes the shop and lets the collector put away what it has.
    pub async fn close(self) {
        if let Self::Live(live) = self {
            live.close().await;
        }
    }
}

fn short(commit: &str) -> &str {
    commit.get(..7).unwrap_or(commit)
}

/// Says why the live demo cannot run here, in a few words; `None` when it can.
fn why_not_live(args: &cli::Demo) -> Option<String> {
    if args.replay {
        return Some("asked for".to_owned());
    }
    if !cfg!(target_os = "linux") {
        return Some("eBPF is there on Linux only".to_owned());
    }
    let is_root =
        std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    (!is_root).then(|| "eBPF and network faults need root".to_owned())
}
