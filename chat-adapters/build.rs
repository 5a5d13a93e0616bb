//! Tells cargo when the embedded page has changed.

use std::path::Path;

const PAGE: &str = "web-ui/dist";

fn main() {
    // Building the page touches this file (`web-ui/vite.config.ts`): a folder that is not there yet cannot be watched
    // without building this crate anew each time.
    println!("cargo::rerun-if-changed=build.rs");
    if Path::new(PAGE).exists() {
        println!("cargo::rerun-if-changed={PAGE}");
    }
}
