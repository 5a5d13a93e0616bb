//! What a function of a profile is: whose code, which library, and what is known about it.

use std::{collections::BTreeMap, fmt};

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waggle_agent_core::{
    Language, Scene, Tool, ToolError,
    evidence::{Fact, Topic},
    ports::{Ecosystem, Library, Passage, PassageQuery, ProfileQuery},
    tool::Output,
};
use waggle_analysis::{
    frame_library::{CodeLanguage, Frame, Origin, Rule, distribution, frame_library},
    frame_notes::{NoteText, frame_note},
    quantity,
};
use waggle_signals::semconv;

use crate::{
    quote::{cut, quote},
    red::round,
    services::resources_of,
    windows::windows,
};

/// Explains a function of a profile: whether it is the kernel's, the runtime's, a library's (which, and its version where it is stated) or the program's own, what it means when it is hot, and what the library's documents say.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct ExplainFrame {
    /// The frame as the profile writes it.
    pub frame: String,
    /// The service it was seen in; tells its own code from libraries, and how hot the frame is.
    pub service: Option<String>,
}

/// A frame explained.
#[derive(Debug, Serialize)]
pub struct Explained {
    frame: String,
    service: Option<String>,
    searched: String,
    whose: Frame,
    /// Library and version in one.
    library: Option<String>,
    /// Its part of the service's CPU time; `None` where there is no profile of it.
    heat: Option<Heat>,
    /// What it means when it is hot, in the asker's language.
    note: Option<NoteText>,
    /// What documents of the library say, best first.
    documents: Vec<DocumentRow>,
}

/// How hot a frame is, 0 to 1.
#[derive(Clone, Copy, Debug, Serialize)]
struct Heat {
    self_share: f64,
    total_share: f64,
}

#[derive(Debug, Serialize)]
struct DocumentRow {
    id: String,
    /// Headings down to the passage.
    section: String,
    /// Untrusted.
    text: String,
}

/// Passages of documents that are asked for.
const MAX_DOCUMENTS: usize = 3;
/// Characters of a passage that a model is shown, and that are kept.
const MAX_CHARS: usize = 300;
const MAX_KEPT_CHARS: usize = 4_000;
/// Bytes of a frame.
const MAX_FRAME: usize = 4_096;

#[async_trait]
impl Tool for ExplainFrame {
    const NAME: &'static str = "explain_frame";
    type Output = Explained;

    fn summary(&self) -> String {
        format!("what `{}` is", quote(&self.frame))
    }

    async fn run(self, scene: &Scene) -> Result<Explained, ToolError> {
        if self.frame.trim().is_empty() {
            return Err(ToolError::Respond("`frame` is empty; `profile_top` names the hot ones".to_owned()));
        }
        if self.frame.len() > MAX_FRAME {
            return Err(ToolError::Respond(format!("`frame` is over {MAX_FRAME} bytes; name one function")));
        }
        let mut own = Vec::new();
        let (mut location, mut heat) = (None, None);
        if let Some(service) = &self.service {
            let resources = resources_of(scene, service).await?;
            own = own_names(service, resources.iter().filter_map(|it| it.tag(semconv::REPOSITORY)));
            (location, heat) = in_profile(scene, service, &self.frame).await?;
        }
        let whose = frame_library(&self.frame, location.as_deref(), &own);
        let note = frame_note(&whose).map(|note| scene.language.pick(note.en.clone(), note.zh.clone()));
        let documents = documents(scene, &whose).await?;
        let frame = quote(&self.frame);
        Ok(Explained {
            searched: format!("names of libraries, notes on frames and library documents for `{frame}`"),
            frame,
            service: self.service,
            library: whose.library().map(|it| quote(&it)),
            whose,
            heat,
            note,
            documents,
        })
    }
}

/// Finds the sections on a frame of a library, under the name in the frame, else under the one that the library is published by.
async fn documents(scene: &Scene, whose: &Frame) -> Result<Vec<DocumentRow>, ToolError> {
    let Some(package) = &whose.package else { return Ok(Vec::new()) };
    if !matches!(whose.origin, Origin::BaseLibrary | Origin::ThirdParty) {
        return Ok(Vec::new());
    }
    let module = whose.module.as_deref().unwrap_or_default();
    let text = format!("{package} {module} {}", whose.function);
    for name in [Some(package.as_str()), distribution(package)].into_iter().flatten() {
        // The version that is documented is nearly always another one than runs, and mostly says the same.
        let ecosystem = whose.language.map(ecosystem);
        let library = Some(Library { name: name.to_owned(), ecosystem, version: None });
        let (text, limit) = (text.clone(), MAX_DOCUMENTS);
        let query = PassageQuery { text, library, limit, ..PassageQuery::default() };
        let found = scene.ports.knowledge.search(&query).await?;
        if !found.is_empty() {
            return Ok(found.into_iter().take(MAX_DOCUMENTS).map(row).collect());
        }
    }
    Ok(Vec::new())
}

fn row(passage: Passage) -> DocumentRow {
    DocumentRow {
        id: quote(&passage.id),
        section: quote(&passage.heading),
        text: passage.text.chars().take(MAX_KEPT_CHARS).collect(),
    }
}

/// Returns where libraries of a language come from. C++ has its manuals with C's.
fn ecosystem(language: CodeLanguage) -> Ecosystem {
    match language {
        CodeLanguage::C | CodeLanguage::Cpp => Ecosystem::C,
        CodeLanguage::Rust => Ecosystem::Rust,
        CodeLanguage::Go => Ecosystem::Go,
        CodeLanguage::Java => Ecosystem::Java,
        CodeLanguage::Python => Ecosystem::Python,
        CodeLanguage::Node => Ecosystem::Node,
    }
}

/// Returns how the program's own names begin: its repository as an import path, and its name as a crate, package or module.
fn own_names<'a>(service: &str, repositories: impl Iterator<Item = &'a str>) -> Vec<String> {
    let path = |url: &str| {
        let url = url.trim_end_matches('/').trim_end_matches(".git");
        let url = url.split_once("://").map_or(url, |(_, rest)| rest);
        url.rsplit_once('@').map_or(url, |(_, rest)| rest).replacen(':', "/", 1)
    };
    let repositories = repositories.map(path).filter(|it| it.contains('/'));
    let mut own: Vec<String> = repositories.flat_map(|it| [format!("{it}/"), format!("{it}.")]).collect();
    let name = service.replace('-', "_");
    if !name.is_empty() {
        own.extend(["::", ".", ":"].map(|separator| format!("{name}{separator}")));
    }
    own.sort();
    own.dedup();
    own
}

/// Returns where a frame is in the source, and how hot it is; neither where it was not seen.
async fn in_profile(
    scene: &Scene,
    service: &str,
    frame: &str,
) -> Result<(Option<String>, Option<Heat>), ToolError> {
    let range = windows(scene).await?.window;
    let query = ProfileQuery { range, service: Some(service.to_owned()), commit: None };
    let samples = scene.ports.telemetry.profile(&query).await?;
    let (mut all, mut own, mut total) = (0_u64, 0_u64, 0_u64);
    let mut places: BTreeMap<String, u64> = BTreeMap::new();
    for sample in samples.iter().map(|it| &it.row) {
        let nanos = sample.cpu_nanos;
        all = all.saturating_add(nanos);
        if sample.frames.iter().any(|it| it == frame) {
            total = total.saturating_add(nanos);
        }
        if sample.frames.last().is_some_and(|it| it == frame) {
            own = own.saturating_add(nanos);
            if let Some(place) = &sample.location {
                *places.entry(place.clone()).or_default() += nanos;
            }
        }
    }
    let place = places.into_iter().max_by_key(|(_, nanos)| *nanos).map(|(place, _)| place);
    let share = |part: u64| round(part as f64 / all as f64);
    let heat = (total > 0).then(|| Heat { self_share: share(own), total_share: share(total) });
    Ok((place, heat))
}

impl Output for Explained {
    fn is_empty(&self) -> bool {
        self.whose.origin == Origin::Unknown
    }

    fn facts(&self, language: Language) -> Vec<Fact> {
        if self.is_empty() {
            return Vec::new();
        }
        let service = self.service.clone().unwrap_or_default();
        let mut facts = Vec::new();
        let mut say = |topic, text| facts.push(Fact { service: service.clone(), topic, text });
        say(Topic::Profile, self.told(language));
        if let Some(note) = &self.note {
            let NoteText { title, meaning, .. } = note;
            let meaning = meaning.trim_end_matches(['.', '。']);
            let frame = &self.frame;
            say(
                Topic::Knowledge,
                language.pick(
                    format!("`{frame}` is {title}: {meaning}"),
                    format!("`{frame}` 是{title}：{meaning}"),
                ),
            );
        }
        for DocumentRow { id, section, text } in self.documents.iter().take(1) {
            let text = quote(text);
            say(
                Topic::Knowledge,
                language.pick(
                    format!("document `{id}`, section `{section}`, says: `{text}`"),
                    format!("文档 `{id}` 的 `{section}` 一节写道：`{text}`"),
                ),
            );
        }
        facts
    }
}

impl Explained {
    /// Says whose code the frame is and by which rule, without a full stop.
    fn told(&self, language: Language) -> String {
        let Frame { origin, rule, .. } = &self.whose;
        let (en, zh) = (rule.to_string(), rule_in_chinese(*rule));
        let frame = &self.frame;
        let heat_en = self
            .heat
            .map(|it| format!(", {} of the CPU time with what it calls", quantity::percent(it.total_share)));
        let heat_zh =
            self.heat.map(|it| format!("，含其调用占 CPU 时间 {}", quantity::percent(it.total_share)));
        let (heat_en, heat_zh) = (heat_en.unwrap_or_default(), heat_zh.unwrap_or_default());
        match (&self.library, origin) {
            (Some(library), Origin::Runtime | Origin::BaseLibrary | Origin::ThirdParty) => language.pick(
                format!("`{frame}` is of `{library}` ({origin}; {en}){heat_en}"),
                format!("`{frame}` 属于 `{library}`（{}；{zh}）{heat_zh}", origin_in_chinese(*origin)),
            ),
            _ => {
                let what = match origin {
                    Origin::Own => "the program's own".to_owned(),
                    other => other.to_string(),
                };
                language.pick(
                    format!("`{frame}` is {what} code ({en}){heat_en}"),
                    format!("`{frame}` 是{}代码（{zh}）{heat_zh}", origin_in_chinese(*origin)),
                )
            }
        }
    }

    /// Says where to look next, for what no note and no document explains.
    fn next(&self) -> Option<String> {
        match self.whose.origin {
            Origin::Own => {
                let service = self.service.as_deref().map(|it| format!(" of {it}")).unwrap_or_default();
                Some(format!(
                    "next: `change_suspects` names recent changes{service}, `read_diff` shows whether one touches this function"
                ))
            }
            _ if self.note.is_none() && self.documents.is_empty() => {
                Some("nothing else is known about it; next: the function that calls it".to_owned())
            }
            _ => None,
        }
    }
}

fn origin_in_chinese(origin: Origin) -> &'static str {
    match origin {
        Origin::Kernel => "内核",
        Origin::Runtime => "运行时",
        Origin::BaseLibrary => "基础库",
        Origin::ThirdParty => "第三方库",
        Origin::Own => "业务",
        Origin::Unknown => "未知",
    }
}

fn rule_in_chinese(rule: Rule) -> &'static str {
    match rule {
        Rule::OwnName => "名字的开头与程序自己的一致",
        Rule::KernelMark => "带有内核标记",
        Rule::KernelName => "名字是内核函数的写法",
        Rule::RuntimeName => "名字是运行时函数的写法",
        Rule::RuntimeObject => "位于运行时的共享库",
        Rule::PackageFolder => "路径在包管理器的目录中",
        Rule::LanguageFolder => "路径在语言自带的源码中",
        Rule::Jar => "位于 jar 中",
        Rule::SharedObject => "位于共享库中",
        Rule::BaseName => "名字是语言自带库的写法",
        Rule::KnownName => "名字是已知库的写法",
        Rule::ImportPath => "导入路径写明了模块",
        Rule::OtherPath => "路径不在任何包管理器的目录中",
        Rule::Unclaimed => "没有规则认为它属于某个库",
        Rule::Nameless => "没有名字",
    }
}

impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return write!(f, "nothing is known about `{}`; searched: {}", self.frame, self.searched);
        }
        writeln!(f, "{}", self.told(Language::En))?;
        if let Some(NoteText { title, meaning, causes, next }) = &self.note {
            writeln!(f, "note: {title}. {meaning}\nusual causes: {causes}\nnext: {next}")?;
        }
        for DocumentRow { id, section, text } in &self.documents {
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            writeln!(f, "- {id} › {section}: {}", cut(&text, MAX_CHARS))?;
        }
        match self.next() {
            Some(next) => writeln!(f, "{next}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_told_as_an_import_path() {
        for url in ["https://github.com/acme/shop.git", "git@github.com:acme/shop", "github.com/acme/shop/"] {
            let own = own_names("", [url].into_iter());
            assert_eq!(own, ["github.com/acme/shop.", "github.com/acme/shop/"], "{url}");
        }
        assert_eq!(
            own_names("order-service", ["shop"].into_iter()),
            ["order_service.", "order_service:", "order_service::"]
        );
        assert!(own_names("", std::iter::empty()).is_empty());
    }
}
