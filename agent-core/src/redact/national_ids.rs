//! Numbers that states give to people, with their check digits where there are any, and passports where they are called so.

use regex::Captures;

use super::{
    checksums::{china, digits, verhoeff, weighted},
    rule::Rule,
};

const KIND: &str = "id_number";

/// What such a number is called.
const NAMED: &str = "身份证(?:号码?|件号)?|证件号码?|身分證(?:字號|號碼)?|id[ _-]?card(?:[ _-]?(?:number|no))?|identity[ _-]?(?:card|number|no)|national[ _-]?id|ssn|social[ _-]?security(?:[ _-]?(?:number|no))?|sin|social[ _-]?insurance(?:[ _-]?(?:number|no))?|nino|national[ _-]?insurance(?:[ _-]?(?:number|no))?|aadhaa?r|tax[ _-]?(?:id|number)|cpf|dni|nric|hkid|pesel|bsn|my[ _-]?number|steuer-?id|personnummer";

/// Returns the rules for numbers of people.
pub(super) fn rules() -> Vec<Rule> {
    let bare = |name, sign: &str, pattern: &str| Rule::new(name, KIND, sign, pattern).apart();
    vec![
        // GB 11643-1999: place, birthday, order, check.
        bare("china_id", r"[1-9][0-9]{16}[0-9Xx]", r"(?-u:\b)[1-9]\d{5}(?:18|19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[0-9Xx](?-u:\b)")
            .when(|found| china(&found[0])),
        // https://www.immd.gov.hk: letters, six digits, check in brackets.
        bare("hong_kong_id", r"[0-9]{6}\([0-9A]\)", r"(?-u:\b)[A-Z]{1,2}[0-9]{6}\([0-9A]\)").when(hong_kong),
        // Taiwan's Ministry of the Interior: a letter, who, seven digits, check.
        bare("taiwan_id", r"(?-u:\b)[A-Z][1289][0-9]{8}", r"(?-u:\b)[A-Z][1289]\d{8}(?-u:\b)").when(taiwan),
        // https://www.ssa.gov/employer/randomization.html
        bare("us_ssn", r"[0-9]{3}-[0-9]{2}-[0-9]{4}", r"(?-u:\b)\d{3}-\d{2}-\d{4}(?-u:\b)").when(ssn),
        // https://www.gov.uk/hmrc-internal-manuals/national-insurance-manual/nim39110
        bare("uk_nino", r"(?-u:\b)[A-Z]{2} ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]", r"(?-u:\b)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D](?-u:\b)")
            .when(|found| !["BG", "GB", "KN", "NK", "NT", "TN", "ZZ"].iter().any(|no| found[0].starts_with(no))),
        // https://uidai.gov.in: twelve digits; without spaces only where it is called so, since others have as many.
        bare("india_aadhaar", r"[0-9]{4}[ -][0-9]{4}[ -][0-9]{4}", r"(?-u:\b)[2-9]\d{3}[ -]\d{4}[ -]\d{4}(?-u:\b)").when(|found| verhoeff(&digits(&found[0])) && !is_years(&found[0])),
        bare("india_pan", r"(?-u:\b)[A-Z]{5}[0-9]{4}[A-Z]", r"(?-u:\b)[A-Z]{3}[ABCFGHJLPT][A-Z]\d{4}[A-Z](?-u:\b)"),
        // Receita Federal: two check digits by weights.
        bare("brazil_cpf", r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-", r"(?-u:\b)\d{3}\.\d{3}\.\d{3}-\d{2}(?-u:\b)").when(cpf),
        bare("korea_rrn", r"[0-9]{6}-[1-8][0-9]{6}", r"(?-u:\b)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])-[1-8]\d{6}(?-u:\b)"),
        // https://www.ica.gov.sg: a letter, seven digits, a letter by weights.
        bare("singapore_nric", r"(?-u:\b)[STFG][0-9]{7}[A-Z]", r"(?-u:\b)[STFG]\d{7}[A-Z](?-u:\b)").when(nric),
        // Real Decreto 1553/2005: 23 letters.
        bare("spain_dni", r"[0-9]{7}-?[A-Z](?-u:\b)", r"(?-u:\b)[XYZ]?\d{7,8}-?[A-HJ-NP-TV-Z](?-u:\b)").when(dni),
        bare("italy_fiscal_code", r"(?-u:\b)[A-Z]{6}[0-9]{2}[A-T]", r"(?-u:\b)[A-Z]{6}\d{2}[A-EHLMPRST](?:[04][1-9]|[1256]\d|[37][01])[A-Z]\d{3}[A-Z](?-u:\b)"),
        bare("mexico_curp", r"(?-u:\b)[A-Z]{4}[0-9]{6}[HM]", r"(?-u:\b)[A-Z]{4}\d{6}[HM][A-Z]{5}[0-9A-Z]\d(?-u:\b)"),
        // INSEE: thirteen characters and a key of 97.
        bare("france_nir", r"(?-u:\b)[12] ?[0-9]{2} ?[01][0-9] ?[0-9][0-9AB] ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}(?-u:\b)", r"(?-u:\b)[12] ?\d{2} ?(?:0[1-9]|1[0-2]) ?(?:\d{2}|2[AB]) ?\d{3} ?\d{3} ?\d{2}(?-u:\b)").when(nir),
        Rule::new(
            "id_named",
            KIND,
            format!("(?i-u:{NAMED})[\"' ]*[:=#0-9]|(?:身份证|证件|身分證)"),
            format!(r#"(?i)(?:^|[^a-z0-9])(?:{NAMED})["']?\s*(?:[:=：#]|是|为|\bis\b|\s)\s*["']?(?P<v>[A-Z]{{0,2}}\d[\dA-Z .-]{{4,20}}[\dA-Z](?:\([\dA]\))?)(?:[^0-9A-Za-z]|\z)"#),
        )
        .when(|found| found.name("v").is_some_and(|v| (6..=18).contains(&digits(v.as_str()).len()))),
        // ICAO Doc 9303-3: up to nine letters and digits.
        Rule::new(
            "passport_named",
            "passport",
            r"(?i-u:passport)|护照|護照",
            r#"(?i)(?:passport|护照|護照)(?:[ _-]?(?:no|num|number)\.?|号码?|號碼)?["']?\s*(?:[:=：#]|是|为|\bis\b|\s)?\s*["']?(?P<v>[A-Z]{0,2}\d[0-9A-Z]{5,8})(?:[^0-9A-Za-z]|\z)"#,
        ),
    ]
}

fn hong_kong(found: &Captures<'_>) -> bool {
    let all: Vec<u32> = found[0].chars().filter_map(|c| c.to_digit(36)).collect();
    // One letter has a space before it, which counts 36.
    let all: Vec<u32> = if all.len() == 8 { std::iter::once(36).chain(all).collect() } else { all };
    weighted(&all, &[9, 8, 7, 6, 5, 4, 3, 2, 1], 11, 0)
}

fn taiwan(found: &Captures<'_>) -> bool {
    // Letters in the order of their numbers, from 10.
    const LETTERS: &str = "ABCDEFGHJKLMNPQRSTUVXYWZIO";
    let Some(letter) = found[0].chars().next().and_then(|letter| LETTERS.find(letter)) else { return false };
    let Ok(letter) = u32::try_from(letter + 10) else { return false };
    let all: Vec<u32> = [letter / 10, letter % 10].into_iter().chain(digits(&found[0])).collect();
    weighted(&all, &[1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1], 10, 0)
}

fn ssn(found: &Captures<'_>) -> bool {
    let parts: Vec<&str> = found[0].split('-').collect();
    let [area, group, serial] = parts.as_slice() else { return false };
    !(matches!(*area, "000" | "666") || area.starts_with('9') || *group == "00" || *serial == "0000")
}

fn cpf(found: &Captures<'_>) -> bool {
    let all = digits(&found[0]);
    let check = |n: usize| {
        let sum: u32 =
            all.iter().take(n).zip((2..=11).rev().skip(10 - n)).map(|(n, weight)| n * weight).sum();
        all.get(n) == Some(&(sum * 10 % 11 % 10))
    };
    check(9) && check(10) && all.iter().any(|n| Some(n) != all.first())
}

fn nric(found: &Captures<'_>) -> bool {
    let (first, last) = (found[0].chars().next(), found[0].chars().last());
    let sum: u32 = digits(&found[0]).iter().zip([2, 7, 6, 5, 4, 3, 2]).map(|(n, weight)| n * weight).sum();
    let sum = if matches!(first, Some('T' | 'G')) { sum + 4 } else { sum };
    let letters = if matches!(first, Some('S' | 'T')) { "JZIHGFEDCBA" } else { "XWUTRQPNMLK" };
    usize::try_from(sum % 11).ok().and_then(|at| letters.chars().nth(at)) == last
}

fn dni(found: &Captures<'_>) -> bool {
    let number = found[0].replace('X', "0").replace('Y', "1").replace('Z', "2");
    let (body, last) = (digits(&number[..number.len().saturating_sub(1)]), found[0].chars().last());
    let number = body.iter().fold(0_usize, |number, n| number * 10 + usize::try_from(*n).unwrap_or(0));
    body.len() == 8 && "TRWAGMYFPDXBNJZSQVHLCKE".chars().nth(number % 23) == last
}

fn nir(found: &Captures<'_>) -> bool {
    let plain = found[0].replace(' ', "").replace("2A", "19").replace("2B", "18");
    let (Some(body), Some(key)) = (plain.get(..13), plain.get(13..)) else { return false };
    let (Ok(body), Ok(key)) = (body.parse::<u64>(), key.parse::<u64>()) else { return false };
    97 - body % 97 == key
}

/// `2015 2016 2017` is a row of a table.
fn is_years(number: &str) -> bool {
    number.split([' ', '-']).all(|part| part.starts_with("20"))
}
