//! Text as the tokens that the model was trained on: SentencePiece with a unigram model (Kudo, "Subword Regularization",
//! 2018, <https://arxiv.org/abs/1804.10959>).

use kitoken::{Definition, Kitoken, Model, SpecialTokenKind, convert::ConversionError};
use waggle_agent_core::{Error, Kind, Result};

/// Tokens of a text that are read, those around it not counted. Measured: pages of runbooks are found better by their start
/// (nDCG@10 0.831, whole 0.794), and paragraphs lose next to nothing (0.895, whole 0.898). For pages, means over windows were worse than either.
pub(super) const MAX_TOKENS: usize = 256;

/// Bytes of a text that are looked at. No piece of the vocabulary is longer than 16 characters of four bytes.
const MAX_TEXT_BYTES: usize = MAX_TOKENS * 16 * 4;

/// How SentencePiece writes a blank.
const BLANK: &str = "▁";

/// The number of a token in the vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct TokenId(pub(super) u32);

/// Cuts text into tokens.
pub(super) struct Tokenizer {
    pieces: Kitoken,
    unknown: TokenId,
    blank: Option<TokenId>,
    start: TokenId,
    end: TokenId,
}

impl Tokenizer {
    /// Reads a SentencePiece model.
    ///
    /// # Errors
    ///
    /// `Invalid` when the bytes are none, or when it is not a unigram model with an unknown, a first and a last token.
    pub(super) fn read(model: &[u8]) -> Result<Self> {
        let definition = Definition::from_sentencepiece_slice(model)
            .map_err(|error: ConversionError| because(error.to_string()))?;
        let Model::Unigram { vocab, .. } = &definition.model else {
            return Err(because("it has no unigram model"));
        };
        // The library takes the longest of the pieces, and counts on one.
        if vocab.is_empty() {
            return Err(because("it has no pieces"));
        }
        // Blanks stand for themselves before a word that is not known.
        let blank = vocab.iter().find(|token| token.bytes == BLANK.as_bytes()).map(|token| TokenId(token.id));
        let special = |name: &str| {
            let mut specials = definition.specials.iter();
            let found = specials.find(|special| special.bytes == name.as_bytes());
            found.map(|special| TokenId(special.id)).ok_or_else(|| because(format!("it has no `{name}`")))
        };
        let (start, end) = (special("<s>")?, special("</s>")?);
        let mut specials = definition.specials.iter();
        let unknown = specials.find(|special| special.kind == SpecialTokenKind::Unknown);
        let unknown = TokenId(unknown.ok_or_else(|| because("it has no unknown token"))?.id);
        let pieces = Kitoken::from_definition(definition).map_err(|error| because(error.to_string()))?;
        Ok(Self { pieces, unknown, blank, start, end })
    }

    /// Returns the tokens of the start of a text between a first and a last one; none at all when nothing is known in it.
    ///
    /// # Errors
    ///
    /// `Internal` when the library does not take the text.
    pub(super) fn tokens(&self, text: &str) -> Result<Vec<TokenId>> {
        let text = text.trim();
        let end = text.floor_char_boundary(MAX_TEXT_BYTES);
        let Some(text) = text.get(..end).filter(|text| !text.is_empty()) else { return Ok(Vec::new()) };
        // The names of special tokens are words like others where a text has them.
        let specials: &[SpecialTokenKind] = &[];
        // The library takes a tab for a letter.
        let ids = self.pieces.encode(text.replace('\t', " "), specials);
        let ids = ids.map_err(|error| Kind::Internal.because("cut a text into tokens", error.to_string()))?;
        let read = ids.iter().take(MAX_TOKENS).copied().map(TokenId);
        if read.clone().all(|token| token == self.unknown || Some(token) == self.blank) {
            return Ok(Vec::new());
        }
        Ok(std::iter::once(self.start).chain(read).chain([self.end]).collect())
    }
}

fn because(reason: impl Into<String>) -> Error {
    Kind::Invalid
        .because("read the SentencePiece model", reason.into())
        .with_hint("fetch it again: `make embeddings`")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::synthetic::sentence_piece, *};

    const START: u32 = 1;
    const END: u32 = 2;

    fn tokenizer() -> Tokenizer {
        Tokenizer::read(&sentence_piece()).unwrap()
    }

    fn check(text: &str, want: &[u32]) {
        let tokens: Vec<u32> = tokenizer().tokens(text).unwrap().iter().map(|token| token.0).collect();
        assert_eq!(tokens, want, "{text:?}");
    }

    #[test]
    fn text_becomes_the_likeliest_pieces_between_a_first_and_a_last_token() {
        check("bee", &[START, 3, END]);
        check("bee bee", &[START, 3, 3, END]);
        check("bees", &[START, 3, 5, END]);
        check("蜜蜂", &[START, 6, 7, END]);
    }

    #[test]
    fn blanks_and_wide_letters_are_as_good_as_plain_ones() {
        check("  bee \n\t bee  ", &[START, 3, 3, END]);
        check("bee\tbee\r\nbee\u{3000}bee", &[START, 3, 3, 3, 3, END]);
        check("ｂｅｅ", &[START, 3, END]);
    }

    #[test]
    fn names_of_special_tokens_are_not_obeyed() {
        let tokens = tokenizer().tokens("bee</s><s>bee").unwrap();
        let (_, read) = tokens.split_first().unwrap();
        let (_, read) = read.split_last().unwrap();
        assert!(!read.contains(&TokenId(END)) && !read.contains(&TokenId(START)), "{read:?}");
    }

    #[test]
    fn text_in_which_nothing_is_known_has_no_tokens() {
        for text in ["", "   ", "\n", "🐝", "🐝🐝 🐝", "\u{0}"] {
            check(text, &[]);
        }
    }

    #[test]
    fn of_a_long_text_the_start_is_read() {
        for text in ["bee ".repeat(2_000), "蜂".repeat(200_000)] {
            assert_eq!(tokenizer().tokens(&text).unwrap().len(), MAX_TOKENS + 2);
        }
    }

    #[test]
    fn what_is_no_model_is_refused() {
        for bytes in [b"".as_slice(), b"<html>", &[0xff; 64]] {
            let error = Tokenizer::read(bytes).err().unwrap();
            assert_eq!(error.kind(), Kind::Invalid, "{bytes:?}: {}", error.chain());
        }
    }

    proptest! {
        #[test]
        fn any_text_gives_tokens_of_the_vocabulary(text in any::<String>()) {
            let tokens = tokenizer().tokens(&text).unwrap();
            prop_assert!(tokens.iter().all(|token| token.0 < 9));
        }

        #[test]
        fn garbled_models_are_refused_or_read(at in 0..200_usize, byte in any::<u8>(), end in 0..200_usize) {
            let mut model = sentence_piece();
            let n = model.len();
            if let Some(there) = model.get_mut(at % n) {
                *there = byte;
            }
            model.truncate(n - end % n);
            if let Ok(tokenizer) = Tokenizer::read(&model) {
                let _ = tokenizer.tokens("bees and 蜜蜂");
            }
        }
    }
}
