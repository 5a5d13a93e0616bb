//! Where a message body ends (RFC 9112 §6 and §7).

/// A body, by how its end is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// There is none.
    None,
    /// So many bytes are still to come.
    Length(u64),
    /// Chunks, each with its own length.
    Chunked(Chunks),
    /// At the end of the connection, or where we lost count.
    Unknown,
}

/// How far a chunked body is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Chunks {
    /// In a size line; the size so far, and whether its digits have ended.
    Size { size: u64, digits: u8, has_extension: bool },
    /// In a chunk, of which so many bytes are to come, the line end after it included.
    Bytes(u64),
    /// In the trailer section; whether the current line is empty so far.
    Trailer { line_is_empty: bool },
}

/// What a body took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    /// How many bytes.
    pub bytes: usize,
    /// Whether that was its end.
    pub is_complete: bool,
}

/// `\r\n` and `0\r\n\r\n`: what follows the data of the last chunk when it has no trailers.
const LAST_CHUNK_TAIL: u64 = 5;

/// More hex digits than a 64-bit size has are garbage.
const MAX_SIZE_DIGITS: u8 = 15;

impl Body {
    /// Starts at the size line of the first chunk.
    pub(super) const fn chunked() -> Self {
        Self::Chunked(Chunks::SIZE)
    }

    /// Takes bytes up to the end of the body.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Taken {
        match self {
            Self::None => Taken { bytes: 0, is_complete: true },
            Self::Unknown => Taken { bytes: bytes.len(), is_complete: false },
            Self::Length(left) => {
                let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                *left -= taken as u64;
                Taken { bytes: taken, is_complete: *left == 0 }
            }
            Self::Chunked(chunks) => match chunks.take(bytes) {
                Some(taken) => taken,
                None => {
                    *self = Self::Unknown;
                    Taken { bytes: bytes.len(), is_complete: false }
                }
            },
        }
    }

    /// Passes over bytes that nobody saw; returns whether they ended the body.
    pub(super) fn skip(&mut self, hole: usize) -> bool {
        let hole = hole as u64;
        match self {
            Self::None => return true,
            Self::Unknown => return false,
            Self::Length(left) if hole <= *left => {
                *left -= hole;
                return *left == 0;
            }
            Self::Chunked(Chunks::Bytes(left)) if hole < *left => {
                *left -= hole;
                return false;
            }
            // Most servers write the last chunk and the end of the body at once.
            Self::Chunked(Chunks::Bytes(left)) if hole == *left + LAST_CHUNK_TAIL => return true,
            Self::Length(_) | Self::Chunked(_) => {}
        }
        *self = Self::Unknown;
        false
    }
}

impl Chunks {
    const SIZE: Self = Self::Size { size: 0, digits: 0, has_extension: false };

    /// Takes bytes up to the end of the body; `None` when they are no chunks.
    fn take(&mut self, bytes: &[u8]) -> Option<Taken> {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            if let Self::Bytes(left) = self {
                let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len() - at);
                *left -= taken as u64;
                at += taken;
                if *left == 0 {
                    *self = Self::SIZE;
                }
                continue;
            }
            at += 1;
            if self.line_byte(byte)? {
                return Some(Taken { bytes: at, is_complete: true });
            }
        }
        Some(Taken { bytes: at, is_complete: false })
    }

    /// Takes one byte of a size line or trailer; returns whether the body ends with it.
    fn line_byte(&mut self, byte: u8) -> Option<bool> {
        match self {
            Self::Bytes(_) => {}
            Self::Trailer { line_is_empty } => match byte {
                b'\n' if *line_is_empty => return Some(true),
                b'\n' => *line_is_empty = true,
                b'\r' => {}
                _ => *line_is_empty = false,
            },
            Self::Size { digits: 0, .. } if byte == b'\n' => return None,
            Self::Size { size: 0, .. } if byte == b'\n' => *self = Self::Trailer { line_is_empty: true },
            Self::Size { size, .. } if byte == b'\n' => *self = Self::Bytes(*size + 2),
            Self::Size { has_extension: true, .. } => {}
            Self::Size { size, digits, has_extension } => match char::from(byte).to_digit(16) {
                Some(digit) if *digits < MAX_SIZE_DIGITS => {
                    *size = *size * 16 + u64::from(digit);
                    *digits += 1;
                }
                None if *digits > 0 && matches!(byte, b';' | b'\r' | b' ' | b'\t') => *has_extension = true,
                _ => return None,
            },
        }
        Some(false)
    }
}
