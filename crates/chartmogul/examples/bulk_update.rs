//! Sets the close dates of many opportunities, and goes on where it was when it is started again.
//!
//! It uses a fake ChartMogul in this process, and rows of its own; one of them names an opportunity that does not exist, so
//! the exit code is 1:
//!
//! ```sh
//! cargo run --example bulk_update --features bulk
//! ```
//!
//! For a file of your own there is the command line: `chartmogul opportunities bulk-update deals.csv`.

use std::{
    error::Error,
    io::{self, Write as _},
    path::Path,
    process::ExitCode,
};

use chartmogul::{
    Client,
    bulk::{Bulk, Outcome, Update as _},
};
use chartmogul_fake::Fake;

const ROWS: [(&str, &str); 3] = [
    ("4ee13ca4-e7fe-41ee-9a7f-f303abf41acc", "2026-09-30"),
    ("5d1f0a3e-e7fe-41ee-8a3b-1b0e6c7d2f10", "2026-10-31"),
    ("00000000-0000-4000-8000-000000000000", "2026-09-30"),
];

async fn run(client: &Client, journal: &Path) -> Result<bool, Box<dyn Error>> {
    let opportunities = client.opportunities();
    let updates = ROWS.map(|(uuid, day)| opportunities.update(uuid).estimated_close_date(day));
    for update in &updates {
        update.check()?; // all of them, before the first one is sent
    }
    let mut run = Bulk::new(updates)
        .in_order() // that of the rows
        .journal(journal) // started again with the same rows, it goes on from there
        .stop_when(async { drop(tokio::signal::ctrl_c().await) })
        .start()
        .await?;
    let mut out = io::stdout();
    while let Some(done) = run.try_next().await? {
        match done.outcome {
            Outcome::Updated(deal) => writeln!(out, "{} closes on {}", done.id, deal.estimated_close_date)?,
            Outcome::NotModified => writeln!(out, "{} is so already", done.id)?,
            other => writeln!(
                out,
                "{} {}: {:?}",
                done.id,
                other.as_str(),
                other.error().map(ToString::to_string)
            )?,
        }
    }
    writeln!(out, "{}", run.report())?;
    Ok(run.report().is_clean())
}

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let fake = Fake::start()?;
    for (uuid, _) in &ROWS[..2] {
        fake.collection("opportunities").insert_sample(uuid)?;
    }
    let client = Client::builder().api_key(fake.api_key()).base_url(fake.url()).build()?;
    let folder = tempfile::tempdir()?;
    let is_clean = run(&client, &folder.path().join("close-dates.journal")).await?;
    Ok(ExitCode::from(u8::from(!is_clean)))
}
