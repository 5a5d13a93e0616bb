//! What the observed processes do. Each is this very program, started again with one test to run.

use std::{
    env, fs,
    io::{BufRead as _, BufReader, IoSlice, IoSliceMut, Read, Seek as _, Write},
    net::{Ipv4Addr, Shutdown, TcpListener, TcpStream, UdpSocket},
    os::fd::AsRawFd as _,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::sys::socket::{MsgFlags, recvmsg, sendmsg};

/// Tells a started process what to do.
const VARIABLE: &str = "WAGGLE_TEST_ROLE";

/// Longer than what is captured of one call.
pub const BODY_BYTES: usize = 5000;

/// How many messages of [`Form::Chatty`] go each way.
const CHATS: usize = 200;

/// What a process does.
#[derive(Clone, Copy, Debug)]
pub enum Role {
    /// Answers one request. Says `port <port>`.
    Server(Form),
    /// Asks the server at this port. Says `port <port>` with its own.
    Client(Form, u16),
    /// Runs in a loop for a second of CPU time. Says `code <from>-<to>` with where its program lies.
    Busy,
    /// Writes and reads files and pipes that look like HTTP.
    Files,
    /// Speaks something else over TCP, with itself.
    Stranger,
    /// Connects to where nobody listens, then a datagram socket.
    Refused(u16),
    /// Loses packets on a connection with itself, in a network of its own. Says `port <port>`.
    Lossy,
}

/// Which system calls move the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `send` and `recv`, with a look ahead first
    Send,
    /// `write` and `read`
    File,
    /// `writev` and `readv`
    Vector,
    /// `sendmsg` and `recvmsg`
    Message,
    /// As the first, over and over
    Chatty,
}

/// A running role.
pub struct Running {
    child: Child,
    output: BufReader<std::process::ChildStdout>,
}

impl Role {
    /// Starts a process that plays this role.
    pub fn start(self) -> Running {
        let program = env::current_exe().unwrap();
        let mut command = match self {
            Self::Lossy => {
                let mut command = Command::new("unshare");
                command.arg("--net").arg(program);
                command
            }
            _ => Command::new(program),
        };
        let mut child = command
            .args(["--ignored", "--exact", "role", "--nocapture", "--test-threads=1"])
            .env(VARIABLE, self.to_text())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Running { child, output }
    }

    /// Returns the role this process was started for.
    pub fn from_environment() -> Option<Self> {
        let text = env::var(VARIABLE).ok()?;
        let (name, argument) = text.split_once(' ')?;
        let form = |name| match name {
            "send" => Form::Send,
            "file" => Form::File,
            "vector" => Form::Vector,
            "message" => Form::Message,
            _ => Form::Chatty,
        };
        Some(match name {
            "server" => Self::Server(form(argument)),
            "client" => {
                let (name, port) = argument.split_once(' ')?;
                Self::Client(form(name), port.parse().ok()?)
            }
            "busy" => Self::Busy,
            "files" => Self::Files,
            "stranger" => Self::Stranger,
            "refused" => Self::Refused(argument.parse().ok()?),
            "lossy" => Self::Lossy,
            _ => return None,
        })
    }

    fn to_text(self) -> String {
        let form = |form| match form {
            Form::Send => "send",
            Form::File => "file",
            Form::Vector => "vector",
            Form::Message => "message",
            Form::Chatty => "chatty",
        };
        match self {
            Self::Server(how) => format!("server {}", form(how)),
            Self::Client(how, port) => format!("client {} {port}", form(how)),
            Self::Busy => "busy ".into(),
            Self::Files => "files ".into(),
            Self::Stranger => "stranger ".into(),
            Self::Refused(port) => format!("refused {port}"),
            Self::Lossy => "lossy ".into(),
        }
    }

    /// Plays the role, in the started process.
    pub fn play(self) {
        match self {
            Self::Server(form) => serve(form),
            Self::Client(form, port) => ask(form, port),
            Self::Busy => be_busy(),
            Self::Files => use_files(),
            Self::Stranger => be_strange(),
            Self::Refused(port) => be_refused(port),
            Self::Lossy => lose_packets(),
        }
    }
}

impl Running {
    /// Waits for a line that begins so, and returns the rest of it.
    pub fn line(&mut self, beginning: &str) -> String {
        let mut line = String::new();
        while self.output.read_line(&mut line).unwrap() > 0 {
            // The test harness writes its own words on the same line.
            if let Some((_, rest)) = line.split_once(beginning) {
                return rest.trim().to_owned();
            }
            line.clear();
        }
        panic!("no `{beginning}`");
    }

    /// Waits for the end, and returns the process id.
    pub fn finish(mut self) -> u32 {
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).unwrap();
        assert!(self.child.wait().unwrap().success(), "{rest}");
        self.child.id()
    }
}

pub fn request() -> Vec<u8> {
    b"GET /orders/7 HTTP/1.1\r\nhost: localhost\r\n\r\n".to_vec()
}

pub fn response_head() -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {BODY_BYTES}\r\n\r\n").into_bytes()
}

/// Tells whether all of these programs can be run.
pub fn has_all(programs: &[&str]) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    let has = |program: &&str| env::split_paths(&path).any(|directory| directory.join(program).is_file());
    programs.iter().all(has)
}

/// Returns a port that nobody listens on.
pub fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// Waits until somebody listens there.
pub fn wait_for_port(port: u16) {
    let give_up = Instant::now() + Duration::from_secs(20);
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        assert!(Instant::now() < give_up, "nobody listens on {port}");
        thread::sleep(Duration::from_millis(20));
    }
}

fn say(text: &str) {
    println!("{text}");
    std::io::stdout().flush().unwrap();
}

fn serve(form: Form) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    say(&format!("port {}", listener.local_addr().unwrap().port()));
    let (mut stream, _) = listener.accept().unwrap();
    let (request, head, body) = (request(), response_head(), vec![b'x'; BODY_BYTES]);
    if form == Form::Chatty {
        for _ in 0..CHATS {
            stream.read_exact(&mut vec![0; request.len()]).unwrap();
            stream.write_all(&[head.clone(), body.clone()].concat()).unwrap();
        }
        return;
    }
    read(form, &mut stream, request.len());
    write(form, &mut stream, &head, &body);
}

fn ask(form: Form, port: u16) {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    say(&format!("port {}", stream.local_addr().unwrap().port()));
    let whole = response_head().len() + BODY_BYTES;
    if form == Form::Chatty {
        for _ in 0..CHATS {
            stream.write_all(&request()).unwrap();
            stream.read_exact(&mut vec![0; whole]).unwrap();
        }
        return;
    }
    let request = request();
    // In two parts, to see that vectors are put together.
    let (first, second) = request.split_at(9);
    match form {
        Form::Vector | Form::Message => write(form, &mut stream, first, second),
        _ => write(form, &mut stream, &request, b""),
    }
    read(form, &mut stream, whole);
}

/// Reads exactly `len` bytes.
fn read(form: Form, stream: &mut TcpStream, len: usize) {
    let mut bytes = vec![0; len];
    let mut done = 0;
    if form == Form::Send {
        stream.peek(&mut bytes).unwrap();
    }
    while done < len {
        let rest = &mut bytes[done..];
        // A first part that is smaller than what is captured.
        let (first, second) = rest.split_at_mut(rest.len().min(20));
        let mut parts = [IoSliceMut::new(first), IoSliceMut::new(second)];
        let n = match form {
            Form::Send | Form::Chatty => stream.read(rest).unwrap(),
            Form::File => nix::unistd::read(&*stream, rest).unwrap(),
            Form::Vector => stream.read_vectored(&mut parts).unwrap(),
            Form::Message => {
                recvmsg::<()>(stream.as_raw_fd(), &mut parts, None, MsgFlags::empty()).unwrap().bytes
            }
        };
        assert!(n > 0);
        done += n;
    }
}

fn write(form: Form, stream: &mut TcpStream, head: &[u8], body: &[u8]) {
    let parts = [IoSlice::new(head), IoSlice::new(body)];
    let n = match form {
        Form::Vector => stream.write_vectored(&parts).unwrap(),
        Form::Message => sendmsg::<()>(stream.as_raw_fd(), &parts, &[], MsgFlags::empty(), None).unwrap(),
        Form::File => nix::unistd::write(&*stream, &[head, body].concat()).unwrap(),
        Form::Send | Form::Chatty => stream.write(&[head, body].concat()).unwrap(),
    };
    assert_eq!(n, head.len() + body.len());
}

fn be_busy() {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let program = env::current_exe().unwrap();
    let program = program.to_str().unwrap();
    let code = maps.lines().find(|line| line.ends_with(program) && line.contains(" r-xp ")).unwrap();
    say(&format!("code {}", code.split(' ').next().unwrap()));
    let mut n = 0_u64;
    while cpu_time() < Duration::from_secs(1) {
        for _ in 0..1_000_000 {
            n = std::hint::black_box(n).wrapping_mul(31).wrapping_add(7);
        }
    }
}

/// Time on the CPU of this process: fields 14 and 15 of `/proc/self/stat`, in hundredths of a second (proc(5)).
fn cpu_time() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

fn use_files() {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&request()).unwrap();
    file.rewind().unwrap();
    file.read_to_end(&mut Vec::new()).unwrap();
    let (mut reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(&response_head()).unwrap();
    reader.read_exact(&mut vec![0; response_head().len()]).unwrap();
}

fn be_strange() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut theirs, _) = listener.accept().unwrap();
    ours.write_all(b"*1\r\n$4\r\nPING\r\n").unwrap();
    theirs.read_exact(&mut [0; 14]).unwrap();
    theirs.write_all(b"+PONG\r\n").unwrap();
    ours.read_exact(&mut [0; 7]).unwrap();
}

fn be_refused(port: u16) {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap_err();
    let datagrams = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    datagrams.connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    datagrams.send(b"GET /dns HTTP/1.1\r\n\r\n").unwrap();
}

fn lose_packets() {
    run("ip", &["link", "set", "lo", "up"]);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut ours = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    let (mut theirs, _) = listener.accept().unwrap();

    let port = port.to_string();
    let rule = ["INPUT", "-p", "tcp", "--dport", &port, "-j", "DROP"];
    run("iptables", &[&["-A"][..], &rule].concat());
    ours.write_all(b"lost").unwrap();
    // The first retransmission comes after 200 ms (`TCP_RTO_MIN`), further ones after twice as long each.
    thread::sleep(Duration::from_millis(700));
    run("iptables", &[&["-D"][..], &rule].concat());
    theirs.read_exact(&mut [0; 4]).unwrap();
    ours.shutdown(Shutdown::Both).unwrap();
    say(&format!("port {port}"));
}

fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
}
