//! Sets fields of many opportunities to what a CSV file says, such as 5,000 close dates.
//!
//! Without arguments it shows how that goes, with a file and a fake ChartMogul of its own:
//!
//! ```sh
//! cargo run --example bulk_update --features bulk
//! ```
//!
//! With a file, and `CHARTMOGUL_API_KEY`, it changes real opportunities. Look before:
//!
//! ```sh
//! cargo run --example bulk_update --features bulk -- deals.csv --dry-run
//! cargo run --example bulk_update --features bulk -- deals.csv --results results.csv
//! ```
#![allow(clippy::print_stdout)] // a program

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use chartmogul::{
    Client, ClientBuilder, InvalidInput,
    bulk::{Bulk, Outcome, Preview, Progress, Report, Run, Update},
    resources::opportunities::UpdateOpportunity,
};
use chartmogul_fake::{Fake, samples};
use clap::Parser as _;
use indicatif::{ProgressBar, ProgressStyle};

/// Sets fields of many opportunities to what a CSV file says. The exit code is 0 if that went well for every row.
#[derive(clap::Parser)]
struct Arguments {
    /// A column `uuid`, and one for each field to set, named as in the API; an empty cell leaves its field alone,
    /// and a row of which all are empty is left out
    file: Option<PathBuf>,
    /// Shows what would change, and changes nothing
    #[arg(long)]
    dry_run: bool,
    /// Writes `uuid,outcome,message` of each row into this file
    #[arg(long, value_name = "FILE")]
    results: Option<PathBuf>,
    /// Notes what is done, so that the same command goes on where it was stopped [default: beside FILE]
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
    /// Uses a fake ChartMogul that has the opportunities of the file, but none that begins with 00000000
    #[arg(long)]
    fake: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let mut arguments = Arguments::parse();
    let is_asked_for = arguments.fake;
    arguments.fake |= arguments.file.is_none(); // nothing real is changed that nobody has named
    let folder = tempfile::tempdir()?;
    let file = arguments.file.map_or_else(|| demonstration(folder.path()), Ok)?;
    // Idle, unless it is asked for. A journal is for one base URL, so that of a fake must stay the same.
    let fake = Fake::start_on(if is_asked_for { 4210 } else { 0 }).await?;
    let client = if arguments.fake {
        Client::builder().api_key(fake.api_key()).base_url(fake.url())
    } else {
        ClientBuilder::from_env()?
    };
    let (rows, updates) =
        read(&client.build()?, &file).with_context(|| format!("nothing of {} is sent", file.display()))?;
    for uuid in updates.iter().map(Update::id) {
        if !uuid.starts_with("00000000") {
            fake.opportunities().add(samples::opportunity(&uuid));
        }
    }
    let whose = if arguments.fake { "a fake" } else { "the real" };
    println!("{}: {} rows for {whose} ChartMogul", file.display(), rows.len());

    let results = arguments.results.map(csv::Writer::from_path).transpose()?;
    let bulk = Bulk::new(updates)
        .in_order() // that of the file
        .stop_when(interrupted());
    let report = if arguments.dry_run {
        let report = follow(bulk.dry_run().await?, &rows, results, describe).await?;
        println!("a dry run changes nothing; it would be {report}");
        report
    } else {
        let ending = if arguments.fake { "fake.journal" } else { "journal" }; // each fake is another account
        let journal = arguments.journal.unwrap_or_else(|| file.with_extension(ending));
        println!("what is done is noted in {}", journal.display());
        let run = bulk.journal(journal).start().await?;
        let report = follow(run, &rows, results, |_| ("updated", String::new())).await?;
        println!("{report}");
        match report.stopped {
            Some(_) => println!("the same command goes on from here"),
            None if report.is_clean() => {}
            None => println!("with this journal, what failed is not sent again: give it a file of its own"),
        }
        report
    };
    Ok(ExitCode::from(u8::from(!report.is_clean())))
}

const COLUMNS: &str = "uuid, amount_in_cents, currency, estimated_close_date, forecast_category, owner, pipeline, \
                       pipeline_stage, win_likelihood";

fn set(update: UpdateOpportunity, column: &str, text: &str) -> Result<UpdateOpportunity, InvalidInput> {
    let wrong = |allowed| InvalidInput::new(column, &text, allowed);
    let number = || text.parse::<i64>().map_err(|_| wrong("a whole number"));
    Ok(match column {
        "amount_in_cents" => update.amount_in_cents(number()?),
        "currency" => update.currency(text),
        "estimated_close_date" => update.estimated_close_date(text),
        "forecast_category" => update.forecast_category(text),
        "owner" => update.owner(text),
        "pipeline" => update.pipeline(text),
        "pipeline_stage" => update.pipeline_stage(text),
        "win_likelihood" => update.win_likelihood(number()?),
        _ => return Err(InvalidInput::new("column", &column, COLUMNS)),
    })
}

/// Reads the file, and checks all of it before anything is sent. Row numbers are those of a spreadsheet.
fn read(client: &Client, file: &Path) -> anyhow::Result<(Vec<u64>, Vec<UpdateOpportunity>)> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_path(file)?;
    let columns = reader.headers()?.clone();
    for column in &columns {
        let known = COLUMNS.split(", ").any(|known| known == column);
        ensure!(known, "column {column:?} is unknown; allowed: {COLUMNS}");
    }
    let uuid_at = columns.iter().position(|column| column == "uuid");
    let uuid_at = uuid_at.context("there is no column \"uuid\"")?;
    let (mut rows, mut updates, mut wrong) = (Vec::new(), Vec::new(), Vec::new());
    for (row, record) in (2..).zip(reader.records()) {
        let record = record?;
        let uuid = &record[uuid_at];
        let cells = columns.iter().zip(&record);
        let cells: Vec<_> = cells
            .filter(|(column, text)| *column != "uuid" && !text.is_empty())
            .collect();
        if cells.is_empty() {
            continue;
        }
        if uuid.len() != 36 {
            wrong.push(format!("row {row}: `uuid` was {uuid:?}; allowed: 36 characters"));
        }
        let mut update = client.opportunities().update(uuid);
        for (column, text) in cells {
            let next = set(update.clone(), column, text).map_err(chartmogul::Error::from);
            match next.and_then(|next| next.check().map(|()| next)) {
                Ok(next) => update = next,
                Err(error) => wrong.push(format!("row {row}: {error}")),
            }
        }
        rows.push(row);
        updates.push(update);
    }
    let (count, some) = (wrong.len(), wrong[..wrong.len().min(20)].join("\n"));
    ensure!(count == 0, "{count} cells can't be right, such as\n{some}");
    Ok((rows, updates))
}

/// Takes what comes of a run, and tells what failed.
async fn follow<T>(
    mut run: Run<T>,
    rows: &[u64],
    mut results: Option<csv::Writer<File>>,
    describe: impl Fn(&T) -> (&'static str, String),
) -> anyhow::Result<Report> {
    if let Some(results) = &mut results {
        results.write_record(["uuid", "outcome", "message"])?;
    }
    let bar = ProgressBar::new(rows.len() as u64); // on stderr if that is a terminal, else nowhere
    bar.set_style(ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}")?);
    let drawing = tokio::spawn(draw(bar.clone(), run.progress()));
    while let Some(done) = run.try_next().await? {
        let row = rows[usize::try_from(done.index)?];
        let (outcome, message) = match &done.outcome {
            Outcome::Updated(object) => describe(object),
            other => (
                other.as_str(),
                other.error().map(ToString::to_string).unwrap_or_default(),
            ),
        };
        if !message.is_empty() {
            bar.suspend(|| println!("row {row} {} {outcome}: {message}", done.id));
        }
        if let Some(results) = &mut results {
            results.write_record([&done.id, outcome, &message])?;
        }
    }
    drawing.abort();
    bar.finish_and_clear();
    results.map_or(Ok(()), |mut results| results.flush())?;
    Ok(run.report())
}

async fn draw(bar: ProgressBar, progress: Progress) {
    loop {
        let now = progress.snapshot();
        let left = now.remaining.map_or("?".to_owned(), |left| left.as_secs().to_string());
        bar.set_position(now.done);
        let (failed, rate) = (now.failed, now.rate);
        bar.set_message(format!("{failed} failed, {rate:.0}/s, {left} s left"));
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Ends at the first Ctrl-C. The second one ends the process, which does no harm: the journal has what was sent.
async fn interrupted() {
    tokio::signal::ctrl_c().await.ok();
    println!("\nwaiting for what is sent already; Ctrl-C again ends it at once");
    tokio::spawn(async {
        tokio::signal::ctrl_c().await.ok();
        std::process::exit(130);
    });
}

/// What a dry run says of a row.
fn describe(preview: &Preview) -> (&'static str, String) {
    let show = |value: &Option<serde_json::Value>| value.as_ref().map_or("nothing".to_owned(), ToString::to_string);
    let changes = preview.changes.iter();
    let changes = changes.map(|change| format!("{} {} -> {}", change.field, show(&change.old), show(&change.new)));
    // No column sets custom attributes, so none is lost. In a program that does set them, this is what to look for.
    let lost = preview.lost.iter().map(|key| format!("custom attribute {key} is LOST"));
    ("would change", changes.chain(lost).collect::<Vec<_>>().join(", "))
}

/// A file with 300 rows. Three of them are about opportunities that nobody has, and four are empty.
fn demonstration(folder: &Path) -> std::io::Result<PathBuf> {
    let mut text = "uuid,estimated_close_date,win_likelihood\n".to_owned();
    for row in 2..302 {
        let deal = if row % 100 == 50 { 0 } else { row };
        let change = if row % 70 == 0 { "," } else { "2026-09-30,60" };
        text += &format!("{deal:08x}-e7fe-11ee-fa7f-{row:012x},{change}\n");
    }
    let file = folder.join("close-dates.csv");
    fs::write(&file, text)?;
    Ok(file)
}
