//! Records what a run has done in a file, so that another run can resume there.
//!
//! The file is only appended to. [`Bulk::journal`](super::Bulk::journal) documents what is in it, and when it is on disk.

mod carry;
mod file;
mod frames;
mod record;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs::File,
    io::{self, BufReader, Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
};

use serde::{Serialize, de::DeserializeOwned, de::IgnoredAny};

pub use self::carry::{CarriedOver, carry_over};
pub(super) use self::record::{DoneRecord, RequestRecord};
use self::{
    file::JournalFile,
    frames::{Frame, Frames},
    record::{Header, Record, Taken},
};
use super::{Error, Outcome, ValidPrefix, outcome::Earlier, queue::SPAN};

/// What is wanted of the file system.
#[derive(Debug, Clone, Copy)]
pub(super) struct Options {
    pub(super) lock: bool,
    pub(super) fsync: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            lock: true,
            fsync: true,
        }
    }
}

/// A journal that is opened with the first update.
pub(super) struct Opening {
    pub(super) path: PathBuf,
    pub(super) options: Options,
}

/// A journal that this run alone uses, as long as this lives.
pub(super) struct Journal {
    path: PathBuf,
    /// Always there, but while a thread works with it.
    file: Option<JournalFile>,
    /// What is to be written next.
    buffer: Vec<u8>,
    /// Something of this run is in the file, or will be.
    has_put: bool,
    /// Something could not be written, so nothing more is written: it would follow a gap.
    broken: bool,
    found: Found,
    reading: Option<Reading>,
}

/// What a journal has when it is opened.
#[derive(Default)]
struct Found {
    good: ValidPrefix,
    /// Taken, without an outcome.
    open: BTreeMap<u64, Open>,
    /// The same by object, in order.
    behind: HashMap<String, BTreeSet<u64>>,
    /// Offsets of the outcomes that a later run recorded, far from their updates; all others are read in sequence.
    far: HashMap<u64, u64>,
    ended: Option<u64>,
    /// Offset at which the latest run that ended in order recorded its end.
    stopped_at: u64,
}

struct Open {
    object: String,
    earlier: Earlier,
    /// It was sent, and the journal has no later record of it.
    is_under_way: bool,
}

/// Reads what was found a second time, in step with the input.
struct Reading {
    frames: Frames<BufReader<File>>,
    taken: HashMap<u64, Taken>,
    done: HashMap<u64, (u64, Vec<u8>)>,
    far: HashMap<u64, u64>,
}

/// What the journal knows of an update.
pub(super) struct Known<T> {
    pub(super) request: RequestRecord,
    pub(super) state: State<T>,
}

pub(super) enum State<T> {
    /// It is to be made (again).
    Open(Earlier),
    /// Its outcome, and whether it counts among the errors of this run: not if a run ended in order after it.
    Done(DoneRecord<T>, bool),
}

const READ_AT_ONCE: usize = 1 << 20;
/// A single write is far smaller, so a longer tail was not left by a crash.
const LARGEST_TAIL: u64 = 64 << 20;

impl Journal {
    /// Opens a journal, or begins one. Its records are not changed, but an incomplete last record, left by a run that was
    /// killed, is cut off.
    pub(super) async fn open(path: PathBuf, operation: &'static str, options: Options) -> Result<Self, Error> {
        blocking(move || Self::open_now(path, operation, options)).await?
    }

    fn open_now(path: PathBuf, operation: &str, options: Options) -> Result<Self, Error> {
        let mut file = JournalFile::open(&path, true, options)?;
        let mut header = Vec::new();
        let record = Record::<()>::Journal(Header::new(operation));
        append(&mut header, &record).map_err(file.failed("written"))?;
        let mut found = Found::default();
        // A run that was killed while it wrote the first record has done nothing yet.
        if file.is_beginning_of(&header)? {
            file.begin(&header)?;
        } else {
            found = scan(&path, file.rewound()?, Some(operation))?;
            file.keep(found.good.bytes)?;
        }
        let reading = match found.good.taken {
            0 => None,
            _ => Some(Reading {
                frames: Frames::new(BufReader::new(
                    file.rewound()?.try_clone().map_err(file.failed("read"))?,
                )),
                taken: HashMap::new(),
                done: HashMap::new(),
                far: std::mem::take(&mut found.far),
            }),
        };
        Ok(Self {
            path,
            file: Some(file),
            buffer: Vec::new(),
            has_put: false,
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
        let open = self.found.open.get(&index).map(Open::earlier);
        loop {
            let Some(reading) = &mut self.reading else {
                return Err(self.vanished());
            };
            if reading.taken.contains_key(&index) && (open.is_some() || reading.done.contains_key(&index)) {
                let Some(taken) = reading.taken.remove(&index) else {
                    return Err(self.vanished());
                };
                let state = match (open, reading.done.remove(&index)) {
                    (Some(earlier), _) => State::Open(earlier),
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
                let request = taken.request;
                return Ok(Known { request, state });
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

    pub(super) fn put_taken(&mut self, index: u64, request: RequestRecord) -> Result<(), Error> {
        self.put(&Record::<()>::Taken(Taken { index, request }))
    }

    pub(super) fn put_sent(&mut self, index: u64) -> Result<(), Error> {
        self.put(&Record::<()>::Sent(index))
    }

    pub(super) fn put_not_sent(&mut self, index: u64) -> Result<(), Error> {
        self.put(&Record::<()>::NotSent(index))
    }

    pub(super) fn put_open(&mut self, index: u64, may_have_happened: bool) -> Result<(), Error> {
        self.put(&Record::<()>::Open {
            index,
            may_have_happened,
        })
    }

    pub(super) fn put_done<T: Serialize>(
        &mut self,
        index: u64,
        repeats: u32,
        lost: Option<u64>,
        outcome: &Outcome<T>,
    ) -> Result<(), Error> {
        match DoneRecord::of(index, repeats, lost, outcome) {
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
            Some(_) if !self.has_put => Ok(()), // it is there
            _ => self.put(&Record::<()>::Ended(count)),
        }
    }

    /// Whether something could not be written.
    pub(super) fn is_broken(&self) -> bool {
        self.broken
    }

    fn put<T: Serialize>(&mut self, record: &Record<T>) -> Result<(), Error> {
        self.has_put = true;
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
        let mut buffer = std::mem::take(&mut self.buffer);
        let (file, buffer, result) = blocking(move || {
            let result = file.append(&buffer);
            buffer.clear();
            (file, buffer, result)
        })
        .await?;
        (self.file, self.buffer, self.broken) = (Some(file), buffer, result.is_err());
        result
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
        Error::JournalLost {
            path: self.path.clone(),
            what: "changed",
        }
    }

    fn unreadable(&self, index: u64, source: &serde_json::Error) -> Error {
        Error::NotAJournal {
            path: self.path.clone(),
            // serde's message may quote the response.
            what: format!(
                "the response to update {index} can't be read by this version (at column {} of its record)",
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
                Record::Taken(taken) => {
                    if let Some(at) = self.far.get(&taken.index).copied() {
                        let next = self.frames.offset();
                        self.frames.go_to(at)?;
                        if let Frame::Record(record) = self.frames.next()? {
                            self.done.insert(taken.index, (at, record));
                        }
                        self.frames.go_to(next)?;
                    }
                    self.taken.insert(taken.index, taken);
                }
                Record::Done(done) => {
                    if !self.far.contains_key(&done.index) {
                        self.done.insert(done.index, (at, record));
                    }
                }
                Record::Journal(_)
                | Record::Sent(_)
                | Record::NotSent(_)
                | Record::Open { .. }
                | Record::Earlier { .. }
                | Record::Stopped
                | Record::Ended(_) => {}
            }
        }
        Ok(self.frames.offset() > from)
    }
}

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
    // All of it is on the disk a second time before anything is cut off, so this can be killed at any moment, too.
    file.copy_beside()?;
    file.keep(good.bytes)?;
    Ok(good)
}

fn append<T: Serialize>(out: &mut Vec<u8>, record: &Record<T>) -> io::Result<()> {
    frames::append(out, &serde_json::to_vec(record)?);
    Ok(())
}

/// Read like a response: a value that is nested just within the limit there is nested deeper here.
fn parse<T: DeserializeOwned>(record: &[u8]) -> serde_json::Result<Record<T>> {
    chartmogul_api::json_from_slice(record)
}

/// Reads a journal from its beginning to its end, and checks all that can be checked.
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
        return Err(no_journal("it does not begin like a journal".to_owned()));
    };
    let right = Header::new(operation.unwrap_or(&header.operation));
    if header.format != right.format || header.version != right.version {
        return Err(no_journal(format!(
            "it is `{}`, version {}",
            header.format, header.version
        )));
    }
    if header.operation != right.operation {
        return Err(no_journal(format!("it belongs to a run of `{}`", header.operation)));
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
                    return Err(damaged("a record is not known to this version"));
                };
                if !found.add(&known, frames.offset()) {
                    return Err(damaged("a record can't follow the records before it"));
                }
            }
            // What was being written when the run was killed was never reported, and can be dropped.
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

impl Open {
    /// What is known of it if no other record follows.
    fn earlier(&self) -> Earlier {
        Earlier {
            may_have_happened: self.earlier.may_have_happened || self.is_under_way,
            ..self.earlier
        }
    }
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
                let object = taken.request.id.to_ascii_lowercase();
                self.behind.entry(object.clone()).or_default().insert(taken.index);
                let open = Open {
                    object,
                    earlier: Earlier::default(),
                    is_under_way: false,
                };
                self.open.insert(taken.index, open);
                self.good.taken += 1;
            }
            Record::Sent(index) => match self.next(*index) {
                Some(open) => {
                    open.earlier = open.earlier();
                    open.earlier.sent = open.earlier.sent.saturating_add(1);
                    open.is_under_way = true;
                }
                None => return false,
            },
            Record::NotSent(index) => match self.next(*index) {
                Some(open) if open.is_under_way => {
                    open.earlier.sent -= 1;
                    open.is_under_way = false;
                }
                _ => return false,
            },
            Record::Open {
                index,
                may_have_happened,
            } => match self.next(*index) {
                Some(open) if open.is_under_way => {
                    open.earlier.may_have_happened |= may_have_happened;
                    open.is_under_way = false;
                }
                _ => return false,
            },
            Record::Earlier {
                index,
                sent,
                may_have_happened,
            } => match self.open.get_mut(index) {
                Some(open) if !open.is_under_way && open.earlier == Earlier::default() => {
                    open.earlier = Earlier {
                        sent: *sent,
                        may_have_happened: *may_have_happened,
                    };
                }
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
                if self.good.taken - done.index > SPAN {
                    self.far.insert(done.index, self.good.bytes); // where this record begins
                }
            }
            Record::Stopped => self.stopped_at = end,
            Record::Ended(count) => {
                if *count != self.good.taken {
                    return false;
                }
                self.ended = Some(*count);
                self.stopped_at = end;
            }
        }
        true
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
