//! The check digits of cards, accounts and identity numbers: a number that does not keep its rule is some other number.

/// Returns the digits of a text, all else left out.
pub(super) fn digits(text: &str) -> Vec<u32> {
    text.chars().filter_map(|c| c.to_digit(10)).collect()
}

/// ISO/IEC 7812-1, annex B (H. P. Luhn, US patent 2,950,048).
pub(super) fn luhn(digits: &[u32]) -> bool {
    let doubled = |n: u32| if n > 4 { 2 * n - 9 } else { 2 * n };
    let sum: u32 =
        digits.iter().rev().enumerate().map(|(at, n)| if at % 2 == 1 { doubled(*n) } else { *n }).sum();
    !digits.is_empty() && sum.is_multiple_of(10)
}

/// J. Verhoeff, Error Detecting Decimal Codes, 1969: the dihedral group of order ten.
pub(super) fn verhoeff(digits: &[u32]) -> bool {
    const PERMUTED: [u32; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    let product = |a: u32, b: u32| match (a < 5, b < 5) {
        (true, true) => (a + b) % 5,
        (true, false) => 5 + (a + b) % 5,
        (false, true) => 5 + (a + 5 - b) % 5,
        (false, false) => (a + 5 - b) % 5,
    };
    let permuted = |n: u32, times: usize| {
        (0..times % 8)
            .fold(n, |n, _| usize::try_from(n).ok().and_then(|n| PERMUTED.get(n)).copied().unwrap_or(n))
    };
    let check = digits.iter().rev().enumerate().fold(0, |check, (at, n)| product(check, permuted(*n, at)));
    !digits.is_empty() && check == 0
}

/// ISO 7064, MOD 11-2, as GB 11643-1999 has it: 17 digits and a digit or `X`.
pub(super) fn china(number: &str) -> bool {
    let value = |c: char| if matches!(c, 'X' | 'x') { Some(10) } else { c.to_digit(10) };
    let all: Option<Vec<u32>> = number.chars().map(value).collect();
    let Some(all) = all.filter(|all| all.len() == 18) else { return false };
    all.iter().fold(0, |sum, n| (sum * 2 + n) % 11) == 1
}

/// ISO 7064, MOD 97-10, as ISO 13616-1 has it: the first four go to the end, and letters count from ten.
pub(super) fn iban(account: &str) -> bool {
    let plain: String = account.chars().filter(|c| !c.is_whitespace()).collect();
    let (Some(head), Some(rest)) = (plain.get(..4), plain.get(4..)) else { return false };
    let values = rest.chars().chain(head.chars()).map(|c| c.to_digit(36));
    values.collect::<Option<Vec<u32>>>().is_some_and(|values| {
        values.iter().fold(0, |sum, n| if *n > 9 { (sum * 100 + n) % 97 } else { (sum * 10 + n) % 97 }) == 1
    })
}

/// Tells whether the sum of digits times weights leaves `rest` when divided.
pub(super) fn weighted(digits: &[u32], weights: &[u32], modulus: u32, rest: u32) -> bool {
    digits.len() == weights.len()
        && digits.iter().zip(weights).map(|(n, weight)| n * weight).sum::<u32>() % modulus == rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_numbers_hold_and_their_neighbours_do_not() {
        // Luhn and Verhoeff as their articles have them; GB 11643-1999, annex; ISO 13616 registry.
        assert!(luhn(&digits("79927398713")) && !luhn(&digits("79927398714")));
        assert!(verhoeff(&digits("2363")) && !verhoeff(&digits("2364")) && !verhoeff(&digits("3263")));
        assert!(china("11010519491231002X") && !china("110105194912310021") && !china("11010519491231003X"));
        assert!(china("440524188001010014"));
        assert!(iban("GB82 WEST 1234 5698 7654 32") && !iban("GB82 WEST 1234 5698 7654 33"));
        assert!(iban("DE89370400440532013000"));
    }

    #[test]
    fn every_single_wrong_digit_is_seen() {
        for at in 0..16 {
            for n in 0..10 {
                let mut card = digits("4111111111111111");
                if card[at] != n {
                    card[at] = n;
                    assert!(!luhn(&card), "{card:?}");
                }
            }
        }
    }
}
