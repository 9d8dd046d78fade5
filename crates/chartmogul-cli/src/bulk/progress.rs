//! The progress of a run on a terminal, and how it is stopped.

use std::{
    future::Future,
    process,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use chartmogul::bulk::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::{sync::oneshot, task::JoinSet};

use super::results::Word;
use crate::{
    context::Context,
    error::{CliError, Exit},
    signals::Signals,
};

/// Numbers of rows by result.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) updated: u64,
    pub(super) unchanged: u64,
    pub(super) failed: u64,
    pub(super) not_sent: u64,
}

impl Counts {
    pub(super) fn add(&mut self, word: Word) {
        *match word {
            Word::Updated => &mut self.updated,
            Word::Unchanged => &mut self.unchanged,
            Word::Failed => &mut self.failed,
            Word::NotSent => &mut self.not_sent,
        } += 1;
    }

    pub(super) fn all(self) -> u64 {
        self.updated + self.unchanged + self.failed + self.not_sent
    }
}

/// A progress bar on standard error; nothing if that is not a terminal.
#[derive(Debug, Clone)]
pub(super) struct Bar(ProgressBar);

impl Bar {
    pub(super) fn new(context: &Context, total: u64) -> Self {
        let shown = context.terminals.stderr && !context.quiet;
        let target = if shown {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(total), target);
        let template = "{bar:24} {pos}/{len}  {msg}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        Self(bar)
    }

    pub(super) fn show(&self, counts: Counts, progress: &Progress) {
        if self.0.is_hidden() {
            return;
        }
        let now = progress.snapshot();
        let Counts {
            updated,
            unchanged,
            failed,
            ..
        } = counts;
        let left = now
            .remaining
            .map(|left| format!(", {} left", rounded(left)))
            .unwrap_or_default();
        self.0.set_position(counts.all());
        self.0.set_message(format!(
            "{:.0}/s{left}  {updated} updated, {unchanged} unchanged, {failed} failed",
            now.rate
        ));
    }

    /// Writes a line above the bar.
    pub(super) fn above(&self, write: impl FnOnce()) {
        self.0.suspend(write);
    }

    pub(super) fn finish(&self) {
        self.0.finish_and_clear();
    }
}

/// `2 min`, `35 s`
fn rounded(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..100 => format!("{seconds} s"),
        seconds @ 100..6_000 => format!("{} min", (seconds + 30) / 60),
        seconds => format!("{} h", (seconds + 1_800) / 3_600),
    }
}

/// Whether a signal has requested a stop. Signals are handled until this is dropped.
#[derive(Debug, Default)]
pub(super) struct Stop {
    asked: Arc<AtomicBool>,
    listener: JoinSet<()>,
}

impl Stop {
    pub(super) fn was_asked_for(&self) -> bool {
        self.asked.load(Relaxed)
    }

    /// The future completes at the first SIGINT, SIGTERM or SIGHUP. The second one exits the process; the journal is
    /// already on the disk.
    ///
    /// # Errors
    /// The signals can't be listened to.
    pub(super) fn listen(&mut self, bar: &Bar) -> Result<impl Future<Output = ()> + Send + 'static, CliError> {
        let mut signals = Signals::listen()?;
        let (tell, told) = oneshot::channel();
        let (asked, bar) = (Arc::clone(&self.asked), bar.clone());
        self.listener.spawn(async move {
            signals.next().await;
            asked.store(true, Relaxed);
            bar.above(|| note("Stopping: waiting for the requests in flight. A second signal stops at once."));
            let _ = tell.send(());
            signals.next().await;
            bar.finish();
            note("Stopped at once. The same command continues.");
            process::exit(i32::from(Exit::Interrupted.code()));
        });
        Ok(async move {
            if told.await.is_err() {
                std::future::pending::<()>().await;
            }
        })
    }
}

fn note(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "{text}");
}
