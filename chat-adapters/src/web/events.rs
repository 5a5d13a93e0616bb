//! Server-sent events: what became different, as it does.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode},
    response::{
        IntoResponse,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures::{StreamExt, future, stream};
use serde::Deserialize;
use waggle_agent_core::IncidentId;

use super::{
    WebState,
    fault::Fault,
    hub::{Change, Since, Subject, Told, Watcher},
    request::IncidentPath,
};

/// How often a silent stream says that it lives; proxies close what is silent for a minute.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// When a browser comes back after it lost the stream.
const RECONNECT_AFTER: Duration = Duration::from_secs(2);
/// Asks proxies not to hold events back (nginx, `proxy_buffering`).
const UNBUFFERED: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));

#[derive(Deserialize)]
pub(super) struct After {
    /// As the `Last-Event-ID` header, for a first connection: the `sequence` of what was read.
    after: Option<String>,
}

/// `GET /api/incidents/{id}/events`: the incident's lines, and where all incidents stand.
pub(super) async fn of_incident(
    State(state): State<WebState>,
    IncidentPath(incident): IncidentPath,
    after: Result<Query<After>, QueryRejection>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Fault> {
    state.memory.incident(&incident).await?;
    watch(&state, after, &headers, Some(incident))
}

/// `GET /api/events`: where all incidents stand.
pub(super) async fn of_all(
    State(state): State<WebState>,
    after: Result<Query<After>, QueryRejection>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Fault> {
    watch(&state, after, &headers, None)
}

fn watch(
    state: &WebState,
    after: Result<Query<After>, QueryRejection>,
    headers: &HeaderMap,
    room: Option<IncidentId>,
) -> Result<impl IntoResponse + use<>, Fault> {
    let Some(watcher) = state.chat.hub().watch(since(after, headers)) else {
        return Err(Fault::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "too many pages are open, or the program is stopping",
        )
        .hint("close some pages")
        .retry_after_s(RECONNECT_AFTER.as_secs() as u32));
    };
    let hello = Event::default().retry(RECONNECT_AFTER).comment("waggle");
    let told = stream::unfold(watcher, |mut watcher: Watcher| async {
        let told = watcher.next().await?;
        Some((told, watcher))
    });
    let events = told.filter_map(move |told| future::ready(event(told, room.as_ref())));
    let events = stream::once(future::ready(hello)).chain(events).map(Ok::<_, Infallible>);
    Ok(([UNBUFFERED], Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT))))
}

/// HTML §9.2.4: a browser that comes back says the last id it saw. That is newer than what its address says.
fn since(after: Result<Query<After>, QueryRejection>, headers: &HeaderMap) -> Since {
    let last_event_id =
        headers.get("last-event-id").map(|value| value.to_str().unwrap_or_default().to_owned());
    let id = match (last_event_id, after) {
        (Some(id), _) => Some(id),
        (None, Ok(Query(query))) => query.after,
        (None, Err(_)) => return Since::Unknown,
    };
    id.map_or(Since::Now, |id| id.parse().map_or(Since::Unknown, Since::After))
}

fn event(told: Told, room: Option<&IncidentId>) -> Option<Event> {
    let change = match told {
        Told::Change(change) => change,
        Told::Reload { sequence } => {
            return Some(Event::default().event("reload").id(sequence.to_string()).data("{}"));
        }
    };
    let Change { sequence, incident, subject, json } = &*change;
    let name = match subject {
        Subject::Line(_) if room != Some(incident) => return None,
        Subject::Line(_) => "line",
        Subject::Incident => "incident",
    };
    Some(Event::default().event(name).id(sequence.to_string()).data(json))
}
