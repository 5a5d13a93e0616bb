//! Outside programs: each with a time limit, its words on failure, and a hint when it is missing.

use std::{
    io::{self, Read},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail};

/// Programs of the system that a user's path may lack.
const SYSTEM_DIRECTORIES: &str = "/usr/local/sbin:/usr/sbin:/sbin";
/// How much of what a failed program said is repeated.
const MAX_WORDS: usize = 2_000;

/// Returns the command for `program`, looked up in the path and in the system's own directories.
pub(crate) fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env("PATH", search_path());
    command
}

/// Returns the same command with an empty environment, but for the path.
pub(crate) fn bare_command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", search_path());
    command
}

fn search_path() -> String {
    let path = std::env::var("PATH").unwrap_or_else(|_| "/usr/local/bin:/usr/bin:/bin".to_owned());
    format!("{path}:{SYSTEM_DIRECTORIES}")
}

/// Runs the command to its end and returns its standard output.
///
/// # Errors
///
/// When it is not installed (with a hint), takes longer than `limit` (it is killed), or fails (with its own words).
pub(crate) fn output(command: &mut Command, limit: Duration) -> Result<String> {
    let name = name(command);
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.map_err(|error| not_started(&name, error))?;
    let said = listen(child.stdout.take());
    let complained = listen(child.stderr.take());
    let Some(status) = wait(&mut child, limit).with_context(|| format!("wait for `{name}`"))? else {
        child.kill().and_then(|()| child.wait().map(drop)).with_context(|| format!("end `{name}`"))?;
        bail!("`{name}` took longer than {limit:?}");
    };
    let said = said.join().unwrap_or_default();
    if !status.success() {
        let complained = complained.join().unwrap_or_default();
        let words: String = complained.trim().chars().take(MAX_WORDS).collect();
        bail!("`{name}` failed with {status}: {words}{}", hint(&words));
    }
    Ok(said)
}

/// Waits until the child has ended; `None` when it still runs after `limit`.
pub(crate) fn wait(child: &mut Child, limit: Duration) -> io::Result<Option<std::process::ExitStatus>> {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if started.elapsed() > limit {
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(2));
    }
}

fn listen(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What was said before a broken pipe still counts.
            let _ = pipe.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// The program, and for those that do many things, which of them: `git am`.
fn name(command: &Command) -> String {
    let program = command.get_program().to_string_lossy().into_owned();
    if !matches!(program.as_str(), "git" | "ip") {
        return program;
    }
    let is_verb = |word: &str| !word.starts_with('-') && !word.contains(['=', '/']);
    let verb = command.get_args().filter_map(|word| word.to_str()).find(|word| is_verb(word));
    verb.map_or_else(|| program.clone(), |verb| format!("{program} {verb}"))
}

/// What to do about words that people often meet; empty when there is no advice.
fn hint(words: &str) -> &'static str {
    if words.contains("linker `cc` not found") { "\nhint: apt-get install gcc" } else { "" }
}

fn not_started(name: &str, error: io::Error) -> anyhow::Error {
    if error.kind() != io::ErrorKind::NotFound {
        return anyhow!("`{name}` does not start: {error}");
    }
    let program = name.split(' ').next().unwrap_or(name);
    let hint = match program {
        "git" => "apt-get install git",
        "ip" => "apt-get install iproute2",
        "iptables" => "apt-get install iptables",
        _ if program.ends_with("rustc") => {
            "install Rust from https://rustup.rs, or set `RUSTC` to the compiler's path"
        }
        _ => "is it in the path?",
    };
    anyhow!("`{program}` is not installed\nhint: {hint}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_takes_too_long_is_ended() {
        let error = output(command("sleep").arg("30"), Duration::from_millis(50)).unwrap_err();
        assert_eq!(error.to_string(), "`sleep` took longer than 50ms");
    }

    #[test]
    fn a_missing_program_comes_with_a_hint() {
        let error = output(Command::new("/nowhere/rustc").arg("-vV"), Duration::from_secs(1)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`/nowhere/rustc` is not installed\nhint: install Rust from https://rustup.rs, or set `RUSTC` to the compiler's path"
        );
    }

    #[test]
    fn a_program_that_fails_is_quoted() {
        let place = tempfile::tempdir().unwrap();
        let mut ls = command("ls");
        ls.arg("missing").current_dir(&place).env("LC_ALL", "C");
        let error = output(&mut ls, Duration::from_secs(5)).unwrap_err().to_string();
        assert!(error.starts_with("`ls` failed with ") && error.contains("missing"), "{error}");
    }
}
