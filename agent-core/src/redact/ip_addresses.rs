//! Addresses of hosts, where a policy wants them gone. Those that say nothing of anybody stay: loopback, and all zeros.

use std::net::IpAddr;

use super::rule::Rule;

/// Returns the rules for IP addresses.
pub(super) fn rules() -> Vec<Rule> {
    vec![
        // RFC 791 in the dotted form of RFC 1123 §2.1.
        Rule::new("ipv4", "ip", "", r"(?-u:\b)(?:\d{1,3}\.){3}\d{1,3}(?-u:\b)")
            .when(|found| tells(&found[0])),
        // RFC 4291 §2.2.
        Rule::new(
            "ipv6",
            "ip",
            "[0-9A-Fa-f]?:[0-9A-Fa-f:]",
            r"(?:(?-u:\b)[0-9A-Fa-f]{1,4}|:):[0-9A-Fa-f:]*(?:(?:\d{1,3}\.){3}\d{1,3}|[0-9A-Fa-f]|:)",
        )
        .when(|found| tells(&found[0])),
    ]
}

fn tells(address: &str) -> bool {
    address.parse::<IpAddr>().is_ok_and(|address| !address.is_loopback() && !address.is_unspecified())
}
