//! The toolbox for other agents, by the Model Context Protocol.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use serde_json::Value;
use waggle_agent_core::{
    Finding, Incident, IncidentId, Language, Result, Scene, Toolbox, conversation::Answer, incident::Source,
    investigation::Watch, ports::NewAuditEntry,
};
use waggle_mcp::{Ask, Host, Investigate, LookAt};
use waggle_signals::{TimeRange, Timestamp};

use crate::{
    api::{self, ApiState, AskRequest, InvestigateRequest},
    desk::Desk,
};

/// What is looked at when a client names no time, and the healthy time before it.
const WINDOW: Duration = Duration::from_secs(300);
const BASELINE: Duration = Duration::from_secs(1_800);
/// The healthy time is so many times as long as the time to look at.
const BASELINE_PER_WINDOW: u32 = 6;

/// Answers MCP clients from the desk.
pub struct McpHost {
    state: ApiState,
    /// Waggle's own tools: those of other servers are not passed on, since not all of them only read.
    own: Toolbox,
}

impl McpHost {
    pub fn new(state: ApiState) -> Self {
        Self { state, own: waggle_tools::toolbox() }
    }

    /// Makes an incident that is nowhere kept, for the windows that tools compare.
    fn look(at: Timestamp, recent: Duration, history: Duration) -> Incident {
        let id = IncidentId("now".to_owned());
        Incident::open(id, "questions about the system", None, Source::Person, at, recent, history)
    }

    fn look_into(range: TimeRange) -> Incident {
        let length = range.length();
        Self::look(range.to(), length, length.saturating_mul(BASELINE_PER_WINDOW))
    }
}

/// Stops an investigation that its asker no longer waits for.
struct StopsWhenDropped(Option<(Desk, IncidentId, String)>);

impl StopsWhenDropped {
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for StopsWhenDropped {
    fn drop(&mut self) {
        if let Some((desk, incident, caller)) = self.0.take() {
            tokio::spawn(async move { desk.stop(&incident, &caller).await });
        }
    }
}

#[async_trait]
impl Host for McpHost {
    async fn toolbox(&self, _: &str) -> Result<Toolbox> {
        Ok(self.own.clone())
    }

    async fn scene(&self, caller: &str, look_at: &LookAt) -> Result<Scene> {
        let state = &self.state;
        let incident = match look_at {
            LookAt::Incident(id) => state.memory.incident(id).await?,
            LookAt::Time(range) => Self::look_into(*range),
            LookAt::Now => Self::look(api::newest(&*state.telemetry, &*state.clock).await?, WINDOW, BASELINE),
        };
        let incident = match look_at {
            LookAt::Incident(_) => incident,
            LookAt::Time(_) | LookAt::Now => state.desk.measured(incident).await,
        };
        Ok(state.desk.scene(incident, Language::En, caller))
    }

    async fn investigate(&self, caller: &str, asked: &Investigate, watch: Arc<dyn Watch>) -> Result<Finding> {
        let window_s = asked.window_minutes.map_or(WINDOW.as_secs(), |minutes| u64::from(minutes) * 60);
        let baseline_s = window_s.saturating_mul(u64::from(BASELINE_PER_WINDOW));
        let request = InvestigateRequest { service: asked.service.clone(), at: None, window_s, baseline_s };
        let incident = api::open(&self.state, &request).await?;
        let desk = self.state.desk.clone();
        // Dropped before the end when the client cancels.
        let stops = StopsWhenDropped(Some((desk.clone(), incident.id.clone(), caller.to_owned())));
        let solved = desk.investigate_watched(incident, Language::En, caller, watch).await;
        stops.disarm();
        Ok(solved?.investigation.finding)
    }

    async fn ask(
        &self,
        caller: &str,
        asked: &Ask,
        look_at: &LookAt,
        watch: Arc<dyn Watch>,
    ) -> Result<Answer> {
        let incident = match look_at {
            LookAt::Incident(id) => self.state.memory.incident(id).await?,
            LookAt::Time(range) => self.state.desk.open(api::opening_of(*range)).await?,
            LookAt::Now => {
                let request = AskRequest { question: asked.question.clone(), incident: None };
                api::incident_of(&self.state, &request).await?
            }
        };
        let desk = &self.state.desk;
        Ok(desk.answer_watched(&incident.id, None, &asked.question, caller, &*watch).await?.answer)
    }

    async fn audit(&self, caller: &str, action: &str, detail: Value) -> Result<()> {
        let entry = NewAuditEntry {
            at: self.state.clock.now(),
            caller: caller.to_owned(),
            action: action.to_owned(),
            detail,
        };
        self.state.memory.audit(&entry).await.map(drop)
    }
}
