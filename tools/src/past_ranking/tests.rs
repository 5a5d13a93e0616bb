//! How well cases of the same kind are found among many, how often there is one where none should be, and that a poisoned case does not win.

mod generated;
mod poisoned;

use std::collections::BTreeMap;

use waggle_agent_core::{
    IncidentId,
    finding::{Action, Remediation, Verdict},
    past_case::{CauseThen, KeptCase, Magnitude, PastCase, Role, ServiceSigns, signs::standing_out},
    ports::Rating,
};
use waggle_analysis::{
    FaultTree,
    symptoms::{Evidence, Origin, Said, examine},
};
use waggle_signals::{Severity, Timestamp};

use super::{Alike, alike};
use crate::{
    past_today::{Today, by_class},
    similarity::{Features, words},
};

const DAY: i64 = 86_400;
/// When today's incident was opened.
const NOW: i64 = 1_000 * DAY;

/// What was measured of the service at fault, and what was written.
#[derive(Clone, Debug)]
struct Showing {
    service: String,
    role: Role,
    title: String,
    features: BTreeMap<String, f64>,
    templates: Vec<String>,
}

fn measured(features: &[(&str, f64)]) -> BTreeMap<String, f64> {
    features.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
}

/// Own code that works longer, at a service below the symptom.
fn slow_code(service: &str) -> Showing {
    let features = [
        ("self_ms.ratio", 4.0),
        ("self_ms.delta", 60.0),
        ("self.share", 0.9),
        ("latency.share", 0.8),
        ("explained", 0.8),
        ("cpu_per_request.ratio", 2.5),
        ("cpu.share", 0.7),
        ("cpu_wait.share", 0.05),
        ("rate.ratio", 1.0),
        ("errors.delta", 0.0),
        ("errors.lost.share", 0.0),
        ("gap.share", 0.05),
        ("network.share", 0.0),
        ("edge.retransmits.delta", 0.0),
        ("edge.connect_failures.delta", 0.0),
        ("process_ended", 0.0),
        ("silent", 0.0),
    ];
    Showing {
        service: service.to_owned(),
        role: Role::Below,
        title: format!("{service}: p99 latency above 200 ms"),
        features: measured(&features),
        templates: Vec::new(),
    }
}

/// A case of what showed, so many days ago, with `class` blamed.
fn case(id: &str, days_ago: i64, class: &str, showing: &Showing) -> KeptCase {
    let at = Timestamp::from_secs(NOW - days_ago * DAY);
    let cause = CauseThen {
        service: showing.service.clone(),
        role: showing.role,
        fault_class: class.to_owned(),
        change_kind: String::new(),
        change: String::new(),
    };
    KeptCase::new(PastCase {
        incident: IncidentId(id.to_owned()),
        opened_at: at,
        closed_at: at,
        window: None,
        title: showing.title.clone(),
        named: showing.service.clone(),
        felt_by: "gateway".to_owned(),
        felt_as: "latency".to_owned(),
        magnitude: Magnitude::Several,
        signs: standing_out(showing.role, &showing.features),
        templates: showing.templates.clone(),
        cause: Some(cause),
        remedy: Remediation { action: Action::Rollback, text: String::new() },
        verdict: Verdict::Likely,
        confidence: 0.7,
        versions: BTreeMap::new(),
    })
}

/// Today, when this shows: the class is what the fault tree makes of it.
fn today(showing: &Showing) -> Today {
    let tree = FaultTree::first();
    let class = tree.matches(&showing.features).first().map(|found| found.fault.class.clone());
    let text = [vec![showing.title.clone()], showing.templates.clone()].concat().join("\n");
    let signs = standing_out(showing.role, &showing.features);
    // Some classes are believed only when it is said several times.
    let said = showing.templates.iter().flat_map(|line| std::iter::repeat_n(line, 4)).map(|line| Said {
        origin: Origin::Log,
        object: showing.service.clone(),
        time: None,
        severity: Some(Severity::Error),
        text: line.clone(),
    });
    Today {
        features: Features {
            services: [showing.service.clone(), "gateway".to_owned()].into(),
            classes: class.iter().cloned().collect(),
            signals: ["latency".to_owned()].into(),
            signs: signs.iter().map(|sign| sign.term()).collect(),
            words: words(&text),
        },
        magnitude: Magnitude::Several,
        services: vec![ServiceSigns {
            service: showing.service.clone(),
            role: showing.role,
            fault_class: class.unwrap_or_default(),
            features: showing.features.clone(),
        }],
        faults: by_class(examine(&Evidence { said: said.collect(), ..Evidence::default() }).faults),
        n_texts: 10,
        ..Today::default()
    }
}

fn found(cases: Vec<KeptCase>, showing: &Showing) -> Vec<Alike> {
    alike(cases, &today(showing), Timestamp::from_secs(NOW), &FaultTree::first())
}

fn ids(found: &[Alike]) -> Vec<&str> {
    found.iter().map(|alike| alike.kept.case.incident.0.as_str()).collect()
}

fn rated(mut kept: KeptCase, by: &str, helpful: bool, correction: &str) -> KeptCase {
    kept.ratings.push(Rating {
        incident: kept.case.incident.clone(),
        by: by.to_owned(),
        at: Timestamp::from_secs(NOW - DAY),
        helpful,
        correction: correction.to_owned(),
    });
    kept
}
