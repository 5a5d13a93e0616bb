//! Phrases of time: `last 15 min`, `since 14:05`, `从 14 点到 14:20`, `昨天`.

use super::{
    sense::Sense,
    tokens::{Token, What},
    units::{Clock, Unit},
};

/// When something is asked about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Time {
    /// So many milliseconds up to now.
    Last(f64),
    /// So many milliseconds from now on.
    Next(f64),
    /// About so many milliseconds ago.
    Ago(f64),
    /// From a time of day on.
    Since(Clock),
    /// Between two times of day.
    Between(Clock, Clock),
    /// About a time of day.
    At(Clock),
    /// Since the last deployment.
    SinceDeploy,
    /// A short while ago.
    Recently,
    Yesterday,
    Today,
}

/// Reads the first phrase of time, and marks its tokens as used.
pub(super) fn time(tokens: &[Token], is_used: &mut [bool]) -> Option<Time> {
    let has = |at: usize, sense: Sense| tokens.get(at).is_some_and(|token| token.has(sense));
    let back = |at: usize, n: usize| at.checked_sub(n);
    let behind = |at: usize, sense: Sense| {
        // `in the last 5 minutes`, `从昨天到今天`: a filler may stand between.
        [1, 2].into_iter().filter_map(|n| back(at, n)).find(|before| {
            has(*before, sense)
                && (before + 1..at).all(|between| tokens.get(between).is_some_and(Token::is_filler))
        })
    };
    let mut mark = |from: usize, to: usize| {
        (from..=to).for_each(|at| {
            if let Some(is_used) = is_used.get_mut(at) {
                *is_used = true;
            }
        })
    };
    for (at, token) in tokens.iter().enumerate() {
        let length = match &token.what {
            What::Quantity(quantity) if quantity.unit == Unit::Time => Some((quantity.value, true)),
            What::TimeUnit(ms) => Some((*ms, false)),
            _ => None,
        };
        if let Some((ms, is_counted)) = length {
            if let Some(from) = behind(at, Sense::Last) {
                mark(from, at);
                return Some(Time::Last(ms));
            }
            if let Some(from) = behind(at, Sense::Next) {
                mark(from, at);
                return Some(Time::Next(ms));
            }
            if let Some(until) = [at + 1, at + 2].into_iter().find(|next| {
                is_counted
                    && has(*next, Sense::Ago)
                    && (at + 1..*next).all(|between| tokens.get(between).is_some_and(Token::is_filler))
            }) {
                mark(at, until);
                return Some(Time::Ago(ms));
            }
            // Nobody bounds a latency by minutes ahead of `内` or `以来`.
            if is_counted
                && ms >= 60e3
                && (has(at + 1, Sense::Since) || has(at + 1, Sense::Filler))
                && !has(at.wrapping_sub(1), Sense::Above)
                && !has(at.wrapping_sub(1), Sense::Below)
            {
                mark(at, at + usize::from(has(at + 1, Sense::Since)));
                return Some(Time::Last(ms));
            }
        }
        if let What::Clock(clock) = token.what {
            let second = [at + 1, at + 2].into_iter().find_map(|next| match tokens.get(next)?.what {
                What::Clock(second) => Some((next, second)),
                _ => None,
            });
            if let Some((next, second)) = second {
                mark(behind(at, Sense::From).or(behind(at, Sense::Between)).unwrap_or(at), next);
                mark(next + 1, next + usize::from(has(next + 1, Sense::Between)));
                return Some(Time::Between(clock, second));
            }
            let since = behind(at, Sense::Since).or(behind(at, Sense::From)).or(behind(at, Sense::Last));
            if since.is_some() || has(at + 1, Sense::Since) || has(at + 1, Sense::From) {
                mark(since.unwrap_or(at), at + usize::from(has(at + 1, Sense::Since)));
                return Some(Time::Since(clock));
            }
            mark(behind(at, Sense::At).unwrap_or(at), at + usize::from(has(at + 1, Sense::At)));
            return Some(Time::At(clock));
        }
        if token.has(Sense::Since) && !token.has(Sense::Owner) {
            let next = [at + 1, at + 2, at + 3].into_iter().find(|next| has(*next, Sense::Changes));
            let between = |next: usize| {
                (at + 1..next).all(|between| {
                    tokens.get(between).is_some_and(|token| {
                        token.is_filler() || token.has(Sense::Last) || token.has(Sense::Recently)
                    })
                })
            };
            if let Some(next) = next.filter(|next| between(*next)) {
                mark(at, next);
                return Some(Time::SinceDeploy);
            }
            if let Some(before) = back(at, 1).filter(|before| {
                has(*before, Sense::Changes)
                    && !tokens.get(at).is_some_and(|token| token.has(Sense::Ago))
                    && tokens.len() > 2
                    && has_cjk(tokens, at)
            }) {
                mark(before, at);
                return Some(Time::SinceDeploy);
            }
        }
        let named = [
            (Sense::Yesterday, Time::Yesterday),
            (Sense::Today, Time::Today),
            (Sense::Recently, Time::Recently),
        ];
        if let Some((_, time)) = named.into_iter().find(|(sense, _)| token.has(*sense)) {
            mark(at, at);
            return Some(time);
        }
    }
    // 最近有什么变更: `recent` without a length.
    let at = tokens.iter().position(|token| token.has(Sense::Last) && token.at.len() > 4)?;
    mark(at, at);
    Some(Time::Recently)
}

/// In Chinese, `since` stands behind: 发布之后.
fn has_cjk(tokens: &[Token], at: usize) -> bool {
    // Two characters take six bytes; the English words are `since`, `after` and `following`.
    tokens.get(at).is_some_and(|token| matches!(token.at.len(), 3 | 6))
}
