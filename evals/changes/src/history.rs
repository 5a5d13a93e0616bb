//! A repository of several services with its commits and deploys, made by `git fast-import`.

use std::{
    collections::BTreeMap,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail};

use crate::{
    code::{Function, Language, Line, Module, name},
    fault::{Planted, plant},
    random::Random,
};

/// Services with their languages.
pub const SERVICES: [(&str, Language); 8] = [
    ("checkout", Language::Go),
    ("inventory", Language::Rust),
    ("pricing", Language::Python),
    ("billing", Language::Java),
    ("portal", Language::TypeScript),
    ("search", Language::Cpp),
    ("shipping", Language::Go),
    ("accounts", Language::Python),
];
/// Commits of one deploy and of what follows it.
pub const COMMITS_EACH: usize = 40;

const NOUNS: [&str; 40] = [
    "order",
    "parcel",
    "invoice",
    "refund",
    "basket",
    "voucher",
    "carrier",
    "address",
    "profile",
    "session",
    "ledger",
    "tariff",
    "catalog",
    "review",
    "stock",
    "shelf",
    "reservation",
    "payout",
    "receipt",
    "quote",
    "label",
    "route",
    "pickup",
    "return",
    "customer",
    "contract",
    "consent",
    "badge",
    "feed",
    "ranking",
    "synonym",
    "facet",
    "discount",
    "campaign",
    "tax",
    "currency",
    "dispute",
    "mandate",
    "batch",
    "manifest",
];
const VERBS: [&str; 14] = [
    "list", "load", "create", "update", "resolve", "merge", "collect", "apply", "check", "prepare", "settle",
    "match", "expand", "assign",
];
const WORKS: [&str; 12] = [
    "trim",
    "normalize",
    "round_up",
    "encode",
    "fold",
    "clip",
    "pick",
    "shape",
    "hash",
    "weigh",
    "strip",
    "rank",
];
const AUTHORS: [(&str, &str); 7] = [
    ("Li Na", "li.na"),
    ("Omar Haddad", "omar"),
    ("Ana Souza", "ana"),
    ("Jonas Weber", "jonas"),
    ("Mei Tanaka", "mei"),
    ("Priya Nair", "priya"),
    ("Tom Okafor", "tom"),
];
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

/// A commit as it was made.
#[derive(Clone, Debug)]
pub struct Made {
    /// Full id.
    pub id: String,
    /// When, in seconds.
    pub at: i64,
}

/// A deploy with its truth.
#[derive(Clone, Debug)]
pub struct Deploy {
    /// When the guilty version goes live, in seconds.
    pub at: i64,
    /// What ran before.
    pub before: String,
    /// What was deployed.
    pub head: String,
    /// What was deployed after the trouble began.
    pub later: String,
    /// Commits that came after the trouble began.
    pub after: Vec<Made>,
    /// Commits that the deploy brought, oldest first.
    pub carried: Vec<Made>,
    /// The regression, with its commit; `None` of a healthy deploy.
    pub planted: Option<(String, Planted)>,
    /// The state of the code at that time.
    pub modules: Vec<Module>,
}

/// A repository with its deploys.
pub struct History {
    /// In their order.
    pub deploys: Vec<Deploy>,
    /// All commits.
    pub n_commits: usize,
}

/// Writes a history of `n_deploys` deploys with [`COMMITS_EACH`] commits each into the empty folder `at`.
///
/// # Errors
///
/// When `git` is missing or refuses what it is given.
pub fn write_history(at: &Path, seed: u64, n_deploys: usize) -> Result<History> {
    let mut writer = Writer::new(seed);
    writer.commit("begin", |_| {});
    let mut deploys = Vec::new();
    for number in 0..n_deploys {
        let n_before = 2 + writer.random.below(5);
        let n_after = 3 + writer.random.below(3);
        let n_carried = 5 + writer.random.below(COMMITS_EACH - n_before - n_after - 5);
        let filler = COMMITS_EACH - n_before - n_after - n_carried;
        for _ in 0..n_before + filler {
            writer.everyday(None);
        }
        let before = writer.commits.len() - 1;
        // One of five deploys is healthy, the kinds of regressions take turns.
        let is_guilty = number % 5 != 4;
        let guilty_place = writer.random.below(n_carried - 3);
        let big_place = (guilty_place + 1 + writer.random.below(n_carried - 2)) % n_carried;
        let mut planted = None;
        let mut place = 0;
        while writer.commits.len() - 1 - before < n_carried {
            let near = planted.as_ref().map(|(_, planted): &(usize, Planted)| planted.clone());
            if is_guilty && place >= guilty_place && planted.is_none() {
                let kind = (number / 5 * 4 + number % 5) % 8;
                let guilt = plant(kind, &mut writer.modules, &mut writer.files, &mut writer.random);
                writer.everyday_in(Some(&guilt.service), false);
                writer.note(None);
                planted = Some((writer.commits.len() - 1, guilt));
            } else if place == big_place {
                writer.big();
            } else if near.is_some() && place % 7 == 3 {
                writer.words_in_a_test(near.as_ref());
            } else {
                writer.everyday(near.as_ref());
            }
            place += 1;
        }
        let head = writer.commits.len() - 1;
        let modules = writer.modules.clone();
        for step in 0..n_after {
            let near = planted.as_ref().map(|(_, planted)| planted.clone());
            if step == 0 {
                writer.right_place_too_late(near.as_ref())
            } else {
                writer.everyday(near.as_ref())
            }
        }
        // Somebody finds it in the end, so that the next deploy begins without it.
        if let Some((_, planted)) = &planted {
            writer.mend(planted);
        }
        deploys.push((before, head, writer.commits.len() - 1, planted, modules));
    }
    let ids = writer.import(at)?;
    let made = |place: usize| Made { id: ids[place].clone(), at: writer.commits[place].at };
    let deploys = deploys.into_iter().map(|(before, head, later, planted, modules)| Deploy {
        at: writer.commits[head].at + 600,
        before: ids[before].clone(),
        head: ids[head].clone(),
        later: ids[later].clone(),
        carried: (before + 1..=head).map(made).collect(),
        after: (head + 1..=later).map(made).collect(),
        planted: planted.map(|(place, planted)| (ids[place].clone(), planted)),
        modules,
    });
    let deploys = deploys.collect();
    Ok(History { deploys, n_commits: ids.len() })
}

struct Written {
    message: String,
    at: i64,
    author: usize,
    /// Files that differ from the commit before; `None` was removed.
    files: BTreeMap<String, Option<String>>,
    /// The tip of a branch that is merged.
    merges: Option<usize>,
    /// Where the branch left, when not at the commit before.
    parent: Option<usize>,
}

struct Writer {
    random: Random,
    modules: Vec<Module>,
    /// Files that are no modules.
    files: BTreeMap<String, String>,
    last: BTreeMap<String, String>,
    commits: Vec<Written>,
    now: i64,
}

impl Writer {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut nouns: Vec<&str> = NOUNS.to_vec();
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

    fn commit(&mut self, message: &str, change: impl FnOnce(&mut Self)) {
        change(self);
        self.note(Some(message));
    }

    /// Notes what differs now as a commit; nothing when nothing does.
    fn note(&mut self, message: Option<&str>) {
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

    /// One commit as most are, often near the regression.
    fn everyday(&mut self, near: Option<&Planted>) {
        let service = near.filter(|_| self.random.chance(0.35)).map(|near| near.service.clone());
        self.everyday_in(service.as_deref(), true);
        if self.random.chance(0.06) {
            self.note(None);
            self.taken_back();
        } else if self.random.chance(0.06) {
            self.merged();
        }
    }

    fn everyday_in(&mut self, service: Option<&str>, is_whole: bool) {
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
    fn big(&mut self) {
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
    fn words_in_a_test(&mut self, near: Option<&Planted>) {
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
    fn right_place_too_late(&mut self, near: Option<&Planted>) {
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

    fn mend(&mut self, planted: &Planted) {
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
    fn taken_back(&mut self) {
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

    fn state_before(&self, place: usize) -> BTreeMap<String, String> {
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
    fn merged(&mut self) {
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

    fn import(&self, at: &Path) -> Result<Vec<String>> {
        run(at, &["init", "--quiet", "--initial-branch=main"])?;
        // Reverts name ids that exist only after the import of what they revert, so the history is written in parts.
        let mut ids: Vec<String> = Vec::new();
        let mut from = 0;
        while from < self.commits.len() {
            let is_revert = |place: usize| self.commits[place].message.starts_with("Revert");
            let to =
                (from + 1..self.commits.len()).find(|place| is_revert(*place)).unwrap_or(self.commits.len());
            ids.extend(self.import_part(at, from..to, &ids)?);
            from = to;
        }
        Ok(ids)
    }

    fn import_part(&self, at: &Path, part: std::ops::Range<usize>, ids: &[String]) -> Result<Vec<String>> {
        let mut stream = Vec::new();
        let first = part.start;
        let refer =
            |place: usize| if place < first { ids[place].clone() } else { format!(":{}", place - first + 1) };
        for place in part.clone() {
            let Written { message, at, author, files, merges, parent } = &self.commits[place];
            let mut message = message.clone();
            if let Some((before, rest)) = message.clone().split_once('{')
                && let Some((number, after)) = rest.split_once('}')
                && let Some(id) = number.parse::<usize>().ok().and_then(|number| ids.get(number))
            {
                message = format!("{before}{id}{after}");
            }
            let (name, mail) = AUTHORS[*author];
            writeln!(stream, "commit refs/heads/main\nmark :{}", place - first + 1)?;
            writeln!(stream, "committer {name} <{mail}@acme.example> {at} +0000")?;
            writeln!(stream, "data {}\n{message}", message.len())?;
            if place > 0 {
                writeln!(stream, "from {}", refer(parent.unwrap_or(place - 1)))?;
            }
            if let Some(tip) = merges {
                writeln!(stream, "merge {}", refer(*tip))?;
            }
            for (path, text) in files {
                match text {
                    Some(text) => writeln!(stream, "M 100644 inline {path}\ndata {}\n{text}", text.len())?,
                    None => writeln!(stream, "D {path}")?,
                }
            }
        }
        let mut import = Command::new("git")
            .current_dir(at)
            .args(["fast-import", "--quiet", "--force", "--export-marks=marks"])
            .stdin(Stdio::piped())
            .spawn()
            .context("run `git fast-import`")?;
        import.stdin.take().context("write to `git fast-import`")?.write_all(&stream)?;
        if !import.wait()?.success() {
            bail!("`git fast-import` refused the history");
        }
        let marks = std::fs::read_to_string(at.join("marks"))?;
        let mut known: Vec<(usize, String)> = Vec::new();
        for line in marks.lines() {
            let (mark, id) = line.trim_start_matches(':').split_once(' ').context("read marks")?;
            known.push((mark.parse()?, id.to_owned()));
        }
        known.sort();
        Ok(known.into_iter().map(|(_, id)| id).collect())
    }
}

/// Settings with their usual values.
pub const CONFIG: [(&str, u64); 6] = [
    ("pool_max_connections", 40),
    ("cache_ttl_seconds", 600),
    ("worker_threads", 16),
    ("log_sample_percent", 10),
    ("retry_pause_ms", 60),
    ("batch_size", 200),
];

fn config(random: &mut Random) -> String {
    let lines = CONFIG.iter().map(|(key, value)| format!("{key}: {value}\n"));
    format!("name: service-{}\n{}", random.below(90), lines.collect::<String>())
}

/// Sets a number of a settings file.
pub fn set(text: &str, key: &str, value: u64) -> String {
    let lines = text.lines().map(|line| {
        if line.split(':').next() == Some(key) { format!("{key}: {value}\n") } else { format!("{line}\n") }
    });
    lines.collect()
}

fn module(service: &str, language: Language, noun: &str, random: &mut Random) -> Module {
    let mut functions = Vec::new();
    for place in 0..5 {
        let verb = VERBS[(random.below(VERBS.len()) + place) % VERBS.len()];
        let is_route = place < 2;
        let method = if place == 0 { "GET" } else { "POST" };
        // A third of the routes goes by another name than its file.
        let shown = if random.chance(0.35) { *random.one(&NOUNS) } else { noun };
        let route = if is_route {
            format!(
                "{method} /api/v1/{shown}s/{{id}}{}",
                if place == 1 { format!("/{verb}") } else { String::new() }
            )
        } else {
            String::new()
        };
        let mut name = vec![verb.to_owned(), noun.to_owned()];
        if place > 1 {
            name.push(["entries", "parts", "totals"][place - 2].to_owned());
        }
        let work = |random: &mut Random| (*random.one(&WORKS)).to_owned();
        let mut lines = vec![Line::Let("key".to_owned(), work(random), "request".to_owned())];
        if is_route {
            lines.push(Line::Query(
                format!("{noun}s"),
                format!("{}_id", if place == 0 { noun } else { "owner" }),
            ));
        }
        if place == 1 {
            let peer = SERVICES[random.below(SERVICES.len())].0;
            lines.push(Line::Call(
                if peer == service { "gateway".to_owned() } else { peer.to_owned() },
                format!("/api/v1/{noun}s"),
            ));
        }
        lines.push(Line::Each("entries".to_owned(), work(random)));
        lines.push(Line::Let("answer".to_owned(), work(random), "key".to_owned()));
        functions.push(Function { name, route, lines });
    }
    let numbers = vec![("page_size".to_owned(), 50), ("client_timeout_ms".to_owned(), 2_000)];
    Module { service: service.to_owned(), language, noun: noun.to_owned(), numbers, functions }
}

fn run(at: &Path, arguments: &[&str]) -> Result<()> {
    let status = Command::new("git").current_dir(at).args(arguments).status().context("run `git`")?;
    if status.success() { Ok(()) } else { bail!("`git {}` failed", arguments.join(" ")) }
}
