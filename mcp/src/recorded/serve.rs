//! A recording as an MCP server: anyone's agent gets the answers that were given then, to the letter.

use std::{borrow::Cow, sync::Arc};

use axum::Router;
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation,
        ListToolsResult, PaginatedRequestParams, ProtocolVersion, ServerCapabilities, ServerConfig, Tool,
        ToolAnnotations,
    },
    service::RequestContext,
};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite, stdin, stdout};
use waggle_agent_core::{Result, ToolError};

use super::Recorded;
use crate::{
    clean::one_line,
    limits::Limits,
    server::{CallerOf, as_listed, carry, refusal, routes},
};

/// Serves a recording over standard input and output until the client hangs up.
///
/// # Errors
///
/// When the client breaks the protocol before it is greeted.
pub async fn serve_stdio(recorded: Recorded, limits: &Limits) -> Result<()> {
    serve_over(recorded, limits, stdin(), stdout()).await
}

/// Serves a recording over any pair of pipes until the client hangs up.
///
/// # Errors
///
/// As [`serve_stdio`].
pub async fn serve_over(
    recorded: Recorded,
    limits: &Limits,
    read: impl AsyncRead + Send + Unpin + 'static,
    write: impl AsyncWrite + Send + Unpin + 'static,
) -> Result<()> {
    carry(Player(Arc::new(recorded)), limits.message_bytes, read, write).await
}

/// Returns the route `/mcp` to a recording, as [`crate::router`] does to the toolbox.
pub fn router(recorded: Recorded, caller_of: CallerOf, limits: &Limits) -> Router {
    let recorded = Arc::new(recorded);
    routes(move || Player(recorded.clone()), caller_of, limits)
}

/// Plays a recording to one client.
struct Player(Arc<Recorded>);

impl Player {
    fn played(&self, tool: &str, arguments: &Value) -> std::result::Result<CallToolResult, ErrorData> {
        match self.0.answer(tool, arguments) {
            Ok(called) => {
                let mut result = CallToolResult::success(vec![ContentBlock::text(called.text)]);
                // A text alone has nothing to add to itself.
                let is_text =
                    called.data.as_object().is_some_and(|data| data.len() == 1 && data.contains_key("text"));
                result.structured_content = Some(called.data).filter(|data| data.is_object() && !is_text);
                Ok(result)
            }
            Err(ToolError::Respond(text)) => Ok(refusal(&text)),
            Err(ToolError::Fatal(_)) => {
                Err(ErrorData::internal_error("the recording cannot be played", None))
            }
        }
    }
}

impl ServerHandler for Player {
    fn get_info(&self) -> ServerConfig {
        let mut info = ServerConfig::new(ServerCapabilities::builder().enable_tools().build());
        info.protocol_version = ProtocolVersion::V_2025_11_25;
        info.server_info = Implementation::new("waggle-recorded", env!("CARGO_PKG_VERSION"));
        info
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        Cow::Borrowed(ProtocolVersion::known_up_to(&ProtocolVersion::V_2025_11_25))
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> std::result::Result<ListToolsResult, ErrorData> {
        let tools: Vec<Tool> = self.0.specs().into_iter().map(as_listed).collect();
        let annotations = ToolAnnotations::new().read_only(true).open_world(false);
        let tools = tools.into_iter().map(|tool| tool.with_annotations(annotations.clone()));
        Ok(ListToolsResult::with_all_items(tools.collect()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> std::result::Result<CallToolResponse, ErrorData> {
        if !self.0.tools.contains_key(request.name.as_ref()) {
            let text = format!("unknown tool `{}`", one_line(&request.name, 100));
            return Err(ErrorData::invalid_params(text, None));
        }
        let arguments = request.arguments.map_or(Value::Null, Value::Object);
        self.played(&request.name, &arguments).map(CallToolResponse::Complete)
    }
}
