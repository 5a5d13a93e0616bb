//! What must go and what must stay, as tables.
//!
//! Secrets are written with placeholders, `ghp_{36 alnum}`, so that nobody who scans this code takes them for keys that work; each
//! is filled in the same way each time.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::Deserialize;

use super::{CustomPattern, RedactionPolicy, Redactor};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Formats {
    /// Texts with `{}` where a secret stands.
    around: Vec<String>,
    secrets: BTreeMap<String, String>,
}

/// Rows of a text with the secret between `⟦` and `⟧`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Leaks {
    leaks: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Clean {
    clean: Vec<String>,
}

/// Fills in `{36 alnum}` and the like.
fn filled(text: &str) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let placeholder = after.split_once('}').and_then(|(inside, after)| {
            let (len, letters) = inside.split_once(' ')?;
            Some((drawn(len.parse().ok()?, letters, &format!("{}{text}", filled.len()))?, after))
        });
        match placeholder {
            Some((drawn, after)) => {
                filled.push_str(&drawn);
                rest = after;
            }
            None => {
                filled.push('{');
                rest = after;
            }
        }
    }
    filled + rest
}

/// Draws characters by a linear congruential generator (Knuth's MMIX) that starts from the text, so that tables differ and runs do not.
fn drawn(len: usize, letters: &str, seed: &str) -> Option<String> {
    let letters: Vec<char> = match letters {
        "alnum" => "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".chars().collect(),
        "lower" => "abcdefghijklmnopqrstuvwxyz0123456789".chars().collect(),
        "upper" => "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789".chars().collect(),
        "base32" => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".chars().collect(),
        "base64" => "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".chars().collect(),
        "base64url" => "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".chars().collect(),
        "hex" => "0123456789abcdef".chars().collect(),
        "digits" => "0123456789".chars().collect(),
        _ => return None,
    };
    let mut state =
        seed.bytes().fold(7_u64, |state, byte| state.wrapping_mul(31).wrapping_add(u64::from(byte)));
    let draw = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        letters[usize::try_from(state >> 33).unwrap() % letters.len()]
    };
    Some(std::iter::repeat_with(draw).take(len).collect())
}

/// Returns what is left of a secret, if anything is: all of it, or eight characters in a row of a long one.
fn left_of(secret: &str, text: &str) -> Result<(), String> {
    let redactor = Redactor::default();
    let redacted = redactor.redact(text);
    let chars: Vec<char> = secret.chars().collect();
    let len = if chars.len() >= 16 { 8 } else { chars.len() };
    let left = chars.windows(len).map(String::from_iter).find(|part| redacted.contains(part.as_str()));
    if redactor.restore(&redacted) != text {
        return Err(format!("not restored: {text}"));
    }
    left.map_or(Ok(()), |left| Err(format!("`{left}` is left: {redacted}")))
}

fn check_leaks(table: &str, at_least: usize) {
    let Leaks { leaks } = toml::from_str(table).unwrap();
    assert!(leaks.len() >= at_least, "{} cases", leaks.len());
    let failed: Vec<String> = leaks
        .iter()
        .filter_map(|row| {
            let row = filled(row);
            let (before, rest) = row.split_once('⟦').expect("a secret begins");
            let (secret, after) = rest.split_once('⟧').expect("a secret ends");
            left_of(secret, &format!("{before}{secret}{after}")).err()
        })
        .collect();
    assert!(failed.is_empty(), "{} of {}:\n{}", failed.len(), leaks.len(), failed.join("\n"));
}

#[test]
fn known_formats_go_wherever_they_stand() {
    let Formats { around, secrets } = toml::from_str(include_str!("cases/formats.toml")).unwrap();
    assert!(secrets.len() >= 80 && around.len() >= 10);
    let mut failed = Vec::new();
    for (name, secret) in &secrets {
        let row = filled(secret);
        // What stands before `⟦` is not secret.
        let (before, secret) = row.split_once('⟦').unwrap_or(("", &row));
        let (secret, after) = secret.split_once('⟧').unwrap_or((secret, ""));
        for around in &around {
            let text = around.replacen("{}", &format!("{before}{secret}{after}"), 1);
            failed.extend(left_of(secret, &text).err().map(|why| format!("{name}: {why}")));
        }
    }
    assert!(failed.is_empty(), "{}:\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn named_secrets_go() {
    check_leaks(include_str!("cases/named.toml"), 110);
}

#[test]
fn people_s_data_goes() {
    check_leaks(include_str!("cases/people.toml"), 70);
}

#[test]
fn secrets_in_other_writing_go() {
    check_leaks(include_str!("cases/written_otherwise.toml"), 30);
}

#[test]
fn clean_text_stays_as_it_is() {
    let Clean { clean } = toml::from_str(include_str!("cases/clean.toml")).unwrap();
    assert!(clean.len() >= 100, "{} cases", clean.len());
    let redactor = Redactor::default();
    let changed: Vec<String> = clean
        .iter()
        .map(|text| filled(text))
        .filter(|text| redactor.redact(text) != *text)
        .map(|text| format!("{text}\n    {:?}", redactor.secrets(&text)))
        .collect();
    assert!(changed.is_empty(), "{} of {}:\n{}", changed.len(), clean.len(), changed.join("\n"));
}

#[test]
fn a_policy_adds_and_allows() {
    let custom =
        |name: &str, pattern: &str| CustomPattern { name: name.to_owned(), pattern: pattern.to_owned() };
    let policy = RedactionPolicy {
        ips: true,
        custom: vec![custom("employee", r"\bE\d{6}\b"), custom("host_2", r"host=(?P<v>\S+)")],
        allow: vec![r"[a-z]+@example\.com".to_owned()],
    };
    let redactor = Redactor::new(&policy.compile().unwrap());
    let text = "E123456 on host=db-7 from 10.1.2.3 and fe80::1:2, not 127.0.0.1, build@example.com or a.b@example.com, \
        <custom_employee_1>, v1.2.3";
    let want = "<custom_employee_1> on host=<custom_host_2_1> from <ip_1> and <ip_2>, not 127.0.0.1, build@example.com or \
        <email_1>, <literal_1>, v1.2.3";
    assert_eq!(redactor.redact(text), want);
    assert_eq!(redactor.restore(want), text);
    assert!(Redactor::default().secrets("from 10.1.2.3 and fe80::1:2").is_empty());
}

#[test]
fn fields_of_json_are_known_by_their_names() {
    let redactor = Redactor::default();
    let value = serde_json::json!({
        "user": "shop", "password": "hunter two", "n": 5, "pin_password": 4711, "phone": 13812345678_u64, "tokens": ["abcd"],
        "env": [{ "name": "DB_PASSWORD", "value": "s3cr3t" }, { "name": "DB_HOST", "value": "db" }],
        "secret": { "token": ["one", "two"] }, "properties": { "token": { "type": "string" } }, "passport": "E12345678",
    });
    let redacted = redactor.redact_json(&value);
    assert_eq!(
        redacted,
        serde_json::json!({
            "user": "shop", "password": "<secret_1>", "n": 5, "pin_password": "<number_1>", "phone": "<number_2>", "tokens": ["abcd"],
            "env": [{ "name": "DB_PASSWORD", "value": "<secret_2>" }, { "name": "DB_HOST", "value": "db" }],
            "secret": { "token": ["<secret_3>", "<secret_4>"] }, "properties": { "token": { "type": "string" } },
            "passport": "<passport_1>",
        })
    );
    assert_eq!(redactor.restore_json(&redacted), value);
}

/// Each is doubted to its end, then from the next name on: without a bound, the work would be the square of the length.
#[test]
fn a_text_that_is_made_to_be_slow_is_taken_rather_than_doubted() {
    for made in ["password=a(", "cookie: "] {
        let text = made.repeat(40_000);
        let redactor = Redactor::default();
        let redacted = redactor.redact(&text);
        assert!(redacted.len() < text.len(), "{made}");
        assert_eq!(redactor.restore(&redacted), text);
    }
}

proptest! {
    #[test]
    fn text_of_all_tables_cut_and_joined_anywhere_comes_back(
        picks in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..6),
    ) {
        let tables = [include_str!("cases/named.toml"), include_str!("cases/people.toml"), include_str!("cases/written_otherwise.toml")];
        let rows: Vec<String> = tables.iter().flat_map(|table| toml::from_str::<Leaks>(table).unwrap().leaks).collect();
        let text: String = picks
            .iter()
            .map(|(row, cut)| {
                let row: &String = row.get(&rows);
                let row: Vec<char> = filled(row).chars().collect();
                row[..cut.index(row.len())].iter().collect::<String>()
            })
            .collect();
        let redactor = Redactor::default();
        let redacted = redactor.redact(&text);
        prop_assert_eq!(redactor.restore(&redacted), text);
    }
}
