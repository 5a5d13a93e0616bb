//! Keys and values in memory: `GET /kv?key=...`, `PUT /kv?key=...`.

#[path = "../../common/mod.rs"]
mod common;

use std::{
    collections::HashMap,
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use common::{
    http::{self, Request, Response},
    log, settings,
};

const MAX_KEYS: usize = 100_000;

#[derive(Default)]
struct Store {
    values: RwLock<HashMap<String, String>>,
    writes: AtomicU64,
}

fn main() {
    let store = Store::default();
    http::serve(&settings::setting("listen"), move |request| {
        match (request.method.as_str(), request.path.as_str(), request.query("key")) {
            ("GET", "/kv", Some(key)) => store.value(key),
            ("PUT", "/kv", Some(key)) => store.put(key, request),
            _ => Response::new(400, "ask for /kv?key=...\n"),
        }
    });
}

impl Store {
    fn value(&self, key: &str) -> Response {
        match self.values.read().unwrap_or_else(PoisonError::into_inner).get(key) {
            Some(value) => Response::new(200, value.clone()),
            None => Response::new(204, ""),
        }
    }

    fn put(&self, key: &str, request: &Request) -> Response {
        let mut values = self.values.write().unwrap_or_else(PoisonError::into_inner);
        if values.len() >= MAX_KEYS && !values.contains_key(key) {
            log::error(format_args!("full: {MAX_KEYS} keys"));
            return Response::new(503, "full\n");
        }
        values.insert(key.to_owned(), request.body.clone());
        let writes = self.writes.fetch_add(1, Ordering::Relaxed);
        if writes.is_multiple_of(500) {
            log::info(format_args!("{} keys after {writes} writes", values.len()));
        }
        Response::new(204, "")
    }
}
