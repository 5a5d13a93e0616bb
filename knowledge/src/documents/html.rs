//! HTML: the main content of a page, without what only a browser needs.

use ego_tree::{NodeId, NodeRef, iter::Edge};
use scraper::{ElementRef, Html, Node};

use super::{
    BlockKind, Place, Reason,
    draft::{Draft, one_line},
    front,
};

mod depth;

/// What is never text of a document.
const DROPPED: &[&str] = &[
    "script", "style", "nav", "template", "noscript", "svg", "math", "iframe", "object", "form", "button",
    "select", "input", "textarea", "head", "footer", "audio", "video", "canvas", "dialog",
];

/// Roles of what stands around the content. <https://www.w3.org/TR/wai-aria-1.2/#landmark_roles>
const DROPPED_ROLES: &[&str] = &["navigation", "search", "banner", "contentinfo", "complementary"];

/// What ends the paragraph before it, and its own.
const BLOCKS: &[&str] = &[
    "address",
    "article",
    "aside",
    "blockquote",
    "body",
    "center",
    "dd",
    "details",
    "div",
    "dl",
    "dt",
    "fieldset",
    "figcaption",
    "figure",
    "header",
    "hgroup",
    "hr",
    "html",
    "li",
    "main",
    "ol",
    "p",
    "section",
    "summary",
    "table",
    "tbody",
    "tfoot",
    "thead",
    "ul",
    "caption",
    "tr",
    "td",
    "th",
];

/// Reads a page into the draft: its `main`, its only `article`, or its body.
///
/// Headings are `h1` to `h6`, places their `id`. `meta` elements named as front matter is count as such. What a page hides from people is left out.
///
/// # Errors
///
/// `TooDeep` for nesting that nobody writes.
pub fn read(text: &str, draft: &mut Draft) -> Result<(), Reason> {
    depth::check(text)?;
    let page = Html::parse_document(text);
    read_head(&page, draft);
    let content = content(&page).unwrap_or_else(|| page.tree.root());
    Reading::new(draft, None).walk(content);
    Ok(())
}

/// Reads a piece of HTML within another format; everything in it stands at `place`, and headings are paragraphs.
pub fn read_fragment(text: &str, place: Place, draft: &mut Draft) {
    if let Err(reason) = depth::check(text) {
        draft.note(format!("HTML at {place} was left out: {reason}"));
        return;
    }
    let fragment = Html::parse_fragment(text);
    Reading::new(draft, Some(place)).walk(fragment.tree.root());
}

/// What is open on the way through the tree.
struct Reading<'a> {
    draft: &'a mut Draft,
    place: Place,
    is_fragment: bool,
    text: String,
    /// Inside of `pre`, how many of them.
    n_pre: usize,
    heading: Option<(u32, Place)>,
    /// Mark of the item whose text is open.
    mark: Option<&'static str>,
    n_lists: usize,
    /// Tables inside of tables are read as text of the outer one's cells.
    n_tables: usize,
    cells: Vec<String>,
    is_cell: bool,
}

impl<'a> Reading<'a> {
    fn new(draft: &'a mut Draft, place: Option<Place>) -> Self {
        Self {
            draft,
            is_fragment: place.is_some(),
            place: place.unwrap_or(Place::Start),
            text: String::new(),
            n_pre: 0,
            heading: None,
            mark: None,
            n_lists: 0,
            n_tables: 0,
            cells: Vec::new(),
            is_cell: false,
        }
    }

    fn walk(mut self, root: NodeRef<'_, Node>) {
        let mut dropped: Option<NodeId> = None;
        for edge in root.traverse() {
            if self.draft.is_full() {
                return;
            }
            match edge {
                Edge::Open(node) if dropped.is_none() => match node.value() {
                    Node::Text(text) => self.push(text),
                    Node::Element(_) => {
                        let Some(element) = ElementRef::wrap(node) else { continue };
                        if is_dropped(element) {
                            dropped = Some(node.id());
                        } else {
                            self.open(element);
                        }
                    }
                    _ => {}
                },
                Edge::Close(node) if dropped == Some(node.id()) => dropped = None,
                Edge::Close(node) if dropped.is_none() => {
                    if let Some(element) = node.value().as_element() {
                        self.close(element.name());
                    }
                }
                _ => {}
            }
        }
        self.flush();
    }

    fn open(&mut self, element: ElementRef<'_>) {
        let name = element.value().name();
        match name {
            "br" => self.text.push('\n'),
            "img" => self.push(element.attr("alt").unwrap_or_default()),
            "code" | "tt" | "kbd" | "samp" if self.n_pre == 0 => self.text.push('`'),
            "ul" | "ol" => self.n_lists += 1,
            _ => {}
        }
        if name == "pre" || BLOCKS.contains(&name) || level(name).is_some() {
            self.flush();
        }
        match name {
            "pre" => self.n_pre += 1,
            "li" => self.mark = Some("- "),
            "table" => self.n_tables += 1,
            "tr" if self.n_tables == 1 => self.cells.clear(),
            "td" | "th" if self.n_tables == 1 => self.is_cell = true,
            _ => {}
        }
        if let (Some(level), false, false) = (level(name), self.is_fragment, self.is_cell) {
            let place = anchor(element).map_or_else(|| self.place.clone(), Place::Anchor);
            self.heading = Some((level, place));
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "code" | "tt" | "kbd" | "samp" if self.n_pre == 0 => self.text.push('`'),
            "td" | "th" if self.n_tables == 1 => {
                self.cells.push(one_line(&std::mem::take(&mut self.text)));
                self.is_cell = false;
            }
            "tr" if self.n_tables == 1 => {
                self.flush();
                self.draft.row(&self.cells, self.place.clone());
                self.cells.clear();
            }
            "pre" => {
                self.flush();
                self.n_pre = self.n_pre.saturating_sub(1);
            }
            name if level(name).is_some() => self.end_heading(),
            name if BLOCKS.contains(&name) => self.flush(),
            _ => {}
        }
        match name {
            "ul" | "ol" => self.n_lists = self.n_lists.saturating_sub(1),
            "table" => self.n_tables = self.n_tables.saturating_sub(1),
            "li" => self.mark = None,
            _ => {}
        }
    }

    fn push(&mut self, text: &str) {
        if self.n_pre > 0 && !self.is_cell {
            self.text.push_str(text);
            return;
        }
        for word in text.split_inclusive(char::is_whitespace) {
            let bare = word.trim_end();
            self.text.push_str(bare);
            if bare.len() < word.len() && !self.text.ends_with([' ', '\n']) {
                self.text.push(' ');
            }
        }
    }

    /// Ends the paragraph, item or code that is open.
    fn flush(&mut self) {
        if self.is_cell {
            self.text.push(' ');
            return;
        }
        // What stands in a heading belongs to it, blocks as well.
        if self.heading.is_some() {
            self.text.push(' ');
            return;
        }
        let text = std::mem::take(&mut self.text);
        let text = if self.n_pre > 0 { text.as_str() } else { text.trim() };
        if text.trim().is_empty() || text == "``" {
            return;
        }
        let kind = match self.n_lists {
            _ if self.n_pre > 0 => BlockKind::Code,
            0 if self.mark.is_none() => BlockKind::Prose,
            _ => BlockKind::Item,
        };
        let place = self.place.clone();
        match kind {
            BlockKind::Code => self.draft.code(text, place),
            BlockKind::Item => {
                let indent = "  ".repeat(self.n_lists.saturating_sub(1).min(8));
                let mark = self.mark.take().unwrap_or("  ");
                self.draft.item(&format!("{indent}{mark}{text}"), place);
            }
            BlockKind::Prose | BlockKind::Row => self.draft.prose(text, place),
        }
    }

    fn end_heading(&mut self) {
        let Some((level, place)) = self.heading.take() else {
            return self.flush();
        };
        let title = std::mem::take(&mut self.text);
        // Documentation generators put a link to the heading behind it.
        let title = title.trim().trim_end_matches(['¶', '\u{f0c1}', '🔗']).trim_end();
        self.place = place.clone();
        self.draft.heading(level, title, place);
    }
}

fn is_dropped(element: ElementRef<'_>) -> bool {
    let is_role = element.attr("role").is_some_and(|role| DROPPED_ROLES.contains(&role));
    let is_hidden = element.attr("hidden").is_some() || element.attr("aria-hidden") == Some("true");
    let style: String =
        element.attr("style").unwrap_or_default().split_whitespace().collect::<String>().to_lowercase();
    let is_styled_away = style.contains("display:none") || style.contains("visibility:hidden");
    // Links to the heading they stand in.
    let is_head_link =
        element.value().classes().any(|class| class == "headerlink" || class == "anchorjs-link");
    DROPPED.contains(&element.value().name()) || is_role || is_hidden || is_styled_away || is_head_link
}

fn level(name: &str) -> Option<u32> {
    let level = name.strip_prefix('h')?.parse().ok()?;
    (1..=6).contains(&level).then_some(level)
}

/// Returns what a link to a heading ends in: its own id, that of a link in it, or that of the section that it opens.
fn anchor(heading: ElementRef<'_>) -> Option<String> {
    let own = heading.value().id();
    let inner = || {
        let links = heading.child_elements().filter(|child| child.value().name() == "a");
        links.into_iter().find_map(|link| link.attr("id").or_else(|| link.attr("name")))
    };
    let around = || {
        let parent = heading.parent().and_then(ElementRef::wrap)?;
        let is_first = parent.child_elements().find(|child| child.value().name() != "span") == Some(heading);
        parent.value().id().filter(|_| is_first && ["section", "div"].contains(&parent.value().name()))
    };
    let anchor = own.or_else(inner).or_else(around)?;
    Some(anchor.chars().take(200).collect()).filter(|anchor: &String| !anchor.is_empty())
}

fn content(page: &Html) -> Option<NodeRef<'_, Node>> {
    let elements = || page.tree.root().descendants().filter_map(ElementRef::wrap);
    let main =
        elements().find(|element| element.value().name() == "main" || element.attr("role") == Some("main"));
    let article = || {
        let mut articles = elements().filter(|element| element.value().name() == "article");
        articles.next().filter(|_| articles.next().is_none())
    };
    main.or_else(article).map(|element| *element)
}

fn read_head(page: &Html, draft: &mut Draft) {
    for element in page.tree.root().descendants().filter_map(ElementRef::wrap) {
        match element.value().name() {
            "title" if draft.title.is_none() => draft.title = Some(element.text().collect()),
            "meta" => {
                if let (Some(name), Some(content)) = (element.attr("name"), element.attr("content")) {
                    draft.front.take(name, front::listed(content));
                }
            }
            "body" => return,
            _ => {}
        }
    }
}
