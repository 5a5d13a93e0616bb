//! One look at a deploy.

use waggle_agent_core::{Result, ports::Telemetry};
use waggle_analysis::deploy::{Aspect, Baseline, Judgement, Outcome, Rules, judge, outcome};
use waggle_signals::Timestamp;

use crate::{
    Question, Report,
    amounts::read_amounts,
    clues::{Clues, clues},
    report::{Note, Row, Span},
    requests::Reading,
    windows::{Window, Windows},
};

/// Looks once at what is stored by `now`, and answers as if it were the last look when the horizon is over.
///
/// # Errors
///
/// `Invalid` for a question that cannot be answered, else what the store says.
pub async fn check(telemetry: &dyn Telemetry, question: &Question, now: Timestamp) -> Result<Report> {
    Check::new(question.clone())?.look(telemetry, now).await
}

/// What one look reads.
#[derive(Debug)]
struct Check {
    question: Question,
    before: Reading,
    beside: Reading,
    after: Reading,
}

impl Check {
    fn new(question: Question) -> Result<Self> {
        question.validate()?;
        let (before, beside, after) = (Reading::default(), Reading::default(), Reading::default());
        Ok(Self { question, before, beside, after })
    }

    async fn look(&mut self, telemetry: &dyn Telemetry, now: Timestamp) -> Result<Report> {
        let service = self.question.service.clone();
        let windows = Windows::at(&self.question, now);
        self.before.read_on(telemetry, &service, &windows.before).await?;
        self.after.read_on(telemetry, &service, &windows.after).await?;
        read_amounts(telemetry, &service, &windows.after, &mut self.after.side).await?;
        if let Some(beside) = &windows.beside {
            self.beside.read_on(telemetry, &service, beside).await?;
            read_amounts(telemetry, &service, beside, &mut self.beside.side).await?;
        }
        let baseline = self.baseline(telemetry, &windows).await?;
        let baseline = if windows.beside.is_some() { baseline.beside(&self.beside.side) } else { baseline };
        let mut judgements = judge(&baseline, &self.after.side, self.after.side.blocks);
        judgements.retain(|it| !is_misjudged(it.aspect, [&self.after, &self.beside]));
        let is_over = now >= windows.end;
        let outcome = self.outcome(&baseline.rules, &judgements, is_over);
        let (before, before_window) = match &windows.beside {
            Some(window) => (&self.beside, window),
            None => (&self.before, &windows.before),
        };
        let sides = ((before, before_window), (&self.after, &windows.after));
        let clues = clues(telemetry, &service, sides.0, sides.1).await?;
        let is_final = is_over || outcome != Outcome::NotEnoughData;
        Ok(report(&self.question, &baseline, judgements, clues, sides, (outcome, is_final)))
    }

    async fn baseline(&mut self, telemetry: &dyn Telemetry, windows: &Windows) -> Result<Baseline> {
        read_amounts(telemetry, &self.question.service, &windows.before, &mut self.before.side).await?;
        let mut rules = Rules {
            is_concurrent: windows.beside.is_some(),
            may_drift: self.question.comparison.is_adjacent(),
            ..self.question.rules.clone()
        };
        rules.aspects.retain(|aspect| !is_misjudged(*aspect, [&self.before]));
        Ok(Baseline::of(rules, &self.before.side))
    }

    fn outcome(&self, rules: &Rules, judgements: &[Judgement], is_over: bool) -> Outcome {
        let all = judgements.iter().map(|it| (it.endpoint.as_deref(), it.aspect, it.verdict));
        let blocks = u32::try_from(self.after.side.blocks).unwrap_or(u32::MAX);
        outcome(rules, all, rules.block.saturating_mul(blocks), is_over)
    }
}

/// Tells whether a measure per request would be wrong, because not all calls or requests of a side were read.
fn is_misjudged<const N: usize>(aspect: Aspect, sides: [&Reading; N]) -> bool {
    match aspect {
        Aspect::Calls => sides.iter().any(|side| side.are_calls_cut),
        Aspect::Cpu | Aspect::CpuWait | Aspect::ErrorLogs => sides.iter().any(|side| side.is_thinned),
        Aspect::ErrorRate | Aspect::P50 | Aspect::P90 | Aspect::P99 | Aspect::Memory => false,
    }
}

type Sides<'a> = ((&'a Reading, &'a Window), (&'a Reading, &'a Window));

fn report(
    question: &Question,
    baseline: &Baseline,
    judgements: Vec<Judgement>,
    clues: Clues,
    (before, after): Sides<'_>,
    (outcome, is_final): (Outcome, bool),
) -> Report {
    let rules = &baseline.rules;
    let requests = |reading: &Reading| reading.side.requests(None).round() as u64;
    let any = |is: fn(&Reading) -> bool| is(before.0) || is(after.0);
    let mut notes = Vec::new();
    if requests(before.0) == 0 {
        notes.push(Note::NothingBefore);
    }
    if requests(after.0) == 0 {
        notes.push(Note::NothingAfter);
    }
    if any(|it| it.is_thinned) {
        notes.push(Note::Thinned);
    }
    if any(|it| it.are_calls_cut) {
        notes.push(Note::CallsCut);
    }
    let watched = after.1.whole().map_or(0, |range| range.length().as_secs());
    Report {
        schema: 1,
        service: question.service.clone(),
        outcome,
        exit_code: outcome.exit_code(),
        is_final,
        is_canary: rules.is_concurrent,
        before: before.1.whole().map(Span::from),
        after: after.1.whole().map(Span::from),
        requests_before: requests(before.0),
        requests_after: requests(after.0),
        watched_s: watched,
        warm_up_s: rules.warm_up.as_secs(),
        alpha: rules.alpha,
        beta: rules.beta,
        measures: judgements.into_iter().map(Row::from).collect(),
        small_endpoints: baseline.small_endpoints.clone(),
        clues,
        investigated: None,
        suspect: None,
        notes,
    }
}
