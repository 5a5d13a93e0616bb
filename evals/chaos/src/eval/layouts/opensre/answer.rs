//! The answer of a case: a flat YAML of which a few keys are wanted.

/// What is right.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The category; empty when it is not stated.
    pub category: String,
    /// Categories that are plainly wrong.
    pub forbidden: Vec<String>,
    /// Words that an explanation should have.
    pub keywords: Vec<String>,
    /// Words that an explanation must not have.
    pub forbidden_keywords: Vec<String>,
}

impl Answer {
    /// Reads the keys at the left edge, with their lists below them or in brackets; the rest is left alone.
    pub fn read(text: &str) -> Self {
        let mut answer = Self::default();
        let mut key = "";
        for line in text.lines() {
            let trimmed = line.trim();
            if let Some(item) = trimmed.strip_prefix("- ").filter(|_| line.starts_with([' ', '-'])) {
                answer.add(key, item);
            } else if !line.starts_with([' ', '#'])
                && let Some((name, value)) = line.split_once(':')
            {
                key = name;
                let value = value.trim();
                if key == "root_cause_category" {
                    answer.category = unquoted(value).to_owned();
                } else if let Some(items) = value.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                    items
                        .split(',')
                        .filter(|item| !item.trim().is_empty())
                        .for_each(|item| answer.add(key, item));
                }
            }
        }
        answer
    }

    fn add(&mut self, key: &str, item: &str) {
        let list = match key {
            "required_keywords" => &mut self.keywords,
            "forbidden_categories" => &mut self.forbidden,
            "forbidden_keywords" => &mut self.forbidden_keywords,
            _ => return,
        };
        list.push(unquoted(item).to_owned());
    }
}

fn unquoted(text: &str) -> &str {
    text.trim().trim_matches(['"', '\''])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_wanted_keys_are_read_and_the_rest_is_left_alone() {
        let text = "root_cause_category: \"code_defect\"\nrequired_keywords:\n  - pool\n  - 'max size'\nforbidden_keywords: [disk, \"cpu\"]\nmax_loops: 3\nforbidden_categories:\n- healthy\n# - no key\nmodel_response: |\n  required_keywords:\n  - not this one\n";
        let strings = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            Answer::read(text),
            Answer {
                category: "code_defect".to_owned(),
                forbidden: strings(&["healthy"]),
                keywords: strings(&["pool", "max size"]),
                forbidden_keywords: strings(&["disk", "cpu"]),
            }
        );
    }

    proptest! {
        #[test]
        fn lists_read_back_as_they_were_written(words in prop::collection::vec("[a-z][a-z ]{0,10}[a-z]", 0..6)) {
            let items: String = words.iter().map(|word| format!("  - {word}\n")).collect();
            prop_assert_eq!(&Answer::read(&format!("required_keywords:\n{items}")).keywords, &words);
            let inline = Answer::read(&format!("required_keywords: [{}]", words.join(", ")));
            prop_assert_eq!(inline.keywords, words);
        }

        #[test]
        fn any_text_is_read(text in "(?s).{0,200}") {
            Answer::read(&text);
        }
    }
}
