//! Who may ask at once: so many answers under way for one caller, so many for all.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{Limits, fault::Fault};

/// The places for answers under way. Clones share them.
#[derive(Clone)]
pub(super) struct Places {
    at_once: usize,
    per_caller: usize,
    /// Callers with at least one answer under way, and how many: never more entries than places.
    taken: Arc<Mutex<HashMap<String, usize>>>,
}

/// A place that is taken until this is dropped.
pub(super) struct Place {
    places: Places,
    caller: String,
}

impl Places {
    pub(super) fn new(limits: &Limits) -> Self {
        Self { at_once: limits.at_once, per_caller: limits.at_once_per_caller, taken: Arc::default() }
    }

    /// Takes a place for a caller.
    ///
    /// # Errors
    ///
    /// A refusal with the status 429 when none is free.
    pub(super) fn take(&self, caller: &str) -> Result<Place, Fault> {
        let mut taken = self.taken();
        let of_caller = taken.get(caller).copied().unwrap_or(0);
        if of_caller >= self.per_caller {
            return Err(Fault::too_many(format!("{of_caller} of your questions are being answered already")));
        }
        if taken.values().sum::<usize>() >= self.at_once {
            return Err(Fault::too_many("too many questions are being answered already".to_owned()));
        }
        taken.insert(caller.to_owned(), of_caller + 1);
        Ok(Place { places: self.clone(), caller: caller.to_owned() })
    }

    /// Counting cannot fail halfway, so the counts are right even when somebody panicked.
    fn taken(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        match taken.get_mut(&self.caller) {
            Some(n) if *n > 1 => *n -= 1,
            _ => drop(taken.remove(&self.caller)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_has_so_many_places_and_all_have_so_many() {
        let limits = Limits { at_once: 3, at_once_per_caller: 2, ..Limits::default() };
        let places = Places::new(&limits);
        let first = places.take("li.na").ok().unwrap();
        let _second = places.take("li.na").ok().unwrap();
        assert!(places.take("li.na").is_err(), "a third for one caller");
        let third = places.take("wang.fang").ok().unwrap();
        assert!(places.take("zhao.lei").is_err(), "a fourth in all");
        drop(first);
        assert!(places.take("li.na").is_ok(), "given back at once");
        drop(third);
        assert_eq!(places.taken().get("wang.fang"), None, "nobody is remembered");
    }
}
