//! A host whose tools do what a test of the protocol needs: echo, look, fail, wait.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use waggle_agent_core::{
    EvidenceId, Finding, Incident, IncidentId, Kind, Language, Result, Scene, Tool, ToolError, Toolbox,
    conversation::Answer,
    evidence::{Fact, Topic},
    incident::Source,
    investigation::{Progress, Watch},
    ports::ToolSpec,
    testing::fakes::Fakes,
    tool::Output,
    toolbox::{AnyTool, Called},
};
use waggle_mcp::{Ask, Host, Investigate, LookAt};
use waggle_signals::Timestamp;

/// The incident that there is.
pub const INCIDENT: &str = "inc-1";

/// A shop with nothing in it.
#[derive(Default)]
pub struct Shop {
    /// Who did what.
    pub audited: Mutex<Vec<(String, String, Value)>>,
    /// Calls of `wait`, and investigations, that are at work.
    pub at_work: Arc<AtomicUsize>,
}

/// Returns what it is given, as text, as data, and as a fact.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
struct Echo {
    /// The text.
    text: String,
}

/// Says which window it looks at.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
struct Window {}

/// Fails.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
struct Fails {
    /// Whether it is a fault of the program.
    fatal: bool,
}

/// Text, data and facts.
#[derive(Serialize)]
struct Said {
    text: String,
    #[serde(skip)]
    is_fact: bool,
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Output for Said {
    fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    fn facts(&self, _: Language) -> Vec<Fact> {
        let fact =
            Fact { service: String::new(), topic: Topic::Logs, text: format!("it said {}", self.text) };
        if self.is_fact { vec![fact] } else { Vec::new() }
    }
}

#[async_trait]
impl Tool for Echo {
    const NAME: &'static str = "echo";
    type Output = Said;

    async fn run(self, _: &Scene) -> Result<Said, ToolError> {
        Ok(Said { text: self.text, is_fact: true })
    }

    fn summary(&self) -> String {
        "an echo".to_owned()
    }
}

#[async_trait]
impl Tool for Window {
    const NAME: &'static str = "window";
    type Output = Said;

    async fn run(self, scene: &Scene) -> Result<Said, ToolError> {
        let text = format!("{} at {} for {}", scene.incident.id, scene.incident.window, scene.caller);
        Ok(Said { text, is_fact: false })
    }

    fn summary(&self) -> String {
        "the window".to_owned()
    }
}

#[async_trait]
impl Tool for Fails {
    const NAME: &'static str = "fails";
    type Output = Said;

    async fn run(self, _: &Scene) -> Result<Said, ToolError> {
        if self.fatal {
            let error = Kind::Internal.because("read `/srv/secret.sqlite`", "disk error");
            return Err(ToolError::Fatal(error));
        }
        Err(ToolError::Respond("there is no service `chekout`; nearest is `checkout`".to_owned()))
    }

    fn summary(&self) -> String {
        "a failure".to_owned()
    }
}

/// Waits for some seconds.
struct Wait(Arc<AtomicUsize>);

/// Counts as at work as long as it is held.
struct AtWork(Arc<AtomicUsize>);

impl AtWork {
    fn begin(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count.clone())
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl AnyTool for Wait {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: "wait".to_owned(),
            description: "Waits.".to_owned(),
            schema: json!({"type": "object", "properties": {"seconds": {"type": "number"}}, "additionalProperties": false}),
        }
    }

    fn summary(&self, _: &Value) -> String {
        "some time".to_owned()
    }

    async fn call(&self, arguments: Value, _: &Scene) -> Result<Called, ToolError> {
        let _at_work = AtWork::begin(&self.0);
        let seconds = arguments.get("seconds").and_then(Value::as_f64).unwrap_or(0.0).clamp(0.0, 3600.0);
        tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
        Ok(Called { text: "waited".to_owned(), data: json!([seconds]), facts: Vec::new(), empty: false })
    }
}

#[async_trait]
impl Host for Shop {
    async fn toolbox(&self, caller: &str) -> Result<Toolbox> {
        let toolbox = Toolbox::default().with::<Echo>().with::<Window>();
        if caller == "guest" {
            return Ok(toolbox);
        }
        Ok(toolbox.with::<Fails>().with_any(Arc::new(Wait(self.at_work.clone()))))
    }

    async fn scene(&self, caller: &str, look_at: &LookAt) -> Result<Scene> {
        let mut incident = Incident::open(
            IncidentId("now".to_owned()),
            "a look",
            None,
            Source::Person,
            Timestamp::from_secs(1_772_373_900),
            Duration::from_secs(300),
            Duration::from_secs(1800),
        );
        match look_at {
            LookAt::Now => {}
            LookAt::Incident(id) if id.0 == INCIDENT => incident.id = id.clone(),
            LookAt::Incident(id) => return Err(Kind::NotFound.error(format!("unknown incident `{id}`"))),
            LookAt::Time(range) => {
                incident.window = *range;
                incident.baseline = range.before(Duration::from_secs(1800));
            }
        }
        Ok(Scene::new(Fakes::default().ports(), incident, Language::En).on_behalf_of(caller))
    }

    async fn investigate(&self, _: &str, asked: &Investigate, watch: Arc<dyn Watch>) -> Result<Finding> {
        let _at_work = AtWork::begin(&self.at_work);
        for (n, line) in [(1, "who calls whom"), (2, "what stands out")] {
            watch.on(Progress::Asked { evidence: EvidenceId(n), tool: "echo", line });
            tokio::task::yield_now().await;
        }
        if asked.service.as_deref() == Some("endless") {
            std::future::pending::<()>().await;
        }
        let service = asked.service.as_deref().unwrap_or("any service");
        Ok(Finding::inconclusive(
            IncidentId(INCIDENT.to_owned()),
            format!("nothing was measured of {service}"),
        ))
    }

    async fn ask(&self, _: &str, asked: &Ask, look_at: &LookAt, _: Arc<dyn Watch>) -> Result<Answer> {
        let note = format!("about {look_at:?}: `{}` cannot be answered by fakes", asked.question);
        Ok(Answer { note, ..Answer::default() })
    }

    async fn audit(&self, caller: &str, action: &str, detail: Value) -> Result<()> {
        let mut audited = self.audited.lock().unwrap_or_else(PoisonError::into_inner);
        audited.push((caller.to_owned(), action.to_owned(), detail));
        Ok(())
    }
}
