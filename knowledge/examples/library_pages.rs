//! Reads the documents of installed libraries: `cargo run -p waggle-knowledge --example library_pages -- [--root ECOSYSTEM=FOLDER] [--show PATH] python:requests rust:tokio …`.

use std::{env, process::ExitCode, time::Instant};

use waggle_knowledge::library::{Body, Ecosystem, LibraryRef, Roots, library_pages};

fn main() -> ExitCode {
    let mut roots = Roots::well_known(|name| env::var(name).ok());
    let mut show = String::new();
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--show" => show = arguments.next().unwrap_or_default(),
            "--root" => {
                let root = arguments.next().unwrap_or_default();
                let named = root.split_once('=').and_then(|(word, folder)| {
                    Some((Ecosystem::ALL.iter().find(|(known, _)| *known == word)?.1, folder))
                });
                let Some((ecosystem, folder)) = named else {
                    eprintln!("`{root}` is not `ecosystem=folder`");
                    return ExitCode::FAILURE;
                };
                roots = roots.with(ecosystem, folder);
            }
            _ => told(&argument, &roots, &show),
        }
    }
    ExitCode::SUCCESS
}

fn told(text: &str, roots: &Roots, show: &str) {
    let start = Instant::now();
    let pages = text.parse::<LibraryRef>().and_then(|reference| library_pages(&reference, roots));
    let pages = match pages {
        Ok(pages) => pages,
        Err(error) => return println!("{text}: {error}; hint: {}", error.hint().unwrap_or_default()),
    };
    let version = pages.version().unwrap_or("-").to_owned();
    let (mut n_pages, mut n_bytes, mut left_out) = (0, 0, Vec::new());
    for page in pages {
        match page {
            Ok(page) => {
                n_pages += 1;
                let Body::Markdown(text) = &page.body else { continue };
                n_bytes += text.len();
                if !show.is_empty() && page.path.contains(show) {
                    println!("=== {}\n{text}\n", page.path);
                }
            }
            Err(it) => left_out.push(it.to_string()),
        }
    }
    let (n_left_out, spent) = (left_out.len(), start.elapsed());
    println!("{text} {version}: {n_pages} pages, {} KiB, {n_left_out} left out, {spent:.0?}", n_bytes / 1024);
    for it in left_out.iter().take(3) {
        println!("  left out {it}");
    }
}
