//! What is read out of a request, checked once.

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Request},
    http::{HeaderMap, StatusCode, header, request::Parts},
};
use serde::de::DeserializeOwned;
use waggle_agent_core::{Error, EvidenceId, IncidentId, Kind};

use super::fault::Fault;

/// The longest text that a person may send.
pub(super) const MAX_TEXT_BYTES: usize = 16 * 1024;
/// The longest body: a text of the greatest length, with each byte of it escaped (`\u0007`), and room for the rest.
pub(super) const MAX_BODY_BYTES: usize = 6 * MAX_TEXT_BYTES + 1024;
/// Longer than any id that is given out, short enough for a log line.
const MAX_ID_BYTES: usize = 128;

/// The `{id}` of a path. Well-formed; may be unknown.
pub(super) struct IncidentPath(pub(super) IncidentId);

/// The `{id}` and `{evidence}` of a path. Well-formed; may be unknown.
pub(super) struct EvidencePath(pub(super) IncidentId, pub(super) EvidenceId);

/// A body of JSON, within its limit.
pub(super) struct JsonBody<T>(pub(super) T);

/// Tells whether `id` is `inc-` and letters, digits, `-`, `_` or `.`: safe in a path, a log and a header.
pub(super) fn is_incident_id(id: &str) -> bool {
    let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    id.len() <= MAX_ID_BYTES
        && id.strip_prefix("inc-").is_some_and(|rest| !rest.is_empty() && rest.bytes().all(is_safe))
}

/// Says that `id` is none, without repeating more of it than a line holds.
pub(super) fn not_an_incident_id(id: &str) -> Error {
    let shown: String = id.chars().filter(|c| !c.is_control()).take(40).collect();
    Kind::Invalid
        .error(format!("`{shown}` is not an incident id"))
        .with_hint("ids look like `inc-7f3k`; `/api/incidents` lists them")
}

impl<S: Send + Sync> FromRequestParts<S> for IncidentPath {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Fault> {
        let Path(id) = path::<String, S>(parts, state).await?;
        incident_id(id).map(Self)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for EvidencePath {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Fault> {
        let Path((id, evidence)) = path::<(String, String), S>(parts, state).await?;
        let evidence =
            (evidence.len() <= MAX_ID_BYTES).then(|| evidence.parse::<EvidenceId>().ok()).flatten();
        let Some(evidence) = evidence else {
            return Err(Fault::new(StatusCode::BAD_REQUEST, "not an evidence id").hint("ids look like `E7`"));
        };
        Ok(Self(incident_id(id)?, evidence))
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = Fault;

    async fn from_request(request: Request, state: &S) -> Result<Self, Fault> {
        if !is_json(request.headers()) {
            let fault = Fault::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the body is not JSON");
            return Err(fault.hint("send `content-type: application/json`"));
        }
        let body = Bytes::from_request(request, state).await.map_err(|rejected| match rejected.status() {
            StatusCode::PAYLOAD_TOO_LARGE => too_long(),
            status => Fault::new(status, "the body could not be read"),
        })?;
        let value = serde_json::from_slice(&body);
        value
            .map(Self)
            .map_err(|error| Fault::new(StatusCode::BAD_REQUEST, format!("the body does not fit: {error}")))
    }
}

/// Says that a body or a text is over its limit.
pub(super) fn too_long() -> Fault {
    Fault::new(StatusCode::PAYLOAD_TOO_LARGE, format!("text is over the limit of {MAX_TEXT_BYTES} bytes"))
        .hint("say it in fewer words, or split it")
}

async fn path<T: DeserializeOwned + Send, S: Send + Sync>(
    parts: &mut Parts,
    state: &S,
) -> Result<Path<T>, Fault> {
    let path = Path::from_request_parts(parts, state).await;
    path.map_err(|rejected| Fault::new(rejected.status(), "the path does not read as text"))
}

fn incident_id(id: String) -> Result<IncidentId, Fault> {
    if is_incident_id(&id) { Ok(IncidentId(id)) } else { Err(not_an_incident_id(&id).into()) }
}

/// RFC 9110 §8.3.1: a type is compared without regard to case, and parameters may follow it.
fn is_json(headers: &HeaderMap) -> bool {
    let content_type =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    content_type.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn incident_ids_are_safe_to_print_and_to_put_in_a_path() {
        let long = format!("inc-{}", "a".repeat(MAX_ID_BYTES));
        let good = ["inc-1", "inc-7f3k", "inc-2026-03-01T14.05_a"];
        let bad =
            ["", "inc-", "inc", "7f3k", "inc-a b", "inc-a/b", "inc-\n", "inc-é", "INC-1", long.as_str()];
        assert!(good.iter().all(|id| is_incident_id(id)));
        assert_eq!(bad.iter().filter(|id| is_incident_id(id)).count(), 0);
    }
}
