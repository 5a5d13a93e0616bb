//! HTTP/1.1 server: one thread per connection, connections are kept open.
//!
//! The service ends when its standard input does: it finishes the requests at hand first.

use std::{
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

const MAX_HEAD: usize = 16 * 1024;
const MAX_BODY: usize = 64 * 1024;
const MAX_CONNECTIONS: usize = 512;
const IDLE: Duration = Duration::from_secs(60);
/// How long a new version waits for the old one to leave the port.
const HANDOVER: Duration = Duration::from_secs(10);
/// How long the last requests may take.
const DRAIN: Duration = Duration::from_secs(3);

pub struct Request {
    pub method: String,
    pub path: String,
    pub query: String,
    pub body: String,
}

pub struct Response {
    pub status: u16,
    pub body: String,
}

impl Response {
    pub fn new(status: u16, body: impl Into<String>) -> Self {
        Self { status, body: body.into() }
    }
}

impl Request {
    /// One value of the query string: `page=2&size=20`.
    pub fn query(&self, name: &str) -> Option<&str> {
        field(&self.query, name)
    }

    /// One value of a form body: `cart=17&card=5100...`.
    pub fn form(&self, name: &str) -> Option<&str> {
        field(&self.body, name)
    }
}

/// The value of `name` in `a=1&b=2`.
pub fn field<'a>(pairs: &'a str, name: &str) -> Option<&'a str> {
    pairs
        .split('&')
        .find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name).map(|(_, value)| value))
}

#[derive(Default)]
struct State {
    draining: AtomicBool,
    busy: AtomicUsize,
    connections: AtomicUsize,
}

/// Answers requests until standard input ends. `GET /health` is answered here.
pub fn serve(listen: &str, handle: impl Fn(&Request) -> Response + Send + Sync + 'static) -> ! {
    let state = Arc::new(State::default());
    leave_when_told(Arc::clone(&state));
    let listener = bind(listen);
    super::log::info(format_args!("listening on {listen}"));
    let handle = Arc::new(handle);
    for stream in listener.incoming() {
        let Ok(stream) = stream else {
            thread::sleep(Duration::from_millis(10));
            continue;
        };
        if state.connections.fetch_add(1, Ordering::SeqCst) >= MAX_CONNECTIONS {
            state.connections.fetch_sub(1, Ordering::SeqCst);
            super::log::warn("too many connections, one was turned away");
            continue;
        }
        let (state, handle) = (Arc::clone(&state), Arc::clone(&handle));
        thread::spawn(move || {
            let _ = converse(stream, &state, &*handle);
            state.connections.fetch_sub(1, Ordering::SeqCst);
        });
    }
    unreachable!("a listener never ends")
}

fn bind(listen: &str) -> TcpListener {
    let started = Instant::now();
    loop {
        match TcpListener::bind(listen) {
            Ok(listener) => return listener,
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && started.elapsed() < HANDOVER => {
                thread::sleep(Duration::from_millis(1));
            }
            Err(error) => {
                super::log::error(format_args!("cannot listen on {listen}: {error}"));
                std::process::exit(1);
            }
        }
    }
}

fn leave_when_told(state: Arc<State>) {
    thread::spawn(move || {
        let mut ignored = [0; 64];
        while matches!(io::stdin().read(&mut ignored), Ok(1..)) {}
        state.draining.store(true, Ordering::SeqCst);
        let started = Instant::now();
        while state.busy.load(Ordering::SeqCst) > 0 && started.elapsed() < DRAIN {
            thread::sleep(Duration::from_millis(1));
        }
        std::process::exit(0);
    });
}

fn converse(mut stream: TcpStream, state: &State, handle: &dyn Fn(&Request) -> Response) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(IDLE))?;
    let mut buffer = Vec::new();
    while let Some(request) = read_request(&mut stream, &mut buffer)? {
        state.busy.fetch_add(1, Ordering::SeqCst);
        let response = match request.path.as_str() {
            "/health" => Response::new(200, format!("ok {}", std::process::id())),
            _ => handle(&request),
        };
        let last = state.draining.load(Ordering::SeqCst);
        let written = stream.write_all(encode(&response, last).as_bytes());
        state.busy.fetch_sub(1, Ordering::SeqCst);
        written?;
        if last {
            break;
        }
    }
    Ok(())
}

fn encode(response: &Response, last: bool) -> String {
    let reason = match response.status {
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        400 => "Bad Request",
        402 => "Payment Required",
        404 => "Not Found",
        409 => "Conflict",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Other",
    };
    let connection = if last { "close" } else { "keep-alive" };
    format!(
        "HTTP/1.1 {} {reason}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: {connection}\r\n\r\n{}",
        response.status,
        response.body.len(),
        response.body
    )
}

/// The next request, or nothing when the caller has hung up between two.
fn read_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Option<Request>> {
    let Some(message) = read_message(stream, buffer)? else { return Ok(None) };
    let mut words = message.first_line.split(' ');
    let (Some(method), Some(target)) = (words.next(), words.next()) else {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "not a request"));
    };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    Ok(Some(Request {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        body: message.body,
    }))
}

pub struct Message {
    pub first_line: String,
    pub closes: bool,
    pub body: String,
}

/// Reads one message; what belongs to the next one stays in `buffer`.
pub fn read_message(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Option<Message>> {
    let head_end = loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if buffer.len() > MAX_HEAD {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "head is too long"));
        }
        if fill(stream, buffer)? == 0 {
            return if buffer.is_empty() { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
        }
    };
    let head = String::from_utf8_lossy(&buffer[..head_end]).into_owned();
    let mut lines = head.split("\r\n");
    let first_line = lines.next().unwrap_or_default().to_owned();
    let (mut length, mut closes) = (0, false);
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap_or(usize::MAX),
            "connection" => closes = value.trim().eq_ignore_ascii_case("close"),
            _ => {}
        }
    }
    if length > MAX_BODY {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "body is too long"));
    }
    while buffer.len() < head_end + length {
        if fill(stream, buffer)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let body = String::from_utf8_lossy(&buffer[head_end..head_end + length]).into_owned();
    buffer.drain(..head_end + length);
    Ok(Some(Message { first_line, closes, body }))
}

fn fill(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<usize> {
    let mut chunk = [0; 8 * 1024];
    let length = stream.read(&mut chunk)?;
    buffer.extend_from_slice(&chunk[..length]);
    Ok(length)
}
