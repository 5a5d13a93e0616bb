//! What people are shown of texts from outside: it reads as it is, and nothing in it does anything.

use std::sync::LazyLock;

use regex::Regex;

use crate::unseen::without_unseen;

/// Where clients begin to act on text: tags and mentions in angle brackets (Slack's `<!channel>` and `<@U1>`, Feishu's
/// `<at id=all>`, HTML), names that call everybody, links and images of Markdown, addresses. Group 1 is what may stay whole.
///
/// After <https://docs.slack.dev/messaging/formatting-message-text>,
/// <https://open.feishu.cn/document/feishu-cards/card-json-v2-components/content-components/rich-text> and CommonMark §6.
static ACTS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let names = "all|here|channel|everyone|所有人|全体成员";
    Regex::new(&format!(
        r"(?i)(<)[!@#|/a-z]|([@＠])(?:{names})|(\])\(|(\])\[|(!)\[|([a-z][a-z0-9+.-]*:)//|((?:javascript|data|vbscript|mailto|tel):)\S|\b(www)\."
    ))
    .ok()
});

/// Returns `text` as it may stand in a chat, on a page or in a terminal: invisible characters and controls are left out, and a
/// zero-width space stands in every place where a client would begin to act. Done again, it changes nothing.
///
/// ## Assumptions
///
/// Whom to call is decided by a rule and told to the platform apart from the text ([`Chat::mention`](crate::ports::Chat::mention)),
/// so nothing is lost.
pub fn inert(text: &str) -> String {
    let text = without_unseen(text);
    let Some(acts) = ACTS.as_ref() else { return text };
    let mut shown = String::with_capacity(text.len());
    let mut end = 0;
    // What is found may overlap: the `](` of `![x](y)` begins inside of what the `![` is found by.
    let mut from = 0;
    while let Some(found) = acts.captures_at(&text, from) {
        let Some(whole) = found.iter().skip(1).flatten().next() else { break };
        from = whole.end();
        if whole.as_str() == "@" && is_address(text.get(..whole.start()).unwrap_or_default()) {
            continue;
        }
        shown.push_str(text.get(end..from).unwrap_or_default());
        shown.push('\u{200b}');
        end = from;
    }
    shown.push_str(text.get(end..).unwrap_or_default());
    shown
}

/// Tells whether what stands before an `@` makes an e-mail address of it.
fn is_address(before: &str) -> bool {
    before.ends_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_in_a_shown_text_does_anything() {
        for (text, wanted) in [
            ("p99 84 ms → 2.1 s `a < b` [E3]", "p99 84 ms → 2.1 s `a < b` [E3]"),
            ("li.na@here.example, @li.na", "li.na@here.example, @li.na"),
            (
                "<!channel> <@U1> <at id=all></at>",
                "<\u{200b}!channel> <\u{200b}@U1> <\u{200b}at id=all><\u{200b}/at>",
            ),
            ("@all ＠所有人", "@\u{200b}all ＠\u{200b}所有人"),
            ("![x](https://e.example/i)", "!\u{200b}[x]\u{200b}(https:\u{200b}//e.example/i)"),
            ("see [a][b] www.e.example", "see [a]\u{200b}[b] www\u{200b}.e.example"),
            ("javascript:alert(1)", "javascript:\u{200b}alert(1)"),
            ("<img src=x>", "<\u{200b}img src=x>"),
            ("\u{1b}]8;;http://e.example\u{7}x", "]8;;http:\u{200b}//e.example"),
        ] {
            let shown = inert(text);
            assert!(shown.starts_with(wanted), "{shown:?}");
        }
    }

    proptest! {
        #[test]
        fn it_reads_the_same_and_done_again_changes_nothing(text in r"(?:[<@!\[\]()]|://|www\.|all|\PC|\n){0,80}") {
            let shown = inert(&text);
            prop_assert_eq!(shown.replace('\u{200b}', ""), without_unseen(&text));
            prop_assert_eq!(inert(&shown), shown);
        }
    }
}
