//! A configuration file that makes a part of the requests fail.

use anyhow::Result;
use waggle_signals::{Clock, SystemClock};

use crate::{
    fault::{CART, Decoy, Fault, Injected},
    truth::{ERROR_BURST, Truth},
    worlds::shop::World,
};

const SERVICE: &str = "payment";
const FILE: &str = "processor.conf";
const EXPIRED: &str = "\
network=visa&key=pk-visa-7f31&expires=2099-12-31
network=mastercard&key=pk-mc-20c4&expires=2025-12-31
network=amex&key=pk-amex-b8e0&expires=2099-12-31
";

/// Gives payment an expired key for Mastercard, which 35 % of the customers pay with.
pub(crate) struct ErrorBurst;

impl Fault for ErrorBurst {
    fn name(&self) -> &'static str {
        "error-burst"
    }

    fn text(&self) -> &'static str {
        "payment's key for one card network is replaced by an expired one, so that a third of the orders fail"
    }

    fn truth(&self) -> Truth {
        Truth {
            service: SERVICE.to_owned(),
            fault_class: ERROR_BURST.to_owned(),
            commit: None,
            neighbour: None,
        }
    }

    fn decoy(&self) -> Decoy {
        CART
    }

    fn inject(&self, world: &World) -> Result<Injected> {
        let at = SystemClock.now();
        world.write_file(SERVICE, FILE, EXPIRED)?;
        Ok(Injected { at, text: format!("replaced `{FILE}` of {SERVICE}: one key has expired") })
    }

    fn revert(&self, world: &World) -> Result<()> {
        world.restore_files(SERVICE)
    }
}
