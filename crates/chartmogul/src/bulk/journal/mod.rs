//! What a run has done, in a file, so that another run can go on from there.
//!
//! The file only grows. What is in it, and when it is on the disk, is told on [`Bulk::journal`](super::Bulk::journal).

mod frames;
mod record;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs::{File, OpenOptions, TryLockError},
    io::{self, BufReader, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use serde::{Serialize, de::DeserializeOwned, de::IgnoredAny};

pub(super) use self::record::{DoneRecord, What};
use self::{
    frames::{Frame, Frames},
    record::{Header, Record, Taken},
};
use super::{Error, Good, Outcome};

/// A journal that this run alone uses, as long as this lives.
pub(super) struct Journal {
    path: PathBuf,
    /// Always there, but while a thread works with it.
    file: Option<File>,
    fsync: bool,
    /// What is to be written next.
    buffer: Vec<u8>,
    /// Something could not be written, so nothing more is: it would stand behind a gap.
    broken: bool,
    found: Found,
    reading: Option<Reading>,
}

/// What a journal has when it is opened.
#[derive(Default)]
struct Found {
    good: Good,
    /// Taken, without an outcome.
    open: BTreeMap<u64, Open>,
    /// The same by object, in order.
    behind: HashMap<String, BTreeSet<u64>>,
    /// Where it was last said that an outcome does not count.
    undone: HashMap<u64, u64>,
    ended: Option<u64>,
    /// Where the latest run that ended in order has said so.
    stopped_at: u64,
}

struct Open {
    object: String,
    /// How often.
    sent: u32,
}

/// Reads what was found a second time, in step with the input.
struct Reading {
    frames: Frames<BufReader<File>>,
    taken: HashMap<u64, Taken>,
    done: HashMap<u64, (u64, Vec<u8>)>,
}

/// What the journal knows of an update.
pub(super) struct Known<T> {
    pub(super) what: What,
    pub(super) state: State<T>,
}

pub(super) enum State<T> {
    /// It was sent so often, and nobody knows its outcome.
    Open(u32),
    /// Its outcome, and whether it counts among the errors of this run: not if a run ended in order after it.
    Done(DoneRecord<T>, bool),
}

/// A run that was dropped lets go of its journal when what it was writing is written.
const A_MOMENT: Duration = Duration::from_millis(500);
const READ_AT_ONCE: usize = 1 << 20;
/// What is written at once is smaller by far, so more than this was not left by a crash.
const LARGEST_TAIL: u64 = 64 << 20;

impl Journal {
    /// Opens a journal, or begins one. Nothing that it has is changed, but the rest of a record that was being written when
    /// the run was killed is cut off.
    pub(super) async fn open(path: PathBuf, operation: &'static str, fsync: bool) -> Result<Self, Error> {
        blocking(move || Self::open_now(path, operation, fsync)).await?
    }

    fn open_now(path: PathBuf, operation: &str, fsync: bool) -> Result<Self, Error> {
        let failed = |doing| {
            let path = path.clone();
            move |source| Error::Journal { path, doing, source }
        };
        let (mut file, length) = open_locked(&path, true)?;
        let mut header = Vec::new();
        let record = Record::<()>::Journal(Header::new(operation));
        append(&mut header, &record).map_err(failed("written"))?;
        // A run that was killed while it wrote the first record has done nothing yet. A power loss may leave zeros of it.
        let begins = length <= header.len() as u64 && {
            let mut start = Vec::new();
            file.read_to_end(&mut start).map_err(failed("read"))?;
            let same = header
                .iter()
                .zip(&start)
                .take_while(|(one, other)| one == other)
                .count();
            same < header.len() && start[same..].iter().all(|byte| *byte == 0)
        };
        let mut found = Found::default();
        if begins {
            file.set_len(0)
                .and_then(|()| rewind(&mut file))
                .and_then(|()| file.write_all(&header))
                .and_then(|()| sync_new(&file, &path))
                .map_err(failed("begun"))?;
        } else {
            rewind(&mut file).map_err(failed("read"))?;
            found = scan(&path, &file, Some(operation))?;
            if found.good.bytes < length {
                file.set_len(found.good.bytes).map_err(failed("written"))?;
            }
            if fsync {
                // What an earlier run has written may not be on the disk, and it will be yielded.
                sync_new(&file, &path).map_err(failed("read"))?;
            }
            rewind(&mut file).map_err(failed("read"))?;
        }
        let reading = match found.good.taken {
            0 => None,
            _ => Some(Reading {
                frames: Frames::new(BufReader::new(file.try_clone().map_err(failed("read"))?)),
                taken: HashMap::new(),
                done: HashMap::new(),
            }),
        };
        Ok(Self {
            path,
            file: Some(file),
            fsync,
            buffer: Vec::new(),
            broken: false,
            found,
            reading,
        })
    }

    /// How many updates earlier runs have taken.
    pub(super) fn taken(&self) -> u64 {
        self.found.good.taken
    }

    /// How many updates the input has, if an earlier run came to its end.
    pub(super) fn ended(&self) -> Option<u64> {
        self.found.ended
    }

    pub(super) fn changed(&self, index: u64, difference: impl Into<String>) -> Error {
        Error::InputChanged {
            path: self.path.clone(),
            index,
            difference: difference.into(),
        }
    }

    /// What an earlier run has written about an update. They must be asked for in order, each once.
    pub(super) async fn known<T: DeserializeOwned>(&mut self, index: u64) -> Result<Known<T>, Error> {
        let open = self.found.open.get(&index).map(|open| open.sent);
        let undone = self.found.undone.get(&index).copied().unwrap_or_default();
        loop {
            let Some(reading) = &mut self.reading else {
                return Err(self.vanished());
            };
            let is_done = |(at, _): &(u64, Vec<u8>)| *at >= undone;
            if reading.taken.contains_key(&index) && (open.is_some() || reading.done.get(&index).is_some_and(is_done)) {
                let Some(taken) = reading.taken.remove(&index) else {
                    return Err(self.vanished());
                };
                let state = match (open, reading.done.remove(&index)) {
                    (Some(sent), _) => State::Open(sent),
                    (None, Some((at, record))) => match parse(&record) {
                        Ok(Record::Done(done)) => State::Done(done, at >= self.found.stopped_at),
                        Ok(_) => return Err(self.vanished()),
                        Err(source) => return Err(self.unreadable(index, &source)),
                    },
                    (None, None) => return Err(self.vanished()),
                };
                if index + 1 == self.found.good.taken {
                    self.reading = None; // all is known
                }
                let what = taken.what;
                return Ok(Known { what, state });
            }
            self.read_on().await?;
        }
    }

    async fn read_on(&mut self) -> Result<(), Error> {
        let Some(reading) = self.reading.take() else {
            return Err(self.vanished());
        };
        let (reading, result) = blocking(move || {
            let mut reading = reading;
            let result = reading.read_on();
            (reading, result)
        })
        .await?;
        self.reading = Some(reading);
        match result {
            Ok(true) => Ok(()),
            Ok(false) => Err(self.vanished()),
            Err(source) => Err(self.failed("read", source)),
        }
    }

    pub(super) fn put_taken(&mut self, index: u64, what: What) -> Result<(), Error> {
        self.put(&Record::<()>::Taken(Taken { index, what }))
    }

    pub(super) fn put_sent(&mut self, index: u64) -> Result<(), Error> {
        self.put(&Record::<()>::Sent(index))
    }

    pub(super) fn put_not_sent(&mut self, index: u64) -> Result<(), Error> {
        self.put(&Record::<()>::NotSent(index))
    }

    pub(super) fn put_undone(&mut self, index: u64, sent: u32, id: String) -> Result<(), Error> {
        self.put(&Record::<()>::Undone(index, sent, id))
    }

    pub(super) fn put_done<T: Serialize>(
        &mut self,
        index: u64,
        repeats: u32,
        outcome: &Outcome<T>,
    ) -> Result<(), Error> {
        match DoneRecord::of(index, repeats, outcome) {
            Some(done) => self.put(&Record::Done(done)),
            None => Ok(()),
        }
    }

    /// The run was stopped, and nothing of it is under way.
    pub(super) fn put_stopped(&mut self) -> Result<(), Error> {
        self.put(&Record::<()>::Stopped)
    }

    /// The input has ended.
    pub(super) fn put_ended(&mut self, count: u64) -> Result<(), Error> {
        match self.found.ended {
            Some(_) => Ok(()), // it is there
            None => self.put(&Record::<()>::Ended(count)),
        }
    }

    /// Whether something could not be written.
    pub(super) fn is_broken(&self) -> bool {
        self.broken
    }

    fn put<T: Serialize>(&mut self, record: &Record<T>) -> Result<(), Error> {
        append(&mut self.buffer, record).map_err(|source| self.failed("written", source))
    }

    /// Writes what was put, and waits until it is on the disk, unless that is not wanted.
    pub(super) async fn commit(&mut self) -> Result<(), Error> {
        if self.buffer.is_empty() || self.broken {
            return Ok(());
        }
        let Some(mut file) = self.file.take() else {
            return Err(self.vanished());
        };
        let (mut buffer, fsync) = (std::mem::take(&mut self.buffer), self.fsync);
        let (file, buffer, result) = blocking(move || {
            // What was read has left the file at another place.
            let result = file
                .seek(SeekFrom::End(0))
                .and_then(|_| file.write_all(&buffer))
                .and_then(|()| if fsync { file.sync_data() } else { Ok(()) });
            buffer.clear();
            (file, buffer, result)
        })
        .await?;
        (self.file, self.buffer, self.broken) = (Some(file), buffer, result.is_err());
        result.map_err(|source| self.failed("written", source))
    }

    fn failed(&self, doing: &'static str, source: io::Error) -> Error {
        Error::Journal {
            path: self.path.clone(),
            doing,
            source,
        }
    }

    /// Somebody has changed the file since it was opened.
    fn vanished(&self) -> Error {
        self.failed("read", io::Error::other("what was there a moment ago is gone"))
    }

    fn unreadable(&self, index: u64, source: &serde_json::Error) -> Error {
        Error::NotAJournal {
            path: self.path.clone(),
            // What serde says may quote the answer.
            what: format!(
                "the answer to update {index} can't be read by this version (at column {} of its record)",
                source.column()
            ),
        }
    }
}

impl Reading {
    /// Reads some records; `false` at the end.
    fn read_on(&mut self) -> io::Result<bool> {
        let from = self.frames.offset();
        let mut read = 0;
        while read < READ_AT_ONCE {
            let at = self.frames.offset();
            let Frame::Record(record) = self.frames.next()? else {
                break;
            };
            read += record.len();
            match parse::<IgnoredAny>(&record)? {
                Record::Taken(taken) => drop(self.taken.insert(taken.index, taken)),
                Record::Done(done) => drop(self.done.insert(done.index, (at, record))),
                Record::Journal(_)
                | Record::Sent(_)
                | Record::NotSent(_)
                | Record::Undone(..)
                | Record::Stopped
                | Record::Ended(_) => {}
            }
        }
        Ok(self.frames.offset() > from)
    }
}

/// Keeps the good part of a journal that is damaged, and the whole of it beside, as `<path>.damaged`.
///
/// A run can go on from there. Updates whose outcome was in the part that is lost are sent again, which is harmless.
/// A journal that is good is left as it is.
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
/// # Errors
/// [`Error::JournalInUse`]; [`Error::NotAJournal`] if not even the first record is good; [`Error::Journal`] if it can't be
/// read, or its copy can't be written.
pub fn salvage(path: impl AsRef<Path>) -> Result<Good, Error> {
    let path = path.as_ref();
    let failed = |doing| {
        let path = path.to_owned();
        move |source| Error::Journal { path, doing, source }
    };
    let (mut file, _) = open_locked(path, false)?;
    let good = match scan(path, &file, None) {
        Ok(found) => return Ok(found.good),
        Err(Error::JournalDamaged { good, .. }) => good,
        Err(error) => return Err(error),
    };
    // All of it is on the disk a second time before anything is cut off, so this can be killed at any moment, too.
    rewind(&mut file).map_err(failed("read"))?;
    beside(path)
        .and_then(|(copied, mut copy)| {
            io::copy(&mut file, &mut copy)?;
            sync_new(&copy, &copied)
        })
        .and_then(|()| file.set_len(good.bytes))
        .and_then(|()| file.sync_all())
        .map_err(failed("salvaged"))?;
    Ok(good)
}

/// A new file for what is damaged.
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

/// What is in a journal belongs to whoever runs it: answers have customers' data.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn open_locked(path: &Path, create: bool) -> Result<(File, u64), Error> {
    let failed = |source| Error::Journal {
        path: path.to_owned(),
        doing: "opened",
        source,
    };
    let file = private()
        .read(true)
        .write(true)
        .create(create)
        .open(path)
        .map_err(failed)?;
    let until = Instant::now() + A_MOMENT;
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if Instant::now() < until => thread::sleep(A_MOMENT / 50),
            Err(TryLockError::WouldBlock) => return Err(Error::JournalInUse { path: path.to_owned() }),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
    }
    let length = file.metadata().map_err(failed)?.len();
    Ok((file, length))
}

fn rewind(file: &mut File) -> io::Result<()> {
    file.seek(SeekFrom::Start(0)).map(drop)
}

/// A new file is there after a power loss only if its folder is on the disk too.
fn sync_new(file: &File, path: &Path) -> io::Result<()> {
    file.sync_all()?;
    #[cfg(unix)]
    {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

fn append<T: Serialize>(out: &mut Vec<u8>, record: &Record<T>) -> io::Result<()> {
    frames::append(out, &serde_json::to_vec(record)?);
    Ok(())
}

fn parse<T: DeserializeOwned>(record: &[u8]) -> serde_json::Result<Record<T>> {
    serde_json::from_slice(record)
}

/// Reads a journal from its beginning to its end, and believes nothing that it can check.
fn scan(path: &Path, file: &File, operation: Option<&str>) -> Result<Found, Error> {
    let failed = |source| Error::Journal {
        path: path.to_owned(),
        doing: "read",
        source,
    };
    let no_journal = |what: String| Error::NotAJournal {
        path: path.to_owned(),
        what,
    };
    let mut frames = Frames::new(BufReader::new(file));
    let header = match frames.next().map_err(failed)? {
        Frame::Record(record) => parse::<IgnoredAny>(&record).ok(),
        Frame::End => return Ok(Found::default()),
        Frame::Broken(_) => None,
    };
    let Some(Record::Journal(header)) = header else {
        return Err(no_journal("it does not begin like one".to_owned()));
    };
    let right = Header::new(operation.unwrap_or(&header.operation));
    if header.format != right.format || header.version != right.version {
        return Err(no_journal(format!(
            "it is `{}`, version {}",
            header.format, header.version
        )));
    }
    if header.operation != right.operation {
        return Err(no_journal(format!("it is that of a run of `{}`", header.operation)));
    }
    let mut found = Found::default();
    loop {
        found.good.bytes = frames.offset();
        let good = found.good;
        let damaged = |what: &str| Error::JournalDamaged {
            path: path.to_owned(),
            offset: good.bytes,
            what: what.to_owned(),
            good,
        };
        match frames.next().map_err(failed)? {
            Frame::End => return Ok(found),
            Frame::Record(record) => {
                let Some(known) = parse::<IgnoredAny>(&record).ok() else {
                    return Err(damaged("a record is none that this version knows"));
                };
                if !found.add(&known, frames.offset()) {
                    return Err(damaged("a record can't follow those before it"));
                }
            }
            // What was being written when the run was killed is of no use, and nobody was told of it.
            Frame::Broken(what) => {
                if is_torn(file, good.bytes).map_err(failed)? {
                    return Ok(found);
                }
                return Err(damaged(what));
            }
        }
    }
}

fn is_torn(mut file: &File, offset: u64) -> io::Result<bool> {
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(offset))?;
    file.take(LARGEST_TAIL + 1).read_to_end(&mut tail)?;
    Ok(tail.len() as u64 <= LARGEST_TAIL && frames::is_torn(&tail))
}

impl Found {
    /// Whether the record, which ends there, can follow those before it.
    fn add(&mut self, record: &Record<IgnoredAny>, end: u64) -> bool {
        match record {
            Record::Journal(_) => return false,
            Record::Taken(taken) => {
                if taken.index != self.good.taken || self.ended.is_some() {
                    return false;
                }
                self.open(taken.index, taken.what.id.to_ascii_lowercase(), 0);
                self.good.taken += 1;
            }
            Record::Sent(index) => match self.next(*index) {
                Some(open) => open.sent = open.sent.saturating_add(1),
                None => return false,
            },
            Record::NotSent(index) => match self.next(*index) {
                Some(open) if open.sent > 0 => open.sent -= 1,
                _ => return false,
            },
            Record::Done(done) => {
                if self.next(done.index).is_none() {
                    return false;
                }
                if let Some(open) = self.open.remove(&done.index)
                    && let Some(behind) = self.behind.get_mut(&open.object)
                {
                    behind.pop_first();
                    if behind.is_empty() {
                        self.behind.remove(&open.object);
                    }
                }
                self.good.done += 1;
            }
            Record::Undone(index, sent, id) => {
                if *index >= self.good.taken || self.open.contains_key(index) || self.good.done == 0 {
                    return false;
                }
                self.open(*index, id.to_ascii_lowercase(), *sent);
                self.undone.insert(*index, end);
                self.good.done -= 1;
            }
            Record::Stopped => self.stopped_at = end,
            Record::Ended(count) => {
                if *count != self.good.taken || !self.open.is_empty() {
                    return false;
                }
                self.ended = Some(*count);
            }
        }
        true
    }

    fn open(&mut self, index: u64, object: String, sent: u32) {
        self.behind.entry(object.clone()).or_default().insert(index);
        self.open.insert(index, Open { object, sent });
    }

    /// An open update, if no other one of the same object is before it. If the outcome of one were missing, it would be sent
    /// again and undo those behind it.
    fn next(&mut self, index: u64) -> Option<&mut Open> {
        let open = self.open.get_mut(&index)?;
        let first = self.behind.get(&open.object)?.first();
        (first == Some(&index)).then_some(open)
    }
}

/// Work with files, off the threads that calls are made on.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|gone| Error::Gone { source: gone.into() })
}
