//! The lines of a calendar: name, parameters, value; and which component each belongs to.
//!
//! Own code and not that of the `icalendar` crate: there one bad line loses the whole calendar, and a component within a
//! component is a call within a call, as deep as the sender likes. The rules are <https://www.rfc-editor.org/rfc/rfc5545#section-3.1>.

/// Components within one another; deeper ones are left out with all in them.
const MAX_DEPTH: usize = 8;

/// One component: what stands between `BEGIN` and `END`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Component {
    /// `VEVENT`, in capitals.
    pub name: String,
    /// In order.
    pub lines: Vec<Line>,
    /// How many components it lies in.
    pub depth: usize,
}

/// One line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// `DTSTART`, in capitals.
    pub name: String,
    /// Names in capitals; quotes are taken off the values.
    pub parameters: Vec<(String, String)>,
    /// As it stands there, with its escapes.
    pub value: String,
}

/// Returns all components in the order of their beginnings, each with its own lines. Lines that are none are left out.
pub fn components(text: &str) -> Vec<Component> {
    let mut components: Vec<Component> = Vec::new();
    // Places of those that are open; `None` for what lies too deep.
    let mut open: Vec<Option<usize>> = Vec::new();
    // Beginnings beyond what is kept, to be closed before others are.
    let mut beyond = 0usize;
    for line in unfolded(text) {
        let Some(line) = Line::read(&line) else { continue };
        match line.name.as_str() {
            "BEGIN" if open.len() >= MAX_DEPTH => beyond += 1,
            "BEGIN" => {
                let name = line.value.trim().to_uppercase();
                components.push(Component { name, lines: Vec::new(), depth: open.len() });
                open.push(Some(components.len() - 1));
            }
            "END" if beyond > 0 => beyond -= 1,
            "END" => {
                open.pop();
            }
            _ if beyond > 0 => {}
            _ => {
                let place = open.last().copied().flatten();
                if let Some(component) = place.and_then(|place| components.get_mut(place)) {
                    component.lines.push(line);
                }
            }
        }
    }
    components
}

/// Joins the lines that go on: a line that begins with a space or a tab belongs to the one before.
fn unfolded(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in text.trim_start_matches('\u{feff}').lines() {
        match (line.strip_prefix([' ', '\t']), lines.last_mut()) {
            (Some(rest), Some(last)) => last.push_str(rest),
            _ => lines.push(line.to_owned()),
        }
    }
    lines
}

impl Line {
    /// Reads one line; `None` when it has no name or no value.
    pub fn read(line: &str) -> Option<Self> {
        let mut parts = Vec::new();
        let mut part = String::new();
        let mut is_quoted = false;
        let mut value = None;
        for (place, letter) in line.char_indices() {
            match letter {
                '"' => is_quoted = !is_quoted,
                ';' if !is_quoted => parts.push(std::mem::take(&mut part)),
                ':' if !is_quoted => {
                    value = line.get(place + 1..);
                    break;
                }
                letter => part.push(letter),
            }
        }
        parts.push(part);
        let mut parts = parts.into_iter();
        let name = parts.next().filter(|name| !name.trim().is_empty())?.trim().to_uppercase();
        let parameter = |part: String| {
            let (name, value) = part.split_once('=')?;
            Some((name.trim().to_uppercase(), value.to_owned()))
        };
        Some(Self { name, parameters: parts.filter_map(parameter).collect(), value: value?.to_owned() })
    }

    /// Returns a parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Returns the value as a text on one line, without escapes: <https://www.rfc-editor.org/rfc/rfc5545#section-3.3.11>.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let mut letters = self.value.chars();
        while let Some(letter) = letters.next() {
            match letter {
                '\\' => match letters.next() {
                    Some('n' | 'N') | None => text.push(' '),
                    Some(escaped) => text.push(escaped),
                },
                letter if letter.is_control() => text.push(' '),
                letter => text.push(letter),
            }
        }
        text.trim().to_owned()
    }
}

impl Component {
    /// Returns the first line of a name.
    pub fn line(&self, name: &str) -> Option<&Line> {
        self.lines.iter().find(|line| line.name == name)
    }

    /// Returns all lines of a name.
    pub fn lines_of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Line> {
        self.lines.iter().filter(move |line| line.name == name)
    }
}
