//! Looks at a deploy until it is settled.

use std::{future::Future, time::Duration};

use waggle_agent_core::{Kind, Result, ports::Telemetry};
use waggle_signals::Clock;

use crate::{Question, Report, check::Check};

/// Looks every `pause` until the outcome is settled or the horizon is over; `seen` is given each report on the way.
///
/// `sleep` waits for a time on the same clock (`tokio::time::sleep` beside the system's clock). A look that fails because the store
/// is not there is tried again at the next pause, so long as the horizon is not over.
///
/// # Errors
///
/// `Invalid` for a question that cannot be answered or a pause of nothing, else what the store says at the last look.
pub async fn watch<S: Future<Output = ()>>(
    telemetry: &dyn Telemetry,
    clock: &dyn Clock,
    question: &Question,
    pause: Duration,
    sleep: impl Fn(Duration) -> S,
    mut seen: impl FnMut(&Report),
) -> Result<Report> {
    if pause.is_zero() {
        return Err(Kind::Invalid.error("the pause between looks is zero").with_hint("30 s is usual"));
    }
    let mut check = Check::new(question.clone())?;
    loop {
        let now = clock.now();
        let is_over = now >= crate::windows::Windows::at(question, now).end;
        match check.look(telemetry, now).await {
            Ok(report) => {
                seen(&report);
                if report.is_final {
                    return Ok(report);
                }
            }
            Err(error) if !error.kind().is_retryable() || is_over => return Err(error),
            Err(_) => {}
        }
        sleep(pause).await;
    }
}
