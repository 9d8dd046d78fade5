//! Records in a file what a run has done, so that another run can resume there.
//!
//! The file is only appended to. [`Bulk::journal`](super::Bulk::journal) documents what is in it, and when it is on disk.

mod carry;
mod file;
mod frames;
mod reading;
mod record;
mod salvage;
mod scan;

use std::{io, path::PathBuf};

use serde::{Serialize, de::DeserializeOwned};

pub use self::{
    carry::{CarriedOver, carry_over},
    salvage::salvage,
};
use self::{
    file::JournalFile,
    reading::Reading,
    record::{Header, Record, Taken, append, parse},
    scan::{Found, Open, scan},
};
pub(super) use self::{
    file::Options,
    record::{DoneRecord, RequestRecord},
};
use super::{
    error::Error,
    outcome::{Earlier, Outcome},
};

/// A journal to open with the first update.
pub(super) struct Opening {
    pub(super) path: PathBuf,
    pub(super) options: Options,
}

/// A journal, used by this run alone until this is dropped.
pub(super) struct Journal {
    path: PathBuf,
    /// `None` only while a blocking task uses it.
    file: Option<JournalFile>,
    /// Records that are not written yet.
    buffer: Vec<u8>,
    /// This run has added a record.
    has_put: bool,
    /// A write failed, so nothing more is written: it would follow a gap.
    broken: bool,
    found: Found,
    reading: Option<Reading>,
}

/// What the journal knows of an update.
pub(super) struct Known<T> {
    pub(super) request: RequestRecord,
    pub(super) state: State<T>,
}

pub(super) enum State<T> {
    /// It is to be sent (again).
    Open(Earlier),
    /// Its outcome, and whether it counts for the error limits of this run: not if a run ended in order after it.
    Done(DoneRecord<T>, bool),
}

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
            _ => {
                let again = file.rewound()?.try_clone().map_err(file.failed("read"))?;
                Some(Reading::new(again, std::mem::take(&mut found.far)))
            }
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

    /// How many updates the input has, if an earlier run reached its end.
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

    /// What earlier runs have recorded of an update. To be called for each update once, in order.
    pub(super) async fn known<T: DeserializeOwned>(&mut self, index: u64) -> Result<Known<T>, Error> {
        let open = self.found.open.get(&index).map(Open::earlier);
        loop {
            let Some(reading) = &mut self.reading else {
                return Err(self.vanished());
            };
            if let Some((taken, done)) = reading.take(index, open.is_some()) {
                let state = match (open, done) {
                    (Some(earlier), _) => State::Open(earlier),
                    (None, Some((at, record))) => match parse(&record) {
                        Ok(Record::Done(done)) => State::Done(done, at >= self.found.stopped_at),
                        Ok(_) => return Err(self.vanished()),
                        Err(source) => return Err(self.unreadable(index, &source)),
                    },
                    (None, None) => return Err(self.vanished()),
                };
                if index + 1 == self.found.good.taken {
                    self.reading = None; // that was the last one
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

    /// The run was stopped, and no call is in flight.
    pub(super) fn put_stopped(&mut self) -> Result<(), Error> {
        self.put(&Record::<()>::Stopped)
    }

    /// The input has ended.
    pub(super) fn put_ended(&mut self, count: u64) -> Result<(), Error> {
        match self.found.ended {
            Some(_) if !self.has_put => Ok(()), // recorded already
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

    /// Writes the new records, and syncs them if `fsync` is set.
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

    /// The file has changed since it was opened, and not by this run.
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

/// Runs file IO on a thread for blocking tasks, so that it does not hold up calls.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|gone| Error::Gone { source: gone.into() })
}
