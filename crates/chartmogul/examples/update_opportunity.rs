//! Updates an opportunity.
//!
//! Without an API key it talks to a fake ChartMogul in this process:
//!
//! ```sh
//! cargo run --example update_opportunity
//! ```
//!
//! With `CHARTMOGUL_API_KEY` set it talks to the real API, and changes nothing but the amount of the opportunity that
//! the command line names:
//!
//! ```sh
//! cargo run --example update_opportunity -- 4ee13ca4-e7fe-41ee-9a7f-f303abf41acc 20000
//! ```
#![allow(clippy::print_stdout)] // a program

use anyhow::Context as _;
use chartmogul::{Client, opportunities::Opportunity};
use chartmogul_fake::Fake;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    if std::env::var_os("CHARTMOGUL_API_KEY").is_some_and(|key| !key.is_empty()) {
        real().await
    } else {
        fake().await
    }
}

async fn real() -> anyhow::Result<()> {
    const USAGE: &str = "CHARTMOGUL_API_KEY is set, so this changes a real opportunity: \
                         cargo run --example update_opportunity -- UUID AMOUNT_IN_CENTS";
    let mut arguments = std::env::args().skip(1);
    let uuid = arguments.next().context(USAGE)?;
    let amount: i64 = arguments
        .next()
        .context(USAGE)?
        .parse()
        .context("AMOUNT_IN_CENTS is a whole number")?;

    let client = Client::from_env()?;
    let opportunities = client.opportunities();
    show("before", &opportunities.get(&uuid).send().await?);
    let updated = opportunities.update(uuid).amount_in_cents(amount).send().await?;
    show("after ", &updated);
    Ok(())
}

async fn fake() -> anyhow::Result<()> {
    println!("CHARTMOGUL_API_KEY is not set: using a fake ChartMogul in this process.\n");
    let uuid = "4ee13ca4-e7fe-41ee-9a7f-f303abf41acc";
    let fake = Fake::start()?;
    let before = fake.collection("opportunities").insert_sample(uuid)?;
    show("before", &serde_json::from_value(before)?);

    let client = Client::builder().api_key(fake.api_key()).base_url(fake.url()).build()?;
    let updated = client
        .opportunities()
        .update(uuid)
        .amount_in_cents(25_000)
        .replace_all_custom([("users", 12)]) // `seats` is not named, so it is removed
        .send()
        .await?;
    show("after ", &updated);
    Ok(())
}

fn show(when: &str, opportunity: &Opportunity) {
    println!("{when}  {} in {}", opportunity.uuid, opportunity.pipeline_stage);
    println!(
        "        {} cents {}, {}% likely, expected {}",
        opportunity.amount_in_cents, opportunity.currency, opportunity.win_likelihood, opportunity.estimated_close_date
    );
    println!("        custom {}", opportunity.custom);
    println!("        updated {}", opportunity.updated_at);
}
