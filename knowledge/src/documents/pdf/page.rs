//! The text of one page, in the order in which it is drawn.

use std::collections::BTreeMap;

use lopdf::{Document as Pdf, Encoding, Object, ObjectId, Result, content::Content};

/// A space between two pieces of text, in thousandths of the font's size; less is kerning. A space is about 250 in most fonts.
const SPACE: f32 = -180.0;

/// Operations of one page.
const MAX_OPERATIONS: usize = 2_000_000;

/// Text of one page in bytes.
const MAX_TEXT: usize = 1024 * 1024;

/// The text of a page.
#[derive(Debug, Default)]
pub struct PageText {
    /// What is drawn, in the order in which it is drawn.
    pub text: String,
    /// Whether text was left out: in a font that tells no letters, or beyond the bounds.
    pub is_partial: bool,
}

/// Returns the text of a page. A step down starts a line, a greater one a paragraph.
///
/// # Errors
///
/// When the page is damaged, or its streams unpack to more than `limit` bytes.
pub fn text(pdf: &Pdf, page: ObjectId, limit: usize) -> Result<PageText> {
    let fonts = pdf.get_page_fonts(page)?;
    let mut encodings: BTreeMap<Vec<u8>, Encoding<'_>> = BTreeMap::new();
    for (name, font) in fonts {
        if let Ok(encoding) = font.get_font_encoding_with_limit(pdf, limit) {
            encodings.insert(name, encoding);
        }
    }
    let content = Content::decode(&pdf.get_page_content_with_limit(page, limit)?)?;
    let mut drawn = Drawn { scale: 1.0, size: 1.0, ..Drawn::default() };
    let mut encoding = None;
    for (index, operation) in content.operations.iter().enumerate() {
        if drawn.page.text.len() > MAX_TEXT || index >= MAX_OPERATIONS {
            drawn.page.is_partial = true;
            break;
        }
        let operands = operation.operands.as_slice();
        let operand = |index: usize| operands.get(index).and_then(|operand| operand.as_float().ok());
        match operation.operator.as_str() {
            "BT" => drawn.placed(0.0, 1.0),
            "Tf" => {
                encoding = operands
                    .first()
                    .and_then(|font| font.as_name().ok())
                    .and_then(|font| encodings.get(font));
                drawn.size = operand(1).unwrap_or(drawn.size).abs();
            }
            "TL" => drawn.leading = operand(0).unwrap_or_default(),
            "Td" => drawn.moved(operand(1).unwrap_or_default()),
            "TD" => {
                drawn.leading = -operand(1).unwrap_or_default();
                drawn.moved(operand(1).unwrap_or_default());
            }
            "Tm" => drawn.placed(operand(5).unwrap_or_default(), operand(3).unwrap_or(1.0)),
            "T*" => drawn.moved(-drawn.leading),
            "Tj" | "TJ" => drawn.show(encoding, operands),
            "'" => {
                drawn.moved(-drawn.leading);
                drawn.show(encoding, operands);
            }
            "\"" => {
                drawn.moved(-drawn.leading);
                drawn.show(encoding, operands.get(2..).unwrap_or_default());
            }
            _ => {}
        }
    }
    Ok(drawn.page)
}

/// What was drawn so far, and where the next text goes. ISO 32000-1 §9.4
#[derive(Default)]
struct Drawn {
    page: PageText,
    height: f32,
    /// Where the last text stands, once there is some.
    drawn_at: Option<f32>,
    has_moved: bool,
    /// What a unit of a line is on the page.
    scale: f32,
    size: f32,
    leading: f32,
}

impl Drawn {
    fn placed(&mut self, height: f32, scale: f32) {
        self.height = height;
        self.scale = scale.abs();
        self.has_moved = true;
    }

    fn moved(&mut self, up: f32) {
        self.height += up * self.scale;
        self.has_moved = true;
    }

    fn show(&mut self, encoding: Option<&Encoding<'_>>, operands: &[Object]) {
        let Some(encoding) = encoding else {
            self.page.is_partial = true;
            return;
        };
        self.separate();
        for operand in operands {
            match operand {
                Object::String(bytes, _) => self.push(encoding, bytes),
                Object::Array(pieces) => {
                    for piece in pieces {
                        match piece {
                            Object::String(bytes, _) => self.push(encoding, bytes),
                            piece if piece.as_float().is_ok_and(|gap| gap < SPACE) => self.space(),
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
    }

    /// Writes what stands between the last text and the next.
    fn separate(&mut self) {
        let step = (self.size * self.scale).max(0.01);
        if let (true, Some(before)) = (std::mem::take(&mut self.has_moved), self.drawn_at) {
            let down = (before - self.height).abs() / step;
            match down {
                // A little up or down is an exponent.
                down if down < 0.6 => self.space(),
                down if down < 1.8 => self.page.text.push('\n'),
                _ => self.page.text.push_str("\n\n"),
            }
        }
        self.drawn_at = Some(self.height);
    }

    fn push(&mut self, encoding: &Encoding<'_>, bytes: &[u8]) {
        match Pdf::decode_text(encoding, bytes) {
            Ok(text) => self.page.text.push_str(&text),
            Err(_) => self.page.is_partial = true,
        }
    }

    fn space(&mut self) {
        if !self.page.text.ends_with([' ', '\n']) {
            self.page.text.push(' ');
        }
    }
}
