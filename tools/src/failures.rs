//! Why a request failed, as its span says.

use waggle_signals::{Span, semconv};

/// Message of an exception. OpenTelemetry records it on spans and on their events.
const EXCEPTION_MESSAGE: &str = "exception.message";
/// What the program said of a failed span. OpenTelemetry's key for a status description outside of OTLP.
const STATUS_DESCRIPTION: &str = "otel.status_description";

/// Returns the plainest reason that a span gives: its message, else its type of error, else its status code.
pub(crate) fn said(span: &Span) -> Option<&str> {
    let keys = [EXCEPTION_MESSAGE, STATUS_DESCRIPTION, semconv::ERROR_TYPE, semconv::HTTP_STATUS];
    keys.iter().find_map(|key| span.attributes.get(*key)).map(String::as_str)
}
