//! What the lines of a hunk do, as far as single lines tell: loops, queries, locks, patterns, limits.

use std::{collections::BTreeSet, sync::LazyLock};

use regex::Regex;

use super::hunk::Hunk;

/// Something that lines do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Construct {
    /// Goes over many things.
    Loop,
    /// Asks a database or another service.
    Query,
    /// Takes or holds a lock, or waits for another.
    Lock,
    /// Matches a pattern.
    Pattern,
    /// Keeps something for longer: appends, inserts, registers.
    Keeps,
    /// Gives something back: removes, closes, evicts.
    Frees,
    /// How long something may take.
    Timeout,
    /// An index of a table.
    Index,
    /// How many may work or wait at a time.
    Limit,
    /// What is remembered, and for how long.
    Cache,
    /// How many go together.
    Batch,
    /// Work on text or collections that costs CPU.
    Computes,
}

/// What a hunk brings in, takes away, and moves about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Constructs {
    /// In lines that were added and not there before.
    pub added: BTreeSet<Construct>,
    /// In lines that were taken away and did not come back.
    pub removed: BTreeSet<Construct>,
    /// In any changed line.
    pub touched: BTreeSet<Construct>,
    /// A query or call was added inside of a loop: one that was added as well, or one around it.
    pub query_in_loop: bool,
}

static WORDS: LazyLock<Vec<(Construct, Regex)>> = LazyLock::new(|| {
    let patterns = [
        (
            Construct::Loop,
            r"\b(for|while|loop|foreach|forEach|repeat|do)\b|\.(map|for_each|forEach|flat_map|flatMap|stream|iter|filter|reduce)\(",
        ),
        (
            Construct::Query,
            r"(?i)\b(select|insert into|update|delete from)\b.*|\.(query|query_row|queryrow|query_one|execute|exec|fetch\w*|find\w*|load\w*|get_by_\w+|getBy\w+|all\(\)|first\(\)|one\(\))\b|\b(await|rpc|client|repo|repository|dao|session|http|db)\b.*\(",
        ),
        (
            Construct::Lock,
            r"(?i)\b(lock|unlock|mutex|rwlock|synchronized|semaphore|acquire|lock_guard|unique_lock|scoped_lock|reentrantlock|monitor|condvar|wait|join|sleep|block_on|runexclusive)\w*\b|\.(r?lock|write|acquire|wait|join|sleep)\(",
        ),
        (
            Construct::Pattern,
            r"(?i)\b(regexp?|re\.(compile|match|search|sub|fullmatch|findall)|pattern\.compile|mustcompile|regex_(match|search|replace)|std::regex)\b|\.(test|match|matches|replaceAll|replace_all|is_match)\(|(^|[=(:,\s])/\^?[^/\s*]{4,}/[gimsuy]*",
        ),
        (
            Construct::Keeps,
            r"(?i)\.(push|push_back|emplace|emplace_back|append|add|insert|put|set|extend|setdefault|register|subscribe|addlistener|on|store)\(|\bappend\(|\]\s*=[^=]",
        ),
        (
            Construct::Frees,
            r"(?i)\b(delete|free|close|dispose|release|drop|evict\w*|purge|clear|unsubscribe|removelistener|off|truncate|unregister|defer|prune|shrink)\b|\.(remove|pop|close|clear|delete|erase|popleft|shift)\(|\bwith\b.*\bopen",
        ),
        (
            Construct::Timeout,
            r"(?i)time_?out|deadline|patience|\bttl\b|keep_?alive|with_?timeout|await_?for|max_?wait",
        ),
        (
            Construct::Index,
            r"(?i)\b(create|drop|alter|add|remove)\b.{0,30}\bindex\b|\bindex(es)?\b\s*[=(:]|db_index|add_index|remove_index|@index|@table\(.*index|create_index|drop_index",
        ),
        (
            Construct::Limit,
            r"(?i)(pool|conn\w*|worker|thread|concurren\w*|parallel\w*|max_?open|max_?idle|queue|permit|limit|capacity|replica|backlog|inflight)s?[\w.]*",
        ),
        (Construct::Cache, r"(?i)cach|memo(ize)?|\bttl\b|expir|lru"),
        (
            Construct::Batch,
            r"(?i)batch|chunk|page_?size|prefetch|bulk|fetch_?size|select_related|prefetch_related|\bany\(|\bin\s*\(|includes?\(|join_?fetch|preload|flush_?every",
        ),
        (
            Construct::Computes,
            r"(?i)sort|serial|parse|encode|decode|hash|compress|format|clone|copy|contains|indexof|index_of|equal|concat|digest|encrypt|render|json|\+=|distance|normal",
        ),
    ];
    patterns
        .into_iter()
        .filter_map(|(construct, pattern)| Some((construct, Regex::new(pattern).ok()?)))
        .collect()
});

/// Tells what the lines of a hunk do. Comments do nothing.
pub fn constructs(hunk: &Hunk) -> Constructs {
    let all = |lines: Vec<&str>| -> BTreeSet<Construct> { lines.into_iter().flat_map(of_line).collect() };
    let changed = hunk.side('+').chain(hunk.side('-')).collect();
    let added = all(hunk.only('+'));
    let query_in_loop = query_in_loop(hunk);
    Constructs { removed: all(hunk.only('-')), touched: all(changed), query_in_loop, added }
}

/// Tells what one line does.
pub fn of_line(line: &str) -> Vec<Construct> {
    let line = line.trim();
    if ["//", "#", "*", "/*", "--"].iter().any(|mark| line.starts_with(mark)) {
        return Vec::new();
    }
    WORDS.iter().filter(|(_, pattern)| pattern.is_match(line)).map(|(construct, _)| *construct).collect()
}

/// Tells whether an added line asks others and stands further right than a loop above it.
fn query_in_loop(hunk: &Hunk) -> bool {
    let mut loops: Vec<(usize, bool)> = Vec::new();
    for line in hunk.lines.iter().filter(|line| !line.starts_with('-')) {
        let is_added = line.starts_with('+');
        let code = line.get(1..).unwrap_or_default();
        if code.trim().is_empty() {
            continue;
        }
        let depth = code.len() - code.trim_start().len();
        loops.retain(|(of, _)| *of < depth);
        let does = of_line(code);
        if does.contains(&Construct::Query) && is_added && !loops.is_empty() {
            return true;
        }
        // A loop put around a query that was there already asks as often.
        if does.contains(&Construct::Query) && loops.iter().any(|(_, is_new)| *is_new) {
            return true;
        }
        if does.contains(&Construct::Loop) {
            loops.push((depth, is_added));
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blame::{candidate::ChangedFile, code::hunk::hunks};

    #[test]
    fn lines_say_what_they_do() {
        let cases = [
            (
                "+    for item in items {\n+        db.query_one(\"SELECT name FROM products\", item)",
                Construct::Query,
                true,
            ),
            ("+    guard = self.lock.acquire()", Construct::Lock, false),
            ("-DROP INDEX orders_customer", Construct::Index, false),
            ("+    timeout_ms: 200", Construct::Timeout, false),
            ("+    re.compile(\"(a+)+$\")", Construct::Pattern, false),
            ("+    seen.append(order)", Construct::Keeps, false),
        ];
        for (diff, wanted, in_loop) in cases {
            let file = ChangedFile { path: "a".to_owned(), lines: diff.lines().map(str::to_owned).collect() };
            let found = constructs(&hunks(&file)[0]);
            assert!(found.touched.contains(&wanted), "{diff}: {found:?}");
            assert_eq!(found.query_in_loop, in_loop, "{diff}");
        }
        assert_eq!(of_line("// for each lock"), []);
    }
}
