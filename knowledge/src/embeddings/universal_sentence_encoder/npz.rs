//! Arrays out of an archive as NumPy writes them: a ZIP file of one `.npy` for each.
//!
//! Only what the weights are made of is read: bytes and little-endian numbers, row after row. The format is described in
//! <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>.

use std::io::{Cursor, Read};

use waggle_agent_core::{Error, Kind, Result};
use zip::ZipArchive;

use super::matrix::Matrix;

/// Bytes of one array, unpacked. The largest of the model has a quarter of it.
const MAX_ARRAY_BYTES: u64 = 16 * 1024 * 1024;

/// An archive of arrays.
pub(super) struct Npz<'a> {
    archive: ZipArchive<Cursor<&'a [u8]>>,
}

impl<'a> Npz<'a> {
    /// Reads the list of arrays.
    ///
    /// # Errors
    ///
    /// `Invalid` when it is no archive.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self> {
        let archive = ZipArchive::new(Cursor::new(bytes))
            .map_err(|error| Kind::Invalid.because("read the weights as an archive", error))?;
        Ok(Self { archive })
    }

    /// Reads a table of numbers.
    ///
    /// # Errors
    ///
    /// `Invalid` when it is missing, is no table of 32-bit numbers or has one that is not finite; so below.
    pub(super) fn table(&mut self, name: &str) -> Result<Matrix> {
        let array = self.array(name)?;
        let [_, n_columns] = array.shape.as_slice() else { return Err(invalid(name, "is no table")) };
        let numbers = array.numbers(name)?;
        Matrix::new(*n_columns, numbers).ok_or_else(|| invalid(name, "has no whole rows"))
    }

    /// Reads a row of numbers.
    pub(super) fn row(&mut self, name: &str) -> Result<Vec<f32>> {
        let array = self.array(name)?;
        let [_] = array.shape.as_slice() else { return Err(invalid(name, "is no row")) };
        array.numbers(name)
    }

    /// Reads a table of bytes, with how many columns it has.
    pub(super) fn bytes(&mut self, name: &str) -> Result<(usize, Vec<u8>)> {
        let array = self.array(name)?;
        match array.shape.as_slice() {
            [_, n_columns] if array.element == "|u1" => Ok((*n_columns, array.content)),
            _ => Err(invalid(name, "is no table of bytes")),
        }
    }

    /// Reads a number of 64 bits that stands alone.
    pub(super) fn number(&mut self, name: &str) -> Result<f64> {
        let array = self.array(name)?;
        match <[u8; 8]>::try_from(array.content.as_slice()) {
            Ok(bytes) if array.element == "<f8" => Ok(f64::from_le_bytes(bytes)),
            _ => Err(invalid(name, "is no number")),
        }
    }

    fn array(&mut self, name: &str) -> Result<Array> {
        let reading = || format!("read array `{name}` of the weights");
        let file = self.archive.by_name(&format!("{name}.npy"));
        let file = file.map_err(|error| Kind::Invalid.because(reading(), error))?;
        let mut bytes = Vec::new();
        // What the archive says of its sizes is not believed.
        let read = file.take(MAX_ARRAY_BYTES + 1).read_to_end(&mut bytes);
        read.map_err(|error| Kind::Invalid.because(reading(), error))?;
        if bytes.len() as u64 > MAX_ARRAY_BYTES {
            return Err(invalid(name, &format!("has over {MAX_ARRAY_BYTES} bytes")));
        }
        array(&bytes).map_err(|reason| invalid(name, reason))
    }
}

/// One array.
#[derive(Debug)]
struct Array {
    /// NumPy's name of the elements: `<f4`.
    element: String,
    shape: Vec<usize>,
    content: Vec<u8>,
}

impl Array {
    fn numbers(&self, name: &str) -> Result<Vec<f32>> {
        if self.element != "<f4" {
            return Err(invalid(name, "has no numbers of 32 bits"));
        }
        let bytes = self.content.chunks_exact(4).filter_map(|bytes| <[u8; 4]>::try_from(bytes).ok());
        let numbers: Vec<f32> = bytes.map(f32::from_le_bytes).collect();
        if !numbers.iter().all(|number| number.is_finite()) {
            return Err(invalid(name, "has a number that is not finite"));
        }
        Ok(numbers)
    }
}

/// Takes an array apart. Its head is a Python dictionary: `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`.
fn array(bytes: &[u8]) -> Result<Array, &'static str> {
    let rest = bytes.strip_prefix(b"\x93NUMPY").ok_or("is no array of NumPy")?;
    let (n_head, rest) = match rest {
        [1, _, a, b, rest @ ..] => (u32::from_le_bytes([*a, *b, 0, 0]), rest),
        [2 | 3, _, a, b, c, d, rest @ ..] => (u32::from_le_bytes([*a, *b, *c, *d]), rest),
        _ => return Err("has a version that is not known"),
    };
    let n_head = usize::try_from(n_head).map_err(|_| "has a head without end")?;
    let (head, content) = rest.split_at_checked(n_head).ok_or("is cut in its head")?;
    let head = std::str::from_utf8(head).map_err(|_| "has a head that is no text")?;
    let element = between(head, "'descr': '", "'").ok_or("does not say what its elements are")?;
    if between(head, "'fortran_order': ", ",") != Some("False") {
        return Err("does not go row after row");
    }
    let shape = between(head, "'shape': (", ")").ok_or("does not say its shape")?;
    let shape = shape.split(',').map(str::trim).filter(|length| !length.is_empty());
    let shape: Result<Vec<usize>, _> = shape.map(str::parse).collect();
    let shape = shape.map_err(|_| "has a shape that is none")?;
    let n_bytes_each = match element {
        "|u1" => 1,
        "<f4" => 4,
        "<f8" => 8,
        _ => return Err("has elements of another kind"),
    };
    let n_bytes = shape.iter().try_fold(n_bytes_each, |n, length| usize::checked_mul(n, *length));
    if n_bytes != Some(content.len()) {
        return Err("has another size than it says");
    }
    Ok(Array { element: element.to_owned(), shape, content: content.to_vec() })
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    rest.split_once(after).map(|(found, _)| found)
}

fn invalid(name: &str, what: &str) -> Error {
    Kind::Invalid.error(format!("array `{name}` of the weights {what}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::synthetic::npy, *};

    fn check(bytes: &[u8], want: &str) {
        assert_eq!(array(bytes).unwrap_err(), want, "{:?}", String::from_utf8_lossy(bytes));
    }

    #[test]
    fn an_array_that_is_not_as_it_says_is_refused() {
        check(b"", "is no array of NumPy");
        check(b"\x93NUMPY\x09\x00", "has a version that is not known");
        check(b"\x93NUMPY\x01\x00\xff\xff{", "is cut in its head");
        check(b"\x93NUMPY\x02\x00\xff\xff\xff\xff{", "is cut in its head");
        check(&npy("<f4", "2, 3", &[0; 23]), "has another size than it says");
        check(&npy("<f4", "18446744073709551615, 3", &[]), "has another size than it says");
        check(&npy("<f4", "-1,", &[]), "has a shape that is none");
        check(&npy("|O", "1,", &[0; 8]), "has elements of another kind");
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(numbers in prop::collection::vec(any::<f32>(), 0..40)) {
            let content: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
            let read = array(&npy("<f4", &format!("{},", numbers.len()), &content)).unwrap();
            prop_assert_eq!((read.element.as_str(), read.shape), ("<f4", vec![numbers.len()]));
            prop_assert_eq!(read.content, content);
        }

        #[test]
        fn garbled_arrays_never_panic(at in 0..200_usize, byte in any::<u8>(), n_left in 0..200_usize) {
            let mut bytes = npy("<f4", "2, 3", &[0; 24]);
            let n = bytes.len();
            if let Some(there) = bytes.get_mut(at % n) {
                *there = byte;
            }
            bytes.truncate(n_left);
            let _ = array(&bytes);
        }

        #[test]
        fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = array(&[b"\x93NUMPY\x01\x00".as_slice(), &bytes].concat());
            prop_assert!(Npz::read(&bytes).is_err());
        }
    }
}
