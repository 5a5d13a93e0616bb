//! How deep HTML is nested, before a tree is built of it: the standard's way of building costs time in the square of the depth.

use super::super::Reason;

/// Deepest nesting. Browsers stop at 512 as well: <https://chromium.googlesource.com/chromium/src/+/main/third_party/blink/renderer/core/html/parser/html_tree_builder_simulator.cc>
const MAX_DEPTH: usize = 512;

/// Attributes of one element; a parser compares each with all before it.
const MAX_ATTRIBUTES: usize = 500;

/// Elements without an end. <https://html.spec.whatwg.org/multipage/syntax.html#void-elements>
const VOID: &[&str] = &[
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track",
    "wbr",
];

/// Elements that the next of their kind ends, so that they do not nest by themselves. <https://html.spec.whatwg.org/multipage/syntax.html#optional-tags>
const ENDS_ITSELF: &[&str] =
    &["p", "li", "dt", "dd", "tr", "td", "th", "thead", "tbody", "tfoot", "option", "colgroup"];

/// Elements in which nothing but their own end is a tag.
const RAW: &[&str] = &["script", "style", "textarea", "title", "noscript", "iframe", "xmp"];

/// Elements out of which no end reaches. <https://html.spec.whatwg.org/multipage/parsing.html#has-an-element-in-scope>
const BARRIERS: &[&str] = &[
    "applet",
    "button",
    "caption",
    "marquee",
    "math",
    "object",
    "select",
    "svg",
    "table",
    "template",
    "foreignobject",
    "desc",
];

/// Elements that only ends of such elements reach past. <https://html.spec.whatwg.org/multipage/parsing.html#special>
const SPECIAL: &[&str] = &[
    "address",
    "article",
    "aside",
    "blockquote",
    "body",
    "center",
    "details",
    "dir",
    "div",
    "dl",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "head",
    "header",
    "hgroup",
    "html",
    "listing",
    "main",
    "menu",
    "nav",
    "ol",
    "pre",
    "section",
    "summary",
    "ul",
];

/// Elements that end wherever they are. <https://html.spec.whatwg.org/multipage/parsing.html#formatting>
const FORMATTING: &[&str] =
    &["a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"];

/// Refuses nesting and attributes beyond what people write. Time is linear in the size.
///
/// # Errors
///
/// `TooDeep`.
pub fn check(text: &str) -> Result<(), Reason> {
    let mut open: Vec<String> = Vec::new();
    let mut n_foreign = 0_usize;
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('<') {
        if let Some(comment) = after.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, rest)| rest);
            continue;
        }
        let named = after.strip_prefix('/').unwrap_or(after);
        let is_end = named.len() < after.len();
        if !named.starts_with(|letter: char| letter.is_ascii_alphabetic()) {
            rest = after;
            continue;
        }
        let length =
            named.find(|letter: char| letter.is_whitespace() || "/>".contains(letter)).unwrap_or(named.len());
        let name: String = named.chars().take(length.min(32)).collect::<String>().to_ascii_lowercase();
        let name = name.as_str();
        let tag = attributes(named.get(length..).unwrap_or_default());
        if tag.n_attributes > MAX_ATTRIBUTES {
            return Err(Reason::TooDeep(format!("an element has over {MAX_ATTRIBUTES} attributes")));
        }
        rest = tag.rest;
        if is_end {
            n_foreign -= usize::from(n_foreign > 0 && ["svg", "math"].contains(&name));
            end(&mut open, name);
            continue;
        }
        let is_foreign = n_foreign > 0 || ["svg", "math"].contains(&name);
        // In drawings and formulas every element nests, whatever its name, unless it ends in its own tag.
        let ends_at_once =
            if is_foreign { tag.is_closed } else { VOID.contains(&name) || ENDS_ITSELF.contains(&name) };
        if ends_at_once {
            continue;
        }
        if RAW.contains(&name) && !is_foreign {
            rest = after_end(rest, name);
            continue;
        }
        n_foreign += usize::from(["svg", "math"].contains(&name));
        open.push(name.to_owned());
        if open.len() > MAX_DEPTH {
            return Err(Reason::TooDeep(format!("over {MAX_DEPTH} elements in each other")));
        }
    }
    Ok(())
}

/// Ends an element as a parser would, or leaves it open where that is in doubt.
fn end(open: &mut Vec<String>, name: &str) {
    for (at, above) in open.iter().enumerate().rev() {
        if above == name {
            if FORMATTING.contains(&name) {
                open.remove(at);
            } else {
                open.truncate(at);
            }
            return;
        }
        let is_stop = BARRIERS.contains(&above.as_str())
            || SPECIAL.contains(&above.as_str())
                && !SPECIAL.contains(&name)
                && !BARRIERS.contains(&name)
                && !FORMATTING.contains(&name);
        if is_stop {
            return;
        }
    }
}

/// What is in a tag behind its name.
struct TagEnd<'a> {
    n_attributes: usize,
    is_closed: bool,
    rest: &'a str,
}

/// Counts what stands between the name of a tag and its end, and returns what is behind it.
fn attributes(text: &str) -> TagEnd<'_> {
    let mut n_attributes = 0;
    let mut quote = None;
    let mut before = b' ';
    for (at, byte) in text.bytes().enumerate() {
        match (quote, byte) {
            (Some(open), byte) if open == byte => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'') if before == b'=' => quote = Some(byte),
            (None, b'>') => {
                let rest = text.get(at + 1..).unwrap_or_default();
                return TagEnd { n_attributes, is_closed: before == b'/', rest };
            }
            (None, byte) => {
                let is_space = |byte: u8| byte.is_ascii_whitespace() || byte == b'/';
                n_attributes += usize::from(is_space(before) && !is_space(byte));
            }
        }
        // Spaces may stand behind the equals sign.
        if !(before == b'=' && byte.is_ascii_whitespace()) {
            before = byte;
        }
    }
    TagEnd { n_attributes, is_closed: false, rest: "" }
}

fn after_end<'a>(text: &'a str, name: &str) -> &'a str {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("</") {
        if after.get(..name.len()).is_some_and(|end| end.eq_ignore_ascii_case(name)) {
            return after;
        }
        rest = after;
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_real_depth_counts() {
        let many = |text: &str| text.repeat(100_000);
        let cases = [
            (many("<p>"), true),
            (many("<div></div>"), true),
            (many("<br><img src=a>"), true),
            (format!("<script>{}</script>", many("'<div>'")), true),
            (format!("<!-- {} -->", many("<div>")), true),
            (format!("<a title=\"{}\">x</a>", many("<div>")), true),
            (format!("<a title='{}'>x</a>", many("a b ")), true),
            (many("1 < 2 "), true),
            (many("<div>"), false),
            (many("<b><i>"), false),
            (many("<font><div></font></div>"), true),
            (many("<ul><li><span></ul>"), true),
            (many("<svg><path d='M0'/></svg>"), true),
            (many("<div></x>"), false),
            (many("<span><div></span>"), false),
            (many("<optgroup>"), false),
            (many("<rt>"), false),
            (format!("<svg>{}", many("<tr>")), false),
            (format!("<svg><style>{}", many("<g>")), false),
            ((0..300).map(|_| "<div>".repeat(300) + "<table>" + &"</div>".repeat(300)).collect(), false),
            (many("<div class='a > b'>"), false),
            (format!("<a {}>", (0..1_000).map(|n| format!("a{n} ")).collect::<String>()), false),
        ];
        for (text, is_fine) in cases {
            assert_eq!(check(&text).is_ok(), is_fine, "{}", &text[..20]);
        }
    }
}
