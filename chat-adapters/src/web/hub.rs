//! Who watches, what they missed, and what becomes of a watcher that is too slow.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::broadcast::{self, error::RecvError};
use waggle_agent_core::{IncidentId, ports::MessageId};

/// How many changes a watcher may be behind before it is told to reload.
const MAX_BEHIND: usize = 256;
/// How many changes are remembered for watchers that come back. A line that changes often counts once.
const MAX_REMEMBERED: usize = 512;
/// How many may watch at once. Each costs a connection and up to `MAX_BEHIND` pointers.
const MAX_WATCHERS: usize = 1024;

/// Numbers changes and tells them to watchers, in order.
pub(super) struct Hub {
    /// Held for a few lines, never across an await.
    state: Mutex<State>,
}

struct State {
    /// Number of the latest change.
    sequence: u64,
    /// Changes up to this number can no longer be told again.
    forgotten: u64,
    /// The latest change of each subject, oldest first.
    recent: VecDeque<Arc<Change>>,
    /// `None` once closed.
    sender: Option<broadcast::Sender<Arc<Change>>>,
}

/// One thing that became different.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// Its number: later changes have greater ones.
    pub(super) sequence: u64,
    /// Where.
    pub(super) incident: IncidentId,
    /// What.
    pub(super) subject: Subject,
    /// How it is now, as JSON.
    pub(super) json: String,
}

/// What became different.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// A line, new or replaced.
    Line(MessageId),
    /// The incident's row.
    Incident,
}

/// What a watcher is told.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// Something became different.
    Change(Arc<Change>),
    /// Changes were missed that cannot be told again: read everything anew. Nothing follows.
    Reload {
        /// Number of a change at or before which everything will be in what is read.
        sequence: u64,
    },
}

/// One watcher's place in the order of changes.
pub(super) struct Watcher {
    missed: VecDeque<Told>,
    live: Option<broadcast::Receiver<Arc<Change>>>,
    /// Number of the latest change that it was told of.
    sequence: u64,
}

/// Where a watcher wants to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Since {
    /// With what happens next.
    Now,
    /// After the change of this number.
    After(u64),
    /// It does not know: it must read everything.
    Unknown,
}

impl Hub {
    /// Makes a hub whose changes are numbered after `sequence`.
    pub(super) fn starting_at(sequence: u64) -> Self {
        let (sender, _) = broadcast::channel(MAX_BEHIND);
        let state = State { sequence, forgotten: sequence, recent: VecDeque::new(), sender: Some(sender) };
        Self { state: Mutex::new(state) }
    }

    /// Numbers a change, remembers it in place of older ones of the same subject, and tells it to watchers.
    pub(super) fn tell(&self, incident: IncidentId, subject: Subject, json: String) {
        let mut state = self.state();
        state.sequence += 1;
        let change = Arc::new(Change { sequence: state.sequence, incident, subject, json });
        state.recent.retain(|old| old.incident != change.incident || old.subject != change.subject);
        state.recent.push_back(change.clone());
        while state.recent.len() > MAX_REMEMBERED {
            if let Some(oldest) = state.recent.pop_front() {
                state.forgotten = oldest.sequence;
            }
        }
        if let Some(sender) = &state.sender {
            // An error means that nobody watches.
            let _ = sender.send(change);
        }
    }

    /// Returns the number of the latest change. What is read from memory after this call has that change in it.
    pub(super) fn sequence(&self) -> u64 {
        self.state().sequence
    }

    /// Begins to watch. `None` when too many do, or when the hub was closed.
    pub(super) fn watch(&self, since: Since) -> Option<Watcher> {
        let state = self.state();
        let sender = state.sender.as_ref().filter(|sender| sender.receiver_count() < MAX_WATCHERS)?;
        let sequence = state.sequence;
        let missed = match since {
            Since::Now => VecDeque::new(),
            Since::After(after) if (state.forgotten..=sequence).contains(&after) => {
                let missed = state.recent.iter().filter(|change| change.sequence > after);
                missed.cloned().map(Told::Change).collect()
            }
            Since::After(_) | Since::Unknown => {
                let missed = VecDeque::from([Told::Reload { sequence }]);
                return Some(Watcher { missed, live: None, sequence });
            }
        };
        Some(Watcher { missed, live: Some(sender.subscribe()), sequence })
    }

    /// Ends all watchers once they were told what was said so far, and takes no more.
    pub(super) fn close(&self) {
        self.state().sender = None;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watcher {
    /// Waits for what is told next. `None` when there will be no more.
    pub(super) async fn next(&mut self) -> Option<Told> {
        if let Some(told) = self.missed.pop_front() {
            return Some(told);
        }
        match self.live.as_mut()?.recv().await {
            Ok(change) => {
                self.sequence = change.sequence;
                Some(Told::Change(change))
            }
            Err(RecvError::Lagged(_)) => {
                self.live = None;
                Some(Told::Reload { sequence: self.sequence })
            }
            Err(RecvError::Closed) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tell(hub: &Hub, line: &str, json: &str) {
        hub.tell(IncidentId("inc-1".into()), Subject::Line(MessageId(line.into())), json.into());
    }

    async fn told(hub: &Hub, since: Since) -> Vec<String> {
        let mut watcher = hub.watch(since).unwrap();
        hub.close();
        let mut all = Vec::new();
        while let Some(told) = watcher.next().await {
            all.push(match told {
                Told::Change(change) => format!("{} {}", change.sequence, change.json),
                Told::Reload { sequence } => format!("reload {sequence}"),
            });
        }
        all
    }

    fn hub_with_three_changes() -> Hub {
        let hub = Hub::starting_at(100);
        tell(&hub, "a", "a1");
        tell(&hub, "b", "b1");
        tell(&hub, "a", "a2");
        hub
    }

    #[tokio::test]
    async fn a_watcher_that_comes_back_is_told_the_latest_of_each_line_that_changed() {
        let cases: [(Since, &[&str]); 7] = [
            (Since::Now, &[]),
            (Since::After(100), &["102 b1", "103 a2"]),
            (Since::After(101), &["102 b1", "103 a2"]),
            (Since::After(102), &["103 a2"]),
            (Since::After(103), &[]),
            (Since::After(104), &["reload 103"]),
            (Since::Unknown, &["reload 103"]),
        ];
        for (since, expected) in cases {
            assert_eq!(told(&hub_with_three_changes(), since).await, expected, "{since:?}");
        }
        let earlier_run = told(&hub_with_three_changes(), Since::After(99)).await;
        assert_eq!(earlier_run, ["reload 103"], "a number from before the program started");
    }

    #[tokio::test]
    async fn a_watcher_that_was_away_for_too_long_is_told_to_reload() {
        let hub = Hub::starting_at(0);
        for line in 1..=MAX_REMEMBERED + 1 {
            tell(&hub, &line.to_string(), "");
        }
        assert_eq!(told(&hub, Since::After(0)).await, [format!("reload {}", MAX_REMEMBERED + 1)]);
    }

    #[tokio::test]
    async fn a_watcher_that_is_too_slow_is_told_to_reload_and_nothing_more() {
        let hub = Hub::starting_at(0);
        let mut watcher = hub.watch(Since::Now).unwrap();
        tell(&hub, "a", "");
        assert!(matches!(watcher.next().await, Some(Told::Change(_))));
        for _ in 0..=MAX_BEHIND {
            tell(&hub, "a", "");
        }
        assert_eq!(watcher.next().await, Some(Told::Reload { sequence: 1 }));
        assert_eq!(watcher.next().await, None);
    }

    #[tokio::test]
    async fn nobody_can_watch_a_closed_hub_and_only_so_many_an_open_one() {
        let hub = Hub::starting_at(0);
        let watchers: Vec<_> = std::iter::from_fn(|| hub.watch(Since::Now)).collect();
        assert_eq!(watchers.len(), MAX_WATCHERS);
        drop(watchers);
        assert!(hub.watch(Since::Now).is_some());
        hub.close();
        assert!(hub.watch(Since::Now).is_none());
    }
}
