//! Sends what the rows ask for, and tells what became of each.

use std::{collections::HashMap, fs, io, path::Path, sync::Arc, time::Duration};

use chartmogul::{
    Client,
    bulk::{self, Bulk, Completed, Outcome, Stopped, carry_over, salvage},
};
use tokio::time::timeout;

use super::{
    Options,
    failed::FailedRows,
    plan::Plan,
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
#[derive(Debug, Default)]
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
    let id = plan.id();
    let mut printer = Printer::new(context, None)?;
    let made = journal(context, client, plan, options)?;
    if made > 0 {
        let left = plan.updates.saturating_sub(made);
        context.note(&format!(
            "{made} of {} rows were made earlier; {left} are left.",
            plan.updates
        ));
    }
    let results = options.results.as_deref();
    let mut results = results
        .map(|path| ResultsFile::create(path, id).map_err(|error| created(path, &error)))
        .transpose()?;
    let before = match &options.report {
        Some(_) => preview::collect(context, client, plan).await?,
        None => HashMap::new(),
    };

    let (bar, mut stop) = (Bar::new(context, plan.updates), Stop::default());
    let updates = plan.updates(client);
    let mut bulk = Bulk::try_new(updates)
        .in_order()
        .total(plan.updates)
        .stop_when(stop.listen(&bar)?);
    if let Some(path) = &options.journal {
        bulk = bulk.journal(path);
    }
    if options.skip_unchanged {
        bulk = bulk.skip_unchanged();
    }
    if let Some(errors) = options.stop_after {
        bulk = bulk.stop_after_errors(errors);
    }
    let mut run = bulk.start().await.map_err(|error| ended(&error, options))?;
    let progress = run.progress();
    let mut failed = FailedRows::new(plan, options.failed.clone());
    let (mut counts, mut failures) = (Counts::default(), Failures::default());
    let mut changes = report::Changes::default();
    // What a file could not take; the run itself goes on.
    let mut unwritten: Option<CliError> = None;
    let mut ended_early: Option<CliError> = None;
    for planned in plan.rows() {
        let (line, done) = if planned.is_empty() {
            (Line::empty(planned.row, &planned.id), None)
        } else {
            let done = loop {
                match timeout(A_MOMENT, run.try_next()).await {
                    Ok(done) => break done,
                    Err(_) => bar.show(counts, &progress),
                }
            };
            match done {
                Ok(Some(done)) => (Line::of(planned.row, &planned.id, &done), Some(done)),
                Ok(None) => break,
                Err(error) => {
                    ended_early = Some(ended(&error, options));
                    break;
                }
            }
        };
        if let Some(done) = &done {
            counts.add(line.word);
            failures.add(done);
            let after = match &done.outcome {
                Outcome::Updated(object) => Some(&**object),
                _ => None,
            };
            if let Some(before) = before.get(&planned.row) {
                changes.add(before, after.unwrap_or(before));
            }
            bar.show(counts, &progress);
        }
        let written = write(&line, &mut results, &mut failed, &planned).map_err(|error| {
            let message = format!("what became of the rows could not be written: {error}");
            CliError::new(Exit::Unexpected, "file", message)
        });
        if let Err(error) = written {
            unwritten.get_or_insert(error);
        }
        if context.output.format != Format::Table || line.word == Word::Failed {
            printer.entry(&line.json(id))?;
        }
    }
    // What the run ended with comes after the last outcome.
    while ended_early.is_none() {
        match run.try_next().await {
            Ok(Some(_)) => {}
            Ok(None) => break,
            Err(error) => ended_early = Some(ended(&error, options)),
        }
    }
    bar.finish();
    if context.output.format != Format::Table || counts.failed > 0 {
        printer.end()?;
    }
    let report = run.report();
    drop(run);
    tell(context, counts, plan);
    if let Some(path) = &options.report {
        let written = fs::write(path, report::page(&changes, &plan.input.name));
        if let Err(error) = written {
            unwritten.get_or_insert(CliError::file("write", path, &error));
        }
    }
    let results = results.map_or(Ok(()), ResultsFile::finish);
    match results.and_then(|()| failed.finish()) {
        Ok(Some(path)) => context.warn(&format!(
            "Failed rows: {}. Correct them there and pass that file, or correct them in {} and run the same command again.",
            path.display(),
            plan.input.name
        )),
        Ok(None) => {}
        Err(error) => {
            let message = format!("what became of the rows could not be written: {error}");
            unwritten.get_or_insert(CliError::new(Exit::Unexpected, "file", message));
        }
    }
    if let Some(error) = ended_early {
        return Err(error);
    }
    let again = match &options.journal {
        Some(_) => "Run the same command again to go on",
        None => "Without a journal, the same command sends all rows again",
    };
    let stopped = |exit, code, message: &str| {
        let message = format!("{message}: {} of {} rows were not sent", counts.not_sent, plan.updates);
        Err(CliError::new(exit, code, message).next(again))
    };
    match report.stopped {
        Some(Stopped::Requested) => return stopped(Exit::Interrupted, "interrupted", "stopped"),
        Some(Stopped::KeyRefused) => {
            return Err(CliError::new(Exit::SignIn, "unauthorized", "the API key was rejected")
                .next("Sign in with `chartmogul auth login`, and run the same command again"));
        }
        Some(_) if failures.unavailable > failures.rejected + failures.sign_in => {
            return stopped(
                Exit::Unavailable,
                "unavailable",
                "stopped, because the network or the server fails",
            );
        }
        Some(_) if failures.sign_in > failures.rejected => {
            return stopped(Exit::SignIn, "forbidden", "stopped, because the key may not do this");
        }
        Some(why) => return stopped(Exit::RowsFailed, "rows_failed", &format!("stopped, because {why}")),
        None => {}
    }
    if let Some(error) = unwritten {
        return Err(error.next("Run the same command again: it sends nothing twice, and writes all of them"));
    }
    Ok(if counts.failed + counts.not_sent > 0 {
        Exit::RowsFailed
    } else {
        Exit::Done
    })
}

fn write(
    line: &Line,
    results: &mut Option<ResultsFile>,
    failed: &mut FailedRows,
    planned: &super::plan::Planned,
) -> io::Result<()> {
    if let Some(results) = results {
        results.write(line)?;
    }
    if line.word == Word::Failed {
        failed.push(planned, line.word.as_str(), line.reason.as_deref().unwrap_or_default())?;
    }
    Ok(())
}

/// Makes the journal that of this input, and says how many of its rows were made earlier.
fn journal(context: &Context, client: &Client, plan: &Arc<Plan>, options: &Options) -> Result<u64, CliError> {
    let Some(path) = &options.journal else { return Ok(0) };
    if options.restart {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(CliError::file("remove", path, &error));
            }
            _ => {}
        }
    }
    if options.salvage && path.exists() {
        let kept = salvage(path).map_err(|error| ended(&error, options))?;
        context.note(&format!("Kept of the journal: {kept}."));
    }
    let updates = plan.updates(client).filter_map(Result::ok); // they were checked
    let carried = carry_over(path, updates).map_err(|error| ended(&error, options))?;
    Ok(carried.made)
}

fn created(path: &Path, error: &io::Error) -> CliError {
    let message = format!("can't write {}: {error}; nothing was sent", path.display());
    CliError::new(Exit::Usage, "file", message)
}

/// Why a run can't begin, or go on.
fn ended(error: &bulk::Error, options: &Options) -> CliError {
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

fn tell(context: &Context, counts: Counts, plan: &Plan) {
    let Counts {
        updated,
        unchanged,
        failed,
        not_sent,
    } = counts;
    let unchanged = unchanged + (plan.rows - plan.updates);
    let mut text = format!(
        "{} rows: {updated} updated, {unchanged} unchanged, {failed} failed",
        plan.rows
    );
    if not_sent > 0 {
        text.push_str(&format!(", {not_sent} not sent"));
    }
    context.note(&format!("{text}."));
}
