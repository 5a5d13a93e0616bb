//! One read-only SQL statement.

use datafusion::{
    arrow::array::RecordBatch,
    dataframe::DataFrame,
    error::DataFusionError,
    execution::context::SQLOptions,
    logical_expr::LogicalPlan,
    sql::sqlparser::{
        dialect::GenericDialect,
        tokenizer::{Token, Tokenizer},
    },
};
use futures::StreamExt;
use waggle_agent_core::{
    Error, Kind,
    ports::{SqlQuery, Table},
};

use crate::{
    engine::{Failure, View},
    json,
};

/// Longest statement.
const MAX_TEXT_BYTES: usize = 64 << 10;

/// Most words, numbers and signs of a statement. Planning a chain such as `1+1+…` recurses, and takes time by the square
/// of its length: this many take about three seconds without optimisation, and fit on the stack.
const MAX_TOKENS: usize = 2_000;

/// Bytes of values after which an answer ends, however many rows are allowed.
const MAX_ANSWER_BYTES: usize = 32 << 20;

/// Answers a statement.
pub async fn sql(view: View, query: SqlQuery) -> Result<Table, Failure> {
    check_length(&query.text).map_err(Failure::Said)?;
    let plan = read_only_plan(&view, &query.text).await?;
    let is_table =
        !matches!(plan, LogicalPlan::Explain(_) | LogicalPlan::Analyze(_) | LogicalPlan::DescribeTable(_));
    let mut frame = DataFrame::new(view.session, plan);
    if is_table {
        // One more than is returned tells whether there were more.
        frame = frame.limit(0, Some(query.limit.saturating_add(1).min(i32::MAX as usize)))?;
    }
    let columns = frame.schema().fields().iter().map(|field| field.name().clone()).collect();
    let mut table = Table { columns, rows: vec![], truncated: false };
    let mut batches = frame.execute_stream().await?;
    let mut n_bytes = 0;
    while let Some(batch) = batches.next().await {
        let batch = batch?;
        let room = query.limit - table.rows.len();
        table.truncated = batch.num_rows() > room || n_bytes > MAX_ANSWER_BYTES;
        let taken: RecordBatch = batch.slice(0, batch.num_rows().min(room));
        n_bytes += json::add_rows(&mut table.rows, &taken)?;
        if table.truncated {
            break;
        }
    }
    Ok(table)
}

fn check_length(text: &str) -> Result<(), Error> {
    if text.len() > MAX_TEXT_BYTES {
        return Err(
            Kind::Invalid.error(format!("statement of {} bytes exceeds {MAX_TEXT_BYTES}", text.len()))
        );
    }
    // What is no token at all is for the parser to complain about.
    let tokens = Tokenizer::new(&GenericDialect {}, text).tokenize().unwrap_or_default();
    let n_tokens = tokens.iter().filter(|token| !matches!(token, Token::Whitespace(_))).count();
    if n_tokens > MAX_TOKENS {
        return Err(Kind::Invalid.error(format!("statement of {n_tokens} words exceeds {MAX_TOKENS}")));
    }
    Ok(())
}

/// Plans the statement, and refuses it when the plan would do anything but read.
async fn read_only_plan(view: &View, text: &str) -> Result<LogicalPlan, Failure> {
    let dialect = view.session.config_options().sql_parser.dialect;
    let statement = view.session.sql_to_statement(text, &dialect).map_err(|error| match error {
        // The parser takes one statement; DataFusion's own words speak of a "context".
        DataFusionError::NotImplemented(message) if message.contains("single SQL statement") => {
            Failure::Said(
                Kind::Invalid.error("more than one statement was given").with_hint("ask one at a time"),
            )
        }
        error => Failure::Fusion(error),
    })?;
    let plan = view.session.statement_to_plan(statement).await?;
    let reading = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    match reading.verify_plan(&plan) {
        Ok(()) => Ok(plan),
        Err(error) => Err(Failure::Said(refusal(&error))),
    }
}

fn refusal(error: &DataFusionError) -> Error {
    let what = error.strip_backtrace();
    let what = what.rsplit(": ").next().unwrap_or_default().to_owned();
    Kind::Invalid
        .error(format!("only reading is allowed, not `{what}`"))
        .with_hint("use `SELECT`, `EXPLAIN`, `SHOW TABLES`, `SHOW COLUMNS FROM` or `DESCRIBE`")
}
