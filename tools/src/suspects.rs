//! Everything that was measured, added up: who may have caused it, likeliest first.

use std::fmt;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waggle_agent_core::{
    Language, Result, Scene, Tool, ToolError,
    evidence::Fact,
    finding::{Action, Hop, SymptomFound},
    ports::{EventQuery, LogQuery},
    tool::Output,
    triage::{Cleared, Ranking, SUSPECTS_TOOL, Suspect, SuspectChange},
};
use waggle_analysis::{
    observed::{Change, ErrorLogs, Lifecycle, Observed, Phase, Symptom},
    quantity,
    suspects::{self, Triage},
    templates,
};
use waggle_signals::{Severity, TimeRange, semconv};

use crate::{
    anomalies::measures,
    processes::resource_use,
    recent_changes,
    windows::{Windows, scanned, windows},
};

/// Ranks who may have caused the incident: walks the service map from the symptom, splits the added latency and failures over the services below, and tries the fault tree on each. Says what was ruled out, what to do, and which tools would prove it.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
pub struct Suspects {}

/// The ranking, as the loop and its models read it.
#[derive(Debug, Serialize)]
pub struct Ranked {
    #[serde(flatten)]
    ranking: Ranking,
    windows: Windows,
    /// How the ranking came about: features, parts of scores, victims.
    triage: Triage,
}

/// Error logs of one window that are read at most.
const MAX_LOGS: usize = 2_000;

#[async_trait]
impl Tool for Suspects {
    const NAME: &'static str = SUSPECTS_TOOL;
    type Output = Ranked;

    fn summary(&self) -> String {
        "who may have caused it: topology walk and fault tree".to_owned()
    }

    async fn run(self, scene: &Scene) -> Result<Ranked, ToolError> {
        let windows = windows(scene).await?;
        let observed = observed(scene, &windows).await?;
        let triage = suspects::rank(&observed);
        Ok(Ranked { ranking: ranking(&triage, &observed), windows, triage })
    }
}

/// Gathers what the triage looks at.
async fn observed(scene: &Scene, windows: &Windows) -> Result<Observed> {
    let telemetry = &scene.ports.telemetry;
    let baseline = telemetry.topology(windows.baseline).await?;
    let window = telemetry.topology(windows.window).await?;
    let (resources, neighbours) = resource_use(scene, windows, &baseline, &window).await?;
    let changes = recent_changes::recent(scene).await?.into_iter().map(|change| Change {
        service: change.service,
        kind: "commit".to_owned(),
        at: change.at,
        id: change.id,
        id_before: change.before,
    });
    Ok(Observed {
        symptom: scene.incident.service.clone().map(|service| Symptom { service }),
        onset: windows.onset,
        baseline,
        window,
        resources,
        neighbours,
        changes: changes.collect(),
        logs: error_logs(scene, windows).await?,
        lifecycle: lifecycle(scene).await?,
        anomalies: Some(scanned(scene, &measures()).await?),
    })
}

/// Counts error logs per service in both windows, and names what is new among them.
async fn error_logs(scene: &Scene, windows: &Windows) -> Result<Vec<ErrorLogs>> {
    let read = async |range: TimeRange| {
        let query = LogQuery {
            range,
            service: None,
            min_severity: Severity::Error,
            contains: String::new(),
            limit: MAX_LOGS,
        };
        scene.ports.telemetry.logs(&query).await
    };
    let (before, after) = (read(windows.baseline).await?, read(windows.window).await?);
    let mut services: Vec<&str> = before.iter().chain(&after).map(|log| log.resource.service()).collect();
    services.sort_unstable();
    services.dedup();
    let logs = services.into_iter().map(|service| {
        let of = |logs: &[waggle_agent_core::ports::Of<waggle_signals::LogRecord>]| -> Vec<String> {
            logs.iter()
                .filter(|log| log.resource.service() == service)
                .map(|log| log.row.body.clone())
                .collect()
        };
        let (old, new) = (of(&before), of(&after));
        let difference = templates::difference(
            (old.iter().map(String::as_str), windows.baseline.length()),
            (new.iter().map(String::as_str), windows.window.length()),
        );
        ErrorLogs {
            service: service.to_owned(),
            before: old.len() as u64,
            after: new.len() as u64,
            new_templates: difference.new.into_iter().map(|found| found.template).collect(),
        }
    });
    Ok(logs.collect())
}

async fn lifecycle(scene: &Scene) -> Result<Vec<Lifecycle>> {
    let incident = &scene.incident;
    let range = TimeRange::new(incident.baseline.from(), incident.window.to()).unwrap_or(incident.window);
    let mut life = Vec::new();
    for (name, phase) in
        [(semconv::EVENT_PROCESS_START, Phase::Started), (semconv::EVENT_PROCESS_END, Phase::Ended)]
    {
        let query = EventQuery { range, service: None, name: Some(name.to_owned()), limit: 200 };
        let events = scene.ports.telemetry.events(&query).await?;
        life.extend(events.into_iter().map(|event| Lifecycle {
            service: event.resource.service().to_owned(),
            phase,
            at: event.row.time,
            text: event.row.body,
        }));
    }
    Ok(life)
}

fn ranking(triage: &Triage, observed: &Observed) -> Ranking {
    if triage.quiet {
        return Ranking { quiet: true, missing_data: triage.missing.clone(), ..Ranking::default() };
    }
    let worse = triage.victims.iter().map(|victim| victim.service.clone());
    let guilty = triage.suspects.first().map(|suspect| suspect.service.clone());
    let mut affected: Vec<_> = worse.chain(guilty).chain([triage.symptom.service.clone()]).collect();
    affected.sort();
    affected.dedup();
    affected.retain(|service| !service.is_empty());
    let cleared = triage
        .ruled_out
        .iter()
        .map(|out| Cleared { suspect: out.suspect.clone(), reason: out.reason.clone() });
    // The path leads from the symptom to the cause; trouble went the other way.
    let hops = triage.path.iter().rev();
    let hops = hops.map(|step| Hop { from: step.to.clone(), to: step.from.clone(), kind: step.kind.clone() });
    Ranking {
        quiet: false,
        symptom: symptom(triage),
        suspects: triage.suspects.iter().map(suspect).collect(),
        propagation: hops.collect(),
        affected,
        requests_failed: observed.window.node(&triage.symptom.service).map_or(0, |node| node.answered.errors),
        ruled_out: cleared.collect(),
        missing_data: triage.missing.clone(),
    }
}

fn symptom(triage: &Triage) -> SymptomFound {
    let felt = &triage.symptom;
    let errors_rose = felt.errors_after - felt.errors_before > 0.01;
    let (signal, text) = if felt.silent {
        ("request_rate", format!("answers nothing, before {}", quantity::per_second(felt.rate_before)))
    } else if errors_rose && (felt.failing || !felt.slower) {
        let (old, new) = (quantity::percent(felt.errors_before), quantity::percent(felt.errors_after));
        ("error_ratio", format!("failed requests {old} → {new}"))
    } else {
        let (old, new) = (quantity::ms(felt.latency_before_ms), quantity::ms(felt.latency_after_ms));
        ("latency", format!("latency {old} → {new}"))
    };
    let since = quantity::clock(triage.onset);
    SymptomFound {
        service: felt.service.clone(),
        signal: signal.to_owned(),
        text: format!("{}: {text} since {since}", felt.service),
        onset: triage.onset.to_string(),
    }
}

fn suspect(suspect: &suspects::Suspect) -> Suspect {
    Suspect {
        service: suspect.service.clone(),
        resource: suspect.resource.clone(),
        fault_class: suspect.fault_class.clone(),
        title: suspect.title.clone(),
        confidence: suspect.confidence,
        change: suspect.change.as_ref().map(|change| SuspectChange {
            kind: change.kind.clone(),
            id: change.id.clone(),
            before: change.id_before.clone(),
            at: change.at.to_string(),
        }),
        because: suspect.because.clone(),
        wants: suspect.wants.clone(),
        action: action(suspect.action),
        advice: suspect.advice.clone(),
    }
}

/// The two crates know the same actions; neither may know the other.
fn action(action: waggle_analysis::fault_tree::Action) -> Action {
    serde_json::to_value(action).and_then(serde_json::from_value).unwrap_or_default()
}

impl Output for Ranked {
    fn is_empty(&self) -> bool {
        self.ranking.suspects.is_empty()
    }

    /// The ranking is quoted through its own fields.
    fn facts(&self, _: Language) -> Vec<Fact> {
        Vec::new()
    }
}

impl fmt::Display for Ranked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ranking { quiet, symptom, suspects, ruled_out, missing_data, .. } = &self.ranking;
        if *quiet {
            return write!(
                f,
                "nothing got worse: {} compared with {}",
                self.windows.window, self.windows.baseline
            );
        }
        writeln!(f, "symptom: {}", symptom.text)?;
        for (place, suspect) in suspects.iter().enumerate() {
            writeln!(
                f,
                "{}. {} {}: {} ({}), confidence {}",
                place + 1,
                suspect.service,
                suspect.resource,
                suspect.fault_class,
                suspect.title,
                quantity::number(suspect.confidence)
            )?;
            if let Some(change) = &suspect.change {
                writeln!(f, "   change: {} {} live at {}", change.kind, change.id, change.at)?;
            }
            for reason in &suspect.because {
                writeln!(f, "   - {reason}")?;
            }
            writeln!(f, "   wants: {}; advice: {}", suspect.wants.join(", "), suspect.advice)?;
        }
        for cleared in ruled_out {
            writeln!(f, "ruled out: {}: {}", cleared.suspect, cleared.reason)?;
        }
        for missing in missing_data {
            writeln!(f, "missing: {missing}")?;
        }
        Ok(())
    }
}
