//! Rewrites a journal for another input, so that updates which were made are not sent again.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    io::{BufReader, ErrorKind},
    path::Path,
};

use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::{
    file::{JournalFile, Options},
    frames::{Frame, Frames},
    record::{Header, Record, RequestRecord, Taken, append, parse},
    scan::{Open, scan},
};
use crate::bulk::{Error, Update, outcome::Earlier, update::UpdateCall as _};

/// What [`carry_over`] kept of a journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct CarriedOver {
    /// How many of the updates were made, or had nothing to change: the next run does not send them.
    pub made: u64,
    /// How many updates the new input has.
    pub updates: u64,
}

/// How many bytes are written at a time.
const TOGETHER: usize = 1 << 20;

/// Rewrites the journal of an earlier input for these updates, so that a run of them sends only what was not made yet. Use it for
/// a file whose wrong rows were corrected.
///
/// - An update counts as made if an earlier run made the same update of the same object: path, query and body are compared. All
///   others are sent, including those that the server rejected, changed or not.
/// - Updates of the same object stay in order: after one that is sent, all others of that object are sent again. If an update that
///   was made is not in the new input, all updates of its object are sent.
/// - The journal still records that an update was sent, if the new input has it: sending it again counts as a repeat.
/// - Nothing is written if there is no journal, if there are no updates, or if the journal already fits. Otherwise the new journal
///   is written to `<path>.new`, and then replaces the old one. The process can be killed at any moment.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let fake = chartmogul_fake::Fake::start()?;
/// # let client = chartmogul::Client::builder().api_key(fake.api_key()).base_url(fake.url()).build()?;
/// # let folder = tempfile::tempdir()?;
/// # let journal = folder.path().join("close-dates.journal");
/// # let (first, second) = ("4ee13ca4-e7fe-41ee-9a7f-f303abf41acc", "5d1f0a3e-e7fe-41ee-8a3b-1b0e6c7d2f10");
/// # for uuid in [first, second] {
/// #     fake.collection("opportunities").insert_sample(uuid)?;
/// # }
/// use chartmogul::bulk::{self, Bulk};
///
/// let opportunities = client.opportunities();
/// let updates = |uuids: Vec<&str>| -> Vec<_> {
///     uuids.into_iter().map(|uuid| opportunities.update(uuid).win_likelihood(60)).collect()
/// };
/// let wrong = updates(vec![first, "00000000-0000-4000-8000-000000000000"]);
/// let report = Bulk::new(wrong).journal(&journal).start().await?.finish().await?;
/// assert_eq!((report.updated, report.rejected), (1, 1));
///
/// let corrected = updates(vec![first, second]);
/// let carried = bulk::carry_over(&journal, corrected.clone())?;
/// assert_eq!((carried.made, carried.updates), (1, 2));
/// let report = Bulk::new(corrected).journal(&journal).start().await?.finish().await?;
/// assert_eq!(report.updated, 2);
/// # let sent = fake.requests();
/// # assert_eq!(sent.len(), 3, "the first one is not sent again");
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::JournalInUse`]; [`Error::NotAJournal`], also if the journal is of another operation; [`Error::JournalDamaged`];
/// [`Error::InputChanged`] if it is for another base URL; [`Error::Journal`] if it can't be read or written.
pub fn carry_over<U: Update>(
    path: impl AsRef<Path>,
    updates: impl IntoIterator<Item = U>,
) -> Result<CarriedOver, Error> {
    let path = path.as_ref();
    let mut updates = updates.into_iter().map(Update::into_call).peekable();
    let Some(operation) = updates.peek().map(|update| update.operation().id) else {
        return Ok(CarriedOver::default());
    };
    let file = match JournalFile::open(path, false, Options::default()) {
        Err(Error::Journal { source, .. }) if source.kind() == ErrorKind::NotFound => {
            let updates = updates.count() as u64;
            return Ok(CarriedOver { made: 0, updates });
        }
        other => other?,
    };
    let mut header = Vec::new();
    append(&mut header, &Record::<()>::Journal(Header::new(operation))).map_err(file.failed("written"))?;
    if file.is_beginning_of(&header)? {
        let updates = updates.count() as u64;
        return Ok(CarriedOver { made: 0, updates });
    }
    let old = Old::read(path, &file, operation)?;
    let mut copy = Copy {
        file: file.new_beside(&header)?,
        buffer: Vec::new(),
    };
    let mut new = New::default();
    for (index, update) in updates.enumerate() {
        let (index, taken) = (index as u64, index as u64);
        let request = update.request().map_err(|source| Error::Source {
            taken,
            source: source.into(),
        })?;
        if let Some(account) = old.account.as_ref().filter(|account| **account != request.account) {
            return Err(Error::InputChanged {
                path: path.to_owned(),
                index,
                difference: format!("it is for {}, was for {account}", request.account),
            });
        }
        new.add(index, &request);
        copy.put(&Record::<()>::Taken(Taken { index, request }))?;
    }
    let (made, mut carried) = new.carried(&old);
    let result = CarriedOver {
        made,
        updates: new.count,
    };
    if old.fits(&new) {
        copy.discard();
        return Ok(result);
    }
    carried.sort_unstable_by_key(|carried| carried.index);
    let mut records = Frames::new(BufReader::new(file.rewound()?));
    for Carried { index, state } in carried {
        match state {
            State::Made(at) => {
                records.go_to(at).map_err(file.failed("read"))?;
                let Frame::Record(record) = records.next().map_err(file.failed("read"))? else {
                    return Err(file.lost("changed"));
                };
                let Ok(Record::Done(mut done)) = parse::<Box<RawValue>>(&record) else {
                    return Err(file.lost("changed"));
                };
                done.index = index;
                copy.put(&Record::Done(done))?;
            }
            State::Sent(Earlier {
                sent,
                may_have_happened,
            }) => copy.put(&Record::<()>::Earlier {
                index,
                sent,
                may_have_happened,
            })?,
            State::NotMade => {}
        }
    }
    copy.put(&Record::<()>::Stopped)?;
    copy.finish()?.replace(file)?;
    Ok(result)
}

/// The new journal.
struct Copy {
    file: JournalFile,
    buffer: Vec<u8>,
}

impl Copy {
    fn put<T: serde::Serialize>(&mut self, record: &Record<T>) -> Result<(), Error> {
        append(&mut self.buffer, record).map_err(self.file.failed("written"))?;
        if self.buffer.len() >= TOGETHER {
            self.file.append(&self.buffer)?;
            self.buffer.clear();
        }
        Ok(())
    }

    fn finish(mut self) -> Result<JournalFile, Error> {
        self.file.append(&self.buffer)?;
        Ok(self.file)
    }

    /// Removes it; if that fails, the next one overwrites it.
    fn discard(self) {
        self.file.remove();
    }
}

/// The state of an update.
#[derive(Clone, Copy)]
enum State {
    /// Its outcome is at this offset in the old journal.
    Made(u64),
    /// It was sent, and is to be sent again.
    Sent(Earlier),
    /// It was rejected, or never sent.
    NotMade,
}

impl State {
    /// What earlier runs did with it; `None` if it was not sent.
    fn earlier(self) -> Option<Earlier> {
        match self {
            Self::Made(_) => Some(Earlier {
                sent: 1,
                may_have_happened: true,
            }),
            Self::Sent(earlier) => Some(earlier),
            Self::NotMade => None,
        }
    }

    fn may_have_happened(self) -> bool {
        self.earlier().is_some_and(|earlier| earlier.may_have_happened)
    }
}

/// Two hashes of a request. The requests of a large file would take too much memory.
type Digest = [u64; 2];

fn digest(request: &RequestRecord) -> Digest {
    let json = serde_json::to_vec(request).unwrap_or_default(); // strings and JSON always serialize
    [0, 1].map(|salt| {
        let mut hasher = DefaultHasher::new();
        (salt, &json).hash(&mut hasher);
        hasher.finish()
    })
}

/// The old journal.
#[derive(Default)]
struct Old {
    account: Option<String>,
    /// In the order of the input.
    digests: Vec<Digest>,
    states: Vec<State>,
    /// By object, in order.
    objects: HashMap<String, Vec<usize>>,
    ended: Option<u64>,
    has_rejected: bool,
}

impl Old {
    fn read(path: &Path, file: &JournalFile, operation: &str) -> Result<Self, Error> {
        let found = scan(path, file.rewound()?, Some(operation))?;
        let mut old = Self {
            ended: found.ended,
            ..Self::default()
        };
        let mut frames = Frames::new(BufReader::new(file.rewound()?));
        while frames.offset() < found.good.bytes {
            let at = frames.offset();
            let Frame::Record(record) = frames.next().map_err(file.failed("read"))? else {
                return Err(file.lost("changed"));
            };
            match parse::<IgnoredAny>(&record) {
                Ok(Record::Taken(Taken { index, request })) => {
                    let object = request.id.to_ascii_lowercase();
                    let known = found.open.get(&index).map(Open::earlier);
                    old.objects.entry(object).or_default().push(old.digests.len());
                    old.digests.push(digest(&request));
                    old.states.push(match known {
                        Some(earlier) if earlier.sent > 0 => State::Sent(earlier),
                        _ => State::NotMade,
                    });
                    old.account.get_or_insert(request.account);
                }
                Ok(Record::Done(done)) if done.is_made() => {
                    let index = usize::try_from(done.index).unwrap_or(usize::MAX);
                    if let Some(state) = old.states.get_mut(index) {
                        *state = State::Made(at);
                    }
                }
                Ok(Record::Done(_)) => old.has_rejected = true,
                Ok(_) => {}
                Err(_) => return Err(file.lost("changed")),
            }
        }
        Ok(old)
    }

    /// Whether a run of these updates would do the same with this journal as with the new one.
    fn fits(&self, new: &New) -> bool {
        !self.has_rejected
            && new.digests.starts_with(&self.digests)
            && self.ended.is_none_or(|count| count == new.count)
    }
}

/// The updates of the new input.
#[derive(Default)]
struct New {
    count: u64,
    digests: Vec<Digest>,
    objects: HashMap<String, Vec<usize>>,
}

struct Carried {
    index: u64,
    state: State,
}

impl New {
    fn add(&mut self, index: u64, request: &RequestRecord) {
        let object = request.id.to_ascii_lowercase();
        self.objects.entry(object).or_default().push(self.digests.len());
        self.digests.push(digest(request));
        self.count = index + 1;
    }

    /// How many of them are made, and the states to carry over.
    fn carried(&self, old: &Old) -> (u64, Vec<Carried>) {
        let (mut made, mut carried) = (0, Vec::new());
        for (object, here) in &self.objects {
            let there = old.objects.get(object).map(Vec::as_slice).unwrap_or_default();
            let is_same = |here: usize, there: usize| self.digests[here] == old.digests[there];
            let pairs = here.iter().copied().zip(there.iter().copied());
            let is_made =
                |(here, there): &(usize, usize)| is_same(*here, *there) && matches!(old.states[*there], State::Made(_));
            let mut kept = pairs.clone().take_while(is_made).count();
            // An update that was made but is not in the new input would stay in effect.
            let is_gone = |there: &usize| {
                let is_wanted = || here[kept..].iter().any(|here| is_same(*here, *there));
                old.states[*there].may_have_happened() && !is_wanted()
            };
            if there[kept..].iter().any(is_gone) {
                kept = 0;
            }
            // The rest is sent again. If the run ends before that, the journal must still know what may have happened.
            for here in &here[kept..] {
                let earlier = there.iter().filter(|there| is_same(*here, **there));
                let earlier = earlier.filter_map(|there| old.states[*there].earlier());
                if let Some(earlier) = earlier.max_by_key(|earlier| (earlier.may_have_happened, earlier.sent)) {
                    carried.push(Carried {
                        index: *here as u64,
                        state: State::Sent(earlier),
                    });
                }
            }
            made += kept as u64;
            carried.extend(pairs.take(kept).map(|(here, there)| Carried {
                index: here as u64,
                state: old.states[there],
            }));
        }
        (made, carried)
    }
}
