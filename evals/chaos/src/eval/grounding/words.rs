//! The words of a text that have a digit in them, and what each of them is.
//!
//! Nothing here is shared with the verifier, so that one mistake is not made twice.

/// A word with a digit.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Word {
    /// A number with its unit.
    Number(Number),
    /// A date, a time of day or both, as written but for the `Z`.
    Time(String),
    /// Anything else, lowercase: a name, a version, a commit, `reserve.rs:70`.
    Name(String),
}

/// A number as it was written.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Number {
    /// How it stands in the text, the unit with it.
    pub written: String,
    /// Its value, without a sign: "fell by 5%" and -5 say the same.
    pub value: f64,
    /// Digits behind the point.
    pub n_decimals: i32,
    /// What it is a number of.
    pub unit: Unit,
}

/// What a number is a number of, and how many seconds, bytes or ones it stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Unit {
    /// A count, or a measure whose unit is not said.
    Plain,
    Seconds(f64),
    Bytes(f64),
    /// Per cent.
    Share,
}

/// Finds the words with digits in a text, in order.
pub(super) fn words(text: &str) -> Vec<Word> {
    let tokens = tokens(text);
    let mut words = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        if !token.contains(|c: char| c.is_ascii_digit()) {
            continue;
        }
        let after = |n: usize| tokens.get(index + n).copied().unwrap_or_default();
        words.push(match (number(token, after(1), after(2)), time(token)) {
            (Some(number), _) => Word::Number(number),
            (None, Some(time)) => Word::Time(time),
            (None, None) => Word::Name(token.to_lowercase()),
        });
    }
    words
}

/// Takes a name apart where its parts mean something by themselves: `limits.cpu=8`, `reserve.rs:70`, `2/3`.
pub(super) fn parts(name: &str) -> Vec<Word> {
    let joined = |c: char| matches!(c, ':' | '=' | '/' | ',');
    if !name.contains(joined) { Vec::new() } else { words(&name.replace(joined, " ")) }
}

/// Returns the unit that is called so, alone or as the last word of a field: `ms`, `p99_ms`, `size_bytes`.
pub(super) fn unit(name: &str) -> Option<Unit> {
    Some(match name {
        "ns" | "nanos" => Unit::Seconds(1e-9),
        "us" | "µs" | "micros" => Unit::Seconds(1e-6),
        "ms" | "millis" | "milliseconds" => Unit::Seconds(1e-3),
        "s" | "sec" | "secs" | "second" | "seconds" => Unit::Seconds(1.0),
        "min" | "mins" | "minute" | "minutes" => Unit::Seconds(60.0),
        "h" | "hour" | "hours" => Unit::Seconds(3600.0),
        "d" | "day" | "days" => Unit::Seconds(86_400.0),
        "B" | "byte" | "bytes" => Unit::Bytes(1.0),
        "kB" | "KB" => Unit::Bytes(1e3),
        "MB" => Unit::Bytes(1e6),
        "GB" => Unit::Bytes(1e9),
        "KiB" | "Ki" => Unit::Bytes(1024.0),
        "MiB" | "Mi" => Unit::Bytes(1024.0 * 1024.0),
        "GiB" | "Gi" => Unit::Bytes(1024.0 * 1024.0 * 1024.0),
        "%" | "percent" => Unit::Share,
        _ => return None,
    })
}

/// Splits at everything that no word, number or time has in it, and cuts off the signs at its ends.
fn tokens(text: &str) -> Vec<&str> {
    let is_inside = |(at, c): (usize, char)| {
        let digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
        match c {
            ',' => digit(text[..at].chars().next_back()) && digit(text[at + 1..].chars().next()),
            '.' | '_' | ':' | '/' | '-' | '=' | '%' | '+' | '@' | '#' | 'µ' => true,
            c => c.is_ascii_alphanumeric(),
        }
    };
    let (mut tokens, mut start) = (Vec::new(), None);
    let ends = text.char_indices().map(Some).chain([None]);
    for next in ends {
        match next {
            Some(at) if is_inside(at) => start = start.or(Some(at.0)),
            end => {
                let at = end.map_or(text.len(), |(at, _)| at);
                tokens.extend(start.take().map(|start| &text[start..at]));
            }
        }
    }
    let is_sign = |c: char| !c.is_ascii_alphanumeric() && c != '%' && c != 'µ';
    tokens.into_iter().map(|token| token.trim_matches(is_sign)).filter(|token| !token.is_empty()).collect()
}

fn number(token: &str, next: &str, second: &str) -> Option<Number> {
    let end = token.find(|c: char| !matches!(c, '0'..='9' | '.' | ',')).unwrap_or(token.len());
    let (digits, rest) = token.split_at(end);
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, ""));
    let groups: Vec<&str> = whole.split(',').collect();
    let is_grouped = groups.iter().skip(1).all(|group| group.len() == 3);
    if whole.is_empty() || !is_grouped || decimals.contains(['.', ',']) {
        return None;
    }
    let value: f64 = digits.replace(',', "").parse().ok()?;
    let (suffix, per) = rest.split_once('/').map_or((rest, ""), |(suffix, per)| (suffix, per));
    // `3x` and `22/s` are plain numbers, `5k` is 5000.
    let (factor, attached) = match suffix {
        "" | "x" => (1.0, None),
        "k" => (1e3, Some(Unit::Plain)),
        "M" => (1e6, Some(Unit::Plain)),
        suffix => (1.0, Some(unit(suffix)?)),
    };
    if !per.is_empty() && per.contains(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let follows = attached.is_none() && rest.is_empty();
    let following = if follows { unit(next) } else { None };
    // Seconds per second are a plain number.
    let is_rate = (attached.is_some() || following.is_some())
        && (per == "s" || (if follows { second } else { next }) == "per");
    let is_rate = is_rate && !matches!(attached.or(following), Some(Unit::Bytes(_) | Unit::Share));
    let written = if following.is_some() { format!("{token} {next}") } else { token.to_owned() };
    let unit = if is_rate { None } else { attached.or(following) }.unwrap_or(Unit::Plain);
    let n_decimals = i32::try_from(decimals.len()).ok()?;
    Some(scaled(Number { written, value, n_decimals, unit }, factor))
}

/// `1.2k` is 1200, and exact to the hundreds.
fn scaled(number: Number, factor: f64) -> Number {
    let n_digits = factor.log10().round() as i32;
    Number { value: number.value * factor, n_decimals: number.n_decimals - n_digits, ..number }
}

/// Reads `2026-03-01T14:04:50.25Z` and its parts: `2026-03-01`, `14:04:50Z`, `14:04`.
fn time(token: &str) -> Option<String> {
    let token = token.strip_suffix('Z').unwrap_or(token);
    let (date, clock) = match token.split_once('T') {
        Some((date, clock)) => (Some(date), Some(clock)),
        None if token.contains(':') => (None, Some(token)),
        None => (Some(token), None),
    };
    let digits = |part: &str, n: usize| part.len() == n && part.bytes().all(|b| b.is_ascii_digit());
    let fits = |text: &str, sign: char, lengths: &[usize]| {
        let parts: Vec<&str> = text.split(sign).collect();
        parts.len() <= lengths.len() && parts.iter().zip(lengths).all(|(part, n)| digits(part, *n))
    };
    let is_date = |date: &str| date.matches('-').count() == 2 && fits(date, '-', &[4, 2, 2]);
    let is_clock = |clock: &str| {
        let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
        clock.contains(':') && fits(clock, ':', &[2, 2, 2]) && fraction.bytes().all(|b| b.is_ascii_digit())
    };
    (date.is_none_or(is_date) && clock.is_none_or(is_clock)).then(|| token.to_lowercase())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_are_numbers_times_and_names() {
        let shown = |text: &str| {
            let one = |word: Word| match word {
                Word::Number(number) => format!("{} {:?}", number.value, number.unit),
                Word::Time(time) => format!("time {time}"),
                Word::Name(name) => format!("name {name}"),
            };
            words(text).into_iter().map(one).collect::<Vec<_>>().join(", ")
        };
        for (text, wanted) in [
            ("31 ms → 1.98 s", "31 Seconds(0.001), 1.98 Seconds(1.0)"),
            ("grew by +12%, fell by -5 percent.", "12 Share, 5 Share"),
            ("1,200 times, 1.2k times, 22/s", "1200 Plain, 1200 Plain, 22 Plain"),
            ("waits 1.5 s per second, 1.5 s/s", "1.5 Plain, 1.5 Plain"),
            ("512MiB (30s)", "512 Bytes(1048576.0), 30 Seconds(1.0)"),
            ("at 14:04:50Z on 2026-03-01.", "time 14:04:50, time 2026-03-01"),
            ("since 2026-03-01T14:04:50.25Z", "time 2026-03-01t14:04:50.25"),
            ("p99 of `stock-2`: E6", "name p99, name stock-2, name e6"),
            ("deployed a969d1d at reserve.rs:70, v1.2.3", "name a969d1d, name reserve.rs:70, name v1.2.3"),
            ("10.0.0.1 and 2/3", "name 10.0.0.1, name 2/3"),
            ("延迟31毫秒", "31 Plain"),
            ("nothing here", ""),
        ] {
            assert_eq!(shown(text), wanted, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in "\\PC{0,60}", odd in "[0-9.,:/µ%kTZ=+ -]{0,20}") {
            for text in [text, odd] {
                for word in words(&text) {
                    if let Word::Name(name) = word {
                        parts(&name);
                    }
                }
            }
        }
    }
}
