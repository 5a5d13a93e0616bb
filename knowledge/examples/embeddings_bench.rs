//! How fast the local embeddings are, and how often the nearest text is the right one.
//!
//! usage: embeddings_bench WEIGHTS-FOLDER [DATA-FOLDER]
//!
//! The data folder has questions and paragraphs in two languages (`xquad/xquad.{zh,en}.json`, in the layout of SQuAD) and
//! runbooks with questions about them (`runbooks/`).

use std::{
    collections::HashMap,
    error::Error,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;
use waggle_knowledge::embeddings::{Embeddings, Scale, UniversalSentenceEncoder};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Questions, texts, and which text answers a question.
#[derive(Default)]
struct Questions {
    questions: Vec<String>,
    texts: Vec<String>,
    answers: Vec<usize>,
}

#[tokio::main(flavor = "multi_thread")]
async fn main() -> Outcome<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let Some(weights) = arguments.next() else {
        return Err("usage: embeddings_bench WEIGHTS-FOLDER [DATA-FOLDER]".into());
    };
    let start = cpu_seconds()?;
    let encoder = UniversalSentenceEncoder::in_folder(weights)?;
    encoder.load().await?;
    println!("loaded in {:.2} CPU seconds, {} MB resident", cpu_seconds()? - start, resident_mb()?);
    println!("{:?}", Scale::of(&encoder).await?);
    let Some(data) = arguments.next() else { return speed(&encoder, &made_up()).await };
    let (chinese, english) = (xquad(&data, "zh")?, xquad(&data, "en")?);
    speed(&encoder, &english.texts).await?;
    for (name, asked, told) in [
        ("zh to zh", &chinese, &chinese),
        ("en to en", &english, &english),
        ("zh to en", &chinese, &english),
        ("en to zh", &english, &chinese),
    ] {
        let texts: Vec<Vec<String>> = told.texts.iter().map(|text| vec![text.clone()]).collect();
        score(&encoder, name, &asked.questions, &texts, &asked.answers).await?;
    }
    let runbooks = runbooks(&data)?;
    let whole: Vec<Vec<String>> = runbooks.texts.iter().map(|text| vec![text.clone()]).collect();
    score(&encoder, "runbooks, whole pages", &runbooks.questions, &whole, &runbooks.answers).await?;
    let sections: Vec<Vec<String>> = runbooks.texts.iter().map(|text| sections(text)).collect();
    score(&encoder, "runbooks, best section", &runbooks.questions, &sections, &runbooks.answers).await?;
    println!("{} MB resident", resident_mb()?);
    Ok(())
}

/// Prints how many texts a processor embeds in a second, for texts of about 20 and 200 tokens, 64 in a call.
async fn speed(encoder: &UniversalSentenceEncoder, texts: &[String]) -> Outcome<()> {
    let words: Vec<&str> = texts.iter().flat_map(|text| text.split_whitespace()).collect();
    // An English word has about 1.3 tokens.
    for (n_tokens, n_words) in [(20, 15), (200, 155)] {
        let texts: Vec<String> = words.chunks_exact(n_words).map(|words| words.join(" ")).take(640).collect();
        let start = cpu_seconds()?;
        for texts in texts.chunks(64) {
            encoder.embed(texts).await?;
        }
        let per_second = texts.len() as f64 / (cpu_seconds()? - start);
        println!("texts of {n_tokens} tokens: {per_second:.0} in a CPU second");
    }
    Ok(())
}

async fn score(
    encoder: &UniversalSentenceEncoder,
    name: &str,
    questions: &[String],
    texts: &[Vec<String>],
    answers: &[usize],
) -> Outcome<()> {
    let asked = encoder.embed(questions).await?;
    let told = encoder.embed(&texts.concat()).await?;
    let owners: Vec<usize> = texts.iter().enumerate().flat_map(|(at, parts)| vec![at; parts.len()]).collect();
    let (mut n_first, mut n_five, mut gain) = (0.0, 0.0, 0.0);
    for (question, answer) in asked.iter().zip(answers) {
        let mut best = vec![f32::MIN; texts.len()];
        for (part, owner) in told.iter().zip(&owners) {
            let likeness: f32 = question.iter().zip(part).map(|(a, b)| a * b).sum();
            best[*owner] = best[*owner].max(likeness);
        }
        let rank = best.iter().filter(|likeness| **likeness > best[*answer]).count();
        n_first += f64::from(u8::from(rank == 0));
        n_five += f64::from(u8::from(rank < 5));
        gain += if rank < 10 { 1.0 / (rank as f64 + 2.0).log2() } else { 0.0 };
    }
    let n = answers.len() as f64;
    println!("{name}: R@1 {:.3}, R@5 {:.3}, nDCG@10 {:.3} of {n}", n_first / n, n_five / n, gain / n);
    Ok(())
}

fn xquad(data: &Path, language: &str) -> Outcome<Questions> {
    let file = fs::read(data.join(format!("xquad/xquad.{language}.json")))?;
    let file: Value = serde_json::from_slice(&file)?;
    let mut found = Questions::default();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    for paragraph in list(&file["data"]).iter().flat_map(|article| list(&article["paragraphs"])) {
        found.texts.push(paragraph["context"].as_str().unwrap_or_default().to_owned());
        for question in list(&paragraph["qas"]) {
            found.questions.push(question["question"].as_str().unwrap_or_default().to_owned());
            found.answers.push(found.texts.len() - 1);
        }
    }
    Ok(found)
}

/// Reads the pages of one project with the questions that one of them answers.
fn runbooks(data: &Path) -> Outcome<Questions> {
    let folder = data.join("runbooks");
    let mut found = Questions::default();
    let mut pages = HashMap::new();
    let mut folders = vec![folder.join("prometheus-operator")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.file_stem().unwrap_or_default().to_string_lossy().to_lowercase();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "md")
                && !name.starts_with('_')
                && name != "readme"
            {
                pages.insert(name, found.texts.len());
                found.texts.push(fs::read_to_string(path)?);
            }
        }
    }
    let questions: Vec<Value> = serde_json::from_slice(&fs::read(folder.join("alert-questions.json"))?)?;
    for question in questions {
        let url = question["runbook_url"].as_str().unwrap_or_default().to_lowercase();
        let Some(page) = url.rsplit('/').next().and_then(|name| pages.get(name)) else { continue };
        found.questions.push(without_places(question["text"].as_str().unwrap_or_default()));
        found.answers.push(*page);
    }
    Ok(found)
}

/// Leaves out the places where an alert's text has values: `{{ $labels.pod }}`.
fn without_places(text: &str) -> String {
    let mut parts = text.split("{{");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + " " + part.split_once("}}").map_or("", |(_, rest)| rest))
}

/// Cuts a page at its headings, the title before each section.
fn sections(page: &str) -> Vec<String> {
    let title = page.lines().find_map(|line| line.strip_prefix("# ")).unwrap_or_default();
    let mut sections = vec![String::new()];
    for line in page.lines().skip_while(|line| !line.starts_with("# ")) {
        if line.starts_with("## ") {
            sections.push(format!("{title}\n"));
        }
        if let Some(section) = sections.last_mut() {
            section.push_str(line.trim_start_matches('#'));
            section.push('\n');
        }
    }
    sections
}

/// Words to measure with where there is no data.
fn made_up() -> Vec<String> {
    let word = |at: usize| format!("service {at} waits for its database and answers late");
    (0..20_000).map(word).collect()
}

/// What all threads of this process had of the processors: on a busy machine the clock says little.
fn cpu_seconds() -> Outcome<f64> {
    // `proc_pid_stat(5)`: after the name in brackets, fields 14 and 15 in hundredths of a second.
    let stat = fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit_once(") ").map(|(_, rest)| rest).unwrap_or_default();
    let ticks: Vec<f64> = fields.split(' ').skip(11).take(2).map(str::parse).collect::<Result<_, _>>()?;
    Ok(ticks.iter().sum::<f64>() / 100.0)
}

fn resident_mb() -> Outcome<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    Ok(line.trim().trim_end_matches(" kB").trim().parse::<u64>()? / 1024)
}
