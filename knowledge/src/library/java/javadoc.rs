//! Pages of classes as the javadoc tool writes them, of versions 8 to 21: the class, and each member with its signature.

use scraper::{ElementRef, Html, Selector};

use crate::library::pages::Drawn;

/// Members of one class.
const MAX_MEMBERS: usize = 2_000;
/// Signs that open an element in a page; a page of a class has some ten thousand, and deeper nesting than text makes trees slow.
const MAX_TAGS: usize = 60_000;

/// Reads one page of HTML; empty for pages that are no class's: indices, trees, overviews.
///
/// # Errors
///
/// What has more elements than a page of a class has, as trees of such take long.
pub(super) fn pages(name: &str, html: &str) -> Result<Vec<Drawn>, String> {
    let file = name.rsplit('/').next().unwrap_or(name);
    // Pages of classes are named as the class; others begin with a small letter.
    if !file.starts_with(|c: char| c.is_ascii_uppercase()) {
        return Ok(Vec::new());
    }
    if html.matches('<').count() > MAX_TAGS {
        return Err(format!("it has over {MAX_TAGS} tags"));
    }
    let path = name.trim_end_matches(".html").replace('/', ".");
    // Modules stand before packages since javadoc 9: `java.base/java/util/…`.
    let within = path.strip_prefix("java.").and_then(|it| it.split_once(".java."));
    let path = within.map_or(path.clone(), |(_, rest)| format!("java.{rest}"));
    let page = Html::parse_document(html);
    let root = page.root_element();
    let mut pages = Vec::new();
    let about = first(
        root,
        ".class-description .block, #class-description .block, .contentContainer > .description .block",
    );
    if let Some(text) = about {
        let declaration =
            first(root, ".class-description .type-signature, .contentContainer > .description pre")
                .unwrap_or_default();
        pages.push(Drawn::of(path.clone(), "java", &declaration, &text));
    }
    for member in
        all(root, "section.detail, .details ul.blockList li.blockList").into_iter().take(MAX_MEMBERS)
    {
        // In old pages a list of members is such an item too; a member has its name as a child.
        let Some(title) = children(member, &["h3", "h4"]) else { continue };
        let Some(signature) = first(member, ".member-signature, pre") else { continue };
        let Some(text) = first(member, ".block") else { continue };
        let title = title.split('(').next().unwrap_or_default().trim().to_owned();
        if !title.is_empty()
            && !all(member, "section.detail, li.blockList").iter().any(|it| it.id() != member.id())
        {
            pages.push(Drawn::of(format!("{path}.{title}"), "java", &signature, &text));
        }
    }
    Ok(pages)
}

fn all<'a>(within: ElementRef<'a>, selector: &str) -> Vec<ElementRef<'a>> {
    // A selector that does not parse selects nothing; a test holds that all do.
    Selector::parse(selector).map(|selector| within.select(&selector).collect()).unwrap_or_default()
}

fn first(within: ElementRef<'_>, selector: &str) -> Option<String> {
    all(within, selector).first().map(|it| text(*it)).filter(|it| !it.is_empty())
}

fn children(within: ElementRef<'_>, names: &[&str]) -> Option<String> {
    let mut elements = within.children().filter_map(ElementRef::wrap);
    elements.find(|it| names.contains(&it.value().name())).map(text)
}

fn text(element: ElementRef<'_>) -> String {
    let text: String = element.text().collect();
    text.replace('\u{a0}', " ")
        .lines()
        .map(str::trim)
        .filter(|it| !it.is_empty())
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NEW: &str = r#"<main><section class="class-description" id="class-description"><div class="type-signature"><span>public class </span>Codec</div>
        <div class="block">Reads things.</div></section><section class="details"><ul class="details-list"><li><section class="detail" id="read(int)">
        <h3>read</h3><div class="member-signature"><span>public</span>&nbsp;int&nbsp;read(int n)</div><div class="block">Reads <code>n</code> bytes.</div></section></li></ul></section></main>"#;
    const OLD: &str = r#"<div class="contentContainer"><div class="description"><ul class="blockList"><li class="blockList"><pre>public class Codec</pre><div class="block">Reads things.</div></li></ul></div>
        <div class="details"><ul class="blockList"><li class="blockList"><ul class="blockList"><li class="blockList"><h3>Method Detail</h3>
        <ul class="blockListLast"><li class="blockList"><h4>read</h4><pre>public int read(int n)</pre><div class="block">Reads <code>n</code> bytes.</div></li></ul></li></ul></li></ul></div></div>"#;

    #[test]
    fn pages_of_old_and_new_javadoc_say_the_same() {
        for html in [NEW, OLD] {
            let read: Vec<_> = pages("com/acme/Codec.html", html)
                .unwrap()
                .into_iter()
                .map(|it| (it.path, format!("{:?}", it.body)))
                .collect();
            let wanted = [
                ("com.acme.Codec", "Markdown(\"```java\\npublic class Codec\\n```\\n\\nReads things.\")"),
                (
                    "com.acme.Codec.read",
                    "Markdown(\"```java\\npublic int read(int n)\\n```\\n\\nReads n bytes.\")",
                ),
            ];
            assert_eq!(read, wanted.map(|(path, text)| (path.to_owned(), text.to_owned())));
        }
        assert!(pages("index-all.html", NEW).unwrap().is_empty());
        let error = pages("A.html", &"<b>".repeat(MAX_TAGS + 1)).unwrap_err();
        assert_eq!(error, "it has over 60000 tags");
    }

    proptest! {
        #[test]
        fn any_page_is_read(html in "(?s)(<|>|/|section|class=\"detail\"|h3|pre|li|.){0,80}") {
            let _ = pages("A.html", &html);
        }
    }
}
