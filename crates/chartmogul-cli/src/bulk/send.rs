//! Sends what the rows ask for, and tells what became of each.

use std::{collections::HashMap, fs, io, path::Path, sync::Arc, time::Duration};

use chartmogul::{
    Client,
    bulk::{self, Bulk, Completed, Outcome, Run, Stopped, carry_over, salvage},
};
use serde_json::Value;
use tokio::time::timeout;

use super::{
    Options,
    failed::FailedRows,
    plan::{Plan, Planned},
    preview,
    progress::{Bar, Counts, Stop},
    report,
    results::{Line, ResultsFile, Word},
};
use crate::{
    context::{Context, Format},
    error::{CliError, Exit},
    output::Printer,
};

/// The bar moves at least so often.
const A_MOMENT: Duration = Duration::from_millis(200);

/// What a failure says about its cause.
#[derive(Debug, Default, Clone, Copy)]
struct Failures {
    /// 401 and 403.
    sign_in: u64,
    /// No usable response.
    unavailable: u64,
    rejected: u64,
}

impl Failures {
    fn add<T>(&mut self, done: &Completed<T>) {
        let Some(error) = done.outcome.error() else { return };
        match error.status().map(|status| status.as_u16()) {
            Some(401 | 403) => self.sign_in += 1,
            Some(400..500) => self.rejected += 1,
            _ => self.unavailable += 1,
        }
    }
}

pub(super) async fn run(
    context: &Context,
    client: &Client,
    plan: &Arc<Plan>,
    options: &Options,
) -> Result<Exit, CliError> {
    let mut told = Told {
        context,
        id: plan.id(),
        printer: Printer::new(context, None)?,
        results: None,
        failed: FailedRows::new(plan, options.failed.clone()),
        before: HashMap::new(),
        changes: report::Changes::default(),
        counts: Counts::default(),
        failures: Failures::default(),
        unwritten: None,
    };
    let made = journal(context, client, plan, options)?;
    if made > 0 {
        let left = plan.updates.saturating_sub(made);
        context.note(&format!(
            "{made} of {} rows were made earlier; {left} are left.",
            plan.updates
        ));
    }
    if let Some(path) = &options.results {
        let file = ResultsFile::create(path, told.id).map_err(|error| {
            let message = format!("can't write {}: {error}; nothing was sent", path.display());
            CliError::new(Exit::Usage, "file", message)
        })?;
        told.results = Some(file);
    }
    if options.report.is_some() {
        told.before = preview::collect(context, client, plan).await?;
    }
    let (bar, mut stop) = (Bar::new(context, plan.updates), Stop::default());
    let mut bulk = Bulk::try_new(plan.updates(client)).in_order().total(plan.updates);
    bulk = bulk.stop_when(stop.listen(&bar)?);
    if let Some(path) = &options.journal {
        bulk = bulk.journal(path);
    }
    if options.skip_unchanged {
        bulk = bulk.skip_unchanged();
    }
    if let Some(errors) = options.stop_after {
        bulk = bulk.stop_after_errors(errors);
    }
    let mut run = bulk.start().await.map_err(|error| unable(&error, options))?;
    let ended = told.each(plan, &mut run, &bar).await?;
    bar.finish();
    let stopped = run.report().stopped;
    drop(run);
    let (counts, failures) = (told.counts, told.failures);
    let unwritten = told.end(plan, options)?;
    if let Some(error) = ended {
        return Err(unable(&error, options));
    }
    if let Some(why) = stopped {
        return Err(interrupted(why, counts, failures, plan, options));
    }
    if let Some(what) = unwritten {
        return Err(CliError::new(Exit::Unexpected, "file", what)
            .next("Run the same command again: it sends nothing twice, and writes all of them"));
    }
    let all_is_well = counts.failed + counts.not_sent == 0;
    Ok(if all_is_well { Exit::Done } else { Exit::RowsFailed })
}

/// Tells what became of the rows.
struct Told<'a> {
    context: &'a Context,
    id: &'static str,
    printer: Printer<'a>,
    results: Option<ResultsFile>,
    failed: FailedRows,
    /// Of the rows that would change something, for a report.
    before: HashMap<u64, Value>,
    changes: report::Changes,
    counts: Counts,
    failures: Failures,
    /// What a file could not take; the run itself goes on.
    unwritten: Option<String>,
}

impl Told<'_> {
    /// Goes through the rows and their outcomes, which are in the same order. Why the run failed, if it did.
    async fn each(
        &mut self,
        plan: &Arc<Plan>,
        run: &mut Run<Value>,
        bar: &Bar,
    ) -> Result<Option<bulk::Error>, CliError> {
        let progress = run.progress();
        for planned in plan.rows() {
            if planned.is_empty() {
                self.row(&planned, &Line::empty(planned.row, &planned.id))?;
                continue;
            }
            let done = loop {
                match timeout(A_MOMENT, run.try_next()).await {
                    Ok(done) => break done,
                    Err(_) => bar.show(self.counts, &progress),
                }
            };
            let done = match done {
                Ok(Some(done)) => done,
                Ok(None) => return Ok(None),
                Err(error) => return Ok(Some(error)),
            };
            let line = Line::of(planned.row, &planned.id, &done);
            self.counts.add(line.word);
            self.failures.add(&done);
            if let Some(before) = self.before.get(&planned.row) {
                let after = match &done.outcome {
                    Outcome::Updated(object) => object,
                    _ => before,
                };
                self.changes.add(before, after);
            }
            bar.show(self.counts, &progress);
            self.row(&planned, &line)?;
        }
        // What the run ended with comes after the last outcome.
        loop {
            match run.try_next().await {
                Ok(Some(_)) => {}
                Ok(None) => return Ok(None),
                Err(error) => return Ok(Some(error)),
            }
        }
    }

    fn row(&mut self, planned: &Planned, line: &Line) -> Result<(), CliError> {
        let is_failed = line.word == Word::Failed;
        let results = self.results.as_mut().map_or(Ok(()), |results| results.write(line));
        let written = results.and_then(|()| match &line.reason {
            Some(reason) if is_failed => self.failed.push(planned, line.word.as_str(), reason),
            _ => Ok(()),
        });
        self.note(written);
        // As a table, what needs a look.
        if self.context.output.format != Format::Table || is_failed {
            self.printer.entry(&line.json(self.id))?;
        }
        Ok(())
    }

    fn note(&mut self, written: io::Result<()>) {
        if let Err(error) = written {
            let what = format!("what became of the rows could not be written: {error}");
            self.unwritten.get_or_insert(what);
        }
    }

    /// Writes what comes last. What could not be written, if something.
    fn end(mut self, plan: &Plan, options: &Options) -> Result<Option<String>, CliError> {
        let context = self.context;
        let results = self.results.take().map_or(Ok(()), ResultsFile::finish);
        self.note(results);
        if let Some(path) = &options.report {
            let written = fs::write(path, report::page(&self.changes, &plan.input.name));
            self.note(written);
        }
        if context.output.format != Format::Table || self.counts.failed > 0 {
            self.printer.end()?;
        }
        let Counts {
            updated,
            unchanged,
            failed,
            not_sent,
        } = self.counts;
        let unchanged = unchanged + (plan.rows - plan.updates);
        let left = match not_sent {
            0 => String::new(),
            left => format!(", {left} not sent"),
        };
        context.note(&format!(
            "{} rows: {updated} updated, {unchanged} unchanged, {failed} failed{left}.",
            plan.rows
        ));
        match self.failed.finish() {
            Ok(Some(path)) => context.warn(&format!(
                "Failed rows: {}. Correct them there and pass that file, or correct them in {} and run the same command again.",
                path.display(),
                plan.input.name
            )),
            Ok(None) => {}
            Err(error) => {
                let what = format!("the failed rows could not be written: {error}");
                self.unwritten.get_or_insert(what);
            }
        }
        Ok(self.unwritten)
    }
}

/// Why a run ended before its input did.
fn interrupted(why: Stopped, counts: Counts, failures: Failures, plan: &Plan, options: &Options) -> CliError {
    let again = match &options.journal {
        Some(_) => "Run the same command again to go on",
        None => "Without a journal, the same command sends all rows again",
    };
    let Failures {
        sign_in,
        unavailable,
        rejected,
    } = failures;
    let (exit, code, message) = match why {
        Stopped::Requested => (Exit::Interrupted, "interrupted", "stopped".to_owned()),
        Stopped::KeyRefused => (
            Exit::SignIn,
            "unauthorized",
            "stopped, because the API key was rejected".to_owned(),
        ),
        _ if unavailable > rejected + sign_in => {
            let message = "stopped, because the network or the server fails";
            (Exit::Unavailable, "unavailable", message.to_owned())
        }
        _ if sign_in > rejected => (
            Exit::SignIn,
            "forbidden",
            "stopped, because the key may not do this".to_owned(),
        ),
        why => (Exit::RowsFailed, "rows_failed", format!("stopped, because {why}")),
    };
    let message = format!("{message}: {} of {} rows were not sent", counts.not_sent, plan.updates);
    CliError::new(exit, code, message).next(again)
}

/// Makes the journal that of this input, and says how many of its rows were made earlier.
fn journal(context: &Context, client: &Client, plan: &Arc<Plan>, options: &Options) -> Result<u64, CliError> {
    let Some(path) = &options.journal else { return Ok(0) };
    let updates = || plan.updates(client).filter_map(Result::ok); // they were checked
    if options.restart && path.exists() {
        // Only a journal is removed, and none that another run writes.
        match carry_over(path, updates()) {
            Ok(_) | Err(bulk::Error::JournalDamaged { .. } | bulk::Error::InputChanged { .. }) => {}
            Err(error) => return Err(unable(&error, options)),
        }
        fs::remove_file(path).map_err(|error| CliError::file("remove", path, &error))?;
    }
    if options.salvage && path.exists() {
        let kept = salvage(path).map_err(|error| unable(&error, options))?;
        context.note(&format!("Kept of the journal: {kept}."));
    }
    let carried = carry_over(path, updates()).map_err(|error| unable(&error, options))?;
    Ok(carried.made)
}

/// Why a run can't begin, or go on.
fn unable(error: &bulk::Error, options: &Options) -> CliError {
    let mut message = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        message.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    let journal = options
        .journal
        .as_deref()
        .unwrap_or(Path::new(""))
        .display()
        .to_string();
    let (exit, next) = match error {
        bulk::Error::JournalInUse { .. } => (Exit::Usage, "Wait for the other run, or stop it".to_owned()),
        bulk::Error::JournalDamaged { .. } => (
            Exit::Usage,
            "Pass --salvage to keep what is intact; the rest is sent again".to_owned(),
        ),
        bulk::Error::InputChanged { .. } => (
            Exit::Usage,
            format!("Pass --journal FILE to begin another one, or remove {journal}"),
        ),
        bulk::Error::NotAJournal { .. } | bulk::Error::JournalNotLocked { .. } => (
            Exit::Usage,
            "Pass --journal FILE with another path, or --no-journal".to_owned(),
        ),
        bulk::Error::Journal {
            doing: "opened" | "made private",
            ..
        } => (
            Exit::Usage,
            "Pass --journal FILE with a path that can be written, or --no-journal".to_owned(),
        ),
        _ => (
            Exit::Unexpected,
            "Remove the cause, and run the same command again: it goes on".to_owned(),
        ),
    };
    CliError::new(exit, "journal", message).next(next)
}
