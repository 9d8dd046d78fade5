//! Opportunities: deals in a sales pipeline.
//!
//! The API key must belong to a user who has a CRM seat.
//!
//! Source: <https://dev.chartmogul.com/reference/opportunities>

use crate::{Async, Client, NewOpportunity};

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

    /// Creates an opportunity for a customer that exists.
    ///
    /// What it can't be without is in [`NewOpportunity`]: the compiler asks for each of its
    /// members, by name. The rest is set on the builder. Amounts are integer cents (`20_000` with `EUR` is 200.00 EUR),
    /// dates are calendar days, the likelihood is percent. The answer is the whole opportunity.
    ///
    /// **Sent twice, it makes two**: ChartMogul has no way to recognise a repetition. If
    /// [`may_have_happened`](crate::Error::may_have_happened) says so of an error, look before you try again.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let fake = chartmogul_fake::Fake::start().await?;
    /// # let client = chartmogul::Client::builder().api_key(fake.api_key()).base_url(fake.url()).build()?;
    /// use chartmogul::{NewOpportunity, OpportunityType};
    ///
    /// let deal = client
    ///     .opportunities()
    ///     .create(NewOpportunity {
    ///         customer_uuid: "cus_8f1d6a52-3b0e-4c55-9d7a-2e6c1b90a4f3",
    ///         owner: "sales@example.com",
    ///         pipeline: "New Business",
    ///         pipeline_stage: "Discovery",
    ///         estimated_close_date: "2026-03-31".parse()?,
    ///         currency: "EUR",
    ///         amount_in_cents: 20_000,
    ///     })
    ///     .type_(OpportunityType::Recurring)
    ///     .custom([("seats", 4)])
    ///     .send()
    ///     .await?;
    /// println!("created {}", deal.uuid);
    /// # assert!(deal.amount_in_cents == 20_000);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidInput`](crate::Error::InvalidInput) if a value can't be right, before anything is sent;
    /// [`Error::Rejected`](crate::Error::Rejected) with the fields at fault; others as in [`Error`](crate::Error).
    ///
    /// Source: <https://dev.chartmogul.com/reference/opportunities/create>
    pub fn create(&self, required: NewOpportunity<'_>) -> CreateOpportunity<M> {
        CreateOpportunity::new(self.client.clone(), required)
    }

    /// Reads an opportunity.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let fake = chartmogul_fake::Fake::start().await?;
    /// # let client = chartmogul::Client::builder().api_key(fake.api_key()).base_url(fake.url()).build()?;
    /// # let uuid = "4ee13ca4-e7fe-11ee-fa7f-f303abf41acc";
    /// # fake.opportunities().add(chartmogul_fake::samples::opportunity(uuid));
    /// let deal = client.opportunities().get(uuid).send().await?;
    /// println!("{} {} {}", deal.pipeline_stage, deal.amount_in_cents, deal.currency);
    /// # assert!(deal.pipeline_stage == "Discovery");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidInput`](crate::Error::InvalidInput) if this is no UUID, before anything is sent;
    /// [`Error::NotFound`](crate::Error::NotFound) for an unknown one; others as in [`Error`](crate::Error).
    ///
    /// Source: <https://dev.chartmogul.com/reference/opportunities/retrieve>
    pub fn get(&self, opportunity_uuid: impl Into<String>) -> GetOpportunity<M> {
        GetOpportunity::new(self.client.clone(), opportunity_uuid.into())
    }

    /// Lists opportunities: all, or those that fit the filters that are set on the builder.
    ///
    /// `items()` streams the entries of all pages, `send()` answers with one page.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let fake = chartmogul_fake::Fake::start().await?;
    /// # let client = chartmogul::Client::builder().api_key(fake.api_key()).base_url(fake.url()).build()?;
    /// # for uuid in ["4ee13ca4-e7fe-11ee-fa7f-f303abf41acc", "5ee13ca4-e7fe-11ee-fa7f-f303abf41acc"] {
    /// #     fake.opportunities().add(chartmogul_fake::samples::opportunity(uuid));
    /// # }
    /// let mut deals = client
    ///     .opportunities()
    ///     .list()
    ///     .pipeline("New Business")
    ///     .estimated_close_date_on_or_before("2026-12-31")
    ///     .items();
    /// # let mut count = 0;
    /// while let Some(deal) = deals.try_next().await? {
    ///     println!("{} {} {}", deal.uuid, deal.amount_in_cents, deal.currency);
    /// #   count += 1;
    /// }
    /// # assert_eq!(count, 2);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidInput`](crate::Error::InvalidInput) if a filter can't be right, before anything is sent;
    /// [`Error::Pagination`](crate::Error::Pagination) if the server's pages lead nowhere; others as in [`Error`](crate::Error).
    ///
    /// Source: <https://dev.chartmogul.com/reference/opportunities/list>
    pub fn list(&self) -> ListOpportunities<M> {
        ListOpportunities::new(self.client.clone())
    }

    /// Changes an opportunity. Only the fields that are set are sent; all others keep their value.
    ///
    /// The answer is the whole opportunity as it is after the change. Amounts are integer cents (`20_000` with `EUR`
    /// is 200.00 EUR), dates are calendar days, times UTC, the likelihood is percent.
    ///
    /// **Custom attributes are replaced all at once**: [`replace_all_custom`](UpdateOpportunity::replace_all_custom)
    /// removes every attribute that it does not name. Leave it out to keep them, or change single ones with
    /// [`merge_custom`](UpdateOpportunity::merge_custom).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let fake = chartmogul_fake::Fake::start().await?;
    /// # let client = chartmogul::Client::builder().api_key(fake.api_key()).base_url(fake.url()).build()?;
    /// # let uuid = "4ee13ca4-e7fe-11ee-fa7f-f303abf41acc";
    /// # fake.opportunities().add(chartmogul_fake::samples::opportunity(uuid));
    /// use chartmogul::{CustomAttributeList, ForecastCategory};
    ///
    /// let deal = client
    ///     .opportunities()
    ///     .update(uuid)
    ///     .amount_in_cents(20_000)
    ///     .estimated_close_date("2026-04-30")
    ///     .forecast_category(ForecastCategory::Committed)
    ///     .replace_all_custom(CustomAttributeList::new().set("seats", 4).set("vip", true))
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

    /// Deletes an opportunity for good.
    ///
    /// Deleting is harmless to repeat, so it is repeated after a broken connection. If the first attempt did it, the second
    /// one finds nothing: [`Error::NotFound`](crate::Error::NotFound) of which
    /// [`may_have_happened`](crate::Error::may_have_happened) is true.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let fake = chartmogul_fake::Fake::start().await?;
    /// # let client = chartmogul::Client::builder().api_key(fake.api_key()).base_url(fake.url()).build()?;
    /// # let uuid = "4ee13ca4-e7fe-11ee-fa7f-f303abf41acc";
    /// # fake.opportunities().add(chartmogul_fake::samples::opportunity(uuid));
    /// use chartmogul::Error;
    ///
    /// match client.opportunities().delete(uuid).send().await {
    ///     Ok(()) => println!("it is gone"),
    ///     Err(Error::NotFound(_)) => println!("it was gone already"),
    ///     Err(error) => return Err(error.into()),
    /// }
    /// # assert!(fake.opportunities().is_empty());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidInput`](crate::Error::InvalidInput) if this is no UUID, before anything is sent;
    /// [`Error::NotFound`](crate::Error::NotFound) for an unknown one; others as in [`Error`](crate::Error).
    ///
    /// Source: <https://dev.chartmogul.com/reference/opportunities/delete>
    pub fn delete(&self, opportunity_uuid: impl Into<String>) -> DeleteOpportunity<M> {
        DeleteOpportunity::new(self.client.clone(), opportunity_uuid.into())
    }
}
