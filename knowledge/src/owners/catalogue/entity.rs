//! One document of a `catalog-info.yaml`, and how documents refer to each other.

use std::{collections::BTreeMap, fmt};

use serde_json::Value;

/// Characters of a name; Backstage allows 63 and texts from outside may have any number.
const MAX_NAME: usize = 253;
/// Documents of one file.
const MAX_DOCUMENTS: usize = 5_000;
/// How deep a document may nest.
const MAX_DEPTH: usize = 64;

/// What is known of one thing.
#[derive(Clone, Debug)]
pub struct Entity {
    /// What others call it.
    pub reference: Reference,
    /// The file that says so.
    pub place: String,
    pub(super) owner: Option<Reference>,
    pub(super) system: Option<Reference>,
    pub(super) members: Vec<Reference>,
    pub(super) member_of: Vec<Reference>,
    /// Empty when unknown.
    pub(super) email: String,
    display_name: String,
    annotations: BTreeMap<String, String>,
}

/// `kind:namespace/name`, in small letters: references are compared without case,
/// <https://backstage.io/docs/features/software-catalog/references/>.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// `component`, `group`, …
    pub kind: String,
    /// `default` where nothing is said.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// Reads all documents of a file, and notes of those that do not read. Kinds that say nothing of owners are read as any other.
pub fn entities(place: &str, text: &str) -> (Vec<Entity>, Vec<String>) {
    let mut entities = Vec::new();
    let mut notes = Vec::new();
    let documents = documents(text);
    if documents.len() > MAX_DOCUMENTS {
        notes.push(format!("`{place}` has over {MAX_DOCUMENTS} documents; the rest is not read"));
    }
    for (index, document) in documents.into_iter().take(MAX_DOCUMENTS).enumerate() {
        match entity(place, &document) {
            Ok(read) => entities.extend(read),
            Err(why) => notes.push(format!("document {} of `{place}` is not read: {why}", index + 1)),
        }
    }
    (entities, notes)
}

/// Splits a file at its `---` lines, so that one bad document spoils no other. At the beginning of a line they mean nothing else:
/// <https://yaml.org/spec/1.2.2/#912-document-markers>.
fn documents(text: &str) -> Vec<String> {
    let mut documents = vec![String::new()];
    for line in text.trim_start_matches('\u{feff}').lines() {
        let marker = line.strip_prefix("---").filter(|rest| rest.is_empty() || rest.starts_with([' ', '\t']));
        if marker.is_some() {
            documents.push(String::new());
        }
        if let Some(document) = documents.last_mut() {
            document.push_str(marker.unwrap_or(line));
            document.push('\n');
        }
    }
    documents
}

/// Reads one document; `None` when it is empty.
fn entity(place: &str, text: &str) -> Result<Option<Entity>, String> {
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        return Ok(None);
    }
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            max_events: 100_000,
            max_aliases: 100,
        },
    };
    let read: Result<Value, _> = serde_saphyr::from_str_with_options(text, options);
    // What the library says may quote the document.
    let document = read.map_err(|_| "it is not YAML, or nests too deep".to_owned())?;
    let at = |pointer: &str| word(document.pointer(pointer));
    let kind = at("/kind").ok_or("it has no `kind`")?;
    let name = at("/metadata/name").ok_or("it has no `metadata.name`")?;
    let namespace = at("/metadata/namespace").unwrap_or_else(|| "default".to_owned());
    let reference = Reference {
        kind: kind.to_lowercase(),
        namespace: namespace.to_lowercase(),
        name: name.to_lowercase(),
    };
    let refers = |pointer: &str, kind: &str| {
        at(pointer).and_then(|text| Reference::read(&text, kind, &reference.namespace))
    };
    let refer = |pointer: &str, kind: &str| -> Vec<Reference> {
        let all = document.pointer(pointer).and_then(Value::as_array).into_iter().flatten();
        all.filter_map(|one| Reference::read(&word(Some(one))?, kind, &reference.namespace)).collect()
    };
    let (owner, system) = (refers("/spec/owner", "group"), refers("/spec/system", "system"));
    let (members, member_of) = (refer("/spec/members", "user"), refer("/spec/memberOf", "group"));
    let annotations = document.pointer("/metadata/annotations").and_then(Value::as_object);
    let annotation = |(key, value): (&String, &Value)| Some((key.clone(), word(Some(value))?));
    let annotations = annotations.into_iter().flatten().filter_map(annotation).collect();
    Ok(Some(Entity {
        owner,
        system,
        members,
        member_of,
        email: at("/spec/profile/email").unwrap_or_default(),
        display_name: at("/spec/profile/displayName").unwrap_or_default(),
        annotations,
        place: place.to_owned(),
        reference,
    }))
}

/// Returns a text that may stand in a sentence: on one line, not empty, not too long. Numbers are names as well.
fn word(value: Option<&Value>) -> Option<String> {
    let text = match value? {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let is_word = !text.is_empty() && text.chars().count() <= MAX_NAME && !text.chars().any(char::is_control);
    is_word.then_some(text)
}

impl Entity {
    /// Returns an annotation.
    pub(super) fn annotation(&self, key: &str) -> Option<String> {
        self.annotations.get(key).cloned()
    }

    /// Returns other names for it.
    pub(super) fn also(&self) -> Vec<String> {
        let names = [self.display_name.clone(), self.reference.to_string()];
        names.into_iter().filter(|name| !name.is_empty()).collect()
    }
}

impl Reference {
    /// Reads `[kind:][namespace/]name`; what it does not say is `kind` and `namespace`. `None` when a part is empty.
    pub fn read(text: &str, kind: &str, namespace: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(':').unwrap_or((kind, text));
        let (namespace, name) = rest.split_once('/').unwrap_or((namespace, rest));
        let is_whole = [kind, namespace, name].iter().all(|part| !part.trim().is_empty());
        let part = |part: &str| part.trim().to_lowercase();
        is_whole.then(|| Self { kind: part(kind), namespace: part(namespace), name: part(name) })
    }

    /// Returns the name, with its namespace unless that is `default`.
    pub fn short(&self) -> String {
        match self.namespace.as_str() {
            "default" => self.name.clone(),
            namespace => format!("{namespace}/{}", self.name),
        }
    }

    /// Says what it is: ``component `inventory` ``.
    pub(super) fn told(&self) -> String {
        format!("{} `{}`", self.kind, self.short())
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}/{}", self.kind, self.namespace, self.name)
    }
}
