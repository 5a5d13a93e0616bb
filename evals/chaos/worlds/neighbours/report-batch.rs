//! A nightly report that nobody told the shop about: adds up numbers on several threads, as fast as it can.
//!
//! `report-batch threads=16`. Ends when its standard input does.

use std::{hint::black_box, io::Read, thread};

fn main() {
    let threads = std::env::args()
        .find_map(|argument| argument.strip_prefix("threads=").and_then(|number| number.parse().ok()))
        .unwrap_or(4_u32);
    for seed in 0..threads {
        thread::spawn(move || sum_up(u64::from(seed)));
    }
    let mut ignored = [0; 64];
    while matches!(std::io::stdin().read(&mut ignored), Ok(1..)) {}
    std::process::exit(0);
}

fn sum_up(seed: u64) {
    let mut rows: Vec<u64> = (0..4096).map(|row| row ^ seed).collect();
    loop {
        for position in 1..rows.len() {
            rows[position] = rows[position].wrapping_mul(31).wrapping_add(rows[position - 1]);
        }
        black_box(&rows);
    }
}
