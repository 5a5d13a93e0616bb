//! The services of the shop: who answers for them, where they listen, whom they call.

/// One service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its name, and that of its directory and program.
    pub name: &'static str,
    /// Who answers for it: the `owner` label, and the name in `CODEOWNERS` without the `@`.
    pub owner: &'static str,
    /// Where it listens at 127.0.0.1 in the shop's own network; `None` if it only calls.
    pub port: Option<u16>,
    /// The services that it calls.
    pub calls: &'static [&'static str],
    /// Whether it has the last CPU for itself; all others share the rest.
    pub is_alone: bool,
}

/// All services; each comes after those that it calls.
pub const SERVICES: &[Service] = &[
    Service { name: "datastore", owner: "tom.weber", port: Some(6380), calls: &[], is_alone: false },
    Service { name: "cart", owner: "mei.tanaka", port: Some(8082), calls: &["datastore"], is_alone: false },
    Service { name: "inventory", owner: "li.na", port: Some(8083), calls: &["datastore"], is_alone: true },
    Service {
        name: "payment",
        owner: "omar.haddad",
        port: Some(8084),
        calls: &["datastore"],
        is_alone: false,
    },
    Service {
        name: "checkout",
        owner: "ana.souza",
        port: Some(8081),
        calls: &["cart", "inventory", "payment"],
        is_alone: false,
    },
    Service {
        name: "gateway",
        owner: "tom.weber",
        port: Some(8080),
        calls: &["checkout", "cart", "inventory"],
        is_alone: false,
    },
    Service { name: CUSTOMERS, owner: "tom.weber", port: None, calls: &["gateway"], is_alone: false },
];

/// The load generator.
pub const CUSTOMERS: &str = "customers";

/// The processors' keys that payment starts with.
pub(super) const PROCESSOR_CONF: &str = "\
network=visa&key=pk-visa-7f31&expires=2099-12-31
network=mastercard&key=pk-mc-20c4&expires=2099-12-31
network=amex&key=pk-amex-b8e0&expires=2099-12-31
";

/// The files that a service finds in its working directory: name and text.
pub(super) fn files(service: &str) -> &'static [(&'static str, &'static str)] {
    if service == "payment" { &[("processor.conf", PROCESSOR_CONF)] } else { &[] }
}

/// Returns the service called `name`.
pub(super) fn service_named(name: &str) -> anyhow::Result<&'static Service> {
    let known = SERVICES.iter().find(|service| service.name == name);
    known.ok_or_else(|| {
        let names: Vec<&str> = SERVICES.iter().map(|service| service.name).collect();
        anyhow::anyhow!("unknown service `{name}`\nhint: one of {}", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::{super::sources::IMPORT, *};

    #[test]
    fn labels_and_codeowners_agree() {
        let (_, codeowners) = IMPORT.iter().find(|(path, _)| *path == "CODEOWNERS").unwrap();
        for service in SERVICES.iter().filter(|service| service.port.is_some()) {
            let rule = format!("/{}/ @{}", service.name, service.owner);
            let is_stated =
                codeowners.lines().any(|line| line.split_whitespace().collect::<Vec<_>>().join(" ") == rule);
            assert!(is_stated, "{rule}");
        }
    }

    #[test]
    fn each_service_comes_after_those_that_it_calls() {
        for (position, service) in SERVICES.iter().enumerate() {
            for called in service.calls {
                assert!(SERVICES[..position].iter().any(|before| before.name == *called), "{}", service.name);
            }
        }
    }
}
