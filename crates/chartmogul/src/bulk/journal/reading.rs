//! Reads a journal a second time, in step with the input: each update, and its outcome.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufReader},
};

use serde::de::IgnoredAny;

use super::{
    frames::{Frame, Frames},
    record::{Record, Taken, parse},
};

const READ_AT_ONCE: usize = 1 << 20;

/// An outcome: where its record begins, and the record.
type DoneAt = (u64, Vec<u8>);

/// Reads the records that the scan found a second time, in step with the input.
pub(super) struct Reading {
    frames: Frames<BufReader<File>>,
    taken: HashMap<u64, Taken>,
    done: HashMap<u64, DoneAt>,
    far: HashMap<u64, u64>,
}

impl Reading {
    /// The file must be at its beginning. `far` has the offsets of the outcomes that are not near their updates.
    pub(super) fn new(file: File, far: HashMap<u64, u64>) -> Self {
        Self {
            frames: Frames::new(BufReader::new(file)),
            taken: HashMap::new(),
            done: HashMap::new(),
            far,
        }
    }

    /// An update, and its outcome unless it is open; `None` if they were not read yet.
    pub(super) fn take(&mut self, index: u64, is_open: bool) -> Option<(Taken, Option<DoneAt>)> {
        if !is_open && !self.done.contains_key(&index) {
            return None;
        }
        let taken = self.taken.remove(&index)?;
        Some((taken, self.done.remove(&index)))
    }

    /// Reads some records; `false` at the end.
    pub(super) fn read_on(&mut self) -> io::Result<bool> {
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
