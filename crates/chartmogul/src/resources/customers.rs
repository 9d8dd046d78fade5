use crate::{Async, Client};

/// One customer, and what belongs to it; returned by [`Client::customer`](crate::Client::customer).
///
/// It has the methods of the customer itself, such as [`get`](Self::get), and a method for each resource whose objects belong to
/// customers. That method returns the resource limited to this customer: creations and lists do not take the customer again, and
/// lists have only its objects. Methods that are not about one customer are left out, such as adding tags to all customers with an
/// e-mail address.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let fake = chartmogul_fake::Fake::start()?;
/// # fake.collection("customers").insert_sample("cus_8f1d6a52-3b0e-4c55-9d7a-2e6c1b90a4f3")?;
/// # let client = chartmogul::Client::builder().api_key(fake.api_key()).base_url(fake.url()).build()?;
/// let customer = client.customer("cus_8f1d6a52-3b0e-4c55-9d7a-2e6c1b90a4f3");
/// println!("{}", customer.get().send().await?.name);
/// customer.attributes().add_tags(["vip"]).send().await?;
/// let mut opportunities = customer.opportunities().list().items();
/// while let Some(opportunity) = opportunities.try_next().await? {
///     println!("{} {}", opportunity.uuid, opportunity.pipeline_stage);
/// }
/// # Ok(())
/// # }
/// ```
///
/// The methods are generated from paths with `{customer_uuid}` and from lists that can be filtered by `customer_uuid`.
#[derive(Debug, Clone)]
pub struct CustomerScope<M = Async> {
    pub(crate) client: Client<M>,
    pub(crate) customer_uuid: String,
}

impl<M: Clone> Client<M> {
    /// One customer, given by its UUID (`cus_` and a UUID), and what belongs to it.
    pub fn customer(&self, customer_uuid: impl Into<String>) -> CustomerScope<M> {
        CustomerScope {
            client: self.clone(),
            customer_uuid: customer_uuid.into(),
        }
    }
}
