//! Which functions' CPU time grew between two profiles.
//!
//! Profiles of different length and load are made comparable first: per request where requests were counted, else per CPU second.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{Deserialize, Serialize};
use waggle_signals::ProfileSample;

use crate::quantity;

/// The difference of two profiles.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProfileDiff {
    /// What the two were divided by.
    pub per: Per,
    /// CPU time of the whole before: milliseconds per request, or milliseconds per CPU second (which is 1000).
    pub before: f64,
    /// The same after.
    pub after: f64,
    /// Times that a stack was seen, before and after.
    pub samples: (u64, u64),
    /// Functions whose own time grew beyond chance, most first. Empty when either profile is.
    pub grew: Vec<Grown>,
    /// Functions that hold at least half of the growth together with what they call, innermost first: the last is the outermost caller. Empty when the whole did not grow beyond chance, and when only the mix is compared.
    pub holders: Vec<Holder>,
    /// Functions that were not on any stack before, though chance would have put them there, by their time after.
    pub new: Vec<String>,
}

/// What profiles were divided by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    /// Requests that were served meanwhile.
    Request,
    /// Seconds of CPU that were used meanwhile: only the mix can be compared.
    CpuSecond,
}

/// A function that takes more time of its own. Times are milliseconds per request or per CPU second.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Grown {
    /// The function.
    pub function: String,
    /// Where in the source it was seen most, as `file.rs:88`; `None` without line tables.
    pub location: Option<String>,
    /// Its own time before.
    pub self_before: f64,
    /// Its own time after.
    pub self_after: f64,
    /// Its time with all that it calls, before.
    pub total_before: f64,
    /// The same after.
    pub total_after: f64,
    /// Its part of all growth of own time, 0 to 1.
    pub share_of_growth: f64,
}

/// A function below which most of the growth lies. Times are milliseconds per request or per CPU second.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Holder {
    /// The function.
    pub function: String,
    /// Its time with all that it calls, before.
    pub total_before: f64,
    /// The same after.
    pub total_after: f64,
    /// Its part of the growth of the whole, 0 to 1.
    pub share: f64,
}

/// A function that holds this part of the growth is a place to look.
const MOST: f64 = 0.5;

/// Growth is told from this many standard deviations of the two counts on (Poisson).
const SIGMAS: f64 = 3.0;

/// Functions that are told.
const MAX_GROWN: usize = 20;

/// Compares two profiles of the same service. `requests` are those served while each was taken; without them, or with none, only the mix is compared.
pub fn profile_diff(
    before: &[ProfileSample],
    after: &[ProfileSample],
    requests: Option<(u64, u64)>,
) -> ProfileDiff {
    let (old, new) = (Profile::of(before), Profile::of(after));
    let requests = requests.filter(|(before, after)| *before > 0 && *after > 0);
    let per = if requests.is_some() { Per::Request } else { Per::CpuSecond };
    // From nanoseconds of CPU to milliseconds per unit.
    let (old_unit, new_unit) = match requests {
        Some((before, after)) => (1e6 * before as f64, 1e6 * after as f64),
        None => (old.nanos / 1e3, new.nanos / 1e3),
    };
    let per_old = |nanos: f64| if old_unit > 0.0 { nanos / old_unit } else { 0.0 };
    let per_new = |nanos: f64| if new_unit > 0.0 { nanos / new_unit } else { 0.0 };
    let names: BTreeSet<&str> = old.functions.keys().chain(new.functions.keys()).copied().collect();
    let (mut grew, mut growth) = (Vec::new(), 0.0);
    if old.nanos > 0.0 && new.nanos > 0.0 {
        for name in names {
            let (was, is) = (old.function(name), new.function(name));
            let (self_before, self_after) = (per_old(was.own_nanos), per_new(is.own_nanos));
            growth += (self_after - self_before).max(0.0);
            // The deviation of a Poisson count is its root; one sample more keeps it above zero.
            let deviation = |share: f64, count: f64| if count > 0.0 { share / count.sqrt() } else { share };
            let least = per_new(new.nanos / new.count.max(1.0));
            let error =
                deviation(self_before, was.own_count).hypot(deviation(self_after, is.own_count)).max(least);
            if self_after - self_before > SIGMAS * error {
                grew.push(Grown {
                    function: name.to_owned(),
                    location: is.location(),
                    self_before,
                    self_after,
                    total_before: per_old(was.total_nanos),
                    total_after: per_new(is.total_nanos),
                    share_of_growth: self_after - self_before,
                });
            }
        }
    }
    for grown in &mut grew {
        grown.share_of_growth /= growth.max(f64::MIN_POSITIVE);
    }
    grew.sort_by(|a, b| b.share_of_growth.total_cmp(&a.share_of_growth));
    grew.truncate(MAX_GROWN);
    ProfileDiff {
        per,
        before: per_old(old.nanos),
        after: per_new(new.nanos),
        samples: (old.count as u64, new.count as u64),
        holders: holders(&old, &new, per_old, per_new),
        new: unseen_before(&old, &new),
        grew,
    }
}

/// Finds the functions below which most of the growth lies. Callers hold what their callees hold, so less is more telling.
fn holders(
    old: &Profile<'_>,
    new: &Profile<'_>,
    per_old: impl Fn(f64) -> f64,
    per_new: impl Fn(f64) -> f64,
) -> Vec<Holder> {
    let (whole_before, whole_after) = (per_old(old.nanos), per_new(new.nanos));
    let growth = whole_after - whole_before;
    // The deviation of a Poisson count is its root. Growth within chance is held by nobody.
    let error = (whole_before / old.count.max(1.0).sqrt()).hypot(whole_after / new.count.max(1.0).sqrt());
    if old.nanos <= 0.0 || growth <= SIGMAS * error {
        return Vec::new();
    }
    let held = new.functions.iter().map(|(name, function)| {
        let total_before = per_old(old.function(name).total_nanos);
        let total_after = per_new(function.total_nanos);
        let share = ((total_after - total_before) / growth).min(1.0);
        Holder { function: (*name).to_owned(), total_before, total_after, share }
    });
    let mut holders: Vec<Holder> = held.filter(|holder| holder.share >= MOST).collect();
    holders.sort_by(|a, b| a.total_after.total_cmp(&b.total_after).then_with(|| a.function.cmp(&b.function)));
    holders.truncate(MAX_GROWN);
    holders
}

/// Returns functions on no stack before that, at the rate of after, would have been on ten or more.
fn unseen_before(old: &Profile<'_>, new: &Profile<'_>) -> Vec<String> {
    let scale = old.count / new.count.max(1.0);
    let is_new =
        |name: &&str| !old.functions.contains_key(name) && new.function(name).total_count * scale >= 10.0;
    let mut names: Vec<&str> = new.functions.keys().copied().filter(is_new).collect();
    names.sort_by(|a, b| new.function(b).total_nanos.total_cmp(&new.function(a).total_nanos));
    names.into_iter().take(MAX_GROWN).map(str::to_owned).collect()
}

/// Samples by function.
#[derive(Default)]
struct Profile<'a> {
    nanos: f64,
    count: f64,
    functions: BTreeMap<&'a str, Function<'a>>,
}

#[derive(Clone, Default)]
struct Function<'a> {
    own_nanos: f64,
    own_count: f64,
    total_nanos: f64,
    total_count: f64,
    locations: BTreeMap<&'a str, u64>,
}

impl<'a> Profile<'a> {
    fn of(samples: &'a [ProfileSample]) -> Self {
        let mut profile = Self::default();
        for sample in samples {
            let (nanos, count) = (sample.cpu_nanos as f64, f64::from(sample.count));
            profile.nanos += nanos;
            profile.count += count;
            // A function that calls itself is on the stack once.
            for name in sample.frames.iter().collect::<BTreeSet<_>>() {
                let function = profile.functions.entry(name).or_default();
                function.total_nanos += nanos;
                function.total_count += count;
            }
            let Some(innermost) = sample.frames.last() else { continue };
            let function = profile.functions.entry(innermost).or_default();
            function.own_nanos += nanos;
            function.own_count += count;
            if let Some(location) = &sample.location {
                *function.locations.entry(location).or_default() += u64::from(sample.count);
            }
        }
        profile
    }

    fn function(&self, name: &str) -> Function<'a> {
        self.functions.get(name).cloned().unwrap_or_default()
    }
}

impl Function<'_> {
    fn location(&self) -> Option<String> {
        self.locations.iter().max_by_key(|(_, count)| **count).map(|(location, _)| (*location).to_owned())
    }
}

impl fmt::Display for ProfileDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.per {
            Per::Request => "per request",
            Per::CpuSecond => "per CPU second",
        };
        let samples = format!("{} and {} samples", self.samples.0, self.samples.1);
        match self.per {
            Per::Request => {
                write!(
                    f,
                    "CPU time {} → {} {unit}, {samples}",
                    quantity::ms(self.before),
                    quantity::ms(self.after)
                )?;
            }
            Per::CpuSecond => write!(f, "mix of CPU time, {samples}")?,
        }
        if self.grew.is_empty() {
            return write!(f, "; no function grew beyond chance");
        }
        for grown in self.grew.iter().take(5) {
            let place = grown.location.as_ref().map_or_else(String::new, |location| format!(" ({location})"));
            write!(
                f,
                "\n{} of the new CPU time is in `{}`{place}: {} → {} {unit}",
                quantity::percent(grown.share_of_growth),
                grown.function,
                quantity::ms(grown.self_before),
                quantity::ms(grown.self_after),
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use waggle_signals::{ResourceId, Timestamp};

    use super::*;

    /// Stacks in the collapsed form, as `main;handle 12`, one sample for each 10 ms of CPU.
    fn profile(stacks: &[(&str, u32)]) -> Vec<ProfileSample> {
        let sample = |(stack, count): &(&str, u32)| ProfileSample {
            resource: ResourceId(0),
            time: Timestamp::from_secs(0),
            frames: stack.split(';').map(str::to_owned).collect(),
            location: stack.ends_with("match_sku").then(|| "reserve.rs:88".to_owned()),
            count: *count,
            cpu_nanos: u64::from(*count) * 10_000_000,
        };
        stacks.iter().map(sample).collect()
    }

    #[test]
    fn the_function_that_grew_is_named_with_its_part_of_the_growth() {
        let before = profile(&[("main;serve;parse", 100), ("main;serve;reserve", 100)]);
        let after = profile(&[
            ("main;serve;parse", 50),
            ("main;serve;reserve", 80),
            ("main;serve;reserve;match_sku", 150),
            ("main;serve;reserve;match_sku;match_sku", 150),
        ]);
        let diff = profile_diff(&before, &after, Some((1000, 500)));
        assert_eq!(
            diff.to_string(),
            "CPU time 2 ms → 8.6 ms per request, 200 and 430 samples\n\
             91% of the new CPU time is in `match_sku` (reserve.rs:88): 0 ms → 6 ms per request"
        );
        assert_eq!((diff.grew[0].total_after, diff.new.as_slice()), (6.0, &["match_sku".to_owned()][..]));
    }

    #[test]
    fn most_of_the_growth_is_held_from_the_innermost_function_outwards() {
        let before = profile(&[("main;serve;parse", 100), ("main;serve;reserve", 100)]);
        let after = profile(&[("main;serve;parse", 100), ("main;serve;reserve;match_sku;equal", 300)]);
        let held: Vec<_> = profile_diff(&before, &after, Some((100, 100)))
            .holders
            .into_iter()
            .map(|it| it.function)
            .collect();
        assert_eq!(held, ["equal", "match_sku", "reserve", "main", "serve"]);
    }

    #[test]
    fn growth_within_chance_is_held_by_nobody() {
        let before = profile(&[("main;a", 100)]);
        for (samples, is_held) in [(90, false), (100, false), (130, false), (300, true)] {
            let diff = profile_diff(&before, &profile(&[("main;a", samples)]), Some((1000, 1000)));
            assert_eq!(!diff.holders.is_empty(), is_held, "{samples} samples");
        }
    }

    #[test]
    fn twice_the_load_is_no_growth() {
        let before = profile(&[("main;a", 100), ("main;b", 50)]);
        let after = profile(&[("main;a", 205), ("main;b", 96)]);
        assert_eq!(profile_diff(&before, &after, None).grew, []);
        assert_eq!(profile_diff(&before, &after, Some((1000, 2000))).grew, []);
    }

    #[test]
    fn an_empty_profile_says_nothing() {
        let some = profile(&[("main;a", 100)]);
        for (before, after) in [(&[][..], &some[..]), (&some[..], &[][..]), (&[][..], &[][..])] {
            assert_eq!(profile_diff(before, after, None).grew, []);
        }
    }

    proptest! {
        #[test]
        fn shares_of_growth_add_up_to_one_at_most(
            before in prop::collection::vec(("[a-c](;[a-c]){0,3}", 0..200_u32), 0..8),
            after in prop::collection::vec(("[a-d](;[a-d]){0,3}", 0..200_u32), 0..8),
        ) {
            let samples = |stacks: &[(String, u32)]| {
                profile(&stacks.iter().map(|(s, n)| (s.as_str(), *n)).collect::<Vec<_>>())
            };
            let diff = profile_diff(&samples(&before), &samples(&after), None);
            let sum: f64 = diff.grew.iter().map(|grown| grown.share_of_growth).sum();
            prop_assert!((0.0..=1.0 + 1e-9).contains(&sum));
        }
    }
}
