//! A small cluster in which one of two copies dies for want of memory, and a secret was never made.

use serde_json::{Value, json};
use waggle_signals::{Batch, Severity, semconv};

use crate::ask::{line, nothing, object, ports, refused, resource, told};

const DYING: &str = "payments-5d8f-aaaaa";
const WELL: &str = "payments-5d8f-bbbbb";

fn meta(name: &str, owner: Option<(&str, &str)>) -> Value {
    let owners: Vec<Value> = owner.iter().map(|(kind, name)| json!({"kind": kind, "name": name})).collect();
    json!({
        "name": name, "namespace": "shop", "labels": {"app": "payments"}, "ownerReferences": owners,
        "creationTimestamp": "2026-03-01T08:00:00Z",
    })
}

fn template() -> Value {
    json!({
        "nodeName": "node-1",
        "containers": [{
            "name": "payments", "image": "payments:7",
            "resources": {"limits": {"memory": "256Mi", "cpu": "500m"}, "requests": {"memory": "128Mi"}},
            "envFrom": [{"configMapRef": {"name": "payments-config"}}, {"secretRef": {"name": "payments-db"}}],
        }],
    })
}

fn pod(name: &str, is_well: bool) -> Value {
    let (ready, condition) = (is_well, if is_well { "True" } else { "False" });
    let state = match is_well {
        true => json!({"running": {"startedAt": "2026-03-01T08:00:05Z"}}),
        false => {
            json!({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 2m40s restarting failed container"}})
        }
    };
    let last = match is_well {
        true => json!({}),
        false => {
            json!({"terminated": {"reason": "OOMKilled", "exitCode": 137, "finishedAt": "2026-03-01T14:52:10Z"}})
        }
    };
    json!({
        "kind": "Pod", "apiVersion": "v1", "metadata": meta(name, Some(("ReplicaSet", "payments-5d8f"))), "spec": template(),
        "status": {
            "phase": "Running", "startTime": "2026-03-01T08:00:00Z",
            "conditions": [{"type": "Ready", "status": condition}],
            "containerStatuses": [{
                "name": "payments", "image": "payments:7", "ready": ready, "restartCount": if is_well { 0 } else { 6 },
                "state": state, "lastState": last,
            }],
        },
    })
}

fn said(kind: &str, reason: &str, count: u32, message: &str) -> Value {
    json!({
        "kind": "Event", "apiVersion": "v1", "metadata": {"name": format!("{DYING}.{reason}"), "namespace": "shop"},
        "involvedObject": {"kind": "Pod", "name": DYING, "namespace": "shop"}, "reason": reason, "message": message,
        "type": kind, "count": count, "firstTimestamp": "2026-03-01T14:42:00Z", "lastTimestamp": "2026-03-01T14:58:00Z",
    })
}

fn cluster() -> Batch {
    let mut batch = Batch::default();
    // An older state of the pod, from before it died.
    object(&mut batch, 10, &pod(DYING, true));
    let selector = json!({"app": "payments"});
    let objects = json!({"kind": "List", "items": [
        pod(DYING, false),
        pod(WELL, true),
        {"kind": "ReplicaSet", "metadata": meta("payments-5d8f", Some(("Deployment", "payments"))),
         "spec": {"replicas": 2, "template": {"spec": template()}}, "status": {"readyReplicas": 1}},
        {"kind": "Deployment", "metadata": meta("payments", None),
         "spec": {"replicas": 2, "strategy": {"type": "RollingUpdate"}, "template": {"spec": template()}}, "status": {"readyReplicas": 1, "updatedReplicas": 2}},
        {"kind": "Service", "metadata": meta("payments", None), "spec": {"selector": selector, "ports": [{"port": 80, "targetPort": 8080}]}},
        {"kind": "Ingress", "metadata": {"name": "shop", "namespace": "shop"},
         "spec": {"rules": [{"host": "shop.example", "http": {"paths": [{"backend": {"service": {"name": "payments", "port": {"number": 80}}}}]}}]}},
        {"kind": "ConfigMap", "metadata": {"name": "payments-config", "namespace": "shop"}, "data": {"URL": "http://bank"}},
        {"kind": "Secret", "metadata": {"name": "mail", "namespace": "shop"}, "data": {"password": "aHVudGVyMg=="}},
        {"kind": "Node", "metadata": {"name": "node-1"}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}},
        said("Warning", "BackOff", 7, "Back-off restarting failed container payments"),
        said("Normal", "Pulled", 2, "Container image already present on machine"),
    ]});
    object(&mut batch, 59, &objects);
    for (pod, minute, severity, text) in [
        (DYING, 50, Severity::Info, "order 17 paid"),
        (DYING, 52, Severity::Error, "cannot allocate 67108864 bytes"),
        (WELL, 55, Severity::Info, "order 18 paid"),
    ] {
        let id = resource(
            &mut batch,
            &[
                (semconv::SERVICE_NAME, "payments"),
                (semconv::K8S_POD, pod),
                ("k8s.container.name", "payments"),
            ],
        );
        line(&mut batch, id, minute, severity, text);
    }
    batch
}

#[tokio::test]
async fn objects_are_listed_with_the_bad_ones_first() {
    let ports = ports(cluster());
    insta::assert_snapshot!(
        "get_pods",
        told(&ports, "kubernetes_get", json!({"kind": "pods", "namespace": "shop"})).await
    );
    insta::assert_snapshot!(
        "get_deployment",
        told(&ports, "kubernetes_get", json!({"kind": "deploy", "name": "payments"})).await
    );
    insta::assert_snapshot!("get_services", told(&ports, "kubernetes_get", json!({"kind": "svc"})).await);
    insta::assert_snapshot!("get_nodes", told(&ports, "kubernetes_get", json!({"kind": "node"})).await);
}

#[tokio::test]
async fn one_object_is_described_with_what_is_wrong_with_it() {
    let ports = ports(cluster());
    let pod = told(&ports, "kubernetes_describe", json!({"kind": "pod", "name": DYING})).await;
    assert!(pod.contains("OOMKilled, exit code 137") && pod.contains("memory limit 256Mi"), "{pod}");
    insta::assert_snapshot!("describe_pod", pod);
    let secret =
        told(&ports, "kubernetes_describe", json!({"kind": "secret", "name": "mail", "namespace": "shop"}))
            .await;
    assert!(secret.contains("keys: password") && !secret.contains("aHVudGVyMg"), "{secret}");
}

#[tokio::test]
async fn warnings_come_first_and_are_counted() {
    let ports = ports(cluster());
    insta::assert_snapshot!("events", told(&ports, "kubernetes_events", json!({"namespace": "shop"})).await);
    let of_node = nothing(&ports, "kubernetes_events", json!({"name": "node-1"})).await;
    assert!(of_node.starts_with("the cluster said nothing; searched: events about `node-1`"), "{of_node}");
}

#[tokio::test]
async fn a_pod_is_quoted_with_its_errors() {
    let ports = ports(cluster());
    insta::assert_snapshot!("pod_logs", told(&ports, "pod_logs", json!({"pod": DYING})).await);
    let both = told(&ports, "pod_logs", json!({"pod": "payments-5d8f", "container": "payments"})).await;
    assert!(both.starts_with(&format!("{DYING}, {WELL}: 3 lines, 1 of them")), "{both}");
    let none = nothing(&ports, "pod_logs", json!({"pod": DYING, "container": "sidecar"})).await;
    assert!(none.contains("none of its 2 lines is of that container"), "{none}");
}

#[tokio::test]
async fn all_pods_together_are_read_within_one_budget() {
    let mut batch = cluster();
    for n in 0..12 {
        let service = format!("worker-{n}");
        let tags = [(semconv::SERVICE_NAME, service.as_str()), (semconv::K8S_POD, service.as_str())];
        let id = resource(&mut batch, &tags);
        for _ in 0..700 {
            line(&mut batch, id, 50, Severity::Info, "works");
        }
    }
    let ports = ports(batch);
    let text = refused(&ports, "pod_logs", json!({"pod": " "})).await;
    assert_eq!(text, "`pod` is empty; name a pod, or how its name begins");
    let told = told(&ports, "pod_logs", json!({"pod": "worker-"})).await;
    // Eight services of twelve, 5,000 / 8 lines of each.
    assert!(told.contains("pod worker- wrote at least 5000 lines"), "{told}");
    assert!(told.contains("missing: 4 more services have such pods"), "{told}");
}

#[tokio::test]
async fn what_hangs_together_is_told_with_what_is_missing_first() {
    let ports = ports(cluster());
    let told =
        told(&ports, "kubernetes_dependencies", json!({"kind": "deployment", "name": "payments"})).await;
    assert!(told.contains("- shop/Secret/payments-db does not exist (shop/"), "{told}");
    for tie in [
        "shop/Ingress/shop exists (shop/Ingress/shop routes to shop/Service/payments)",
        "shop/ConfigMap/payments-config exists (shop/",
        "Node/node-1 is well (shop/",
    ] {
        assert!(told.contains(tie), "{tie}\n{told}");
    }
    insta::assert_snapshot!("dependencies", told);
}

#[tokio::test]
async fn what_is_not_there_is_answered_with_what_is() {
    let ports = ports(cluster());
    for (tool, arguments, wanted) in [
        ("kubernetes_get", json!({"kind": "deploymnt"}), "unknown kind `deploymnt`; nearest is `Deployment`"),
        (
            "kubernetes_get",
            json!({"kind": "pod", "namespace": "shopp"}),
            "unknown namespace `shopp`; nearest is `shop`",
        ),
        (
            "kubernetes_get",
            json!({"kind": "pod", "name": "paymets"}),
            "no Pod `paymets` is recorded; nearest is `payments-5d8f-",
        ),
        (
            "kubernetes_describe",
            json!({"kind": "pod", "name": "payments-5d8f"}),
            "may be any of shop/Pod/payments-5d8f-aaaaa, shop/Pod/payments-5d8f-bbbbb",
        ),
        (
            "kubernetes_describe",
            json!({"kind": "node", "name": "nod-1"}),
            "no Node `nod-1` is recorded; nearest is `node-1`",
        ),
        (
            "kubernetes_events",
            json!({"name": "paymnts"}),
            "no object `paymnts` is recorded; nearest is `payments",
        ),
        (
            "kubernetes_dependencies",
            json!({"kind": "job", "name": "x"}),
            "no Job `x` is recorded; recorded are: 1 ConfigMap",
        ),
        (
            "pod_logs",
            json!({"pod": "paymnts-5d8f-aaaaa"}),
            "unknown pod `paymnts-5d8f-aaaaa`; nearest is `payments-5d8f-aaaaa`",
        ),
    ] {
        let text = refused(&ports, tool, arguments).await;
        assert!(text.contains(wanted), "{tool}: {text}");
    }
    // Of a kind that is known and not recorded there is nothing to find.
    let none = nothing(&ports, "kubernetes_get", json!({"kind": "cronjobs"})).await;
    assert!(none.starts_with("no CronJob; recorded are: 1 ConfigMap, 1 Deployment, 2 Event"), "{none}");
}

#[tokio::test]
async fn an_empty_world_has_no_objects() {
    let ports = ports(Batch::default());
    for (tool, arguments) in [
        ("kubernetes_get", json!({"kind": "pod"})),
        ("kubernetes_describe", json!({"kind": "pod", "name": "x"})),
        ("kubernetes_events", json!({})),
        ("pod_logs", json!({"pod": "x"})),
        ("kubernetes_dependencies", json!({"kind": "pod", "name": "x"})),
    ] {
        let text = nothing(&ports, tool, arguments).await;
        assert!(
            text.contains("searched: ") && text.contains("2026-03-01T14:00:00Z..2026-03-01T15:00:00Z"),
            "{tool}: {text}"
        );
    }
}

#[tokio::test]
async fn objects_that_are_none_are_left_out_and_told() {
    let mut batch = cluster();
    let id = resource(&mut batch, &[(semconv::SERVICE_NAME, "payments")]);
    crate::ask::event(&mut batch, id, 58, semconv::EVENT_K8S_OBJECT, "{\"kind\": \"Pod\"", &[]);
    let text = told(&ports(batch), "kubernetes_get", json!({"kind": "pod"})).await;
    assert!(text.contains("Pod: 2, of which 1 as they should be"), "{text}");
    assert!(text.contains("missing: 1 objects are no JSON or too large"), "{text}");
}
