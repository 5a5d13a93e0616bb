//! Says what a reply cost, by the price list of whoever serves the model.

use std::str::FromStr;

use async_trait::async_trait;

use crate::{
    Error, Result,
    ports::{Delta, Model, ModelReply, ModelRequest, Usage},
};

/// Tokens that a price is for.
const TOKENS_PRICED: u128 = 1_000_000;

/// Prices of a million tokens, in millionths of a US dollar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Price {
    /// Tokens read.
    pub input: u64,
    /// Tokens read that the endpoint had read before.
    pub cached: u64,
    /// Tokens written, reasoning included.
    pub output: u64,
}

impl Price {
    /// Returns the cost of some tokens in millionths of a US dollar, rounded up; saturates.
    pub fn of(self, usage: Usage) -> u64 {
        let n_cached = usage.cached_tokens.min(usage.input_tokens);
        let parts = [
            (usage.input_tokens - n_cached, self.input),
            (n_cached, self.cached),
            (usage.output_tokens, self.output),
        ];
        let sum = parts.iter().map(|(tokens, price)| u128::from(*tokens) * u128::from(*price));
        let sum = sum.fold(0_u128, u128::saturating_add);
        u64::try_from(sum.div_ceil(TOKENS_PRICED)).unwrap_or(u64::MAX)
    }
}

impl FromStr for Price {
    type Err = String;

    /// Reads US dollars for a million tokens as price lists have them: `INPUT/OUTPUT` or `INPUT/CACHED/OUTPUT`, such as
    /// `2.5/0.25/10`. Without a price of its own, a cached token costs as any.
    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Option<Vec<u64>> = text.split('/').map(micro_usd).collect();
        match parts.as_deref() {
            Some(&[input, output]) => Ok(Self { input, cached: input, output }),
            Some(&[input, cached, output]) => Ok(Self { input, cached, output }),
            _ => Err(format!(
                "`{text}` is no price; write dollars for a million tokens as `INPUT/OUTPUT` or `INPUT/CACHED/OUTPUT`, such as `2.5/0.25/10`"
            )),
        }
    }
}

/// Reads dollars with at most six digits behind the point, exactly.
fn micro_usd(text: &str) -> Option<u64> {
    const DIGITS: usize = 6;
    let text = text.trim();
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_number(whole) || !is_number(part) || part.len() > DIGITS {
        return None;
    }
    let part = format!("{part:0<DIGITS$}");
    whole.parse::<u64>().ok()?.checked_mul(1_000_000)?.checked_add(part.parse().ok()?)
}

/// A model whose replies say what they cost.
pub struct Priced<M> {
    /// The model.
    pub model: M,
    /// What it charges.
    pub price: Price,
}

impl<M> Priced<M> {
    fn priced(&self, error: Error) -> Error {
        let spent = error.usage();
        let cost_micro_usd = if spent.cost_micro_usd == 0 { self.price.of(spent) } else { 0 };
        error.with_usage(Usage { cost_micro_usd, ..Usage::default() })
    }
}

#[async_trait]
impl<M: Model> Model for Priced<M> {
    fn name(&self) -> &str {
        self.model.name()
    }

    /// A cost that the endpoint stated itself stands. What was spent before a failure has its price too.
    async fn complete(
        &self,
        request: &ModelRequest,
        on_delta: &(dyn for<'a> Fn(Delta<'a>) + Sync),
    ) -> Result<ModelReply> {
        let mut reply = self.model.complete(request, on_delta).await.map_err(|error| self.priced(error))?;
        if reply.usage.cost_micro_usd == 0 {
            reply.usage.cost_micro_usd = self.price.of(reply.usage);
        }
        Ok(reply)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_price_is_read_as_price_lists_have_it() {
        for (text, want) in [
            ("2.5/0.25/10", Some((2_500_000, 250_000, 10_000_000))),
            ("0.27/1.10", Some((270_000, 270_000, 1_100_000))),
            (" 1 / 2 ", Some((1_000_000, 1_000_000, 2_000_000))),
            ("0.000001/0", Some((1, 1, 0))),
            ("1", None),
            ("1/2/3/4", None),
            ("1/-2", None),
            ("1e3/2", None),
            (".5/1", None),
            ("0.0000001/1", None),
            ("99999999999999999999/1", None),
            ("", None),
        ] {
            let want = want.map(|(input, cached, output)| Price { input, cached, output });
            assert_eq!(text.parse::<Price>().ok(), want, "{text}");
        }
    }

    #[test]
    fn cached_tokens_are_cheaper_and_parts_of_a_millionth_are_rounded_up() {
        let price: Price = "2.5/0.25/10".parse().unwrap();
        for ((input_tokens, cached_tokens, output_tokens), want) in [
            ((0, 0, 0), 0),
            ((1, 0, 0), 3),
            ((1_000_000, 0, 0), 2_500_000),
            ((1_000_000, 1_000_000, 0), 250_000),
            ((1_000, 2_000, 100), 1_250),
            ((u64::MAX, 0, u64::MAX), u64::MAX),
        ] {
            let usage = Usage { input_tokens, output_tokens, cached_tokens, cost_micro_usd: 0 };
            assert_eq!(price.of(usage), want, "{usage:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_price_or_none(text in "[0-9./ e-]{0,24}") {
            let _ = text.parse::<Price>();
        }

        #[test]
        fn prices_are_exact(input in 0_u64..1_000_000_000_000, output in 0_u64..1_000_000_000_000) {
            let dollars = |micro: u64| format!("{}.{:06}", micro / 1_000_000, micro % 1_000_000);
            let read: Price = format!("{}/{}", dollars(input), dollars(output)).parse().unwrap();
            prop_assert_eq!(read, Price { input, cached: input, output });
        }
    }
}
