//! What SQLite says, in words that a person can act on.

use std::error::Error as _;

use sqlx::error::DatabaseError;
use waggle_agent_core::{Error, IncidentId, Kind};

/// Returns what turns a failure of the database into an error that says what was being done.
pub fn failed(doing: impl Into<String>) -> impl FnOnce(sqlx::Error) -> Error {
    move |error| {
        let (kind, hint) = match &error {
            sqlx::Error::Database(error) => meaning(error.as_ref()),
            sqlx::Error::PoolTimedOut => {
                (Kind::Timeout, Some("the disk is slow or too much is asked at once"))
            }
            sqlx::Error::PoolClosed => (Kind::Unavailable, None),
            sqlx::Error::Io(_) => (Kind::Unavailable, Some("check the disk that holds the file")),
            _ => (Kind::Internal, None),
        };
        let error = kind.because(doing, error);
        match hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }
}

/// As [`failed`], for rows that need an incident.
pub fn failed_for(incident: &IncidentId, doing: String) -> impl FnOnce(sqlx::Error) -> Error {
    move |error| {
        let no_incident = matches!(&error, sqlx::Error::Database(error) if error.is_foreign_key_violation());
        if no_incident { super::unknown(incident) } else { failed(doing)(error) }
    }
}

/// As [`failed`], for rows that need a case.
pub fn failed_for_case(incident: &IncidentId, doing: String) -> impl FnOnce(sqlx::Error) -> Error {
    move |error| {
        let no_case = matches!(&error, sqlx::Error::Database(error) if error.is_foreign_key_violation());
        if no_case {
            return Kind::NotFound.error(format!("no case of incident `{incident}`"));
        }
        failed(doing)(error)
    }
}

/// Tells whether an error comes from another program's lock.
pub fn is_locked(error: &Error) -> bool {
    let source = error.source().and_then(|source| source.downcast_ref());
    matches!(source, Some(sqlx::Error::Database(error)) if matches!(primary_code(error.as_ref()), Some(5 | 6)))
}

/// Returns the kind and the advice that go with a result code.
fn meaning(error: &dyn DatabaseError) -> (Kind, Option<&'static str>) {
    match primary_code(error) {
        Some(5 | 6) => {
            (Kind::Unavailable, Some("another program keeps the file locked; stop it, or try again later"))
        }
        Some(3 | 8 | 14 | 23) => {
            (Kind::Denied, Some("check that the file and its folder exist and may be written"))
        }
        Some(10) => (Kind::Unavailable, Some("check the disk that holds the file")),
        Some(13) => (Kind::Unavailable, Some("the disk is full; make room and try again")),
        Some(11) => {
            (Kind::Internal, Some("the file is damaged; restore a backup, or try `sqlite3 FILE .recover`"))
        }
        Some(26) => (Kind::Invalid, Some("name another file, or move this one away")),
        Some(18) => (Kind::Invalid, Some("keep less at once")),
        _ => (Kind::Internal, None),
    }
}

/// Returns the low byte of a result code, which is the primary code: <https://www.sqlite.org/rescode.html>.
fn primary_code(error: &dyn DatabaseError) -> Option<u32> {
    let code: u32 = error.code()?.parse().ok()?;
    Some(code & 0xff)
}
