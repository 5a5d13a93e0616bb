//! One run of every fault, carried in the program so that it needs no source tree to play them.
//!
//! `make record` writes them; their form is that of the capture of `waggle-collectors`.

use std::borrow::Cow;

use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "recordings"]
struct Recordings;

/// Returns the bytes of a carried file by its name; `None` when there is none of that name.
pub fn file(name: &str) -> Option<Cow<'static, [u8]>> {
    Recordings::get(name).map(|file| file.data)
}

#[cfg(test)]
mod tests {
    use std::{
        collections::HashMap,
        io::{BufRead, BufReader},
    };

    use flate2::bufread::MultiGzDecoder;
    use serde_json::Value;

    use super::*;
    use crate::{NO_FAULT, faults};

    /// How far a call may seem to be outside of its caller's time: both are stamped on different threads.
    const SLACK_NS: u64 = 2_000_000;

    fn names() -> impl Iterator<Item = &'static str> {
        faults().iter().map(|fault| fault.name()).chain([NO_FAULT])
    }

    #[test]
    fn every_fault_and_none_has_a_recording() {
        for name in names() {
            assert!(file(&format!("{name}.json")).is_some(), "{name}");
            assert!(file(&format!("{name}.otlp.jsonl.gz")).is_some(), "{name}");
        }
    }

    /// Start and end of every span by its id, and the id of its parent.
    fn spans(name: &str) -> HashMap<String, (String, u64, u64)> {
        let bytes = file(&format!("{name}.otlp.jsonl.gz")).unwrap();
        let mut spans = HashMap::new();
        for line in BufReader::new(MultiGzDecoder::new(&*bytes)).lines() {
            let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
            let groups = line["resourceSpans"].as_array().into_iter().flatten();
            let scopes = groups.flat_map(|group| group["scopeSpans"].as_array().into_iter().flatten());
            for span in scopes.flat_map(|scope| scope["spans"].as_array().into_iter().flatten()) {
                let text = |key: &str| span[key].as_str().unwrap_or_default().to_owned();
                let nanos = |key: &str| text(key).parse::<u64>().unwrap();
                let times = (nanos("startTimeUnixNano"), nanos("endTimeUnixNano"));
                spans.insert(text("spanId"), (text("parentSpanId"), times.0, times.1));
            }
        }
        spans
    }

    #[test]
    fn calls_lie_within_the_time_of_their_callers() {
        for name in names() {
            let spans = spans(name);
            let calls =
                spans.values().filter_map(|(parent, start, end)| Some(((start, end), spans.get(parent)?)));
            let (mut inside, mut outside) = (0_usize, 0_usize);
            for ((start, end), (_, from, to)) in calls {
                let is_inside = start + SLACK_NS >= *from && *end <= to + SLACK_NS;
                *if is_inside { &mut inside } else { &mut outside } += 1;
            }
            assert!(inside > 1_000, "{name}: {inside} calls");
            assert_eq!(outside, 0, "{name}: of {inside} calls");
        }
    }
}
