//! When a bound will be met, if things go on as they did.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waggle_agent_core::{
    Language, Scene, Tool, ToolError,
    evidence::{Fact, Topic},
    tool::Output,
};
use waggle_analysis::{
    Reach, forecast,
    forecast::{Expected, PROBABILITY, Unfit, When},
    quantity,
};
use waggle_signals::Timestamp;

use crate::{
    forecast_measures::{Bound, ERROR_BUDGET, Measured, RATES, Unit, WORDS, measured, searched},
    names::nearest,
    services::resources_of,
};

/// Says when a measure of a service will meet its bound if it goes on as it did (memory and CPU against their limits, disk, error budget), with the earliest and latest likely time, or that it has no trend. Never looks further ahead than the history is long.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Forecast {
    /// Name of the service.
    pub service: String,
    /// `memory`, `cpu`, `disk`, `error_budget`, `request_rate`, `error_ratio`, `latency_p99`, `latency_mean`, or the name of any metric.
    pub measure: String,
    /// The bound, in bytes, cores, shares of one, requests per second or milliseconds, where it is not the limit that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<f64>,
}

/// How a measure goes on.
#[derive(Debug, Serialize)]
pub struct Forecasted {
    service: String,
    measure: String,
    searched: String,
    #[serde(skip)]
    topic: Topic,
    outlook: Option<Outlook>,
}

#[derive(Debug, Serialize)]
struct Outlook {
    /// Which copy of the service; empty for all of it.
    copy: String,
    unit: Unit,
    #[serde(skip_serializing_if = "is_as_asked")]
    bound: Option<Bound>,
    /// The newest value.
    latest: f64,
    #[serde(flatten)]
    ahead: Ahead,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "ahead")]
enum Ahead {
    /// It moves.
    Trend {
        per_hour: f64,
        #[serde(flatten)]
        seen: Seen,
    },
    /// It moves no more than chance would have it.
    NoTrend(Seen),
    /// There is too little to go by.
    Unknown(Unfit),
}

#[derive(Debug, Serialize)]
struct Seen {
    since: Timestamp,
    until: Timestamp,
    seconds_of_history: f64,
    n_values: usize,
    is_daily: bool,
    /// At the end of what can be seen.
    end: Expected,
    /// How likely a value lies between low and high.
    probability: f64,
    /// `None` without a bound.
    reach: Option<Reach>,
}

#[async_trait]
impl Tool for Forecast {
    const NAME: &'static str = "forecast";
    type Output = Forecasted;

    fn summary(&self) -> String {
        format!("how `{}` of `{}` goes on", self.measure, self.service)
    }

    async fn run(self, scene: &Scene) -> Result<Forecasted, ToolError> {
        resources_of(scene, &self.service).await?;
        let asked = self.measure.trim().to_lowercase().replace([' ', '-'], "_");
        let is_word = is_word(&asked);
        let asked = if is_word { asked } else { self.measure.trim().to_owned() };
        let asked_bound = self.bound.map(|bound| format!(" with a bound of {bound}")).unwrap_or_default();
        let searched = format!(
            "{} of `{}` up to {}{asked_bound}",
            searched(&asked),
            self.service,
            scene.incident.window.to()
        );
        let found = measured(scene, &self.service, &asked).await?;
        let Some(mut measured) = found else {
            if is_word {
                let (service, topic) = (self.service, Topic::Resources);
                return Ok(Forecasted { service, measure: asked, searched, topic, outlook: None });
            }
            return Err(unknown(&asked, &self.service));
        };
        if let Some(value) = self.bound.filter(|bound| bound.is_finite()) {
            measured.bound = Some(Bound { value, from: AS_ASKED.to_owned() });
        }
        let topic = measured.topic;
        let outlook = outlook(measured);
        Ok(Forecasted { service: self.service, measure: asked, searched, topic, outlook })
    }
}

fn known_words() -> impl Iterator<Item = &'static str> {
    WORDS.iter().map(|word| word.word).chain(RATES.iter().map(|(word, ..)| *word)).chain([ERROR_BUDGET])
}

fn is_word(asked: &str) -> bool {
    known_words().any(|word| word == asked)
}

fn unknown(asked: &str, service: &str) -> ToolError {
    let advice = match nearest(asked, known_words()) {
        Some(near) => format!("nearest is `{near}`"),
        None => format!("known are a metric's name and: {}", {
            let mut words: Vec<&str> = known_words().collect();
            words.dedup();
            words.join(", ")
        }),
    };
    ToolError::Respond(format!("no metric `{asked}` of `{service}`; {advice}"))
}

fn outlook(measured: Measured) -> Option<Outlook> {
    let Measured { series, copy, unit, direction, bound, .. } = measured;
    let latest = series.values.iter().rev().flatten().next().copied()?;
    let ahead = match forecast(&series) {
        Err(unfit) => Ahead::Unknown(unfit),
        Ok(found) => {
            let seen = Seen {
                since: found.since,
                until: found.until().floor(SECOND),
                seconds_of_history: found.from.since(found.since).as_secs_f64(),
                n_values: found.n_values,
                is_daily: found.is_daily,
                end: *found.steps.last()?,
                probability: PROBABILITY,
                reach: bound.as_ref().map(|bound| found.reach(bound.value, direction)),
            };
            match found.has_trend() {
                true => Ahead::Trend { per_hour: found.trend_per_s * 3600.0, seen },
                false => Ahead::NoTrend(seen),
            }
        }
    };
    Some(Outlook { copy, unit, bound, latest, ahead })
}

/// A bound that was asked for is no finding: it stands under what was searched.
const AS_ASKED: &str = "as asked";

fn is_as_asked(bound: &Option<Bound>) -> bool {
    bound.as_ref().is_some_and(|bound| bound.from == AS_ASKED)
}

const SECOND: Duration = Duration::from_secs(1);

impl Forecasted {
    fn sentences(&self, language: Language) -> Vec<String> {
        let Some(Outlook { copy, unit, bound, latest, ahead }) = &self.outlook else { return Vec::new() };
        let copy = if copy.is_empty() { String::new() } else { format!(" ({copy})") };
        let (whose, latest) = (format!("{}{copy}", self.service), unit.write(*latest));
        let measure = &self.measure;
        let bounded = bound.as_ref().filter(|bound| bound.from != AS_ASKED).map(|Bound { value, from }| {
            let value = unit.write(*value);
            language.pick(format!(", the bound {value} ({from})"), format!("，界限为 {value}（{from}）"))
        });
        let bounded = bounded.unwrap_or_default();
        let mut all = vec![language.pick(
            format!("{whose}: `{measure}` is {latest}{bounded}"),
            format!("{whose}：`{measure}` 为 {latest}{bounded}"),
        )];
        match ahead {
            Ahead::Unknown(Unfit::TooFew { n_values, n_needed }) => all.push(language.pick(
                format!("{n_values} values are too few to tell how `{measure}` goes on; it takes {n_needed}"),
                format!("只有 {n_values} 个值，不足以判断 `{measure}` 的走向；至少需要 {n_needed} 个"),
            )),
            Ahead::Unknown(Unfit::JustChanged { at, n_values }) => all.push(language.pick(
                format!("`{measure}` changed at {at}, and {n_values} values since are too few to tell how it goes on"),
                format!("`{measure}` 在 {at} 发生变化，此后只有 {n_values} 个值，不足以判断走向"),
            )),
            Ahead::Trend { per_hour, seen } => {
                let by = unit.write(per_hour.abs());
                let (en, zh) = if *per_hour > 0.0 { ("rises", "上升") } else { ("falls", "下降") };
                let length = quantity::seconds(seen.seconds_of_history);
                all.push(language.pick(
                    format!("`{measure}` of {whose} {en} by {by} per hour over the last {length}"),
                    format!("{whose} 的 `{measure}` 在最近 {length} 内每小时{zh} {by}"),
                ));
                all.extend(self.reached(seen, *unit, language));
            }
            Ahead::NoTrend(seen) => {
                let length = quantity::seconds(seen.seconds_of_history);
                all.push(language.pick(
                    format!("`{measure}` of {whose} has no trend over the last {length}"),
                    format!("{whose} 的 `{measure}` 在最近 {length} 内没有趋势"),
                ));
                all.extend(self.reached(seen, *unit, language));
            }
        }
        all
    }

    fn reached(&self, seen: &Seen, unit: Unit, language: Language) -> Option<String> {
        let measure = &self.measure;
        let second = |time: &Timestamp| time.floor(SECOND);
        let Seen { until, end, .. } = seen;
        let text = match seen.reach.as_ref() {
            Some(Reach::Already) => {
                language.pick(format!("`{measure}` is past its bound already"), format!("`{measure}` 已经越过界限"))
            }
            Some(Reach::Expected(When { earliest, likely, latest })) => {
                let (earliest, likely) = (second(earliest), second(likely));
                let latest = match latest.as_ref().map(second) {
                    Some(latest) => language.pick(format!("and {latest}"), format!("到 {latest} 之间")),
                    None => language.pick(format!("and after {until}"), format!("到 {until} 之后")),
                };
                language.pick(
                    format!("if it goes on so, `{measure}` meets its bound at {likely}, between {earliest} {latest}"),
                    format!("照此下去，`{measure}` 将在 {likely} 达到界限（{earliest} {latest}）"),
                )
            }
            Some(Reach::Possible { earliest }) => {
                let earliest = second(earliest);
                language.pick(
                    format!("`{measure}` is not expected to meet its bound before {until}, and may do so from {earliest} on"),
                    format!("`{measure}` 在 {until} 之前预计不会达到界限，但从 {earliest} 起有可能"),
                )
            }
            Some(Reach::Unlikely) => language.pick(
                format!("`{measure}` is not likely to meet its bound before {until}, which is as far as can be seen"),
                format!("`{measure}` 在 {until} 之前不太可能达到界限，更远无法判断"),
            ),
            None => {
                let (low, high) = (unit.write(end.low), unit.write(end.high));
                language.pick(
                    format!("four of five futures have `{measure}` between {low} and {high} at {until}"),
                    format!("到 {until}，`{measure}` 有八成可能在 {low} 到 {high} 之间"),
                )
            }
        };
        Some(text)
    }
}

impl Output for Forecasted {
    fn is_empty(&self) -> bool {
        self.outlook.is_none()
    }

    fn facts(&self, language: Language) -> Vec<Fact> {
        let sentences = self.sentences(language).into_iter();
        sentences.map(|text| Fact { service: self.service.clone(), topic: self.topic, text }).collect()
    }
}

impl fmt::Display for Forecasted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.outlook.is_none() {
            return write!(
                f,
                "`{}` of `{}` was not measured; searched: {}",
                self.measure, self.service, self.searched
            );
        }
        self.sentences(Language::En).iter().try_for_each(|sentence| writeln!(f, "- {sentence}"))?;
        if let Some(Outlook { ahead: Ahead::Trend { seen, .. } | Ahead::NoTrend(seen), .. }) = &self.outlook {
            let daily = if seen.is_daily { ", and the time of the day" } else { "" };
            writeln!(f, "rests on {} values since {}{daily}", seen.n_values, seen.since)?;
        }
        Ok(())
    }
}
