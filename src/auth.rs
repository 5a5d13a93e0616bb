//! Who may come in: whoever has the token.

use std::{
    fs,
    io::{Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
    sync::Arc,
};

use anyhow::{Context, Result};
use axum::{
    extract::{Request, State},
    http::{HeaderMap, StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use waggle_chat_adapters::{openai, web::Caller};

/// Name of the cookie that holds the token.
const COOKIE: &str = "waggle_token";

/// The access token: 64 hex digits.
#[derive(Clone)]
pub struct Token(Arc<str>);

impl Token {
    /// Reads the token from its file, or makes one; true when it was made now.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or written.
    pub fn load(file: &Path) -> Result<(Self, bool)> {
        if let Ok(token) = fs::read_to_string(file) {
            let token = token.trim();
            if token.len() >= 32 {
                return Ok((Self(token.into()), false));
            }
        }
        let mut bytes = [0; 32];
        fs::File::open("/dev/urandom")
            .and_then(|mut random| random.read_exact(&mut bytes))
            .context("draw a random token")?;
        let token: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        write_private(file, &token).with_context(|| format!("write the token to `{}`", file.display()))?;
        Ok((Self(token.into()), true))
    }

    /// Returns the token as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Compares in a time that does not depend on where the first difference is.
    fn is(&self, other: &str) -> bool {
        let (own, other) = (self.0.as_bytes(), other.as_bytes());
        own.len() == other.len() && own.iter().zip(other).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
    }
}

/// Writes a file that only its owner can read.
pub fn write_private(file: &Path, text: &str) -> std::io::Result<()> {
    open_private(file)?.write_all(text.as_bytes())
}

/// Opens a file that only its owner can read, empty, for writing.
pub fn open_private(file: &Path) -> std::io::Result<fs::File> {
    if let Some(dir) = file.parent() {
        private_dirs().create(dir)?;
    }
    fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(file)
}

/// Makes a folder that only its owner can enter, with those above it, where they do not exist yet.
///
/// # Errors
///
/// When it cannot be made.
pub fn make_private_dir(dir: &Path) -> Result<()> {
    private_dirs().create(dir).with_context(|| format!("create `{}`", dir.display()))
}

fn private_dirs() -> fs::DirBuilder {
    let mut dirs = fs::DirBuilder::new();
    dirs.recursive(true).mode(0o700);
    dirs
}

/// Lets a request through that brings the token as bearer or cookie. A page opened with `?token=` gets the cookie and is sent on without it.
pub async fn require(State(token): State<Token>, mut request: Request, next: Next) -> Response {
    let brought = bearer(request.headers()).or_else(|| cookie(request.headers()));
    if brought.is_some_and(|brought| token.is(&brought)) {
        request.extensions_mut().insert(Caller { name: "operator".to_owned() });
        return next.run(request).await;
    }
    match from_query(request.uri()) {
        Some(brought) if token.is(&brought) => {
            let cookie = format!("{COOKIE}={brought}; HttpOnly; SameSite=Strict; Path=/; Max-Age=604800");
            // One slash: two would name another host.
            let path = format!("/{}", request.uri().path().trim_start_matches('/'));
            ([(header::SET_COOKIE, cookie)], Redirect::to(&path)).into_response()
        }
        _ if openai::serves(request.uri().path()) => openai::unauthorized(),
        _ => refusal(),
    }
}

fn refusal() -> Response {
    let body = r#"{"error":"who is calling? a token is needed","hint":"open the link that was printed at the start, or send `Authorization: Bearer <token>`"}"#;
    (StatusCode::UNAUTHORIZED, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

fn bearer(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
}

fn cookie(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs =
        cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, value)| value.to_owned())
}

fn from_query(uri: &Uri) -> Option<String> {
    let mut pairs = uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(name, _)| *name == "token").map(|(_, value)| value.to_owned())
}
