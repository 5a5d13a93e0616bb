//! PDF: text by page, the outline as headings.

use std::{
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use lopdf::{Document as Pdf, Error, LoadOptions};

use super::{
    Place, Reason,
    draft::{Draft, one_line},
};

mod page;

use page::PageText;

/// How long reading one document may take.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Pages of one document; a note says that there are more.
const MAX_PAGES: usize = 5_000;

/// What the streams of one page may unpack to, bytes. Text of a page has a hundredth of it; fonts can have this much.
const MAX_UNPACKED: usize = 16 * 1024 * 1024;

/// Entries of an outline.
const MAX_OUTLINE: usize = 10_000;

/// Documents that are read at a time, those included that nobody waits for any more.
const AT_A_TIME: usize = 4;

/// Stack of the thread that reads, bytes: the library descends into what it reads, to a bounded depth.
const STACK: usize = 16 * 1024 * 1024;

static READING: AtomicUsize = AtomicUsize::new(0);

/// Tells whether bytes are a PDF. Its mark may stand a little into the file: ISO 32000-1, annex H, note 13.
pub fn is_pdf(bytes: &[u8]) -> bool {
    let beginning = bytes.get(..bytes.len().min(1024)).unwrap_or_default();
    beginning.windows(5).any(|window| window == b"%PDF-")
}

/// Reads a document into the draft, on a thread of its own: a fault of the library is one document's, and what takes too long is left alone.
///
/// # Errors
///
/// `Encrypted` for what asks for a password, `TooSlow`, `Empty` for pages without text such as scans, `Broken` for all else.
pub fn read(bytes: &[u8], draft: &mut Draft) -> Result<(), Reason> {
    if READING.fetch_add(1, Ordering::Relaxed) >= AT_A_TIME {
        READING.fetch_sub(1, Ordering::Relaxed);
        return Err(Reason::Unavailable(format!("{AT_A_TIME} PDF documents are being read")));
    }
    let place = Reading;
    let bytes = bytes.to_vec();
    let (done, answer) = mpsc::sync_channel(1);
    let reading = thread::Builder::new().name("read-pdf".into()).stack_size(STACK).spawn(move || {
        let _place = place;
        // Nobody may be waiting any more.
        let _ = done.send(pages(&bytes, Instant::now() + PATIENCE));
    });
    reading.map_err(|error| Reason::Unavailable(format!("no thread to read it: {error}")))?;
    // The thread looks at the time itself; this is for a page that does not end.
    let contents = match answer.recv_timeout(PATIENCE + Duration::from_secs(2)) {
        Ok(contents) => contents?,
        Err(mpsc::RecvTimeoutError::Timeout) => return Err(Reason::TooSlow),
        Err(mpsc::RecvTimeoutError::Disconnected) => return Err(Reason::Broken("its parser gave up".into())),
    };
    write(contents, draft)
}

/// A place among those that read; given back when dropped, after a panic as well.
struct Reading;

impl Drop for Reading {
    fn drop(&mut self) {
        READING.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a document holds.
struct Contents {
    title: Option<String>,
    pages: Vec<Result<PageText, Error>>,
    outline: Vec<Entry>,
    notes: Vec<String>,
}

/// An entry of the outline.
struct Entry {
    level: u32,
    title: String,
    page: usize,
}

fn pages(bytes: &[u8], deadline: Instant) -> Result<Contents, Reason> {
    let options = LoadOptions { max_decompressed_size: Some(MAX_UNPACKED), ..LoadOptions::default() };
    let pdf = Pdf::load_mem_with_options(bytes, options).map_err(|error| why(&error))?;
    if pdf.is_encrypted() {
        return Err(Reason::Encrypted);
    }
    let mut contents =
        Contents { title: title(&pdf), pages: Vec::new(), outline: outline(&pdf), notes: Vec::new() };
    let all: Vec<_> = pdf.page_iter().take(MAX_PAGES + 1).collect();
    for (index, id) in all.iter().enumerate() {
        if index >= MAX_PAGES {
            contents.notes.push(format!("pages after {MAX_PAGES} were left out"));
            break;
        }
        if Instant::now() >= deadline {
            contents.notes.push(format!("pages after {index} were left out: reading took too long"));
            break;
        }
        contents.pages.push(page::text(&pdf, *id, MAX_UNPACKED));
    }
    Ok(contents)
}

fn write(contents: Contents, draft: &mut Draft) -> Result<(), Reason> {
    draft.title = contents.title;
    contents.notes.into_iter().for_each(|note| draft.note(note));
    let n_pages = contents.pages.len();
    let (mut n_blank, mut n_partial, mut broken) = (0, 0, Vec::new());
    let mut outline = contents.outline.into_iter().peekable();
    for (number, text) in (1..).zip(contents.pages) {
        let page = u32::try_from(number).unwrap_or(u32::MAX);
        let place = Place::Pages { first: page, last: page };
        let mut entries = Vec::new();
        while let Some(entry) = outline.next_if(|entry| entry.page <= number) {
            entries.push(entry);
        }
        match &text {
            Ok(page) => {
                n_blank += usize::from(page.text.trim().is_empty());
                n_partial += usize::from(page.is_partial);
            }
            Err(_) => broken.push(number),
        }
        let (text, _) = super::text::visible(&text.map(|page| page.text).unwrap_or_default());
        write_page(&text, entries, &place, draft);
    }
    if n_blank + broken.len() == n_pages {
        return Err(if broken.is_empty() {
            Reason::Empty
        } else {
            Reason::Broken("no page can be read".into())
        });
    }
    if n_blank > 0 {
        draft.note(format!("{n_blank} of {n_pages} pages hold no text; they may be pictures"));
    }
    if n_partial > 0 {
        draft.note(format!("{n_partial} of {n_pages} pages have text in fonts that do not tell its letters"));
    }
    if !broken.is_empty() {
        let shown: Vec<_> = broken.iter().take(10).map(ToString::to_string).collect();
        let n_broken = broken.len();
        draft.note(format!("{n_broken} of {n_pages} pages cannot be read: {}", shown.join(", ")));
    }
    Ok(())
}

/// Writes a page; a heading stands where its line is found, or else at the top.
fn write_page(text: &str, entries: Vec<Entry>, place: &Place, draft: &mut Draft) {
    let lines: Vec<_> = text.lines().collect();
    let letters = |text: &str| {
        text.chars().filter(|letter| letter.is_alphanumeric()).collect::<String>().to_lowercase()
    };
    let mut from = 0;
    for entry in entries {
        let wanted = letters(&entry.title);
        // The line may begin with a number that the outline leaves out.
        let is_it = |line: &&str| {
            !wanted.is_empty() && letters(line).ends_with(&wanted) && line.len() < 3 * entry.title.len() + 20
        };
        let found = lines.iter().skip(from).position(is_it).map(|at| from + at);
        if let Some(at) = found {
            write_lines(lines.get(from..at).unwrap_or_default(), place, draft);
            from = at + 1;
        }
        draft.heading(entry.level, &entry.title, place.clone());
    }
    write_lines(lines.get(from..).unwrap_or_default(), place, draft);
}

fn write_lines(lines: &[&str], place: &Place, draft: &mut Draft) {
    for paragraph in lines.split(|line| line.trim().is_empty()) {
        draft.prose(&paragraph.join("\n"), place.clone());
    }
}

fn outline(pdf: &Pdf) -> Vec<Entry> {
    let toc = pdf.get_toc().map(|toc| toc.toc).unwrap_or_default();
    let entry = |entry: lopdf::TocType| Entry {
        level: u32::try_from(entry.level).unwrap_or(u32::MAX),
        title: super::text::visible(&entry.title).0,
        page: entry.page,
    };
    let mut entries: Vec<_> = toc.into_iter().take(MAX_OUTLINE).map(entry).collect();
    // Stable: entries of a page stay in their order.
    entries.sort_by_key(|entry| entry.page);
    entries
}

fn title(pdf: &Pdf) -> Option<String> {
    let about = pdf.trailer.get(b"Info").and_then(|info| pdf.dereference(info)).ok()?.1.as_dict().ok()?;
    let title = about.get(b"Title").and_then(|title| pdf.dereference(title)).ok()?.1;
    let title = lopdf::decode_text_string(title).ok()?;
    let title = one_line(&super::text::visible(&title).0);
    (!title.is_empty()).then(|| title.chars().take(200).collect())
}

fn why(error: &Error) -> Reason {
    match error {
        Error::InvalidPassword | Error::Decryption(_) | Error::UnsupportedSecurityHandler(_) => {
            Reason::Encrypted
        }
        error => {
            let told: String = error.to_string().chars().take(200).collect();
            Reason::Broken(format!("is not a PDF that can be read: {told}"))
        }
    }
}
