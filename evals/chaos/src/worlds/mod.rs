//! Worlds: what the faults happen in.

pub mod shop;
