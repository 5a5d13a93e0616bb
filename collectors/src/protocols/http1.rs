//! HTTP/1.0 and HTTP/1.1 (RFC 9112).

mod body;
mod head;

use std::collections::VecDeque;

use body::{Body, Taken};
use head::HeadText;

use super::{Chunk, Conversation, Part, Protocol, Side, Sniffed};

/// Requests on one connection whose responses are still to come; pipelining deeper than this is not followed.
const MAX_PIPELINED: usize = 64;

/// HTTP/1.
pub(super) struct Http1;

impl Protocol for Http1 {
    fn name(&self) -> &'static str {
        "http"
    }

    fn sniff(&self, bytes: &[u8]) -> Sniffed {
        head::sniff(bytes)
    }

    fn conversation(&self) -> Box<dyn Conversation> {
        Box::new(Http1Conversation::default())
    }
}

/// Both directions of one connection.
#[derive(Default)]
struct Http1Conversation {
    requests: Direction,
    responses: Direction,
    /// What the requests that have no response yet asked for, oldest first: a response's length depends on it.
    asked: VecDeque<Asked>,
}

/// What a request asked for, as far as it changes where its response ends (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Head,
    Connect,
    Other,
}

#[derive(Default)]
struct Direction {
    state: State,
    /// The message at hand may have ended without our seeing it, so a new one may begin with the next system call.
    may_begin: bool,
}

/// How far a direction is.
#[derive(Default)]
enum State {
    /// Between two messages.
    #[default]
    Idle,
    /// Inside a head.
    Head(HeadText),
    /// Inside a body.
    Body(Body),
    /// No HTTP any more, after `CONNECT` or `101`.
    Tunnel,
}

/// How the head at hand ends.
enum HeadEnds {
    /// A message with a body to come.
    Message(Body),
    /// A 1xx response: the real one is still to come.
    Interim,
    /// Not HTTP after all.
    Nothing,
}

impl Conversation for Http1Conversation {
    fn take(&mut self, side: Side, chunk: Chunk<'_>, parts: &mut Vec<Part>) {
        if matches!(self.direction(side).state, State::Tunnel) {
            return;
        }
        let begins_anew = self.direction(side).may_begin && head::sniff(chunk.bytes) == Sniffed::Begins(side);
        if begins_anew {
            self.end(side, parts);
        }
        let mut rest = chunk.bytes;
        while !rest.is_empty() {
            let Some(taken) = self.step(side, rest, chunk.size > chunk.bytes.len(), parts) else { return };
            rest = rest.get(taken..).unwrap_or_default();
        }
        self.skip(side, chunk.size.saturating_sub(chunk.bytes.len()), parts);
    }
}

impl Http1Conversation {
    fn direction(&mut self, side: Side) -> &mut Direction {
        match side {
            Side::Request => &mut self.requests,
            Side::Response => &mut self.responses,
        }
    }

    /// Takes some of the bytes and returns how many; `None` when the rest of the chunk means nothing.
    fn step(&mut self, side: Side, bytes: &[u8], is_cut: bool, parts: &mut Vec<Part>) -> Option<usize> {
        match &mut self.direction(side).state {
            State::Tunnel => None,
            State::Idle => self.begin(side, bytes, parts),
            State::Head(text) => {
                let (taken, is_complete) = text.take(bytes);
                parts.push(Part::Bytes(side, taken));
                let ends_in_hole = is_cut && taken == bytes.len();
                if is_complete || text.is_full() || ends_in_hole {
                    self.finish_head(side, is_complete, parts);
                }
                Some(taken)
            }
            State::Body(body) => {
                let was_certain = *body != Body::Unknown;
                let Taken { bytes: taken, is_complete } = body.take(bytes);
                parts.push(Part::Bytes(side, taken));
                if was_certain && *body == Body::Unknown {
                    parts.push(Part::Uncertain(side));
                }
                if is_complete {
                    self.end(side, parts);
                }
                Some(taken)
            }
        }
    }

    /// Begins a message, if one begins here.
    fn begin(&mut self, side: Side, bytes: &[u8], parts: &mut Vec<Part>) -> Option<usize> {
        // RFC 9112 §2.2: a server should ignore at least one empty line before a request line.
        let blank = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        if blank > 0 {
            return Some(blank);
        }
        match head::sniff(bytes) {
            Sniffed::No => return None,
            Sniffed::Begins(other) if other != side => return None,
            Sniffed::Begins(_) | Sniffed::Maybe => {}
        }
        if side == Side::Request {
            // Whatever response is still open was not the last word of its connection.
            self.responses.may_begin = matches!(self.responses.state, State::Body(_));
        }
        parts.push(if side == Side::Request { Part::RequestBegins } else { Part::ResponseBegins });
        *self.direction(side) = Direction { state: State::Head(HeadText::default()), may_begin: false };
        Some(0)
    }

    /// Leaves the head, complete or not, for what comes after it.
    fn finish_head(&mut self, side: Side, is_complete: bool, parts: &mut Vec<Part>) {
        let State::Head(text) = std::mem::take(&mut self.direction(side).state) else { return };
        let ends = match side {
            Side::Request => self.request_head(&text, is_complete, parts),
            Side::Response => self.response_head(&text, is_complete, parts),
        };
        match ends {
            HeadEnds::Message(Body::None) => self.end(side, parts),
            HeadEnds::Message(body) => {
                let may_begin = body == Body::Unknown;
                if may_begin {
                    parts.push(Part::Uncertain(side));
                }
                *self.direction(side) = Direction { state: State::Body(body), may_begin };
            }
            HeadEnds::Interim => parts.push(Part::InterimResponse),
            HeadEnds::Nothing => {}
        }
    }

    fn request_head(&mut self, text: &HeadText, is_complete: bool, parts: &mut Vec<Part>) -> HeadEnds {
        let Some((request, framing)) = text.request() else { return HeadEnds::Nothing };
        let asked = match framing.method.as_str() {
            "HEAD" => Asked::Head,
            "CONNECT" => Asked::Connect,
            _ => Asked::Other,
        };
        if self.asked.len() == MAX_PIPELINED {
            self.asked.pop_front();
        }
        self.asked.push_back(asked);
        parts.push(Part::Request(Box::new(request)));
        HeadEnds::Message(if is_complete { framing.request_body() } else { Body::Unknown })
    }

    fn response_head(&mut self, text: &HeadText, is_complete: bool, parts: &mut Vec<Part>) -> HeadEnds {
        let Some((response, framing)) = text.response() else { return HeadEnds::Nothing };
        let is_interim = (100..200).contains(&framing.status) && framing.status != 101;
        if is_interim {
            return HeadEnds::Interim;
        }
        let asked = self.asked.pop_front().unwrap_or(Asked::Other);
        let is_tunnel =
            framing.status == 101 || asked == Asked::Connect && (200..300).contains(&framing.status);
        parts.push(Part::Response(Box::new(response)));
        if is_tunnel {
            self.requests.state = State::Tunnel;
            parts.push(Part::Ends(Side::Response));
            self.responses.state = State::Tunnel;
            return HeadEnds::Nothing;
        }
        let has_no_body = asked == Asked::Head || matches!(framing.status, 204 | 304);
        if has_no_body {
            return HeadEnds::Message(Body::None);
        }
        HeadEnds::Message(if is_complete { framing.response_body() } else { Body::Unknown })
    }

    /// Passes over bytes that went through but were not captured.
    fn skip(&mut self, side: Side, hole: usize, parts: &mut Vec<Part>) {
        let direction = self.direction(side);
        let State::Body(body) = &mut direction.state else { return };
        if hole == 0 {
            return;
        }
        let was_certain = *body != Body::Unknown;
        let is_complete = body.skip(hole);
        let is_certain = *body != Body::Unknown;
        direction.may_begin |= !is_certain;
        parts.push(Part::Bytes(side, hole));
        if was_certain && !is_certain {
            parts.push(Part::Uncertain(side));
        }
        if is_complete {
            self.end(side, parts);
        }
    }

    fn end(&mut self, side: Side, parts: &mut Vec<Part>) {
        *self.direction(side) = Direction::default();
        parts.push(Part::Ends(side));
        if side == Side::Response {
            // RFC 9112 §9.3: a client sends no second request into the body of the first, so one that begins is new.
            self.requests.may_begin |= matches!(self.requests.state, State::Body(_));
        }
    }
}

#[cfg(test)]
mod tests;
