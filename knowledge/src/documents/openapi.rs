//! OpenAPI 2 and 3 in JSON or YAML: a section for each operation and each schema.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    Place, Reason,
    draft::{Draft, one_line},
    yaml,
};

mod schema;

use schema::{described, shape};

/// Methods in the order in which they are told. <https://spec.openapis.org/oas/v3.1.1.html#path-item-object>
const METHODS: &[&str] = &["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// What is read as it is written.
#[derive(Deserialize)]
struct About {
    info: Option<Info>,
}

#[derive(Deserialize)]
struct Info {
    version: Option<String>,
}

/// Reads a description into the draft: the interface, then each operation with what it takes and answers, then each schema. References are named and not followed, but those to shared parameters and answers, once.
///
/// # Errors
///
/// `Broken` for what is no tree, or beyond its bounds; `NotADocument` for a tree that describes no interface.
pub fn read(text: &str, draft: &mut Draft) -> Result<(), Reason> {
    let is_json = text.trim_start().starts_with('{');
    let tree = if is_json {
        serde_json::from_str(text)
            .map_err(|error| Reason::Broken(format!("is not JSON that can be read: {error}")))?
    } else {
        yaml::tree(text)?
    };
    if tree.get("openapi").or_else(|| tree.get("swagger")).is_none() {
        return Err(Reason::NotADocument);
    }
    let title = word(&tree["info"], "title").unwrap_or_else(|| "API".to_owned());
    draft.title = Some(title.clone());
    // YAML takes `1.10` for a number, and a tree would make `1.1` of it.
    let written =
        if is_json { None } else { yaml::typed(text).ok().and_then(|about: About| about.info?.version) };
    draft.front.version = written.or_else(|| word(&tree["info"], "version"));
    draft.heading(1, &title, Place::Anchor("/info".into()));
    prose(draft, &tree["info"], "description", "/info");
    for server in list(&tree, "servers") {
        if let Some(url) = word(server, "url") {
            draft.item(
                &format!("- server {url}{}", behind(": ", word(server, "description"))),
                Place::Anchor("/servers".into()),
            );
        }
    }
    if let Some(host) = word(&tree, "host") {
        let base = word(&tree, "basePath").unwrap_or_default();
        draft.item(&format!("- server {host}{base}"), Place::Anchor("/host".into()));
    }
    for kind in ["paths", "webhooks"] {
        for (path, item) in entries(&tree[kind]) {
            for method in METHODS {
                if let Some(operation) = item.get(method) {
                    let place = format!("/{kind}/{}/{method}", escaped(path));
                    read_operation(&tree, path, item, method, operation, &place, draft);
                }
            }
        }
    }
    for (parent, at) in
        [(&tree["components"]["schemas"], "/components/schemas"), (&tree["definitions"], "/definitions")]
    {
        for (name, schema) in entries(parent) {
            read_schema(name, schema, &format!("{at}/{}", escaped(name)), draft);
        }
    }
    Ok(())
}

fn read_operation(
    tree: &Value,
    path: &str,
    item: &Value,
    method: &str,
    operation: &Value,
    place: &str,
    draft: &mut Draft,
) {
    draft.heading(2, &format!("{} {path}", method.to_uppercase()), Place::Anchor(place.to_owned()));
    let here = || Place::Anchor(place.to_owned());
    if operation.get("deprecated") == Some(&Value::Bool(true)) {
        draft.prose("Deprecated.", here());
    }
    prose(draft, operation, "summary", place);
    prose(draft, operation, "description", place);
    if let Some(id) = word(operation, "operationId") {
        draft.item(&format!("- operation `{id}`"), here());
    }
    for parameter in list(item, "parameters").chain(list(operation, "parameters")) {
        let parameter = resolved(tree, parameter);
        let is_required = parameter.get("required") == Some(&Value::Bool(true));
        let shape = parameter.get("schema").map_or_else(|| shape(parameter), shape);
        let cells = [
            word(parameter, "name").or_else(|| schema::referred(parameter)).unwrap_or_default(),
            format!(
                "{}{}",
                word(parameter, "in").unwrap_or_default(),
                if is_required { ", required" } else { "" }
            ),
            shape,
            described(parameter),
        ];
        draft.row(&cells, here());
    }
    let body = operation.get("requestBody").map(|body| resolved(tree, body));
    for (kind, media) in body.into_iter().flat_map(|body| entries(&body["content"])) {
        draft.row(
            &["body".into(), kind.clone(), shape(&media["schema"]), body.map(described).unwrap_or_default()],
            here(),
        );
    }
    for (status, answer) in entries(&operation["responses"]) {
        let answer = resolved(tree, answer);
        let mut shapes: Vec<_> =
            entries(&answer["content"]).map(|(_, media)| shape(&media["schema"])).collect();
        shapes.extend(answer.get("schema").map(shape));
        shapes.dedup();
        draft.row(&[status.clone(), described(answer), shapes.join(", ")], here());
    }
}

fn read_schema(name: &str, schema: &Value, place: &str, draft: &mut Draft) {
    draft.heading(2, &format!("Schema {name}"), Place::Anchor(place.to_owned()));
    let here = || Place::Anchor(place.to_owned());
    prose(draft, schema, "description", place);
    let own = shape(schema);
    let properties = schema.get("properties").and_then(Value::as_object);
    if properties.is_none_or(Map::is_empty) {
        return draft.prose(&own, here());
    }
    let required: Vec<_> = list(schema, "required").filter_map(Value::as_str).collect();
    for (property, schema) in entries(&schema["properties"]) {
        let need = if required.contains(&property.as_str()) { ", required" } else { "" };
        draft.row(&[property.clone(), format!("{}{need}", shape(schema)), described(schema)], here());
    }
}

fn prose(draft: &mut Draft, tree: &Value, key: &str, place: &str) {
    if let Some(text) = tree.get(key).and_then(Value::as_str) {
        for paragraph in text.split("\n\n") {
            draft.prose(paragraph, Place::Anchor(place.to_owned()));
        }
    }
}

/// Follows a reference to a shared parameter, body or answer, once.
fn resolved<'a>(tree: &'a Value, value: &'a Value) -> &'a Value {
    let target = value.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix('#'));
    target.and_then(|pointer| tree.pointer(pointer)).unwrap_or(value)
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn word(value: &Value, key: &str) -> Option<String> {
    match value.get(key)? {
        Value::String(text) => Some(one_line(text)).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn behind(mark: &str, text: Option<String>) -> String {
    text.map(|text| format!("{mark}{text}")).unwrap_or_default()
}

/// Escapes a key for a JSON pointer. RFC 6901 §3
fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
