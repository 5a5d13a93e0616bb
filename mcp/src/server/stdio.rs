//! One client over a pair of pipes: whoever started the program, with the rights of whom they named.

use std::sync::Arc;

use rmcp::{RoleServer, ServerHandler, service::serve_server, transport::async_rw::AsyncRwTransport};
use tokio::{
    io::{AsyncRead, AsyncWrite, stdin, stdout},
    sync::Semaphore,
};
use waggle_agent_core::{Kind, Result};

use super::session::{Session, Who};
use crate::{host::Host, limits::Limits};

/// Serves one client over standard input and output until it hangs up. Nothing else may write to standard output.
///
/// # Errors
///
/// When the client breaks the protocol before it is greeted.
pub async fn serve_stdio(host: Arc<dyn Host>, caller: &str, limits: Limits) -> Result<()> {
    serve_over(host, caller, limits, stdin(), stdout()).await
}

/// Serves one client over any pair of pipes until it hangs up.
///
/// # Errors
///
/// As [`serve_stdio`].
pub async fn serve_over(
    host: Arc<dyn Host>,
    caller: &str,
    limits: Limits,
    read: impl AsyncRead + Send + Unpin + 'static,
    write: impl AsyncWrite + Send + Unpin + 'static,
) -> Result<()> {
    let in_all = Arc::new(Semaphore::new(limits.calls_in_all));
    let message_bytes = limits.message_bytes;
    let session = Session::new(host, Who::Known(caller.to_owned()), limits, in_all);
    carry(session, message_bytes, read, write).await
}

/// Lets a handler serve one client until it hangs up. A message that is larger is dropped.
pub(crate) async fn carry(
    handler: impl ServerHandler,
    message_bytes: usize,
    read: impl AsyncRead + Send + Unpin + 'static,
    write: impl AsyncWrite + Send + Unpin + 'static,
) -> Result<()> {
    let transport =
        AsyncRwTransport::<RoleServer, _, _>::new(read, write).with_max_line_length(message_bytes);
    let serving = serve_server(handler, transport)
        .await
        .map_err(|error| Kind::Invalid.because("greet the MCP client", error))?;
    serving.waiting().await.map_err(|error| Kind::Internal.because("serve the MCP client", error))?;
    Ok(())
}
