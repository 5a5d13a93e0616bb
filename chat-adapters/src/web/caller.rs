//! On whose behalf a request comes.

use std::convert::Infallible;

use axum::{extract::FromRequestParts, http::request::Parts};

/// On whose behalf a request comes: an extension that whoever checked the token puts on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The name that their token gives them.
    pub name: String,
}

impl Default for Caller {
    /// Nobody in particular.
    fn default() -> Self {
        Self { name: "someone".to_owned() }
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().cloned().unwrap_or_default())
    }
}
