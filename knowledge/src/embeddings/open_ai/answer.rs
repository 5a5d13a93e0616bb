//! Vectors out of an answer: as many as were asked for, in the order of the texts, all of the same size, of real numbers.

use serde::Deserialize;

use crate::embeddings::unit::to_unit_length;

#[derive(Deserialize)]
struct Answer {
    data: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    /// Some servers leave it out and keep the order.
    index: Option<usize>,
    embedding: Vec<f32>,
}

/// Reads the vectors for `n_texts` texts, each of length one; what is wrong with them where something is.
pub(super) fn vectors(answer: &[u8], n_texts: usize, dimensions: usize) -> Result<Vec<Vec<f32>>, String> {
    let answer: Answer =
        serde_json::from_slice(answer).map_err(|error| format!("no list of embeddings: {error}"))?;
    let n_vectors = answer.data.len();
    if n_vectors != n_texts {
        return Err(format!("{n_vectors} embeddings for {n_texts} texts"));
    }
    let mut vectors: Vec<Option<Vec<f32>>> = vec![None; n_texts];
    for (at, entry) in answer.data.into_iter().enumerate() {
        let index = entry.index.unwrap_or(at);
        let mut vector = entry.embedding;
        if vector.len() != dimensions {
            return Err(format!("an embedding with {} dimensions in place of {dimensions}", vector.len()));
        }
        if !vector.iter().all(|value| value.is_finite()) {
            return Err("an embedding with a number that is not finite".to_owned());
        }
        to_unit_length(&mut vector);
        let slot = vectors.get_mut(index).filter(|slot| slot.is_none());
        let slot = slot.ok_or_else(|| format!("an embedding with index {index} for {n_texts} texts"))?;
        *slot = Some(vector);
    }
    // As many as there are texts, and none twice: all are there.
    Ok(vectors.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(answer: &str, want: Result<&[&[f32]], &str>) {
        let found = vectors(answer.as_bytes(), 2, 2);
        let want = want.map(|rows| rows.iter().map(|row| row.to_vec()).collect::<Vec<_>>());
        assert_eq!(found, want.map_err(str::to_owned), "{answer}");
    }

    #[test]
    fn vectors_come_in_the_order_of_the_texts_with_length_one() {
        check(
            r#"{"data": [{"index": 1, "embedding": [0, 2]}, {"index": 0, "embedding": [3, 4]}]}"#,
            Ok(&[&[0.6, 0.8], &[0.0, 1.0]]),
        );
        check(r#"{"data": [{"embedding": [1, 0]}, {"embedding": [0, 1]}]}"#, Ok(&[&[1.0, 0.0], &[0.0, 1.0]]));
    }

    #[test]
    fn an_answer_that_is_not_what_was_asked_for_is_refused() {
        check(r#"{"data": [{"index": 0, "embedding": [1, 0]}]}"#, Err("1 embeddings for 2 texts"));
        check(
            r#"{"data": [{"index": 0, "embedding": [1, 0]}, {"index": 0, "embedding": [1, 0]}]}"#,
            Err("an embedding with index 0 for 2 texts"),
        );
        check(
            r#"{"data": [{"index": 0, "embedding": [1, 0]}, {"index": 7, "embedding": [1, 0]}]}"#,
            Err("an embedding with index 7 for 2 texts"),
        );
        check(
            r#"{"data": [{"index": 0, "embedding": [1]}, {"index": 1, "embedding": [1, 0]}]}"#,
            Err("an embedding with 1 dimensions in place of 2"),
        );
        check(
            r#"{"data": [{"index": 0, "embedding": [1e39, 0]}, {"index": 1, "embedding": [1, 0]}]}"#,
            Err("no list of embeddings: number out of range at line 1 column 41"),
        );
        check(
            r#"{"data": [{"index": 0, "embedding": [NaN, 0]}]}"#,
            Err("no list of embeddings: expected value at line 1 column 38"),
        );
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(rows in prop::collection::vec([-9.0_f32..9.0, -9.0..9.0, 1.0..9.0], 0..9)) {
            let entry = |(index, row): (usize, &[f32; 3])| serde_json::json!({ "index": index, "embedding": row });
            let data: Vec<_> = rows.iter().enumerate().rev().map(entry).collect();
            let answer = serde_json::json!({ "data": data }).to_string();
            let want = rows.iter().map(|row| {
                let mut row = row.to_vec();
                to_unit_length(&mut row);
                row
            });
            prop_assert_eq!(vectors(answer.as_bytes(), rows.len(), 3), Ok(want.collect()));
        }

        #[test]
        fn any_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(vectors(&bytes, 1, 2).is_err());
        }
    }
}
