//! The file of a journal: regular, private to its owner, locked, and still the one at its path.

use std::{
    fs::{self, File, FileType, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{self, Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use crate::bulk::Error;

/// How long to wait for the lock: a run that was dropped holds it until its last write has ended.
const A_MOMENT: Duration = Duration::from_millis(500);

/// Which features of the file system a journal uses.
#[derive(Debug, Clone, Copy)]
pub(in crate::bulk) struct Options {
    pub(in crate::bulk) lock: bool,
    pub(in crate::bulk) fsync: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            lock: true,
            fsync: true,
        }
    }
}

pub(super) struct JournalFile {
    file: File,
    /// As the user passed it, for messages.
    path: PathBuf,
    /// The same, independent of later changes of the working directory.
    absolute: PathBuf,
    is_new: bool,
    /// Offset at which the last record ends.
    length: u64,
    fsync: bool,
    system: System,
}

/// Functions that the system may not support. Tests replace them by ones that fail.
#[derive(Clone, Copy)]
struct System {
    try_lock: fn(&File) -> Result<(), TryLockError>,
    sync: fn(&File) -> io::Result<()>,
    /// Syncs the folder that contains this file.
    sync_folder: fn(&Path) -> io::Result<()>,
}

const SYSTEM: System = System {
    try_lock: File::try_lock,
    sync: File::sync_data,
    sync_folder,
};

impl JournalFile {
    pub(super) fn open(path: &Path, create: bool, options: Options) -> Result<Self, Error> {
        Self::open_on(SYSTEM, path, create, options)
    }

    fn open_on(system: System, path: &Path, create: bool, options: Options) -> Result<Self, Error> {
        let failed = |source| failed(path, "opened", source);
        let absolute = path::absolute(path).map_err(failed)?;
        let until = Instant::now() + A_MOMENT;
        loop {
            // Checked first, because opening a FIFO may block forever, and opening a device may have an effect.
            let is_new = match fs::metadata(&absolute) {
                Ok(there) => {
                    check_type(path, there.file_type())?;
                    false
                }
                Err(error) if create && error.kind() == io::ErrorKind::NotFound => true,
                Err(error) => return Err(failed(error)),
            };
            let file = private()
                .read(true)
                .write(true)
                .create(create)
                .open(&absolute)
                .map_err(failed)?;
            check_type(path, file.metadata().map_err(failed)?.file_type())?;
            if options.lock {
                lock(&file, path, until, system.try_lock)?;
            }
            if how_lost(&file, &absolute).map_err(failed)?.is_none() {
                return Ok(Self {
                    length: file.metadata().map_err(failed)?.len(),
                    file,
                    path: path.to_owned(),
                    absolute,
                    is_new,
                    fsync: options.fsync,
                    system,
                });
            }
            // The path has another file now, or none: the run that used this one has ended and its journal was removed.
            if Instant::now() >= until {
                return Err(Error::JournalInUse { path: path.to_owned() });
            }
        }
    }

    /// The file, to be read from its beginning.
    pub(super) fn rewound(&self) -> Result<&File, Error> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(0)).map_err(self.failed("read"))?;
        Ok(file)
    }

    /// Whether it is empty or has an incomplete header only. A power loss may leave zeros in place of the rest.
    pub(super) fn is_beginning_of(&self, header: &[u8]) -> Result<bool, Error> {
        let mut start = Vec::new();
        let more = header.len() as u64 + 1;
        let read = self.rewound()?.take(more).read_to_end(&mut start);
        read.map_err(self.failed("read"))?;
        let same = header
            .iter()
            .zip(&start)
            .take_while(|(one, other)| one == other)
            .count();
        Ok(start.len() <= header.len() && same < header.len() && start[same..].iter().all(|byte| *byte == 0))
    }

    /// Truncates it, and writes the header.
    pub(super) fn begin(&mut self, header: &[u8]) -> Result<(), Error> {
        // A new file was created as private as its file system allows.
        if let Err(source) = make_private(&self.file)
            && !self.is_new
        {
            return Err(failed(&self.path, "made private", source));
        }
        self.cut_off(0)?;
        self.write(header)?;
        self.sync_new()
    }

    /// Truncates it to this many bytes, which earlier runs have written.
    pub(super) fn keep(&mut self, length: u64) -> Result<(), Error> {
        // A failure (on FAT, files have no mode of their own) is ignored: the file holds data already.
        let _ = make_private(&self.file);
        if length < self.length {
            self.cut_off(length)?;
        }
        // This run relies on what earlier runs have written, which may not be on disk yet.
        self.sync_new()
    }

    /// Creates `<path>.new`, or overwrites one that was left unfinished.
    pub(super) fn new_beside(&self, header: &[u8]) -> Result<Self, Error> {
        let path = fs::canonicalize(&self.absolute).map_err(self.failed("written"))?; // not next to a symbolic link
        let mut path = path.into_os_string();
        path.push(".new");
        let mut new = Self::open_on(self.system, Path::new(&path), true, Options::default())?;
        new.begin(header)?;
        Ok(new)
    }

    /// Removes it; a failure is ignored.
    pub(super) fn remove(self) {
        let _ = fs::remove_file(&self.absolute);
    }

    /// Replaces the old file by this one, which is on disk.
    pub(super) fn replace(self, old: Self) -> Result<(), Error> {
        let named = old.path.clone();
        let written = |source| failed(&named, "written", source);
        let path = fs::canonicalize(&old.absolute).map_err(written)?;
        // Windows can't rename an open file; elsewhere, both stay locked until the rename is done.
        #[cfg(windows)]
        drop((self.file, old.file));
        fs::rename(&self.absolute, &path).map_err(written)?;
        #[cfg(not(windows))]
        drop((self.file, old.file));
        let synced = ignore_unsupported((self.system.sync_folder)(&path));
        synced.map_err(|source| failed(&named, "synced", source))
    }

    /// Copies all of it to `<path>.damaged`.
    pub(super) fn copy_beside(&self) -> Result<(), Error> {
        let mut all = self.rewound()?;
        let copied = beside(&self.absolute).and_then(|(path, mut copy)| {
            io::copy(&mut all, &mut copy)?;
            (self.system.sync)(&copy)?;
            ignore_unsupported((self.system.sync_folder)(&path))
        });
        copied.map_err(self.failed("copied"))
    }

    /// Appends, and syncs if `fsync` is set.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.write(bytes)?;
        self.sync()?;
        // Checked last: the caller relies on the records from now on, and the sync takes time.
        self.check_path()
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        // Reading has moved the position in the file.
        let end = self.file.seek(SeekFrom::End(0)).map_err(self.failed("written"))?;
        if end != self.length {
            return Err(self.lost("changed"));
        }
        self.file.write_all(bytes).map_err(self.failed("written"))?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    fn cut_off(&mut self, length: u64) -> Result<(), Error> {
        self.file.set_len(length).map_err(self.failed("written"))?;
        self.length = length;
        Ok(())
    }

    fn sync(&self) -> Result<(), Error> {
        if !self.fsync {
            return Ok(());
        }
        (self.system.sync)(&self.file).map_err(self.failed("synced"))
    }

    /// Syncs the file and its folder, without which a new file may be missing after a power loss.
    fn sync_new(&self) -> Result<(), Error> {
        self.sync()?;
        let synced = if self.fsync {
            ignore_unsupported((self.system.sync_folder)(&self.absolute))
        } else {
            Ok(())
        };
        self.check_path()?; // reported in preference to a failed sync
        synced.map_err(self.failed("synced"))
    }

    fn check_path(&self) -> Result<(), Error> {
        match how_lost(&self.file, &self.absolute).map_err(self.failed("found again"))? {
            Some(what) => Err(self.lost(what)),
            None => Ok(()),
        }
    }

    pub(super) fn failed(&self, doing: &'static str) -> impl Fn(io::Error) -> Error {
        let path = self.path.clone();
        move |source| failed(&path, doing, source)
    }

    pub(super) fn lost(&self, what: &'static str) -> Error {
        let path = self.path.clone();
        Error::JournalLost { path, what }
    }
}

fn failed(path: &Path, doing: &'static str, source: io::Error) -> Error {
    let path = path.to_owned();
    Error::Journal { path, doing, source }
}

fn lock(
    file: &File,
    path: &Path,
    until: Instant,
    try_lock: fn(&File) -> Result<(), TryLockError>,
) -> Result<(), Error> {
    let path = || path.to_owned();
    loop {
        match try_lock(file) {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if Instant::now() < until => thread::sleep(A_MOMENT / 50),
            Err(TryLockError::WouldBlock) => return Err(Error::JournalInUse { path: path() }),
            Err(TryLockError::Error(source)) => return Err(Error::JournalNotLocked { path: path(), source }),
        }
    }
}

fn check_type(path: &Path, file: FileType) -> Result<(), Error> {
    if file.is_file() {
        return Ok(());
    }
    Err(Error::NotAJournal {
        path: path.to_owned(),
        what: format!("it is {}, not a regular file", name(file)),
    })
}

fn name(file: FileType) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        match () {
            () if file.is_fifo() => return "a FIFO",
            () if file.is_socket() => return "a socket",
            () if file.is_char_device() || file.is_block_device() => return "a device",
            () => {}
        }
    }
    if file.is_dir() { "a folder" } else { "something else" }
}

/// A journal is private to its owner: responses contain customers' data.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    // Others can read and write it, but not remove or rename it while a run uses it.
    #[cfg(windows)]
    std::os::windows::fs::OpenOptionsExt::share_mode(&mut options, 1 | 2);
    options
}

#[cfg(unix)]
fn make_private(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;

    let mode = file.metadata()?.permissions().mode();
    match mode & 0o077 {
        0 => Ok(()),
        _ => file.set_permissions(fs::Permissions::from_mode(mode & 0o700)),
    }
}

#[cfg(not(unix))]
fn make_private(_: &File) -> io::Result<()> {
    Ok(())
}

/// What happened to the file at this path, if it is no longer the open one. The lock belongs to the file, so another run that
/// opens the new file does not notice this one.
#[cfg(unix)]
fn how_lost(file: &File, path: &Path) -> io::Result<Option<&'static str>> {
    use std::os::unix::fs::MetadataExt as _;

    let here = file.metadata()?;
    match fs::metadata(path) {
        Ok(there) if (there.dev(), there.ino()) == (here.dev(), here.ino()) => Ok(None),
        Ok(_) => Ok(Some("replaced by another file")),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(Some("removed"))
        }
        Err(error) => Err(error),
    }
}

/// Windows does not allow its removal; see [`private`].
#[cfg(not(unix))]
fn how_lost(_: &File, _: &Path) -> io::Result<Option<&'static str>> {
    Ok(None)
}

#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    let path = fs::canonicalize(path)?; // the target of a symbolic link may be in another folder
    File::open(path.parent().unwrap_or(&path))?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Some file systems can't sync a folder, and a folder without read permission can't be opened.
fn ignore_unsupported(synced: io::Result<()>) -> io::Result<()> {
    use io::ErrorKind::{InvalidInput, IsADirectory, PermissionDenied, Unsupported};
    match synced.as_ref().map_err(io::Error::kind) {
        Err(InvalidInput | IsADirectory | PermissionDenied | Unsupported) => Ok(()),
        _ => synced,
    }
}

/// Creates a new file for the copy of a damaged one.
fn beside(path: &Path) -> io::Result<(PathBuf, File)> {
    let mut number = 0;
    loop {
        let mut name = path.as_os_str().to_owned();
        name.push(match number {
            0 => ".damaged".to_owned(),
            number => format!(".damaged.{number}"),
        });
        match private().write(true).create_new(true).open(&name) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < 1_000 => number += 1,
            other => return other.map(|file| (name.into(), file)),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)] // tests
mod tests {
    use super::*;

    const HEADER: &[u8] = b"header";

    /// Fails if anything is synced.
    const NO_SYNC: System = System {
        sync: |_| panic!("a file was synced"),
        sync_folder: |_| panic!("a folder was synced"),
        ..SYSTEM
    };

    fn begin(system: System, path: &Path, options: Options) -> Result<JournalFile, Error> {
        let mut file = JournalFile::open_on(system, path, true, options)?;
        assert!(file.is_beginning_of(HEADER)?);
        file.begin(HEADER)?;
        file.append(b"record")?;
        Ok(file)
    }

    fn path() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        (folder, path)
    }

    #[test]
    fn a_file_system_without_locks_is_refused_unless_that_is_accepted() {
        let (_folder, path) = path();
        let system = System {
            try_lock: |_| Err(TryLockError::Error(io::ErrorKind::Unsupported.into())),
            ..SYSTEM
        };
        match begin(system, &path, Options::default()) {
            Err(Error::JournalNotLocked { source, .. }) => assert_eq!(source.kind(), io::ErrorKind::Unsupported),
            other => panic!("{:?}", other.err()),
        }
        assert_eq!(fs::read(&path).unwrap(), b"", "nothing was written");
        let options = Options {
            lock: false,
            ..Options::default()
        };
        begin(system, &path, options).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"headerrecord");
    }

    #[test]
    fn two_runs_without_a_lock_notice_each_other() {
        let (_folder, path) = path();
        let options = Options {
            lock: false,
            ..Options::default()
        };
        let mut first = begin(SYSTEM, &path, options).unwrap();
        let mut second = JournalFile::open(&path, false, options).unwrap();
        second.keep(12).unwrap();
        second.append(b"!").unwrap();
        for _ in 0..2 {
            let error = first.append(b"?").unwrap_err();
            assert!(matches!(error, Error::JournalLost { what: "changed", .. }), "{error:?}");
        }
        assert_eq!(fs::read(&path).unwrap(), b"headerrecord!");
    }

    #[test]
    fn a_journal_that_is_removed_while_it_is_begun_is_lost() {
        let (_folder, path) = path();
        let system = System {
            sync_folder: |path| fs::remove_file(path).and_then(|()| sync_folder(path)),
            ..SYSTEM
        };
        let error = begin(system, &path, Options::default()).err().unwrap();
        assert!(matches!(error, Error::JournalLost { what: "removed", .. }), "{error:?}");
    }

    #[test]
    fn nothing_is_synced_if_that_is_not_wanted() {
        let (_folder, path) = path();
        let options = Options {
            fsync: false,
            ..Options::default()
        };
        drop(begin(NO_SYNC, &path, options).unwrap());
        let mut file = JournalFile::open_on(NO_SYNC, &path, true, options).unwrap();
        assert!(!file.is_beginning_of(HEADER).unwrap());
        file.keep(6).unwrap();
        file.append(b"other").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"headerother");
    }

    #[test]
    fn a_file_that_can_not_be_synced_is_an_error() {
        let (_folder, path) = path();
        let system = System {
            sync: |_| Err(io::ErrorKind::Unsupported.into()),
            ..SYSTEM
        };
        let error = begin(system, &path, Options::default()).err().unwrap();
        assert!(matches!(error, Error::Journal { doing: "synced", .. }), "{error:?}");
    }

    #[test]
    fn a_folder_that_can_not_be_synced_is_no_error_and_one_that_fails_is() {
        let (_folder, path) = path();
        for (sync_folder, is_optional) in [
            (
                (|_| Err(io::ErrorKind::PermissionDenied.into())) as fn(&Path) -> io::Result<()>,
                true,
            ),
            (|_| Err(io::ErrorKind::InvalidInput.into()), true),
            (|_| Err(io::ErrorKind::Unsupported.into()), true),
            (|_| Err(io::ErrorKind::StorageFull.into()), false),
            (|_| Err(io::Error::other("input/output error")), false),
        ] {
            let system = System { sync_folder, ..SYSTEM };
            let result = begin(system, &path, Options::default()).map(drop);
            assert_eq!(result.is_ok(), is_optional, "{result:?}");
            if let Err(error) = result {
                assert!(matches!(error, Error::Journal { doing: "synced", .. }), "{error:?}");
            }
            fs::remove_file(&path).unwrap();
        }
    }
}
