//! The text of one process's files.

use waggle_signals::Attributes;

/// What the OpenTelemetry variables of an environment say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// `OTEL_SERVICE_NAME`, when it is there and not empty.
    pub service_name: Option<String>,
    /// `OTEL_RESOURCE_ATTRIBUTES`, decoded; empty when it is not there.
    pub resource_attributes: Attributes,
}

/// The numbers of `/proc/<pid>/stat` that we use: proc_pid_stat(5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Short command name.
    pub command: String,
    /// The parent's process id.
    pub parent: u32,
    /// CPU time of all its threads, also of those that ended, in clock ticks (1/100 s on every Linux we know).
    pub cpu_ticks: u64,
    /// When it started, in clock ticks since boot. With the process id, names a process for the life of the kernel.
    pub start_ticks: u64,
    /// Resident memory, in pages.
    pub resident_pages: u64,
}

impl Environment {
    /// Reads the bytes of `/proc/<pid>/environ`.
    pub fn parse(environ: &[u8]) -> Self {
        let mut environment = Self::default();
        for variable in environ.split(|byte| *byte == 0) {
            if let Some(name) = variable.strip_prefix(b"OTEL_SERVICE_NAME=") {
                let name = String::from_utf8_lossy(name).trim().to_owned();
                environment.service_name = Some(name).filter(|name| !name.is_empty());
            }
            if let Some(pairs) = variable.strip_prefix(b"OTEL_RESOURCE_ATTRIBUTES=") {
                environment.resource_attributes = resource_attributes(&String::from_utf8_lossy(pairs));
            }
        }
        environment
    }

    /// Tells whether somebody named this process on purpose.
    pub fn is_explicit(&self) -> bool {
        self.service_name.is_some() || !self.resource_attributes.is_empty()
    }
}

/// Reads `key1=value1,key2=value2` with percent-encoded values.
///
/// The OpenTelemetry resource SDK specification would discard the whole text for one faulty pair; here only that pair is lost, because a label with a typo should not hide the owner.
// Source: https://opentelemetry.io/docs/specs/otel/resource/sdk/#specifying-resource-information-via-an-environment-variable
fn resource_attributes(text: &str) -> Attributes {
    text.split(',')
        .filter_map(|pair| {
            let (key, value) = pair.split_once('=')?;
            let (key, value) = (percent_decoded(key.trim())?, percent_decoded(value.trim())?);
            (!key.is_empty()).then_some((key, value))
        })
        .collect()
}

/// Replaces `%41` by `A`; `None` when what follows a `%` is not two hex digits, or the result is not UTF-8.
fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        if first != b'%' {
            bytes.push(first);
            continue;
        }
        let high = char::from(*tail.first()?).to_digit(16)?;
        let low = char::from(*tail.get(1)?).to_digit(16)?;
        bytes.push(u8::try_from(high * 16 + low).ok()?);
        rest = tail.get(2..)?;
    }
    String::from_utf8(bytes).ok()
}

impl Stat {
    /// Reads the line of `/proc/<pid>/stat`.
    pub fn parse(line: &str) -> Option<Self> {
        // The command stands in parentheses and may itself hold spaces and parentheses.
        let (head, tail) = line.rsplit_once(')')?;
        let (_, command) = head.split_once('(')?;
        let fields: Vec<&str> = tail.split_ascii_whitespace().collect();
        // Field 3 of the manual page, `state`, is the first after the command.
        let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
        Some(Self {
            command: command.to_owned(),
            parent: u32::try_from(number(4)?).ok()?,
            cpu_ticks: number(14)?.checked_add(number(15)?)?,
            start_ticks: number(22)?,
            resident_pages: number(24)?,
        })
    }
}

/// Reads the second number of `schedstat`: time spent waiting on a run queue.
// Source: https://docs.kernel.org/scheduler/sched-stats.html#proc-pid-schedstat
pub(super) fn run_queue_wait_ns(schedstat: &str) -> Option<u64> {
    schedstat.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// Finds the 64 hex digits that Docker, containerd and CRI-O put into the cgroup's path.
pub(super) fn container_id(cgroup: &str) -> Option<&str> {
    cgroup.lines().find_map(|line| {
        let path = line.splitn(3, ':').nth(2)?;
        path.rsplit('/').find_map(|part| {
            let part = part.strip_suffix(".scope").unwrap_or(part);
            let id = part.rsplit(['-', ':']).next()?;
            (id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(id)
        })
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn attributes_of_the_environment_are_percent_decoded() {
        let environ = b"PATH=/bin\0OTEL_SERVICE_NAME=inventory\0OTEL_RESOURCE_ATTRIBUTES=owner=li.na%2C%20core,vcs.ref.head.revision=9f3c1e2 , bad, worse=%zz,=x\0";
        let environment = Environment::parse(environ);
        assert_eq!(environment.service_name.as_deref(), Some("inventory"));
        let expected = [("owner", "li.na, core"), ("vcs.ref.head.revision", "9f3c1e2")]
            .map(|(k, v)| (k.into(), v.into()));
        assert_eq!(environment.resource_attributes, Attributes::from(expected));
    }

    #[test]
    fn an_empty_service_name_is_no_name() {
        assert!(!Environment::parse(b"OTEL_SERVICE_NAME=\0").is_explicit());
    }

    #[test]
    fn a_command_with_spaces_and_parentheses_does_not_shift_the_fields() {
        let line = "19 (a) b (c)) R 7 1 1 0 -1 0 1 2 3 4 31 5 6 7 20 0 1 0 114069 16961536 3319 18446744073709551615";
        let expected = Stat {
            command: "a) b (c)".into(),
            parent: 7,
            cpu_ticks: 36,
            start_ticks: 114_069,
            resident_pages: 3319,
        };
        assert_eq!(Stat::parse(line), Some(expected));
    }

    #[test]
    fn container_ids_are_found_where_runtimes_put_them() {
        let id = "88628dda1c5e7bd63bbf90fd2b9371f788628dda1c5e7bd63bbf90fd2b9371f7";
        for (cgroup, expected) in [
            (format!("0::/docker/{id}\n"), Some(id)),
            (format!("5:cpu:/\n0::/kubepods.slice/pod1.slice/cri-containerd-{id}.scope\n"), Some(id)),
            (format!("0::/system.slice/containerd.service/kubepods:cri-containerd:{id}"), Some(id)),
            ("0::/user.slice/session-1.scope".to_owned(), None),
        ] {
            assert_eq!(container_id(&cgroup), expected, "{cgroup}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_of_proc_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in ".*") {
            Environment::parse(&bytes);
            Environment::parse(&[b"OTEL_RESOURCE_ATTRIBUTES=", bytes.as_slice()].concat());
            Stat::parse(&text);
            run_queue_wait_ns(&text);
            container_id(&text);
        }
    }
}
