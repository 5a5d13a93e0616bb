//! C libraries: manual pages of sections 2 and 3 that say they are of the library. Pages are handed on as files, since manuals are read as other documents are.

use std::{collections::BTreeMap, io::Read, path::Path};

use flate2::read::GzDecoder;

use super::{
    pages::{Body, Drawn, Installed, LeftOut},
    sandbox::{MAX_FILE, Sandbox},
};

/// Bytes of a page that are searched for what it belongs to; it stands in its first lines, after comments.
const MAX_HEAD: u64 = 8 * 1024;

/// Finds the manuals of a library, by version: what a page's title line, or its section `LIBRARY`, names.
pub(super) fn installed(sandbox: &Sandbox, name: &str) -> Vec<Installed> {
    let mut by_version: BTreeMap<Option<String>, Vec<Drawn>> = BTreeMap::new();
    let mut left_out = Vec::new();
    let folders = sandbox.roots().iter().flat_map(|root| ["man2", "man3"].map(|section| root.join(section)));
    for (file, path) in folders.flat_map(|folder| sandbox.entries(&folder)) {
        match head(sandbox, &path) {
            Ok(text) => {
                let Some(version) = belongs(&text, name) else { continue };
                let title = file.trim_end_matches(".gz").to_owned();
                let page = title.rsplit_once('.').map_or(title.as_str(), |(page, _)| page).to_owned();
                by_version.entry(version).or_default().push(Drawn {
                    path: page,
                    title,
                    body: Body::File(path),
                });
            }
            // A page that does not read may be of any library: it is told where its name is like this one's.
            Err(reason) if file.contains(&plain(name)) => {
                left_out.push(LeftOut::new(path.display().to_string(), reason));
            }
            Err(_) => {}
        }
    }
    let library = |(version, pages): (_, Vec<Drawn>)| {
        let pages = pages.into_iter().map(Ok).chain(left_out.iter().cloned().map(Err)).collect();
        Installed { library: name.to_owned(), version, batches: Box::new(std::iter::once(pages)) }
    };
    by_version.into_iter().map(library).collect()
}

fn head(sandbox: &Sandbox, path: &Path) -> Result<String, String> {
    let file = sandbox.open(path, MAX_FILE)?;
    let mut bytes = Vec::new();
    let is_packed = path.extension().is_some_and(|it| it == "gz");
    let read = match is_packed {
        true => GzDecoder::new(file).take(MAX_HEAD).read_to_end(&mut bytes),
        false => file.take(MAX_HEAD).read_to_end(&mut bytes),
    };
    read.map_err(|error| error.to_string())?;
    // Cut in the middle, and older pages are in Latin-1: names of libraries are plain.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Tells whether the head of a page is of a library: its version, as the title line has it, inside. Libraries are named without `lib` and case.
fn belongs(head: &str, library: &str) -> Option<Option<String>> {
    let wanted = plain(library);
    // `c` alone is a word of many titles.
    let is_of =
        |it: &str| it.to_lowercase() == library.to_lowercase() || (wanted.len() > 1 && plain(it) == wanted);
    let mut in_library = false;
    for line in head.lines() {
        if let Some(title) = line.strip_prefix(".TH ") {
            let words = words(title);
            // Title, section, then date, source and manual; the source is `libcurl 7.88.1`, or `Linux man-pages 6.03`.
            let rest: Vec<&str> = words.iter().skip(2).flat_map(|it| it.split_whitespace()).collect();
            let is_version = |it: &&&str| it.starts_with(|c: char| c.is_ascii_digit()) && it.contains('.');
            if let Some(at) = rest.iter().position(|it| is_of(it)) {
                let near = rest.get(at + 1).into_iter().chain(at.checked_sub(1).and_then(|at| rest.get(at)));
                return Some(near.into_iter().find(is_version).map(|it| (*it).to_owned()));
            }
        } else if line.starts_with(".SH ") || line.starts_with(".Sh ") {
            in_library = line.get(4..).is_some_and(|it| it.trim_matches('"') == "LIBRARY");
        } else if in_library {
            let parts = line.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '+');
            if parts.filter(|it| !it.is_empty()).any(is_of) {
                return Some(None);
            }
        }
    }
    None
}

fn plain(name: &str) -> String {
    let name = name.to_lowercase();
    name.strip_prefix("lib").filter(|it| !it.is_empty()).unwrap_or(&name).to_owned()
}

/// Divides the arguments of a macro: words, or what stands in quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line.trim();
    while !rest.is_empty() {
        let (word, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => rest.split_once(' ').unwrap_or((rest, "")),
        };
        words.push(word.replace("\\-", "-"));
        rest = after.trim_start();
    }
    words
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_page_says_of_which_library_it_is() {
        let version = |it: &str| Some(Some(it.to_owned()));
        for (head, library, wanted) in [
            (
                ".TH curl_easy_init 3 \"January 02, 2023\" \"libcurl 7.88.1\" \"libcurl\"",
                "libcurl",
                version("7.88.1"),
            ),
            (".TH SSL_READ 3SSL 2023-02-07 3.0.8 OpenSSL", "openssl", version("3.0.8")),
            (
                ".TH futex 2 2023-02-05 \"Linux man-pages 6.03\"\n.SH NAME\nx\n.SH LIBRARY\nStandard C library\n.RI ( libc \", \" \\-lc )",
                "libc",
                Some(None),
            ),
            (".TH pcre2_match 3 \"1\" \"PCRE2 10.42\"", "pcre2", version("10.42")),
            (".TH x 3 y \"Perl v5\"", "libc", None),
            ("", "libc", None),
        ] {
            assert_eq!(belongs(head, library), wanted, "{head} {library}");
        }
    }

    proptest! {
        #[test]
        fn any_head_is_read(head in "(?s)(\\.TH |\\.SH |LIBRARY|lib|\"|\n|.){0,60}") {
            belongs(&head, "libc");
        }
    }
}
