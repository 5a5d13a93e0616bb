//! Versions of services that took over, as the tags of what they sent say.
//!
//! A collector on the host tells of a deployment by an event. Where only OTLP comes in, nobody does; but from some moment on
//! the service's telemetry carries another commit.

use std::{collections::BTreeMap, time::Duration};

use waggle_agent_core::ports::Heard;
use waggle_signals::{Timestamp, semconv};

/// A version that was not there before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TookOver {
    /// Whose.
    pub service: String,
    /// Its commit; its version where no copy of the service tells its commit.
    pub id: String,
    /// The one that was heard last before it.
    pub before: String,
    /// When it was first heard.
    pub at: Timestamp,
    /// Where its code lies; empty when unknown.
    pub repository: String,
}

/// A service that was heard for less before has not changed its version: its copies are heard one after the other.
const HEARD_BEFORE: Duration = Duration::from_secs(30);
/// A version beside another is a deployment when it goes on being heard for so long: one row of a copy that seldom speaks is none.
const GOES_ON: Duration = Duration::from_secs(60);
/// A version that fell silent by so much before or after another began was replaced by it.
const SILENT_AROUND: Duration = Duration::from_secs(5 * 60);

/// Returns the versions that took over from others, or came beside them to stay, by time. `heard` reaches back before `since`:
/// what was heard by then is not new.
///
/// Commits are compared with commits, and versions with versions. A return to an earlier version is not seen, and neither is the
/// first version of all, nor one that was heard for less than a minute beside one that goes on.
pub(crate) fn took_over(heard: &[Heard], since: Timestamp) -> Vec<TookOver> {
    let mut by_service = BTreeMap::<&str, Vec<&Heard>>::new();
    for heard in heard.iter().filter(|heard| !heard.resource.service().is_empty()) {
        by_service.entry(heard.resource.service()).or_default().push(heard);
    }
    let mut all: Vec<TookOver> =
        by_service.into_iter().flat_map(|(service, heard)| of_service(service, &heard, since)).collect();
    all.sort_by_key(|it| it.at);
    all
}

fn of_service(service: &str, heard: &[&Heard], since: Timestamp) -> Vec<TookOver> {
    let versions = versions(heard);
    let Some(heard_since) = versions.first().map(|oldest| oldest.first + HEARD_BEFORE) else {
        return Vec::new();
    };
    let heard_until = versions.iter().map(|version| version.last).max().unwrap_or(heard_since);
    let mut found = Vec::new();
    for (place, new) in versions.iter().enumerate() {
        let older = versions.iter().take(place);
        let Some(before) = older.max_by_key(|older| (older.last.min(new.first), older.first)) else {
            continue;
        };
        let is_new = new.first >= since && new.first >= heard_since;
        // What is heard to the end of all has not fallen silent, however near the end is.
        let is_replaced = before.last + HEARD_BEFORE <= heard_until
            && before.last + SILENT_AROUND >= new.first
            && before.last <= new.first + SILENT_AROUND;
        if is_new && (is_replaced || new.last >= new.first + GOES_ON) {
            found.push(TookOver {
                service: service.to_owned(),
                id: new.id.to_owned(),
                before: before.id.to_owned(),
                at: new.first,
                repository: new.repository.to_owned(),
            });
        }
    }
    found
}

/// A version, from its first row to its last, of whichever copy.
#[derive(Clone, Copy, Debug)]
struct Version<'a> {
    id: &'a str,
    first: Timestamp,
    last: Timestamp,
    repository: &'a str,
}

/// Returns the versions of one service by their first row: commits where any copy tells one, else versions.
fn versions<'a>(heard: &[&'a Heard]) -> Vec<Version<'a>> {
    let commit = |heard: &'a Heard| heard.resource.commit().filter(|id| !id.is_empty());
    let version = |heard: &'a Heard| heard.resource.tag(semconv::SERVICE_VERSION).filter(|id| !id.is_empty());
    let has_commits = heard.iter().any(|heard| commit(heard).is_some());
    let mut versions = BTreeMap::<&str, Version<'a>>::new();
    for &heard in heard {
        let id = if has_commits { commit(heard) } else { version(heard) };
        let Some(id) = id else { continue };
        let Heard { first, last, ref resource } = *heard;
        let repository = resource.tag(semconv::REPOSITORY).unwrap_or_default();
        let known = versions.entry(id).or_insert(Version { id, first, last, repository });
        if first < known.first {
            (known.first, known.repository) = (first, repository);
        }
        known.last = known.last.max(last);
    }
    let mut versions: Vec<_> = versions.into_values().collect();
    versions.sort_by_key(|version| version.first);
    versions
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use waggle_signals::Resource;

    use super::*;

    fn heard(tags: &[(&str, &str)], first: i64, last: i64) -> Heard {
        Heard {
            resource: Arc::new(Resource::new(tags.iter().copied())),
            first: Timestamp::from_secs(first),
            last: Timestamp::from_secs(last),
        }
    }

    fn told(heard: &[Heard], since: i64) -> Vec<String> {
        let all = took_over(heard, Timestamp::from_secs(since)).into_iter();
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
        assert_eq!(told(&all, 0), ["100 mail: 2.1 after 2.0", "120 cart: decade after c0ffee"]);
        assert!(told(&[], 0).is_empty());
    }

    #[test]
    fn a_version_is_new_when_it_was_not_heard_before_and_goes_on_or_replaces() {
        type Case<'a> = (&'a str, &'a [(&'a str, i64, i64)], &'a [&'a str]);
        let cases: [Case<'_>; 8] = [
            ("beside, to stay", &[("1", 0, 9_000), ("2", 8_000, 8_060)], &["8000 cart: 2 after 1"]),
            ("beside, for one row", &[("1", 0, 9_000), ("2", 8_000, 8_000)], &[]),
            ("near the end, the old goes on", &[("1", 0, 9_000), ("2", 8_980, 9_001)], &[]),
            (
                "just now, the old is silent",
                &[("1", 0, 8_960), ("2", 8_970, 9_000)],
                &["8970 cart: 2 after 1"],
            ),
            ("long after the old was last heard", &[("1", 0, 4_000), ("2", 8_000, 8_010)], &[]),
            ("heard before the range", &[("1", 0, 9_000), ("2", 4_000, 9_000)], &[]),
            (
                "it replaces the one that was heard last, not the one that began last",
                &[("1", 0, 8_000), ("canary", 100, 200), ("2", 8_001, 9_000)],
                &["8001 cart: 2 after 1"],
            ),
            (
                "one row after another took over",
                &[("1", 0, 8_000), ("2", 8_000, 9_000), ("region", 8_100, 8_100)],
                &["8000 cart: 2 after 1"],
            ),
        ];
        for (name, versions, wanted) in cases {
            for tag in ["vcs.ref.head.revision", "service.version"] {
                let heard: Vec<Heard> = versions
                    .iter()
                    .map(|(id, first, last)| heard(&[("service.name", "cart"), (tag, *id)], *first, *last))
                    .collect();
                assert_eq!(told(&heard, 5_000), wanted, "{name}");
            }
        }
    }

    #[test]
    fn a_commit_is_not_compared_with_a_version() {
        let (version, commit) = (("service.version", "1.4"), ("vcs.ref.head.revision", "c0ffee"));
        let cart =
            |tags: &[(&str, &str)], first| heard(&[&[("service.name", "cart")], tags].concat(), first, 300);
        assert!(told(&[cart(&[version], 0), cart(&[commit], 100)], 0).is_empty());
        assert!(
            told(&[cart(&[version, commit], 0), cart(&[("service.version", "1.5"), commit], 100)], 0)
                .is_empty()
        );
        let next = ("vcs.ref.head.revision", "decade");
        let all = [cart(&[version], 0), cart(&[commit], 10), cart(&[next], 100)];
        assert_eq!(told(&all, 0), ["100 cart: decade after c0ffee"]);
    }
}
