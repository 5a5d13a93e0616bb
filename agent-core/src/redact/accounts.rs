//! Numbers of cards and bank accounts, with their check digits, issuers and lengths.

use regex::Captures;

use super::{
    checksums::{digits, iban, luhn},
    rule::Rule,
};

/// First digits from and to, and lengths (https://en.wikipedia.org/wiki/Payment_card_number#Issuer_identification_number_(IIN)).
const ISSUERS: &[(&str, &str, &[usize])] = &[
    ("4", "4", &[13, 16, 19]),           // Visa
    ("51", "55", &[16]),                 // Mastercard
    ("2221", "2720", &[16]),             // Mastercard
    ("34", "34", &[15]),                 // American Express
    ("37", "37", &[15]),                 // American Express
    ("62", "62", &[16, 17, 18, 19]),     // UnionPay
    ("81", "81", &[16, 17, 18, 19]),     // UnionPay
    ("6011", "6011", &[16, 19]),         // Discover
    ("644", "659", &[16, 19]),           // Discover, RuPay
    ("3528", "3589", &[16, 17, 18, 19]), // JCB
    ("300", "305", &[14, 16]),           // Diners Club
    ("36", "36", &[14, 16]),             // Diners Club
    ("38", "39", &[14, 16]),             // Diners Club
    ("2200", "2204", &[16]),             // Mir
    ("508", "508", &[16]),               // RuPay
    ("60", "60", &[16]),                 // RuPay
    ("9792", "9792", &[16]),             // Troy
    ("5018", "5018", &[13, 16, 19]),     // Maestro
    ("6759", "6763", &[13, 16, 19]),     // Maestro
];

/// Countries and the lengths of their accounts: https://www.swift.com/standards/data-standards/iban-international-bank-account-number.
const IBANS: &str = "AD24AE23AL28AT20AZ28BA20BE16BG22BH22BR29BY28CH21CR22CY28CZ24DE22DK18DO28EE20EG29ES24FI18FO18FR27GB22GE22GI23GL18GR27GT28HR21HU28IE22IL23IQ23IS26IT27JO30KW30KZ20LB28LC32LI21LT20LU20LV21LY25MC27MD24ME22MK19MR27MT31MU30NL18NO15PK24PL28PS29PT25QA29RO24RS22SA24SC31SE24SI19SK24SM27ST25SV28TL23TN24TR26UA29VA22VG24XK20";

/// Returns the rules for cards and accounts.
pub(super) fn rules() -> Vec<Rule> {
    vec![
        Rule::new(
            "card",
            "card",
            r"[0-9]{13}|[0-9]{4}[ -][0-9]{4,6}[ -][0-9]{4}",
            r"(?x)(?-u:\b)[2-689]\d{3}(?:[\ -]\d{4}){3}(?:[\ -]?\d{1,3})?(?-u:\b) | (?-u:\b)3\d{3}[\ -]\d{6}[\ -]\d{4,5}(?-u:\b) | (?-u:\b)[2-689]\d{12,18}(?-u:\b) | (?-u:\b)62\d{4}[\ -]\d{13}(?-u:\b)",
        )
        .apart()
        .when(is_card),
        Rule::new("iban", "iban", r"(?-u:\b)[A-Z]{2}[0-9]{2} ?[A-Z0-9]{4}", r"(?-u:\b)[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?-u:\b)").when(is_account),
        Rule::new(
            "account_named",
            "card",
            r"(?i)(?:银行卡|卡号|银行账[号户]|card|account)",
            r#"(?i)(?:银行卡号?|卡号|银行账[号户]|(?:bank|credit|debit)[ _-]?(?:card|account)(?:[ _-]?(?:no|num|number))?|card[ _-]?(?:no|num|number)|account[ _-]?(?:no|number)|(?-u:\b)pan)["']?\s*[:=：#是为]\s*["']?(?P<v>\d[\d -]{9,22}\d)(?:[^0-9A-Za-z]|\z)"#,
        ),
    ]
}

fn is_card(found: &Captures<'_>) -> bool {
    let digits = digits(&found[0]);
    let number: String = digits.iter().filter_map(|n| char::from_digit(*n, 10)).collect();
    let issued = ISSUERS.iter().any(|(from, to, lengths)| {
        number.get(..from.len()).is_some_and(|start| (*from..=*to).contains(&start))
            && lengths.contains(&number.len())
    });
    let varied = digits.iter().any(|n| Some(n) != digits.first());
    issued && varied && luhn(&digits)
}

/// The words behind an account may look like more of it.
fn is_account(found: &Captures<'_>) -> bool {
    let plain: String = found[0].chars().filter(|c| *c != ' ').collect();
    let Some(country) = plain.get(..2) else { return false };
    let entry = (0..IBANS.len()).step_by(4).find_map(|at| IBANS.get(at..at + 4)?.strip_prefix(country));
    let Some(len) = entry.and_then(|len| len.parse::<usize>().ok()) else { return false };
    plain.get(..len).is_some_and(iban)
}
