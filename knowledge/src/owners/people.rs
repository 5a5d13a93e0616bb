//! Where people and teams can be reached: by e-mail, or by a map that somebody wrote.

use serde::Deserialize;

use super::on_call::bare;

/// Somebody, and where to reach them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// What they are called in labels and rules.
    pub name: String,
    /// E-mail; empty when unknown, as all that follows.
    #[serde(default)]
    pub email: String,
    /// Slack's member id.
    #[serde(default)]
    pub slack: String,
    /// Feishu's open id.
    #[serde(default)]
    pub feishu: String,
    /// What a mention has behind its `@`.
    #[serde(default)]
    pub handle: String,
    /// Other names for them.
    #[serde(default)]
    pub also: Vec<String>,
}

/// Several people under one name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Team {
    /// What it is called in labels and rules.
    pub name: String,
    /// E-mail of all; empty when unknown, as all that follows.
    #[serde(default)]
    pub email: String,
    /// Slack's user group.
    #[serde(default)]
    pub slack: String,
    /// Feishu's chat.
    #[serde(default)]
    pub feishu: String,
    /// What a mention has behind its `@`.
    #[serde(default)]
    pub handle: String,
    /// Other names for it: `@acme/shop`, `group:default/shop`.
    #[serde(default)]
    pub also: Vec<String>,
    /// Who belongs to it, by name or e-mail.
    #[serde(default)]
    pub members: Vec<String>,
}

/// All that are known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct People {
    people: Vec<Person>,
    teams: Vec<Team>,
}

/// Who a word may mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meant<'a> {
    /// This person.
    Person(&'a Person),
    /// This team.
    Team(&'a Team),
    /// Nobody that is known.
    Unknown,
    /// More than one; none is chosen.
    Several,
}

impl People {
    /// Takes those that the configuration maps.
    pub fn new(people: Vec<Person>, teams: Vec<Team>) -> Self {
        Self { people, teams }
    }

    /// Adds those of a catalogue. One with an address that is known is the same person; of one with a name that is known, and
    /// no other address, only what was not known is taken.
    #[must_use]
    pub fn with(mut self, people: Vec<Person>, teams: Vec<Team>) -> Self {
        for person in people {
            let is_same = |known: &&mut Person| {
                let same_name = bare(&known.name) == bare(&person.name);
                match known.email.is_empty() || person.email.is_empty() {
                    true => same_name,
                    false => bare(&known.email) == bare(&person.email),
                }
            };
            match self.people.iter_mut().find(is_same) {
                Some(known) => {
                    if known.email.is_empty() {
                        known.email = person.email;
                    }
                    known.also.push(person.name);
                    known.also.extend(person.also);
                }
                None => self.people.push(person),
            }
        }
        for team in teams {
            match self
                .teams
                .iter_mut()
                .find(|known| names_of_team(known).any(|name| bare(name) == bare(&team.name)))
            {
                Some(known) => {
                    if known.email.is_empty() {
                        known.email = team.email;
                    }
                    known.also.extend(team.also);
                    known.members.extend(team.members);
                }
                None => self.teams.push(team),
            }
        }
        self
    }

    /// Returns whom a word means: a name, a handle, an e-mail address, letter by letter but for case and `@` in front.
    pub fn meant(&self, word: &str) -> Meant<'_> {
        let word = bare(word);
        if word.is_empty() {
            return Meant::Unknown;
        }
        let people = self.people.iter().filter(|person| names_of(person).any(|name| bare(name) == word));
        let teams = self.teams.iter().filter(|team| names_of_team(team).any(|name| bare(name) == word));
        only(people.map(Meant::Person).chain(teams.map(Meant::Team)))
    }

    /// Returns the person that a text speaks of, such as the title of an event: it is their name, or has it between other words.
    pub fn spoken_of(&self, text: &str) -> Meant<'_> {
        let whole = self.meant(text);
        if whole != Meant::Unknown {
            return whole;
        }
        let text = text.to_lowercase();
        let is_spoken_of = |person: &&Person| names_of(person).any(|name| has_word(&text, &bare(name)));
        only(self.people.iter().filter(is_spoken_of).map(Meant::Person))
    }

    /// Returns all names of the team that a word means; the word alone when it means no known team.
    pub fn names_of_team(&self, word: &str) -> Vec<String> {
        match self.meant(word) {
            Meant::Team(team) => names_of_team(team).map(str::to_owned).collect(),
            _ => vec![word.to_owned()],
        }
    }
}

/// Returns the only one; two entries that say the same are one.
fn only<'a>(mut meant: impl Iterator<Item = Meant<'a>>) -> Meant<'a> {
    let Some(first) = meant.next() else { return Meant::Unknown };
    if meant.all(|other| other == first) { first } else { Meant::Several }
}

fn names_of(person: &Person) -> impl Iterator<Item = &str> {
    let names = [&person.name, &person.email, &person.handle, &person.slack, &person.feishu];
    names.into_iter().chain(&person.also).map(String::as_str).filter(|name| !name.is_empty())
}

fn names_of_team(team: &Team) -> impl Iterator<Item = &str> {
    let names = [&team.name, &team.email, &team.handle, &team.slack, &team.feishu];
    names.into_iter().chain(&team.also).map(String::as_str).filter(|name| !name.is_empty())
}

/// Tells whether a text has a name that is no part of a longer word.
fn has_word(text: &str, name: &str) -> bool {
    let is_joint = |letter: char| letter.is_alphanumeric() || letter == '_';
    // Chinese and its neighbours put no space between words.
    let is_apart = |letter: Option<char>| letter.is_none_or(|letter| !is_joint(letter) || !letter.is_ascii());
    // One letter is in too many words to be a name.
    name.chars().count() > 1
        && text.match_indices(name).any(|(place, found)| {
            let before = text.get(..place).and_then(|text| text.chars().next_back());
            let after = text.get(place + found.len()..).and_then(|text| text.chars().next());
            is_apart(before) && is_apart(after)
        })
}

impl Meant<'_> {
    /// Returns where they are reached, one word for each way: `slack:U012 feishu:ou_34 @lina li.na@shop.example`. Empty when
    /// nothing is known, or it is not known who is meant.
    pub fn contact(&self) -> String {
        let [slack, feishu, handle, email] = match self {
            Self::Person(person) => [&person.slack, &person.feishu, &person.handle, &person.email],
            Self::Team(team) => [&team.slack, &team.feishu, &team.handle, &team.email],
            Self::Unknown | Self::Several => return String::new(),
        };
        let ways = [("slack:", slack), ("feishu:", feishu), ("@", handle), ("", email)];
        let known = ways.iter().filter(|(_, place)| !place.is_empty());
        let words = known.map(|(way, place)| format!("{way}{}", place.trim_start_matches('@')));
        words.collect::<Vec<_>>().join(" ")
    }
}
