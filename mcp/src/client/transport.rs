//! Opens the way to a server: a child process with its own small environment, or streamable HTTP.

use std::{io, process::Stdio, sync::Arc, time::Duration};

use reqwest::redirect::Policy;
use rmcp::{
    RoleClient,
    service::{ClientInitializeError, RunningService, serve_client},
    transport::{
        DynamicTransportError, StreamableHttpClientTransport, TokioChildProcess,
        common::client_side_sse::FixedInterval, streamable_http_client::StreamableHttpClientTransportConfig,
    },
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    process::Command,
};
use waggle_agent_core::{Kind, Result};

use super::{McpServerConfig, link::Ear};
use crate::clean::one_line;

/// Time to reach the host of a URL.
const CONNECT_TIME: Duration = Duration::from_secs(10);
/// How often a stream that ended is asked for the rest.
const MAX_RETRIES: usize = 3;
/// Bytes of one message from a server; what is larger is dropped unread. Over a child's pipes the library has the same.
pub(crate) const MAX_MESSAGE_BYTES: usize = 16 << 20;
/// A connection at work.
pub(crate) type Running = RunningService<RoleClient, Ear>;

/// Opens the way and greets the server.
///
/// # Errors
///
/// `Unavailable` when it does not start, is not there, or does not speak the protocol.
pub(crate) async fn opened(config: &McpServerConfig, ear: Ear) -> Result<Running> {
    let greeted = match (&config.command, &config.url) {
        (Some(command), _) => serve_client(ear, child(config, command)?).await,
        (None, Some(url)) => serve_client(ear, http(config, url)?).await,
        (None, None) => return Err(Kind::Invalid.error("it has neither `command` nor `url`")),
    };
    greeted.map_err(|error| Kind::Unavailable.because("greet the server", plain(&error)))
}

/// Says in a line what went wrong, without the library's own names. It may quote what the server sent.
fn plain(error: &ClientInitializeError) -> String {
    let mut text = match error {
        ClientInitializeError::TransportError { error, .. } if is_hung_up(error) => "it hung up".to_owned(),
        ClientInitializeError::TransportError { error, .. } => error.error.to_string(),
        ClientInitializeError::JsonRpcError(refused) => format!("it refused: {}", refused.message),
        ClientInitializeError::ConnectionClosed(_) => "it hung up".to_owned(),
        error => format!("it does not speak the protocol: {error}"),
    };
    let mut below = match error {
        ClientInitializeError::TransportError { error, .. } if !is_hung_up(error) => error.error.source(),
        _ => None,
    };
    while let Some(cause) = below {
        // Some causes are told again by what they caused.
        let words = cause.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        below = cause.source();
    }
    one_line(text.trim_end_matches([':', ' ']), 300)
}

/// A process that ended is found out by reading or by writing, whichever comes first.
fn is_hung_up(error: &DynamicTransportError) -> bool {
    error.error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

fn child(config: &McpServerConfig, command: &str) -> Result<TokioChildProcess> {
    let mut child = Command::new(command);
    child.args(&config.args).env_clear().kill_on_drop(true);
    for name in ["PATH", "HOME"] {
        if let Some(value) = std::env::var_os(name) {
            child.env(name, value);
        }
    }
    child.envs(config.env.iter().map(|(name, value)| (name, value.expose())));
    let started = TokioChildProcess::builder(child).stderr(Stdio::piped()).spawn();
    let (transport, errors) =
        started.map_err(|error| Kind::Unavailable.because(format!("start `{command}`"), error))?;
    if let Some(errors) = errors {
        tokio::spawn(log(config.name.clone(), errors));
    }
    Ok(transport)
}

/// Logs what a server complains of, in pieces, until it ends.
async fn log(server: String, mut errors: impl AsyncRead + Unpin) {
    let mut piece = [0; 2048];
    while let Ok(n @ 1..) = errors.read(&mut piece).await {
        let said = String::from_utf8_lossy(piece.get(..n).unwrap_or_default()).into_owned();
        tracing::debug!(server, said = one_line(&said, 500), "an MCP server writes to its log");
    }
}

fn http(config: &McpServerConfig, url: &str) -> Result<StreamableHttpClientTransport<reqwest::Client>> {
    // An error means that a provider is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .connect_timeout(CONNECT_TIME)
        // A token must not follow to another place.
        .redirect(Policy::none())
        .build()
        .map_err(|error| Kind::Internal.because("start the HTTP client", error))?;
    let mut transport = StreamableHttpClientTransportConfig::with_uri(url)
        .max_sse_event_size(MAX_MESSAGE_BYTES)
        .control_request_timeout(CONNECT_TIME);
    // A server may end a stream and let its client come back for the rest (MCP 2025-11-25, streamable HTTP, polling); one
    // that is gone is found out by the next call.
    let mut retry = FixedInterval::default();
    retry.max_times = Some(MAX_RETRIES);
    transport.retry_config = Arc::new(retry);
    if let Some(bearer) = &config.bearer {
        transport = transport.auth_header(bearer.expose());
    }
    Ok(StreamableHttpClientTransport::with_client(client, transport))
}
