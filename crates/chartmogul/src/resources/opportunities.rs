//! Opportunities: deals in a sales pipeline.
//!
//! The API key must belong to a user who has a CRM seat.
//!
//! Source: <https://dev.chartmogul.com/reference/opportunities>

use crate::{Async, Client};

pub use crate::generated::opportunities::*;

/// The opportunities of an account; made by [`Client::opportunities`](crate::Client::opportunities).
#[derive(Debug, Clone)]
pub struct Opportunities<M = Async> {
    client: Client<M>,
}

impl<M: Clone> Opportunities<M> {
    pub(crate) fn new(client: Client<M>) -> Self {
        Self { client }
    }

    /// Changes an opportunity. Only the fields that are set are sent; all others keep their value.
    ///
    /// The answer is the whole opportunity as it is after the change. Amounts are integer cents (`20_000` with `EUR`
    /// is 200.00 EUR), dates are calendar days, times UTC, the likelihood is percent.
    ///
    /// **Custom attributes are replaced all at once**: [`replace_all_custom`](UpdateOpportunity::replace_all_custom)
    /// removes every attribute that it does not name. Leave it out to keep them.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let fake = chartmogul_fake::Fake::start().await?;
    /// # let client = chartmogul::Client::builder().api_key(fake.api_key()).base_url(fake.url()).build()?;
    /// # let uuid = "4ee13ca4-e7fe-11ee-fa7f-f303abf41acc";
    /// # fake.opportunities().add(chartmogul_fake::samples::opportunity(uuid));
    /// use chartmogul::{Custom, ForecastCategory};
    ///
    /// let deal = client
    ///     .opportunities()
    ///     .update(uuid)
    ///     .amount_in_cents(20_000)
    ///     .estimated_close_date("2026-04-30")
    ///     .forecast_category(ForecastCategory::Committed)
    ///     .replace_all_custom(Custom::new().set("seats", 4).set("vip", true))
    ///     .send()
    ///     .await?;
    /// assert!(deal.amount_in_cents == 20_000);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidInput`](crate::Error::InvalidInput) if nothing is set or a value can't be right, before anything
    /// is sent; [`Error::NotFound`](crate::Error::NotFound) for an unknown UUID;
    /// [`Error::Rejected`](crate::Error::Rejected) with the fields at fault;
    /// [`Error::NotModified`](crate::Error::NotModified) if there was nothing to change (or use
    /// [`outcome`](UpdateOpportunity::outcome)); others as in [`Error`](crate::Error).
    ///
    /// Source: <https://dev.chartmogul.com/reference/opportunities/update>
    pub fn update(&self, opportunity_uuid: impl Into<String>) -> UpdateOpportunity<M> {
        UpdateOpportunity::new(self.client.clone(), opportunity_uuid.into())
    }
}
