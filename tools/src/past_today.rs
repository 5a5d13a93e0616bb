//! What shows today, in the words in which past cases are kept.

use std::collections::{BTreeMap, BTreeSet};

use waggle_agent_core::{
    Result, Scene, Tool, ToolError,
    past_case::{Magnitude, ServiceSigns, reading, record::MAX_TEMPLATES},
    ports::{LogQuery, ResourceQuery},
};
use waggle_analysis::{anomaly::Anomaly, symptoms::FaultMatch, templates};
use waggle_signals::{Measure, Severity};

use crate::{
    fault_signs::diagnosed,
    log_reads::read_logs,
    recent_changes::recent,
    services::whole_range,
    similarity::{Features, words},
    suspects::Suspects,
    windows::{scanned, windows},
};

/// What shows today, and what of it can be asked whether a case holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Today {
    /// What is compared with cases.
    pub features: Features,
    /// How bad it is.
    pub magnitude: Magnitude,
    /// The suspects with all that was measured of them; without measurements where requests are not counted.
    pub services: Vec<ServiceSigns>,
    /// Faults that words, metrics and objects show: class → object and grade.
    pub faults: BTreeMap<String, (String, f64)>,
    /// How many texts those faults were looked for in; what the alert itself says is none.
    pub n_texts: usize,
    /// Where measures that tell of faults stand, by name.
    pub measures: BTreeMap<String, f64>,
    /// How many objects of Kubernetes those faults were looked for in.
    pub n_objects: usize,
    /// The newest change of each service that was live before the trouble.
    pub changed: BTreeMap<String, String>,
    /// The commit that each service runs, where it is known.
    pub versions: BTreeMap<String, String>,
    /// Services that sent anything.
    pub heard: BTreeSet<String>,
}

/// What users feel, and what it is called in a finding.
const FELT: [(Measure, &str); 5] = [
    (Measure::LatencyP99, "latency"),
    (Measure::LatencyMean, "latency"),
    (Measure::ErrorRatio, "error_ratio"),
    (Measure::RequestRate, "request_rate"),
    (Measure::ErrorLogRate, "error_log_rate"),
];

/// Error lines that are read of each window.
const MAX_LINES: usize = 1_000;
/// Classes that name no fault: what is of none of them is like everything.
const NAMES_NO_FAULT: [&str; 3] = ["", "unknown", "unexplained_errors"];

/// Gathers what shows of the scene's incident.
pub(crate) async fn today(scene: &Scene) -> Result<Today, ToolError> {
    let named = scene.incident.service.clone();
    let triage = serde_json::to_value(Suspects {}.run(scene).await?).unwrap_or_default();
    let triage = reading(&triage);
    let diagnosis = diagnosed(scene).await?.diagnosis;
    let looked_at = diagnosis.looked_at;
    let measures = diagnosis.readings.into_iter().map(|reading| (reading.measure, reading.now)).collect();
    let faults: BTreeMap<String, (String, f64)> = by_class(diagnosis.faults);

    let felt = FELT.map(|(measure, _)| measure);
    let anomalies = scanned(scene, &felt).await?;
    let its = named.clone();
    let is_its = |anomaly: &&Anomaly| its.as_deref().is_none_or(|named| anomaly.service() == named);
    let word =
        |anomaly: &Anomaly| FELT.iter().find(|(felt, _)| *felt == anomaly.measure).map(|(_, word)| *word);
    let signals = anomalies.iter().filter(is_its).filter_map(word).map(str::to_owned);
    let classes = triage.services.iter().map(|service| service.fault_class.clone());
    let text = [vec![scene.incident.title.clone()], new_error_lines(scene).await?].concat().join("\n");
    let features = Features {
        services: named.into_iter().chain(Some(triage.felt_by).filter(|felt| !felt.is_empty())).collect(),
        classes: classes.chain(faults.keys().cloned()).filter(|class| names_a_fault(class)).collect(),
        signals: signals.chain(signal(&triage.felt_as)).collect(),
        signs: triage.signs.iter().map(|sign| sign.term()).collect(),
        words: words(&text),
    };
    let (mut changed, mut versions) = (BTreeMap::new(), BTreeMap::new());
    // Newest first: the first word on a service stands.
    for change in recent(scene).await?.into_iter().filter(|change| change.carried_by.is_empty()) {
        if change.kind == waggle_agent_core::ports::ChangeKind::Commit && !change.id.is_empty() {
            versions.entry(change.service.clone()).or_insert_with(|| change.id.clone());
        }
        if !change.after_onset {
            changed.entry(change.service).or_insert(change.id);
        }
    }
    let sent = ResourceQuery { range: whole_range(scene), service: None };
    let heard = scene.ports.telemetry.resources(&sent).await?;
    Ok(Today {
        features,
        magnitude: triage.magnitude,
        services: triage.services,
        faults,
        n_texts: looked_at.texts.saturating_sub(1),
        measures,
        n_objects: looked_at.objects,
        changed,
        versions,
        heard: heard
            .iter()
            .map(|resource| resource.service().to_owned())
            .filter(|service| !service.is_empty())
            .collect(),
    })
}

/// Returns the faults that name one, by class, each with its likeliest object and its grade.
pub(crate) fn by_class(faults: Vec<FaultMatch>) -> BTreeMap<String, (String, f64)> {
    let named = faults.into_iter().rev().filter(|fault| names_a_fault(&fault.class));
    named.map(|fault| (fault.class, (fault.object, fault.grade))).collect()
}

/// Tells whether a class names a fault, rather than that none is known.
pub(crate) fn names_a_fault(class: &str) -> bool {
    !NAMES_NO_FAULT.contains(&class)
}

/// Returns a signal as it is compared: all kinds of latency are one. Empty for none.
pub(crate) fn signal(felt_as: &str) -> Option<String> {
    match felt_as {
        "" => None,
        latency if latency.starts_with("latency") => Some("latency".to_owned()),
        other => Some(other.to_owned()),
    }
}

/// Returns templates of error lines that the healthy time has not, most frequent first.
async fn new_error_lines(scene: &Scene) -> Result<Vec<String>> {
    let windows = windows(scene).await?;
    let read = async |range| {
        let (service, contains) = (None, String::new());
        let query = LogQuery { range, service, min_severity: Severity::Error, contains, limit: MAX_LINES };
        read_logs(scene, &query).await
    };
    let (before, after) = (read(windows.baseline).await?, read(windows.window).await?);
    let difference = templates::difference(
        (before.bodies(), before.covers.length()),
        (after.bodies(), after.covers.length()),
    );
    Ok(difference.new.into_iter().take(MAX_TEMPLATES).map(|found| found.template).collect())
}

#[cfg(test)]
mod tests {
    use waggle_agent_core::past_case::signs::STANDS_OUT;
    use waggle_analysis::features::FEATURES;

    use super::*;

    #[test]
    fn what_a_case_keeps_is_what_the_triage_measures() {
        for (kept, ..) in STANDS_OUT {
            assert!(FEATURES.iter().any(|feature| feature.name == kept), "`{kept}` is no feature");
        }
    }

    #[test]
    fn all_kinds_of_latency_are_one_signal() {
        for (felt_as, wanted) in
            [("latency_p99", Some("latency")), ("error_ratio", Some("error_ratio")), ("", None)]
        {
            assert_eq!(signal(felt_as).as_deref(), wanted);
        }
    }
}
