//! What metrics say of a service: which of its resources are used far beyond what they were, beside what the others do.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use crate::{quantity, robust};

/// One metric of one instance, in two windows; gaps are values that are not finite.
#[derive(Clone, Debug, PartialEq)]
pub struct InstanceMetric {
    /// Whose.
    pub service: String,
    /// Which process or pod of it.
    pub instance: String,
    /// Its name.
    pub name: String,
    /// Values before.
    pub baseline: Vec<f64>,
    /// Values in the window.
    pub window: Vec<f64>,
}

/// What metrics say of one service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricPart {
    /// How far it stands out × its part of all growth × how far its work suffers, 0 to 1.
    pub score: f64,
    /// Which resource.
    pub resource: Resource,
    /// The instance that stands out most.
    pub instance: String,
    /// The metric.
    pub metric: String,
    /// Its middle before.
    pub before: f64,
    /// Its middle in the window.
    pub after: f64,
    /// The difference in spreads of the baseline.
    pub spreads: f64,
    /// What the most deviating tenth of other services reach, in spreads.
    pub others: f64,
    /// Its part of all growth of this metric, 0 to 1.
    pub share_of_growth: f64,
}

/// Something that a process can be short of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// Processor time.
    Cpu,
    /// Memory.
    Memory,
    /// Disks and files.
    Disk,
}

/// A deviation below this many spreads is nothing, whatever the others do: Shewhart's three.
const LEAST_SPREADS: f64 = 3.0;

/// The spread of a baseline counts as at least this part of its middle: less is of no consequence.
const LEAST_SPREAD: f64 = 0.05;

/// Values without which a baseline has no spread.
const LEAST_VALUES: usize = 4;

/// Words of metric names that say which resource is used, in lower case.
const WORDS: [(&str, Resource); 6] = [
    ("cpu", Resource::Cpu),
    ("memory", Resource::Memory),
    ("mem", Resource::Memory),
    ("rss", Resource::Memory),
    ("disk", Resource::Disk),
    ("fs", Resource::Disk),
];

/// Returns the resource that a metric of this name measures the use of; `None` for all others and for those of the whole machine.
///
/// Latencies, rates of requests and bytes say what is asked of a service, so they rise at victims too; they are left to the traces.
pub fn resource_of(name: &str) -> Option<Resource> {
    let words = words(name);
    if words.iter().any(|word| word == "node" || word == "host") {
        return None;
    }
    WORDS.iter().find(|(wanted, _)| words.iter().any(|word| word == wanted)).map(|(_, resource)| *resource)
}

/// Takes a name apart at case changes and at what is no letter.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for letter in name.chars() {
        let is_new = !letter.is_alphabetic() || (letter.is_uppercase() && was_lower);
        if is_new {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| letter.is_alphabetic()) {
            word.extend(letter.to_lowercase());
        }
        was_lower = letter.is_lowercase();
    }
    words
}

/// Says which services use a resource far more than before, by service and resource.
pub(super) fn metric_parts(metrics: &[InstanceMetric]) -> BTreeMap<(String, Resource), MetricPart> {
    let mut most: BTreeMap<(String, Resource), MetricPart> = BTreeMap::new();
    let mut growth: BTreeMap<String, f64> = BTreeMap::new();
    // Copies of a service grow together; its part is theirs.
    let mut own_growth: BTreeMap<(String, String), f64> = BTreeMap::new();
    for (service, part) in metrics.iter().filter_map(deviation) {
        let grown = (part.after - part.before).max(0.0);
        *growth.entry(part.metric.clone()).or_default() += grown;
        *own_growth.entry((service.to_owned(), part.metric)).or_default() += grown;
    }
    for part in metrics.iter().filter_map(deviation) {
        let key = (part.0.to_owned(), part.1.resource);
        match most.get_mut(&key) {
            Some(best) if best.spreads >= part.1.spreads => {}
            _ => {
                most.insert(key, part.1);
            }
        }
    }
    let spreads: Vec<(String, Resource, f64)> =
        most.iter().map(|((service, resource), part)| (service.clone(), *resource, part.spreads)).collect();
    for ((service, resource), part) in &mut most {
        let others = spreads.iter().filter(|(name, sort, _)| name != service && sort == resource);
        let others: Vec<f64> = others.map(|(_, _, spreads)| *spreads).collect();
        part.others = robust::quantile(&others, 0.9).unwrap_or(0.0).max(0.0);
        // Signal to noise by power: as far as the rest of the field and the least together, it is even chance.
        let noise = LEAST_SPREADS + part.others;
        let power = (part.spreads / noise).powi(2);
        let all = growth.get(&part.metric).copied().unwrap_or(0.0);
        let own = own_growth.get(&(service.clone(), part.metric.clone())).copied().unwrap_or(0.0);
        part.share_of_growth = if all > 0.0 { own / all } else { 0.0 };
        let stands_out = if part.spreads > LEAST_SPREADS { power / (1.0 + power) } else { 0.0 };
        part.score = stands_out * part.share_of_growth;
    }
    most
}

fn deviation(metric: &InstanceMetric) -> Option<(&str, MetricPart)> {
    let resource = resource_of(&metric.name)?;
    if metric.baseline.iter().filter(|value| value.is_finite()).count() < LEAST_VALUES {
        return None;
    }
    let (before, after) = (robust::median(&metric.baseline)?, robust::median(&metric.window)?);
    let spread =
        robust::spread(&metric.baseline, before).max(LEAST_SPREAD * before.abs()).max(f64::MIN_POSITIVE);
    let part = MetricPart {
        score: 0.0,
        resource,
        instance: metric.instance.clone(),
        metric: metric.name.clone(),
        before,
        after,
        // Where nothing was used before, anything is endlessly far; a thousand is far enough.
        spreads: ((after - before) / spread).clamp(-1e3, 1e3),
        others: 0.0,
        share_of_growth: 0.0,
    };
    Some((&metric.service, part))
}

impl fmt::Display for MetricPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [before, after, spreads, others] =
            [self.before, self.after, self.spreads, self.others].map(quantity::number);
        let share = quantity::percent(self.share_of_growth);
        write!(
            f,
            "{} of `{}` {before} → {after}, {spreads} spreads up (others {others}), {share} of all growth",
            self.metric, self.instance
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_metrics_say_which_resource_is_used() {
        for (name, wanted) in [
            ("cpuBusyRate(%)", Some(Resource::Cpu)),
            ("container_memory_rss", Some(Resource::Memory)),
            ("process.cpu.time", Some(Resource::Cpu)),
            ("nodeCpuBusyRate(%)", None),
            ("p99_latency_ms", None),
            ("", None),
        ] {
            assert_eq!(resource_of(name), wanted, "{name}");
        }
    }

    #[test]
    fn who_stands_out_of_the_field_is_named() {
        let metric = |service: &str, window: f64| InstanceMetric {
            service: service.to_owned(),
            instance: format!("{service}-1"),
            name: "cpu_percent".to_owned(),
            baseline: vec![4.0, 5.0, 6.0, f64::NAN, 5.0],
            window: vec![window, window],
        };
        let parts = metric_parts(&[
            metric("cart", 95.0),
            metric("stock", 6.0),
            metric("mail", 5.0),
            metric("pay", 4.0),
        ]);
        let score = |service: &str| parts[&(service.to_owned(), Resource::Cpu)].score;
        assert!(score("cart") > 0.95 && score("stock") == 0.0 && score("pay") == 0.0);
        assert_eq!(metric_parts(&[]).len(), 0);
    }
}
