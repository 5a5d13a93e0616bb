//! Options of `waggle audit`.

use clap::{Args, Subcommand};

/// The audit log. Without a command it is verified.
#[derive(Args, Debug, Default)]
pub struct Audit {
    #[command(subcommand)]
    pub command: Option<AuditCommand>,
}

/// What is done with it.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Walk the chain and name the first entry that was edited, removed or moved
    Verify {
        /// A head that was written down before, as `PLACE:HASH`: whoever can write the whole file anew cannot change what you kept
        #[arg(long, value_name = "PLACE:HASH", value_parser = head)]
        expect: Option<(u64, String)>,
    },
    /// Print entries, one line of JSON each
    List {
        /// Entries behind this place
        #[arg(long, default_value_t = 0)]
        after: u64,
        /// At most so many
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
}

fn head(text: &str) -> Result<(u64, String), String> {
    let wrong = || format!("`{text}` is not such as `17:9f3c…`, a place and 64 letters of a hash");
    let (place, hash) = text.split_once(':').ok_or_else(wrong)?;
    let is_hash = hash.len() == 64 && hash.bytes().all(|letter| letter.is_ascii_hexdigit());
    let place = place.parse().ok().filter(|place| *place > 0 && is_hash).ok_or_else(wrong)?;
    Ok((place, hash.to_lowercase()))
}
