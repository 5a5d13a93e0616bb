//! DataFusion's errors in the words of ports.

use datafusion::{
    arrow::error::ArrowError,
    common::{Diagnostic, SchemaError},
    error::DataFusionError,
};
use waggle_agent_core::{Error, Kind};

use crate::{engine::Failure, tables::Table};

/// Turns a failed query into what its asker is told.
pub fn answer(doing: &str, failure: Failure) -> Error {
    match failure {
        Failure::Said(error) => error,
        Failure::Panicked => Kind::Internal.error(format!("{doing} failed by a fault of this program")),
        Failure::Fusion(error) => of_fusion(doing, error),
    }
}

/// Tells whether a damaged or missing file may be behind a failure.
pub fn may_be_damage(failure: &Failure) -> bool {
    match failure {
        Failure::Said(_) => false,
        Failure::Panicked => true,
        Failure::Fusion(error) => matches!(
            error.find_root(),
            DataFusionError::ParquetError(_)
                | DataFusionError::ObjectStore(_)
                | DataFusionError::IoError(_)
                | DataFusionError::External(_)
                | DataFusionError::ArrowError(..)
        ),
    }
}

fn of_fusion(doing: &str, error: DataFusionError) -> Error {
    let place = error.diagnostic().and_then(place).unwrap_or_default();
    let root = error.find_root();
    match root {
        DataFusionError::ResourcesExhausted(_) => Kind::Invalid
            .error(format!("{doing} needs more memory than queries may use"))
            .with_hint("ask for a shorter time range, or sort and group less at once"),
        DataFusionError::SchemaError(schema_error, _) => of_schema(schema_error, &place),
        DataFusionError::Plan(message) => of_plan(message, &place),
        DataFusionError::SQL(parser_error, _) => {
            Kind::Invalid.error(format!("sql does not parse: {parser_error}")).with_hint(TABLES)
        }
        DataFusionError::NotImplemented(message) => {
            Kind::Invalid.error(format!("sql is not supported{place}: {message}"))
        }
        // A cast or a division that cannot be done: the statement asked for it.
        DataFusionError::ArrowError(arrow, _) if is_arithmetic(arrow) => {
            Kind::Invalid.error(format!("{doing} failed{place}: {arrow}"))
        }
        DataFusionError::Execution(message) => {
            Kind::Invalid.error(format!("{doing} failed{place}: {message}"))
        }
        _ => Kind::Internal.because(format!("{doing} failed"), error),
    }
}

const TABLES: &str = "tables are `spans`, `metrics`, `logs`, `events`, `samples`, `flows`, `resources`";

fn of_schema(error: &SchemaError, place: &str) -> Error {
    let SchemaError::FieldNotFound { field, valid_fields } = error else {
        return Kind::Invalid.error(format!("{error}{place}"));
    };
    let message = format!("no column `{}`{place}", field.name);
    let known: Vec<&str> = valid_fields.iter().map(|field| field.name.as_str()).collect();
    let hint = match nearest(&field.name, &known) {
        Some(nearest) => format!("nearest is `{nearest}`"),
        None if known.is_empty() => "text goes in single quotes, `'like this'`".to_owned(),
        None => format!("columns are `{}`", known.join("`, `")),
    };
    Kind::Invalid.error(message).with_hint(hint)
}

fn of_plan(message: &str, place: &str) -> Error {
    // DataFusion gives this one as a sentence only.
    let missing = message.strip_prefix("table '").and_then(|rest| rest.strip_suffix("' not found"));
    let Some(table) = missing.and_then(|name| name.rsplit('.').next()) else {
        return Kind::Invalid.error(format!("{}{place}", message.trim_end_matches('.')));
    };
    let known: Vec<&str> = Table::ALL.iter().map(|table| table.name()).chain(["resources"]).collect();
    let hint =
        nearest(table, &known).map_or_else(|| TABLES.to_owned(), |nearest| format!("nearest is `{nearest}`"));
    Kind::Invalid.error(format!("no table `{table}`{place}")).with_hint(hint)
}

/// Returns the known name that is most like `name`, if any is like it at all.
fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let likeness = |other: &&str| strsim::jaro_winkler(&name.to_lowercase(), other);
    let nearest = known.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
    // 0.7: the limit below which Winkler 1990 does not trust a common prefix.
    (likeness(nearest) > 0.7).then_some(nearest)
}

fn place(diagnostic: &Diagnostic) -> Option<String> {
    let start = diagnostic.span?.start;
    Some(format!(" at line {}, column {}", start.line, start.column))
}

fn is_arithmetic(error: &ArrowError) -> bool {
    matches!(
        error,
        ArrowError::DivideByZero
            | ArrowError::ArithmeticOverflow(_)
            | ArrowError::CastError(_)
            | ArrowError::ComputeError(_)
            | ArrowError::ParseError(_)
            | ArrowError::InvalidArgumentError(_)
    )
}
