//! The conversation: a model calls tools until what it was asked for is handed in, or the budget ends.

use serde_json::Value;
use waggle_signals::Timestamp;

use super::Case;
use crate::{
    Result,
    ports::{Message, ToolCall, ToolSpec},
};

/// Replies without a call that are answered with a reminder; after one more the fallback takes over.
const MAX_REMINDERS: u32 = 1;
/// Submissions that break the schema before the fallback takes over.
const MAX_MALFORMED: u32 = 2;
/// Steps that bring nothing new before the model is told, and before the fallback takes over.
const IN_CIRCLES: (u32, u32) = (2, 4);

/// Opens what the loop itself says, so that nobody takes it for a person's question.
const FROM_LOOP: &str = "[loop] ";

/// What a submission is answered that is taken.
pub(crate) const ACCEPTED: &str = "accepted";

/// Tells whether the loop itself said something.
pub(crate) fn is_from_loop(text: &str) -> bool {
    text.starts_with(FROM_LOOP)
}

/// What a conversation is to come to.
pub(crate) trait Goal {
    /// What comes of it.
    type Outcome;

    /// Returns the call by which it is handed in.
    fn spec(&self) -> ToolSpec;

    /// Reads what was handed in. `is_last` tells that there will be no time to mend it.
    fn read(&mut self, arguments: &Value, case: &Case<'_>, is_last: bool) -> Handed<Self::Outcome>;
}

/// What a submission is worth.
pub(crate) enum Handed<T> {
    /// It stands.
    Accepted(T),
    /// It may be mended once; this much of it holds.
    Mend {
        /// What is wrong, for the model.
        text: String,
        /// What holds of it; `None` when that is not worth more than nothing.
        so_far: Option<T>,
    },
    /// It cannot be read; the text says why.
    Malformed(String),
}

/// Lets the model call tools until the goal is handed in. When the budget is spent, the fallback has the last word; when time
/// is up, it may only hand in what the evidence so far gives. `None` when nobody handed in anything that can be read.
///
/// With `checkpoints`, where the run stands is kept after every step; the time is when the run began.
pub(crate) async fn converse<G: Goal>(
    case: &mut Case<'_>,
    goal: &mut G,
    checkpoints: Option<Timestamp>,
) -> Result<Option<G::Outcome>> {
    let submit = goal.spec();
    let (mut n_malformed, mut n_silent, mut n_idle) = (0, 0, 0);
    let mut best = None;
    loop {
        if !case.may_go_on() && best.is_some() {
            return Ok(best);
        }
        if !case.may_go_on() {
            let what = case.overrun().map_or_else(|| "time".to_owned(), |overrun| overrun.to_string());
            case.fall_back(&format!("the budget of {what} ran out before `{}` was called", submit.name));
        }
        let is_last = !case.may_go_on();
        let mut offer = if is_last { super::offer::Offer::default() } else { case.offer() };
        offer.described.push(submit.clone());
        let Some(reply) = case.ask_model(offer.described, offer.undescribed).await? else {
            return Ok(best);
        };
        // A model may have taken all the time that was left; then the fallback still has the last word.
        let may_call = !is_last && !case.is_out_of_time();
        let n_evidence = case.n_evidence();
        let calls = case.say_reply(reply);
        let (submitted, asked): (Vec<_>, Vec<_>) =
            calls.into_iter().partition(|call| call.name == submit.name);
        if !may_call {
            asked.iter().for_each(|call| case.reply(call, "not called: the budget is spent"));
        } else {
            case.answer(&asked).await?;
        }
        if submitted.is_empty() && asked.is_empty() {
            n_silent += 1;
            if n_silent > MAX_REMINDERS {
                case.fall_back(&format!("it stopped calling tools without calling `{}`", submit.name));
            }
            let text = format!(
                "{FROM_LOOP}Call `{}` when you are done, or another tool when you are not.",
                submit.name
            );
            case.say(Message::User { text });
        }
        let is_idle = submitted.is_empty() && !asked.is_empty() && case.n_evidence() == n_evidence;
        n_idle = if is_idle { n_idle + 1 } else { 0 };
        if n_idle == IN_CIRCLES.0 {
            let text = format!(
                "{FROM_LOOP}These calls brought nothing new. Ask something else, or call `{}`.",
                submit.name
            );
            case.say(Message::User { text });
        }
        if n_idle >= IN_CIRCLES.1 {
            case.fall_back("it went in circles");
        }
        let accepted = hand_in(case, goal, &submitted, is_last, &mut best, &mut n_malformed);
        if accepted || is_last {
            return Ok(best);
        }
        if n_malformed > MAX_MALFORMED {
            case.fall_back("what it hands in breaks the schema");
        }
        if let Some(started_at) = checkpoints {
            case.keep_checkpoint(started_at).await?;
        }
    }
}

/// Reads and answers submissions; true when one was accepted. The best so far is kept.
fn hand_in<G: Goal>(
    case: &mut Case<'_>,
    goal: &mut G,
    submitted: &[ToolCall],
    is_last: bool,
    best: &mut Option<G::Outcome>,
    n_malformed: &mut u32,
) -> bool {
    let mut is_accepted = false;
    for call in submitted {
        if is_accepted {
            case.reply(call, "not read: another was accepted already");
            continue;
        }
        match goal.read(&call.arguments, case, is_last) {
            Handed::Accepted(outcome) => {
                is_accepted = true;
                *best = Some(outcome);
                case.reply(call, ACCEPTED);
            }
            Handed::Mend { text, so_far } => {
                *best = so_far.or(best.take());
                case.reply(call, &text);
            }
            Handed::Malformed(fault) => {
                *n_malformed += 1;
                case.reply(call, &fault);
            }
        }
    }
    is_accepted
}
