//! Settings from the command line: `listen=127.0.0.1:8082 datastore=127.0.0.1:6380`.

/// The value of `name=value`. A service that lacks a setting does not start.
pub fn setting(name: &str) -> String {
    optional(name).unwrap_or_else(|| {
        eprintln!("missing setting `{name}=...`");
        std::process::exit(2);
    })
}

/// The value of `name=value`, if it was given.
pub fn optional(name: &str) -> Option<String> {
    std::env::args().skip(1).find_map(|argument| {
        let (key, value) = argument.split_once('=')?;
        (key == name).then(|| value.to_owned())
    })
}
