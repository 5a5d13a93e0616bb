//! The labels of a process: OpenTelemetry's two environment variables.

use std::{fmt::Write, path::Path};

use waggle_signals::{Resource, semconv};

use super::services::Service;

/// Source: OpenTelemetry, "Environment variable specification", general SDK configuration.
const SERVICE_NAME: &str = "OTEL_SERVICE_NAME";
const RESOURCE_ATTRIBUTES: &str = "OTEL_RESOURCE_ATTRIBUTES";

/// Returns the labels of one running copy of a service. Its version is the short commit id.
pub(super) fn resource(service: &Service, instance: u32, commit: &str, repository: &Path) -> Resource {
    let version = commit.get(..7).unwrap_or(commit);
    let pairs = [
        (semconv::SERVICE_NAME, service.name.to_owned()),
        (semconv::SERVICE_VERSION, version.to_owned()),
        (semconv::SERVICE_INSTANCE_ID, format!("{}-{instance}", service.name)),
        (semconv::COMMIT, commit.to_owned()),
        (semconv::REPOSITORY, repository.to_string_lossy().into_owned()),
        (semconv::OWNER, service.owner.to_owned()),
    ];
    Resource::new(pairs)
}

/// Returns the environment variables that say the same.
pub(super) fn environment(resource: &Resource) -> Vec<(String, String)> {
    let others = resource.attributes.iter().filter(|(key, _)| *key != semconv::SERVICE_NAME);
    let pairs: Vec<String> = others.map(|(key, value)| format!("{key}={}", encoded(value))).collect();
    vec![
        (SERVICE_NAME.to_owned(), resource.service().to_owned()),
        (RESOURCE_ATTRIBUTES.to_owned(), pairs.join(",")),
    ]
}

/// Percent-encodes what may not stand in a value.
/// Source: OpenTelemetry, "Resource SDK", specifying resource information via an environment variable; W3C Baggage, `baggage-octet`.
fn encoded(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for byte in value.bytes() {
        let is_plain = byte.is_ascii_graphic() && !matches!(byte, b'"' | b',' | b';' | b'\\' | b'%' | b'=');
        if is_plain {
            text.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{super::SERVICES, *};

    #[test]
    fn the_environment_says_who_runs_and_what() {
        let inventory = SERVICES.iter().find(|service| service.name == "inventory").unwrap();
        let commit = "9f3c1e2000000000000000000000000000000000";
        let resource = resource(inventory, 2, commit, Path::new("/tmp/a b/repo,1"));
        assert_eq!(
            environment(&resource),
            [
                ("OTEL_SERVICE_NAME".to_owned(), "inventory".to_owned()),
                (
                    "OTEL_RESOURCE_ATTRIBUTES".to_owned(),
                    "owner=li.na,service.instance.id=inventory-2,service.version=9f3c1e2,\
                     vcs.ref.head.revision=9f3c1e2000000000000000000000000000000000,\
                     vcs.repository.url.full=/tmp/a%20b/repo%2C1"
                        .to_owned()
                ),
            ]
        );
    }
}
