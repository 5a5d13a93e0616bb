//! Questions whose document is known.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use serde::Deserialize;

/// Texts by name, and questions with the name of the text that answers them.
#[derive(Clone, Debug, Default)]
pub struct Task {
    pub documents: Vec<(String, String)>,
    pub questions: Vec<(String, String)>,
}

impl Task {
    /// Asks the questions of one set of the documents of another whose names mean the same.
    pub fn of(asking: &Self, answering: &Self) -> Self {
        Self { documents: answering.documents.clone(), questions: asking.questions.clone() }
    }
}

#[derive(Deserialize)]
struct AlertQuestion {
    text: String,
    runbook_url: String,
}

/// Reads runbooks, and the texts of the alerts that name them. A page is meant when it is called like the end of the URL.
pub fn runbooks(folder: &Path, with_titles: bool) -> Result<Task> {
    let mut files = Vec::new();
    markdown_files(folder, &mut files)?;
    files.sort();
    let mut task = Task::default();
    for file in files {
        let text = fs::read_to_string(&file).with_context(|| format!("read `{}`", file.display()))?;
        let text = if with_titles { text } else { untitled(&text) };
        let name = file.strip_prefix(folder).unwrap_or(&file).display().to_string();
        task.documents.push((name, text));
    }
    let file = folder.join("alert-questions.json");
    let text = fs::read_to_string(&file).with_context(|| format!("read `{}`", file.display()))?;
    for AlertQuestion { text, runbook_url } in serde_json::from_str::<Vec<AlertQuestion>>(&text)? {
        let page = runbook_url.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_lowercase();
        let is_meant = |name: &str| stem(name).to_lowercase() == page;
        // Alerts whose page is not among the files cannot be answered by any search.
        if task.documents.iter().any(|(name, _)| is_meant(name)) {
            task.questions.push((text, page));
        }
    }
    Ok(task)
}

/// Returns the name of a page without folders and ending: what a question names its document by.
pub fn stem(name: &str) -> &str {
    let file = name.rsplit('/').next().unwrap_or(name);
    file.rsplit_once('.').map_or(file, |(stem, _)| stem)
}

/// Drops the front matter, which holds the title, and the first heading.
fn untitled(text: &str) -> String {
    let body =
        text.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---\n")).map_or(text, |(_, body)| body);
    let mut is_first = true;
    let kept = body.lines().filter(|line| {
        let drops = is_first && line.starts_with("# ");
        is_first &= !drops;
        !drops
    });
    kept.collect::<Vec<_>>().join("\n")
}

fn markdown_files(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("list `{}`", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            markdown_files(&path, files)?;
        } else if path.extension().is_some_and(|ending| ending == "md") {
            files.push(path);
        }
    }
    Ok(())
}

#[derive(Deserialize)]
struct Squad {
    data: Vec<Article>,
}

#[derive(Deserialize)]
struct Article {
    paragraphs: Vec<Paragraph>,
}

#[derive(Deserialize)]
struct Paragraph {
    context: String,
    qas: Vec<Asked>,
}

#[derive(Deserialize)]
struct Asked {
    question: String,
}

/// Reads paragraphs and questions about them in one language. Paragraphs are named by their number, alike in all languages.
pub fn paragraphs(folder: &Path, language: &str) -> Result<Task> {
    let file = folder.join(format!("xquad.{language}.json"));
    let text = fs::read_to_string(&file).with_context(|| format!("read `{}`", file.display()))?;
    let squad: Squad = serde_json::from_str(&text).with_context(|| format!("read `{}`", file.display()))?;
    let mut task = Task::default();
    for (index, paragraph) in squad.data.into_iter().flat_map(|article| article.paragraphs).enumerate() {
        let name = format!("p{index}");
        task.questions.extend(paragraph.qas.into_iter().map(|asked| (asked.question, name.clone())));
        task.documents.push((format!("{name}.txt"), paragraph.context));
    }
    Ok(task)
}
