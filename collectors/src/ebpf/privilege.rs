//! Whether the process may load and attach programs.

use std::fs;

use super::error::EbpfError;

/// `include/uapi/linux/capability.h`.
const CAP_SYS_ADMIN: u32 = 21;
/// `include/uapi/linux/capability.h`.
const CAP_PERFMON: u32 = 38;
/// `include/uapi/linux/capability.h`.
const CAP_BPF: u32 = 39;

/// Fails when the process has neither `CAP_SYS_ADMIN` nor both `CAP_BPF` and `CAP_PERFMON`.
pub fn check() -> Result<(), EbpfError> {
    // Without /proc there is no knowing, and the kernel will say.
    let Ok(status) = fs::read_to_string("/proc/self/status") else { return Ok(()) };
    let missing = missing(effective(&status).unwrap_or(u64::MAX));
    if missing.is_empty() {
        return Ok(());
    }
    Err(EbpfError::NotPrivileged { missing: missing.join("`, `") })
}

/// Returns the effective capabilities, from the text of `/proc/<pid>/status`.
fn effective(status: &str) -> Option<u64> {
    let mask = status.lines().find_map(|line| line.strip_prefix("CapEff:"))?;
    u64::from_str_radix(mask.trim(), 16).ok()
}

fn missing(effective: u64) -> Vec<&'static str> {
    let has = |capability: u32| effective & (1 << capability) != 0;
    if has(CAP_SYS_ADMIN) {
        return Vec::new();
    }
    [(CAP_BPF, "CAP_BPF"), (CAP_PERFMON, "CAP_PERFMON")]
        .into_iter()
        .filter(|&(capability, _)| !has(capability))
        .map(|(_, name)| name)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        for (mask, expected) in [
            ("000001ffffffffff", &[][..]),
            ("0000000000200000", &[][..]),
            ("000000c000000000", &[][..]),
            ("0000008000000000", &["CAP_PERFMON"][..]),
            ("0000000000000000", &["CAP_BPF", "CAP_PERFMON"][..]),
        ] {
            let status = format!("Name:\twaggle\nCapPrm:\tffffffffffffffff\nCapEff:\t{mask}\n");
            assert_eq!(missing(effective(&status).unwrap()), expected, "{mask}");
        }
    }

    #[test]
    fn a_status_without_capabilities_says_nothing() {
        for status in ["", "CapEff:", "CapEff:\txyz"] {
            assert_eq!(effective(status), None, "{status:?}");
        }
    }
}
