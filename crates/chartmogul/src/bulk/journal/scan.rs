//! Reads a journal from its beginning to its end, and checks that each record can follow those before it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs::File,
    io::{self, BufReader, Read as _, Seek as _, SeekFrom},
    path::Path,
};

use serde::de::IgnoredAny;

use super::{
    frames::{self, Frame, Frames},
    record::{Header, Record, parse},
};
use crate::bulk::{
    error::{Error, ValidPrefix},
    outcome::Earlier,
    queue::SPAN,
};

/// A single write is far smaller, so a longer tail was not left by a crash.
const LARGEST_TAIL: u64 = 64 << 20;

/// What a journal contains when it is opened.
#[derive(Default)]
pub(super) struct Found {
    pub(super) good: ValidPrefix,
    /// Updates that were taken and have no outcome.
    pub(super) open: BTreeMap<u64, Open>,
    /// Indices of the same updates by object, in order.
    behind: HashMap<String, BTreeSet<u64>>,
    /// Offsets of the outcomes that a later run recorded, far from their updates; all others are read in sequence.
    pub(super) far: HashMap<u64, u64>,
    pub(super) ended: Option<u64>,
    /// Offset at which the latest run that ended in order recorded its end.
    pub(super) stopped_at: u64,
}

/// An update without an outcome.
pub(super) struct Open {
    object: String,
    earlier: Earlier,
    /// It was sent, and the journal has no later record of it.
    is_under_way: bool,
}

/// Reads a journal from its beginning to its end, and validates each record.
pub(super) fn scan(path: &Path, file: &File, operation: Option<&str>) -> Result<Found, Error> {
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
            // A record that was being written when the run was killed can be dropped: its outcome was never yielded.
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
    /// What earlier runs did with it, if no other record follows.
    pub(super) fn earlier(&self) -> Earlier {
        Earlier {
            may_have_happened: self.earlier.may_have_happened || self.is_under_way,
            ..self.earlier
        }
    }
}

impl Found {
    /// Adds a record, which ends at `end`; `false` if it can't follow those before it.
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

    /// An open update, if no earlier one of the same object is open. An earlier one would be sent again and undo this
    /// one.
    fn next(&mut self, index: u64) -> Option<&mut Open> {
        let open = self.open.get_mut(&index)?;
        let first = self.behind.get(&open.object)?.first();
        (first == Some(&index)).then_some(open)
    }
}
