//! One line for an object of Kubernetes: its state, what is ready, how often it was restarted, how old it is and where it runs.

use std::fmt;

use serde::Serialize;
use serde_json::Value;
use waggle_analysis::{
    kubernetes::{
        Cluster, KubernetesFault,
        object::{condition, is_condition, is_true, labels, list, name, namespace, number, path, text, time},
    },
    quantity,
};
use waggle_signals::Timestamp;

use crate::{
    kubernetes_objects::{is_global, program},
    quote::quote,
};

/// What a line says.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    pub kind: String,
    /// Empty for what lies in none.
    pub namespace: String,
    pub name: String,
    /// The program that it belongs to, as its labels say.
    pub service: String,
    /// In a word, as `kubectl get` has it.
    pub state: String,
    /// Parts that are ready of those wanted, for what has parts.
    pub ready: Option<String>,
    pub restarts: Option<u64>,
    pub age_seconds: Option<f64>,
    /// Empty for what runs on none.
    pub node: String,
    /// Why it is not as it should be; empty when nothing says so. Quotes untrusted text.
    pub why: String,
    /// Whether it is not as it should be.
    pub is_bad: bool,
}

/// Returns the line of an object. `faults` are those of the whole cluster.
pub(crate) fn row(object: &Value, cluster: &Cluster<'_>, faults: &[KubernetesFault], now: Timestamp) -> Row {
    let kind = text(object, "/kind");
    let own = path(object);
    let fault = faults.iter().find(|fault| fault.object == own);
    let (state, ready, restarts) = match kind {
        "Pod" => of_pod(object),
        "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet" => of_workload(object),
        "Job" => (of_job(object), None, None),
        "Service" => of_service(object, cluster),
        "Node" => (of_node(object), None, None),
        "Ingress" => (of_ingress(object), None, None),
        "ConfigMap" | "Secret" => (format!("{} keys", n_keys(object)), None, None),
        _ => (text(object, "/status/phase").to_owned(), None, None),
    };
    let said = || match quote(text(object, "/status/message")) {
        said if said.is_empty() => said,
        said => format!("`{said}`"),
    };
    let born = time(object, "/metadata/creationTimestamp").or_else(|| time(object, "/status/startTime"));
    Row {
        kind: kind.to_owned(),
        namespace: if is_global(object) { String::new() } else { namespace(object).to_owned() },
        name: name(object).to_owned(),
        service: program(object),
        state,
        ready,
        restarts,
        age_seconds: born.map(|born| now.since(born).as_secs_f64()),
        node: text(object, "/spec/nodeName").to_owned(),
        why: fault.map_or_else(said, why),
        is_bad: fault.is_some() || (is_judged(kind) && !cluster.is_fine(object)),
    }
}

/// Says why, with a short quote of what shows it.
pub(crate) fn why(fault: &KubernetesFault) -> String {
    let shown = quote(&fault.evidence);
    if shown.is_empty() { fault.why.clone() } else { format!("{} [`{shown}`]", fault.why) }
}

/// Kinds of which a cluster tells whether one is as it should be.
pub(crate) fn is_judged(kind: &str) -> bool {
    matches!(kind, "Pod" | "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet" | "Node")
}

type Parts = (String, Option<String>, Option<u64>);

/// The status column of kubectl.
// https://github.com/kubernetes/kubernetes/blob/master/pkg/printers/internalversion/printers.go, `printPod`.
fn of_pod(pod: &Value) -> Parts {
    let statuses = list(pod, "/status/containerStatuses");
    let mut state = match text(pod, "/status/reason") {
        "" => text(pod, "/status/phase").to_owned(),
        reason => reason.to_owned(),
    };
    let not_begun = list(pod, "/status/initContainerStatuses").iter().find_map(|status| {
        let is_over = number(status, "/state/terminated/exitCode") == Some(0.0) || is_true(status, "/ready");
        Some(format!("Init:{}", of_container(status).filter(|_| !is_over)?))
    });
    if let Some(waits) = not_begun.or_else(|| statuses.iter().rev().find_map(of_container)) {
        state = waits;
    } else if text(pod, "/status/phase") == "Running" && is_condition(pod, "Ready", "False") {
        "NotReady".clone_into(&mut state);
    }
    if pod.pointer("/metadata/deletionTimestamp").is_some_and(|time| !time.is_null()) {
        "Terminating".clone_into(&mut state);
    }
    let n_ready = statuses.iter().filter(|status| is_true(status, "/ready")).count();
    let n_wanted = list(pod, "/spec/containers").len().max(statuses.len());
    let restarts = statuses.iter().filter_map(|status| number(status, "/restartCount")).sum::<f64>();
    let restarts = (!statuses.is_empty()).then_some(restarts as u64);
    (state, Some(format!("{n_ready}/{n_wanted}")), restarts)
}

/// Returns why a container does not run.
pub(crate) fn of_container(status: &Value) -> Option<String> {
    let waits = text(status, "/state/waiting/reason");
    if !waits.is_empty() {
        return Some(waits.to_owned());
    }
    status.pointer("/state/terminated").filter(|ended| ended.is_object()).map(|ended| {
        match (text(ended, "/reason"), number(ended, "/signal"), number(ended, "/exitCode")) {
            ("", Some(signal), _) if signal > 0.0 => format!("Signal:{signal}"),
            ("", _, Some(code)) => format!("ExitCode:{code}"),
            (reason, ..) => reason.to_owned(),
        }
    })
}

fn of_workload(workload: &Value) -> Parts {
    let count = |at: &str| number(workload, at).unwrap_or_default();
    let (wanted, ready) = match text(workload, "/kind") {
        "DaemonSet" => (count("/status/desiredNumberScheduled"), count("/status/numberReady")),
        _ => (number(workload, "/spec/replicas").unwrap_or(1.0), count("/status/readyReplicas")),
    };
    let state = match condition(workload, "Progressing").filter(|one| text(one, "/status") == "False") {
        Some(stuck) => text(stuck, "/reason"),
        None if ready >= wanted => "Available",
        None => "Unavailable",
    };
    (state.to_owned(), Some(format!("{ready}/{wanted}")), None)
}

fn of_job(job: &Value) -> String {
    let state = [("Complete", "Complete"), ("Failed", "Failed"), ("Suspended", "Suspended")];
    let is_it = |(of, _): &&(&str, &str)| is_condition(job, of, "True");
    state.iter().find(is_it).map_or("Running", |(_, state)| state).to_owned()
}

fn of_service(service: &Value, cluster: &Cluster<'_>) -> Parts {
    let kind = match text(service, "/spec/type") {
        "" => "ClusterIP",
        kind => kind,
    };
    let ports: Vec<String> = list(service, "/spec/ports")
        .iter()
        .map(|port| {
            let number = |at: &str| match port.get(at) {
                Some(Value::String(name)) => name.clone(),
                Some(Value::Number(number)) => number.to_string(),
                _ => String::new(),
            };
            let (port, target) = (number("port"), number("targetPort"));
            if target.is_empty() || target == port { port } else { format!("{port}→{target}") }
        })
        .collect();
    let selector = labels(service, "/spec/selector");
    let ready = (!selector.is_empty() && cluster.has_any("Pod", namespace(service))).then(|| {
        let pods = cluster.selected(namespace(service), &selector);
        let n_ready = pods.iter().filter(|pod| cluster.is_fine(pod)).count();
        format!("{n_ready}/{}", pods.len())
    });
    (format!("{kind} {}", ports.join(",")).trim_end().to_owned(), ready, None)
}

fn of_node(node: &Value) -> String {
    let is_ready = is_condition(node, "Ready", "True");
    let mut words = vec![if is_ready { "Ready" } else { "NotReady" }];
    let pressed = list(node, "/status/conditions").iter().filter(|one| text(one, "/status") == "True");
    words.extend(pressed.map(|one| text(one, "/type")).filter(|of| of.ends_with("Pressure")));
    if is_true(node, "/spec/unschedulable") {
        words.push("SchedulingDisabled");
    }
    words.join(",")
}

fn of_ingress(ingress: &Value) -> String {
    let hosts: Vec<&str> = list(ingress, "/spec/rules").iter().map(|rule| text(rule, "/host")).collect();
    let hosts = hosts.iter().map(|host| if host.is_empty() { "*" } else { host });
    hosts.collect::<Vec<_>>().join(",")
}

fn n_keys(object: &Value) -> usize {
    let of = |field: &str| object.get(field).and_then(Value::as_object).map_or(0, serde_json::Map::len);
    of("data") + of("binaryData") + of("stringData")
}

impl Row {
    /// Writes where it is: `namespace/name`.
    pub(crate) fn place(&self) -> String {
        if self.namespace.is_empty() {
            self.name.clone()
        } else {
            format!("{}/{}", self.namespace, self.name)
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.place())?;
        if !self.state.is_empty() {
            write!(f, ": {}", self.state)?;
        }
        if let Some(ready) = &self.ready {
            write!(f, ", {ready} ready")?;
        }
        if let Some(restarts) = self.restarts.filter(|restarts| *restarts > 0) {
            write!(f, ", {restarts} restarts")?;
        }
        if let Some(age) = self.age_seconds {
            write!(f, ", age {}", quantity::seconds(age))?;
        }
        if !self.node.is_empty() {
            write!(f, ", on {}", self.node)?;
        }
        if self.why.is_empty() { Ok(()) } else { write!(f, ": {}", self.why) }
    }
}
