//! Thousands of updates, at the account's full rate and never more, with an account of each (feature `bulk`).
//!
//! ChartMogul has no endpoint for many updates at once. A [`Bulk`] makes them one by one, as many at a time as the client's
//! [limiter](crate::Limiter) lets through, and yields what became of each:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let fake = chartmogul_fake::Fake::start().await?;
//! # let client = chartmogul::Client::builder().api_key(fake.api_key()).base_url(fake.url()).build()?;
//! # let uuid = "4ee13ca4-e7fe-11ee-fa7f-f303abf41acc";
//! # fake.opportunities().add(chartmogul_fake::samples::opportunity(uuid));
//! # let moved = vec![(uuid, "2026-06-30"), ("00000000-0000-0000-0000-000000000000", "2026-06-30")];
//! # let folder = tempfile::tempdir()?;
//! # let journal = folder.path().join("close-dates.journal");
//! use chartmogul::bulk::{Bulk, Outcome};
//!
//! let opportunities = client.opportunities();
//! let updates = moved.into_iter().map(move |(uuid, day)| opportunities.update(uuid).estimated_close_date(day));
//! let mut run = Bulk::new(updates)
//!     .journal(journal) // started again after a crash, it goes on where it was
//!     .stop_after_errors(100)
//!     .start()
//!     .await?;
//! while let Some(done) = run.try_next().await? {
//!     match done.outcome {
//!         Outcome::Updated(deal) => println!("{}: {}", done.id, deal.estimated_close_date),
//!         other => println!("{}: {:?}", done.id, other.error()),
//!     }
//! }
//! println!("{}", run.report()); // 2 updates: 1 updated, 0 not modified, 1 rejected, 0 given up, 0 never sent
//! # assert_eq!(run.report().to_string(), "2 updates: 1 updated, 0 not modified, 1 rejected, 0 given up, 0 never sent");
//! # Ok(())
//! # }
//! ```
//!
//! # What is guaranteed
//!
//! - **Every update has one outcome**, also those that a stopped run never sent. (Unless the run itself fails, is dropped, or
//!   is stopped and its source does [not give them](Bulk::stop_when).)
//! - **Updates of the same object are made one after the other**, in the order of the input. If one is not made, because it was
//!   given up, those behind it are not sent either ([`NotSent::Behind`]): to make it later would undo them.
//! - **A final outcome says something about the update**, see [`Outcome`]. What was not sent, and has no invalid value, is never
//!   final; nor is what ended because the run was stopped, its time was up, or the server, the network or the limiter had
//!   trouble. With a [journal](Bulk::journal), the next run makes it.
//! - **What is known does not grow with the input.** At most 8,192 updates are in memory, from the first one without an
//!   outcome on; most of the time it is a few dozen. Who does not take outcomes is waited for, with at most 256 of them ready.
//!   Two things grow in an outage, if the run is told to [`ignore_consecutive_errors`](Bulk::ignore_consecutive_errors): each object with an update that was given up takes
//!   some 30 bytes, and the run that goes on from the journal has in memory all updates that were left open.
//! - **The limits are the client's.** A run has no limiter of its own, so several runs, and other calls of the same client,
//!   share the account's rate. A run keeps [`concurrency`](Bulk::concurrency) calls in line, so other calls wait behind no
//!   more than that.
//!
//! What failed is not tried again by the run: the client's [`Retry`](crate::Retry) has done that. Start the run again with its
//! journal, or feed all updates without a final outcome to another run, in the same order. One hundred failures in a row stop a
//! run, because they have one reason.
//!
//! A request that got no answer in time may still be under way on the server, and be done after a later update of the same
//! object. Nobody can prevent that; such an update is [`Outcome::GivenUp`] and
//! [`may_have_happened`](UpdateError::may_have_happened).

mod changes;
mod engine;
mod error;
mod journal;
mod outcome;
mod patch;
mod progress;
mod queue;
mod source;
#[cfg(test)]
mod tests;
pub(crate) mod update;

use std::{
    fmt,
    future::Future,
    path::PathBuf,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use chartmogul_api::{BoxError, Error as CallError};
use futures_core::Stream;
use futures_util::{FutureExt as _, StreamExt as _};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{sync::mpsc, task::JoinSet};
use tracing::Instrument as _;

pub use self::{
    changes::{Change, Preview},
    error::{Error, ValidPrefix},
    journal::salvage,
    outcome::{Completed, NotSent, Outcome, Report, Stopped, UpdateError},
    progress::{Progress, Snapshot},
};
use self::{
    engine::{Act, Engine, ErrorLimits, Lost, READY, Settings, Step},
    journal::Journal,
    outcome::{Cause, Failed},
    source::Source,
    update::UpdateCall,
};

/// An update that can be made in bulk: what `client.opportunities().update(uuid)` returns, with or without `merge_custom()`.
///
/// Implemented by the builders of updates and by [`CustomAttributesPatch`](crate::CustomAttributesPatch), and by nothing else.
pub trait Update: update::Sealed + Sized + 'static {
    /// What is updated, and what the server responds with.
    type Object: Serialize + DeserializeOwned + Send + Sync + 'static;

    #[doc(hidden)]
    type Call: UpdateCall<Object = Self::Object>;

    /// Checks the update as a run does before it sends it, for example to find all wrong rows of a file before the first one
    /// is sent.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::Error::InvalidInput).
    fn check(&self) -> Result<(), CallError>;

    #[doc(hidden)]
    fn into_call(self) -> Self::Call;
}

/// How many calls are in line at a time, unless [`Bulk::concurrency`] says otherwise: 32. That is more than the 20 that
/// ChartMogul lets be in flight, so that there is always one ready when a place is free.
pub const DEFAULT_CONCURRENCY: usize = 32;

/// How many failed updates in a row stop a run, unless [`Bulk::ignore_consecutive_errors`] says otherwise: 100. What fails like this has one reason
/// for all: the server is down, or a column of the spreadsheet is wrong.
pub const DEFAULT_ERRORS_IN_A_ROW: u64 = 100;

/// Many updates, to be made by [`start`](Self::start), or looked at by [`dry_run`](Self::dry_run). See the
/// [module](self).
#[must_use = "nothing is sent before `start`"]
pub struct Bulk<U: Update> {
    source: Source<U::Call>,
    total: Option<u64>,
    settings: Settings,
    journal: Option<PathBuf>,
    journal_options: journal::Options,
}

impl<U: Update> Bulk<U> {
    /// Takes the updates of an iterator, one by one, as they are needed.
    ///
    /// The iterator may block, as one over the lines of standard input does: it is asked on a thread of its own, up to 32
    /// updates ahead. What it has given is sent meanwhile, and the run can be stopped. If the run ends while the iterator blocks, that thread
    /// goes on until the iterator returns, and drops it then.
    ///
    /// With a paused clock (in tests), use [`stream`](Self::stream): such a clock does not wait for other threads.
    pub fn new<I>(updates: I) -> Self
    where
        I: IntoIterator<Item = U>,
        I::IntoIter: Send + 'static,
    {
        Self::try_new(updates.into_iter().map(Ok::<_, std::convert::Infallible>))
    }

    /// Takes the updates of an iterator that may fail, as [`new`](Self::new) does. If it does, what it gave before is finished
    /// and the run ends with [`Error::Source`]; with a journal, it can be resumed.
    pub fn try_new<I, E>(updates: I) -> Self
    where
        I: IntoIterator<Item = Result<U, E>>,
        I::IntoIter: Send + 'static,
        E: Into<BoxError> + 'static,
    {
        let updates = updates.into_iter();
        let total = exactly(updates.size_hint());
        let calls = updates.map(|update| update.map(Update::into_call));
        Self::of(source::of_iterator(calls), total)
    }

    /// Takes the updates of a stream, one by one, as they are needed.
    ///
    /// It must not block where it is polled: while it does, nothing is sent, and no stop is seen. [`new`](Self::new) is for
    /// what blocks.
    pub fn stream(updates: impl Stream<Item = U> + Send + 'static) -> Self {
        Self::try_stream(updates.map(Ok::<_, std::convert::Infallible>))
    }

    /// Takes the updates of a stream that may fail, as [`stream`](Self::stream) does. If it does, what it gave before is
    /// finished and the run ends with [`Error::Source`]; with a journal, it can be resumed.
    pub fn try_stream<E: Into<BoxError> + 'static>(updates: impl Stream<Item = Result<U, E>> + Send + 'static) -> Self {
        let total = exactly(updates.size_hint());
        let calls = updates.map(|update| update.map(Update::into_call));
        Self::of(source::of_stream(calls), total)
    }

    fn of(source: Source<U::Call>, total: Option<u64>) -> Self {
        Self {
            source,
            total,
            settings: Settings {
                ordered: false,
                looks: false,
                writes: true,
                concurrency: DEFAULT_CONCURRENCY,
                call_timeout: None,
                deadline: None,
                limits: ErrorLimits {
                    errors: None,
                    in_a_row: Some(DEFAULT_ERRORS_IN_A_ROW),
                    share: None,
                },
                stop: None,
            },
            journal: None,
            journal_options: journal::Options::default(),
        }
    }

    /// Yields outcomes in the order of the input. One that takes long holds up those behind it, and the run when 8,192 of
    /// them wait. Without this, they come as they end.
    pub fn in_order(mut self) -> Self {
        self.settings.ordered = true;
        self
    }

    /// How many calls are in line at a time, [`DEFAULT_CONCURRENCY`] by default. How many of them are in flight is up to the
    /// client's limiter; raise this together with its `max_in_flight`. Zero counts as one.
    pub fn concurrency(mut self, calls: usize) -> Self {
        self.settings.concurrency = calls.max(1);
        self
    }

    /// How many updates there are, for [`Snapshot::remaining`], if the source does not know.
    pub fn total(mut self, updates: u64) -> Self {
        self.total = Some(updates);
        self
    }

    /// Time limit for each call, in place of the client's; see [`call_timeout`](crate::ClientBuilder::call_timeout). In a run,
    /// it begins when it is a call's turn: waiting for that is no failure.
    pub fn call_timeout(mut self, limit: Duration) -> Self {
        self.settings.call_timeout = Some(limit);
        self
    }

    /// Reads each object first, and sends only updates that would change something. That is two requests for each update
    /// that is sent, and one for each that is not. An update is sent without that if an earlier run may have made it, which
    /// would look unchanged, and also if there is no such object, so that it has its own answer.
    ///
    /// In doubt it sends. Texts are the same if they are written in the same way, so a Timestamp attribute that is given as
    /// text is skipped only in the server's form, `2026-01-31T12:00:00.000Z`; `chrono`'s types are sent in that form.
    pub fn skip_unchanged(mut self) -> Self {
        self.settings.looks = true;
        self
    }

    /// Stops at this many failed updates (all that have an [`error`](Outcome::error)); 1 stops at the first. What the run's
    /// own deadline ends is none of them.
    ///
    /// Whatever the limits, a run stops at [`DEFAULT_ERRORS_IN_A_ROW`] failed updates without a success between them, unless
    /// it is told to [`ignore_consecutive_errors`](Self::ignore_consecutive_errors), and always if the API key is refused (401).
    pub fn stop_after_errors(mut self, errors: u64) -> Self {
        self.settings.limits.errors = Some(errors.max(1));
        self
    }

    /// Stops when more than this share of all updates so far has failed, in percent, but not before there are `of`
    /// outcomes.
    pub fn stop_above_share(mut self, percent: f64, of: u64) -> Self {
        self.settings.limits.share = Some((percent, of));
        self
    }

    /// Goes on, however many updates fail in a row.
    pub fn ignore_consecutive_errors(mut self) -> Self {
        self.settings.limits.in_a_row = None;
        self
    }

    /// Stops when this future ends: `tokio::signal::ctrl_c()`, the `cancelled_owned()` of a `CancellationToken`, the
    /// receiver of a channel.
    ///
    /// A run that is stopped, for whatever reason, sends nothing more, waits for the answers to what is in the air, and
    /// yields the rest as [`NotSent`]: what its source still gives, but no more than 65,536 updates beyond those that the journal has,
    /// and it waits no longer than a second for the source, all in all. So it ends although its source blocks, or
    /// has no end. Drop it to end it at once.
    ///
    /// ```no_run
    /// # use chartmogul::bulk::{Bulk, Update};
    /// # fn stop<U: Update>(bulk: Bulk<U>) -> Bulk<U> {
    /// bulk.stop_when(async {
    ///     tokio::signal::ctrl_c().await.ok();
    /// })
    /// # }
    /// ```
    pub fn stop_when(mut self, stop: impl Future<Output = ()> + Send + 'static) -> Self {
        self.settings.stop = Some(Box::pin(stop));
        self
    }

    /// Stops after this long. Calls that are under way then have no time left, so the run ends by then (or a second later, if
    /// its source [does not end](Self::stop_when)). A resumed run makes them again.
    pub fn deadline(mut self, after: Duration) -> Self {
        self.settings.deadline = Some(after);
        self
    }

    /// Makes the run resumable: writes what it does into this file. A run with the same input and the same journal goes on
    /// where the one before was, however that ended.
    ///
    /// - **No update is lost, and none whose outcome is final is sent again** once that was yielded (but see
    ///   [`Completed::unrecorded`]). The final outcomes of earlier runs are yielded again, answers included, so the resumed run looks
    ///   like one that was never disturbed.
    /// - What was sent and not answered when a run was killed is sent again. That is harmless, and counted in
    ///   [`Completed::repeats`]. (If the server answers the second one with 304, it is `NotModified`.)
    /// - The input must be the same, for the same base URL. It is compared before anything is sent, and a difference is
    ///   [`Error::InputChanged`].
    /// - **What says something about the update is final**, and nothing else: it was done, the server refused it (400, 404, 409,
    ///   410, 413, 422), a value can't be right. All others are made by the next run, in the order of the input: what was given
    ///   up, what was behind that, what was stopped, whatever the reason. For the limits of the next run, errors of a run that came
    ///   to its end or was stopped do not count.
    /// - [`may_have_happened`](UpdateError::may_have_happened) is about all runs together.
    /// - A journal that ends in the middle of a record was being written when the run was killed, and is cut off there. One
    ///   that is damaged is [`Error::JournalDamaged`], which says what is good; [`salvage`] keeps that.
    /// - One run at a time can use a journal; another gets [`Error::JournalInUse`]. A journal is a regular file, and stays the
    ///   one at its path: a run whose journal was removed, replaced or changed by others ends with [`Error::JournalLost`]
    ///   before it sends anything more.
    ///
    /// **What is on the disk when.** For each update, three records: that it was taken, with its fields, in the order of the
    /// input; that it is about to be sent; its outcome, with the answer, or that it is to be made again. The first two are on the disk (`fsync`) before
    /// anything is sent, the third before the outcome is yielded. What is to be written at the same time is written and
    /// waited for together. The folder of a new journal is synced too, where that can be done; elsewhere a power loss may take
    /// the whole file, and the next run makes all updates again.
    ///
    /// The file has customers' data, so on Unix its mode is 0600, also if it was there before and others could read it. (Where
    /// that can't be, because the file is somebody else's or its file system has no modes, an empty file is refused, and a
    /// journal is gone on with.) Remove it when the run is done.
    ///
    /// **Why this format.** Records are framed as in a `TFRecord` file: a length and two checksums. Such a file is only
    /// appended to, a torn record is told from a damaged one, and other tools read it; each record is JSON. An embedded
    /// database would bring a cache, pages and locks that nothing here needs, and could say less about what is left of a
    /// damaged file.
    pub fn journal(mut self, path: impl Into<PathBuf>) -> Self {
        self.journal = Some(path.into());
        self
    }

    /// Whether the journal is locked, so that only one run at a time uses it; it is by default. A file system without locks,
    /// which some networks have, is [`Error::JournalNotLocked`].
    ///
    /// Without the lock, see to it yourself that no other run uses the journal. If one does, that is noticed when both have
    /// written something ([`Error::JournalLost`]); they may have sent the same updates by then.
    pub fn lock(mut self, lock: bool) -> Self {
        self.journal_options.lock = lock;
        self
    }

    /// Whether the journal waits until the disk has what was written; it does by default. Without it, nothing is synced: a
    /// journal survives a process that is killed, but not a power loss.
    pub fn fsync(mut self, wait: bool) -> Self {
        self.journal_options.fsync = wait;
        self
    }

    /// Begins. Nothing has to be asked of the [`Run`] for it to go on, until 256 outcomes wait.
    ///
    /// # Errors
    /// [`Error`] if there is no tokio runtime with timers and IO, or the journal can't be used.
    pub async fn start(self) -> Result<Run<U::Object>, Error> {
        let skip_unchanged = self.settings.looks;
        self.run(Arc::new(move |update: U::Call, terms| {
            let update = update.within(terms.call_timeout, &terms.bounds);
            async move {
                if terms.look {
                    return match look(&update, &terms.lost).await {
                        Ok(preview) if preview.changes.is_empty() => Ok(Step::NotModified),
                        // It says the same to the update, which has an outcome then.
                        Err(failed) if failed.cause != Cause::Verdict => Err(failed),
                        _ => Ok(Step::Send(update)),
                    };
                }
                let (object, written) = update
                    .make(skip_unchanged, terms.again)
                    .await
                    .map_err(Failed::sending)?;
                Ok(if written { Step::Done(object) } else { Step::NotModified })
            }
            .boxed()
        }))
        .await
    }

    /// Reads each object, writes nothing (no journal either), and yields what each update would change:
    /// [`Outcome::Updated`] with a [`Preview`], or [`Outcome::NotModified`].
    ///
    /// Each update is compared with what the server has now, not with what the updates before it would leave.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let fake = chartmogul_fake::Fake::start().await?;
    /// # let client = chartmogul::Client::builder().api_key(fake.api_key()).base_url(fake.url()).build()?;
    /// # let uuid = "4ee13ca4-e7fe-11ee-fa7f-f303abf41acc";
    /// # fake.opportunities().add(chartmogul_fake::samples::opportunity(uuid));
    /// use chartmogul::bulk::{Bulk, Outcome};
    ///
    /// let update = client.opportunities().update(uuid).amount_in_cents(1).replace_all_custom([("team", "red")]);
    /// let mut run = Bulk::new([update]).dry_run().await?;
    /// while let Some(done) = run.try_next().await? {
    ///     if let Outcome::Updated(preview) = done.outcome {
    ///         for change in preview.changes {
    ///             println!("{}: {:?} -> {:?}", change.field, change.old, change.new);
    ///         }
    ///         for key in preview.lost {
    ///             println!("custom attribute {key} would be lost");
    ///         }
    ///     }
    /// }
    /// # assert_eq!(run.report().updated, 1);
    /// # assert!(fake.requests().iter().all(|request| request.method == "GET"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::NoRuntime`].
    pub async fn dry_run(mut self) -> Result<Run<Preview>, Error> {
        self.journal = None;
        (self.settings.looks, self.settings.writes) = (false, false);
        self.run(Arc::new(move |update: U::Call, terms| {
            let update = update.within(terms.call_timeout, &terms.bounds);
            async move {
                let preview = look(&update, &terms.lost).await?;
                Ok(if preview.changes.is_empty() {
                    Step::NotModified
                } else {
                    Step::Done(preview)
                })
            }
            .boxed()
        }))
        .await
    }

    async fn run<T>(self, act: Act<U::Call, T>) -> Result<Run<T>, Error>
    where
        T: Serialize + DeserializeOwned + Send + Sync + 'static,
    {
        chartmogul_api::check_runtime().map_err(|source| Error::NoRuntime { source })?;
        let journal = match self.journal {
            Some(path) => Some(Journal::open(path, U::Call::OPERATION, self.journal_options).await?),
            None => None,
        };
        let progress = Progress::new(self.total);
        let (out, outcomes) = mpsc::channel(READY);
        let engine = Engine::new(self.source, act, self.settings, journal, progress.clone(), out);
        let mut task = JoinSet::new();
        task.spawn(engine.run().in_current_span());
        Ok(Run {
            outcomes,
            task,
            progress,
            report: Report::default(),
        })
    }
}

/// How many there are, if that is known.
fn exactly(hint: (usize, Option<usize>)) -> Option<u64> {
    let (least, most) = hint;
    u64::try_from(most?).ok().filter(|_| most == Some(least))
}

/// What an update would change.
async fn look<U: UpdateCall>(update: &U, lost: &Lost) -> Result<Preview, Failed> {
    update.check().map_err(Failed::reading)?;
    let object = update.read().await.map_err(Failed::reading)?;
    let body = update.request().map_err(Failed::reading)?.body;
    let object = serde_json::to_value(&object)
        .map_err(|source| CallError::internal("the object can't be compared", Some(source.into())))
        .map_err(Failed::reading)?;
    let preview = changes::preview(&body, &object, U::REPLACED);
    lost.get_or_init(|| preview.lost.len() as u64);
    Ok(preview)
}

impl<U: Update> fmt::Debug for Bulk<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bulk")
            .field("total", &self.total)
            .field("journal", &self.journal)
            .finish_non_exhaustive()
    }
}

/// A run: a [`Stream`] of outcomes, and for who does not want to import a trait, [`try_next`](Self::try_next).
///
/// It ends after the last outcome, or after an [`Error`]. Dropping it ends the run at once, calls in flight included; with
/// a journal, it can be resumed.
#[must_use = "a run that is dropped ends"]
pub struct Run<T> {
    outcomes: mpsc::Receiver<Completed<T>>,
    /// One task, which ends when this is dropped.
    task: JoinSet<Result<Option<Stopped>, Error>>,
    progress: Progress,
    report: Report,
}

impl<T> Run<T> {
    /// The next outcome; `None` after the last one.
    ///
    /// # Errors
    /// [`Error`] if the run can't go on. It has come to its end then.
    pub async fn try_next(&mut self) -> Result<Option<Completed<T>>, Error> {
        std::future::poll_fn(|context| self.poll(context)).await.transpose()
    }

    /// Waits for the end, and lets single outcomes go.
    ///
    /// # Errors
    /// [`Error`] if the run can't go on.
    pub async fn finish(mut self) -> Result<Report, Error> {
        while self.try_next().await?.is_some() {}
        Ok(self.report)
    }

    /// What has been yielded so far, in numbers; complete, with the reason for a stop, when `try_next` has said `None`.
    pub fn report(&self) -> Report {
        self.report
    }

    /// How far the run is, for a progress bar. It counts what has ended, yielded or not.
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Completed<T>, Error>>> {
        if let Some(done) = ready!(self.outcomes.poll_recv(context)) {
            self.report.count(&done);
            return Poll::Ready(Some(Ok(done)));
        }
        let error = match ready!(self.task.poll_join_next(context)) {
            None => return Poll::Ready(None), // it has told how it ended
            Some(Ok(Ok(stopped))) => {
                self.report.stopped = stopped;
                return Poll::Ready(None);
            }
            Some(Ok(Err(error))) => error,
            Some(Err(gone)) => Error::Gone { source: gone.into() },
        };
        self.report.stopped = Some(Stopped::Failed);
        Poll::Ready(Some(Err(error)))
    }
}

impl<T> Stream for Run<T> {
    type Item = Result<Completed<T>, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll(context)
    }
}

impl<T> fmt::Debug for Run<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run")
            .field("report", &self.report)
            .finish_non_exhaustive()
    }
}
