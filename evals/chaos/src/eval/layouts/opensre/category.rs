//! Our classes in the words of the set.

/// Which classes are of which category. A class that is in none of the lists is a fault of the infrastructure.
const CATEGORIES: &[(&str, &[&str])] = &[
    (
        "resource_exhaustion",
        &[
            "database_connections",
            "database_storage",
            "database_cpu",
            "database_memory",
            "replication_lag",
            "write_surge",
            "slow_statement",
            "lock_contention",
            "checkpoint_pressure",
            "disk_io",
            "disk_full",
            "disk_nearly",
            "disk_slow",
            "disk_credits",
            "inodes",
            "cpu_",
            "memory_",
            "out_of_memory",
            "heap_",
            "gc_",
            "thread_pool",
            "file_descriptors",
            "goroutine",
            "connection_pool",
            "conntrack",
            "ports_exhausted",
            "queue_backlog",
            "broker_resource",
            "quota_exceeded",
            "insufficient_",
            "unschedulable",
            "pod_evicted",
            "node_memory",
            "node_disk",
            "node_pid",
            "autoscaler_at_maximum",
            "processes_exhausted",
            "cache_memory",
            "cache_evictions",
            "cache_connections",
            "traffic_surge",
            "transaction_ids",
        ],
    ),
    (
        "configuration_error",
        &[
            "image_",
            "config_",
            "secret_",
            "missing_configuration",
            "invalid_configuration",
            "probe_",
            "liveness_",
            "readiness_",
            "startup_",
            "service_selector",
            "service_port",
            "service_address",
            "service_account",
            "service_without",
            "ingress_",
            "network_policy",
            "dns_",
            "limit_range",
            "quota_wants",
            "admission_webhook_denies",
            "rbac",
            "pod_security",
            "run_as_root",
            "sidecar_port",
            "taint_",
            "node_selector",
            "pod_affinity",
            "host_port",
            "volume_class",
            "volume_mode",
            "volume_claim",
            "volume_node",
            "rollout_stuck",
            "container_command",
            "container_create",
            "certificate_",
            "authentication",
            "permission",
            "autoscaler_",
            "disruption",
            "feature_flag",
            "address_in_use",
            "init_container",
            "message_too_large",
            "firewall",
        ],
    ),
    (
        "code_defect",
        &[
            "crash_loop",
            "container_exit",
            "application_crash",
            "null_reference",
            "wrong_types",
            "schema_migration",
            "deadlock_in",
            "event_loop",
            "job_failed",
        ],
    ),
    (
        "dependency_failure",
        &[
            "dependency_",
            "connection_refused",
            "rate_limited",
            "retry_storm",
            "cache_unavailable",
            "broker_unavailable",
            "connections_reset",
        ],
    ),
    ("data_quality", &["bad_input_data", "data_corruption", "dead_letters"]),
];

/// Returns the category of a class; `unknown` of none and of `unknown`.
pub fn category(class: &str) -> &'static str {
    if matches!(class, "" | "unknown") {
        return "unknown";
    }
    CATEGORIES
        .iter()
        .find(|(_, starts)| starts.iter().any(|start| class.starts_with(start)))
        .map_or("infrastructure", |(category, _)| category)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_that_says_nothing_is_of_no_category() {
        for (class, wanted) in [
            ("unknown", "unknown"),
            ("", "unknown"),
            ("cpu_contention", "resource_exhaustion"),
            ("dns_failure", "configuration_error"),
            ("database_failover", "infrastructure"),
        ] {
            assert_eq!(category(class), wanted, "{class}");
        }
    }
}
