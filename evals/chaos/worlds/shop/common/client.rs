//! HTTP/1.1 client: blocking, with a pool of open connections.

use std::{
    fmt, io,
    io::Write,
    net::{SocketAddr, TcpStream},
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use super::http::{Response, read_message};

const MAX_IDLE: usize = 64;
/// A restart takes less; until then a refused connection is tried again.
const RESTART: Duration = Duration::from_millis(250);
const CONNECT: Duration = Duration::from_secs(8);

/// One upstream service.
pub struct Client {
    name: &'static str,
    address: SocketAddr,
    timeout: Duration,
    idle: Mutex<Vec<TcpStream>>,
}

#[derive(Debug)]
pub struct Failure {
    upstream: &'static str,
    address: SocketAddr,
    error: io::Error,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}: {}", self.upstream, self.address, self.error)
    }
}

impl Failure {
    pub fn is_timeout(&self) -> bool {
        matches!(self.error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
    }
}

impl Client {
    /// An upstream that must answer within `timeout`. The setting of the same name has its address.
    pub fn new(name: &'static str, timeout: Duration) -> Self {
        let text = super::settings::setting(name);
        let address = text.parse().unwrap_or_else(|_| {
            eprintln!("setting `{name}` is not an address: {text}");
            std::process::exit(2);
        });
        Self { name, address, timeout, idle: Mutex::default() }
    }

    pub fn get(&self, target: &str) -> Result<Response, Failure> {
        self.send("GET", target, "")
    }

    pub fn post(&self, target: &str, body: &str) -> Result<Response, Failure> {
        self.send("POST", target, body)
    }

    pub fn put(&self, target: &str, body: &str) -> Result<Response, Failure> {
        self.send("PUT", target, body)
    }

    fn send(&self, method: &str, target: &str, body: &str) -> Result<Response, Failure> {
        let message = format!(
            "{method} {target} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n\r\n{body}",
            self.name,
            body.len()
        );
        self.exchange(message.as_bytes()).map_err(|error| Failure {
            upstream: self.name,
            address: self.address,
            error,
        })
    }

    fn exchange(&self, message: &[u8]) -> io::Result<Response> {
        while let Some(stream) = self.open_connection() {
            match self.answer(stream, message) {
                // The other side left between two requests: nothing was lost.
                Err(error) if has_left(&error) => {}
                answer => return answer,
            }
        }
        self.answer(self.connect()?, message)
    }

    /// An idle connection that the other side has not closed.
    fn open_connection(&self) -> Option<TcpStream> {
        let mut idle = self.idle();
        while let Some(stream) = idle.pop() {
            if is_open(&stream) {
                return Some(stream);
            }
        }
        None
    }

    fn answer(&self, mut stream: TcpStream, message: &[u8]) -> io::Result<Response> {
        stream.write_all(message)?;
        let mut buffer = Vec::new();
        let Some(message) = read_message(&mut stream, &mut buffer)? else {
            return Err(io::ErrorKind::ConnectionReset.into());
        };
        let status = message.first_line.split(' ').nth(1).and_then(|word| word.parse().ok());
        let status = status.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "not a response"))?;
        if !message.closes {
            let mut idle = self.idle();
            if idle.len() < MAX_IDLE {
                idle.push(stream);
            }
        }
        Ok(Response { status, body: message.body })
    }

    fn connect(&self) -> io::Result<TcpStream> {
        let started = Instant::now();
        let mut pause = Duration::from_millis(10);
        loop {
            match TcpStream::connect_timeout(&self.address, CONNECT) {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    stream.set_read_timeout(Some(self.timeout))?;
                    return Ok(stream);
                }
                Err(error)
                    if error.kind() == io::ErrorKind::ConnectionRefused && started.elapsed() < RESTART =>
                {
                    thread::sleep(pause);
                    pause *= 2;
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<TcpStream>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether an idle connection can still be used: it has nothing to read, not even its end.
fn is_open(stream: &TcpStream) -> bool {
    let quiet = stream.set_nonblocking(true).is_ok()
        && matches!(stream.peek(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock);
    quiet && stream.set_nonblocking(false).is_ok()
}

fn has_left(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)
}
