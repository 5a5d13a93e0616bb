//! What passed between two ends of the network in one interval.

use serde::{Deserialize, Serialize};

use crate::{Peer, Timestamp, resource::ResourceId};

/// Counts of one resource's TCP traffic with one peer, from its own side, over one interval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Flow {
    /// The near end.
    pub resource: ResourceId,
    /// End of the interval.
    pub time: Timestamp,
    /// The far end. For the server side, the port is the near, listening port.
    pub peer: Peer,
    /// True when the near end opened the connections.
    pub outgoing: bool,
    /// Connections opened or accepted.
    pub connections: u64,
    /// Attempts to connect that failed.
    pub connect_failures: u64,
    /// Bytes sent.
    pub bytes_sent: u64,
    /// Bytes received.
    pub bytes_received: u64,
    /// Segments sent again by the near end.
    pub retransmits: u64,
    /// Connections that were reset.
    pub resets: u64,
}
