//! Adapters of [`Model`](crate::ports::Model), one file each.

pub mod guided;
pub mod offline;
#[cfg(feature = "openai")]
pub mod openai;
pub mod scripted;

pub use guided::Guided;
pub use offline::Offline;
#[cfg(feature = "openai")]
pub use openai::{OpenAi, OpenAiConfig};
pub use scripted::Scripted;
