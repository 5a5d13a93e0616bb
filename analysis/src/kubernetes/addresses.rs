//! Addresses of Services that pods are told in their environment, and that no Service has.

use super::{
    Cluster, KubernetesFault,
    object::{containers, list, namespace, number, path, pod_spec, text},
};

/// Reads `name`, `name:port`, `name.namespace.svc…:port` and URLs of them from the environment of containers.
///
/// A name is only judged where Services of its namespace were given, and only when it is plainly a Service's: with `.svc`, or one that a Service has.
pub fn check(cluster: &Cluster<'_>) -> Vec<KubernetesFault> {
    let mut faults = Vec::new();
    for workload in
        cluster.workloads().filter(|workload| !matches!(text(workload, "/kind"), "Pod" | "ReplicaSet"))
    {
        let Some(spec) = pod_spec(workload) else { continue };
        for variable in containers(spec).flat_map(|container| list(container, "/env")) {
            let Some(address) = Address::read(text(variable, "/value"), namespace(workload)) else {
                continue;
            };
            if let Some(why) = address.wrong(cluster) {
                let evidence = format!("env {}: {}", text(variable, "/name"), address.given);
                let fault = KubernetesFault::new("service_address_wrong", path(workload), why, evidence);
                faults.push(fault.certainty(0.8));
            }
        }
    }
    faults
}

struct Address<'a> {
    /// Host and port as they are given, without what stands around them: URLs carry passwords.
    given: &'a str,
    service: &'a str,
    namespace: &'a str,
    is_cluster_name: bool,
    port: Option<f64>,
}

impl<'a> Address<'a> {
    fn read(given: &'a str, own_namespace: &'a str) -> Option<Self> {
        let rest = given.split_once("://").map_or(given, |(_, rest)| rest);
        let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
        let host_port = rest.split(['/', '?', ',']).next()?;
        let (host, port) = match host_port.split_once(':') {
            Some((host, port)) => (host, Some(port.parse::<u16>().ok().map(f64::from)?)),
            None => (host_port, None),
        };
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
        if host.is_empty()
            || !host.chars().all(is_name)
            || !host.starts_with(|c: char| c.is_ascii_lowercase())
        {
            return None;
        }
        let mut parts = host.split('.');
        let service = parts.next()?;
        let namespace = parts.next();
        let is_cluster_name = parts.next() == Some("svc");
        if namespace.is_some() && !is_cluster_name {
            return None;
        }
        Some(Self {
            given: host_port,
            service,
            namespace: namespace.unwrap_or(own_namespace),
            is_cluster_name,
            port,
        })
    }

    fn wrong(&self, cluster: &Cluster<'_>) -> Option<String> {
        let Self { service, namespace, .. } = self;
        let Some(found) = cluster.find("Service", namespace, service) else {
            let is_judged = self.is_cluster_name && cluster.has_any("Service", namespace);
            return is_judged.then(|| {
                format!("it is told of Service `{service}` in namespace `{namespace}`, which does not exist")
            });
        };
        let ports: Vec<f64> =
            list(found, "/spec/ports").iter().filter_map(|port| number(port, "/port")).collect();
        // A Service without an address of its own hands its pods' addresses out, with whatever ports they have.
        let is_headless = text(found, "/spec/clusterIP") == "None";
        let port = self.port.filter(|port| !is_headless && !ports.is_empty() && !ports.contains(port))?;
        let ports: Vec<String> = ports.iter().map(f64::to_string).collect();
        Some(format!("it is told of port {port} of Service `{service}`, which has {}", ports.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn addresses_are_told_from_other_settings() {
        for (given, wanted) in [
            ("http://cart:8080/v1", Some(("cart", "shop", Some(8080.0)))),
            ("postgres://u:p@db.data.svc.cluster.local:5432/x", Some(("db", "data", Some(5432.0)))),
            ("cart", Some(("cart", "shop", None))),
            ("example.com:443", None),
            ("10.0.0.1:80", None),
            ("INFO", None),
            ("cart:latest", None),
            ("", None),
        ] {
            let wanted = wanted
                .map(|(service, space, port): (&str, &str, _)| (service.to_owned(), space.to_owned(), port));
            let read = Address::read(given, "shop");
            let read = read.map(|read| (read.service.to_owned(), read.namespace.to_owned(), read.port));
            assert_eq!(read, wanted, "{given}");
        }
    }
}
