//! `METADATA` and `RECORD` of an installed distribution. Source: PyPA specifications, "Core metadata" and "Recording installed projects".

/// What a distribution says of itself; either may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Metadata {
    pub(super) summary: String,
    pub(super) description: String,
}

impl Metadata {
    /// Reads headers and the body. A description is the body, or a header whose further lines are indented.
    pub(super) fn of(text: &str) -> Self {
        let text = text.replace("\r\n", "\n");
        let (headers, body) = text.split_once("\n\n").unwrap_or((&text, ""));
        let mut metadata = Self { description: body.trim().to_owned(), ..Self::default() };
        let mut in_description = false;
        for line in headers.lines() {
            if line.starts_with([' ', '\t']) {
                if in_description {
                    // Indented by eight blanks, or marked by `|`, depending on the tool that wrote it.
                    let line = line.strip_prefix("       |").or_else(|| line.strip_prefix("        "));
                    metadata.description.push_str(line.unwrap_or_default());
                    metadata.description.push('\n');
                }
                continue;
            }
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            in_description = name == "Description";
            match name {
                "Summary" if value.trim() != "UNKNOWN" => metadata.summary = value.trim().to_owned(),
                "Description" if body.trim().is_empty() => {
                    metadata.description = format!("{}\n", value.trim())
                }
                _ => {}
            }
        }
        metadata.description = metadata.description.trim().to_owned();
        metadata
    }
}

/// Returns the paths of Python files that an installation recorded, without those that lead out of its folder.
pub(super) fn recorded(text: &str) -> Vec<String> {
    let path = |line: &str| match line.strip_prefix('"') {
        Some(quoted) => quoted.split_once("\",").map(|(path, _)| path.replace("\"\"", "\"")),
        None => line.split(',').next().map(str::to_owned),
    };
    let is_inside = |path: &String| {
        (path.ends_with(".py") || path.ends_with(".pyi"))
            && !path.starts_with('/')
            && !path.split('/').any(|it| it == "..")
    };
    text.lines().filter_map(path).filter(is_inside).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_description_is_the_body_or_a_header() {
        for (text, summary, description) in [
            ("Name: a\nSummary: Does it.\n\n# A\n\ntext\n", "Does it.", "# A\n\ntext"),
            (
                "Name: a\nDescription: One\n        two\n        \n        three\nLicense: x\n",
                "",
                "One\ntwo\n\nthree",
            ),
            ("Name: a\nDescription: One\n       |two\n", "", "One\ntwo"),
            ("Summary: UNKNOWN\r\n\r\nbody", "", "body"),
            ("", "", ""),
        ] {
            let read = Metadata::of(text);
            assert_eq!(
                (read.summary.as_str(), read.description.as_str()),
                (summary, description),
                "{text:?}"
            );
        }
    }

    #[test]
    fn only_python_files_of_the_folder_are_recorded() {
        let text = "a/__init__.py,sha256=x,4\n../../bin/a.py,,\n/etc/a.py,,\n\"a/b,c.py\",,\na/RECORD,,\na/t.pyi,,\n";
        assert_eq!(recorded(text), ["a/__init__.py", "a/b,c.py", "a/t.pyi"]);
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "(?s)[ \nA-z:\",.|]{0,100}") {
            Metadata::of(&text);
            recorded(&text);
        }
    }
}
