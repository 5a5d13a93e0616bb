//! Turns a cart into an order: asks for the cart, reserves its goods, takes the money.

#[path = "../../common/mod.rs"]
mod common;

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use common::{
    client::{Client, Failure},
    http::{self, Request, Response},
    log, settings,
};

const TIMEOUT: Duration = Duration::from_secs(20);

struct Checkout {
    cart: Client,
    inventory: Client,
    payment: Client,
    orders: AtomicU64,
}

fn main() {
    let checkout = Checkout {
        cart: Client::new("cart", TIMEOUT),
        inventory: Client::new("inventory", TIMEOUT),
        payment: Client::new("payment", TIMEOUT),
        orders: AtomicU64::new(1),
    };
    http::serve(&settings::setting("listen"), move |request| {
        match (request.method.as_str(), request.path.as_str()) {
            ("POST", "/orders") => checkout.order(request).unwrap_or_else(|refusal| refusal),
            _ => Response::new(404, "no such page\n"),
        }
    });
}

impl Checkout {
    /// Places one order. `cart` and `card` come with the form.
    fn order(&self, request: &Request) -> Result<Response, Response> {
        let (Some(cart), Some(card)) = (request.form("cart"), request.form("card")) else {
            return Err(Response::new(400, "an order needs a cart and a card\n"));
        };
        let order = self.orders.fetch_add(1, Ordering::Relaxed);
        let lines = self.lines(order, cart)?;
        let total = self.reserve(order, cart, &lines)?;
        self.pay(order, cart, card, total)?;
        if order.is_multiple_of(40) {
            log::info(format_args!("order {order} placed: cart {cart}, total {total}"));
        }
        Ok(Response::new(201, format!("order={order}&total={total}\n")))
    }

    fn lines(&self, order: u64, cart: &str) -> Result<String, Response> {
        let answer = accepted(order, self.cart.get(&format!("/carts/{cart}")))?;
        if answer.body.trim().is_empty() {
            return Err(Response::new(409, "the cart is empty\n"));
        }
        Ok(answer.body)
    }

    fn reserve(&self, order: u64, cart: &str, lines: &str) -> Result<u64, Response> {
        let answer = accepted(order, self.inventory.post(&format!("/reservations?cart={cart}"), lines))?;
        http::field(answer.body.trim(), "total")
            .and_then(|total| total.parse().ok())
            .ok_or_else(|| Response::new(502, "inventory gave no total\n"))
    }

    fn pay(&self, order: u64, cart: &str, card: &str, total: u64) -> Result<(), Response> {
        let form = format!("cart={cart}&card={card}&amount={total}");
        accepted(order, self.payment.post("/authorisations", &form)).map(drop)
    }
}

/// The answer, if it is one to go on with; else what the customer gets to see.
fn accepted(order: u64, answer: Result<Response, Failure>) -> Result<Response, Response> {
    match answer {
        Ok(response) if response.status < 300 => Ok(response),
        Ok(response) if response.status < 500 => Err(response),
        Ok(response) => {
            log::error(format_args!(
                "order {order} failed: status {}: {}",
                response.status,
                response.body.trim()
            ));
            Err(Response::new(502, "please try again\n"))
        }
        Err(failure) => {
            log::error(format_args!("order {order} failed: {failure}"));
            Err(Response::new(if failure.is_timeout() { 504 } else { 502 }, "please try again\n"))
        }
    }
}
