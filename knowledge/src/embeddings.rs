//! Texts as vectors, so that what means the same is near although the words differ, in one language or in two.
//!
//! # Layout
//!
//! - [`universal_sentence_encoder`]: a small multilingual model that runs on this machine, without a key.
//! - [`open_ai`]: any endpoint that speaks OpenAI's embeddings.
//! - `scale`: what a cosine means to a model.
//! - `unit`: vectors of length one.

pub mod open_ai;
mod scale;
mod unit;
pub mod universal_sentence_encoder;

use async_trait::async_trait;
use waggle_agent_core::Result;

pub use open_ai::{OpenAiEmbeddings, OpenAiEmbeddingsConfig};
pub use scale::Scale;
#[cfg(feature = "lance")]
pub(crate) use scale::cosine;
pub use universal_sentence_encoder::UniversalSentenceEncoder;

/// Turns texts into vectors.
#[async_trait]
pub trait Embeddings: Send + Sync {
    /// Returns the model with its version. It is stored beside vectors: those of different names must not be compared.
    fn name(&self) -> &str;

    /// Returns how many numbers a vector has.
    fn dimensions(&self) -> usize;

    /// Returns one vector for each text, in the order of the texts; nothing for no texts.
    ///
    /// A vector has length one, so that the product of two is the cosine of their angle. A text that is empty, or in which
    /// the model knows nothing at all, gives a vector of zeros, which is like no other. Of a long text only the start is
    /// read; each adapter says how much.
    ///
    /// # Errors
    ///
    /// `NotFound` and `Invalid` when a local model is missing or is not the one that it should be; what an endpoint
    /// answers otherwise. There are no partial results.
    async fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>>;
}
