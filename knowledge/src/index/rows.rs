//! Chunks as rows of a Lance table, and back.

use std::{collections::BTreeSet, sync::Arc};

use lancedb::arrow::{
    arrow_array::{
        Array, ArrayRef, FixedSizeListArray, Float32Array, ListArray, RecordBatch, StringArray, UInt32Array,
        builder::{ListBuilder, StringBuilder},
        cast::AsArray,
        types::{Float32Type, UInt32Type},
    },
    arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef},
};

use waggle_agent_core::ports::Library;

use crate::documents::{Chunk, ContentHash, Document, Place};

/// A chunk of a document with everything that it is found and cited by.
#[derive(Clone, Debug, PartialEq)]
pub struct Row<'a> {
    /// Where it comes from.
    pub document: &'a Document,
    /// Of these bytes.
    pub hash: ContentHash,
    /// Who may read the collection.
    pub gate: &'a BTreeSet<String>,
    /// The piece.
    pub chunk: &'a Chunk,
    /// Its terms, joined by spaces.
    pub terms: String,
    /// Its vector; `None` in a table without vectors.
    pub vector: Option<Vec<f32>>,
}

/// Returns the columns of a table whose vectors have so many numbers; `None` for one without.
pub fn schema(dimensions: Option<usize>) -> SchemaRef {
    let text = |name: &str| Field::new(name, DataType::Utf8, false);
    let list = |name: &str| Field::new(name, DataType::List(Arc::new(item(DataType::Utf8))), false);
    let mut fields = vec![
        text("id"),
        text("document"),
        text("hash"),
        Field::new("ordinal", DataType::UInt32, false),
        text("collection"),
        text("title"),
        text("heading"),
        text("text"),
        text("terms"),
        text("place"),
        list("service"),
        list("fault_class"),
        text("library"),
        text("version"),
        list("gate"),
        list("labels"),
    ];
    if let Some(dimensions) = dimensions.and_then(|n| i32::try_from(n).ok()) {
        let vector = DataType::FixedSizeList(Arc::new(item(DataType::Float32)), dimensions);
        fields.push(Field::new("vector", vector, false));
    }
    Arc::new(Schema::new(fields))
}

fn item(kind: DataType) -> Field {
    Field::new("item", kind, true)
}

/// Writes rows as one batch.
///
/// # Errors
///
/// When a vector has another length than the table's.
pub fn batch(rows: &[Row<'_>], dimensions: Option<usize>) -> Result<RecordBatch, ArrowError> {
    let text = |of: &dyn Fn(&Row<'_>) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(of)))
    };
    let list = |of: &dyn Fn(&Row<'_>) -> Vec<String>| -> ArrayRef { Arc::new(lists(rows.iter().map(of))) };
    let mut columns = vec![
        text(&|row| row.chunk.id.to_string()),
        text(&|row| row.document.id.to_string()),
        text(&|row| row.hash.to_string()),
        Arc::new(UInt32Array::from_iter_values(rows.iter().map(|row| row.chunk.ordinal))),
        text(&|row| row.document.collection.clone()),
        text(&|row| row.document.parsed.title.clone()),
        text(&|row| row.chunk.heading.clone()),
        text(&|row| row.chunk.text.clone()),
        text(&|row| row.terms.clone()),
        text(&|row| cited(&row.document.source, &row.chunk.place)),
        list(&|row| row.document.parsed.front.service.clone()),
        list(&|row| row.document.parsed.front.fault_class.clone()),
        text(&|row| {
            let library = row.document.parsed.front.library.as_deref();
            library.map(|library| Library::named(library).key()).unwrap_or_default()
        }),
        text(&|row| row.document.parsed.front.version.clone().unwrap_or_default()),
        list(&|row| row.gate.iter().cloned().collect()),
        list(&|row| row.document.parsed.front.labels.clone()),
    ];
    if let Some(dimensions) = dimensions {
        let numbers = rows.iter().flat_map(|row| row.vector.iter().flatten().copied());
        let width = i32::try_from(dimensions).map_err(|error| ArrowError::ExternalError(Box::new(error)))?;
        let numbers = Arc::new(Float32Array::from_iter_values(numbers));
        columns.push(Arc::new(FixedSizeListArray::try_new(
            Arc::new(item(DataType::Float32)),
            width,
            numbers,
            None,
        )?));
    }
    RecordBatch::try_new(schema(dimensions), columns)
}

/// Says where a chunk stands: `runbooks/pods.md, lines 12-40`.
fn cited(source: &str, place: &Place) -> String {
    match place {
        Place::Start => source.to_owned(),
        Place::Anchor(anchor) => format!("{source}#{anchor}"),
        Place::Lines { .. } | Place::Pages { .. } => format!("{source}, {place}"),
    }
}

fn lists(rows: impl Iterator<Item = Vec<String>>) -> ListArray {
    let mut builder = ListBuilder::new(StringBuilder::new());
    for row in rows {
        for value in row {
            builder.values().append_value(value);
        }
        builder.append(true);
    }
    builder.finish()
}

/// A row as a search returns it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stored {
    /// The chunk's name.
    pub id: String,
    /// Its document's.
    pub document: String,
    /// Its collection.
    pub collection: String,
    /// The document's title.
    pub title: String,
    /// Headings down to it.
    pub heading: String,
    /// The text.
    pub text: String,
    /// Its terms, joined by spaces.
    pub terms: String,
    /// Where it stands, as people read it.
    pub place: String,
    /// BM25; zero where it was not found by words.
    pub lexical: f64,
    /// Its vector; `None` in a table without.
    pub vector: Option<Vec<f32>>,
}

/// The columns of [`Stored`], without scores.
pub const STORED: [&str; 8] = ["id", "document", "collection", "title", "heading", "text", "terms", "place"];

/// Reads what a search returned. Columns that were not asked for are empty.
pub fn stored(batch: &RecordBatch) -> Vec<Stored> {
    (0..batch.num_rows())
        .map(|row| Stored {
            id: text_at(batch, "id", row),
            document: text_at(batch, "document", row),
            collection: text_at(batch, "collection", row),
            title: text_at(batch, "title", row),
            heading: text_at(batch, "heading", row),
            text: text_at(batch, "text", row),
            terms: text_at(batch, "terms", row),
            place: text_at(batch, "place", row),
            lexical: score_at(batch, row),
            vector: vector_at(batch, row),
        })
        .collect()
}

/// Returns a text of a row; empty when the column is not there.
pub fn text_at(batch: &RecordBatch, name: &str, row: usize) -> String {
    let column = batch.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
    column.filter(|column| row < column.len()).map(|column| column.value(row).to_owned()).unwrap_or_default()
}

/// Returns a count of a row; `None` when the column is not there.
pub fn number_at(batch: &RecordBatch, name: &str, row: usize) -> Option<u32> {
    let column = batch.column_by_name(name).and_then(|column| column.as_primitive_opt::<UInt32Type>());
    column.filter(|column| row < column.len()).map(|column| column.value(row))
}

fn score_at(batch: &RecordBatch, row: usize) -> f64 {
    let column = batch.column_by_name("_score").and_then(|column| column.as_primitive_opt::<Float32Type>());
    column.filter(|column| row < column.len()).map_or(0.0, |column| f64::from(column.value(row)))
}

fn vector_at(batch: &RecordBatch, row: usize) -> Option<Vec<f32>> {
    let column = batch.column_by_name("vector")?.as_fixed_size_list_opt()?;
    let numbers = (row < column.len()).then(|| column.value(row))?;
    Some(numbers.as_primitive_opt::<Float32Type>()?.values().to_vec())
}
