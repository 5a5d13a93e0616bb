//! What a browser may do with what is served, and what another site may not do through a browser.

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::fault::Fault;

const STRICT: [(&str, &str); 6] = [
    (
        "content-security-policy",
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
];

/// Puts the headers on every answer that keep the page to itself. What says nothing of caching is not kept.
pub(super) async fn strict_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in STRICT {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Refuses requests that change something when a page of another site makes them, so that a cookie cannot be abused.
///
/// Browsers send `Sec-Fetch-Site` over HTTPS and to localhost (W3C Fetch Metadata §2.3), and `Origin` with every POST
/// (Fetch §3.2). A program that sends neither has no cookie that was given to somebody else.
pub(super) async fn refuse_other_sites(request: Request, next: Next) -> Response {
    if request.method().is_safe() || comes_from_here(request.uri(), request.headers()) {
        return next.run(request).await;
    }
    Fault::new(StatusCode::FORBIDDEN, "the request comes from a page of another site")
        .hint("behind a proxy, let it pass the `Host` header on unchanged")
        .into_response()
}

fn comes_from_here(uri: &Uri, headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or_default());
    if let Some(site) = text("sec-fetch-site") {
        return matches!(site, "same-origin" | "none");
    }
    let Some(origin) = text("origin") else { return true };
    let host = text("host").or(uri.authority().map(|authority| authority.as_str())).unwrap_or_default();
    let of_origin = origin.split_once("://").map(|(_, authority)| authority);
    !host.is_empty() && of_origin.is_some_and(|authority| authority.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_from_here_and_programs_may_change_something() {
        let here = ("host", "waggle.internal:8080");
        let cases: [(&[(&'static str, &'static str)], bool); 9] = [
            (&[here], true),
            (&[here, ("origin", "http://waggle.internal:8080")], true),
            (&[here, ("origin", "http://WAGGLE.internal:8080")], true),
            (&[here, ("origin", "http://waggle.internal")], false),
            (&[here, ("origin", "https://evil.example")], false),
            (&[here, ("origin", "null")], false),
            (&[("origin", "null")], false),
            (&[here, ("sec-fetch-site", "same-origin"), ("origin", "https://behind.a.proxy")], true),
            (&[here, ("sec-fetch-site", "same-site"), ("origin", "http://waggle.internal:8080")], false),
        ];
        for (headers, expected) in cases {
            let map = headers.iter().map(|(name, value)| {
                (header::HeaderName::from_static(name), HeaderValue::from_static(value))
            });
            assert_eq!(comes_from_here(&Uri::from_static("/"), &map.collect()), expected, "{headers:?}");
        }
    }
}
