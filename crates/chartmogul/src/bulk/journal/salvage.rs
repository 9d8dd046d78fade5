//! Recovers the intact part of a damaged journal.

use std::path::Path;

use super::{
    file::{JournalFile, Options},
    scan::scan,
};
use crate::bulk::error::{Error, ValidPrefix};

/// Cuts a damaged journal down to its intact part, and keeps a copy of the whole file as `<path>.damaged`.
///
/// A run can resume from the intact part. Updates whose outcome was in the lost part are sent again, which is harmless.
/// An intact journal is left unchanged.
///
/// ```
/// # fn main() -> Result<(), chartmogul::bulk::Error> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("close-dates.journal");
/// # std::fs::write(&path, "").unwrap();
/// let good = chartmogul::bulk::salvage(&path)?;
/// println!("kept: {good}");
/// # Ok(())
/// # }
/// ```
///
/// On a file system without locks, copy the journal to another one, and salvage it there.
///
/// # Errors
/// [`Error::JournalInUse`]; [`Error::JournalNotLocked`]; [`Error::NotAJournal`] if not even the first record is intact;
/// [`Error::Journal`] if it can't be read, or its copy can't be written.
pub fn salvage(path: impl AsRef<Path>) -> Result<ValidPrefix, Error> {
    let path = path.as_ref();
    let mut file = JournalFile::open(path, false, Options::default())?;
    let good = match scan(path, file.rewound()?, None) {
        Ok(found) => return Ok(found.good),
        Err(Error::JournalDamaged { good, .. }) => good,
        Err(error) => return Err(error),
    };
    // The copy is on disk before anything is cut off, so the process can be killed at any moment.
    file.copy_beside()?;
    file.keep(good.bytes)?;
    Ok(good)
}
