//! Customers: they arrive whether the shop is quick or slow, and wait for their answers.
//!
//! One log line a second says what they met.

#[path = "../../common/mod.rs"]
mod common;
mod random;

use std::{
    io::Read,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, Receiver, TrySendError},
    },
    thread,
    time::{Duration, Instant},
};

use common::{client::Client, log, settings};
use random::Random;

const PATIENCE: Duration = Duration::from_secs(30);
/// How many customers can be in the shop at once; more stay outside.
const CUSTOMERS: usize = 64;
/// After this long without a CPU nobody makes up for the time: then the machine stood still, not the shop.
const STANDSTILL: Duration = Duration::from_millis(250);
const CARTS: u64 = 200;
/// As many as a cart holds, so that carts stay alike all day.
const LINES: usize = 3;
const FAMILIES: [&str; 8] = ["BOOK", "DESK", "GAME", "HOME", "LAMP", "SHOE", "TOOL", "WINE"];

enum Visit {
    Order,
    Browse,
    LookAtCart,
    AddToCart,
}

/// What the customers met within one second.
#[derive(Default)]
struct Second {
    millis: Vec<f64>,
    failed: u32,
    outside: u32,
}

type Shared = Arc<Mutex<Second>>;

fn main() {
    thread::spawn(|| {
        let mut ignored = [0; 64];
        while matches!(std::io::stdin().read(&mut ignored), Ok(1..)) {}
        std::process::exit(0);
    });
    let orders_per_second: f64 = settings::setting("orders_per_second").parse().unwrap_or(40.0);
    let seed = settings::setting("seed").parse().unwrap_or(1);
    let gateway = Arc::new(Client::new("gateway", PATIENCE));
    let second = Shared::default();
    let mut random = Random::new(seed);
    fill_carts(&gateway, &mut random);
    tell_each_second(Arc::clone(&second));
    arrive(&gateway, &second, &mut random, orders_per_second);
}

/// Customers arrive one by one, at random, as many as ever.
fn arrive(gateway: &Arc<Client>, second: &Shared, random: &mut Random, orders_per_second: f64) -> ! {
    let (door, inside) = mpsc::sync_channel::<(Visit, u64)>(CUSTOMERS);
    let inside = Arc::new(Mutex::new(inside));
    for _ in 0..CUSTOMERS {
        let (gateway, second, inside) = (Arc::clone(gateway), Arc::clone(second), Arc::clone(&inside));
        thread::spawn(move || shop(&gateway, &second, &inside));
    }
    // Of 56 visits 40 are orders.
    let mean = Duration::from_secs(1).div_f64(orders_per_second * 1.4);
    let mut next = Instant::now();
    loop {
        // Between half and one and a half of the mean: lively, but no bursts.
        next += mean.mul_f64(0.5 + random.fraction());
        let now = Instant::now();
        if now.saturating_duration_since(next) > STANDSTILL {
            next = now;
        }
        thread::sleep(next.saturating_duration_since(now));
        let visit = match random.below(56) {
            0..40 => Visit::Order,
            40..48 => Visit::Browse,
            48..54 => Visit::LookAtCart,
            _ => Visit::AddToCart,
        };
        if let Err(TrySendError::Full(_)) = door.try_send((visit, random.next())) {
            second.lock().unwrap_or_else(PoisonError::into_inner).outside += 1;
        }
    }
}

fn shop(gateway: &Client, second: &Shared, inside: &Mutex<Receiver<(Visit, u64)>>) {
    loop {
        let Ok((visit, seed)) = inside.lock().unwrap_or_else(PoisonError::into_inner).recv() else { return };
        let mut random = Random::new(seed);
        let started = Instant::now();
        let is_served = pay_visit(gateway, visit, &mut random);
        let mut second = second.lock().unwrap_or_else(PoisonError::into_inner);
        second.millis.push(started.elapsed().as_secs_f64() * 1e3);
        second.failed += u32::from(!is_served);
    }
}

/// Makes one request; tells whether the shop served it.
fn pay_visit(gateway: &Client, visit: Visit, random: &mut Random) -> bool {
    let cart = random.below(CARTS);
    let answer = match visit {
        Visit::Order => gateway.post("/checkout", &format!("cart={cart}&card={}", card(random))),
        Visit::Browse => gateway.get(&format!("/products?page={}", random.below(20))),
        Visit::LookAtCart => gateway.get(&format!("/cart/{cart}")),
        Visit::AddToCart => gateway.post(&format!("/cart/{cart}/items"), &wish(random)),
    };
    answer.is_ok_and(|response| response.status < 500)
}

fn fill_carts(gateway: &Client, random: &mut Random) {
    for cart in 0..CARTS {
        let wishes: Vec<String> = (0..LINES).map(|_| wish(random)).collect();
        if let Err(failure) = gateway.post(&format!("/cart/{cart}/items"), &wishes.join("\n")) {
            log::warn(format_args!("cart {cart} stays empty: {failure}"));
        }
    }
    log::info(format_args!("{CARTS} carts are filled"));
}

fn wish(random: &mut Random) -> String {
    let family = FAMILIES[random.below(FAMILIES.len() as u64) as usize];
    format!("{family}-{:03}={}", random.below(145), 1 + random.below(3))
}

/// 45 % Visa, 35 % Mastercard, 20 % American Express.
fn card(random: &mut Random) -> String {
    let (first, digits) = match random.below(100) {
        0..45 => (4, 15),
        45..80 => (5, 15),
        _ => (3, 14),
    };
    format!("{first}{:0digits$}", random.below(10_u64.pow(digits as u32)))
}

fn tell_each_second(second: Shared) {
    thread::spawn(move || {
        loop {
            thread::sleep(Duration::from_secs(1));
            let mut past = std::mem::take(&mut *second.lock().unwrap_or_else(PoisonError::into_inner));
            past.millis.sort_by(f64::total_cmp);
            let (served, failed, outside) = (past.millis.len(), past.failed, past.outside);
            let (p50, p99) = (quantile(&past.millis, 0.5), quantile(&past.millis, 0.99));
            log::info(format_args!(
                "answers={served} failed={failed} outside={outside} p50_ms={p50:.1} p99_ms={p99:.1}"
            ));
        }
    });
}

fn quantile(sorted: &[f64], share: f64) -> f64 {
    let rank = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}
