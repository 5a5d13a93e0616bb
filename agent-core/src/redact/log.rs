//! The exit to logs: what is written passes the redactor, and nothing turns it back.

use std::io::{self, Write};

use super::Redactor;

/// Writes what it is given, marks in place of secrets: for whoever writes one event at a time, as the formatter of `tracing` does.
///
/// Each write is redacted by itself, so a secret that is cut by two writes is not seen. Bytes that are no UTF-8 are replaced.
#[derive(Debug)]
pub struct RedactedWriter<W>(pub W);

impl<W: Write> Write for RedactedWriter<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        self.0.write_all(Redactor::default().redact(&text).as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_written_without_its_secrets() {
        let mut written = Vec::new();
        let event = "ERROR question was not answered error=\"dial postgres://shop:s3cr3t@db/x\"\n";
        RedactedWriter(&mut written).write_all(event.as_bytes()).unwrap();
        let want = "ERROR question was not answered error=\"dial postgres://shop:<secret_1>@db/x\"\n";
        assert_eq!(String::from_utf8(written).unwrap(), want);
    }
}
