//! A network that loses packets on the way to one service.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use waggle_signals::{Clock, SystemClock};

use crate::{
    fault::{Fault, Injected},
    truth::{PACKET_LOSS, Truth},
    worlds::shop::World,
};

const SERVICE: &str = "datastore";
/// Of the segments in each direction. A lost one is sent again after 200 ms at the soonest (`TCP_RTO_MIN` of Linux).
const LOSS: &str = "0.15";
const LIMIT: Duration = Duration::from_secs(10);

/// Drops a part of the packets to and from the datastore, with iptables, within the shop's own network.
pub(crate) struct PacketLoss;

impl Fault for PacketLoss {
    fn name(&self) -> &'static str {
        "packet-loss"
    }

    fn text(&self) -> &'static str {
        "the network drops 15% of the packets to and from the datastore"
    }

    fn needs_root(&self) -> bool {
        true
    }

    fn truth(&self) -> Truth {
        Truth {
            service: SERVICE.to_owned(),
            fault_class: PACKET_LOSS.to_owned(),
            commit: None,
            neighbour: None,
        }
    }

    fn inject(&self, world: &World) -> Result<Injected> {
        let at = SystemClock.now();
        rules(world, "-A")?;
        Ok(Injected { at, text: format!("dropping {LOSS} of the packets to and from {SERVICE}") })
    }

    fn revert(&self, world: &World) -> Result<()> {
        rules(world, "-D")
    }
}

/// Adds (`-A`) or deletes (`-D`) one rule for each direction.
///
/// The rules are on the input side: a packet that is dropped on output is no secret to its sender.
fn rules(world: &World, verb: &str) -> Result<()> {
    if !world.is_isolated() {
        bail!("packets are dropped only in a network of the shop's own\nhint: run as root on Linux");
    }
    let port = world.port(SERVICE)?.to_string();
    for direction in ["--dport", "--sport"] {
        let rule = [
            "-w",
            "5",
            verb,
            "INPUT",
            "-i",
            "lo",
            "-p",
            "tcp",
            direction,
            &port,
            "-m",
            "statistic",
            "--mode",
            "random",
            "--probability",
            LOSS,
            "-j",
            "DROP",
        ];
        world.run_inside("iptables", &rule, LIMIT).context("change the rules of the shop's network")?;
    }
    Ok(())
}
