//! The connection to one server: opened when it is needed, opened again when it was lost, and watched for tools that turn
//! into others.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rmcp::{
    ClientHandler, RoleClient, ServiceError,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ClientCapabilities, ClientConfig,
        Implementation, JsonObject, PaginatedRequestParams, ProtocolVersion, Tool as Listed,
    },
    service::NotificationContext,
};
use tokio::time::{Instant, sleep_until, timeout};
use waggle_agent_core::{Error, Kind, Result};

use super::{
    McpServerConfig,
    transport::{MAX_MESSAGE_BYTES, Running, opened},
};
use crate::clean::one_line;

/// Pages of a list of tools, and tools, that are read.
const MAX_PAGES: usize = 20;
const MAX_TOOLS: usize = 500;
/// The first pause after a connection was lost; each loss in a row doubles it.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// A connection that mends itself.
pub(crate) struct Link {
    config: McpServerConfig,
    /// Held while a connection is opened, so that calls side by side open one.
    state: tokio::sync::Mutex<State>,
    /// What was allowed, as it was listed then. Held for a few lines.
    pinned: Mutex<BTreeMap<String, Pinned>>,
}

#[derive(Default)]
struct State {
    running: Option<Arc<Running>>,
    n_lost: u32,
    not_before: Option<Instant>,
}

struct Pinned {
    listed: Listed,
    /// Why it may not be called any more.
    fault: Option<String>,
}

/// Hears that a server's tools have changed. Whatever else a server asks of its client is declined.
#[derive(Clone, Default)]
pub(crate) struct Ear {
    has_changed: Arc<AtomicBool>,
}

impl ClientHandler for Ear {
    fn get_info(&self) -> ClientConfig {
        let waggle = Implementation::new("waggle", env!("CARGO_PKG_VERSION"));
        let mut info = ClientConfig::new(ClientCapabilities::default(), waggle);
        info.protocol_version = ProtocolVersion::V_2025_11_25;
        info
    }

    async fn on_tool_list_changed(&self, _: NotificationContext<RoleClient>) {
        self.has_changed.store(true, Ordering::Release);
    }
}

impl Link {
    /// Connects, and returns what the server lists.
    ///
    /// # Errors
    ///
    /// `Unavailable` or `Timeout` when it is not there.
    pub(crate) async fn open(config: McpServerConfig) -> Result<(Arc<Self>, Vec<Listed>)> {
        let limit = config.timeout();
        let opening = async {
            let running = opened(&config, Ear::default()).await?;
            let listed = listed(&running).await.map_err(|error| fault_of(&error))?;
            Ok((running, listed))
        };
        let (running, listed) = timeout(limit, opening).await.map_err(|_| late(&config, ""))??;
        let state = State { running: Some(Arc::new(running)), ..State::default() };
        let link = Self { config, state: state.into(), pinned: Mutex::default() };
        Ok((Arc::new(link), listed))
    }

    /// Returns the server's name.
    pub(crate) fn name(&self) -> &str {
        &self.config.name
    }

    /// Returns the most bytes of one result.
    pub(crate) fn max_bytes(&self) -> usize {
        self.config.max_bytes
    }

    /// Keeps what was allowed: a tool that turns into another is not called.
    pub(crate) fn pin(&self, listed: impl IntoIterator<Item = Listed>) {
        let pins =
            listed.into_iter().map(|tool| (tool.name.to_string(), Pinned { listed: tool, fault: None }));
        self.pinned.lock().unwrap_or_else(PoisonError::into_inner).extend(pins);
    }

    /// Makes one call. A lost connection is opened again once; the call is made again only where that cannot do harm.
    ///
    /// # Errors
    ///
    /// `Timeout` and `Unavailable` for the server's state, `Denied` for a tool that has changed, `Invalid` for what the
    /// server refused.
    pub(crate) async fn call(
        &self,
        tool: &str,
        arguments: JsonObject,
        is_read_only: bool,
    ) -> Result<CallToolResult> {
        let params = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments);
        let calling = async {
            let first = self.running().await?;
            self.allowed(tool)?;
            let error = match first.peer().call_tool_once(params.clone()).await {
                Ok(response) => return self.complete(response).await,
                Err(error) => error,
            };
            if !is_lost(&error) {
                return Err(fault_of(&error));
            }
            self.lose(&first).await;
            if !is_read_only {
                let text = "the connection was lost during the call; it is not made again, since the tool may do more than read";
                return Err(Kind::Unavailable.error(text));
            }
            let second = self.running().await?;
            self.allowed(tool)?;
            match second.peer().call_tool_once(params).await {
                Ok(response) => self.complete(response).await,
                Err(error) => {
                    if is_lost(&error) {
                        self.lose(&second).await;
                    }
                    Err(fault_of(&error))
                }
            }
        };
        timeout(self.config.timeout(), calling).await.map_err(|_| late(&self.config, "; ask for less"))?
    }

    async fn complete(&self, response: CallToolResponse) -> Result<CallToolResult> {
        self.state.lock().await.n_lost = 0;
        match response {
            CallToolResponse::Complete(result) => Ok(result),
            _ => {
                Err(Kind::Invalid
                    .error("it wants something of its client before it answers, which is declined"))
            }
        }
    }

    /// Returns the connection, opening it when there is none, after the pause that is due.
    async fn running(&self) -> Result<Arc<Running>> {
        let mut state = self.state.lock().await;
        if let Some(running) = &state.running
            && !running.peer().is_transport_closed()
        {
            let running = running.clone();
            if running.service().has_changed.swap(false, Ordering::AcqRel) {
                self.compare(&listed(&running).await.map_err(|error| fault_of(&error))?);
            }
            return Ok(running);
        }
        state.running = None;
        if let Some(not_before) = state.not_before {
            sleep_until(not_before).await;
        }
        state.put_off();
        let running = Arc::new(opened(&self.config, Ear::default()).await?);
        self.compare(&listed(&running).await.map_err(|error| fault_of(&error))?);
        state.running = Some(running.clone());
        Ok(running)
    }

    /// Lets go of a connection that is lost, unless another call did already.
    async fn lose(&self, lost: &Arc<Running>) {
        let mut state = self.state.lock().await;
        if state.running.as_ref().is_some_and(|running| Arc::ptr_eq(running, lost)) {
            state.running = None;
            state.put_off();
            tracing::warn!(server = self.config.name, "the connection to an MCP server was lost");
        }
    }

    /// Holds what is listed now against what was allowed.
    fn compare(&self, listed: &[Listed]) {
        let mut pinned = self.pinned.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, pin) in pinned.iter_mut() {
            pin.fault = match listed.iter().find(|tool| tool.name == name.as_str()) {
                Some(tool) if *tool == pin.listed => None,
                Some(_) => Some("its server has changed it since Waggle started; it is not called until Waggle is started again".to_owned()),
                None => Some("its server does not offer it any more".to_owned()),
            };
            if let Some(fault) = &pin.fault {
                tracing::warn!(
                    server = self.config.name,
                    tool = one_line(name, 100),
                    fault,
                    "a tool is not called"
                );
            }
        }
    }

    fn allowed(&self, tool: &str) -> Result<()> {
        let pinned = self.pinned.lock().unwrap_or_else(PoisonError::into_inner);
        match pinned.get(tool).and_then(|pin| pin.fault.as_ref()) {
            Some(fault) => Err(Kind::Denied.error(fault.clone())),
            None => Ok(()),
        }
    }
}

impl State {
    /// Sets the pause before the next attempt.
    fn put_off(&mut self) {
        let pause = FIRST_PAUSE.saturating_mul(1 << self.n_lost.min(10)).min(LONGEST_PAUSE);
        self.n_lost = self.n_lost.saturating_add(1);
        self.not_before = Some(Instant::now() + pause);
    }
}

/// Reads a server's list of tools, page by page.
async fn listed(running: &Running) -> Result<Vec<Listed>, ServiceError> {
    let mut tools = Vec::new();
    let mut cursor = None;
    for _ in 0..MAX_PAGES {
        let page = PaginatedRequestParams::default().with_cursor(cursor);
        let page = running.peer().list_tools(Some(page)).await?;
        tools.extend(page.tools);
        cursor = page.next_cursor;
        if cursor.is_none() || tools.len() >= MAX_TOOLS {
            break;
        }
    }
    tools.truncate(MAX_TOOLS);
    Ok(tools)
}

fn is_lost(error: &ServiceError) -> bool {
    matches!(error, ServiceError::TransportClosed | ServiceError::TransportSend(_))
}

/// What a server answered, in at most a line of its own words.
fn fault_of(error: &ServiceError) -> Error {
    match error {
        ServiceError::McpError(error) => {
            Kind::Invalid.error(format!("it refused: {} ({})", one_line(&error.message, 500), error.code.0))
        }
        error if is_lost(error) => {
            let text =
                format!("the connection was lost, or its answer has more than {MAX_MESSAGE_BYTES} bytes");
            Kind::Unavailable.error(text)
        }
        error => Kind::Invalid.error(format!("it broke the protocol: {}", one_line(&error.to_string(), 300))),
    }
}

fn late(config: &McpServerConfig, hint: &str) -> Error {
    Kind::Timeout.error(format!("it did not answer within {} s{hint}", config.timeout_s))
}
