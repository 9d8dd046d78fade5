//! The same update, made with this SDK and with reqwest alone.

use std::time::Duration;

use chartmogul::{
    Client, ClientBuilder, CustomAttributeList, Unlimited,
    opportunities::{ForecastCategory, Opportunity},
};
use chartmogul_api::types::OpportunityUpdate;
use chartmogul_tests::UUID;

use super::server::Address;

const KEY: &str = "0123456789abcdef0123456789abcdef";

/// A client for this server.
pub(crate) fn builder(server: &Address) -> ClientBuilder {
    let builder = Client::builder().api_key(KEY).base_url(&server.url);
    match server.root.as_str() {
        "" => builder,
        root => builder.root_certificate(root),
    }
}

/// A client without limits.
pub(crate) fn unlimited(server: &Address) -> Client {
    builder(server).limiter(Unlimited).build().unwrap()
}

/// A client with its own limiter, at a rate that is never reached.
pub(crate) fn limited(server: &Address) -> Client {
    builder(server).rate_limit(1_000_000).build().unwrap()
}

pub(crate) async fn update(client: &Client) -> Result<Opportunity, chartmogul::Error> {
    client
        .opportunities()
        .update(UUID)
        .amount_in_cents(20_000)
        .currency("EUR")
        .estimated_close_date(day())
        .forecast_category(ForecastCategory::Committed)
        .win_likelihood(70)
        .replace_all_custom(CustomAttributeList::new().set("seats", 4).set("vip", true))
        .send()
        .await
}

fn day() -> chrono::NaiveDate {
    chrono::NaiveDate::from_ymd_opt(2026, 4, 30).unwrap()
}

/// A program that uses reqwest and only the types of the SDK.
#[derive(Clone)]
pub(crate) struct Bare {
    http: reqwest::Client,
    url: String,
    time_limit: Option<Duration>,
}

impl Bare {
    pub(crate) fn new(server: &Address) -> Self {
        let mut http = reqwest::Client::builder().http1_only();
        if !server.root.is_empty() {
            let root = reqwest::Certificate::from_pem(server.root.as_bytes()).unwrap();
            http = http.tls_certs_merge([root]);
        }
        Self {
            http: http.build().unwrap(),
            url: server.url.clone(),
            time_limit: None,
        }
    }

    pub(crate) fn with_time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = Some(limit);
        self
    }

    pub(crate) async fn update(&self) -> Result<Opportunity, reqwest::Error> {
        let mut update = OpportunityUpdate::default();
        update.amount_in_cents = Some(20_000);
        update.currency = Some("EUR".to_owned());
        update.estimated_close_date = Some(day().into());
        update.forecast_category = Some(ForecastCategory::Committed);
        update.win_likelihood = Some(70);
        update.custom = Some(
            CustomAttributeList::new()
                .set("seats", 4)
                .set("vip", true)
                .into_iter()
                .collect(),
        );
        let mut request = self.http.patch(format!("{}/v1/opportunities/{UUID}", self.url));
        if let Some(limit) = self.time_limit {
            request = request.timeout(limit);
        }
        request
            .basic_auth(KEY, Some(""))
            .json(&update)
            .send()
            .await?
            .error_for_status()?
            .json()
            .await
    }
}
