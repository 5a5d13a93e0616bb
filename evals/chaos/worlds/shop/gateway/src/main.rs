//! The door of the shop: sends each request to the service that knows the answer.

#[path = "../../common/mod.rs"]
mod common;

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use common::{
    client::{Client, Failure},
    http::{self, Request, Response},
    log, settings,
};

const TIMEOUT: Duration = Duration::from_secs(30);
const SLOW: Duration = Duration::from_secs(2);

struct Gateway {
    checkout: Client,
    cart: Client,
    inventory: Client,
    requests: AtomicU64,
}

fn main() {
    let gateway = Gateway {
        checkout: Client::new("checkout", TIMEOUT),
        cart: Client::new("cart", TIMEOUT),
        inventory: Client::new("inventory", TIMEOUT),
        requests: AtomicU64::new(0),
    };
    http::serve(&settings::setting("listen"), move |request| gateway.answer(request));
}

impl Gateway {
    fn answer(&self, request: &Request) -> Response {
        let started = Instant::now();
        let response = self.route(request);
        self.note(request, &response, started.elapsed());
        response
    }

    fn route(&self, request: &Request) -> Response {
        let path: Vec<&str> = request.path.trim_matches('/').split('/').collect();
        let answer = match (request.method.as_str(), path.as_slice()) {
            ("POST", ["checkout"]) => self.checkout.post("/orders", &request.body),
            ("GET", ["products"]) => self.inventory.get(&format!("/products?{}", request.query)),
            ("GET", ["cart", id]) => self.cart.get(&format!("/carts/{id}")),
            ("POST", ["cart", id, "items"]) => self.cart.post(&format!("/carts/{id}/items"), &request.body),
            _ => return Response::new(404, "no such page\n"),
        };
        answer.unwrap_or_else(|failure| apology(&failure))
    }

    fn note(&self, request: &Request, response: &Response, took: Duration) {
        let (method, path, status) = (&request.method, &request.path, response.status);
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let millis = took.as_millis();
        if took > SLOW {
            log::warn(format_args!("slow request {method} {path} status={status} took {millis} ms"));
        } else if number.is_multiple_of(100) {
            log::info(format_args!("{method} {path} status={status} took {millis} ms, request {number}"));
        }
    }
}

fn apology(failure: &Failure) -> Response {
    log::error(format_args!("upstream failed: {failure}"));
    Response::new(if failure.is_timeout() { 504 } else { 502 }, "please try again\n")
}
