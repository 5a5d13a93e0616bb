//! Trace and span ids, as W3C Trace Context has them: 16 and 8 bytes, written as lowercase hex.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Text that is not an id of the right length in hex, or is all zeros.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {digits} hex digits, or is all zeros")]
pub struct InvalidId {
    /// What was given, cut to 64 characters.
    pub text: String,
    /// How many digits were wanted.
    pub digits: usize,
}

macro_rules! hex_id {
    ($(#[$doc:meta])* $name:ident, $int:ty, $digits:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name($int);

        impl $name {
            /// Makes an id from its big-endian number; `None` for zero, which W3C Trace Context §3.2.2 forbids.
            pub const fn new(number: $int) -> Option<Self> {
                if number == 0 { None } else { Some(Self(number)) }
            }

            /// Makes an id from its bytes; `None` when the length is wrong or all are zero.
            pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
                Self::new(<$int>::from_be_bytes(bytes.try_into().ok()?))
            }

            /// Returns the bytes, most significant first.
            pub const fn to_bytes(self) -> [u8; $digits / 2] {
                self.0.to_be_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!("{:0", $digits, "x}"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let all_hex = text.len() == $digits && text.bytes().all(|b| b.is_ascii_hexdigit());
                all_hex
                    .then(|| <$int>::from_str_radix(text, 16).ok())
                    .flatten()
                    .and_then(Self::new)
                    .ok_or_else(|| InvalidId { text: text.chars().take(64).collect(), digits: $digits })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    };
}

hex_id!(
    /// One request's way through all services. Never zero.
    TraceId, u128, 32
);
hex_id!(
    /// One step of a trace. Never zero.
    SpanId, u64, 16
);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_example_of_w3c_trace_context_reads_back() {
        let id: TraceId = "4bf92f3577b34da6a3ce929d0e0e4736".parse().unwrap();
        assert_eq!(id.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(TraceId::from_bytes(&id.to_bytes()), Some(id));
    }

    #[test]
    fn zero_signs_and_wrong_lengths_are_refused() {
        for text in ["", "0000000000000000", "+0000000000000a1", "00f067aa0ba902b", "00f067aa0ba902b7f"] {
            assert!(text.parse::<SpanId>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_an_id_or_an_error(text in ".*") {
            if let Ok(id) = text.parse::<SpanId>() {
                prop_assert_eq!(id.to_string(), text.to_ascii_lowercase());
            }
        }
    }
}
