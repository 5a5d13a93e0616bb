//! Vectors of length one.

/// Shortens or stretches a vector to length one. One of zeros, or with a number that is none, becomes all zeros.
pub(super) fn to_unit_length(vector: &mut [f32]) {
    // Squares of `f32` fit into `f64` without overflow.
    let length = vector.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
    if !length.is_normal() {
        vector.fill(0.0);
        return;
    }
    for value in vector {
        *value = (f64::from(*value) / length) as f32;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(vector: &[f32], want: &[f32]) {
        let mut unit = vector.to_vec();
        to_unit_length(&mut unit);
        assert_eq!(unit, want, "{vector:?}");
    }

    #[test]
    fn a_vector_keeps_its_direction_and_nothing_stays_nothing() {
        check(&[3.0, 4.0], &[0.6, 0.8]);
        check(&[0.0, -2.0], &[0.0, -1.0]);
        check(&[f32::MAX, 0.0], &[1.0, 0.0]);
        check(&[0.0, 0.0], &[0.0, 0.0]);
        check(&[f32::NAN, 1.0], &[0.0, 0.0]);
        check(&[f32::INFINITY, 1.0], &[0.0, 0.0]);
        check(&[], &[]);
    }

    proptest! {
        #[test]
        fn any_other_vector_has_length_one(vector in prop::collection::vec(-1e30_f32..1e30, 1..40)) {
            prop_assume!(vector.iter().any(|value| value.abs() > 1e-30));
            let mut unit = vector;
            to_unit_length(&mut unit);
            let length = unit.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
            prop_assert!((length - 1.0).abs() < 1e-5, "{length}");
        }
    }
}
