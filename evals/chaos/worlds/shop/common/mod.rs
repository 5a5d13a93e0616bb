//! What every service of the shop stands on.

// Each service uses its own part of this.
#![allow(dead_code)]

pub mod client;
pub mod http;
pub mod log;
pub mod settings;
