//! Thousands of updates, at the account's full rate and never above it, with an outcome for each (feature `bulk`).
//!
//! ChartMogul has no endpoint for many updates at once. A [`Bulk`] run sends them one by one, as many at a time as the client's
//! [limiter](crate::Limiter) permits, and yields the outcome of each:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let fake = chartmogul_fake::Fake::start()?;
//! # let client = chartmogul::Client::builder().api_key(fake.api_key()).base_url(fake.url()).build()?;
//! # let uuid = "4ee13ca4-e7fe-41ee-9a7f-f303abf41acc";
//! # fake.collection("opportunities").insert_sample(uuid)?;
//! # let moved = vec![(uuid, "2026-06-30"), ("00000000-0000-0000-0000-000000000000", "2026-06-30")];
//! # let folder = tempfile::tempdir()?;
//! # let journal = folder.path().join("close-dates.journal");
//! use chartmogul::bulk::{Bulk, Outcome};
//!
//! let opportunities = client.opportunities();
//! let updates = moved.into_iter().map(move |(uuid, day)| opportunities.update(uuid).estimated_close_date(day));
//! let mut run = Bulk::new(updates)
//!     .journal(journal) // started again after a crash, it resumes where it was
//!     .stop_after_errors(100)
//!     .start()
//!     .await?;
//! while let Some(completed) = run.try_next().await? {
//!     match completed.outcome {
//!         Outcome::Updated(opportunity) => println!("{}: {}", completed.id, opportunity.estimated_close_date),
//!         other => println!("{}: {:?}", completed.id, other.error()),
//!     }
//! }
//! println!("{}", run.report()); // 2 updates: 1 updated, 0 not modified, 1 rejected, 0 given up, 0 not sent
//! # assert_eq!(run.report().to_string(), "2 updates: 1 updated, 0 not modified, 1 rejected, 0 given up, 0 not sent");
//! # Ok(())
//! # }
//! ```
//!
//! # What is guaranteed
//!
//! - **Every update has one outcome**, including those that a stopped run never sent. (Exceptions: the run itself fails, is
//!   dropped, or is stopped and its source does [not yield them](Bulk::stop_when).)
//! - **Updates of the same object are sent one after the other**, in the order of the input. If one is given up, those behind
//!   it are not sent either ([`NotSent::Behind`]): to send it later would undo them.
//! - **A final outcome is about the update itself**, see [`Outcome`]. An update that was not sent is not final, unless it has an
//!   invalid value; nor is one that ended because the run was stopped, its deadline passed, or the server, the network or the
//!   limiter failed. With a [journal](Bulk::journal), the next run sends it.
//! - **Memory does not grow with the input.** At most 8,192 updates are held, from the first one without an outcome on;
//!   usually a few dozen. When 256 outcomes wait to be taken, the run pauses. During an outage, two things grow if the run is
//!   to [`ignore_consecutive_errors`](Bulk::ignore_consecutive_errors): each object with an update that was given up takes
//!   some 30 bytes, and the run that resumes from the journal holds all updates that were left open.
//! - **The limits are the client's.** A run has no limiter of its own, so several runs, and other calls of the same client,
//!   share the account's rate. A run queues at most [`concurrency`](Bulk::concurrency) calls, so other calls wait behind no
//!   more than that.
//!
//! A run does not retry what failed: the client's [`Retry`](crate::Retry) has done that. Start the run again with its
//! journal, or pass all updates without a final outcome to another run, in the same order. One hundred failures in a row stop a
//! run, because they have a common cause.
//!
//! A request that got no response in time may still be in progress on the server, and take effect after a later update of the
//! same object. No client can prevent that; such an update is [`Outcome::GivenUp`], and
//! [`may_have_happened`](UpdateError::may_have_happened) is true.

mod calls;
mod changes;
mod engine;
mod error;
mod intake;
mod job;
mod journal;
#[cfg(feature = "dynamic")]
mod json;
mod limits;
mod outbox;
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

#[cfg(feature = "dynamic")]
pub use self::json::JsonUpdate;
use self::{
    calls::{Act, Step},
    engine::{Engine, Settings},
    job::Lost,
    journal::{Journal, Opening},
    limits::ErrorLimits,
    outbox::READY,
    outcome::{Cause, Failed},
    source::Source,
    update::UpdateCall,
};
pub use self::{
    changes::{Change, Preview},
    error::{Error, ValidPrefix},
    journal::{CarriedOver, carry_over, salvage},
    outcome::{Completed, NotSent, Outcome, Report, Stopped, UpdateError},
    progress::{Progress, Snapshot},
};

/// An update that can be made in bulk: what `client.opportunities().update(uuid)` returns, with or without `merge_custom()`.
///
/// Implemented by the builders of updates, by [`CustomAttributesPatch`](crate::CustomAttributesPatch) and by `JsonUpdate`
/// (feature `dynamic`), and by nothing else.
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

/// How many calls a run queues at a time, unless set by [`Bulk::concurrency`]: 32. That is more than the 20 that ChartMogul
/// allows in flight, so that there is always one waiting when a permit is free.
pub const DEFAULT_CONCURRENCY: usize = 32;

/// How many failed updates in a row stop a run, unless it is to [`ignore_consecutive_errors`](Bulk::ignore_consecutive_errors):
/// 100. So many failures have a common cause: the server is down, or a column of the spreadsheet is wrong.
pub const DEFAULT_ERRORS_IN_A_ROW: u64 = 100;

/// Many updates, to be sent by [`start`](Self::start), or compared with the objects by [`dry_run`](Self::dry_run). See the
/// [module](self).
#[must_use = "nothing is sent until `start`"]
pub struct Bulk<U: Update> {
    source: Source<U::Call>,
    total: Option<u64>,
    settings: Settings,
    journal: Option<PathBuf>,
    journal_options: journal::Options,
}

impl<U: Update> Bulk<U> {
    /// Takes the updates from an iterator, one by one, as they are needed.
    ///
    /// The iterator may block, as one over the lines of standard input does: it runs on a thread of its own, up to 32
    /// updates ahead. Updates that it has yielded are sent meanwhile, and the run can be stopped. If the run ends while the
    /// iterator blocks, that thread lives until the iterator returns, and drops it then.
    ///
    /// With a paused clock (in tests), use [`stream`](Self::stream): such a clock does not wait for other threads.
    pub fn new<I>(updates: I) -> Self
    where
        I: IntoIterator<Item = U>,
        I::IntoIter: Send + 'static,
    {
        Self::try_new(updates.into_iter().map(Ok::<_, std::convert::Infallible>))
    }

    /// Takes the updates from an iterator that may fail. If it does, the updates before that are completed and the run ends
    /// with [`Error::Source`]; with a journal, it can be resumed. Otherwise like [`new`](Self::new).
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

    /// Takes the updates from a stream, one by one, as they are needed.
    ///
    /// It must not block when it is polled: meanwhile, nothing is sent, and a stop is not noticed. Use [`new`](Self::new) for
    /// a source that blocks.
    pub fn stream(updates: impl Stream<Item = U> + Send + 'static) -> Self {
        Self::try_stream(updates.map(Ok::<_, std::convert::Infallible>))
    }

    /// Takes the updates from a stream that may fail. If it does, the updates before that are completed and the run ends with
    /// [`Error::Source`]; with a journal, it can be resumed. Otherwise like [`stream`](Self::stream).
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

    /// Yields outcomes in the order of the input, instead of the order in which updates end. One that takes long holds up
    /// those behind it, and the run when 8,192 of them wait.
    pub fn in_order(mut self) -> Self {
        self.settings.ordered = true;
        self
    }

    /// How many calls to queue at a time, [`DEFAULT_CONCURRENCY`] by default. How many of them are in flight is up to the
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
    /// it begins when the limiter lets the call pass, however long that takes.
    pub fn call_timeout(mut self, limit: Duration) -> Self {
        self.settings.call_timeout = Some(limit);
        self
    }

    /// Reads each object first, and sends only updates that would change something. That is two requests for each update
    /// that is sent, and one for each that is not. An update is sent without reading if an earlier run may have made it, because
    /// it would seem unchanged. If there is no such object, it is sent, too, so that the outcome is the response to the update.
    ///
    /// In doubt, an update is sent. Texts are equal if they are written in the same way, so a Timestamp attribute that is given
    /// as text is skipped only in the server's form, `2026-01-31T12:00:00.000Z`; `chrono`'s types are sent in that form.
    pub fn skip_unchanged(mut self) -> Self {
        self.settings.looks = true;
        self
    }

    /// Stops at this many failed updates (all that have an [`error`](Outcome::error)); 1 stops at the first. Updates that
    /// the run's own deadline ends do not count.
    ///
    /// Independently of this, a run stops at [`DEFAULT_ERRORS_IN_A_ROW`] failed updates without a success between them, unless
    /// it is to [`ignore_consecutive_errors`](Self::ignore_consecutive_errors), and always if the API key is rejected (401).
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

    /// Continues however many updates fail in a row.
    pub fn ignore_consecutive_errors(mut self) -> Self {
        self.settings.limits.in_a_row = None;
        self
    }

    /// Stops when this future ends: `tokio::signal::ctrl_c()`, the `cancelled_owned()` of a `CancellationToken`, the
    /// receiver of a channel.
    ///
    /// A run that is stopped, for whatever reason, sends nothing more, waits for the responses to requests in flight, and
    /// yields the other updates as [`NotSent`]. Of these it takes at most 65,536 from its source, beyond those that the
    /// journal has, and waits for the source for a second in total. So it ends even if its source blocks or has no end. Drop the
    /// run to end it at once.
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

    /// Stops after this long. Calls in flight time out then, so the run ends by then (or a second later, if its source
    /// [does not end](Self::stop_when)). A resumed run sends them again.
    pub fn deadline(mut self, after: Duration) -> Self {
        self.settings.deadline = Some(after);
        self
    }

    /// Makes the run resumable: records its progress in this file. A run with the same input and the same journal resumes
    /// where the one before ended, for whatever reason it ended.
    ///
    /// - **No update is lost, and none with a final outcome is sent again** once the outcome was yielded (but see
    ///   [`Completed::unrecorded`]). The final outcomes of earlier runs are yielded again, responses included, so the resumed run
    ///   looks like one that was never interrupted.
    /// - Updates without a response when a run was killed are sent again. That is harmless, and counted in
    ///   [`Completed::repeats`]. (If the server responds with 304 to the second one, the outcome is `NotModified`.)
    /// - The input must be the same, for the same base URL. It is compared before anything is sent, the whole request of each
    ///   update: path, query and body. A difference is [`Error::InputChanged`].
    /// - **An outcome is final if it is about the update itself**: it was made, the server rejected it (400, 404, 409, 410, 413,
    ///   422), or it has an invalid value. All others are sent by the next run, in the order of the input: those that were given up,
    ///   those behind them, and those that were stopped. Errors of a run that ended or was stopped do not count for the error
    ///   limits of the next one.
    /// - [`may_have_happened`](UpdateError::may_have_happened) covers all runs together.
    /// - If a run was killed while it wrote a record, that record is cut off. If the journal is damaged otherwise, that is
    ///   [`Error::JournalDamaged`], which reports how much is intact; [`salvage`] keeps that.
    /// - One run at a time can use a journal; another gets [`Error::JournalInUse`]. A journal is a regular file, and must stay
    ///   at its path: a run whose journal was removed, replaced or changed by others ends with [`Error::JournalLost`]
    ///   before it sends anything more.
    ///
    /// **What is on disk, and when.** There are three records for each update: that it was taken, with its request, in the order
    /// of the input; that it is about to be sent; and its outcome with the response, or that it is to be sent again. The first two
    /// are on disk (`fsync`) before the update is sent, the third before its outcome is yielded. Records that are due at the same
    /// time are written and synced together. The folder of a new journal is synced, too, where that is supported; elsewhere a
    /// power loss may remove the whole file, and the next run sends all updates again.
    ///
    /// The file holds customers' data, so on Unix its mode is set to 0600, even if the file existed. (If that fails, because the
    /// file belongs to another user or its file system has no modes, an empty file is refused and a journal is resumed.)
    /// Remove it when the run has ended.
    ///
    /// **Why this format.** Records are framed as in a `TFRecord` file: a length and two checksums. Such a file is only
    /// appended to, a torn record can be told from a damaged one, and other tools read it; each record is JSON. An embedded
    /// database would add a cache, pages and locks that are not needed here, and could report less about a damaged file.
    pub fn journal(mut self, path: impl Into<PathBuf>) -> Self {
        self.journal = Some(path.into());
        self
    }

    /// Whether the journal is locked, so that only one run at a time uses it; it is by default. A file system without locks,
    /// such as that of some networks, is [`Error::JournalNotLocked`].
    ///
    /// Without the lock, make sure that no other run uses the journal. If one does, that is detected when both have
    /// written something ([`Error::JournalLost`]); they may have sent the same updates by then.
    pub fn lock(mut self, lock: bool) -> Self {
        self.journal_options.lock = lock;
        self
    }

    /// Whether the journal is synced to disk after each write; it is by default. Without it, a journal survives a process that
    /// is killed, but not a power loss.
    pub fn fsync(mut self, wait: bool) -> Self {
        self.journal_options.fsync = wait;
        self
    }

    /// Starts the run. It proceeds without being polled, until 256 outcomes wait to be taken.
    ///
    /// # Errors
    /// [`Error`] if there is no tokio runtime with timers and IO, or the journal can't be used. (If the operation is that of the
    /// first update, because it is chosen at run time, the run ends with the second of these errors.)
    pub async fn start(self) -> Result<Run<U::Object>, Error> {
        let skip_unchanged = self.settings.looks;
        self.run(Arc::new(move |update: U::Call, terms| {
            let update = update.within(terms.call_timeout, &terms.bounds);
            async move {
                if terms.look {
                    return match look(&update, &terms.lost).await {
                        Ok(preview) if preview.changes.is_empty() => Ok(Step::NotModified),
                        // The server will reject the update, too, and that response is the outcome.
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
    /// Each update is compared with the object as it is now, without the updates before it.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let fake = chartmogul_fake::Fake::start()?;
    /// # let client = chartmogul::Client::builder().api_key(fake.api_key()).base_url(fake.url()).build()?;
    /// # let uuid = "4ee13ca4-e7fe-41ee-9a7f-f303abf41acc";
    /// # fake.collection("opportunities").insert_sample(uuid)?;
    /// use chartmogul::bulk::{Bulk, Outcome};
    ///
    /// let update = client.opportunities().update(uuid).amount_in_cents(1).replace_all_custom([("team", "red")]);
    /// let mut run = Bulk::new([update]).dry_run().await?;
    /// while let Some(completed) = run.try_next().await? {
    ///     if let Outcome::Updated(preview) = completed.outcome {
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
        let options = self.journal_options;
        let journal = match (self.journal, U::Call::OPERATION) {
            (Some(path), Some(operation)) => (Some(Journal::open(path, operation.id, options).await?), None),
            (path, _) => (None, path.map(|path| Opening { path, options })),
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

/// The number of items, if it is known.
fn exactly(hint: (usize, Option<usize>)) -> Option<u64> {
    let (least, most) = hint;
    u64::try_from(most?).ok().filter(|_| most == Some(least))
}

/// Reads the object and compares it with the update.
async fn look<U: UpdateCall>(update: &U, lost: &Lost) -> Result<Preview, Failed> {
    update.check().map_err(Failed::reading)?;
    let object = update.read().await.map_err(Failed::reading)?;
    let body = update.request().map_err(Failed::reading)?.body;
    let object = serde_json::to_value(&object)
        .map_err(|source| CallError::internal("the object can't be compared", Some(source.into())))
        .map_err(Failed::reading)?;
    let mut preview = changes::preview(&body, &object, update.operation());
    preview.object = object;
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

/// A run: a [`Stream`] of outcomes, with [`try_next`](Self::try_next) for use without a trait.
///
/// It ends after the last outcome, or after an [`Error`]. Dropping it ends the run at once, calls in flight included; with
/// a journal, it can be resumed.
#[must_use = "a run ends when it is dropped"]
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
    /// [`Error`] if the run can't continue. It has ended then.
    pub async fn try_next(&mut self) -> Result<Option<Completed<T>>, Error> {
        std::future::poll_fn(|context| self.poll(context)).await.transpose()
    }

    /// Waits for the end of the run, and returns its totals only.
    ///
    /// # Errors
    /// [`Error`] if the run can't continue.
    pub async fn finish(mut self) -> Result<Report, Error> {
        while self.try_next().await?.is_some() {}
        Ok(self.report)
    }

    /// Totals of what was yielded so far; complete, with the reason for a stop, when `try_next` has returned `None`.
    pub fn report(&self) -> Report {
        self.report
    }

    /// Progress of the run, for a progress bar. It counts updates that have ended, whether yielded or not.
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Completed<T>, Error>>> {
        if let Some(done) = ready!(self.outcomes.poll_recv(context)) {
            self.report.count(&done);
            return Poll::Ready(Some(Ok(done)));
        }
        let error = match ready!(self.task.poll_join_next(context)) {
            None => return Poll::Ready(None), // its result was returned before
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
