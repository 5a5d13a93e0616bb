//! Loading the object, and attaching each program.

use std::{
    collections::HashMap,
    error::Error,
    fs,
    os::fd::{AsFd as _, AsRawFd as _},
};

use aya::{
    Ebpf, EbpfLoader, include_bytes_aligned,
    maps::Map,
    programs::{
        PerfEvent, Program, ProgramError, TracePoint,
        perf_event::{PerfEventConfig, PerfEventScope, SamplePolicy, SoftwareEvent},
    },
    util::online_cpus,
};
use waggle_collectors_ebpf::wire::NO_FIELD;

use super::{
    catalogue::{FIELDS, SAMPLER, SOCKET_LENGTHS, TRACEPOINTS, Tracepoint},
    config::EbpfConfig,
    error::EbpfError,
    format::Format,
    probes::ProbeStatus,
    tracefs::Tracefs,
};

/// The compiled programs. Made by `collectors-ebpf/build.sh`.
static OBJECT: &[u8] =
    include_bytes_aligned!(concat!(env!("CARGO_MANIFEST_DIR"), "/../collectors-ebpf/object/waggle.bpf.o"));

/// Pages of the kernels and architectures we run on are of 4 to 64 KiB; a ring buffer of a multiple of this suits all.
const PAGE_SIZE: u32 = 64 * 1024;

/// Programs in the kernel.
pub struct Attached {
    ebpf: Ebpf,
    running: Vec<ProbeStatus>,
}

/// Loads the object and attaches what can be attached.
pub fn attach_all(config: &EbpfConfig, tracefs: &Tracefs) -> Result<Attached, EbpfError> {
    let fields = Fields::look_up(tracefs);
    // Whether calls on other things than sockets can be told at once is fixed when the programs are loaded,
    // and known when they are attached. Nearly always the guess is right.
    let guess = SOCKET_LENGTHS.iter().all(|tracepoint| fields.missing(tracepoint.event).is_none());
    let mut attached = attach_some(config, &fields, guess, &SOCKET_LENGTHS)?;
    if guess && !attached.running.iter().all(ProbeStatus::is_attached) {
        let running = attached.running;
        attached = attach_some(config, &fields, false, &[])?;
        attached.running = running
            .into_iter()
            .map(|status| ProbeStatus {
                missing: status.missing.or(Some("it needs its twin".into())),
                ..status
            })
            .collect();
    }
    for tracepoint in &TRACEPOINTS {
        attached.attach_tracepoint(tracepoint, &fields);
    }
    if config.samples_per_s > 0 {
        attached.attach_sampler(config.samples_per_s);
    }
    attached.or_nothing()
}

fn attach_some(
    config: &EbpfConfig,
    fields: &Fields,
    socks_are_seen: bool,
    tracepoints: &[Tracepoint],
) -> Result<Attached, EbpfError> {
    let ignored_pid = config.ignored_pid.unwrap_or(0);
    let wakeup_bytes = config.wakeup_bytes(PAGE_SIZE);
    let socks_are_seen = u32::from(socks_are_seen);

    let mut loader = EbpfLoader::new();
    loader
        .map_max_entries("EVENTS", config.ring_size(PAGE_SIZE))
        .override_global("IGNORED_PID", &ignored_pid, true)
        .override_global("WAKEUP_BYTES", &wakeup_bytes, true)
        .override_global("SOCKS_ARE_SEEN", &socks_are_seen, true);
    for (global, offset) in &fields.offsets {
        loader.override_global(global, offset, true);
    }
    let ebpf = loader.load(OBJECT).map_err(|error| EbpfError::NotLoaded { reason: chain(&error) })?;
    let mut attached = Attached { ebpf, running: Vec::new() };
    for tracepoint in tracepoints {
        attached.attach_tracepoint(tracepoint, fields);
    }
    Ok(attached)
}

impl Attached {
    /// Returns every probe there is, attached or not.
    pub fn running(&self) -> &[ProbeStatus] {
        &self.running
    }

    /// Takes one of the object's maps.
    pub fn take_map(&mut self, name: &str) -> Result<Map, EbpfError> {
        self.ebpf.take_map(name).ok_or_else(|| EbpfError::NotLoaded { reason: format!("no map `{name}`") })
    }

    /// Returns how often a program did not run because it interrupted another one on the same CPU. Zero where the kernel does not say.
    pub fn missed(&self) -> u64 {
        let fd = |program: &Program| match program {
            Program::TracePoint(program) => program.fd().ok().map(|fd| fd.as_fd().as_raw_fd()),
            Program::PerfEvent(program) => program.fd().ok().map(|fd| fd.as_fd().as_raw_fd()),
            _ => None,
        };
        self.ebpf
            .programs()
            .filter_map(|(_, program)| fd(program))
            .filter_map(|fd| fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).ok())
            .filter_map(|info| recursion_misses(&info))
            .sum()
    }

    fn attach_tracepoint(&mut self, tracepoint: &Tracepoint, fields: &Fields) {
        let &Tracepoint { program, category, event } = tracepoint;
        let missing = match fields.missing(event) {
            Some(reason) => Some(reason.clone()),
            None => {
                let attached =
                    self.tracepoint_program(program).and_then(|program| program.attach(category, event));
                attached.err().map(|error| chain(&error))
            }
        };
        self.running.push(ProbeStatus { name: format!("{category}:{event}"), missing });
    }

    fn tracepoint_program(&mut self, name: &str) -> Result<&mut TracePoint, ProgramError> {
        let program: &mut TracePoint = self.program(name)?.try_into()?;
        if program.fd().is_err() {
            program.load()?;
        }
        Ok(program)
    }

    /// One perf event for each CPU that is online now; CPUs that are plugged in later are not sampled.
    fn attach_sampler(&mut self, samples_per_s: u64) {
        let cpus = online_cpus().unwrap_or_else(|_| vec![0]);
        for cpu in cpus {
            let missing = self.attach_sampler_to(cpu, samples_per_s).err().map(|error| chain(&error));
            self.running.push(ProbeStatus { name: format!("cpu-clock:{cpu}"), missing });
        }
    }

    fn attach_sampler_to(&mut self, cpu: u32, samples_per_s: u64) -> Result<(), ProgramError> {
        let program: &mut PerfEvent = self.program(SAMPLER)?.try_into()?;
        if program.fd().is_err() {
            program.load()?;
        }
        program.attach(
            PerfEventConfig::Software(SoftwareEvent::CpuClock),
            PerfEventScope::AllProcessesOneCpu { cpu },
            SamplePolicy::Frequency(samples_per_s),
            false,
        )?;
        Ok(())
    }

    fn program(&mut self, name: &str) -> Result<&mut Program, ProgramError> {
        self.ebpf.program_mut(name).ok_or_else(|| ProgramError::InvalidName { name: name.to_owned() })
    }

    fn or_nothing(self) -> Result<Self, EbpfError> {
        let is_useful = self.running.iter().any(ProbeStatus::is_attached);
        match self.running.first() {
            Some(first) if !is_useful => Err(EbpfError::NothingAttached {
                tried: self.running.len(),
                name: first.name.clone(),
                reason: first.missing.clone().unwrap_or_default(),
            }),
            _ => Ok(self),
        }
    }
}

/// Where the fields lie that programs must be told of.
struct Fields {
    /// By global.
    offsets: HashMap<&'static str, u32>,
    /// By event: why its program cannot run here.
    missing: HashMap<&'static str, String>,
}

impl Fields {
    fn look_up(tracefs: &Tracefs) -> Self {
        let mut formats: HashMap<&str, Format> = HashMap::new();
        let mut missing = HashMap::new();
        for tracepoint in SOCKET_LENGTHS.iter().chain(&TRACEPOINTS) {
            match tracefs.format(tracepoint.category, tracepoint.event) {
                Ok(format) => {
                    formats.insert(tracepoint.event, format);
                }
                Err(error) => {
                    missing.insert(tracepoint.event, format!("not in this kernel: {error}"));
                }
            }
        }

        let mut offsets = HashMap::new();
        for needed in &FIELDS {
            let Some(format) = formats.get(needed.event) else { continue };
            let found = format.field(needed.field).filter(|field| field.size == needed.size);
            let Some(field) = found else {
                if needed.optional {
                    offsets.insert(needed.global, NO_FIELD);
                } else {
                    let reason = format!("no field `{}` of {} bytes", needed.field, needed.size);
                    missing.insert(needed.event, reason);
                }
                continue;
            };
            let before = offsets.insert(needed.global, field.offset);
            if before.is_some_and(|before| before != field.offset) {
                missing
                    .insert(needed.event, format!("field `{}` is not where it is in its twin", needed.field));
            }
        }
        Self { offsets, missing }
    }

    fn missing(&self, event: &str) -> Option<&String> {
        self.missing.get(event)
    }
}

/// Reads the field of that name of a program's `/proc/<pid>/fdinfo/<fd>`, there since Linux 5.12 (`bpf_prog_show_fdinfo`).
fn recursion_misses(fdinfo: &str) -> Option<u64> {
    fdinfo.lines().find_map(|line| line.strip_prefix("recursion_misses:"))?.trim().parse().ok()
}

/// Returns an error with what caused it, on one line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let source_text = source.to_string();
        if !text.contains(&source_text) {
            text = format!("{text}: {source_text}");
        }
        next = source.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misses_are_read_from_what_the_kernel_shows_of_a_program() {
        let shown = "pos:\t0\nprog_type:\t5\nrun_cnt:\t0\nrecursion_misses:\t10\nverified_insns:\t55\n";
        assert_eq!(recursion_misses(shown), Some(10));
        assert_eq!(recursion_misses("prog_type:\t5\n"), None);
    }
}
