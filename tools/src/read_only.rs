//! Whether a statement only reads, before any store is asked.

/// How a statement that reads begins.
const READS: [&str; 6] = ["select", "with", "show", "describe", "desc", "explain"];
/// Words that stand in no statement that only reads; a column of such a name is written in quotes.
const WRITES: [&str; 21] = [
    "insert", "update", "delete", "merge", "upsert", "truncate", "drop", "alter", "create", "rename",
    "grant", "revoke", "copy", "into", "attach", "detach", "install", "call", "execute", "vacuum",
    "optimize",
];

/// Returns why a statement may not be asked; `None` when it only reads.
///
/// The store refuses what writes by its plan. This stands before it, so that it does not depend on which store is asked.
pub(crate) fn why_not_read(statement: &str) -> Option<String> {
    let words = words(statement);
    let mut told = words.iter().map(String::as_str);
    let first = told.next().unwrap_or_default();
    if !READS.contains(&first) {
        return Some(format!("only reading is allowed, not `{first}`; begin with `SELECT`"));
    }
    if let Some(writes) = words.iter().find(|word| WRITES.contains(&word.as_str())) {
        return Some(format!(
            "only reading is allowed, not `{writes}`; a name of that kind is written in quotes"
        ));
    }
    // One at the end does no harm.
    let is_more = words.iter().position(|word| word == ";").is_some_and(|at| at + 1 < words.len());
    is_more.then(|| "more than one statement was given; ask one at a time".to_owned())
}

/// Returns the words of a statement in lower case, and its semicolons. Texts, quoted names and comments are left out.
fn words(statement: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut rest = statement.chars().peekable();
    while let Some(c) = rest.next() {
        if c.is_alphanumeric() || c == '_' {
            word.extend(c.to_lowercase());
            continue;
        }
        if !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        match (c, rest.peek()) {
            ('\'' | '"' | '`', _) => {
                // A quote inside is written twice, which reads as two texts side by side.
                rest.by_ref().find(|end| *end == c);
            }
            ('-', Some('-')) => {
                rest.by_ref().find(|end| *end == '\n');
            }
            ('/', Some('*')) => {
                rest.next();
                let mut last = ' ';
                rest.by_ref().find(|end| std::mem::replace(&mut last, *end) == '*' && *end == '/');
            }
            (';', _) => words.push(";".to_owned()),
            _ => {}
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_reads_is_asked() {
        for statement in [
            "SELECT * FROM logs WHERE body LIKE '%drop table%'",
            "select \"update\" from spans;",
            "WITH slow AS (SELECT 1) SELECT * FROM slow -- delete",
            "/* drop it */ SELECT 1",
            "SHOW TABLES",
            "describe spans",
            "EXPLAIN SELECT updated_at FROM events",
            "SELECT 'it''s; so'",
        ] {
            assert_eq!(why_not_read(statement), None, "{statement}");
        }
    }

    #[test]
    fn what_writes_is_refused() {
        for (statement, why) in [
            ("DELETE FROM logs", "not `delete`"),
            ("", "not ``"),
            ("SELECT 1; DROP TABLE spans", "not `drop`"),
            ("SELECT 1; SELECT 2", "more than one"),
            ("/* SELECT */ insert into logs select 1", "not `insert`"),
            ("EXPLAIN ANALYZE DELETE FROM logs", "not `delete`"),
            ("WITH gone AS (DELETE FROM logs RETURNING *) SELECT * FROM gone", "not `delete`"),
            ("SELECT * INTO OUTFILE '/tmp/x' FROM logs", "not `into`"),
            ("SET x = 1", "not `set`"),
        ] {
            assert!(why_not_read(statement).unwrap().contains(why), "{statement}");
        }
    }

    proptest! {
        #[test]
        fn no_statement_makes_it_panic(statement in r"(?:--|/\*|\*/|['\x22`;]|\PC|\n){0,80}") {
            let _ = why_not_read(&statement);
        }
    }
}
