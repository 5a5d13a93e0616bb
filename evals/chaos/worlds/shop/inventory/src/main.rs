//! What is on the shelves, and for whom it is put aside.

#[path = "../../common/mod.rs"]
mod common;
mod reserve;
mod route;
mod shelf;

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use common::{
    client::{Client, Failure},
    http::{self, Request, Response},
    log, settings,
};
use reserve::{Refusal, Wish};
use shelf::Shelf;

const TIMEOUT: Duration = Duration::from_secs(10);

struct Inventory {
    datastore: Client,
    shelves: Mutex<Vec<Shelf>>,
    reservations: AtomicU64,
}

fn main() {
    let inventory = Inventory {
        datastore: Client::new("datastore", TIMEOUT),
        shelves: Mutex::new(shelf::warehouse()),
        reservations: AtomicU64::new(0),
    };
    http::serve(&settings::setting("listen"), move |request| {
        match (request.method.as_str(), request.path.as_str()) {
            ("GET", "/products") => inventory.products(request),
            ("POST", "/reservations") => inventory.reserve(request).unwrap_or_else(|failure| {
                log::error(format_args!("reservation is lost: {failure}"));
                Response::new(503, "reservations are not available\n")
            }),
            _ => Response::new(404, "no such page\n"),
        }
    });
}

impl Inventory {
    fn products(&self, _request: &Request) -> Response {
        let shelves = self.shelves.lock().unwrap_or_else(PoisonError::into_inner);
        let lines: Vec<String> =
            shelves.iter().take(20).map(|shelf| format!("{}={}", shelf.sku, shelf.price)).collect();
        Response::new(200, lines.join("\n"))
    }

    /// Puts the wished goods aside and tells the total price.
    fn reserve(&self, request: &Request) -> Result<Response, Failure> {
        let cart = request.query("cart").unwrap_or("unknown");
        let wishes: Vec<Wish> = request.body.lines().filter_map(Wish::parse).collect();
        let held = self.datastore.get(&format!("/kv?key=reservation-{cart}"))?;
        let reserved = {
            let mut shelves = self.shelves.lock().unwrap_or_else(PoisonError::into_inner);
            reserve::release(&mut shelves, &held.body);
            reserve::reserve(&mut shelves, &wishes)
        };
        let reservation = match reserved {
            Ok(reservation) => reservation,
            Err(Refusal::Unknown(sku)) => return Ok(Response::new(409, format!("we do not sell {sku}\n"))),
            Err(Refusal::SoldOut(sku)) => return Ok(Response::new(409, format!("{sku} is sold out\n"))),
        };
        let walk = route::shortest_walk(&reservation.places);
        self.datastore.put(&format!("/kv?key=reservation-{cart}"), &reservation.to_string())?;
        if self.reservations.fetch_add(1, Ordering::Relaxed).is_multiple_of(40) {
            log::info(format_args!("reserved {} lines for cart {cart}, a walk of {walk} m", wishes.len()));
        }
        Ok(Response::new(201, format!("total={}\n", reservation.total)))
    }
}
