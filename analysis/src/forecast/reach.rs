//! When a series that goes on as expected meets a bound.

use serde::Serialize;
use waggle_signals::Timestamp;

use super::{Expected, Forecast};
use crate::Direction;

/// Whether and when a bound is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "reach")]
pub enum Reach {
    /// The newest value meets it.
    Already,
    /// It is expected to be met.
    Expected(When),
    /// It may be met, and is not expected to be.
    Possible {
        /// One future in ten meets it before.
        earliest: Timestamp,
    },
    /// Nine futures in ten do not meet it as far as can be seen.
    Unlikely,
}

/// When a bound is expected to be met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct When {
    /// One future in ten meets it before; `None` when the first step may meet it.
    pub earliest: Timestamp,
    /// As many futures meet it before as after.
    pub likely: Timestamp,
    /// One future in ten meets it after; `None` when that lies further away than can be seen.
    pub latest: Option<Timestamp>,
}

/// One of the three values that are expected of a step.
type Side = fn(&Expected) -> f64;

impl Forecast {
    /// Returns when values that move in `direction` meet `bound`.
    pub fn reach(&self, bound: f64, direction: Direction) -> Reach {
        let is_met = |value: f64| match direction {
            Direction::Up => value >= bound,
            Direction::Down => value <= bound,
        };
        let first =
            |of: Side| self.steps.iter().position(|step| is_met(of(step))).map(|step| self.time(step));
        if is_met(self.latest) {
            return Reach::Already;
        }
        let (soon, late): (Side, Side) = match direction {
            Direction::Up => (|step| step.high, |step| step.low),
            Direction::Down => (|step| step.low, |step| step.high),
        };
        match (first(soon), first(|step| step.middle)) {
            (Some(earliest), Some(likely)) => Reach::Expected(When { earliest, likely, latest: first(late) }),
            (Some(earliest), None) => Reach::Possible { earliest },
            (None, _) => Reach::Unlikely,
        }
    }
}
