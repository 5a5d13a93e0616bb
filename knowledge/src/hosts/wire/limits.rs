//! Whether a host wants to be left alone, and for how long.

use std::time::Duration;

use http::HeaderMap;
use waggle_agent_core::{Error, Kind};
use waggle_signals::Timestamp;

use super::{Answer, Door};

/// How long to stay away when the host does not say: "wait for at least one minute",
/// <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit>.
const UNSAID: Duration = Duration::from_secs(60);

/// The longest wait that is believed; GitHub's limits are by the hour.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a host wants to be left alone, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AskedWait {
    /// From now.
    pub wait: Duration,
    /// By the clock of the host; `None` where it does not tell its time.
    pub until: Option<Timestamp>,
}

/// Returns how long the host wants to be left alone; `None` when it does not. What time it is, the answer says itself: the clock of
/// this machine may be another.
///
/// - GitHub refuses with 403 or 429; `retry-after` goes before `x-ratelimit-remaining: 0` with `x-ratelimit-reset`, seconds since the
///   epoch; a secondary limit may come with neither: the page above.
/// - GitLab refuses with 429, `Retry-After`, and headers without `x-`: <https://docs.gitlab.com/administration/settings/user_and_ip_rate_limits/#response-headers>.
pub fn asked_wait(answer: &Answer) -> Option<AskedWait> {
    let status = answer.status.as_u16();
    let is_refusal = matches!(status, 403 | 429);
    let is_pause = status == 503 && answer.headers.contains_key("retry-after");
    if !is_refusal && !is_pause {
        return None;
    }
    let now = text(&answer.headers, "date").and_then(time_of);
    let asked = retry_after(&answer.headers, now).or_else(|| until_reset(&answer.headers, now));
    let is_limit = status == 429 || String::from_utf8_lossy(&answer.body).contains("secondary rate limit");
    let wait = asked.or(is_limit.then_some(UNSAID))?.min(LONGEST);
    Some(AskedWait { wait, until: now.map(|now| now + wait) })
}

/// Makes the error for a host that wants to be left alone.
pub fn refusal(door: &Door, asked: AskedWait) -> Error {
    let hint = if door.is_anonymous() {
        "without a token hosts answer few questions; set `token_env` of the host"
    } else {
        "other programs may be using the same token; a local clone is not limited"
    };
    let end = match asked.until {
        Some(until) => format!("until {until}"),
        None => format!("for the next {} s", asked.wait.as_secs()),
    };
    Kind::Unavailable
        .error(format!("{} answers no more questions {end}", door.name()))
        .with_hint(hint)
        .with_retry_after(Some(asked.wait))
}

/// RFC 9110 §10.2.3: seconds, or a point in time.
fn retry_after(headers: &HeaderMap, now: Option<Timestamp>) -> Option<Duration> {
    let value = text(headers, "retry-after")?;
    let seconds = value.parse().map(Duration::from_secs).ok();
    seconds.or_else(|| Some(time_of(value)?.since(now?)))
}

fn until_reset(headers: &HeaderMap, now: Option<Timestamp>) -> Option<Duration> {
    let either = |name: &str| text(headers, &format!("x-{name}")).or_else(|| text(headers, name));
    if either("ratelimit-remaining")? != "0" {
        return None;
    }
    let (Some(now), Some(reset)) = (now, either("ratelimit-reset").and_then(|reset| reset.parse().ok()))
    else {
        return Some(UNSAID);
    };
    // The reset is in whole seconds, and a question at its very start may be early.
    Some(Timestamp::from_secs(reset).since(now) + Duration::from_secs(1))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// Reads a point in time as HTTP has it, RFC 9110 §5.6.7.
fn time_of(text: &str) -> Option<Timestamp> {
    let time = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Timestamp::from_secs(time.as_second()))
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, StatusCode};
    use proptest::prelude::*;

    use super::*;

    /// 1772373900 seconds since the epoch.
    const NOW: (&str, &str) = ("date", "Sun, 01 Mar 2026 14:05:00 GMT");

    /// Later headers take the place of earlier ones with the same name.
    fn asked(status: u16, headers: &[(&'static str, &str)], body: &'static str) -> Option<AskedWait> {
        let mut told = HeaderMap::new();
        for (name, value) in headers {
            told.insert(*name, HeaderValue::from_str(value).unwrap());
        }
        let status = StatusCode::from_u16(status).unwrap();
        asked_wait(&Answer { status, headers: told, body: body.into() })
    }

    fn wait(status: u16, headers: &[(&'static str, &str)], body: &'static str) -> Option<u64> {
        let asked = asked(status, &[&[NOW], headers].concat(), body);
        asked.map(|asked| asked.wait.as_secs())
    }

    #[test]
    fn without_the_time_of_the_host_a_minute_is_waited_for_a_reset() {
        let limited = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1772373930")];
        let asked = asked(403, &limited, "").unwrap();
        assert_eq!(asked, AskedWait { wait: UNSAID, until: None });
        let door = Door::new("GitHub", "https://api.github.com", None).unwrap();
        let error = refusal(&door, asked);
        assert_eq!(error.to_string(), "GitHub answers no more questions for the next 60 s");
    }

    #[test]
    fn hosts_say_how_long_to_stay_away() {
        let secondary = "You have exceeded a secondary rate limit.";
        for (status, headers, body, expected) in [
            (200, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1772373930")][..], "", None),
            (403, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1772373930")], "", Some(31)),
            (429, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1772373930")], "", Some(31)),
            (429, &[("ratelimit-remaining", "0"), ("ratelimit-reset", "1772373930")], "", Some(31)),
            (403, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1")], "", Some(1)),
            (403, &[("x-ratelimit-remaining", "17"), ("x-ratelimit-reset", "1772373930")], "", None),
            (403, &[("retry-after", "7")], "", Some(7)),
            (
                429,
                &[("retry-after", "7"), ("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1772373930")],
                "",
                Some(7),
            ),
            (403, &[("retry-after", "Sun, 01 Mar 2026 14:05:09 GMT")], "", Some(9)),
            (403, &[("retry-after", "9"), ("date", "Sun, 01 Mar 2026 10:00:00 GMT")], "", Some(9)),
            (
                403,
                &[
                    ("date", "Sun, 01 Mar 2026 14:05:20 GMT"),
                    ("x-ratelimit-remaining", "0"),
                    ("x-ratelimit-reset", "1772373930"),
                ],
                "",
                Some(11),
            ),
            (503, &[("retry-after", "3")], "", Some(3)),
            (503, &[], "", None),
            (403, &[], secondary, Some(60)),
            (403, &[], "Resource not accessible", None),
            (429, &[], "", Some(60)),
            (429, &[("retry-after", "99999999999")], "", Some(86_400)),
            (429, &[("retry-after", "soon")], "", Some(60)),
            (404, &[("retry-after", "3")], "", None),
        ] {
            assert_eq!(wait(status, headers, body), expected, "{status} {headers:?} {body}");
        }
    }

    proptest! {
        #[test]
        fn any_headers_are_read(value in "[ -~]{0,40}", number in any::<i64>()) {
            let number = number.to_string();
            wait(429, &[("retry-after", &value), ("date", &value)], "");
            wait(403, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", &number)], "");
        }
    }
}
