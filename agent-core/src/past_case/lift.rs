//! How much a case that holds today moves the ranking of today: it decides between equals, and little more.

use super::{Outcome, Told};
use crate::triage::{CONFIRMED, Ranking};

/// The most that all cases together add to a suspect's confidence.
pub const MOST_ADDED: f64 = 0.05;

/// Raises the suspects for which a case holds today, and puts them before others that are no surer. How often one is named does not
/// count, so that many equal cases weigh as one.
///
/// No suspect gets to [`CONFIRMED`] by it: what is confirmed is confirmed by today's data. Nobody is added. Where another comes first,
/// the way to the symptom is not known any more.
pub fn lift(ranking: &mut Ranking, told: &[Told]) {
    let first = ranking.suspects.first().map(|suspect| suspect.service.clone());
    for suspect in &mut ranking.suspects {
        let is_held = told.iter().any(|told| {
            told.outcome == Some(Outcome::Holds)
                && told.at == suspect.service
                && told.fault_class == suspect.fault_class
        });
        if !is_held || !suspect.confidence.is_finite() {
            continue;
        }
        let before = suspect.confidence;
        let most = if before >= CONFIRMED { 1.0 } else { CONFIRMED - 0.01 };
        suspect.confidence = (before + MOST_ADDED).min(most).max(before);
    }
    ranking.suspects.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    if ranking.suspects.first().map(|suspect| &suspect.service) != first.as_ref() {
        ranking.propagation.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        IncidentId,
        finding::{Action, Hop},
        triage::Suspect,
    };

    fn told_of((at, fault_class, outcome): &(&str, &str, Outcome)) -> Told {
        Told {
            incident: IncidentId("inc-1".to_owned()),
            outcome: Some(*outcome),
            at: (*at).to_owned(),
            fault_class: (*fault_class).to_owned(),
        }
    }

    fn suspect((service, confidence): (&str, f64)) -> Suspect {
        Suspect {
            service: service.to_owned(),
            resource: String::new(),
            fault_class: "slow_code".to_owned(),
            title: String::new(),
            confidence,
            change: None,
            because: Vec::new(),
            wants: Vec::new(),
            action: Action::None,
            advice: String::new(),
        }
    }

    #[test]
    fn what_held_before_decides_between_equals_and_confirms_nothing() {
        use Outcome::{DoesNotHold, Holds};
        let none: &[(&str, &str, Outcome)] = &[];
        let stock: &[_] = &[("stock", "slow_code", Holds); 100];
        for (suspects, told, wanted) in [
            (vec![("cart", 0.6), ("stock", 0.6)], none, vec![("cart", 0.6), ("stock", 0.6)]),
            // A hundred equal cases weigh as one.
            (vec![("cart", 0.6), ("stock", 0.58)], stock, vec![("stock", 0.63), ("cart", 0.6)]),
            (vec![("cart", 0.6), ("stock", 0.5)], stock, vec![("cart", 0.6), ("stock", 0.55)]),
            (vec![("stock", CONFIRMED - 0.02)], stock, vec![("stock", CONFIRMED - 0.01)]),
            (vec![("stock", 0.98)], stock, vec![("stock", 1.0)]),
            (vec![("stock", 0.5)], &[("stock", "dns_failure", Holds)], vec![("stock", 0.5)]),
            (vec![("stock", 0.5)], &[("stock", "slow_code", DoesNotHold)], vec![("stock", 0.5)]),
            (vec![], stock, vec![]),
        ] {
            let suspects: Vec<Suspect> = suspects.into_iter().map(suspect).collect();
            let mut ranking = Ranking { suspects, ..Ranking::default() };
            let told: Vec<_> = told.iter().map(told_of).collect();
            lift(&mut ranking, &told);
            let found: Vec<_> = ranking
                .suspects
                .iter()
                .map(|s| (s.service.as_str(), (s.confidence * 100.0).round() / 100.0))
                .collect();
            assert_eq!(found, wanted);
        }
    }

    #[test]
    fn the_way_to_the_symptom_is_that_of_the_first_suspect() {
        let hop = Hop { from: "cart".to_owned(), to: "gateway".to_owned(), kind: "call".to_owned() };
        for (stock, n_hops) in [(0.5, 1), (0.58, 0)] {
            let suspects = [("cart", 0.6), ("stock", stock)].map(suspect).to_vec();
            let mut ranking = Ranking { suspects, propagation: vec![hop.clone()], ..Ranking::default() };
            lift(&mut ranking, &[told_of(&("stock", "slow_code", Outcome::Holds))]);
            assert_eq!(ranking.propagation.len(), n_hops, "{stock}");
        }
    }
}
