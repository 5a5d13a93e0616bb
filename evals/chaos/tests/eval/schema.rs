//! The schema that the project publishes is the one that the program keeps to.

use std::{env, fs, path::Path};

use waggle_chaos::eval::Report;

#[test]
fn the_published_schema_of_a_report_is_the_program_s() {
    let path = Path::new("../../docs/eval.schema.json");
    let written = format!("{}\n", serde_json::to_string_pretty(&Report::json_schema()).unwrap());
    if env::var_os("UPDATE").is_some() {
        fs::write(path, &written).unwrap();
    }
    let published = fs::read_to_string(path).unwrap_or_default();
    assert!(
        published == written,
        "docs/eval.schema.json is stale; write it anew with `UPDATE=1 cargo test -p waggle-chaos --test eval schema`"
    );
}
