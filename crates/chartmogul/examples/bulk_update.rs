//! Sets the close dates of many opportunities, and goes on where it was when it is started again.
//!
//! It uses a fake ChartMogul in this process; one of the rows names an opportunity that does not exist, so the exit code is 1:
//!
//! ```sh
//! cargo run --example bulk_update --features bulk
//! ```
//!
//! For a file of your own there is the command line: `chartmogul opportunities bulk-update deals.csv`.

use std::{
    error::Error,
    io::{self, Write as _},
    process::ExitCode,
};

use chartmogul::{Client, bulk::Bulk};
use chartmogul_fake::Fake;

const ROWS: [(&str, &str); 3] = [
    ("4ee13ca4-e7fe-41ee-9a7f-f303abf41acc", "2026-09-30"),
    ("5d1f0a3e-e7fe-41ee-8a3b-1b0e6c7d2f10", "2026-10-31"),
    ("00000000-0000-4000-8000-000000000000", "2026-09-30"),
];

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let fake = Fake::start()?;
    fake.collection("opportunities").insert_sample(ROWS[0].0)?;
    fake.collection("opportunities").insert_sample(ROWS[1].0)?;
    let client = Client::builder().api_key(fake.api_key()).base_url(fake.url()).build()?;
    let folder = tempfile::tempdir()?;

    let opportunities = client.opportunities();
    let updates = ROWS.map(|(uuid, day)| opportunities.update(uuid).estimated_close_date(day));
    let mut run = Bulk::new(updates)
        .journal(folder.path().join("close-dates.journal")) // with the same rows, the next run goes on from there
        .start()
        .await?;
    while let Some(done) = run.try_next().await? {
        let why = done.outcome.error().map(ToString::to_string).unwrap_or_default();
        writeln!(io::stdout(), "{} {} {why}", done.id, done.outcome.as_str())?;
    }
    writeln!(io::stdout(), "{}", run.report())?;
    Ok(ExitCode::from(u8::from(!run.report().is_clean())))
}
