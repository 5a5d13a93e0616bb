//! Structs as JSON text.

use serde::{Serialize, de::DeserializeOwned};
use waggle_agent_core::{Kind, Result};

/// Writes `value` as JSON; `what` names it in errors.
///
/// # Errors
///
/// `Invalid` when the text would not read back, as with a float that is not a number: better refused now than lost later.
pub fn written<T: Serialize + DeserializeOwned>(what: &str, value: &T) -> Result<String> {
    let refused = |error| Kind::Invalid.because(format!("{what} cannot be kept as JSON"), error);
    let text = serde_json::to_string(value).map_err(refused)?;
    serde_json::from_str::<T>(&text).map_err(refused)?;
    Ok(text)
}

/// Reads what [`written`] wrote; `what` names it in errors.
///
/// # Errors
///
/// `Internal` when the text is not what was written.
pub fn read<T: DeserializeOwned>(what: &str, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| {
        Kind::Internal
            .because(format!("{what} does not read back"), error)
            .with_hint("the database was changed by another program or another version; restore a backup")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_not_read_back_is_refused() {
        let error = written("a number", &f64::NAN).unwrap_err();
        assert_eq!(error.kind(), Kind::Invalid);
        assert_eq!(error.to_string(), "a number cannot be kept as JSON");
    }

    #[test]
    fn what_was_changed_is_an_error_that_says_so() {
        let error = read::<u32>("a number", "seven").unwrap_err();
        assert_eq!(error.kind(), Kind::Internal);
        assert!(error.hint().is_some());
    }
}
