//! Private keys as files have them, whole or cut off.

use super::rule::Rule;

const KIND: &str = "private_key";

/// Returns the rules for private keys.
pub(super) fn rules() -> Vec<Rule> {
    vec![
        // RFC 7468 §10 and §11; OpenSSH's PROTOCOL.key; with `BLOCK`, RFC 9580 §6.2. One that is cut off goes on to the end.
        Rule::new(
            "pem",
            KIND,
            r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY",
            r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\z)",
        ),
        // RFC 4716 as SSH2 wrote private keys.
        Rule::new(
            "ssh2",
            KIND,
            "---- BEGIN SSH2 ENCRYPTED",
            r"---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----[\s\S]*?(?:---- END SSH2 ENCRYPTED PRIVATE KEY ----|\z)",
        ),
        // Its beginning was cut off.
        Rule::new(
            "pem_end",
            KIND,
            r"-----END [A-Z0-9 ]*PRIVATE KEY",
            r"(?:[A-Za-z0-9+/=]|\s|\\n|\\r|[+-]\s?){32,}-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----",
        ),
        // https://the.earth.li/~sgtatham/putty/latest/htmldoc/AppendixC.html: the lines after the count.
        Rule::new(
            "putty",
            KIND,
            r"Private-Lines:",
            r"Private-Lines:\s*\d+(?P<v>[\s\S]*?)(?:Private-MAC:|\z)",
        ),
        // RFC 7517 §6: `d` is the private part.
        Rule::new(
            "jwk",
            KIND,
            r#""(?:d|p|q|dp|dq|qi|k)"\s*:\s*""#,
            r#""(?:d|p|q|dp|dq|qi|k)"\s*:\s*"(?P<v>[A-Za-z0-9_-]{32,})""#,
        ),
    ]
}
