//! A server to try clients on: a shop made of fakes, over stdio, over HTTP, or played from a recording.
//!
//! `shop stdio`, `shop http PORT TOKEN`, `shop recorded FILE`.

mod host;

use std::{env, error::Error, fs, sync::Arc};

use axum::{
    extract::{Request, State},
    http::{Extensions, StatusCode, header},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse as _, Response},
};
use host::Shop;
use waggle_mcp::{Limits, Recorded, recorded, router, serve_stdio};

/// Who brought the token.
#[derive(Clone)]
struct Caller(String);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let limits = Limits { calls_at_once: 2, ..Limits::default() };
    match arguments.as_slice() {
        ["stdio"] => serve_stdio(Arc::new(Shop::default()), "operator", limits).await?,
        ["recorded", file] => {
            recorded::serve_stdio(Recorded::parse(&fs::read_to_string(file)?)?, &limits).await?
        }
        ["http", port, token] => {
            let routes = router(Arc::new(Shop::default()), caller_of, limits)
                .layer(from_fn_with_state((*token).to_owned(), let_in));
            let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
            // Standard output belongs to the protocol.
            eprintln!("listening at http://{}/mcp", listener.local_addr()?);
            axum::serve(listener, routes).await?;
        }
        _ => return Err("use `shop stdio`, `shop http PORT TOKEN` or `shop recorded FILE`".into()),
    }
    Ok(())
}

async fn let_in(State(token): State<String>, mut request: Request, next: Next) -> Response {
    let brought = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if brought != Some(format!("Bearer {token}").as_str()) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    request.extensions_mut().insert(Caller("operator".to_owned()));
    next.run(request).await
}

fn caller_of(extensions: &Extensions) -> Option<String> {
    extensions.get::<Caller>().map(|caller| caller.0.clone())
}
