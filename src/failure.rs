//! Errors as people read them: what was being done, what came back, what to try.

use std::process::ExitCode;

use waggle_agent_core::Error;

/// Exit code of a command that could not do its work, as opposed to one whose answer is no.
pub const FAILED: u8 = 2;

/// Prints an error with its causes and hints, and returns the exit code for it.
pub fn report(error: &anyhow::Error) -> ExitCode {
    eprintln!("{}", text(error));
    ExitCode::from(FAILED)
}

/// Writes an error: its chain on one line, then a `hint:` line for every hint in it.
pub fn text(error: &anyhow::Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut hints: Vec<String> = Vec::new();
    for cause in error.chain() {
        // Messages from the chaos suite carry their hint on a line of its own.
        let message = cause.to_string();
        let (message, hint) = message.split_once("\nhint: ").unwrap_or((&message, ""));
        let is_repeated = parts.last().is_some_and(|last| last.ends_with(message));
        if !is_repeated {
            parts.push(message.to_owned());
        }
        hints.extend((!hint.is_empty()).then(|| hint.to_owned()));
        hints.extend(cause.downcast_ref::<Error>().and_then(Error::hint).map(str::to_owned));
    }
    hints.dedup();
    let hints: String = hints.iter().map(|hint| format!("\nhint: {hint}")).collect();
    format!("error: {}{hints}", parts.join(": "))
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;
    use waggle_agent_core::Kind;

    use super::*;

    #[test]
    fn a_chain_is_one_line_and_hints_follow() {
        let low =
            Kind::Unavailable.error("telemetry store `x` is in use").with_hint("stop the other process");
        let error = Err::<(), _>(low).context("open the store").unwrap_err();
        assert_eq!(
            text(&error),
            "error: open the store: telemetry store `x` is in use\nhint: stop the other process"
        );
    }

    #[test]
    fn a_hint_inside_of_a_message_is_moved_to_its_own_line() {
        let error = anyhow::anyhow!("unknown fault `x`\nhint: one of `y`").context("demo");
        assert_eq!(text(&error), "error: demo: unknown fault `x`\nhint: one of `y`");
    }
}
