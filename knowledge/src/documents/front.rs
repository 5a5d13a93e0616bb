//! What a document says of itself before it begins.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Reason, draft::Draft, yaml};

/// Longest front matter in bytes. What is longer is text between two lines.
const MAX_FRONT: usize = 64 * 1024;

/// Values of one key.
const MAX_VALUES: usize = 64;

/// What a document says of itself. Everything may be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrontMatter {
    /// Services it is about, as telemetry names them. Empty for all.
    pub service: Vec<String>,
    /// Fault classes it is about. Empty for all.
    pub fault_class: Vec<String>,
    /// The library that it documents.
    pub library: Option<String>,
    /// The version of that library, as it is written: `2.10` is not `2.1`.
    pub version: Option<String>,
    /// Access labels: who holds one of these may see the document. Empty for what everybody may see.
    pub labels: Vec<String>,
}

impl FrontMatter {
    /// Takes what a key says; `false` for a key that means nothing here.
    pub fn take(&mut self, key: &str, values: Vec<String>) -> bool {
        let key = key.trim().to_lowercase().replace('-', "_");
        let mut values = values;
        values.truncate(MAX_VALUES);
        let first = values.first().cloned();
        match key.as_str() {
            "service" | "services" => self.service.extend(values),
            "fault_class" | "fault_classes" => self.fault_class.extend(values),
            "label" | "labels" | "access" => self.labels.extend(values),
            "library" => self.library = first,
            "version" => self.version = first,
            _ => return false,
        }
        true
    }
}

/// A text after its front matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Body<'a> {
    /// The rest.
    pub text: &'a str,
    /// The line on which it begins, counted from 1.
    pub first_line: usize,
}

/// Reads front matter between two `---` (YAML) or `+++` (TOML) at the very beginning into the draft, and returns the rest.
///
/// What stands between two lines and is no table is text. Blank lines before it do not count.
///
/// # Errors
///
/// `UnknownAccess` when it cannot be read, or does not end, and seems to say who may read the document.
pub fn split<'a>(text: &'a str, draft: &mut Draft) -> Result<Body<'a>, Reason> {
    let whole = Body { text, first_line: 1 };
    let (mark, inner, rest) = match between_marks(text.trim_start_matches(['\n', '\r', ' ', '\t'])) {
        Marked::Whole { mark, inner, rest } => (mark, inner, rest),
        Marked::Open(inner) if says_access(inner) => {
            return Err(Reason::UnknownAccess("the front matter does not end".to_owned()));
        }
        Marked::Open(_) | Marked::None => return Ok(whole),
    };
    let read = if mark == "+++" { from_toml(inner) } else { from_yaml(inner) };
    match read {
        Ok(None) => Ok(whole),
        Ok(Some(entries)) => {
            for (key, values) in entries {
                if key == "title" {
                    draft.title = values.into_iter().next();
                } else {
                    draft.front.take(&key, values);
                }
            }
            let first_line = 1 + text.lines().count() - rest.lines().count();
            Ok(Body { text: rest, first_line })
        }
        Err(why) if says_access(inner) => Err(Reason::UnknownAccess(why)),
        Err(why) => {
            draft.note(format!("front matter was read as text: {why}"));
            Ok(whole)
        }
    }
}

/// Cuts at commas: for formats whose keys hold one line.
pub fn listed(value: &str) -> Vec<String> {
    let values = value.split([',', '，']).map(|part| part.trim().trim_matches(['"', '\'', '[', ']']).trim());
    values.filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

type Entries = Vec<(String, Vec<String>)>;

/// What a text begins with.
enum Marked<'a> {
    /// Two marks with something between.
    Whole {
        mark: &'static str,
        inner: &'a str,
        rest: &'a str,
    },
    /// A mark whose second is missing or too far away, and what of it could be front matter: the lines up to the first blank one.
    Open(&'a str),
    None,
}

fn between_marks(text: &str) -> Marked<'_> {
    let mark = ["---", "+++"].into_iter().find(|mark| text.starts_with(mark));
    let (Some(mark), Some((first, after))) = (mark, text.split_once('\n')) else { return Marked::None };
    if first.trim_end() != mark {
        return Marked::None;
    }
    let begun = after.split("\n\n").next().unwrap_or_default();
    let mut end = 0;
    for line in after.split_inclusive('\n') {
        let is_end = line.trim_end() == mark || (mark == "---" && line.trim_end() == "...");
        if is_end {
            let (inner, rest) = (after.get(..end), after.get(end + line.len()..));
            let (inner, rest) = (inner.unwrap_or_default(), rest.unwrap_or_default());
            return Marked::Whole { mark, inner, rest };
        }
        end += line.len();
        if end > MAX_FRONT {
            break;
        }
    }
    Marked::Open(begun)
}

fn from_yaml(text: &str) -> Result<Option<Entries>, String> {
    /// A version must stay as it is written, and a tree would make a number of it.
    #[derive(Deserialize)]
    struct Written {
        version: Option<String>,
    }
    let tree = yaml::tree(text).map_err(|reason| reason.to_string())?;
    let Value::Object(keys) = tree else {
        return Ok(None);
    };
    let mut entries: Entries = keys.iter().map(|(key, value)| entry(key, value)).collect::<Result<_, _>>()?;
    if let Ok(Written { version: Some(version) }) = yaml::typed(text) {
        entries.push(("version".into(), vec![version]));
    }
    Ok(Some(entries))
}

fn from_toml(text: &str) -> Result<Option<Entries>, String> {
    let table: toml::Table =
        text.parse().map_err(|error: toml::de::Error| super::draft::one_line(error.message()))?;
    let tree = serde_json::to_value(table).map_err(|error| error.to_string())?;
    let Value::Object(keys) = tree else {
        return Ok(None);
    };
    keys.iter().map(|(key, value)| entry(key, value)).collect::<Result<_, _>>().map(Some)
}

/// Reads one key. What says who may read the document must be understood whole.
fn entry(key: &str, value: &Value) -> Result<(String, Vec<String>), String> {
    if key == "title" {
        return Ok((key.to_owned(), single(value).into_iter().collect()));
    }
    let is_understood = match value {
        Value::Array(all) => {
            !all.is_empty() && all.len() <= MAX_VALUES && all.iter().all(|value| single(value).is_some())
        }
        Value::Object(_) | Value::Bool(_) => false,
        // An empty value closes or opens the document, depending on who reads it.
        value => !values(value).is_empty(),
    };
    if says_access(key) && !is_understood {
        return Err(format!("`{key}` is no list of words"));
    }
    Ok((key.to_owned(), values(value)))
}

fn values(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => listed(text),
        Value::Number(number) => vec![number.to_string()],
        Value::Bool(truth) => vec![truth.to_string()],
        Value::Array(all) => all.iter().take(MAX_VALUES).filter_map(single).collect(),
        Value::Null | Value::Object(_) => Vec::new(),
    }
}

fn single(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn says_access(text: &str) -> bool {
    text.lines().any(|line| {
        let line = line.trim_start().trim_start_matches(['"', '\'']).to_lowercase();
        line.starts_with("label") || line.starts_with("access")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(values: &[&str]) -> Vec<String> {
        values.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn yaml_and_toml_say_the_same() {
        let yaml = "---\ntitle: Disk full, and more\nservices: [shop, cart]\nfault_class: disk_full\nlibrary: requests\nversion: 2.10\nlabels:\n  - sre\nother: {a: 1}\n---\n# Body\n";
        let toml = "+++\ntitle = 'Disk full, and more'\nservice = 'shop, cart'\nfault-class = ['disk_full']\nlibrary = 'requests'\nversion = '2.10'\naccess = ['sre']\n+++\n\n\n\n# Body\n";
        for text in [yaml, toml] {
            let mut draft = Draft::default();
            let body = split(text, &mut draft).unwrap();
            let expected = FrontMatter {
                service: strings(&["shop", "cart"]),
                fault_class: strings(&["disk_full"]),
                library: Some("requests".into()),
                version: Some("2.10".into()),
                labels: strings(&["sre"]),
            };
            assert_eq!(draft.front, expected, "{text}");
            assert_eq!(body.text.trim(), "# Body");
            assert_eq!(text.lines().nth(body.first_line - 1), body.text.lines().next());
            assert_eq!(draft.title.as_deref(), Some("Disk full, and more"), "{text}");
        }
    }

    #[test]
    fn blank_lines_before_and_a_single_label_are_read() {
        let mut draft = Draft::default();
        let text = "\n\n---\nlabel: sre\n---\nBody.";
        let body = split(text, &mut draft).unwrap();
        assert_eq!((draft.front.labels, body.text, body.first_line), (strings(&["sre"]), "Body.", 6));
    }

    #[test]
    fn lines_that_are_no_front_matter_stay_text() {
        for text in
            ["---\nA quote.\n---\nText.", "---\nno end", "--- \ttext", "+++", "Text\n---\na: b\n---\n"]
        {
            let mut draft = Draft::default();
            assert_eq!(split(text, &mut draft), Ok(Body { text, first_line: 1 }), "{text}");
        }
    }

    #[test]
    fn front_matter_that_hides_who_may_read_skips_the_document() {
        let broken = [
            "---\nlabels: [sre\nservice: {\n---\nSecret.",
            "---\nlabels: {team: sre}\n---\nSecret.",
            "---\naccess: [[sre]]\n---\nSecret.",
            "+++\nlabels = \n+++\nSecret.",
            "---\nlabels:\n---\nSecret.",
            "---\nlabels: []\n---\nSecret.",
            "---\naccess: ''\n---\nSecret.",
            "---\nlabels: [sre]\n\nSecret, and the mark forgotten.",
        ];
        for text in broken {
            assert!(matches!(split(text, &mut Draft::default()), Err(Reason::UnknownAccess(_))), "{text}");
        }
        let harmless = "---\ntitle: [a\n---\nText.";
        let mut draft = Draft::default();
        assert_eq!(split(harmless, &mut draft).unwrap().text, harmless);
        let noted = draft.finish(super::super::Format::Plain, "a");
        assert!(noted.is_err(), "a draft without text is empty");
    }
}
