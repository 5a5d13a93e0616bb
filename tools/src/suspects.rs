//! Everything that was measured, added up: who may have caused it, likeliest first.

use std::fmt;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waggle_agent_core::{
    Language, Result, Scene, Tool, ToolError,
    evidence::Fact,
    finding::{Action, Hop, SymptomFound},
    ports::{ChangeKind, EventQuery, LogQuery, ResourceQuery},
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
    by_signs,
    guilty_commit::name_commit,
    log_reads::read_logs,
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
    /// Services that were heard of where requests are too few for a map.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    services: Vec<Heard>,
    windows: Windows,
    /// How the ranking came about: features, parts of scores, victims.
    triage: Triage,
}

#[derive(Debug, Serialize)]
struct Heard {
    service: String,
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
        let (observed, missing) = observed(scene, &windows).await?;
        let mut triage = suspects::rank(&observed);
        triage.missing.extend(missing);
        // Where requests cannot be counted or do not explain it, there are still words, levels, changes and objects.
        if !triage.quiet && triage.suspects.is_empty() {
            let (mut ranking, services) = by_signs::ranking(scene).await?;
            ranking.missing_data.extend(triage.missing.clone());
            let services = services.into_iter().map(|service| Heard { service }).collect();
            return Ok(Ranked { ranking, services, windows, triage });
        }
        let mut ranking = ranking(&triage, &observed, scene.language);
        name_commit(scene, &mut ranking).await?;
        Ok(Ranked { ranking, services: Vec::new(), windows, triage })
    }
}

/// Gathers what the triage looks at, and says what of it could not be read.
async fn observed(scene: &Scene, windows: &Windows) -> Result<(Observed, Vec<String>)> {
    let mut missing = Vec::new();
    let telemetry = &scene.ports.telemetry;
    let baseline = telemetry.topology(windows.baseline).await?;
    let window = telemetry.topology(windows.window).await?;
    let (resources, neighbours) = resource_use(scene, windows, &baseline, &window).await?;
    let changes = recent_changes::recent(scene).await?;
    missing.extend(
        changes.iter().filter(|change| !change.unread.is_empty()).map(|change| change.unread.clone()),
    );
    missing.sort_unstable();
    missing.dedup();
    let deployed = changes
        .into_iter()
        .filter(|change| change.kind == ChangeKind::Commit && change.carried_by.is_empty());
    let changes = deployed.map(|change| Change {
        service: change.service,
        kind: "commit".to_owned(),
        at: change.at,
        id: change.id,
        id_before: change.before,
    });
    let logs = error_logs(scene, windows, &mut missing).await?;
    let (healthy, looked_at) = (scene.incident.baseline.length(), scene.incident.window.length());
    if healthy < looked_at {
        let (healthy, looked_at) =
            (quantity::number(healthy.as_secs_f64()), quantity::number(looked_at.as_secs_f64()));
        missing.push(format!("a longer healthy time: {healthy} s to compare {looked_at} s with"));
    }
    let observed = Observed {
        symptom: scene.incident.service.clone().map(|service| Symptom { service }),
        onset: windows.onset,
        baseline,
        window,
        resources,
        neighbours,
        changes: changes.collect(),
        logs,
        lifecycle: lifecycle(scene).await?,
        anomalies: Some(scanned(scene, &measures()).await?),
    };
    Ok((observed, missing))
}

/// Counts error logs per service in both windows, and names what is new among them. Says in `missing` what could not be read.
async fn error_logs(scene: &Scene, windows: &Windows, missing: &mut Vec<String>) -> Result<Vec<ErrorLogs>> {
    let read = async |range: TimeRange, service: Option<&str>| {
        let query = LogQuery {
            range,
            service: service.map(str::to_owned),
            min_severity: Severity::Error,
            contains: String::new(),
            limit: MAX_LOGS,
        };
        read_logs(scene, &query).await
    };
    let (before, after) = (read(windows.baseline, None).await?, read(windows.window, None).await?);
    let is_cut = before.is_cut || after.is_cut;
    let mut services: Vec<String> = if is_cut {
        // One service that writes much would push the others out, so each is read by itself.
        let range = TimeRange::new(windows.baseline.from(), windows.window.to()).unwrap_or(windows.window);
        let resources = scene.ports.telemetry.resources(&ResourceQuery { range, service: None }).await?;
        resources.iter().map(|resource| resource.service().to_owned()).collect()
    } else {
        before.lines.iter().chain(&after.lines).map(|log| log.resource.service().to_owned()).collect()
    };
    services.sort_unstable();
    services.dedup();
    let mut logs = Vec::new();
    for service in services {
        let (old, new) = if is_cut {
            (read(windows.baseline, Some(&service)).await?, read(windows.window, Some(&service)).await?)
        } else {
            (before.of(&service), after.of(&service))
        };
        if old.lines.is_empty() && new.lines.is_empty() {
            continue;
        }
        for (read, when) in [(&old, "the healthy time"), (&new, "the time to look at")] {
            if read.is_cut {
                let since = quantity::clock(read.covers.from());
                missing.push(format!(
                    "error logs of `{service}` in {when} before {since}: only the newest {MAX_LOGS} were read"
                ));
            }
        }
        let difference =
            templates::difference((old.bodies(), old.covers.length()), (new.bodies(), new.covers.length()));
        logs.push(ErrorLogs {
            service,
            before: old.expected_in(windows.baseline),
            after: new.expected_in(windows.window),
            new_templates: difference.new.into_iter().map(|found| found.template).collect(),
        });
    }
    Ok(logs)
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

fn ranking(triage: &Triage, observed: &Observed, language: Language) -> Ranking {
    if triage.quiet || triage.undecided {
        let missing_data = triage.missing.clone();
        return Ranking { quiet: triage.quiet, missing_data, ..Ranking::default() };
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
        symptom: symptom(triage, language),
        suspects: triage.suspects.iter().map(suspect).collect(),
        propagation: hops.collect(),
        affected,
        requests_failed: observed.window.node(&triage.symptom.service).map_or(0, |node| node.answered.errors),
        ruled_out: cleared.collect(),
        missing_data: triage.missing.clone(),
    }
}

fn symptom(triage: &Triage, language: Language) -> SymptomFound {
    let felt = &triage.symptom;
    let errors_rose = felt.errors_after - felt.errors_before > 0.01;
    let (signal, text) = if felt.silent {
        let rate = quantity::per_second(felt.rate_before);
        let text =
            language.pick(format!("answers nothing, before {rate}"), format!("不再应答，此前为 {rate}"));
        ("request_rate", text)
    } else if errors_rose && (felt.failing || !felt.slower) {
        let (old, new) = (quantity::percent(felt.errors_before), quantity::percent(felt.errors_after));
        let text = language.pick(format!("failed requests {old} → {new}"), format!("失败请求 {old} → {new}"));
        ("error_ratio", text)
    } else {
        let (old, new) = (quantity::ms(felt.latency_before_ms), quantity::ms(felt.latency_after_ms));
        ("latency", language.pick(format!("mean latency {old} → {new}"), format!("平均延迟 {old} → {new}")))
    };
    let since = quantity::clock(triage.onset);
    SymptomFound {
        service: felt.service.clone(),
        signal: signal.to_owned(),
        text: language.pick(
            format!("{}: {text} since {since}", felt.service),
            format!("{}：{text}，自 {since} 起", felt.service),
        ),
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
        action: match (action(suspect.action), &suspect.change) {
            // There is nothing to roll back to where no change is known.
            (Action::Rollback, None) => Action::None,
            (action, _) => action,
        },
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
        if self.triage.undecided {
            writeln!(f, "too little was measured to tell whether anything is wrong")?;
        } else {
            writeln!(f, "symptom: {}", symptom.text)?;
        }
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
