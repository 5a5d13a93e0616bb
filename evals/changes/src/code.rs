//! Programs in six languages, as little as history and profilers need of them.

/// Languages that services are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// With `::` paths.
    Rust,
    /// With receivers.
    Go,
    /// With indentation.
    Python,
    /// With classes.
    Java,
    /// With arrows.
    TypeScript,
    /// With namespaces.
    Cpp,
}

/// One line of work of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// A value out of a function.
    Let(String, String, String),
    /// A statement on a table by a column, for all at once or one.
    Query(String, String),
    /// A call to another service.
    Call(String, String),
    /// A text for the log.
    Log(String),
    /// Work on each of a list: name, function.
    Each(String, String),
    /// Each against each: name, function.
    EachByEach(String, String),
    /// A statement for each: name, table, column.
    QueryEach(String, String, String),
    /// The lock is taken.
    Lock,
    /// The lock is given back.
    Unlock,
    /// Something is kept: store, item.
    Keep(String, String),
    /// Something kept is given up: store.
    Evict(String),
    /// A text is held against a pattern.
    Match(String, String),
    /// A remark.
    Remark(String),
}

/// A function of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name in words.
    pub name: Vec<String>,
    /// What it answers; empty for inner functions.
    pub route: String,
    /// What it does.
    pub lines: Vec<Line>,
}

/// A file of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// Service that it is part of.
    pub service: String,
    /// In what it is written.
    pub language: Language,
    /// Its own name.
    pub noun: String,
    /// Named numbers at its head.
    pub numbers: Vec<(String, u64)>,
    /// Its functions, in order.
    pub functions: Vec<Function>,
}

/// Writes words as the names of a language.
pub fn name(language: Language, words: &[String]) -> String {
    let capital = |word: &String| {
        let mut chars = word.chars();
        chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect::<String>())
    };
    let camel: String = words.iter().map(capital).collect();
    match language {
        Language::Rust | Language::Python | Language::Cpp => words.join("_"),
        Language::Go => camel,
        Language::Java | Language::TypeScript => words
            .iter()
            .enumerate()
            .map(|(place, word)| if place == 0 { word.clone() } else { capital(word) })
            .collect(),
    }
}

impl Module {
    /// Returns its path in the repository.
    pub fn path(&self) -> String {
        let (service, noun) = (&self.service, &self.noun);
        match self.language {
            Language::Rust => format!("services/{service}/src/{noun}.rs"),
            Language::Go => format!("services/{service}/internal/{noun}/{noun}.go"),
            Language::Python => format!("services/{service}/{service}/{noun}.py"),
            Language::Java => {
                let class = self.class();
                format!("services/{service}/src/main/java/com/acme/{service}/{class}.java")
            }
            Language::TypeScript => format!("services/{service}/src/{noun}.ts"),
            Language::Cpp => format!("services/{service}/src/{noun}.cpp"),
        }
    }

    fn class(&self) -> String {
        format!("{}Service", name(Language::Go, std::slice::from_ref(&self.noun)))
    }

    /// Returns how a profiler names one of its functions.
    pub fn symbol(&self, function: &Function) -> String {
        let own = name(self.language, &function.name);
        let (service, noun) = (&self.service, &self.noun);
        match self.language {
            Language::Rust => format!("{service}::{noun}::{own}"),
            Language::Go => format!("git.acme.example/shop/{service}/internal/{noun}.(*Store).{own}"),
            Language::Python => format!("{own} ({service}/{noun}.py)"),
            Language::Java => format!("com.acme.{service}.{}.{own}", self.class()),
            Language::TypeScript => format!("{own} (/app/src/{noun}.ts:{}:9)", 20 + own.len()),
            Language::Cpp => format!("acme::{service}::{noun}::{own}(acme::Request const&)"),
        }
    }

    /// Writes the file.
    pub fn text(&self) -> String {
        let mut out = match self.language {
            Language::Rust => "use crate::{client, store::Store, text};\n\n".to_owned(),
            Language::Go => format!("package {}\n\nimport (\n\t\"context\"\n\t\"regexp\"\n)\n\n", self.noun),
            Language::Python => "import re\n\nfrom . import client, text\n\n\n".to_owned(),
            Language::Java => {
                format!("package com.acme.{};\n\npublic class {} {{\n\n", self.service, self.class())
            }
            Language::TypeScript => "import { client, db, text } from \"./lib\";\n\n".to_owned(),
            Language::Cpp => {
                format!("#include \"store.h\"\n\nnamespace acme::{}::{} {{\n\n", self.service, self.noun)
            }
        };
        for (key, value) in &self.numbers {
            let upper = key.to_uppercase();
            out += &match self.language {
                Language::Rust => format!("const {upper}: u64 = {value};\n"),
                Language::Go => format!("const {} = {value}\n", name(Language::TypeScript, &words(key))),
                Language::Python => format!("{upper} = {value}\n"),
                Language::Java => format!("    private static final long {upper} = {value};\n"),
                Language::TypeScript => format!("const {upper} = {value};\n"),
                Language::Cpp => format!("constexpr long k_{key} = {value};\n"),
            };
        }
        for function in &self.functions {
            out += &self.function(function);
        }
        match self.language {
            Language::Java | Language::Cpp => out + "\n}\n",
            _ => out,
        }
    }

    fn function(&self, function: &Function) -> String {
        let own = name(self.language, &function.name);
        let (head, indent, tail) = match self.language {
            Language::Rust => (
                format!("pub fn {own}(store: &Store, request: &Request) -> Answer {{"),
                "    ",
                "    answer\n}",
            ),
            Language::Go => (
                format!("func (s *Store) {own}(ctx context.Context, request Request) Answer {{"),
                "\t",
                "\treturn answer\n}",
            ),
            Language::Python => (format!("def {own}(store, request):"), "    ", "    return answer\n"),
            Language::Java => (
                format!("    public Answer {own}(Request request) {{"),
                "        ",
                "        return answer;\n    }",
            ),
            Language::TypeScript => (
                format!("export async function {own}(request: Request): Promise<Answer> {{"),
                "  ",
                "  return answer;\n}",
            ),
            Language::Cpp => {
                (format!("Answer {own}(const Request& request) {{"), "  ", "  return answer;\n}")
            }
        };
        let route = if function.route.is_empty() || self.language == Language::Go {
            String::new()
        } else {
            let route = function.route.split(' ').next_back().unwrap_or_default();
            match self.language {
                Language::Python => format!("@route(\"{route}\")\n"),
                Language::Java => format!("    @Mapping(\"{route}\")\n"),
                Language::Rust => format!("#[route(\"{route}\")]\n"),
                _ => String::new(),
            }
        };
        let mut out = format!("\n{route}{head}\n");
        for line in &function.lines {
            for text in self.line(line) {
                out += &format!("{indent}{text}\n");
            }
        }
        out + tail + "\n"
    }

    /// Writes one line of work; loops have several.
    fn line(&self, line: &Line) -> Vec<String> {
        let language = self.language;
        let named = |text: &str| name(language, &words(text));
        let end = match language {
            Language::Go | Language::Python => "",
            _ => ";",
        };
        let owner = match language {
            Language::Go => "s.",
            Language::Java => "this.",
            Language::Rust | Language::Python => "store.",
            _ => "",
        };
        let query = |table: &str, column: &str, by: &str| {
            let select = format!("SELECT * FROM {table} WHERE {column} = $1");
            match language {
                Language::Rust => format!("store.query(\"{select}\", {by})"),
                Language::Go => format!("s.db.QueryContext(ctx, \"{select}\", {by})"),
                Language::Python => format!("store.execute(\"{select}\", {by})"),
                Language::Java => format!("jdbc.query(\"{select}\", {by})"),
                Language::TypeScript => format!("await db.query(\"{select}\", [{by}])"),
                Language::Cpp => format!("db.execute(\"{select}\", {by})"),
            }
        };
        let assign = |to: &str, value: String| match language {
            Language::Rust => format!("let {to} = {value};"),
            Language::Go => format!("{to} := {value}"),
            Language::Python => format!("{to} = {value}"),
            Language::Java => format!("var {to} = {value};"),
            Language::TypeScript => format!("const {to} = {value};"),
            Language::Cpp => format!("auto {to} = {value};"),
        };
        let head = |item: &str, of: &str| match language {
            Language::Rust => format!("for {item} in &{of} {{"),
            Language::Go => format!("for _, {item} := range {of} {{"),
            Language::Python => format!("for {item} in {of}:"),
            Language::Java => format!("for (var {item} : {of}) {{"),
            Language::TypeScript => format!("for (const {item} of {of}) {{"),
            Language::Cpp => format!("for (const auto& {item} : {of}) {{"),
        };
        let looped = |head: String, inside: Vec<String>| {
            let mut all = vec![head];
            let step = if language == Language::Go { "\t" } else { "    " };
            all.extend(inside.into_iter().map(|text| format!("{step}{text}")));
            if language != Language::Python {
                all.push("}".to_owned());
            }
            all
        };
        match line {
            Line::Let(to, by, of) => vec![assign(to, format!("{}({of})", named(by)))],
            Line::Query(table, column) => {
                vec![assign(&format!("{table}_rows"), query(table, column, "request.key"))]
            }
            Line::Call(peer, what) => {
                let call = match language {
                    Language::TypeScript => format!("await client.get(\"{peer}\", \"{what}\")"),
                    _ => format!("client.get(\"{peer}\", \"{what}\")"),
                };
                vec![assign(&named(&format!("{peer}_answer")), call)]
            }
            Line::Log(text) => vec![match language {
                Language::Rust => format!("tracing::info!(\"{text}\");"),
                Language::Go => format!("log.Info(\"{text}\")"),
                Language::Python => format!("log.info(\"{text}\")"),
                Language::Java => format!("log.info(\"{text}\");"),
                Language::TypeScript => format!("console.info(\"{text}\");"),
                Language::Cpp => format!("log_info(\"{text}\");"),
            }],
            Line::Each(of, by) => looped(head("item", of), vec![format!("{}(item){end}", named(by))]),
            Line::EachByEach(of, by) => {
                let inner = looped(
                    head("other", &format!("{owner}{of}")),
                    vec![format!("{}(item, other){end}", named(by))],
                );
                looped(head("item", &format!("{owner}{of}")), inner)
            }
            Line::QueryEach(of, table, column) => {
                looped(head("item", of), vec![assign("found", query(table, column, "item.key"))])
            }
            Line::Lock => vec![match language {
                Language::Rust => "let guard = store.shelf.lock();".to_owned(),
                Language::Go => "s.mu.Lock()".to_owned(),
                Language::Python => "store.lock.acquire()".to_owned(),
                Language::Java => "lock.lock();".to_owned(),
                Language::TypeScript => "const release = await mutex.acquire();".to_owned(),
                Language::Cpp => "std::unique_lock<std::mutex> guard(mutex);".to_owned(),
            }],
            Line::Unlock => vec![match language {
                Language::Rust => "drop(guard);".to_owned(),
                Language::Go => "s.mu.Unlock()".to_owned(),
                Language::Python => "store.lock.release()".to_owned(),
                Language::Java => "lock.unlock();".to_owned(),
                Language::TypeScript => "release();".to_owned(),
                Language::Cpp => "guard.unlock();".to_owned(),
            }],
            Line::Keep(store, item) => vec![match language {
                Language::Rust => format!("store.{store}.push({item});"),
                Language::Go => format!("s.{store} = append(s.{store}, {item})"),
                Language::Python => format!("store.{store}.append({item})"),
                Language::Java => format!("{store}.add({item});"),
                Language::TypeScript => format!("{store}.push({item});"),
                Language::Cpp => format!("{store}.push_back({item});"),
            }],
            Line::Evict(store) => vec![match language {
                Language::Rust => format!("store.{store}.truncate(LIMIT);"),
                Language::Go => format!("delete(s.{store}, oldest)"),
                Language::Python => format!("store.{store}.popleft()"),
                Language::Java => format!("{store}.remove(oldest);"),
                Language::TypeScript => format!("{store}.shift();"),
                Language::Cpp => format!("{store}.erase({store}.begin());"),
            }],
            Line::Match(of, pattern) => vec![assign(
                "fits",
                match language {
                    Language::Rust => format!("Regex::new(r\"{pattern}\").is_match(&request.{of})"),
                    Language::Go => format!("regexp.MustCompile(`{pattern}`).MatchString(request.{of})"),
                    Language::Python => format!("re.match(r\"{pattern}\", request.{of})"),
                    Language::Java => {
                        format!("Pattern.compile(\"{pattern}\").matcher(request.{of}).matches()")
                    }
                    Language::TypeScript => format!("new RegExp(\"{pattern}\").test(request.{of})"),
                    Language::Cpp => format!("std::regex_match(request.{of}, std::regex(\"{pattern}\"))"),
                },
            )],
            Line::Remark(text) => {
                vec![if language == Language::Python { format!("# {text}") } else { format!("// {text}") }]
            }
        }
    }
}

fn words(text: &str) -> Vec<String> {
    text.split('_').map(str::to_owned).collect()
}
