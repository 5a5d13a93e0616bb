//! Where a service's CPU time went, before and after.

use std::fmt;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waggle_agent_core::{
    Language, Result, Scene, Tool, ToolError,
    evidence::{Fact, Topic},
    ports::ProfileQuery,
    tool::Output,
};
use waggle_analysis::{
    profile_diff::{self, Grown, Holder, Per},
    quantity,
};
use waggle_signals::{ProfileSample, TimeRange};

use crate::{
    red::round,
    rows::write_rows,
    services::resources_of,
    windows::{Windows, windows},
};

/// Compares the CPU profile of a service in trouble with the healthy time before, per request: functions that take more time of their own, with their place in the source and their part of the growth.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct ProfileDiff {
    /// Name of the service.
    pub service: String,
}

/// Functions that grew.
#[derive(Debug, Serialize)]
pub struct Growth {
    service: String,
    windows: Windows,
    searched: String,
    /// The innermost function that holds most of the growth, with what it calls.
    blamed: Option<Holder>,
    #[serde(flatten)]
    diff: profile_diff::ProfileDiff,
}

#[async_trait]
impl Tool for ProfileDiff {
    const NAME: &'static str = "profile_diff";
    type Output = Growth;

    fn summary(&self) -> String {
        format!("CPU profile of `{}`, before and after", self.service)
    }

    async fn run(self, scene: &Scene) -> Result<Growth, ToolError> {
        resources_of(scene, &self.service).await?;
        let windows = windows(scene).await?;
        let before = samples(scene, &self.service, windows.baseline).await?;
        let after = samples(scene, &self.service, windows.window).await?;
        let requests = (
            requests(scene, &self.service, windows.baseline).await?,
            requests(scene, &self.service, windows.window).await?,
        );
        let mut diff = profile_diff::profile_diff(&before, &after, Some(requests));
        for grown in &mut diff.grew {
            for time in [
                &mut grown.self_before,
                &mut grown.self_after,
                &mut grown.total_before,
                &mut grown.total_after,
            ] {
                *time = round(*time);
            }
        }
        let searched = format!("CPU samples of `{}` in {}", self.service, windows.window);
        Ok(Growth { blamed: blamed(&diff), service: self.service, windows, searched, diff })
    }
}

async fn samples(scene: &Scene, service: &str, range: TimeRange) -> Result<Vec<ProfileSample>> {
    let query = ProfileQuery { range, service: Some(service.to_owned()), commit: None };
    Ok(scene.ports.telemetry.profile(&query).await?.into_iter().map(|sample| sample.row).collect())
}

async fn requests(scene: &Scene, service: &str, range: TimeRange) -> Result<u64> {
    let map = scene.ports.telemetry.topology(range).await?;
    Ok(map.node(service).map_or(0, |node| node.answered.count))
}

/// Chooses the innermost function that holds most of the growth and is the program's own: what a library does is the
/// doing of who calls it. Without any such, the innermost of all.
///
/// ## Assumptions
///
/// Names of the program's own functions carry their module (`shop::reserve::match_sku`, `main.match`); inlined and generic
/// pieces of libraries carry none, or that of the standard library.
fn blamed(diff: &profile_diff::ProfileDiff) -> Option<Holder> {
    let is_own = |holder: &&Holder| {
        let path = holder.function.split(['<', '{']).next().unwrap_or_default();
        let is_library = ["core::", "std::", "alloc::"].iter().any(|library| path.starts_with(library));
        !is_library && path.trim_end_matches(':').contains([':', '.'])
    };
    diff.holders.iter().find(is_own).or(diff.holders.first()).cloned()
}

impl Growth {
    fn unit(&self) -> &'static str {
        match self.diff.per {
            Per::Request => "per request",
            Per::CpuSecond => "per CPU second",
        }
    }
}

impl Output for Growth {
    fn is_empty(&self) -> bool {
        self.diff.samples.0 == 0 || self.diff.samples.1 == 0
    }

    fn facts(&self, language: Language) -> Vec<Fact> {
        let told = self.blamed.iter().map(|Holder { function, total_before, total_after, share }| {
            let share = quantity::percent(*share);
            let (old, new) = (quantity::ms(*total_before), quantity::ms(*total_after));
            let unit_zh = if self.diff.per == Per::Request { "每请求" } else { "每 CPU 秒" };
            let (service, unit) = (&self.service, self.unit());
            let text = language.pick(
                format!("{share} of the new CPU time of {service} is in `{function}`: {old} → {new} {unit}"),
                format!("{service} 新增 CPU 时间的 {share} 在 `{function}`：{unit_zh} {old} → {new}"),
            );
            Fact { service: service.clone(), topic: Topic::Profile, text }
        });
        told.collect()
    }
}

impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return write!(f, "too few samples to compare; searched: {}", self.searched);
        }
        let (before, after) = (quantity::ms(self.diff.before), quantity::ms(self.diff.after));
        writeln!(f, "CPU of {} {}: {before} → {after}", self.service, self.unit())?;
        if self.diff.grew.is_empty() {
            writeln!(f, "no function grew beyond chance")?;
        }
        write_rows(f, self.diff.grew.iter().map(Shown), 12)
    }
}

struct Shown<'a>(&'a Grown);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let grown = self.0;
        let place = grown.location.as_ref().map(|place| format!(" ({place})")).unwrap_or_default();
        write!(
            f,
            "{}{place}: own {} → {}, with callees {} → {}, {} of the growth",
            grown.function,
            quantity::ms(grown.self_before),
            quantity::ms(grown.self_after),
            quantity::ms(grown.total_before),
            quantity::ms(grown.total_after),
            quantity::percent(grown.share_of_growth)
        )
    }
}
