//! Which CPUs a process may use.
//!
//! One service has the last CPU for itself and the others share the rest, so that a neighbour on that CPU troubles just this one.
//! With a single CPU, or where Linux does not let us, all share what there is.

/// A choice of CPUs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cpus {
    /// The last one that this program may use.
    Last,
    /// All but that one.
    Rest,
}

/// Runs `start` with the calling thread on `cpus`; what it starts stays there.
#[cfg(target_os = "linux")]
pub(super) fn on_cpus<T>(cpus: Cpus, start: impl FnOnce() -> T) -> T {
    use nix::{
        sched::{sched_getaffinity, sched_setaffinity},
        unistd::Pid,
    };

    let this_thread = Pid::from_raw(0);
    let Ok(all) = sched_getaffinity(this_thread) else { return start() };
    if chosen(&all, cpus).and_then(|chosen| sched_setaffinity(this_thread, &chosen)).is_err() {
        return start();
    }
    let result = start();
    if let Err(error) = sched_setaffinity(this_thread, &all) {
        tracing::warn!(%error, "the shop's thread stays on its CPUs");
    }
    result
}

#[cfg(not(target_os = "linux"))]
pub(super) fn on_cpus<T>(_cpus: Cpus, start: impl FnOnce() -> T) -> T {
    start()
}

/// Picks from `all`; an error if nothing would be left to pick.
#[cfg(target_os = "linux")]
fn chosen(all: &nix::sched::CpuSet, cpus: Cpus) -> nix::Result<nix::sched::CpuSet> {
    use nix::{errno::Errno, sched::CpuSet};

    let usable: Vec<usize> = (0..CpuSet::count()).filter(|cpu| all.is_set(*cpu).unwrap_or(false)).collect();
    let Some((last, rest)) = usable.split_last().filter(|(_, rest)| !rest.is_empty()) else {
        return Err(Errno::EINVAL);
    };
    let mut set = CpuSet::new();
    match cpus {
        Cpus::Last => set.set(*last)?,
        Cpus::Rest => rest.iter().try_for_each(|cpu| set.set(*cpu))?,
    }
    Ok(set)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use nix::sched::CpuSet;

    use super::*;

    fn set(cpus: &[usize]) -> CpuSet {
        cpus.iter().fold(CpuSet::new(), |mut set, cpu| {
            assert_eq!(set.set(*cpu), Ok(()));
            set
        })
    }

    #[test]
    fn the_last_cpu_is_kept_apart() {
        let all = set(&[1, 4, 6]);
        assert_eq!(chosen(&all, Cpus::Last).unwrap(), set(&[6]));
        assert_eq!(chosen(&all, Cpus::Rest).unwrap(), set(&[1, 4]));
    }

    #[test]
    fn a_single_cpu_is_not_divided() {
        assert!(chosen(&set(&[3]), Cpus::Last).is_err() && chosen(&set(&[3]), Cpus::Rest).is_err());
    }
}
