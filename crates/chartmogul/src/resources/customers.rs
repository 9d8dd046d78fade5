//! Customers: so far, the way to what belongs to one.

use crate::{
    Async, Client,
    resources::opportunities::{ListOpportunities, Opportunities},
};

/// One customer; made by [`Client::customer`](crate::Client::customer).
#[derive(Debug, Clone)]
pub struct CustomerScope<M = Async> {
    client: Client<M>,
    uuid: String,
}

impl<M: Clone> CustomerScope<M> {
    pub(crate) fn new(client: Client<M>, uuid: String) -> Self {
        Self { client, uuid }
    }

    /// Lists the opportunities of this customer; see [`Opportunities::list`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let fake = chartmogul_fake::Fake::start().await?;
    /// # let client = chartmogul::Client::builder().api_key(fake.api_key()).base_url(fake.url()).build()?;
    /// let mut deals = client.customer("cus_8f1d6a52-3b0e-4c55-9d7a-2e6c1b90a4f3").opportunities().items();
    /// while let Some(deal) = deals.try_next().await? {
    ///     println!("{} {}", deal.uuid, deal.pipeline_stage);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn opportunities(&self) -> ListOpportunities<M> {
        Opportunities::new(self.client.clone())
            .list()
            .customer_uuid(self.uuid.as_str())
    }
}
