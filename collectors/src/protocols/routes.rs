//! The low-cardinality form of a path.

/// What a variable part of a path is replaced by.
const PLACEHOLDER: &str = "{id}";

/// Paths deeper than this are cut: a route is a name, and names are short.
const MAX_SEGMENTS: usize = 8;

/// Replaces the parts of a path that look like values by `{id}`: `/cart/42` becomes `/cart/{id}`.
///
/// ## Assumptions
///
/// A segment is a value when it is a number, a UUID, 16 or more hex digits, or a token that mixes letters and at least two digits, one of which is not at its end.
/// So `v1`, `oauth2` and `index.html` stay as they are; a slug made of words stays as well and keeps its own route.
pub fn route(path: &str) -> String {
    let mut route = String::with_capacity(path.len());
    for (nth, segment) in path.split('/').enumerate() {
        if nth > 0 {
            route.push('/');
        }
        if nth > MAX_SEGMENTS {
            route.push('*');
            break;
        }
        route.push_str(if is_value(segment) { PLACEHOLDER } else { segment });
    }
    route
}

fn is_value(segment: &str) -> bool {
    let digits = segment.bytes().filter(u8::is_ascii_digit).count();
    if digits == 0 {
        return segment.len() >= 16 && is_hex(segment) || segment.len() > 64;
    }
    let is_number = digits == segment.len();
    let is_decimal = segment.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b',' | b'-' | b':'));
    let is_long_hex = segment.len() >= 16 && is_hex(segment);
    let letters = segment.bytes().filter(u8::is_ascii_alphabetic).count();
    let trailing = segment.bytes().rev().take_while(u8::is_ascii_digit).count();
    let is_mixed = letters > 0 && digits >= 2 && (trailing < digits || digits >= 4);
    is_number || is_decimal || is_long_hex || is_uuid(segment) || is_mixed || segment.len() > 64
}

fn is_hex(segment: &str) -> bool {
    segment.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_uuid(segment: &str) -> bool {
    let groups: Vec<&str> = segment.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]) && groups.iter().all(|group| is_hex(group))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_are_replaced_and_words_are_kept() {
        for (path, expected) in [
            ("/", "/"),
            ("/healthz", "/healthz"),
            ("/api/v1/cart", "/api/v1/cart"),
            ("/oauth2/token", "/oauth2/token"),
            ("/static/index.html", "/static/index.html"),
            ("/cart/42", "/cart/{id}"),
            ("/cart/42/items/7", "/cart/{id}/items/{id}"),
            ("/user/f47ac10b-58cc-4372-a567-0e02b2c3d479", "/user/{id}"),
            ("/blob/da39a3ee5e6b4b0d3255bfef95601890afd80709", "/blob/{id}"),
            ("/order/ord-2024-000123", "/order/{id}"),
            ("/sku/A12B9", "/sku/{id}"),
            ("/user1001", "/{id}"),
            ("/day/2026-03-01", "/day/{id}"),
            ("/a/b/c/d/e/f/g/h/i/j", "/a/b/c/d/e/f/g/h/*"),
        ] {
            assert_eq!(route(path), expected, "{path}");
        }
    }

    proptest! {
        #[test]
        fn a_route_is_its_own_route(path in "(/[a-zA-Z0-9._{}-]{0,70}){0,12}") {
            let once = route(&path);
            prop_assert_eq!(route(&once), once);
        }
    }
}
