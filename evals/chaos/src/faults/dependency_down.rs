//! A service that dies and does not come back.

use anyhow::Result;
use waggle_signals::{Clock, SystemClock};

use crate::{
    fault::{CART, Decoy, Fault, Injected},
    truth::{SERVICE_DOWN, Truth},
    worlds::shop::{BASELINE, World},
};

const SERVICE: &str = "payment";

/// Kills payment; nobody starts it again.
pub(crate) struct DependencyDown;

impl Fault for DependencyDown {
    fn name(&self) -> &'static str {
        "dependency-down"
    }

    fn text(&self) -> &'static str {
        "payment is killed and does not come back"
    }

    fn truth(&self) -> Truth {
        Truth {
            service: SERVICE.to_owned(),
            fault_class: SERVICE_DOWN.to_owned(),
            commit: None,
            neighbour: None,
        }
    }

    fn decoy(&self) -> Decoy {
        CART
    }

    fn inject(&self, world: &World) -> Result<Injected> {
        let at = SystemClock.now();
        world.kill(SERVICE)?;
        Ok(Injected { at, text: format!("killed {SERVICE}") })
    }

    fn revert(&self, world: &World) -> Result<()> {
        world.deploy(SERVICE, BASELINE).map(drop)
    }
}
