//! Reads the documents of a folder and tells what becomes of them: `chunks PATH [WORD]`.
//!
//! With a word, the chunks whose heading or text has it are printed as well.

use std::{collections::BTreeMap, error::Error, time::Instant};

use waggle_knowledge::{
    documents::{chunks, chunks::weight, read_document},
    sources::{Census, FolderSource, Step},
};

/// Skipped files that are named.
const NAMED: usize = 20;

/// Width of a bar of the histogram.
const STEP: usize = 200;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: chunks PATH [WORD]")?;
    let word = arguments.next();
    let source = FolderSource::open("example", path)?;
    let mut census = Census::default();
    let mut formats: BTreeMap<String, usize> = BTreeMap::new();
    let mut skipped: BTreeMap<&'static str, usize> = BTreeMap::new();
    let mut notes: BTreeMap<String, usize> = BTreeMap::new();
    let mut sizes: BTreeMap<usize, usize> = BTreeMap::new();
    let (mut n_named, mut slowest, started) = (0, (0.0, String::new()), Instant::now());
    for step in source.steps() {
        census.add(&step);
        let found = match step {
            Step::Found(found) => found,
            Step::Same(_) => continue,
            Step::Unread(_, left_out) | Step::Skipped(left_out) | Step::Stopped(left_out) => {
                *skipped.entry(left_out.reason.name()).or_default() += 1;
                continue;
            }
        };
        let begun = Instant::now();
        let parsed = match read_document(&found.source, &found.bytes) {
            Ok(parsed) => parsed,
            Err(left_out) => {
                *skipped.entry(left_out.reason.name()).or_default() += 1;
                n_named += 1;
                if n_named <= NAMED {
                    println!("{left_out}");
                }
                continue;
            }
        };
        *formats.entry(parsed.format.to_string()).or_default() += 1;
        parsed.notes.iter().for_each(|note| *notes.entry(note.clone()).or_default() += 1);
        let document = parsed.into_document(found.id, "example", &found.source);
        for chunk in chunks(&document) {
            *sizes.entry(weight(&chunk.text) / STEP).or_default() += 1;
            let is_wanted =
                |word: &String| chunk.heading.contains(word.as_str()) || chunk.text.contains(word.as_str());
            if word.as_ref().is_some_and(is_wanted) {
                println!(
                    "── {} ({}, {})\n{}\n{}\n",
                    chunk.heading,
                    chunk.id,
                    chunk.place,
                    "─".repeat(40),
                    chunk.text
                );
            }
        }
        let took = begun.elapsed().as_secs_f64();
        if took > slowest.0 {
            slowest = (took, found.source);
        }
    }
    println!("documents: {formats:?}");
    println!("left out: {skipped:?}");
    let mut notes: Vec<_> = notes.into_iter().collect();
    notes.sort_by_key(|(_, times)| std::cmp::Reverse(*times));
    for (note, times) in notes.iter().take(NAMED) {
        println!("note, {times} times: {note}");
    }
    println!(
        "chunks: {} in {:.1} s; slowest {:.2} s: {}",
        sizes.values().sum::<usize>(),
        started.elapsed().as_secs_f64(),
        slowest.0,
        slowest.1
    );
    for (size, count) in sizes {
        println!("{:>5} to {:>5}: {count}", size * STEP, (size + 1) * STEP - 1);
    }
    Ok(())
}
