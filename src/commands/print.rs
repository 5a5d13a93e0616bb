//! Results as they are printed.

use std::io::{self, Write as _};

use anyhow::{Context, Result};
use serde::Serialize;
use waggle_agent_core::{Finding, finding::Action, ports::Table};

/// Prints one JSON value.
pub fn json<T: Serialize>(value: &T) -> Result<()> {
    out(&format!("{}\n", serde_json::to_string_pretty(value).context("write JSON")?))
}

/// Prints a finding for people.
///
/// # Errors
///
/// When standard output cannot be written.
pub fn finding(finding: &Finding) -> Result<()> {
    out(&finding_text(finding))
}

/// Writes to standard output; that nobody reads on is no error.
pub fn out(text: &str) -> Result<()> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error).context("write the answer"),
        _ => Ok(()),
    }
}

/// Writes a finding for people: verdict first, each sentence with its evidence.
pub fn finding_text(finding: &Finding) -> String {
    let mut lines = Vec::new();
    let head = finding.root_causes.first().map(|cause| format!("{}: {}", cause.service, cause.fault_class));
    let verdict = finding.verdict.as_str();
    lines.push(match head {
        Some(head) => format!("{head} · {verdict}, {:.2}", finding.confidence),
        None => format!("{verdict} · {:.2}", finding.confidence),
    });
    let mut say = |label: &str, text: &str| {
        if !text.is_empty() {
            lines.push(format!("  {label:<10} {text}"));
        }
    };
    say("symptom", &finding.symptom.text);
    for claim in finding.root_causes.first().into_iter().flat_map(|cause| &cause.claims) {
        let ids: Vec<_> = claim.evidence.iter().map(ToString::to_string).collect();
        say("cause", &format!("{} [{}]", claim.text, ids.join(", ")));
    }
    let hops: Vec<_> =
        finding.propagation.iter().map(|hop| format!("{} → {} ({})", hop.from, hop.to, hop.kind)).collect();
    say("spread", &hops.join(", "));
    for out in &finding.ruled_out {
        say("not", &format!("{}: {}", out.suspect, out.reason));
    }
    if finding.remediation.action != Action::None {
        say("do", &format!("{} (a person decides)", finding.remediation.text));
    }
    for owner in &finding.owners {
        say("owner", &format!("{} by {}", owner.name, owner.rule));
    }
    for seen in &finding.seen_before {
        say("before", &format!("{} [{}]", seen.text, seen.evidence));
    }
    for missing in &finding.missing_data {
        say("missing", missing);
    }
    for question in &finding.follow_ups {
        say("ask", question);
    }
    lines.join("\n") + "\n"
}

/// Prints rows in columns.
pub fn table(table: &Table) {
    let text = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let rows: Vec<Vec<String>> = table.rows.iter().map(|row| row.iter().map(text).collect()).collect();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).chain(table.columns.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..table.columns.len()).map(width).collect();
    let print = |cells: &[String]| {
        let cells: Vec<_> =
            cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        println!("{}", cells.join("  ").trim_end());
    };
    print(&table.columns);
    rows.iter().for_each(|row| print(row));
    if table.truncated {
        println!("… cut at {} rows; see `--limit`", table.rows.len());
    }
}
