//! Takes the money: authorises a card with its processor.

#[path = "../../common/mod.rs"]
mod common;

use std::{
    fs,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use common::{
    client::Client,
    http::{self, Request, Response},
    log, settings,
};

const TIMEOUT: Duration = Duration::from_secs(10);
/// Keys of the card processors, one network a line. Read each time: keys are rotated while the shop is open.
const CREDENTIALS: &str = "processor.conf";
const SEAL_ROUNDS: u32 = 500_000;

struct Payment {
    datastore: Client,
    authorised: AtomicU64,
}

fn main() {
    let payment = Payment { datastore: Client::new("datastore", TIMEOUT), authorised: AtomicU64::new(0) };
    http::serve(&settings::setting("listen"), move |request| {
        match (request.method.as_str(), request.path.as_str()) {
            ("POST", "/authorisations") => payment.authorise(request),
            _ => Response::new(404, "no such page\n"),
        }
    });
}

impl Payment {
    fn authorise(&self, request: &Request) -> Response {
        let (Some(cart), Some(card), Some(amount)) =
            (request.form("cart"), request.form("card"), request.form("amount"))
        else {
            return Response::new(400, "an authorisation needs a cart, a card and an amount\n");
        };
        let network = match card.as_bytes().first() {
            Some(b'3') => "amex",
            Some(b'4') => "visa",
            Some(b'5') => "mastercard",
            _ => return Response::new(402, "we do not take this card\n"),
        };
        let text = fs::read_to_string(CREDENTIALS).unwrap_or_default();
        let line = text.lines().find(|line| http::field(line, "network") == Some(network));
        let key = match line.map(|line| (http::field(line, "key"), http::field(line, "expires"))) {
            Some((Some(key), Some(expires))) if expires > log::today().as_str() => key,
            Some((_, expires)) => {
                let expires = expires.unwrap_or("without a date");
                log::error(format_args!("processor refused {network}: credentials expired {expires}"));
                return Response::new(500, format!("{network} credentials expired {expires}\n"));
            }
            None => {
                log::error(format_args!("no credentials for {network} in {CREDENTIALS}"));
                return Response::new(500, format!("no credentials for {network}\n"));
            }
        };
        let mut seal = 0_u64;
        for byte in key.bytes().chain(card.bytes()).chain(amount.bytes()) {
            seal = (seal ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        for round in 0..SEAL_ROUNDS {
            seal = (seal ^ u64::from(round)).wrapping_mul(0x0100_0000_01b3).rotate_left(17);
        }
        let record = format!("network={network}&amount={amount}&seal={seal:016x}");
        if let Err(failure) = self.datastore.put(&format!("/kv?key=charge-{cart}"), &record) {
            log::error(format_args!("charge is not on record: {failure}"));
            return Response::new(503, "charges cannot be kept\n");
        }
        if self.authorised.fetch_add(1, Ordering::Relaxed).is_multiple_of(40) {
            log::info(format_args!("authorised {amount} for cart {cart}"));
        }
        Response::new(201, format!("seal={seal:016x}\n"))
    }
}
