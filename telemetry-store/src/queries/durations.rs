//! Durations of many requests, and what is said of them.
//!
//! Percentiles are exact: all durations of a group are gathered and sorted, by DataFusion and Arrow. The value is the one
//! at the nearest rank, the smallest of which at least p of 100 are no larger (Hyndman and Fan 1996, definition 1): a
//! duration that was really measured.

use std::time::Duration;

use datafusion::{
    arrow::{
        array::{Array, ArrayRef, AsArray},
        compute::{concat, sort},
        datatypes::Int64Type,
        error::ArrowError,
    },
    functions_aggregate::expr_fn::array_agg,
    prelude::{Expr, col},
};

/// Makes the aggregate that gathers the durations of a group.
pub fn gathered() -> Expr {
    array_agg(col("duration_ns"))
}

/// Durations of one group, ascending.
pub struct Durations(ArrayRef);

impl Durations {
    /// Sorts what [`gathered`] made, of one or more groups that count as one.
    pub fn of(parts: &[ArrayRef]) -> Result<Self, ArrowError> {
        let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
        Ok(Self(sort(&concat(&parts)?, None)?))
    }

    /// Counts them.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Adds them up, in milliseconds.
    pub fn total_ms(&self) -> f64 {
        // In nanoseconds the sum of a year of requests fits: a sum of integers does not depend on the order of rows.
        let total = datafusion::arrow::compute::sum(self.0.as_primitive::<Int64Type>());
        milliseconds(total.unwrap_or_default())
    }

    /// Returns a percentile, in milliseconds; zero when there are none.
    pub fn percentile_ms(&self, percent: usize) -> f64 {
        let rank = (self.count() * percent).div_ceil(100).max(1);
        let durations = self.0.as_primitive::<Int64Type>().values();
        durations.get(rank - 1).map_or(0.0, |duration| milliseconds(*duration))
    }
}

fn milliseconds(nanos: i64) -> f64 {
    Duration::from_nanos(nanos.unsigned_abs()).as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::Int64Array;

    use super::*;

    #[test]
    fn percentiles_are_those_of_the_nearest_rank_method() {
        // The worked example of https://en.wikipedia.org/wiki/Percentile, in milliseconds and in two parts.
        let part = |values: &[i64]| -> ArrayRef {
            Arc::new(values.iter().map(|ms| ms * 1_000_000).collect::<Int64Array>())
        };
        let durations = Durations::of(&[part(&[50, 15]), part(&[40, 20, 35])]).unwrap();
        for (percent, expected) in [(5, 15.0), (30, 20.0), (40, 20.0), (50, 35.0), (100, 50.0)] {
            assert_eq!(durations.percentile_ms(percent), expected, "p{percent}");
        }
        assert_eq!((durations.count(), durations.total_ms()), (5, 160.0));
    }
}
