//! What another server's tool returned, cut and clean.

use rmcp::model::{CallToolResult, ContentBlock, ResourceContents};
use serde_json::{Value, json};
use waggle_agent_core::{ToolError, toolbox::Called};

use crate::clean::{cut, one_line, without_controls};

/// Parts of one result that are read; more are counted.
const MAX_PARTS: usize = 200;

/// Reads a result. It states no facts: those are the privilege of tools whose code is known.
///
/// The data stands one level down, under `structured_content`, so that another server's words are never taken for what
/// Waggle's own tools return: a `services` of theirs names no service.
///
/// # Errors
///
/// `Respond` with the text, when the tool says that it failed.
pub(crate) fn called_of(name: &str, result: CallToolResult, max_bytes: usize) -> Result<Called, ToolError> {
    let text = text_of(&result.content, max_bytes);
    if result.is_error == Some(true) {
        let text = if text.trim().is_empty() { "it does not say why" } else { &text };
        return Err(ToolError::Respond(format!("`{name}` failed: {text}")));
    }
    let structured = result.structured_content.filter(|data| !data.is_null());
    let empty = text.trim().is_empty() && structured.is_none();
    let data = match structured {
        Some(data) => {
            let bytes = data.to_string().len();
            if bytes <= max_bytes {
                json!({ "structured_content": data })
            } else {
                json!({ "text": text, "structured_content_left_out_bytes": bytes })
            }
        }
        None => json!({ "text": text }),
    };
    let text = if text.trim().is_empty() { text_of_data(name, &data, max_bytes, empty) } else { text };
    Ok(Called { text, data, facts: Vec::new(), empty })
}

/// Returns the text of a result that has none of its own.
fn text_of_data(name: &str, data: &Value, max_bytes: usize, empty: bool) -> String {
    match data.get("structured_content") {
        Some(data) => capped(&data.to_string(), max_bytes),
        None if empty => format!("`{name}` returned nothing"),
        None => format!("`{name}` returned data that is larger than {max_bytes} bytes; ask for less"),
    }
}

fn text_of(parts: &[ContentBlock], max_bytes: usize) -> String {
    let mut texts = Vec::new();
    let mut left = max_bytes;
    let mut left_out = 0;
    for part in parts.iter().take(MAX_PARTS) {
        let (text, beyond) = part_text(part, left);
        left -= text.len();
        left_out += beyond;
        if !text.is_empty() {
            texts.push(text);
        }
    }
    if left_out > 0 {
        texts.push(format!("… {left_out} more bytes were cut; ask for less"));
    }
    if parts.len() > MAX_PARTS {
        texts.push(format!("… {} more parts were left out", parts.len() - MAX_PARTS));
    }
    texts.join("\n")
}

/// Returns the words of a part, or its kind and size when it has none, and how many bytes were cut.
fn part_text(part: &ContentBlock, max_bytes: usize) -> (String, usize) {
    let named = match part {
        ContentBlock::Text(text) => {
            let (kept, beyond) = cut(&text.text, max_bytes);
            return (without_controls(kept), beyond);
        }
        ContentBlock::Image(image) => {
            format!("[image, {}, {} bytes as base64]", one_line(&image.mime_type, 60), image.data.len())
        }
        ContentBlock::Audio(audio) => {
            format!("[audio, {}, {} bytes as base64]", one_line(&audio.mime_type, 60), audio.data.len())
        }
        ContentBlock::Resource(embedded) => match &embedded.resource {
            ResourceContents::TextResourceContents { uri, text, .. } => {
                format!("[resource {}, {} bytes of text]", one_line(uri, 200), text.len())
            }
            ResourceContents::BlobResourceContents { uri, blob, .. } => {
                format!("[resource {}, {} bytes as base64]", one_line(uri, 200), blob.len())
            }
            _ => "[resource of an unknown kind]".to_owned(),
        },
        ContentBlock::ResourceLink(link) => format!("[link to {}]", one_line(&link.uri, 200)),
        _ => "[part of an unknown kind]".to_owned(),
    };
    let (kept, beyond) = cut(&named, max_bytes);
    (kept.to_owned(), beyond)
}

fn capped(text: &str, max_bytes: usize) -> String {
    match cut(text, max_bytes) {
        (text, 0) => without_controls(text),
        (text, left_out) => {
            format!("{}\n… {left_out} more bytes were cut; ask for less", without_controls(text))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(result: Value, max_bytes: usize) -> String {
        let result: CallToolResult = serde_json::from_value(result).unwrap();
        match called_of("wiki__search", result, max_bytes) {
            Ok(Called { text, data, empty, .. }) => format!("{text}\ndata: {data}\nempty: {empty}"),
            Err(ToolError::Respond(text)) => format!("refused: {text}"),
            Err(ToolError::Fatal(error)) => panic!("{error}"),
        }
    }

    #[test]
    fn results_are_joined_cut_and_kept_apart() {
        let text = |text: &str| json!({ "type": "text", "text": text });
        let cases = [
            (json!({ "content": [text("one\u{1b}[0m"), text("two")] }), 100),
            (
                json!({ "content": [text("one")], "structuredContent": { "services": [{ "service": "evil" }] } }),
                100,
            ),
            (json!({ "content": [], "structuredContent": [1, 2] }), 100),
            (json!({ "content": [text(&"慢".repeat(10))] }), 7),
            (json!({ "content": [], "structuredContent": { "rows": "x".repeat(200) } }), 50),
            (json!({ "content": [] }), 100),
            (json!({ "content": [text("no such page")], "isError": true }), 100),
            (json!({ "content": [], "isError": true }), 100),
            (
                json!({ "content": [
                    { "type": "image", "data": "aGk=", "mimeType": "image/png" },
                    { "type": "resource", "resource": { "uri": "file:///a", "text": "hello" } },
                    { "type": "resource_link", "uri": "file:///b", "name": "b" },
                ] }),
                200,
            ),
        ];
        let read: Vec<_> = cases.iter().map(|(result, max)| read(result.clone(), *max)).collect();
        insta::assert_snapshot!(read.join("\n---\n"));
    }

    proptest! {
        #[test]
        fn any_result_is_read_within_its_bytes(
            texts in proptest::collection::vec(".{0,40}", 0..6), max_bytes in 0_usize..100,
        ) {
            let parts: Vec<_> = texts.iter().map(|text| json!({ "type": "text", "text": text })).collect();
            let result = serde_json::from_value(json!({ "content": parts })).unwrap();
            let called = called_of("t", result, max_bytes).map_err(|_| TestCaseError::fail("refused"))?;
            // Line breaks between the parts, and the line that says what was cut.
            prop_assert!(called.text.len() <= max_bytes + 6 + 60, "{}", called.text);
        }
    }
}
