//! Where a model is, and how that is told without the password in it.

use crate::{Kind, Result};

/// The base URL of an endpoint.
#[derive(Clone)]
pub(crate) struct Address {
    /// As configured, without a slash at the end.
    pub(crate) url: String,
    /// The same without a user and password in it, for messages.
    pub(crate) shown: String,
}

/// Reads a base URL.
///
/// # Errors
///
/// `Invalid` when it is no address of the web.
pub(crate) fn address(url: &str) -> Result<Address> {
    let url = url.trim().trim_end_matches('/').to_owned();
    let parsed = reqwest::Url::parse(&url).ok();
    let parsed = parsed.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let Some(mut shown) = parsed else {
        return Err(Kind::Invalid
            .error(format!("model URL `{}` is not a web address", without_password(&url)))
            .with_hint("give the base URL, such as `http://127.0.0.1:8000/v1`"));
    };
    // Both fail only where there can be neither.
    let _ = (shown.set_username(""), shown.set_password(None));
    let shown = shown.as_str().trim_end_matches('/').to_owned();
    Ok(Address { url, shown })
}

/// What does not parse may have a password in it all the same: nothing before the last `@` is told.
pub(crate) fn without_password(url: &str) -> &str {
    url.rsplit_once('@').map_or(url, |(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_told_without_its_password() {
        for (url, shown) in [
            ("http://127.0.0.1:8000/v1/", "http://127.0.0.1:8000/v1"),
            (" https://API.example.com/v1 ", "https://api.example.com/v1"),
            ("https://bee:honey@api.example.com/v1", "https://api.example.com/v1"),
            ("http://[::1]:1234/v1", "http://[::1]:1234/v1"),
        ] {
            assert_eq!(address(url).unwrap().shown, shown, "{url}");
        }
        let error = address("ftp://bee:honey@x/v1").err().unwrap();
        assert_eq!(error.to_string(), "model URL `x/v1` is not a web address");
    }
}
