//! Whether a deploy made a service worse, judged again and again as data arrives, with a false-alarm rate that holds however often one looks.
//!
//! Real traffic is bursty and remembers its past, so nothing here counts requests as independent.
//! Time is cut into equal blocks, each measure is a ratio of two sums over blocks, and its variance is the largest that any length of
//! block shows, never below that of independent requests.
//! Quantiles are judged by the share of requests beyond a limit that the baseline gave.
//! A ratio is compared by the evidence of a mixture over effects: under no change, the chance that it is ever as large as `1/alpha` is
//! at most `alpha` (Ville 1939).
//!
//! # Layout
//!
//! - [`side`]: what is compared: requests and amounts of one version, by blocks.
//! - [`aspect`]: error rate, quantiles, cost per request, and from where on a change of one matters. [`rules`]: alpha and minimum traffic.
//! - [`ratio`]: a ratio of sums with its variance. [`evidence`]: from a difference to evidence that may be looked at any time.
//! - [`baseline`]: the measures to be judged, fixed before the first look. [`judge`](mod@judge): one look.
//! - [`interval`]: how large a change may be. [`needed`]: how much more traffic would settle it.
//! - [`outcome`]: pass, fail, or not enough data.

pub mod aspect;
pub mod baseline;
mod contrast;
pub mod evidence;
pub mod interval;
pub mod judge;
pub mod needed;
mod normal;
pub mod outcome;
pub mod ratio;
pub mod rules;
pub mod side;

pub use aspect::{Aspect, MinimumEffect};
pub use baseline::Baseline;
pub use judge::{Judgement, Verdict, judge};
pub use outcome::{Outcome, outcome};
pub use rules::Rules;
pub use side::{Amount, Requests, Side};
