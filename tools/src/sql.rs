//! The last resort: a question in SQL.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waggle_agent_core::{
    Language, Scene, Tool, ToolError,
    evidence::Fact,
    ports::{SqlQuery, Table},
    tool::Output,
};

use crate::read_only::why_not_read;

/// Answers one read-only SQL SELECT over the tables spans, metrics, logs, events, samples, flows and resources. Use it only when no other tool fits; `SHOW TABLES` and `DESCRIBE spans` tell the columns.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Sql {
    /// The statement.
    pub query: String,
}

/// Rows.
#[derive(Debug, Serialize)]
pub struct Rows {
    searched: String,
    #[serde(flatten)]
    table: Table,
}

const MAX_ROWS: usize = 50;
const TIMEOUT: Duration = Duration::from_secs(8);

#[async_trait]
impl Tool for Sql {
    const NAME: &'static str = "sql";
    type Output = Rows;

    fn summary(&self) -> String {
        format!("SQL: {}", self.query.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    async fn run(self, scene: &Scene) -> Result<Rows, ToolError> {
        if let Some(why) = why_not_read(&self.query) {
            return Err(ToolError::Respond(why));
        }
        let query = SqlQuery { text: self.query.clone(), limit: MAX_ROWS, timeout: TIMEOUT };
        let table = scene.ports.telemetry.sql(&query).await?;
        Ok(Rows { searched: self.query, table })
    }
}

impl Output for Rows {
    fn is_empty(&self) -> bool {
        self.table.rows.is_empty()
    }

    fn facts(&self, _: Language) -> Vec<Fact> {
        Vec::new()
    }
}

impl fmt::Display for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.table.rows.is_empty() {
            return write!(f, "no rows; searched: {}", self.searched);
        }
        writeln!(f, "{}", self.table.columns.join(" | "))?;
        for row in &self.table.rows {
            let values: Vec<_> = row
                .iter()
                .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
                .collect();
            writeln!(f, "{}", values.join(" | "))?;
        }
        if self.table.truncated { writeln!(f, "… cut at {MAX_ROWS} rows") } else { Ok(()) }
    }
}
