//! The other faces of the same desk: what Waggle answers to other programs' protocols.

pub mod mcp;
pub mod openai;
