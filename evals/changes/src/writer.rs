//! A history while it is written: the files as they are, and the commits so far.

use std::collections::BTreeMap;

use crate::{
    code::{Language, Module},
    history::SERVICES,
    import::{AUTHORS, Written},
    random::Random,
    world::{config, module, nouns},
};

const MESSAGES: [&str; 24] = [
    "small cleanups",
    "follow review comments",
    "make the linter happy",
    "simplify",
    "handle the empty case",
    "prepare for next release",
    "tidy up after migration",
    "address feedback",
    "clearer names",
    "support the new client",
    "polish",
    "use the shared way",
    "reduce duplication",
    "fix flaky behaviour",
    "align with the other services",
    "more robust",
    "remove leftovers",
    "step 2 of the plan",
    "as discussed",
    "first part",
    "second part",
    "adjust",
    "housekeeping",
    "work on feedback from support",
];

/// A history while it is written.
pub struct Writer {
    /// Where all choices come from.
    pub random: Random,
    /// Files of code.
    pub modules: Vec<Module>,
    /// Files that are no modules.
    pub files: BTreeMap<String, String>,
    /// All files as of the last commit.
    pub last: BTreeMap<String, String>,
    /// In their order.
    pub commits: Vec<Written>,
    /// Seconds.
    pub now: i64,
}

impl Writer {
    /// Begins with services as they are on the first day.
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut nouns = nouns();
        let mut modules = Vec::new();
        let mut files = BTreeMap::new();
        for (service, language) in SERVICES {
            for _ in 0..5 {
                let noun = nouns.swap_remove(random.below(nouns.len()));
                modules.push(module(service, language, noun, &mut random));
            }
            files.insert(format!("services/{service}/config/production.yaml"), config(&mut random));
            files.insert(format!("services/{service}/README.md"), format!("# {service}\n\nHow to run it.\n"));
            let manifest = if language == Language::Rust { "Cargo.toml" } else { "package.json" };
            files.insert(
                format!("services/{service}/{manifest}"),
                "http-lib = \"1.2.0\"\nlog-lib = \"0.4.1\"\n".to_owned(),
            );
            files.insert(
                format!("services/{service}/Cargo.lock"),
                "name = \"http-lib\"\nversion = \"1.2.0\"\n".to_owned(),
            );
        }
        Self { random, modules, files, last: BTreeMap::new(), commits: Vec::new(), now: 1_772_000_000 }
    }

    /// Changes something and notes it.
    pub fn commit(&mut self, message: &str, change: impl FnOnce(&mut Self)) {
        change(self);
        self.note(Some(message));
    }

    /// Notes what differs now as a commit; nothing when nothing does.
    pub fn note(&mut self, message: Option<&str>) {
        let mut now = self.files.clone();
        now.extend(self.modules.iter().map(|module| (module.path(), module.text())));
        let mut files: BTreeMap<String, Option<String>> = BTreeMap::new();
        for (path, text) in &now {
            if self.last.get(path) != Some(text) {
                files.insert(path.clone(), Some(text.clone()));
            }
        }
        files.extend(
            self.last.keys().filter(|path| !now.contains_key(*path)).map(|path| (path.clone(), None)),
        );
        if files.is_empty() {
            return;
        }
        self.last = now;
        self.now += 200 + i64::try_from(self.random.below(400)).unwrap_or(0);
        let message = message.map_or_else(|| (*self.random.one(&MESSAGES)).to_owned(), str::to_owned);
        let author = self.random.below(AUTHORS.len());
        self.commits.push(Written { message, at: self.now, author, files, merges: None, parent: None });
    }
}
