//! Commits as people make them, and those that lead astray.

use std::collections::BTreeMap;

use crate::{
    code::{Function, Line, name},
    fault::Planted,
    history::SERVICES,
    import::{AUTHORS, Written},
    world::{CONFIG, VERBS, WORKS, set},
    writer::Writer,
};

impl Writer {
    /// One commit as most are, often near the regression.
    pub fn everyday(&mut self, near: Option<&Planted>) {
        let service = near.filter(|_| self.random.chance(0.35)).map(|near| near.service.clone());
        self.everyday_in(service.as_deref(), true);
        if self.random.chance(0.06) {
            self.note(None);
            self.taken_back();
        } else if self.random.chance(0.06) {
            self.merged();
        }
    }

    /// A small edit in a service; noted at once when `is_whole`.
    pub fn everyday_in(&mut self, service: Option<&str>, is_whole: bool) {
        let service = service.map_or_else(|| self.random.one(&SERVICES).0.to_owned(), str::to_owned);
        let own: Vec<usize> =
            (0..self.modules.len()).filter(|at| self.modules[*at].service == service).collect();
        let at = *self.random.one(&own);
        let what = self.random.below(if is_whole { 16 } else { 9 });
        let (work, number) = ((*self.random.one(&WORKS)).to_owned(), self.random.below(10_000));
        let verb = (*self.random.one(&VERBS)).to_owned();
        let random = &mut self.random;
        let module = &mut self.modules[at];
        let noun = module.noun.clone();
        let place = random.below(module.functions.len());
        let function = &mut module.functions[place];
        let line = random.below(function.lines.len() + 1);
        match what {
            0 => function
                .lines
                .insert(line, Line::Let(format!("{work}_{}", number % 50), work, "request".to_owned())),
            1 => function.lines.insert(line, Line::Log(format!("{noun} {verb} done"))),
            2 => function
                .lines
                .insert(line, Line::Remark(format!("{verb} each {noun} before the lock and the query"))),
            3 => function.lines.insert(line, Line::Each(format!("few_{noun}s"), work)),
            4 => function.lines.insert(
                line,
                Line::Match("kind".to_owned(), format!("^{work}-[0-9]{{{}}}$", 1 + number % 5)),
            ),
            5 => {
                if let Some((_, value)) = module.numbers.first_mut() {
                    *value = (*value + *value / 10).clamp(1, 100_000);
                }
            }
            6 if function.lines.len() > 5 => drop(function.lines.remove(line.min(function.lines.len() - 1))),
            7 => {
                let name = [verb.as_str(), work.as_str(), &number.to_string()].map(str::to_owned).to_vec();
                let lines = vec![
                    Line::Let("part".to_owned(), work, "request".to_owned()),
                    Line::Log(format!("{verb} {noun}")),
                ];
                if module.functions.len() < 12 {
                    module.functions.push(Function { name, route: String::new(), lines });
                }
            }
            8 => function
                .lines
                .insert(line, Line::Let(format!("{noun}_{}", number % 50), verb, "request".to_owned())),
            9 => drop(self.files.insert(
                format!("services/{service}/README.md"),
                format!("# {service}\n\n{verb} {noun} {number}\n"),
            )),
            10 => {
                let path = format!("services/{service}/tests/{noun}_test.txt");
                drop(self.files.insert(path, format!("{verb} {noun} in a loop {number}\n")));
            }
            11 => {
                for (path, text) in self
                    .files
                    .iter_mut()
                    .filter(|(path, _)| path.starts_with(&format!("services/{service}/")))
                {
                    if path.ends_with("Cargo.toml")
                        || path.ends_with("package.json")
                        || path.ends_with(".lock")
                    {
                        *text = text.replace(text.split("1.2.").nth(1).map_or("1.2.0", |_| "1.2."), "1.2.1");
                    }
                }
            }
            12 => {
                let path = format!("services/{service}/config/production.yaml");
                if let Some(text) = self.files.get_mut(&path) {
                    *text = set(text, "log_sample_percent", u64::try_from(number % 100).unwrap_or(1));
                }
            }
            13 => {
                let path = format!("services/{service}/migrations/{number:05}_add_{noun}_note.sql");
                drop(
                    self.files.insert(path, format!("ALTER TABLE {noun}s ADD COLUMN note_{number} TEXT;\n")),
                );
            }
            14 => {
                let path = format!("services/{service}/config/production.yaml");
                if let Some(text) = self.files.get_mut(&path) {
                    *text = set(text, "retry_pause_ms", 50 + u64::try_from(number % 50).unwrap_or(1));
                }
            }
            _ => function.lines.insert(line, Line::Call("flags".to_owned(), format!("/{verb}"))),
        }
        if is_whole {
            self.note(None);
        }
    }

    /// A large commit that changes much and does little.
    pub fn big(&mut self) {
        let service = self.random.one(&SERVICES).0;
        for module in self.modules.iter_mut().filter(|module| module.service == service) {
            for function in &mut module.functions {
                let about = function.name.join(" ");
                function.lines.insert(0, Line::Remark(format!("critical path: {about}, mind the locks")));
                function.lines.push(Line::Log(format!("rewritten {about}")));
                function.lines.push(Line::Let(
                    "checked".to_owned(),
                    "strip".to_owned(),
                    "request".to_owned(),
                ));
            }
        }
        self.note(Some("rewrite of the critical path, part 3"));
    }

    /// The right words where nothing runs.
    pub fn words_in_a_test(&mut self, near: Option<&Planted>) {
        let Some(near) = near else { return self.everyday(None) };
        let path = format!("services/{}/tests/test_{}.py", near.service, self.random.below(1000));
        let text = format!(
            "def test_{}():\n    for item in items:\n        {}(item)\n    # {}\n",
            near.function, near.function, near.words
        );
        self.files.insert(path, text);
        self.note(Some(&format!("test {}", near.function)));
    }

    /// A loop in the very function, after the trouble began.
    pub fn right_place_too_late(&mut self, near: Option<&Planted>) {
        let Some(near) = near else { return self.everyday(None) };
        let named = |function: &&mut Function, language| name(language, &function.name) == near.function;
        for module in self.modules.iter_mut().filter(|module| module.service == near.service) {
            let language = module.language;
            if let Some(function) = module.functions.iter_mut().find(|function| named(function, language)) {
                function.lines.insert(0, Line::EachByEach("entries".to_owned(), "rank".to_owned()));
            }
        }
        self.note(None);
        self.everyday(None);
    }

    /// Takes regressions out again.
    pub fn mend(&mut self, planted: &Planted) {
        for module in &mut self.modules {
            for function in &mut module.functions {
                function.lines.retain(|line| {
                    !matches!(line, Line::EachByEach(..) | Line::QueryEach(..) | Line::Lock | Line::Unlock)
                });
                function
                    .lines
                    .retain(|line| !matches!(line, Line::Match(_, pattern) if pattern.contains("+)+")));
                function
                    .lines
                    .retain(|line| !matches!(line, Line::Keep(store, _) if store.starts_with("seen")));
                function.lines.truncate(14);
            }
            for (key, value) in &mut module.numbers {
                if key.contains("timeout") && *value < 1_000 {
                    *value = 2_000;
                }
            }
        }
        if let Some(text) =
            self.files.get_mut(&format!("services/{}/config/production.yaml", planted.service))
        {
            for (key, usual) in CONFIG {
                *text = set(text, key, usual);
            }
        }
        self.note(Some("follow up"));
    }

    /// Takes the last commit back.
    pub fn taken_back(&mut self) {
        let Some(last) = self.commits.last() else { return };
        if last.message.starts_with("Revert") || last.merges.is_some() {
            return;
        }
        // The id is known only to git: a mark is put in its place.
        let message =
            format!("Revert \"{}\"\n\nThis reverts commit {{{}}}.", last.message, self.commits.len() - 1);
        let place = self.commits.len() - 1;
        let before = self.state_before(place);
        let files: BTreeMap<String, Option<String>> =
            self.commits[place].files.keys().map(|path| (path.clone(), before.get(path).cloned())).collect();
        let is_code = files.keys().any(|path| self.modules.iter().any(|module| module.path() == *path));
        if is_code {
            return;
        }
        for (path, text) in &files {
            match text {
                Some(text) => drop(self.files.insert(path.clone(), text.clone())),
                None => drop(self.files.remove(path)),
            }
        }
        self.note(Some(&message));
    }

    /// Returns all files before a commit.
    pub fn state_before(&self, place: usize) -> BTreeMap<String, String> {
        let mut state = BTreeMap::new();
        for commit in &self.commits[..place] {
            for (path, text) in &commit.files {
                match text {
                    Some(text) => drop(state.insert(path.clone(), text.clone())),
                    None => drop(state.remove(path)),
                }
            }
        }
        state
    }

    /// Makes the last commit a branch that is merged.
    pub fn merged(&mut self) {
        let tip = self.commits.len() - 1;
        if tip < 2 || self.commits[tip].merges.is_some() {
            return;
        }
        let files = self.commits[tip].files.clone();
        self.now += 60;
        let author = self.random.below(AUTHORS.len());
        let message = format!("Merge pull request #{} from work", 100 + tip);
        self.commits.push(Written {
            message,
            at: self.now,
            author,
            files,
            merges: Some(tip),
            parent: Some(tip - 1),
        });
    }
}
