//! What a fault is, and the list of all.

use anyhow::{Result, anyhow};
use waggle_signals::Timestamp;

use crate::{
    faults::ALL,
    truth::Truth,
    worlds::shop::{CART_DECOY, PAYMENT_DECOY, World},
};

/// The name under which people ask for a world where nothing goes wrong.
pub const NO_FAULT: &str = "none";

/// One thing that goes wrong in the shop, with the truth about it.
pub trait Fault: Sync {
    /// Returns the name that people type: lowercase words joined by dashes.
    fn name(&self) -> &'static str;

    /// Returns what it does, in one sentence.
    fn text(&self) -> &'static str;

    /// Tells whether it works only for root on Linux.
    fn needs_root(&self) -> bool {
        false
    }

    /// Returns what really happened, for those who score answers.
    fn truth(&self) -> Truth;

    /// Returns a harmless deploy for the seconds before, so that the latest change is not always the guilty one.
    ///
    /// It is never of the service at fault: near in time it may be, but not at the same place.
    fn decoy(&self) -> Decoy {
        PAYMENT
    }

    /// Makes it happen. It is in effect when this returns.
    ///
    /// # Errors
    ///
    /// When the world could not be changed; a message says what to do where a person can.
    fn inject(&self, world: &World) -> Result<Injected>;

    /// Makes it unhappen.
    ///
    /// # Errors
    ///
    /// When the world could not be changed.
    fn revert(&self, world: &World) -> Result<()>;
}

/// That a fault was injected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Injected {
    /// Just before the world was changed.
    pub at: Timestamp,
    /// What was done, for people.
    pub text: String,
}

/// A harmless deploy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decoy {
    /// The service that it changes.
    pub service: &'static str,
    /// Full id of the commit.
    pub commit: &'static str,
}

const PAYMENT: Decoy = Decoy { service: "payment", commit: PAYMENT_DECOY };

/// The harmless deploy for faults of payment.
pub(crate) const CART: Decoy = Decoy { service: "cart", commit: CART_DECOY };

/// Returns all faults, in the order in which they are listed. [`NO_FAULT`] is not among them.
pub fn faults() -> &'static [&'static dyn Fault] {
    ALL
}

/// Returns the fault called `name`; `None` for [`NO_FAULT`].
///
/// # Errors
///
/// When there is no such fault; the message lists all.
pub fn fault_named(name: &str) -> Result<Option<&'static dyn Fault>> {
    if name == NO_FAULT {
        return Ok(None);
    }
    let known = faults().iter().copied().find(|fault| fault.name() == name);
    known.map(Some).ok_or_else(|| {
        let names: Vec<String> = faults().iter().map(|fault| format!("`{}`", fault.name())).collect();
        anyhow!("unknown fault `{name}`\nhint: one of {}, or `{NO_FAULT}`", names.join(", "))
    })
}

/// Returns the harmless deploy that goes before `fault`, 6 to 8 s say; for a world without a fault too.
pub fn decoy(fault: Option<&dyn Fault>) -> Decoy {
    fault.map_or(PAYMENT, Fault::decoy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        truth::{CPU_CONTENTION, ERROR_BURST, PACKET_LOSS, SERVICE_DOWN, SLOW_CODE},
        worlds::shop::BAD,
    };

    #[test]
    fn each_fault_knows_its_truth() {
        let truths: Vec<_> = faults()
            .iter()
            .map(|fault| {
                let truth = fault.truth();
                (fault.name(), truth.service, truth.fault_class, truth.commit, truth.neighbour)
            })
            .collect();
        let row = |name, service: &str, class: &str, commit: Option<&str>, neighbour: Option<&str>| {
            let owned = |text: &str| text.to_owned();
            (name, owned(service), owned(class), commit.map(owned), neighbour.map(owned))
        };
        assert_eq!(
            truths,
            [
                row("slow-commit", "inventory", SLOW_CODE, Some(BAD), None),
                row("error-burst", "payment", ERROR_BURST, None, None),
                row("cpu-hog", "inventory", CPU_CONTENTION, None, Some("report-batch")),
                row("packet-loss", "datastore", PACKET_LOSS, None, None),
                row("dependency-down", "payment", SERVICE_DOWN, None, None),
            ]
        );
    }

    #[test]
    fn a_decoy_is_never_of_the_service_at_fault() {
        for fault in faults() {
            assert_ne!(fault.decoy().service, fault.truth().service, "{}", fault.name());
        }
    }

    #[test]
    fn none_is_a_name_but_no_fault() {
        assert!(fault_named("none").unwrap().is_none());
        assert_eq!(fault_named("cpu-hog").unwrap().map(Fault::name), Some("cpu-hog"));
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let Err(error) = fault_named("slow-comit") else { panic!("there is no such fault") };
        assert_eq!(
            error.to_string(),
            "unknown fault `slow-comit`\nhint: one of `slow-commit`, `error-burst`, `cpu-hog`, `packet-loss`, `dependency-down`, or `none`"
        );
    }
}
