//! Where the bound of a measure is told: by a metric, or by the limits of containers.

use waggle_agent_core::{Scene, ToolError};
use waggle_analysis::kubernetes::{object::name, quantities};
use waggle_signals::{Measure, Series};

use crate::{
    forecast_measures::{Bound, COPIES, K8S_CONTAINER, Unit, Word, copy as copy_of, history},
    kubernetes_containers::containers_of,
    kubernetes_objects::{objects, program},
};

/// Returns the bound of what a word stands for, of one copy and container of a service; `None` when nobody tells one.
pub(crate) async fn bound(
    scene: &Scene,
    service: &str,
    (copy, container): (&str, &str),
    word: &Word,
) -> Result<Option<Bound>, ToolError> {
    if let Some(value) = word.fixed {
        let from = if value == 0.0 { "nothing left" } else { "all of it used" };
        return Ok(Some(Bound { value, from: from.to_owned() }));
    }
    // What the pods say comes first where no container is named: only they tell how many there are.
    if container.is_empty() {
        match limit(scene, service, copy, container, word.unit).await? {
            Limit::Told(bound) => return Ok(Some(bound)),
            Limit::None => return Ok(None),
            Limit::Unknown => {}
        }
    }
    for metric in word.bounds {
        let found = history(scene, service, Measure::Metric((*metric).to_owned()), &COPIES).await?;
        let is_its = |series: &&Series| container.is_empty() || series.label(K8S_CONTAINER) == container;
        let named: Vec<&Series> = found.iter().filter(is_its).collect();
        let own: Vec<&Series> = named.iter().copied().filter(|series| copy_of(series) == copy).collect();
        let of = if own.is_empty() { named } else { own };
        let mut values: Vec<f64> = of
            .iter()
            .filter_map(|series| series.values.iter().rev().flatten().next().copied())
            .filter(|value| *value > 0.0)
            .collect();
        values.sort_by(f64::total_cmp);
        values.dedup();
        // Of several limits nobody knows which one holds.
        if let [value] = values.as_slice() {
            return Ok(Some(Bound { value: *value, from: format!("metric `{metric}`") }));
        }
    }
    Ok(match limit(scene, service, copy, container, word.unit).await? {
        Limit::Told(bound) => Some(bound),
        Limit::None | Limit::Unknown => None,
    })
}

/// What the pods of a service say of a limit.
enum Limit {
    Told(Bound),
    /// It has none.
    None,
    /// No such pod is recorded.
    Unknown,
}

/// Reads the limit off the pod of the copy, else off one of the service's: that of the container, else of all that run at once.
async fn limit(
    scene: &Scene,
    service: &str,
    copy: &str,
    container: &str,
    unit: Unit,
) -> Result<Limit, ToolError> {
    let objects = objects(scene).await?;
    let pods = objects.of("Pod", None)?;
    let own = pods.iter().find(|pod| name(pod) == copy);
    let Some(pod) = own.or_else(|| pods.iter().find(|pod| program(pod) == service)) else {
        return Ok(Limit::Unknown);
    };
    let running: Vec<_> = containers_of(pod).into_iter().filter(|row| !row.is_init).collect();
    let of: Vec<_> = running.iter().filter(|row| container.is_empty() || row.name == container).collect();
    let limits = of.iter().map(|row| {
        let limit = if unit == Unit::Cores { &row.cpu_limit } else { &row.memory_limit };
        limit.as_deref().and_then(quantities::quantity)
    });
    // One without a limit may take all: then the pod has none.
    let limits: Option<Vec<f64>> = limits.collect();
    Ok(match limits.filter(|limits| !limits.is_empty()) {
        Some(limits) => {
            let whose =
                if container.is_empty() { String::new() } else { format!("container `{container}` of ") };
            let from = format!("limit of {whose}pod `{}`", name(pod));
            Limit::Told(Bound { value: limits.iter().sum(), from })
        }
        None => Limit::None,
    })
}
