//! Carts: what each customer wants to buy, one `sku=quantity` a line.

#[path = "../../common/mod.rs"]
mod common;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use common::{
    client::{Client, Failure},
    http::{self, Request, Response},
    log, settings,
};

const TIMEOUT: Duration = Duration::from_secs(10);
const MAX_LINES: usize = 3;

struct Carts {
    datastore: Client,
    reads: AtomicU64,
}

fn main() {
    let carts = Arc::new(Carts { datastore: Client::new("datastore", TIMEOUT), reads: AtomicU64::new(0) });
    http::serve(&settings::setting("listen"), move |request| {
        let path: Vec<&str> = request.path.trim_matches('/').split('/').collect();
        let answer = match (request.method.as_str(), path.as_slice()) {
            ("GET", ["carts", id]) => carts.cart(id),
            ("POST", ["carts", id, "items"]) => carts.add(id, request),
            _ => return Response::new(404, "no such page\n"),
        };
        answer.unwrap_or_else(|failure| {
            log::error(format_args!("cart is lost: {failure}"));
            Response::new(503, "carts are not available\n")
        })
    });
}

impl Carts {
    fn cart(&self, id: &str) -> Result<Response, Failure> {
        let lines = self.lines(id)?;
        if self.reads.fetch_add(1, Ordering::Relaxed).is_multiple_of(100) {
            log::info(format_args!("read cart {id}"));
        }
        Ok(Response::new(200, lines))
    }

    /// Adds the lines of the body. A full cart forgets its oldest line.
    fn add(&self, id: &str, request: &Request) -> Result<Response, Failure> {
        let before = self.lines(id)?;
        let mut lines: Vec<&str> = before.lines().collect();
        lines.extend(request.body.lines().filter(|line| line.contains('=')));
        let surplus = lines.len().saturating_sub(MAX_LINES);
        let after = lines[surplus..].join("\n");
        self.datastore.put(&format!("/kv?key=cart-{id}"), &after)?;
        Ok(Response::new(200, after))
    }

    fn lines(&self, id: &str) -> Result<String, Failure> {
        Ok(self.datastore.get(&format!("/kv?key=cart-{id}"))?.body)
    }
}
