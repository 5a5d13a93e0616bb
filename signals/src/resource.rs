//! An entity's full set of tags, and the integer that data rows carry in its place.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use crate::semconv;

/// Tags or attributes: key to value, in key order.
pub type Attributes = BTreeMap<String, String>;

/// The integer under which a [`Resource`] is stored once. Given by the store, stable for its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ResourceId(pub u32);

/// Everything known about the entity a signal came from: process, container, pod, node, service, version, commit, owner, labels.
///
/// Two resources are the same when all their attributes are.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Resource {
    /// Key to value; keys are in [`semconv`] where a standard one exists.
    pub attributes: Attributes,
}

impl Resource {
    /// Makes a resource from pairs; a later pair replaces an earlier one of the same key.
    pub fn new<K: Into<String>, V: Into<String>>(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        Self { attributes: pairs.into_iter().map(|(k, v)| (k.into(), v.into())).collect() }
    }

    /// Returns one tag.
    pub fn tag(&self, key: &str) -> Option<&str> {
        self.attributes.get(key).map(String::as_str)
    }

    /// Returns the service's name; empty when nothing is known about whose signal this is.
    pub fn service(&self) -> &str {
        self.tag(semconv::SERVICE_NAME).unwrap_or_default()
    }

    /// Returns the commit that the running code was built from.
    pub fn commit(&self) -> Option<&str> {
        self.tag(semconv::COMMIT)
    }

    /// Returns the `owner` label.
    pub fn owner(&self) -> Option<&str> {
        self.tag(semconv::OWNER)
    }

    /// Returns the shortest name that tells this resource from others of its service: pod, else instance, else host and process, else the service.
    pub fn name(&self) -> String {
        if let Some(name) = self.tag(semconv::K8S_POD).or_else(|| self.tag(semconv::SERVICE_INSTANCE_ID)) {
            return name.to_owned();
        }
        match self.tag(semconv::PROCESS_PID) {
            Some(pid) => format!("{}[{pid}]", self.service()),
            None => self.service().to_owned(),
        }
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "r{}", self.0)
    }
}
