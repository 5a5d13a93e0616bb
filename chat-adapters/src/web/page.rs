//! The embedded files of the page.

use axum::{
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    response::{Html, IntoResponse, Response},
};
use rust_embed::{Embed, EmbeddedFile};

use super::fault::{self, Fault};

/// What `make web` built; empty when it was not run before this crate was compiled.
#[derive(Embed)]
#[folder = "web-ui/dist"]
#[allow_missing = true]
struct Files;

/// Served in place of the page when it was not built.
const NOT_BUILT: &str = "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width\">
<title>Waggle</title>
<h1>Waggle is running without its page</h1>
<p>This program was built without the web page. To have it:</p>
<pre>make web
cargo build --release</pre>
<p>Everything else works: the command line, and <a href=\"api/incidents\">the API</a> that the page stands on.</p>
</html>
";

/// Names of files under `assets/` carry a hash of what is in them: they never change.
const FOREVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// All else is asked for again each time, and answered with 304 while it is the same.
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");

/// Answers every path that is not the API's.
pub(super) async fn file(method: Method, uri: Uri, headers: HeaderMap) -> Result<Response, Fault> {
    let path = uri.path().trim_start_matches('/');
    let is_page = matches!(path, "" | "index.html");
    let is_reading = matches!(method, Method::GET | Method::HEAD);
    let file = Files::get(if is_page { "index.html" } else { path });
    if file.is_none() && !is_page {
        return Err(Fault::new(StatusCode::NOT_FOUND, "there is nothing at this address")
            .hint("the page is at `/`, the incidents at `/api/incidents`"));
    }
    if !is_reading {
        return Err(fault::method_not_allowed().await);
    }
    let Some(file) = file else {
        return Ok(([(header::CACHE_CONTROL, ASK_AGAIN)], Html(NOT_BUILT)).into_response());
    };
    let compressed = if takes_gzip(&headers) { Files::get(&format!("{path}.gz")) } else { None };
    Ok(answer(path, file, compressed, &headers))
}

fn answer(path: &str, file: EmbeddedFile, compressed: Option<EmbeddedFile>, asked: &HeaderMap) -> Response {
    let tag: String = file.metadata.sha256_hash()[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    let tag = format!("\"{tag}\"");
    let is_known = asked.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let caching = if path.starts_with("assets/") { FOREVER } else { ASK_AGAIN };
    let headers = [
        (header::CACHE_CONTROL, caching),
        (header::CONTENT_TYPE, content_type(path)),
        (header::VARY, HeaderValue::from_static("accept-encoding")),
    ];
    let tag = [(header::ETAG, tag)];
    if is_known {
        return (StatusCode::NOT_MODIFIED, headers, tag).into_response();
    }
    match compressed {
        Some(file) => (headers, tag, [(header::CONTENT_ENCODING, "gzip")], file.data).into_response(),
        None => (headers, tag, file.data).into_response(),
    }
}

/// RFC 9110 §12.5.3, as far as browsers use it: a weight of zero refuses.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let accepted =
        headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accepted.split(',').any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        name.trim().eq_ignore_ascii_case("gzip")
            && !matches!(weight.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
    })
}

/// The types of the files that a built page consists of.
fn content_type(path: &str) -> HeaderValue {
    HeaderValue::from_static(match path.rsplit_once('.').map_or("html", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "json" | "map" => "application/json",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_sent_once_and_kept_for_as_long_as_its_name_promises() {
        let asset = answer("assets/index-3f2a.js", file(b"x"), None, &HeaderMap::new());
        assert_eq!(asset.headers()[header::CACHE_CONTROL], FOREVER);
        assert_eq!(asset.headers()[header::CONTENT_TYPE], "text/javascript; charset=utf-8");

        let page = answer("", file(b"x"), None, &HeaderMap::new());
        assert_eq!(page.status(), StatusCode::OK);
        assert_eq!(page.headers()[header::CACHE_CONTROL], ASK_AGAIN);
        assert_eq!(page.headers()[header::CONTENT_TYPE], "text/html; charset=utf-8");

        let known = HeaderMap::from_iter([(header::IF_NONE_MATCH, page.headers()[header::ETAG].clone())]);
        assert_eq!(answer("", file(b"x"), None, &known).status(), StatusCode::NOT_MODIFIED);
    }

    #[test]
    fn a_compressed_copy_goes_to_those_who_take_it() {
        let cases = [
            ("gzip, deflate, br", true),
            ("br;q=1.0, GZIP;q=0.8", true),
            ("gzip;q=0", false),
            ("identity", false),
            ("", false),
        ];
        for (accepted, expected) in cases {
            let headers =
                HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(accepted))]);
            assert_eq!(takes_gzip(&headers), expected, "{accepted}");
        }
        let sent = answer("assets/a.css", file(b"plain"), Some(file(b"small")), &HeaderMap::new());
        assert_eq!(sent.headers()[header::CONTENT_ENCODING], "gzip");
        assert_eq!(sent.headers()[header::CONTENT_TYPE], "text/css; charset=utf-8");
    }

    fn file(data: &'static [u8]) -> EmbeddedFile {
        EmbeddedFile {
            data: data.into(),
            metadata: rust_embed::Metadata::__rust_embed_new([0xab; 32], None, None),
        }
    }
}
