//! How well two names agree, however they are written.

use std::collections::BTreeSet;

use crate::blame::words::terms;

/// Returns a name in lower case with letters and digits only: `matchSku`, `match_sku` and `MatchSku` are one.
pub fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Returns the part of the words of `of` that also stand in `within`, 0 to 1; 0 when `of` has none.
pub fn covered(of: &BTreeSet<String>, within: &BTreeSet<String>) -> f64 {
    if of.is_empty() { 0.0 } else { of.intersection(within).count() as f64 / of.len() as f64 }
}

/// Returns the words of a route without versions and parameters: `/api/v1/carts/{id}/items` has `cart` and `item`.
pub fn route_words(route: &str) -> BTreeSet<String> {
    let parts = route.split(['/', ' ', '.']).filter(|part| {
        let is_parameter = part.starts_with(['{', ':', '<', '*']) || part.ends_with('}');
        let is_version =
            part.len() <= 3 && part.starts_with(['v', 'V']) && part[1..].bytes().all(|b| b.is_ascii_digit());
        !is_parameter
            && !is_version
            && !["api", "rest", "rpc", "GET", "POST", "PUT", "DELETE", "PATCH", "HEAD"].contains(part)
    });
    parts.flat_map(terms).collect()
}

/// Tells whether a line has the path of a route in it: all of it, and no part of a longer one. The root has no word to be known by.
pub fn writes_route(line: &str, route: &str) -> bool {
    let path = route.rsplit(' ').next().unwrap_or_default().trim_end_matches('/');
    if !path.contains('/') || route_words(path).is_empty() {
        return false;
    }
    let is_part = |c: char| c.is_alphanumeric() || "/_-.{}:<>*".contains(c);
    line.match_indices(path).any(|(at, _)| {
        let before = line.get(..at).and_then(|it| it.chars().next_back());
        let after = line.get(at + path.len()..).map(|it| it.strip_prefix('/').unwrap_or(it));
        let after = after.and_then(|it| it.chars().next());
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

/// Returns the tables of a statement, lower case, without their schema.
pub fn tables(statement: &str) -> BTreeSet<String> {
    let words: Vec<String> = statement
        .split(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | ',' | ';'))
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    let is_before = |word: &str| ["from", "into", "update", "join", "table"].contains(&word);
    let named = words.windows(2).filter_map(|pair| match pair {
        [before, name] if is_before(before) => Some(name),
        _ => None,
    });
    let own = named.map(|name| {
        name.rsplit('.').next().unwrap_or_default().trim_matches(['"', '`', '\'', '[', ']']).to_owned()
    });
    own.filter(|name| {
        name.chars().any(char::is_alphabetic) && !["select", "set", "if", "only"].contains(&name.as_str())
    })
    .collect()
}

/// Returns the columns that a statement filters or orders by, lower case.
pub fn filtered(statement: &str) -> BTreeSet<String> {
    let lower = statement.to_lowercase();
    let Some((_, condition)) = lower.split_once(" where ").or_else(|| lower.split_once(" order by ")) else {
        return BTreeSet::new();
    };
    let words = condition.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| word.len() >= 3);
    let keywords = [
        "and", "any", "order", "limit", "group", "where", "between", "like", "not", "null", "asc", "desc",
        "offset", "for", "update", "having", "exists", "select", "from",
    ];
    words.filter(|word| !keywords.contains(word)).map(str::to_owned).collect()
}

/// Returns the names that a line calls, in one spelling.
pub fn called(line: &str) -> Vec<String> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let before_bracket = line.match_indices('(').filter_map(|(at, _)| {
        let before = line.get(..at)?;
        let name = before.rsplit(|c: char| !is_name(c)).next()?;
        (name.len() >= 3).then(|| plain(name))
    });
    before_bracket.collect()
}

/// Returns the numbers of a line; `5_000` is one.
pub fn numbers(line: &str) -> Vec<f64> {
    let joined: String = line.chars().filter(|c| *c != '_').collect();
    joined
        .split(|c: char| !c.is_ascii_digit() && c != '.')
        .filter_map(|number| number.trim_matches('.').parse().ok())
        .collect()
}

/// Returns a file's name without folders and ending.
pub fn stem(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or_default();
    name.split('.').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_read_out_of_routes_and_statements() {
        let words = |words: BTreeSet<String>| words.into_iter().collect::<Vec<_>>().join(" ");
        assert_eq!(plain("matchSku"), plain("match_sku"));
        assert_eq!(words(route_words("GET /api/v1/carts/{id}/items")), "cart item");
        assert_eq!(words(tables("SELECT a FROM shop.orders o JOIN \"lines\" ON x = ?")), "lines orders");
        assert_eq!(
            words(filtered("SELECT a FROM orders WHERE customer_id = ? ORDER BY placed_at")),
            "customer_id placed_at"
        );
    }

    #[test]
    fn a_route_is_written_as_a_whole_or_not_at_all() {
        for (line, route, is_written) in [
            ("+@Get(\"/carts/{id}\")", "GET /carts/{id}", true),
            ("+router.HandleFunc(\"GET /carts\", list)", "GET /carts", true),
            ("+app.get('/carts/', list)", "/carts", true),
            ("+app.get('/carts?all', list)", "/carts/", true),
            ("+app.get('/carts/items', list)", "GET /carts", false),
            ("+app.get('/carts-of-old', list)", "GET /carts", false),
            ("+app.get('/old/carts', list)", "GET /carts", false),
            ("+let half = all / 2;", "GET /", false),
            ("+let half = all / 2;", "GET", false),
            ("+let half = all / 2;", "", false),
            ("+app.get('/{id}', one)", "GET /{id}", false),
            ("+fn checkout() {", "checkout", false),
        ] {
            assert_eq!(writes_route(line, route), is_written, "{line} {route}");
        }
    }

    proptest! {
        #[test]
        fn any_text_has_names(text in "(?s).{0,100}", line in ".{0,100}") {
            route_words(&text);
            writes_route(&line, &text);
            let (quoted, route) = (format!("'/carts{text}'"), format!("/carts{text}"));
            let is_word = text.chars().all(char::is_alphanumeric);
            prop_assert!(writes_route(&quoted, &route) || !is_word, "{}", quoted);
            tables(&text);
            filtered(&text);
        }
    }
}
