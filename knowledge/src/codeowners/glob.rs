//! One pattern of GitLab's `CODEOWNERS`.
//!
//! GitLab matches as Ruby's `File.fnmatch` does with `FNM_DOTMATCH` and `FNM_PATHNAME`:
//! <https://docs.gitlab.com/user/project/codeowners/advanced/#pattern-matching>,
//! <https://docs.ruby-lang.org/en/3.4/File.html#method-c-fnmatch>.

/// A pattern over whole paths. Unlike a gitignore pattern it fits a folder's files only when it says so: `docs` is a file of that name.
#[derive(Clone, Debug)]
pub struct Glob {
    /// One for each folder and the name of the file.
    parts: Vec<Part>,
}

#[derive(Clone, Debug)]
enum Part {
    /// `**/`: any number of folders, none as well.
    Folders,
    Name(Vec<Letter>),
}

#[derive(Clone, Debug)]
enum Letter {
    /// `*`: any letters, none as well.
    Many,
    /// `?`
    One,
    /// `[a-z]`, `[!a-z]`, `[^a-z]`: from, to, both inside.
    Set {
        is_negated: bool,
        ranges: Vec<(char, char)>,
    },
    Exactly(char),
    /// A `[` that nothing closes fits nothing.
    Never,
}

impl Glob {
    /// Reads a pattern. Every text is one.
    pub fn read(text: &str) -> Self {
        // `\#` in front is a file whose name begins so.
        let text = if text.starts_with("\\#") { text.get(1..).unwrap_or_default() } else { text };
        let (is_rooted, body) = match text.strip_prefix('/') {
            Some(body) => (true, body),
            None => (false, text),
        };
        // Without a slash in front it may begin in any folder.
        let mut names: Vec<&str> = if is_rooted { Vec::new() } else { vec!["**"] };
        names.extend(body.split('/'));
        // `docs/` is `docs/**/*`.
        if body.is_empty() || body.ends_with('/') {
            names.pop();
            names.extend(["**", "*"]);
        }
        let last = names.len().saturating_sub(1);
        let part = |(place, name): (usize, &&str)| match *name {
            // At the end there is no slash behind, and it is no more than `*`.
            "**" if place < last => Part::Folders,
            name => Part::Name(letters(name)),
        };
        let mut parts: Vec<Part> = names.iter().enumerate().map(part).collect();
        parts.dedup_by(|a, b| matches!((a, b), (Part::Folders, Part::Folders)));
        Self { parts }
    }

    /// Tells whether it fits a path, which has no slash in front.
    pub fn fits(&self, path: &str) -> bool {
        let names: Vec<Vec<char>> = path.split('/').map(|name| name.chars().collect()).collect();
        if path.is_empty() {
            return false;
        }
        // Whether the parts so far fit the first n names.
        let mut reached: Vec<bool> = (0..=names.len()).map(|n| n == 0).collect();
        for part in &self.parts {
            reached = match part {
                Part::Folders => {
                    let mut is_reached = false;
                    let any = |&now: &bool| {
                        is_reached |= now;
                        is_reached
                    };
                    reached.iter().map(any).collect()
                }
                Part::Name(letters) => {
                    let fitting =
                        reached.iter().zip(&names).map(|(now, name)| *now && name_fits(letters, name));
                    std::iter::once(false).chain(fitting).collect()
                }
            };
        }
        reached.last() == Some(&true)
    }
}

/// Reads the letters of one name.
fn letters(name: &str) -> Vec<Letter> {
    let mut letters = Vec::new();
    let mut rest = name.chars();
    while let Some(letter) = rest.next() {
        letters.push(match letter {
            '*' => Letter::Many,
            '?' => Letter::One,
            '\\' => Letter::Exactly(rest.next().unwrap_or('\\')),
            '[' => match set(rest.clone()) {
                Some((set, after)) => {
                    rest = after;
                    set
                }
                None => Letter::Never,
            },
            letter => Letter::Exactly(letter),
        });
    }
    letters.dedup_by(|a, b| matches!((a, b), (Letter::Many, Letter::Many)));
    letters
}

/// Reads a set behind its `[`; `None` when it is not closed or has nothing in it.
fn set(mut rest: std::str::Chars<'_>) -> Option<(Letter, std::str::Chars<'_>)> {
    let is_negated = rest.clone().next().is_some_and(|letter| letter == '!' || letter == '^');
    if is_negated {
        rest.next();
    }
    let mut ranges = Vec::new();
    loop {
        let from = match rest.next()? {
            ']' if ranges.is_empty() => return None,
            ']' => return Some((Letter::Set { is_negated, ranges }, rest)),
            '\\' => rest.next()?,
            letter => letter,
        };
        let mut ahead = rest.clone();
        let is_range = ahead.next() == Some('-') && ahead.clone().next().is_some_and(|to| to != ']');
        if !is_range {
            ranges.push((from, from));
            continue;
        }
        rest = ahead;
        let to = match rest.next()? {
            '\\' => rest.next()?,
            letter => letter,
        };
        ranges.push((from, to));
    }
}

/// Tells whether a pattern's letters make up a name. Takes at most the product of their lengths.
fn name_fits(pattern: &[Letter], name: &[char]) -> bool {
    // Whether the pattern so far fits the first n letters.
    let mut reached: Vec<bool> = (0..=name.len()).map(|n| n == 0).collect();
    for letter in pattern {
        if matches!(letter, Letter::Many) {
            let mut is_reached = false;
            reached.iter_mut().for_each(|now| {
                is_reached |= *now;
                *now = is_reached;
            });
            continue;
        }
        let fitting = reached.iter().zip(name).map(|(now, &found)| *now && letter.fits(found));
        reached = std::iter::once(false).chain(fitting).collect();
    }
    reached.last() == Some(&true)
}

impl Letter {
    fn fits(&self, found: char) -> bool {
        match self {
            Self::Many | Self::One => true,
            Self::Exactly(letter) => *letter == found,
            Self::Set { is_negated, ranges } => {
                ranges.iter().any(|(from, to)| (from..=to).contains(&&found)) != *is_negated
            }
            Self::Never => false,
        }
    }
}
