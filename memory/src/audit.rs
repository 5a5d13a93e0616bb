//! Whether an audit log is what was written, link by link, whatever it is kept in.

use std::fmt;

use sha2::{Digest, Sha256};

/// What a walk along the chain came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditVerdict {
    /// Every link holds.
    Intact {
        /// How many links there are.
        entries: u64,
        /// Hash of the last one, hex; 64 zeros when there is none.
        head: String,
    },
    /// Something was changed.
    Broken {
        /// Sequence number of the first link that does not hold.
        sequence: u64,
        /// What is wrong there.
        fault: AuditFault,
    },
}

/// What is wrong with a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditFault {
    /// It says something else than what was hashed.
    Edited,
    /// It is not there.
    Removed,
    /// It was written at another place of the chain.
    Moved {
        /// The sequence number it was written under.
        from: u64,
    },
    /// It is sound, but does not continue the link before: one of the two was written anew.
    Unlinked,
    /// It stands after the end of the chain, or before its beginning.
    Added,
}

/// One link as it is kept.
pub(crate) struct Link {
    pub sequence: u64,
    /// The exact text of the entry that was hashed.
    pub body: String,
    pub previous: String,
    pub hash: String,
}

/// Where the chain is said to end.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub sequence: u64,
    pub hash: String,
}

/// A walk along the chain.
pub(crate) struct Chain {
    head: Head,
    last: Head,
}

impl Chain {
    /// Begins before the first link; `head` is where the chain is said to end, `None` when nothing says so.
    pub fn to(head: Option<Head>) -> Self {
        Self { head: head.unwrap_or_else(Head::before_the_first), last: Head::before_the_first() }
    }

    /// Takes note of where the chain is said to end by now.
    pub fn goes_to(&mut self, head: Option<Head>) {
        self.head = head.unwrap_or_else(Head::before_the_first);
    }

    /// Goes on to the next link in order of sequence numbers.
    pub fn follow(&mut self, link: &Link) -> Result<(), AuditVerdict> {
        let sequence = self.last.sequence + 1;
        let broken = |fault| Err(AuditVerdict::Broken { sequence, fault });
        if sequence > self.head.sequence || link.sequence < sequence {
            return broken(AuditFault::Added);
        }
        if link.sequence != sequence {
            return broken(AuditFault::Removed);
        }
        if link.hash_at(sequence) != link.hash {
            let from = (1..=self.head.sequence).find(|&from| link.hash_at(from) == link.hash);
            return broken(from.map_or(AuditFault::Edited, |from| AuditFault::Moved { from }));
        }
        if link.previous != self.last.hash {
            return broken(AuditFault::Unlinked);
        }
        self.last = Head { sequence, hash: link.hash.clone() };
        Ok(())
    }

    /// Ends after the last link.
    pub fn end(self) -> AuditVerdict {
        let Head { sequence, hash } = self.last;
        if sequence < self.head.sequence {
            return AuditVerdict::Broken { sequence: sequence + 1, fault: AuditFault::Removed };
        }
        if hash != self.head.hash {
            return AuditVerdict::Broken { sequence, fault: AuditFault::Unlinked };
        }
        AuditVerdict::Intact { entries: sequence, head: hash }
    }
}

impl Head {
    fn before_the_first() -> Self {
        Self { sequence: 0, hash: "0".repeat(64) }
    }
}

impl Link {
    /// Returns the hash that the link would have at a place of the chain.
    ///
    /// The same rule as `AuditEntry::link`, over the text as it is kept: what was hashed once holds also when a later version writes its entries differently.
    fn hash_at(&self, sequence: u64) -> String {
        let Self { body, previous, .. } = self;
        let hash = Sha256::digest(format!("{sequence}\n{body}\n{previous}"));
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl AuditVerdict {
    /// Tells whether every link holds.
    pub fn is_intact(&self) -> bool {
        matches!(self, Self::Intact { .. })
    }
}

impl fmt::Display for AuditVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Intact { entries, head } => write!(f, "{entries} entries are intact; the head is `{head}`"),
            Self::Broken { sequence, fault } => write!(f, "entry {sequence} {fault}"),
        }
    }
}

impl fmt::Display for AuditFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Edited => f.write_str("was edited"),
            Self::Removed => f.write_str("was removed"),
            Self::Moved { from } => write!(f, "was moved here from place {from}"),
            Self::Unlinked => {
                f.write_str("does not continue the entry before; one of the two was written anew")
            }
            Self::Added => {
                f.write_str("is preceded by one that was never written, or was added behind the end")
            }
        }
    }
}
