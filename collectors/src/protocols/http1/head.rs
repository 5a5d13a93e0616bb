//! Request and status lines with their header fields.

use httparse::{EMPTY_HEADER, Header, Status};
use waggle_signals::{Attributes, semconv};

use super::body::Body;
use crate::protocols::{Request, Response, Side, Sniffed, TraceContext, route};

/// Longest head that is collected; what is beyond is not looked at. Servers commonly stop at 8 KiB.
const MAX_HEAD_BYTES: usize = 8 * 1024;

/// Most header fields that are looked at.
const MAX_HEADERS: usize = 128;

/// Longest path that is kept.
const MAX_PATH_CHARS: usize = 512;

/// Methods that OpenTelemetry counts as known (RFC 9110 and PATCH, RFC 5789), and the ones WebDAV adds that matter for sniffing.
const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

/// Tells which message begins with these bytes.
pub(super) fn sniff(bytes: &[u8]) -> Sniffed {
    if bytes.is_empty() {
        return Sniffed::Maybe;
    }
    if let Some(sniffed) = starts(bytes, b"HTTP/1.", Side::Response) {
        return sniffed;
    }
    let sniffed = METHODS.iter().filter_map(|method| {
        let begun = starts(bytes, method.as_bytes(), Side::Request)?;
        match (begun, bytes.get(method.len()), bytes.get(method.len() + 1)) {
            (Sniffed::Begins(_), Some(b' '), Some(b'/' | b'*' | b'h' | b'H')) => Some(begun),
            (Sniffed::Begins(_), Some(b' '), Some(first))
                if *method == "CONNECT" && first.is_ascii_graphic() =>
            {
                Some(begun)
            }
            (Sniffed::Begins(_), None, _) | (Sniffed::Begins(_), Some(b' '), None) => Some(Sniffed::Maybe),
            (Sniffed::Begins(_), ..) => None,
            (other, ..) => Some(other),
        }
    });
    sniffed.max_by_key(|sniffed| matches!(sniffed, Sniffed::Begins(_))).unwrap_or(Sniffed::No)
}

fn starts(bytes: &[u8], word: &[u8], side: Side) -> Option<Sniffed> {
    if bytes.starts_with(word) {
        return Some(Sniffed::Begins(side));
    }
    word.starts_with(bytes).then_some(Sniffed::Maybe)
}

/// The bytes of one head, as far as they were seen.
#[derive(Clone, Debug, Default)]
pub(super) struct HeadText {
    bytes: Vec<u8>,
}

/// What decides where a message ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Framing {
    /// The request's method; empty for a response.
    pub method: String,
    /// The response's status; zero for a request.
    pub status: u16,
    content_length: Option<u64>,
    is_chunked: bool,
    has_transfer_encoding: bool,
}

impl HeadText {
    /// Takes bytes up to the empty line; returns how many, and whether that line was there.
    pub(super) fn take(&mut self, bytes: &[u8]) -> (usize, bool) {
        let before = self.bytes.len();
        self.bytes
            .extend_from_slice(bytes.get(..MAX_HEAD_BYTES - before.min(MAX_HEAD_BYTES)).unwrap_or(bytes));
        // The empty line may straddle two chunks: look back three bytes.
        let from = before.saturating_sub(3);
        let Some(end) = end_of_head(&self.bytes, from) else { return (self.bytes.len() - before, false) };
        self.bytes.truncate(end);
        (end.saturating_sub(before), true)
    }

    /// Tells whether no more is collected.
    pub(super) fn is_full(&self) -> bool {
        self.bytes.len() >= MAX_HEAD_BYTES
    }

    /// Reads the head of a request; a cut one is read up to its last whole line.
    pub(super) fn request(&self) -> Option<(Request, Framing)> {
        let text = self.whole_lines()?;
        let mut headers = [EMPTY_HEADER; MAX_HEADERS];
        let mut request = httparse::Request::new(&mut headers);
        let Ok(Status::Complete(_)) = request.parse(&text) else { return None };
        let (method, target) = (request.method?, request.path?);
        let path = path(target);
        let route = route(&path);
        let known = METHODS.contains(&method);
        let mut attributes = Attributes::new();
        let shown = if known { method } else { "_OTHER" };
        let mut put = |key: &str, value: &str| attributes.insert(key.to_owned(), value.to_owned());
        put(semconv::HTTP_METHOD, shown);
        put(semconv::URL_PATH, &path);
        put(semconv::HTTP_ROUTE, &route);
        let header = |name: &str| header(request.headers, name);
        let request_id = header("x-request-id").filter(|id| !id.is_empty() && id.len() <= 128);
        if let Some(id) = &request_id {
            put("http.request.header.x-request-id", id);
        }
        let framing = Framing { method: method.to_owned(), ..Framing::of(request.headers) };
        let trace_context = header("traceparent").and_then(|value| TraceContext::parse(&value));
        // OpenTelemetry: the name of a span with an unknown method begins with `HTTP`.
        let name = format!("{} {route}", if known { method } else { "HTTP" });
        let host = header("host").filter(|host| !host.is_empty());
        Some((Request { name, attributes, host, trace_context, request_id }, framing))
    }

    /// Reads the head of a response; a cut one is read up to its last whole line.
    pub(super) fn response(&self) -> Option<(Response, Framing)> {
        let text = self.whole_lines()?;
        let mut headers = [EMPTY_HEADER; MAX_HEADERS];
        let mut response = httparse::Response::new(&mut headers);
        let Ok(Status::Complete(_)) = response.parse(&text) else { return None };
        let status = response.code?;
        let attributes = Attributes::from([(semconv::HTTP_STATUS.to_owned(), status.to_string())]);
        // OpenTelemetry HTTP spans, "Status": 4xx is the client's failure, 5xx that of both.
        let client_error = (status >= 400).then(|| status.to_string());
        let server_error = (status >= 500).then(|| status.to_string());
        let framing = Framing { status, ..Framing::of(response.headers) };
        Some((Response { attributes, client_error, server_error }, framing))
    }

    /// Returns the bytes up to the last line end, closed by an empty line; `None` when not one line is whole.
    fn whole_lines(&self) -> Option<Vec<u8>> {
        if end_of_head(&self.bytes, 0).is_some() {
            return Some(self.bytes.clone());
        }
        let end = self.bytes.iter().rposition(|byte| *byte == b'\n')? + 1;
        let mut text = self.bytes.get(..end)?.to_vec();
        text.extend_from_slice(b"\r\n");
        Some(text)
    }
}

impl Framing {
    fn of(headers: &[Header<'_>]) -> Self {
        let encodings = header(headers, "transfer-encoding");
        // RFC 9112 §6.1: chunked is always the last encoding.
        let is_chunked = encodings.as_deref().is_some_and(|all| {
            all.rsplit(',').next().is_some_and(|last| last.trim().eq_ignore_ascii_case("chunked"))
        });
        let content_length = header(headers, "content-length").and_then(|length| length.trim().parse().ok());
        Self { content_length, is_chunked, has_transfer_encoding: encodings.is_some(), ..Self::default() }
    }

    // RFC 9112 §6.3 has these rules in this order.
    pub(super) fn request_body(&self) -> Body {
        match self.content_length {
            _ if self.is_chunked => Body::chunked(),
            _ if self.has_transfer_encoding => Body::Unknown,
            Some(length) if length > 0 => Body::Length(length),
            _ => Body::None,
        }
    }

    pub(super) fn response_body(&self) -> Body {
        match self.content_length {
            _ if self.is_chunked => Body::chunked(),
            _ if self.has_transfer_encoding => Body::Unknown,
            Some(0) => Body::None,
            Some(length) => Body::Length(length),
            None => Body::Unknown,
        }
    }
}

/// Returns the position after the first empty line at or after `from`.
fn end_of_head(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let newline = at + bytes.get(at..)?.iter().position(|byte| *byte == b'\n')?;
        let after = bytes.get(newline + 1..)?;
        match after {
            [b'\r', b'\n', ..] => return Some(newline + 3),
            [b'\n', ..] => return Some(newline + 2),
            _ => at = newline + 1,
        }
    }
}

fn header(headers: &[Header<'_>], name: &str) -> Option<String> {
    let found = headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?;
    Some(String::from_utf8_lossy(found.value).trim().to_owned())
}

/// Returns the path of a request target (RFC 9112 §3.2), without its query, which may carry secrets.
fn path(target: &str) -> String {
    let after_scheme = target.split_once("://").filter(|(scheme, _)| !scheme.contains('/'));
    let target = match after_scheme {
        Some((_, rest)) => rest.find('/').and_then(|slash| rest.get(slash..)).unwrap_or("/"),
        None => target,
    };
    let path = target.split(['?', '#']).next().unwrap_or_default();
    path.chars().take(MAX_PATH_CHARS).collect()
}
