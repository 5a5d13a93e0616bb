//! Whether an address is of this machine: a secret may go there without encryption, and nowhere else.

use reqwest::Url;

/// Tells whether an address is `localhost` or a loopback one.
pub(crate) fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}
