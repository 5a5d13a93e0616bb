//! Segments that turn out not to read while the store is open.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use crate::{disk::set_aside, health::Ailments, recovery::Access, segments::Segment, state::Present};

/// Reads `segments` whole, and takes out those that do not read; tells whether there were any.
///
/// Their files are set aside where the store may be changed.
pub fn set_damaged_aside<'a>(
    segments: impl IntoIterator<Item = &'a Arc<Segment>>,
    access: Access,
    present: &Present,
    ailments: &Ailments,
) -> bool {
    let mut found = false;
    for segment in segments {
        let Err(error) = read_guarded(|| segment.verify()) else { continue };
        if !is_damage(&error) {
            tracing::warn!(path = %segment.path.display(), %error, "segment cannot be read just now");
            continue;
        }
        found = true;
        present.change(|state| {
            Arc::make_mut(&mut state.segments).take_out(|other| other.path == segment.path);
        });
        let aside = match access {
            Access::Write => set_aside(&segment.path).unwrap_or_else(|_| segment.path.clone()),
            Access::Read => segment.path.clone(),
        };
        ailments.set_aside(&aside, format!("does not read: {error}"));
    }
    found
}

/// Runs a reader of files that may be damaged: Parquet's panics on some of them, and that is as good as an error.
pub fn read_guarded<T>(read: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    // What a panic leaves behind is the reader's own and is dropped here.
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| Err(io::Error::other("its reader panicked")))
}

/// Tells what is in a file from what the system says of it: too many open files is no damage, a missing file is.
fn is_damage(error: &io::Error) -> bool {
    error.raw_os_error().is_none() || error.kind() == io::ErrorKind::NotFound
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_says_is_no_damage() {
        let too_many_open_files = io::Error::from_raw_os_error(24);
        let missing = io::Error::from_raw_os_error(2);
        assert!(!is_damage(&too_many_open_files) && is_damage(&missing));
        let panicked = read_guarded(|| -> io::Result<()> { panic!("as a reader does") }).unwrap_err();
        assert!(is_damage(&panicked));
    }
}
