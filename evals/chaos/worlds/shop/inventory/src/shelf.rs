//! Shelves: one per SKU.

const FAMILIES: [&str; 8] = ["BOOK", "DESK", "GAME", "HOME", "LAMP", "SHOE", "TOOL", "WINE"];
const SKUS_PER_FAMILY: usize = 145;
const FULL: u32 = 100_000;

pub struct Shelf {
    /// `LAMP-042`; shelves are in the order of their SKUs.
    pub sku: String,
    /// In cents.
    pub price: u64,
    pub left: u32,
    /// Where it stands: aisle and bay.
    pub place: (u32, u32),
}

/// The whole warehouse, as it was counted last.
pub fn warehouse() -> Vec<Shelf> {
    let mut shelves = Vec::new();
    for family in FAMILIES {
        for number in 0..SKUS_PER_FAMILY {
            let position = shelves.len() as u32;
            shelves.push(Shelf {
                sku: format!("{family}-{number:03}"),
                price: 199 + u64::from(position * 37 % 4_900),
                left: FULL,
                place: (position / 40, position % 40),
            });
        }
    }
    shelves
}
