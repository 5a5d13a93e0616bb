//! Numbers written in words: `five hundred`, `百分之五十`.

use std::{
    ops::{Range, RangeInclusive},
    sync::LazyLock,
};

use regex::Regex;

use super::quantity::{Quantity, Unit, unit_at};

/// Number words that are everyday speech when no unit follows: `one process`, `两个服务`.
const EVERYDAY: RangeInclusive<f64> = 1.0..=12.0;

static ENGLISH: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let word = ONES.iter().chain(&TENS).chain(&SCALES).map(|(word, _)| *word).collect::<Vec<_>>().join("|");
    Regex::new(&format!(r"(?i)\b(?:{word})(?:[\s-]+(?:and\s+)?(?:{word}))*\b")).ok()
});

static CHINESE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?P<percent>百分之)?(?P<number>[零〇一二两三四五六七八九十][零〇一二两三四五六七八九十百千万亿]*(?:点[零〇一二三四五六七八九]+)?|百)",
    )
    .ok()
});

const ONES: [(&str, f64); 20] = [
    ("zero", 0.0),
    ("one", 1.0),
    ("two", 2.0),
    ("three", 3.0),
    ("four", 4.0),
    ("five", 5.0),
    ("six", 6.0),
    ("seven", 7.0),
    ("eight", 8.0),
    ("nine", 9.0),
    ("ten", 10.0),
    ("eleven", 11.0),
    ("twelve", 12.0),
    ("thirteen", 13.0),
    ("fourteen", 14.0),
    ("fifteen", 15.0),
    ("sixteen", 16.0),
    ("seventeen", 17.0),
    ("eighteen", 18.0),
    ("nineteen", 19.0),
];
const TENS: [(&str, f64); 8] = [
    ("twenty", 20.0),
    ("thirty", 30.0),
    ("forty", 40.0),
    ("fifty", 50.0),
    ("sixty", 60.0),
    ("seventy", 70.0),
    ("eighty", 80.0),
    ("ninety", 90.0),
];
const SCALES: [(&str, f64); 4] =
    [("hundred", 100.0), ("thousand", 1_000.0), ("million", 1_000_000.0), ("billion", 1_000_000_000.0)];

/// Finds the numbers that `text` spells out, apart from small ones without a unit.
pub(super) fn spelled(text: &str) -> Vec<(Range<usize>, Quantity)> {
    let english = ENGLISH.iter().flat_map(|words| words.find_iter(text)).filter_map(|found| {
        // `2 million` is one number, and not written in words.
        if text[..found.start()].trim_end().ends_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        let rest = &text[found.end()..];
        let gap = rest.len() - rest.trim_start_matches([' ', '-']).len();
        let unit = unit_at(&rest[gap..]);
        Some(Spelled { at: found.range(), value: english_value(found.as_str())?, unit, gap })
    });
    let chinese = CHINESE.iter().flat_map(|words| words.captures_iter(text)).filter_map(|found| {
        let number = found.name("number")?;
        let unit = match found.name("percent") {
            Some(_) => Some((Unit::Share(0.01), 0)),
            // A lone 百 is a number in 百分之百 only.
            None if number.as_str() == "百" => return None,
            None => unit_at(&text[number.end()..]),
        };
        Some(Spelled { at: found.get(0)?.range(), value: chinese_value(number.as_str())?, unit, gap: 0 })
    });
    english.chain(chinese).filter_map(Spelled::quantity).collect()
}

struct Spelled {
    at: Range<usize>,
    value: f64,
    /// With its length in bytes.
    unit: Option<(Unit, usize)>,
    /// Bytes between number and unit.
    gap: usize,
}

impl Spelled {
    fn quantity(self) -> Option<(Range<usize>, Quantity)> {
        let (unit, length) = match self.unit {
            Some((unit, length)) => (unit, self.gap + length),
            None if EVERYDAY.contains(&self.value) => return None,
            None => (Unit::Plain(1.0), 0),
        };
        Some((self.at.start..self.at.end + length, Quantity { value: self.value, n_decimals: 0, unit }))
    }
}

/// Returns the value of an English number word below a hundred, in lower case; `None` for what is none.
pub(crate) fn numeral(word: &str) -> Option<f64> {
    ONES.iter().chain(&TENS).find(|(name, _)| *name == word).map(|(_, value)| *value)
}

fn english_value(words: &str) -> Option<f64> {
    let (mut whole, mut group) = (0.0, 0.0);
    for word in words.split([' ', '-', '\t', '\n']).map(str::to_lowercase) {
        if let Some(value) = numeral(&word) {
            group += value;
        } else if let Some((_, scale)) = SCALES.iter().find(|(name, _)| *name == word) {
            group = f64::max(group, 1.0) * scale;
            if *scale > 100.0 {
                whole += group;
                group = 0.0;
            }
        }
    }
    Some(whole + group)
}

/// Reads positional writing (一九八零) and grouped writing (一千九百八十), with decimals (一点九八).
fn chinese_value(number: &str) -> Option<f64> {
    if number == "百" {
        return Some(100.0);
    }
    let (whole, decimals) = number.split_once('点').unwrap_or((number, ""));
    let digit = |c| "零一二三四五六七八九".chars().position(|digit| digit == c).map(|value| value as f64);
    let digit = |c| match c {
        '〇' => Some(0.0),
        '两' => Some(2.0),
        c => digit(c),
    };
    let mut value = if whole.chars().all(|c| digit(c).is_some()) {
        whole.chars().filter_map(digit).fold(0.0, |value, digit| value * 10.0 + digit)
    } else {
        grouped_value(whole, digit)
    };
    let mut place = 0.1;
    for digit in decimals.chars().filter_map(digit) {
        value += digit * place;
        place /= 10.0;
    }
    Some(value)
}

fn grouped_value(whole: &str, digit: impl Fn(char) -> Option<f64>) -> f64 {
    let (mut sum, mut section, mut last) = (0.0, 0.0, None::<f64>);
    for c in whole.chars() {
        if let Some(value) = digit(c) {
            last = Some(value);
            continue;
        }
        match c {
            '十' | '百' | '千' => {
                let scale = [('十', 10.0), ('百', 100.0), ('千', 1_000.0)];
                let scale = scale.iter().find(|(name, _)| *name == c).map_or(1.0, |(_, scale)| *scale);
                section += last.take().unwrap_or(1.0) * scale;
            }
            '万' | '亿' => {
                section += last.take().unwrap_or(0.0);
                sum = (sum + section) * if c == '万' { 1e4 } else { 1e8 };
                section = 0.0;
            }
            _ => {}
        }
    }
    sum + section + last.unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, want: &[(f64, Unit)]) {
        let have: Vec<_> = spelled(text).into_iter().map(|(_, number)| (number.value, number.unit)).collect();
        assert_eq!(have, want, "{text}");
    }

    #[test]
    fn english_number_words_are_read() {
        check("nineteen hundred and eighty ms", &[(1_980.0, Unit::Time(1e-3))]);
        check(
            "Fifty percent of it, twenty-five requests",
            &[(50.0, Unit::Share(0.01)), (25.0, Unit::Plain(1.0))],
        );
        check("two hundred thousand and one", &[(200_001.0, Unit::Plain(1.0))]);
        check("ten times", &[(10.0, Unit::Plain(1.0))]);
        check("one process, two services, none of these", &[]);
        check("someone weighed tens of tons often", &[]);
    }

    #[test]
    fn chinese_number_words_are_read() {
        check("一千九百八十毫秒", &[(1_980.0, Unit::Time(1e-3))]);
        check("一九八零毫秒", &[(1_980.0, Unit::Time(1e-3))]);
        check("一点九八秒", &[(1.98, Unit::Time(1.0))]);
        check("百分之五十的请求，百分之百失败", &[(50.0, Unit::Share(0.01)), (100.0, Unit::Share(0.01))]);
        check("两倍", &[(2.0, Unit::Plain(1.0))]);
        check("二十五个请求，三万零二次", &[(25.0, Unit::Plain(1.0)), (30_002.0, Unit::Plain(1.0))]);
        check("一个进程，两个服务，一直十分慢，之一，万一", &[]);
    }
}
