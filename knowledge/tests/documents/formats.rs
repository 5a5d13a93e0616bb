//! One document of each format, shown as it was understood.

use insta::assert_snapshot;
use waggle_knowledge::documents::{Parsed, read_document};

use super::samples;

fn told(parsed: &Parsed) -> String {
    let mut told = format!("{} ({})\n{:?}\n", parsed.title, parsed.format, parsed.front);
    for note in &parsed.notes {
        told.push_str(&format!("note: {note}\n"));
    }
    for section in &parsed.sections {
        told.push_str(&format!(
            "\n=== {} ({})\n{}\n",
            section.heading.join(" › "),
            section.place,
            section.text()
        ));
    }
    told
}

#[test]
fn every_format_reads_as_a_person_would() {
    for (name, bytes) in samples::all() {
        let parsed = read_document(name, &bytes).unwrap();
        assert_snapshot!(name, told(&parsed));
    }
}

#[test]
fn swagger_in_json_reads_like_openapi() {
    let text = r##"{"swagger": "2.0", "info": {"title": "Shop"}, "host": "shop.example", "basePath": "/v1", "paths": {"/items": {"post":
        {"summary": "Add", "parameters": [{"in": "body", "name": "item", "schema": {"$ref": "#/definitions/Item"}}, {"in": "query", "name": "n", "type": "integer"}],
         "responses": {"default": {"description": "Added", "schema": {"type": "array", "items": {"$ref": "#/definitions/Item"}}}}}}},
        "definitions": {"Item": {"allOf": [{"$ref": "#/definitions/Base"}, {"type": "object"}]}}}"##;
    assert_snapshot!(told(&read_document("api.json", text.as_bytes()).unwrap()));
}
