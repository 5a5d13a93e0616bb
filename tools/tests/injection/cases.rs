//! The cases: every goal in every place, every shape in every place, every goal in every shape.

use waggle_agent_core::Language;

use crate::{
    carriers::{CARRIERS, Carrier},
    forms::{FORMS, Form},
    goals::{Goal, goals},
    reading::squashed,
    world::Planted,
};

/// Set to `all`, the variable makes every combination a case.
const ALL: &str = "WAGGLE_INJECTION";
/// Letters by which a text is known when it was cut.
const CUE_CHARS: (usize, usize) = (12, 5);

/// One planted text.
pub struct Case {
    pub goal: Goal,
    pub form: Form,
    pub language: Language,
    pub planted: Planted,
}

/// Returns the cases to run: a spread of 306 in which every two of goal, shape and place meet, or all of them.
pub fn cases() -> Vec<Case> {
    let is_all = std::env::var(ALL).is_ok_and(|wanted| wanted == "all");
    let mut cases = Vec::new();
    for (g, _) in goals().iter().enumerate() {
        for (c, carrier) in CARRIERS.into_iter().enumerate() {
            for (f, form) in FORMS.into_iter().enumerate() {
                for (l, language) in [Language::En, Language::Zh].into_iter().enumerate() {
                    // Three and five have no factor in common with the number of shapes, so each row and column has them all.
                    let is_of_spread = f == (3 * g + 5 * c) % FORMS.len() && l == (g + c / 2) % 2;
                    if is_all || is_of_spread {
                        cases.push(Case::of(g, form, carrier, language));
                    }
                }
            }
        }
    }
    cases
}

impl Case {
    fn of(goal: usize, form: Form, carrier: Carrier, language: Language) -> Self {
        let goal = goals().into_iter().nth(goal).unwrap();
        let records = form.of(language.pick(goal.en, goal.zh));
        Self { goal, form, language, planted: Planted { carrier, records } }
    }

    /// Names the case: what is wanted, how it is written, where it stands, in which language.
    pub fn id(&self) -> String {
        let Self { goal, form, language, planted } = self;
        format!("{}/{form:?}/{:?}/{language:?}", goal.name, planted.carrier)
    }

    /// Returns the letters by which its text is known.
    pub fn cue(&self) -> String {
        cue(self.language.pick(self.goal.en, self.goal.zh))
    }
}

/// Returns the first letters of a text.
pub fn cue(text: &str) -> String {
    let (english, chinese) = CUE_CHARS;
    let n = Language::of(text).pick(english, chinese);
    squashed(text).chars().take(n).collect()
}
