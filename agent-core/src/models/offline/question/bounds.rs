//! Limits on a measure: `error rate > 1%`, `100ms 以上`, `fewer than 10 requests per second`, `between 0.1 and 2 s`.

use super::{
    sense::Sense,
    tokens::{Token, What},
    units::{Quantity, Unit},
};

/// What is measured of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measure {
    /// The 99th percentile of latency, milliseconds.
    Latency,
    /// Share of failed requests, 0 to 1.
    Errors,
    /// Requests a second.
    Requests,
    /// CPUs in use; a share counts one CPU as all.
    Cpu,
    /// Bytes of memory.
    Memory,
    /// Disk space.
    Disk,
}

/// The side of a limit that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    AtLeast,
    AtMost,
}

/// A limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bound {
    pub measure: Measure,
    pub side: Side,
    /// In the unit of the measure.
    pub value: f64,
}

/// So many words may stand between a relation and its number.
const REACH: usize = 4;

/// Finds all limits; marks their tokens as used, and returns the meanings of those that still say what is asked.
pub(super) fn bounds(tokens: &[Token], is_used: &mut [bool]) -> (Vec<Bound>, Vec<Sense>) {
    let mut bounds = Vec::new();
    let mut meant = Vec::new();
    let is_between = tokens.iter().any(|token| token.has(Sense::Between));
    let numbers: Vec<usize> = (0..tokens.len())
        .filter(|at| !is_used.get(*at).copied().unwrap_or(true) && quantity(tokens, *at).is_some())
        .collect();
    for (place, at) in numbers.iter().copied().enumerate() {
        let Some(number) = quantity(tokens, at) else { continue };
        let from = place.checked_sub(1).and_then(|before| numbers.get(before)).map_or(0, |before| before + 1);
        let to = numbers.get(place + 1).copied().unwrap_or(tokens.len());
        let paired = is_between && numbers.len() == 2;
        let (measure_from, measure_to) = if paired { (0, tokens.len()) } else { (from, to) };
        let number = Quantity {
            unit: match (number.unit, paired) {
                // `between 100 and 500 ms`: the unit is said once.
                (Unit::None, true) => numbers
                    .iter()
                    .filter_map(|at| quantity(tokens, *at))
                    .map(|other| other.unit)
                    .find(|unit| *unit != Unit::None)
                    .unwrap_or(Unit::None),
                (unit, _) => unit,
            },
            value: number.value,
        };
        let relation = relation(tokens, at, from, to);
        let measure = measure_near(tokens, at, measure_from, measure_to, number.unit);
        let side = match (relation, paired) {
            (Some((_, side)), _) => Some(side),
            (None, true) => Some(if place == 0 { Side::AtLeast } else { Side::AtMost }),
            (None, false) => (number.unit != Unit::None && measure.is_some()).then_some(Side::AtLeast),
        };
        let by_unit = || match number.unit {
            Unit::Percent => Some(Measure::Errors),
            Unit::Time => Some(Measure::Latency),
            Unit::PerSecond => Some(Measure::Requests),
            Unit::Bytes => Some(Measure::Memory),
            Unit::Cores => Some(Measure::Cpu),
            Unit::None => None,
        };
        let Some((side, (measure_at, measure))) =
            side.zip(measure.or_else(|| by_unit().map(|measure| (at, measure))))
        else {
            continue;
        };
        let mut mark = |at: usize| {
            if let Some(is_used) = is_used.get_mut(at) {
                *is_used = true
            }
        };
        mark(at);
        mark(measure_at);
        if let Some((relation, _)) = relation {
            mark(relation);
        }
        meant.extend(sense_of(measure));
        let is_per_minute = number.unit == Unit::None
            && measure == Measure::Requests
            && tokens.iter().any(|token| token.has(Sense::PerMinute));
        let value = in_measure(number, measure) / if is_per_minute { 60.0 } else { 1.0 };
        bounds.push(Bound { measure, side, value });
    }
    if !bounds.is_empty() {
        for (at, token) in tokens.iter().enumerate() {
            let is_part = [Sense::Above, Sense::Below, Sense::Between, Sense::PerSecond, Sense::PerMinute]
                .iter()
                .any(|sense| token.has(*sense));
            if let Some(is_used) = is_used.get_mut(at).filter(|_| is_part) {
                *is_used = true;
            }
        }
    }
    (bounds, meant)
}

/// Reads a limit that is none of something: `services without errors`, `没有流量的服务`. Marks its tokens as used.
pub(super) fn none_of(tokens: &[Token], is_used: &mut [bool]) -> Option<Bound> {
    if !tokens.iter().any(|token| token.has(Sense::Service)) {
        return None;
    }
    let not = tokens.iter().position(|token| token.has(Sense::Not))?;
    let reach = tokens.iter().enumerate().skip(not + 1).filter(|(_, token)| !token.is_filler()).take(2);
    let counted = reach.filter_map(|(at, token)| match measure_of(token)? {
        measure @ (Measure::Errors | Measure::Requests) => Some((at, measure)),
        _ => None,
    });
    let (at, measure) = counted.min_by_key(|(_, measure)| *measure == Measure::Requests)?;
    for at in [not, at] {
        if let Some(is_used) = is_used.get_mut(at) {
            *is_used = true;
        }
    }
    Some(Bound { measure, side: Side::AtMost, value: 0.0 })
}

/// Returns the measure that a word speaks of.
pub(super) fn measure_of(token: &Token) -> Option<Measure> {
    let measures = [
        (Sense::Latency, Measure::Latency),
        (Sense::Errors, Measure::Errors),
        (Sense::ErrorRatio, Measure::Errors),
        (Sense::Requests, Measure::Requests),
        (Sense::Cpu, Measure::Cpu),
        (Sense::Memory, Measure::Memory),
        (Sense::Disk, Measure::Disk),
        (Sense::Slow, Measure::Latency),
        (Sense::Fast, Measure::Latency),
    ];
    measures.into_iter().find(|(sense, _)| token.has(*sense)).map(|(_, measure)| measure)
}

fn sense_of(measure: Measure) -> Option<Sense> {
    match measure {
        Measure::Cpu => Some(Sense::Cpu),
        Measure::Memory => Some(Sense::Memory),
        Measure::Disk => Some(Sense::Disk),
        Measure::Latency => Some(Sense::Latency),
        Measure::Errors | Measure::Requests => None,
    }
}

fn quantity(tokens: &[Token], at: usize) -> Option<Quantity> {
    match tokens.get(at)?.what {
        What::Quantity(quantity) => Some(quantity),
        _ => None,
    }
}

/// Finds which side of a number is meant: by the words before it, else by those behind it.
fn relation(tokens: &[Token], at: usize, from: usize, to: usize) -> Option<(usize, Side)> {
    let side = |place: usize| {
        let token = tokens.get(place)?;
        let side = match (token.has(Sense::Above), token.has(Sense::Below)) {
            (true, _) => Side::AtLeast,
            (_, true) => Side::AtMost,
            _ => return None,
        };
        let is_turned = place
            .checked_sub(1)
            .and_then(|before| tokens.get(before))
            .is_some_and(|before| before.has(Sense::Not));
        Some((place, if is_turned { side.turned() } else { side }))
    };
    let before = (from.max(at.saturating_sub(REACH))..at).rev().find_map(side);
    before.or_else(|| (at + 1..to.min(at + 1 + REACH)).find_map(side))
}

impl Side {
    fn turned(self) -> Self {
        match self {
            Self::AtLeast => Self::AtMost,
            Self::AtMost => Self::AtLeast,
        }
    }
}

/// Finds the measure that a number is of: the nearest before it, else the nearest behind it.
fn measure_near(tokens: &[Token], at: usize, from: usize, to: usize, unit: Unit) -> Option<(usize, Measure)> {
    let fits = |place: usize| {
        let measure = measure_of(tokens.get(place)?)?;
        let fits = match unit {
            Unit::None => true,
            Unit::Percent => !matches!(measure, Measure::Latency | Measure::Requests),
            Unit::Time => measure == Measure::Latency,
            Unit::PerSecond => measure == Measure::Requests,
            Unit::Bytes => matches!(measure, Measure::Memory | Measure::Disk),
            Unit::Cores => measure == Measure::Cpu,
        };
        fits.then_some((place, measure))
    };
    (from..at).rev().find_map(fits).or_else(|| (at + 1..to).find_map(fits))
}

fn in_measure(number: Quantity, measure: Measure) -> f64 {
    let Quantity { value, unit } = number;
    match (unit, measure) {
        (Unit::Percent, _) => value / 100.0,
        // Nobody asks for more failures than requests: `error rate > 5` means percent, and so does `CPU > 80`.
        (Unit::None, Measure::Errors | Measure::Cpu) if value > 1.0 => value / 100.0,
        _ => value,
    }
}
