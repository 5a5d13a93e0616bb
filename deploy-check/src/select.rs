//! Which rows of a service belong to a side, and how long the store may take to give them.

use std::{future::Future, time::Duration};

use waggle_agent_core::{Kind, Result};
use waggle_signals::{Resource, Series};

use crate::Tag;

/// Which resources belong to a side.
#[derive(Clone, Debug)]
pub(crate) enum Select {
    /// All of the service.
    All,
    /// Those with a tag.
    Only(Tag),
    /// Those without a tag.
    Except(Tag),
}

/// A store that takes longer than this for one question has no answer in time for a build.
const PATIENCE: Duration = Duration::from_secs(60);

impl Select {
    /// Tells whether a resource belongs to the side.
    pub fn takes(&self, resource: &Resource) -> bool {
        self.takes_value(|key| resource.tag(key))
    }

    /// Tells whether a series that was grouped by [`key`](Self::key) belongs to the side.
    pub fn takes_series(&self, series: &Series) -> bool {
        self.takes_value(|key| series.labels.get(key).map(String::as_str))
    }

    /// Returns the tag that tells the sides apart.
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::All => None,
            Self::Only(tag) | Self::Except(tag) => Some(&tag.key),
        }
    }

    fn takes_value<'a>(&self, value: impl Fn(&str) -> Option<&'a str>) -> bool {
        match self {
            Self::All => true,
            Self::Only(tag) => value(&tag.key) == Some(tag.value.as_str()),
            Self::Except(tag) => value(&tag.key) != Some(tag.value.as_str()),
        }
    }
}

/// Waits for the store, but not for ever.
pub(crate) async fn in_time<T>(what: &str, answer: impl Future<Output = Result<T>>) -> Result<T> {
    match tokio::time::timeout(PATIENCE, answer).await {
        Ok(answer) => answer,
        Err(_) => Err(Kind::Timeout
            .error(format!("the store did not give {what} within {} s", PATIENCE.as_secs()))
            .with_hint("check a shorter baseline, or look again later")),
    }
}
