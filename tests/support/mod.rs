//! A server as a process, and commands beside it.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "each test program uses a part of it, and a failed unwrap is a failed test"
)]

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Output, Stdio},
};

pub fn waggle(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_waggle"));
    command.args(arguments).env("WAGGLE_DIR", dir).stdin(Stdio::null());
    for name in ["WAGGLE_MODEL_URL", "WAGGLE_MODEL_NAME", "WAGGLE_MODEL_KEY", "WAGGLE_LOG"] {
        command.env_remove(name);
    }
    command
}

pub fn run(dir: &Path, arguments: &[&str]) -> Output {
    waggle(dir, arguments).output().unwrap()
}

/// A server that ends with the test.
pub struct Serving {
    pub child: Child,
    pub address: String,
    pub first_lines: Vec<String>,
}

impl Serving {
    /// Starts a server that collects nothing by itself.
    pub fn start(dir: &Path) -> Self {
        Self::start_with(dir, &[])
    }

    /// As [`start`](Self::start), with more options.
    pub fn start_with(dir: &Path, options: &[&str]) -> Self {
        let arguments = [&["serve", "--no-collect", "--listen", "127.0.0.1:0"], options].concat();
        let mut child = waggle(dir, &arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut first_lines = Vec::new();
        while !first_lines.iter().any(|line: &String| line.starts_with("model")) {
            first_lines.push(lines.next().expect("the server ended").unwrap());
        }
        let address = first_lines[0].split("http://").nth(1).unwrap();
        let address = address.split(['/', ' ']).next().unwrap().to_owned();
        Self { child, address, first_lines }
    }

    pub fn request(&self, text: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        let mut answer = String::new();
        // A server may close without the courtesy of an empty read; what came is what counts.
        let _ = stream.read_to_string(&mut answer);
        answer
    }

    /// Sends JSON with the token, and returns what is answered.
    pub fn post(&self, path: &str, body: &str) -> String {
        let token = self.token();
        self.request(&format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        ))
    }

    pub fn token(&self) -> &str {
        self.first_lines[0].split("token=").nth(1).unwrap()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
