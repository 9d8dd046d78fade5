//! Sends the updates of the rows, and reports the result of each.

use std::{fs, io, path::Path, sync::Arc, time::Duration};

use chartmogul::{
    Client,
    bulk::{self, Bulk, Outcome, Run, carry_over, salvage},
};
use serde_json::Value;
use tokio::time::timeout;

use super::{
    Options,
    before::{self, Before},
    counted,
    ending::{Failures, interrupted},
    failed::FailedRows,
    files::unwritable,
    plan::{Plan, Planned},
    preview,
    progress::{Bar, Counts, Stop},
    report,
    results::{Line, ResultsFile, Word},
};
use crate::{
    context::{Context, Format},
    error::{self, CliError, Exit},
    output::Printer,
};

/// Maximum time between two updates of the progress bar.
const A_MOMENT: Duration = Duration::from_millis(200);

pub(super) async fn run(
    context: &Context,
    printer: Printer<'_>,
    client: &Client,
    plan: &Arc<Plan>,
    options: &Options,
) -> Result<Exit, CliError> {
    let mut results = Results {
        context,
        id: plan.id(),
        printer,
        file: None,
        failed: FailedRows::new(plan, options.failed.clone()),
        before: Before::default(),
        changes: options
            .report
            .as_ref()
            .map(|(_, subject)| report::Changes::of(*subject)),
        counts: Counts::default(),
        failures: Failures::default(),
        earlier: 0,
        unprinted: None,
        unwritten: None,
    };
    let made = journal(context, client, plan, options)?;
    if made > 0 {
        let left = plan.updates.saturating_sub(made);
        context.note(&format!(
            "Of {}, {made} were made earlier; {left} are left.",
            counted(plan.updates, "row")
        ));
    }
    if let Some(path) = &options.results {
        let file = ResultsFile::create(path, results.id).map_err(|error| unwritable("--results", path, &error))?;
        results.file = Some(file);
    }
    if let Some((_, subject)) = options.report {
        results.before = Before::read(options.journal.as_deref())?;
        preview::collect(context, client, plan, subject, &mut results.before).await?;
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
    let ended = results.each(plan, &mut run, &bar).await;
    bar.finish();
    let stopped = run.report().stopped;
    drop(run);
    let (counts, failures) = (results.counts, results.failures);
    let (unwritten, unprinted) = results.end(plan, options);
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
    match unprinted {
        Some(error) if !error.is_quiet() => Err(error.once_done("The rows were sent")),
        _ => Ok(failures.exit(counts)),
    }
}

/// Reports the results of the rows.
struct Results<'a> {
    context: &'a Context,
    id: &'static str,
    printer: Printer<'a>,
    file: Option<ResultsFile>,
    failed: FailedRows,
    /// The objects before the run, for a report.
    before: Before,
    changes: Option<report::Changes>,
    counts: Counts,
    failures: Failures,
    /// Rows that an earlier run updated without a report.
    earlier: u64,
    /// Why nothing more is printed; the run itself continues.
    unprinted: Option<CliError>,
    /// An error of writing a file; the run itself continues.
    unwritten: Option<String>,
}

impl Results<'_> {
    /// Reports each row with its outcome; both come in the same order. Returns why the run failed, if it did.
    async fn each(&mut self, plan: &Arc<Plan>, run: &mut Run<Value>, bar: &Bar) -> Option<bulk::Error> {
        let progress = run.progress();
        for planned in plan.rows() {
            if planned.is_empty() {
                self.row(&planned, &Line::empty(planned.row, &planned.id));
                continue;
            }
            let done = loop {
                match timeout(A_MOMENT, run.try_next()).await {
                    Ok(done) => break done,
                    Err(_) => {
                        bar.show(self.counts, &progress);
                        let shown = self.printer.flush();
                        self.printed(shown);
                    }
                }
            };
            let done = match done {
                Ok(Some(done)) => done,
                Ok(None) => return None,
                Err(error) => return Some(error),
            };
            let line = Line::of(planned.row, &planned.id, &done);
            self.counts.add(line.word);
            self.failures.add(&done);
            let before = self.before.get(&planned.id);
            let is_change = matches!(done.outcome, Outcome::Updated(_));
            self.earlier += u64::from(done.earlier && is_change && before.is_none());
            if let (Some(before), Some(changes)) = (before, &mut self.changes) {
                let after = match &done.outcome {
                    Outcome::Updated(object) => object,
                    _ => before,
                };
                changes.add(before, after);
            }
            bar.show(self.counts, &progress);
            self.row(&planned, &line);
        }
        // An error that ended the run comes after the last outcome.
        loop {
            match run.try_next().await {
                Ok(Some(_)) => {}
                Ok(None) => return None,
                Err(error) => return Some(error),
            }
        }
    }

    fn row(&mut self, planned: &Planned, line: &Line) {
        let is_failed = line.word == Word::Failed;
        let result = self.file.as_mut().map_or(Ok(()), |file| file.write(line));
        let written = result.and_then(|()| match &line.reason {
            Some(reason) if is_failed => self.failed.push(planned, line.word.as_str(), reason),
            _ => Ok(()),
        });
        self.note(written);
        // A table shows only failed rows.
        if self.unprinted.is_none() && (self.context.output.format != Format::Table || is_failed) {
            let printed = self.printer.entry(&line.json(self.id));
            self.printed(printed);
        }
    }

    /// A closed pipe, a full disk or a failing filter does not stop the run.
    fn printed(&mut self, printed: Result<(), CliError>) {
        if let Err(error) = printed {
            self.unprinted.get_or_insert(error);
        }
    }

    fn note(&mut self, written: io::Result<()>) {
        if let Err(error) = written {
            let what = format!("the results could not be written: {error}");
            self.unwritten.get_or_insert(what);
        }
    }

    /// Finishes files and output. Returns the first error of writing a file, and the first error of printing.
    fn end(mut self, plan: &Plan, options: &Options) -> (Option<String>, Option<CliError>) {
        let context = self.context;
        let finished = self.file.take().map_or(Ok(()), ResultsFile::finish);
        self.note(finished);
        if let (Some((path, _)), Some(changes)) = (&options.report, &self.changes) {
            let written = fs::write(path, report::page(changes, &plan.input.name, self.earlier));
            self.note(written);
        }
        if self.unprinted.is_none() && (context.output.format != Format::Table || self.counts.failed > 0) {
            self.unprinted = self.printer.end().err();
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
            "{}: {updated} updated, {unchanged} unchanged, {failed} failed{left}.",
            counted(plan.rows, "row")
        ));
        match self.failed.finish() {
            Ok(Some(path)) => {
                let advice = self.failures.advice(plan, options, &path);
                context.warn(&format!("Failed rows: {}. {advice}", path.display()));
            }
            Ok(None) => {}
            Err(error) => {
                let what = format!("the failed rows could not be written: {error}");
                self.unwritten.get_or_insert(what);
            }
        }
        (self.unwritten, self.unprinted)
    }
}

/// Prepares the journal for this input, and returns how many of its rows earlier runs have done.
fn journal(context: &Context, client: &Client, plan: &Arc<Plan>, options: &Options) -> Result<u64, CliError> {
    let Some(path) = &options.journal else { return Ok(0) };
    let updates = || plan.updates(client).filter_map(Result::ok); // they were checked
    if options.restart && path.exists() {
        // Removes only a journal, and none that another run is writing.
        match carry_over(path, updates()) {
            Ok(_) | Err(bulk::Error::JournalDamaged { .. } | bulk::Error::InputChanged { .. }) => {}
            Err(error) => return Err(unable(&error, options)),
        }
        fs::remove_file(path).map_err(|error| CliError::file("remove", path, &error))?;
        let _ = fs::remove_file(before::beside(path)); // exists only if there was a report
    }
    if options.salvage && path.exists() {
        let kept = salvage(path).map_err(|error| unable(&error, options))?;
        context.note(&format!("Kept of the journal: {kept}."));
    }
    let carried = carry_over(path, updates()).map_err(|error| unable(&error, options))?;
    Ok(carried.made)
}

/// Why a run can't start or continue.
fn unable(error: &bulk::Error, options: &Options) -> CliError {
    let message = error::translated(error);
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
            "Remove the cause, and run the same command again: it continues".to_owned(),
        ),
    };
    CliError::new(exit, "journal", message).next(next)
}
