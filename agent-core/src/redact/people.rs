//! How people are reached: e-mail and phone numbers.

use std::ops::Not;

use regex::Captures;

use super::{checksums::digits, rule::Rule};

/// Ends of names that are files or units of systemd, not domains.
const NO_DOMAINS: &[&str] = &[
    "service",
    "socket",
    "target",
    "timer",
    "slice",
    "mount",
    "scope",
    "path",
    "swap",
    "device",
    "png",
    "jpg",
    "jpeg",
    "gif",
    "svg",
    "webp",
    "ico",
    "js",
    "ts",
    "tsx",
    "jsx",
    "css",
    "html",
    "json",
    "yaml",
    "yml",
    "toml",
    "xml",
    "java",
    "class",
    "jar",
    "dll",
    "exe",
    "log",
    "txt",
    "conf",
    "lock",
    "gz",
    "whl",
    "rpm",
    "deb",
    "local_time",
    "cc",
    "cpp",
    "hpp",
    "kt",
    "scala",
    "proto",
];

/// Returns the rules for addresses and phone numbers. Boundaries of words are ASCII's, since Chinese sets no spaces around them.
pub(super) fn rules() -> Vec<Rule> {
    vec![
        // RFC 5321 §4.1.2, without quoted local parts.
        Rule::new(
            "email",
            "email",
            r"[A-Za-z0-9%+_-]@[A-Za-z0-9-]{1,64}\.",
            r"(?-u:\b)[A-Za-z0-9._%+'-]*[A-Za-z0-9_%+-]@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.(?P<end>[A-Za-z]{2,}|xn--[A-Za-z0-9-]+)(?-u:\b)",
        )
        .when(is_address),
        // International form (ITU-T E.123), also in pairs as in France, with a code in brackets, or behind `00`.
        Rule::new(
            "phone_international",
            "phone",
            r"\+[0-9]{1,3}[0-9 (.-]{4}|(?-u:\b)00[0-9]{1,3}[ (-]",
            r"(?x)(?:\+|(?-u:\b)00)\d{1,3}[\ .-]?(?:\(0?\d{1,4}\)[\ .-]?)?\d{1,5}(?:[\ .-]?\d{2,5}){1,4}(?-u:\b)",
        )
        .when(|found| {
            let all = &found[0];
            let n = digits(all).len();
            // Digits behind `00` alone are a number with zeros in front.
            (9..=15).contains(&n) && (all.starts_with('+') || all.contains([' ', '-']))
        }),
        // Mainland China: YD/T 3.1, 11 digits from 13 to 19. As many are in counts of bytes.
        Rule::new(
            "phone_china",
            "phone",
            r"1[3-9][0-9](?:[0-9]{8}|[ .-][0-9]{4}[ .-][0-9]{4})(?-u:\b)",
            r#"(?x)(?P<measure>(?i:bytes|size|rss|memory|offset|duration|elapsed|count|limit|capacity|length|seq|nanos|micros|_[nu]s)[a-z_]*["']?\s?[:=\ ]\s?["']?)?
            (?-u:\b)(?P<v>(?:86[\ -]?)?1[3-9]\d(?:\d{8}|[\ .-]\d{4}[\ .-]\d{4}))(?-u:\b)
            (?P<unit>\s?(?:[kKMG]?i?[bB](?:ytes)?|[nuµm]s|rows|times|%)(?-u:\b))?"#,
        )
        .apart()
        .when(is_no_measure),
        Rule::new("phone_china_fixed", "phone", "", r"(?x)(?-u:\b)0(?:10|2\d|[3-9]\d{2})-[2-8]\d{6,7}(?:-\d{1,5})?(?-u:\b) | \(0(?:10|2\d|[3-9]\d{2})\)\ ?[2-8]\d{6,7}(?-u:\b)").apart(),
        // https://www.nanpa.com/numbering
        Rule::new(
            "phone_north_america",
            "phone",
            r"[2-9][0-9]{2}[.) -]{1,2}[2-9][0-9]{2}[. -][0-9]{4}(?-u:\b)",
            r"(?x)(?-u:\b)(?:1[\ .-])?[2-9]\d{2}(?:-[2-9]\d{2}-|\.[2-9]\d{2}\.)\d{4}(?-u:\b) | \([2-9]\d{2}\)\ ?[2-9]\d{2}[\ -]\d{4}(?-u:\b)",
        )
        .apart(),
        // Japan, South Korea and Taiwan; the United Kingdom, Germany, Australia; France.
        Rule::new("phone_japan_korea", "phone", "", r"(?-u:\b)0(?:[1-9]0|1[016-9]|[2-9]\d?)-\d{3,4}-\d{4}(?-u:\b)|(?-u:\b)09\d{2}-\d{3}-\d{3}(?-u:\b)").apart(),
        Rule::new("phone_britain", "phone", "", r"(?-u:\b)(?:07\d{3}[ -]?\d{3}[ -]?\d{3}|020 ?[3789]\d{3} ?\d{4}|01\d{3} \d{6})(?-u:\b)").apart(),
        // More pairs around it are a dump of bytes.
        Rule::new(
            "phone_pairs",
            "phone",
            r"0[1-9](?:(?: [0-9]{2}){4}|(?:\.[0-9]{2}){4})(?-u:\b)",
            r"(?P<before>[0-9A-Fa-f]{2}[ .])?(?-u:\b)(?P<v>0[1-9](?:(?: \d{2}){4}|(?:\.\d{2}){4}))(?-u:\b)(?P<after>[ .][0-9A-Fa-f]{2}(?-u:\b))?",
        )
        .when(|found| found.name("before").is_none() && found.name("after").is_none()),
        // Whatever its form, where it is called one.
        Rule::new(
            "phone_named",
            "phone",
            r#"(?i-u:(?:phone|mobile|tel|fax|whatsapp|msisdn)[a-z _-]{0,8}["']?\s?[:=#i])|手机|电话|座机|联系方式|電話"#,
            r#"(?i)(?:phone|mobile|(?:^|[^a-z])(?:cell|phone|mobile|tel|telephone)[ _-]?(?:no|num|number)?|(?:^|[^a-z])(?:fax|whatsapp|msisdn)|手机号?码?|电话(?:号码)?|座机|联系方式|電話)["']?\s*(?:[:=：#]|是|为|\bis\b)\s*["']?(?P<v>\+?\(?\d[\d ().-]{5,18}\d)"#,
        )
        .when(|found| found.name("v").is_some_and(|v| (7..=15).contains(&digits(v.as_str()).len()))),
    ]
}

fn is_address(found: &Captures<'_>) -> bool {
    let end = found.name("end").map_or("", |end| end.as_str()).to_lowercase();
    // Who calls a code host is `git`, whoever it is.
    let is_nobody = ["git@", "hg@", "svn@", "noreply@"].iter().any(|nobody| found[0].starts_with(nobody));
    (is_nobody || NO_DOMAINS.contains(&end.as_str())).not()
}

/// Told by the words around it, and by being whole mebibytes or a round number.
fn is_no_measure(found: &Captures<'_>) -> bool {
    let Some(number) = found.name("v") else { return false };
    let is_round = number
        .as_str()
        .parse::<u64>()
        .is_ok_and(|n| n.is_multiple_of(1 << 20) || n.is_multiple_of(100_000_000));
    found.name("measure").is_none() && found.name("unit").is_none() && !is_round
}
