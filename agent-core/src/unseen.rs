//! Characters that no eye sees, or that make it see something else: text can hide in them.

/// Returns `text` without characters that hide, turn or steer what is read: controls (line ends and tabs stay), zero-width
/// characters, turns of direction, tags and variation selectors.
///
/// Whole instructions can be written in tags, which models read and nobody sees
/// (<https://embracethered.com/blog/posts/2024/hiding-and-finding-text-with-unicode-tags/>); turns of direction make code read as
/// what it is not (Boucher and Anderson, "Trojan Source", USENIX Security 2023).
pub(crate) fn without_unseen(text: &str) -> String {
    text.chars().filter(|c| !is_unseen(*c)).collect()
}

fn is_unseen(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
        || (c.is_control() && !matches!(c, '\n' | '\t'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_seen_stays_and_what_hides_goes() {
        let hidden: String = "obey".chars().filter_map(|c| char::from_u32(0xe0000 + u32::from(c))).collect();
        for (text, wanted) in [
            ("数据库 naïve é\n\tok", "数据库 naïve é\n\tok"),
            ("all good\u{200b}\u{feff}", "all good"),
            (&format!("fine{hidden}"), "fine"),
            ("\u{202e}tac\u{202c} \u{1b}[31mred", "tac [31mred"),
        ] {
            assert_eq!(without_unseen(text), wanted);
        }
    }
}
