//! An answer as server-sent events: a role, the steps of the work as they are made, the text in pieces, `[DONE]`.

use std::{convert::Infallible, sync::Arc, vec};

use axum::{
    http::{HeaderName, HeaderValue},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures::{StreamExt, future, stream};
use tokio::sync::mpsc;
use waggle_agent_core::{Language, investigation::Watch};

use super::{
    Asked, Face, Reply,
    chunk::{Head, done, failed},
    complete::usage,
    content::{content, pieces, stopped},
    fault::Fault,
    places::Place,
    settings::Settings,
    work::{Steps, Work},
};

/// Asks proxies not to hold events back (nginx, `proxy_buffering`).
const UNBUFFERED: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));

/// Where a stream stands.
enum Stage {
    /// The answer is under way.
    AtWork { work: Work, steps: mpsc::Receiver<String> },
    /// It is there; these events are left.
    Telling(vec::IntoIter<Event>),
}

/// What a stream needs to know besides.
struct Answer {
    head: Head,
    settings: Settings,
    language: Language,
}

/// Answers with events. The work ends when the client hangs up, for the events own it.
pub(super) fn stream(face: &Face, head: Head, settings: Settings, asked: Asked, place: Place) -> Response {
    let language = asked.language;
    let (watch, steps) = Steps::new(language);
    let watch: Arc<dyn Watch> = if settings.show_steps { Arc::new(watch) } else { Arc::new(()) };
    let work = Work::begin(face, asked, watch, place);
    let opening = head.opening();
    let answer = Answer { head, settings, language };
    let rest = stream::unfold((answer, Stage::AtWork { work, steps }), |(answer, stage)| async move {
        let (event, stage) = next(&answer, stage).await?;
        Some((event, (answer, stage)))
    });
    let events = stream::once(future::ready(opening)).chain(rest).map(Ok::<_, Infallible>);
    let keep_alive = KeepAlive::new().interval(face.limits.heartbeat);
    ([UNBUFFERED], Sse::new(events).keep_alive(keep_alive)).into_response()
}

async fn next(answer: &Answer, stage: Stage) -> Option<(Event, Stage)> {
    let mut left = match stage {
        Stage::Telling(left) => left,
        Stage::AtWork { mut work, mut steps } => {
            let answered = tokio::select! {
                // What was done first is told first.
                biased;
                Some(line) = steps.recv() => {
                    return Some((answer.head.step(&line), Stage::AtWork { work, steps }));
                }
                answered = work.end() => answered,
            };
            last_events(answer, answered, steps).into_iter()
        }
    };
    left.next().map(|event| (event, Stage::Telling(left)))
}

/// Everything from the end of the work on: steps that were not told yet, and the answer or what went wrong.
fn last_events(
    Answer { head, settings, language }: &Answer,
    answered: Result<Reply, Fault>,
    mut steps: mpsc::Receiver<String>,
) -> Vec<Event> {
    let mut events = Vec::new();
    while let Ok(line) = steps.try_recv() {
        events.push(head.step(&line));
    }
    match answered {
        Ok(reply) => {
            let text = stopped(&content(&reply, *language), &settings.stop);
            events.extend(pieces(&text).iter().map(|piece| head.piece(piece)));
            events.push(head.finish());
            if settings.include_usage {
                events.push(head.usage(&usage(reply.usage)));
            }
            events.push(done());
        }
        Err(fault) => events.push(failed(fault)),
    }
    events
}
