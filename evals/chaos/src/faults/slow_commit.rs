//! A commit that does the same work much slower.

use anyhow::Result;
use waggle_signals::{Clock, SystemClock};

use crate::{
    fault::{Fault, Injected},
    truth::{SLOW_CODE, Truth},
    worlds::shop::{BAD, BASELINE, World},
};

const SERVICE: &str = "inventory";

/// Deploys a commit that looks at all pairs of SKUs, for each line of each order, while it holds the lock on the shelves.
pub(crate) struct SlowCommit;

impl Fault for SlowCommit {
    fn name(&self) -> &'static str {
        "slow-commit"
    }

    fn text(&self) -> &'static str {
        "inventory is deployed with a commit that scans all SKUs for each line of an order"
    }

    fn truth(&self) -> Truth {
        Truth {
            service: SERVICE.to_owned(),
            fault_class: SLOW_CODE.to_owned(),
            commit: Some(BAD.to_owned()),
            neighbour: None,
        }
    }

    fn inject(&self, world: &World) -> Result<Injected> {
        let at = SystemClock.now();
        world.deploy(SERVICE, BAD)?;
        Ok(Injected { at, text: format!("deployed `{}` to {SERVICE}", &BAD[..7]) })
    }

    fn revert(&self, world: &World) -> Result<()> {
        world.deploy(SERVICE, BASELINE).map(drop)
    }
}
