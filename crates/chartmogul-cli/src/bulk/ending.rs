//! How a run ends: exit codes, and what to do about the rows that failed.

use std::path::Path;

use chartmogul::bulk::{Completed, Stopped};

use super::{Options, counted, plan::Plan, progress::Counts};
use crate::error::{self, CliError, Exit};

/// Failures by their cause.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Failures {
    /// 401 and 403.
    sign_in: u64,
    /// Still rate limited in the last attempt.
    rate_limit: u64,
    /// No usable response.
    unavailable: u64,
    /// The row itself is invalid.
    rejected: u64,
}

impl Failures {
    pub(super) fn add<T>(&mut self, done: &Completed<T>) {
        let Some(failed) = done.outcome.error() else { return };
        let exit = match (failed.error(), failed.status().map(|status| status.as_u16())) {
            (Some(error), _) => error::exit(error),
            // From an earlier run: there is a status, but no error value.
            (None, Some(401 | 403)) => Exit::SignIn,
            (None, Some(429)) => Exit::RateLimit,
            (None, Some(400..500)) => Exit::Refused,
            (None, _) => Exit::Unavailable,
        };
        *match exit {
            Exit::SignIn => &mut self.sign_in,
            Exit::RateLimit => &mut self.rate_limit,
            Exit::Refused | Exit::Usage => &mut self.rejected,
            _ => &mut self.unavailable,
        } += 1;
    }

    fn all(self) -> u64 {
        self.sign_in + self.rate_limit + self.unavailable + self.rejected
    }

    /// The cause of more than half of the failures, unless it is the rows.
    fn cause(self) -> Option<Exit> {
        let causes = [
            (self.sign_in, Exit::SignIn),
            (self.rate_limit, Exit::RateLimit),
            (self.unavailable, Exit::Unavailable),
        ];
        causes
            .into_iter()
            .find(|(count, _)| *count * 2 > self.all())
            .map(|(_, exit)| exit)
    }

    /// The exit code of a run that reached the end of its input.
    pub(super) fn exit(self, counts: Counts) -> Exit {
        if counts.failed + counts.not_sent == 0 {
            return Exit::Done;
        }
        let is_only = |exit: &Exit| {
            let count = match exit {
                Exit::SignIn => self.sign_in,
                Exit::RateLimit => self.rate_limit,
                _ => self.unavailable,
            };
            counts.updated + counts.unchanged == 0 && count == self.all()
        };
        self.cause().filter(is_only).unwrap_or(Exit::RowsFailed)
    }

    /// What to do with the file of failed rows.
    pub(super) fn advice(self, plan: &Plan, options: &Options, failed: &Path) -> String {
        // The command has the same flags, because they determine what the cells mean.
        let command = options.again.command(plan, failed);
        let again = match options.journal {
            Some(_) => "run the same command again".to_owned(),
            None => format!("run `{command}`"),
        };
        if self.rejected == 0 {
            return match self.cause() {
                Some(Exit::SignIn) => format!("The API key may not do this. With another one, {again}."),
                Some(Exit::RateLimit) => {
                    format!("The rate limit left no time for them. Later, or with a lower --rate, {again}.")
                }
                _ => format!("No error is known in them. To send them again, {again}."),
            };
        }
        let here = match (&plan.input.path, &options.journal) {
            (Some(_), Some(_)) => format!(
                ", or correct them in {} and run the same command again",
                plan.input.name
            ),
            _ => String::new(),
        };
        let others = self.all() - self.rejected;
        if others == 0 {
            return format!("Correct them there and run `{command}`{here}.");
        }
        format!(
            "The API rejected {}: correct them there and run `{command}`{here}. For the other {} nothing has to be corrected.",
            self.rejected, others
        )
    }
}

/// Why a run ended before its input did.
pub(super) fn interrupted(
    why: Stopped,
    counts: Counts,
    failures: Failures,
    plan: &Plan,
    options: &Options,
) -> CliError {
    let again = match &options.journal {
        Some(_) => "Run the same command again to continue",
        None => "Without a journal, the same command sends all rows again",
    };
    let (exit, code, message) = match (why, failures.cause()) {
        (Stopped::Requested, _) => (Exit::Interrupted, "interrupted", "stopped".to_owned()),
        (Stopped::KeyRefused, _) => (
            Exit::SignIn,
            "unauthorized",
            "stopped, because the API key was rejected".to_owned(),
        ),
        (_, Some(Exit::SignIn)) => (
            Exit::SignIn,
            "forbidden",
            "stopped, because the key may not do this".to_owned(),
        ),
        (_, Some(Exit::RateLimit)) => (
            Exit::RateLimit,
            "rate_limit",
            "stopped, because the rate limit left no time".to_owned(),
        ),
        (_, Some(_)) => (
            Exit::Unavailable,
            "unavailable",
            "stopped, because the network or the server fails".to_owned(),
        ),
        (Stopped::Errors, None) => (
            Exit::RowsFailed,
            "rows_failed",
            "stopped, because too many rows failed".to_owned(),
        ),
        (why, None) => (Exit::RowsFailed, "rows_failed", format!("stopped, because {why}")),
    };
    let message = format!(
        "{message}: {} of {} not sent",
        counts.not_sent,
        counted(plan.updates, "row")
    );
    CliError::new(exit, code, message).next(again)
}
