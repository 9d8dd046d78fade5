use crate::{Async, Client};

/// What belongs to one customer; returned by [`Client::customer`](crate::Client::customer).
///
/// Its methods return the same types as those of [`Client`], with lists limited to this customer:
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let fake = chartmogul_fake::Fake::start()?;
/// # let client = chartmogul::Client::builder().api_key(fake.api_key()).base_url(fake.url()).build()?;
/// let customer = client.customer("cus_8f1d6a52-3b0e-4c55-9d7a-2e6c1b90a4f3");
/// let mut opportunities = customer.opportunities().list().items();
/// while let Some(opportunity) = opportunities.try_next().await? {
///     println!("{} {}", opportunity.uuid, opportunity.pipeline_stage);
/// }
/// # Ok(())
/// # }
/// ```
///
/// The methods are generated: a resource has one here if its list can be limited by `customer_uuid`.
#[derive(Debug, Clone)]
pub struct CustomerScope<M = Async> {
    pub(crate) client: Client<M>,
    pub(crate) customer_uuid: String,
}

impl<M: Clone> Client<M> {
    /// What belongs to one customer, given by its UUID (`cus_` and a UUID).
    pub fn customer(&self, customer_uuid: impl Into<String>) -> CustomerScope<M> {
        CustomerScope {
            client: self.clone(),
            customer_uuid: customer_uuid.into(),
        }
    }
}
