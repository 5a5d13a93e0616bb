//! Plain log lines: `2026-03-02T14:05:00.250Z INFO reserved order 71`.

use std::{
    fmt::Display,
    io::Write,
    time::{SystemTime, UNIX_EPOCH},
};

pub fn info(text: impl Display) {
    line("INFO", text);
}

pub fn warn(text: impl Display) {
    line("WARN", text);
}

pub fn error(text: impl Display) {
    line("ERROR", text);
}

/// Today as `2026-03-02`, UTC.
pub fn today() -> String {
    now()[..10].to_owned()
}

fn line(level: &str, text: impl Display) {
    // A full disk must not stop a sale.
    let _ = writeln!(std::io::stdout().lock(), "{} {level} {text}", now());
}

fn now() -> String {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, second) = (since_epoch.as_secs() / 86_400, since_epoch.as_secs() % 86_400);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let millis = since_epoch.subsec_millis();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

/// The date `days` days after 1970-01-01.
/// `civil_from_days` in https://howardhinnant.github.io/date_algorithms.html.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}
