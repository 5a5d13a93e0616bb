//! Requests as rows of dimensions: every attribute of the span and of its resource that has few values.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use waggle_agent_core::ports::Of;
use waggle_analysis::attribution::{Amount, Leaf, surprise};
use waggle_signals::{Span, semconv};

/// Requests of two windows by their dimensions.
pub(crate) struct Dimensions {
    /// Dimensions that cut the requests in the same way as one that is kept, by the kept one's name.
    pub same: BTreeMap<String, Vec<String>>,
    /// The requests before, then those of now.
    pub requests: [Vec<Request>; 2],
}

/// One request.
pub(crate) struct Request {
    /// Dimension to value; a dimension that it does not have is absent.
    pub dimensions: BTreeMap<String, String>,
    /// How long it took, milliseconds.
    pub ms: f64,
    /// Whether it failed.
    pub failed: bool,
}

/// How much of something requests are: for a ratio what is above the line, and what is below.
pub(crate) type Measured = fn(&Request) -> Amount;

/// The name of the operation, which is no attribute of a span.
const OPERATION: &str = "operation";
/// A dimension with more values is an identity and no dimension; a service with more pods has other troubles.
const MAX_VALUES: usize = 200;
/// Requests that a value should have on average.
const MIN_PER_VALUE: usize = 4;
/// Dimensions that are looked at; there are 92 sets of one to three of them, and each costs a pass over the requests.
const MAX_DIMENSIONS: usize = 8;
/// Characters of a value that are kept.
const MAX_VALUE_CHARS: usize = 80;

/// Reads the requests of two windows, and chooses the dimensions that may tell them apart; where they are many, those whose values' parts of `measured` moved most.
pub(crate) fn dimensions(
    spans: [&[Of<Span>]; 2],
    is_asked: impl Fn(&str) -> bool,
    measured: Measured,
) -> Dimensions {
    let mut requests =
        spans.map(|spans| spans.iter().map(|span| request(span, &is_asked)).collect::<Vec<_>>());
    let same = choose(&requests, measured);
    for request in requests.iter_mut().flatten() {
        request.dimensions.retain(|name, _| same.contains_key(name));
    }
    Dimensions { same, requests }
}

fn request(span: &Of<Span>, is_asked: impl Fn(&str) -> bool) -> Request {
    let Span { name, peer, attributes, duration, .. } = &span.row;
    let caller = peer.iter().map(|peer| (semconv::PEER_SERVICE, peer.service.as_str()));
    let tags = span.resource.attributes.iter().chain(attributes);
    let tags = tags.map(|(name, value)| (name.as_str(), value.as_str()));
    let all = tags.chain(caller).chain([(OPERATION, name.as_str())]);
    let asked =
        all.filter(|(name, value)| *name != semconv::SERVICE_NAME && !value.is_empty() && is_asked(name));
    let cut = |value: &str| value.chars().take(MAX_VALUE_CHARS).collect();
    Request {
        dimensions: asked.map(|(name, value)| (name.to_owned(), cut(value))).collect(),
        ms: duration.as_secs_f64() * 1e3,
        failed: span.row.is_error(),
    }
}

/// Returns the dimensions to look at, each with those that say the same.
fn choose(requests: &[Vec<Request>; 2], measured: Measured) -> BTreeMap<String, Vec<String>> {
    let rows: Vec<&Request> = requests.iter().flatten().collect();
    let names: BTreeSet<&str> =
        rows.iter().flat_map(|row| row.dimensions.keys().map(String::as_str)).collect();
    // Dimensions that cut the rows into the same groups, by the groups.
    let mut by_cut: BTreeMap<Vec<u32>, Vec<&str>> = BTreeMap::new();
    for name in names {
        let mut numbers: HashMap<&str, u32> = HashMap::new();
        let cut: Vec<u32> = rows
            .iter()
            .map(|row| {
                let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
                *numbers.entry(row.dimensions.get(name).map_or("", String::as_str)).or_insert(next)
            })
            .collect();
        let values = numbers.len();
        if (2..=MAX_VALUES).contains(&values) && values * MIN_PER_VALUE <= rows.len() {
            by_cut.entry(cut).or_default().push(name);
        }
    }
    let mut chosen: Vec<(f64, &str, Vec<String>)> = Vec::new();
    for mut alike in by_cut.into_values() {
        alike.sort_by_key(|name| (is_number(name), length(&rows, name), *name));
        if let Some((plain, others)) = alike.split_first() {
            let others = others.iter().map(|name| (*name).to_owned()).collect();
            chosen.push((moved(requests, plain, measured), plain, others));
        }
    }
    chosen.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    chosen.truncate(MAX_DIMENSIONS);
    chosen.into_iter().map(|(_, name, others)| (name.to_owned(), others)).collect()
}

/// Tells whether a dimension numbers things for machines. People know a version better than a process by its number.
fn is_number(name: &str) -> bool {
    [".id", ".pid", ".port", ".address"].iter().any(|end| name.ends_with(end))
}

/// Counts the characters of all values: of equal dimensions, the one with the shorter names reads best.
fn length(rows: &[&Request], name: &str) -> usize {
    rows.iter().filter_map(|row| row.dimensions.get(name)).map(String::len).sum()
}

/// Returns how far the parts of the whole that a dimension's values have moved: the surprise of Adtributor (Bhagwan et al., NSDI 2014, §3.2.2), by which it ranks dimensions.
fn moved(requests: &[Vec<Request>; 2], name: &str, measured: Measured) -> f64 {
    let mut sums: BTreeMap<&str, [f64; 2]> = BTreeMap::new();
    let mut wholes = [0.0; 2];
    for (window, requests) in requests.iter().enumerate() {
        for request in requests {
            let value = request.dimensions.get(name).map_or("", String::as_str);
            let amount = measured(request).value;
            sums.entry(value).or_default()[window] += amount;
            wholes[window] += amount;
        }
    }
    let share = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
    sums.values().map(|sum| surprise(share(sum[0], wholes[0]), share(sum[1], wholes[1]))).sum()
}

impl Dimensions {
    /// Adds requests up by their dimensions; what was before is multiplied by `scale`, which for a ratio is 1.
    pub fn leaves(&self, measured: Measured, scale: f64) -> Vec<Leaf> {
        let mut leaves: BTreeMap<&BTreeMap<String, String>, [Amount; 2]> = BTreeMap::new();
        for (window, requests) in self.requests.iter().enumerate() {
            for request in requests {
                let sums = leaves.entry(&request.dimensions).or_insert_with(|| {
                    // A leaf without requests is a ratio of nothing, and no plain amount.
                    let of = measured(request).of.map(|_| 0.0);
                    [Amount { value: 0.0, of }; 2]
                });
                let Amount { value, of } = measured(request);
                sums[window].value += value;
                sums[window].of = sums[window].of.zip(of).map(|(sum, of)| sum + of);
            }
        }
        let scaled = |amount: Amount| Amount { value: amount.value * scale, ..amount };
        let leaf = |(dimensions, [before, after]): (&BTreeMap<String, String>, [Amount; 2])| Leaf {
            dimensions: dimensions.clone(),
            before: scaled(before),
            after,
        };
        leaves.into_iter().map(leaf).collect()
    }

    /// Returns the requests before and now that have all of these values.
    pub fn having(&self, elements: &BTreeMap<String, String>) -> [Vec<&Request>; 2] {
        let has = |request: &&Request| {
            elements
                .iter()
                .all(|(name, value)| request.dimensions.get(name).map_or("", String::as_str) == value)
        };
        self.requests.each_ref().map(|requests| requests.iter().filter(has).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use waggle_signals::{
        Attributes, Resource, ResourceId, SpanId, SpanKind, SpanStatus, Timestamp, TraceId,
    };

    use super::*;

    /// Requests whose attributes depend on their number.
    fn spans(range: std::ops::Range<u64>) -> Vec<Of<Span>> {
        let span = |n: u64| {
            let attributes = [
                ("request.id", n.to_string()),
                ("server.port", (8000 + n % 2).to_string()),
                ("deployment", if n.is_multiple_of(2) { "blue" } else { "green" }.to_owned()),
                ("region", "eu".to_owned()),
                ("zone", format!("z{}", n % 3)),
            ];
            let row = Span {
                trace_id: TraceId::new(u128::from(n) + 1).unwrap(),
                span_id: SpanId::new(n + 1).unwrap(),
                parent_span_id: None,
                resource: ResourceId(0),
                kind: SpanKind::Server,
                name: "GET /".to_owned(),
                start: Timestamp::from_millis(0),
                duration: Duration::from_millis(n % 3),
                status: SpanStatus::Ok,
                peer: None,
                attributes: attributes
                    .map(|(key, value)| (key.to_owned(), value))
                    .into_iter()
                    .collect::<Attributes>(),
            };
            Of { resource: Arc::new(Resource::new([(semconv::SERVICE_NAME, "cart")])), row }
        };
        range.map(span).collect()
    }

    #[test]
    fn identities_and_what_all_share_are_no_dimensions_and_equal_ones_are_one() {
        let measured: Measured = |request| Amount { value: request.ms, of: Some(1.0) };
        let found = dimensions([&spans(0..300), &spans(300..600)], |_| true, measured);
        let same: Vec<(&str, Vec<String>)> =
            found.same.iter().map(|(name, same)| (name.as_str(), same.clone())).collect();
        assert_eq!(same, [("deployment", vec!["server.port".to_owned()]), ("zone", vec![])]);
        let leaves = found.leaves(measured, 1.0);
        assert_eq!(leaves.len(), 6);
        assert_eq!(leaves.iter().filter_map(|leaf| leaf.after.of).sum::<f64>(), 300.0);
        let blue = BTreeMap::from([("deployment".to_owned(), "blue".to_owned())]);
        assert_eq!(found.having(&blue).map(|requests| requests.len()), [150, 150]);
    }

    #[test]
    fn no_requests_have_no_dimensions() {
        let found = dimensions([&[], &[]], |_| true, |_| Amount::default());
        assert!(found.same.is_empty() && found.leaves(|_| Amount::default(), 1.0).is_empty());
    }
}
