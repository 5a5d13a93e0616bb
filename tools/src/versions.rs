//! Versions of services that took over, as the tags of what they sent say.
//!
//! A collector on the host tells of a deployment by an event. Where only OTLP comes in, nobody does; but from some moment on
//! the service's telemetry carries another commit.

use std::{collections::BTreeMap, time::Duration};

use waggle_agent_core::ports::Heard;
use waggle_signals::{Resource, Timestamp, semconv};

/// A version that was not there before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TookOver {
    /// Whose.
    pub service: String,
    /// Its commit, else its version.
    pub id: String,
    /// The one that was heard first before it.
    pub before: String,
    /// When it was first heard.
    pub at: Timestamp,
    /// Where its code lies; empty when unknown.
    pub repository: String,
}

/// A service that was heard for less before has not changed its version: its copies are heard one after the other.
const HEARD_BEFORE: Duration = Duration::from_secs(30);

/// Returns the versions that were first heard when their service had been heard with others for a while, by time.
///
/// A return to an earlier version is not seen, and neither is the first version of all.
pub(crate) fn took_over(heard: &[Heard]) -> Vec<TookOver> {
    let mut first_heard = BTreeMap::<(&str, &str), (Timestamp, &str)>::new();
    for Heard { resource, first, .. } in heard {
        let (service, Some(id)) = (resource.service(), version(resource)) else { continue };
        if service.is_empty() {
            continue;
        }
        let repository = resource.tag(semconv::REPOSITORY).unwrap_or_default();
        let known = first_heard.entry((service, id)).or_insert((*first, repository));
        if *first < known.0 {
            *known = (*first, repository);
        }
    }
    let mut by_service = BTreeMap::<&str, Vec<(Timestamp, &str, &str)>>::new();
    for ((service, id), (at, repository)) in first_heard {
        by_service.entry(service).or_default().push((at, id, repository));
    }
    let mut all = Vec::new();
    for (service, mut versions) in by_service {
        versions.sort_unstable();
        let since = versions.first().map(|(at, ..)| *at + HEARD_BEFORE);
        let pairs = versions.iter().zip(versions.iter().skip(1));
        for (before, (at, id, repository)) in
            pairs.filter(|(_, (at, ..))| since.is_some_and(|since| *at >= since))
        {
            all.push(TookOver {
                service: service.to_owned(),
                id: (*id).to_owned(),
                before: before.1.to_owned(),
                at: *at,
                repository: (*repository).to_owned(),
            });
        }
    }
    all.sort_by_key(|it| it.at);
    all
}

fn version(resource: &Resource) -> Option<&str> {
    resource.commit().or_else(|| resource.tag(semconv::SERVICE_VERSION)).filter(|version| !version.is_empty())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn heard(tags: &[(&str, &str)], first: i64, last: i64) -> Heard {
        Heard {
            resource: Arc::new(Resource::new(tags.iter().copied())),
            first: Timestamp::from_secs(first),
            last: Timestamp::from_secs(last),
        }
    }

    fn told(heard: &[Heard]) -> Vec<String> {
        let all = took_over(heard).into_iter();
        all.map(|it| {
            format!("{} {}: {} after {}", it.at.nanos() / 1_000_000_000, it.service, it.id, it.before)
        })
        .collect()
    }

    #[test]
    fn a_version_takes_over_when_it_is_first_heard() {
        let cart = |pod, commit| {
            [("service.name", "cart"), ("k8s.pod.name", pod), ("vcs.ref.head.revision", commit)]
        };
        let all = [
            heard(&cart("a", "c0ffee"), 0, 130),
            heard(&cart("b", "c0ffee"), 0, 150),
            heard(&cart("c", "decade"), 150, 300),
            heard(&cart("d", "decade"), 120, 300),
            heard(&[("service.name", "stock"), ("service.version", "1.4")], 0, 300),
            heard(&[("service.name", "mail"), ("service.version", "2.0")], 0, 90),
            heard(&[("service.name", "mail"), ("service.version", "2.1")], 100, 300),
            heard(&[("service.name", "gateway")], 0, 300),
            heard(&[("service.name", "mixed"), ("service.version", "1")], 0, 300),
            heard(&[("service.name", "mixed"), ("service.version", "2")], 20, 300),
        ];
        assert_eq!(told(&all), ["100 mail: 2.1 after 2.0", "120 cart: decade after c0ffee"]);
        assert!(told(&[]).is_empty());
    }
}
