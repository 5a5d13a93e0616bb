//! Adapters of [`Model`](crate::ports::Model), one file each, and the decorators that stand around them.

pub mod chain;
pub mod counted;
pub mod guided;
pub mod offline;
#[cfg(feature = "openai")]
pub mod openai;
pub mod priced;
#[cfg(feature = "openai")]
pub mod quirks;
pub mod replay;
pub mod retrying;
#[cfg(feature = "rig")]
pub mod rig;
pub mod routed;
pub mod scripted;
#[cfg(any(feature = "openai", feature = "rig"))]
mod wire;

pub use chain::Chain;
pub use counted::Counted;
pub use guided::Guided;
pub use offline::Offline;
#[cfg(feature = "openai")]
pub use openai::{OpenAi, OpenAiConfig};
pub use priced::{Price, Priced};
#[cfg(feature = "openai")]
pub use quirks::{Quirks, quirks_named, quirks_of};
pub use replay::Replay;
pub use retrying::{Retries, Retrying};
#[cfg(feature = "rig")]
pub use rig::{Rig, RigConfig};
pub use routed::Routed;
pub use scripted::Scripted;
