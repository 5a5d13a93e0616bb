//! What others have published, beside what is measured here: only where set and measure are the same.

use anyhow::{Context, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One number that others have published.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Published {
    /// Who or what reached it.
    pub name: String,
    /// The number.
    pub value: f64,
    /// Runs or cases behind it.
    pub n: usize,
    /// Where it stands.
    pub source: String,
}

#[derive(Deserialize)]
struct File {
    number: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    layout: String,
    measure: String,
    #[serde(flatten)]
    number: Published,
}

/// Returns what is published of a layout by a measure, in the order of the file; often nothing.
///
/// # Errors
///
/// When the file that the program carries does not read, which a test rules out.
pub fn published(layout: &str, measure: &str) -> Result<Vec<Published>> {
    let file: File = toml::from_str(include_str!("published.toml")).context("read the published numbers")?;
    let rows = file.number.into_iter().filter(|row| row.layout == layout && row.measure == measure);
    Ok(rows.map(|row| row.number).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::{
        layouts::LAYOUTS,
        measures::{COMMON, PASS},
    };

    #[test]
    fn every_published_number_is_of_a_measure_of_its_layout() {
        let file: File = toml::from_str(include_str!("published.toml")).unwrap();
        for Row { layout, measure, number } in &file.number {
            let layout = LAYOUTS.iter().find(|known| known.name == *layout).unwrap();
            let is_measure = COMMON.iter().chain(layout.own).any(|known| known.key == *measure);
            assert!(is_measure || measure == PASS, "{measure}");
            assert!(
                (0.0..=1.0).contains(&number.value) && number.source.starts_with("https://"),
                "{number:?}"
            );
        }
        assert_eq!(published("rootcausebench", "graded_reward").unwrap().len(), 4);
        assert!(published("demo", PASS).unwrap().is_empty());
    }
}
