//! The known root cause of a fault, and whether an answer named it.

use serde::{Deserialize, Serialize};

/// New code does the same work slower.
pub const SLOW_CODE: &str = "slow_code";
/// One service answers with errors that it makes itself.
pub const ERROR_BURST: &str = "error_burst";
/// A service waits for a CPU that somebody else uses.
pub const CPU_CONTENTION: &str = "cpu_contention";
/// The network loses packets on the way to a service.
pub const PACKET_LOSS: &str = "packet_loss";
/// A service is gone.
pub const SERVICE_DOWN: &str = "service_down";

/// What really happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Truth {
    /// The service where it happened.
    pub service: String,
    /// One of the constants of this module.
    pub fault_class: String,
    /// Full id of the commit that did it, if it was a commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The program beside the service that did it, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub neighbour: Option<String>,
}

/// Tells whether an answer that blames `service` for `fault_class` names the root cause.
///
/// Both must be right: the right service for the wrong reason sends people to the wrong place.
pub fn named_right(truth: &Truth, service: &str, fault_class: &str) -> bool {
    truth.service == service && truth.fault_class == fault_class
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_right_service_for_the_wrong_reason_is_not_right() {
        let truth = Truth {
            service: "inventory".to_owned(),
            fault_class: CPU_CONTENTION.to_owned(),
            commit: None,
            neighbour: Some("report-batch".to_owned()),
        };
        for (service, fault_class, is_right) in [
            ("inventory", CPU_CONTENTION, true),
            ("inventory", SLOW_CODE, false),
            ("gateway", CPU_CONTENTION, false),
            ("", "", false),
        ] {
            assert_eq!(named_right(&truth, service, fault_class), is_right, "{service} {fault_class}");
        }
    }
}
