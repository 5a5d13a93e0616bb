//! One pattern of a `CODEOWNERS` file.

/// A pattern as in a gitignore file, <https://git-scm.com/docs/gitignore#_pattern_format>, with GitHub's exceptions.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// One for each folder and the name of the file.
    parts: Vec<Part>,
    /// Whether all that lies under what fits belongs to it.
    reaches_down: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// Any number of folders, none as well.
    Folders,
    /// One name, with `*` and `?` in it.
    Name(String),
}

impl Pattern {
    /// Reads a pattern. `None` for what GitHub does not take: `!` and `#` in front, `[ ]`, and nothing.
    pub fn read(text: &str) -> Option<Self> {
        let is_refused = text.starts_with(['!', '#']) || text.starts_with("\\#") || text.contains(['[', ']']);
        if is_refused {
            return None;
        }
        let is_folder = text.ends_with('/');
        let names: Vec<_> = text.split('/').filter(|name| !name.is_empty()).collect();
        let last = *names.last()?;
        // A slash at the beginning or in the middle fixes the pattern to the root.
        let is_rooted = text.trim_end_matches('/').contains('/');
        let mut parts: Vec<_> = names.iter().map(|name| Part::read(name)).collect();
        if !is_rooted {
            parts.insert(0, Part::Folders);
        }
        if is_folder {
            // `**/` is any folder.
            if last == "**" {
                parts.push(Part::Name("*".into()));
            }
            // What lies under the folder, not a file of its name.
            parts.extend([Part::Folders, Part::Name("*".into())]);
        }
        parts.dedup_by(|a, b| *a == Part::Folders && a == b);
        // GitHub's exception: `docs/*` is for the files in that folder alone.
        let only_files_there = last == "*" && is_rooted && !is_folder;
        Some(Self { parts, reaches_down: !only_files_there })
    }

    /// Tells whether the pattern fits a path: the file itself, or a folder above it.
    pub fn fits(&self, path: &str) -> bool {
        let names: Vec<_> = path.split('/').filter(|name| !name.is_empty() && *name != ".").collect();
        // `reached[n]`: the parts so far fit the first `n` names.
        let mut reached = vec![false; names.len() + 1];
        reached[0] = true;
        for (index, part) in self.parts.iter().enumerate() {
            let is_last = index + 1 == self.parts.len();
            let mut next = vec![false; names.len() + 1];
            match part {
                // At the end it stands for what is inside, not for the folder: <https://git-scm.com/docs/gitignore>.
                Part::Folders if is_last => {
                    let first = reached.iter().position(|&is_reached| is_reached);
                    return first.is_some_and(|first| first < names.len());
                }
                Part::Folders => {
                    let mut is_reached = false;
                    for (from, to) in reached.iter().zip(&mut next) {
                        is_reached |= from;
                        *to = is_reached;
                    }
                }
                Part::Name(pattern) => {
                    for (place, name) in names.iter().enumerate() {
                        next[place + 1] = reached[place] && name_fits(pattern, name);
                    }
                }
            }
            reached = next;
        }
        let fits_file = reached[names.len()] && !names.is_empty();
        let fits_folder = reached[..names.len()].contains(&true);
        fits_file || (self.reaches_down && fits_folder)
    }
}

impl Part {
    fn read(name: &str) -> Self {
        match name {
            "**" => Self::Folders,
            name => Self::Name(name.into()),
        }
    }
}

/// Tells whether `*` (any letters) and `?` (one letter) make `pattern` into `name`. Takes at most the product of their lengths.
fn name_fits(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<_>, Vec<_>) = (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n) = (0, 0);
    // The last star, and how far it has eaten.
    let mut star = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(&letter) if letter == '?' || letter == name[n] => {
                p += 1;
                n += 1;
            }
            _ => {
                let Some((place, eaten)) = star else {
                    return false;
                };
                star = Some((place, eaten + 1));
                p = place + 1;
                n = eaten + 1;
            }
        }
    }
    pattern[p..].iter().all(|&letter| letter == '*')
}
