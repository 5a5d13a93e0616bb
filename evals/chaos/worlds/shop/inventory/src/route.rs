//! The walk through the warehouse that collects an order.

/// Metres from one bay to the next.
const BAY: u32 = 2;
/// Metres from one aisle to the next.
const AISLE: u32 = 5;
/// How often other orders of the stops are tried.
const TRIES: u32 = 150_000;

/// The length of a short walk from the gate past all `places` and back, in metres.
pub fn shortest_walk(places: &[(u32, u32)]) -> u32 {
    let mut stops = places.to_vec();
    let mut best = length(&stops);
    let mut seed = best.wrapping_add(1);
    for _ in 0..TRIES {
        if stops.len() < 2 {
            return best;
        }
        // Numerical Recipes, 3rd edition, section 7.1.4.
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let (one, other) = ((seed >> 8) as usize % stops.len(), (seed >> 20) as usize % stops.len());
        stops.swap(one, other);
        let walk = length(&stops);
        if walk < best {
            best = walk;
        } else {
            stops.swap(one, other);
        }
    }
    best
}

fn length(stops: &[(u32, u32)]) -> u32 {
    let mut at = (0, 0);
    let mut metres = 0;
    for stop in stops.iter().chain([&(0, 0)]) {
        metres += distance(at, *stop);
        at = *stop;
    }
    metres
}

fn distance(from: (u32, u32), to: (u32, u32)) -> u32 {
    if from.0 == to.0 {
        return from.1.abs_diff(to.1) * BAY;
    }
    from.0.abs_diff(to.0) * AISLE + (from.1 + to.1) * BAY
}
