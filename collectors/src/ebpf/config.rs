//! What the probes are told.

use std::time::Duration;

/// What the probes are told. The defaults suit a node agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EbpfConfig {
    /// Bytes of the ring buffer between kernel and collector. Rounded up to a power of two, at least 64 KiB, at most 1 GiB.
    ///
    /// When it is full, events are lost and counted.
    pub ring_bytes: u32,
    /// The process that is never observed: by default this one, because to observe an event would be an event.
    ///
    /// The kernel counts processes as the host does. In a container with process ids of its own, this one's number means another process;
    /// the node agent therefore runs with the host's process ids.
    pub ignored_pid: Option<u32>,
    /// Stack samples per second on each CPU; zero for none.
    ///
    /// 99 rather than 100, so as not to march in step with timers: Gregg, *Systems Performance* (2nd ed.), ch. 6.
    pub samples_per_s: u64,
    /// How long an event may wait in the ring buffer before it is read.
    ///
    /// Longer is cheaper: the reader sleeps this long, unless much arrives.
    pub latency: Duration,
}

impl Default for EbpfConfig {
    fn default() -> Self {
        Self {
            ring_bytes: 16 * 1024 * 1024,
            ignored_pid: Some(std::process::id()),
            samples_per_s: 99,
            latency: Duration::from_millis(50),
        }
    }
}

/// More than anybody needs, and the next power of two still is a `u32`.
const MAX_RING_BYTES: u32 = 1 << 30;

impl EbpfConfig {
    /// Returns the size of the ring buffer as the kernel takes it.
    pub(super) fn ring_size(&self, page_size: u32) -> u32 {
        self.ring_bytes.clamp(page_size, MAX_RING_BYTES).next_power_of_two()
    }

    /// Returns at how many waiting bytes the reader is woken before its time: early enough that a burst finds room meanwhile.
    pub(super) fn wakeup_bytes(&self, page_size: u32) -> u64 {
        u64::from(self.ring_size(page_size) / 16).clamp(u64::from(page_size) / 2, 256 * 1024)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ring_sizes_are_powers_of_two_of_at_least_a_page() {
        for (asked, size) in
            [(0, 4096), (4096, 4096), (5000, 8192), (16 * 1024 * 1024, 16 * 1024 * 1024), (u32::MAX, 1 << 30)]
        {
            let config = EbpfConfig { ring_bytes: asked, ..EbpfConfig::default() };
            assert_eq!(config.ring_size(4096), size, "{asked}");
            assert!(config.wakeup_bytes(4096) < u64::from(size), "{asked}");
        }
    }
}
