//! Sets fields of many opportunities to what a CSV file says, such as 5,000 close dates.
//!
//! Without arguments it shows how that goes, with rows of its own and a fake ChartMogul in this process:
//!
//! ```sh
//! cargo run --example bulk_update --features bulk
//! ```
//!
//! With a file, and `CHARTMOGUL_API_KEY`, it changes real opportunities:
//!
//! ```sh
//! cargo run --example bulk_update --features bulk -- close-dates.csv
//! ```
//!
//! The exit code is 0 if every row went well.

use std::{
    io::{self, Read, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, ensure};
use chartmogul::{
    Client,
    bulk::{Bulk, Update as _},
    opportunities::UpdateOpportunity,
};
use chartmogul_fake::Fake;
use chrono::NaiveDate;
use csv::StringRecord;

/// A row of the file, which has these columns. An empty cell leaves its field as it is. Another column, a column that is there
/// twice, a row that sets nothing, and a cell that is no such value are errors.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    uuid: String,
    estimated_close_date: Option<NaiveDate>,
    win_likelihood: Option<i64>,
}

impl Row {
    fn update(self, client: &Client) -> UpdateOpportunity {
        let mut update = client.opportunities().update(self.uuid);
        if let Some(day) = self.estimated_close_date {
            update = update.estimated_close_date(day);
        }
        if let Some(percent) = self.win_likelihood {
            update = update.win_likelihood(percent);
        }
        update
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let result = match std::env::args_os().nth(1).map(PathBuf::from) {
        Some(file) => {
            let rows = csv::Reader::from_path(&file)?;
            run(&Client::from_env()?, rows, &file.with_extension("journal")).await
        }
        None => with_fake().await,
    };
    match result {
        // Nobody reads on, as with `| head`. The journal has what was done.
        Err(error) if is_broken_pipe(&error) => Ok(ExitCode::FAILURE),
        other => other,
    }
}

/// Reads and checks all rows, before anything is sent.
fn read<R: Read>(client: &Client, mut rows: csv::Reader<R>) -> anyhow::Result<Vec<UpdateOpportunity>> {
    let columns = rows.headers()?.clone();
    let update = |row: &StringRecord| {
        let row: Row = row.deserialize(Some(&columns))?;
        ensure!(row.uuid.len() == 36, "the UUID {:?} has not 36 characters", row.uuid);
        let update = row.update(client);
        update.check()?;
        anyhow::Ok(update)
    };
    let mut updates = Vec::new();
    for row in rows.records() {
        let mut row = row?;
        row.set_position(None); // it does not count blank lines
        updates.push(update(&row).with_context(|| format!("in {row:?}"))?);
    }
    Ok(updates)
}

async fn run<R: Read>(client: &Client, rows: csv::Reader<R>, journal: &Path) -> anyhow::Result<ExitCode> {
    let updates = read(client, rows)?;
    let mut out = io::stdout();
    writeln!(out, "{} updates, journal {}", updates.len(), journal.display())?;
    let mut run = Bulk::new(updates)
        .in_order() // that of the file
        .journal(journal) // started again with the same file, it goes on from there
        .stop_when(async { drop(tokio::signal::ctrl_c().await) })
        .start()
        .await?;
    while let Some(done) = run.try_next().await? {
        match done.outcome.error() {
            Some(error) => writeln!(out, "{}: {}: {error}", done.id, done.outcome.as_str())?,
            None => writeln!(out, "{}: {}", done.id, done.outcome.as_str())?,
        }
    }
    writeln!(out, "{}", run.report())?;
    Ok(ExitCode::from(u8::from(!run.report().is_clean())))
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Three rows, of which one is about an opportunity that does not exist.
const ROWS: &str = "\
uuid,estimated_close_date,win_likelihood
4ee13ca4-e7fe-41ee-9a7f-f303abf41acc,2026-09-30,60
5d1f0a3e-e7fe-11ee-8a3b-1b0e6c7d2f10,,75
00000000-0000-0000-0000-000000000000,2026-09-30,
";

async fn with_fake() -> anyhow::Result<ExitCode> {
    let fake = Fake::start()?;
    for uuid in [
        "4ee13ca4-e7fe-41ee-9a7f-f303abf41acc",
        "5d1f0a3e-e7fe-11ee-8a3b-1b0e6c7d2f10",
    ] {
        fake.collection("opportunities").insert_sample(uuid)?;
    }
    let client = Client::builder().api_key(fake.api_key()).base_url(fake.url()).build()?;
    let folder = tempfile::tempdir()?;
    run(
        &client,
        csv::Reader::from_reader(ROWS.as_bytes()),
        &folder.path().join("journal"),
    )
    .await
}
