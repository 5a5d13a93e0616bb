//! Reserving: taking what a cart wishes from the shelves, all of it or nothing.

use std::fmt;

use crate::shelf::Shelf;

/// One line of a cart.
pub struct Wish {
    pub sku: String,
    pub quantity: u32,
}

/// What was put aside.
pub struct Reservation {
    taken: Vec<(String, u32)>,
    /// In cents.
    pub total: u64,
    /// Where it stands in the warehouse.
    pub places: Vec<(u32, u32)>,
}

pub enum Refusal {
    Unknown(String),
    SoldOut(String),
}

impl Wish {
    /// Reads `LAMP-042=2`.
    pub fn parse(line: &str) -> Option<Self> {
        let (sku, quantity) = line.split_once('=')?;
        Some(Self { sku: sku.to_owned(), quantity: quantity.parse().ok()? })
    }
}

impl fmt::Display for Reservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.taken.iter().try_for_each(|(sku, quantity)| writeln!(f, "{sku}={quantity}"))
    }
}

/// Takes all wishes from the shelves, or none.
pub fn reserve(shelves: &mut [Shelf], wishes: &[Wish]) -> Result<Reservation, Refusal> {
    let mut found = Vec::new();
    for wish in wishes {
        let position = match_sku(shelves, &wish.sku).ok_or_else(|| Refusal::Unknown(wish.sku.clone()))?;
        if shelves[position].left < wish.quantity {
            return Err(Refusal::SoldOut(wish.sku.clone()));
        }
        found.push((position, wish.quantity));
    }
    let mut reservation = Reservation { taken: Vec::new(), total: 0, places: Vec::new() };
    for (position, quantity) in found {
        let shelf = &mut shelves[position];
        shelf.left = shelf.left.saturating_sub(quantity);
        reservation.total += shelf.price * u64::from(quantity);
        reservation.taken.push((shelf.sku.clone(), quantity));
        reservation.places.push(shelf.place);
    }
    Ok(reservation)
}

/// Gives back what an older reservation of the same cart held.
pub fn release(shelves: &mut [Shelf], reservation: &str) {
    for wish in reservation.lines().filter_map(Wish::parse) {
        if let Some(position) = match_sku(shelves, &wish.sku) {
            shelves[position].left += wish.quantity;
        }
    }
}

/// Finds the shelf that holds `sku`. Out of line, so that profiles name it.
#[inline(never)]
fn match_sku(shelves: &[Shelf], sku: &str) -> Option<usize> {
    shelves.binary_search_by(|shelf| shelf.sku.as_str().cmp(sku)).ok()
}
