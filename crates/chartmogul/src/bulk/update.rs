//! What a run needs from an update.

use std::{future::Future, sync::Arc, time::Duration};

use chartmogul_api::{
    Bounds, Error, Operation,
    request::UpdateRequest,
    runtime::{self, Check, Prepared, encode_path},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::journal::RequestRecord;
use crate::call::Call;

/// Only this crate can implement it.
pub trait Sealed {}

/// What a run does with an update.
pub trait UpdateCall: Send + Sync + Sized + 'static {
    /// What is updated, and what the server responds with.
    type Object: Serialize + DeserializeOwned + Send + Sync + 'static;

    /// The operation, if it is the same for all updates of this type.
    const OPERATION: Option<&'static Operation>;

    /// The operation.
    fn operation(&self) -> &'static Operation;

    /// What would be sent, even if it is invalid.
    fn request(&self) -> Result<RequestRecord, Error>;

    /// Rejects invalid values.
    fn check(&self) -> Result<(), Error>;

    /// The same update, with a time limit for each of its calls, and bounds for all of them.
    #[must_use]
    fn within(self, call_timeout: Option<Duration>, bounds: &Arc<Bounds>) -> Self;

    /// The object as it is now.
    fn read(&self) -> impl Future<Output = Result<Self::Object, Error>> + Send;

    /// Whether it reads the object itself before it writes.
    fn reads_first(&self) -> bool {
        false
    }

    /// Sends the update, and returns the object and whether it was written. An update that reads first is not written
    /// if there is nothing to change; without `skip_unchanged`, the fields that it sets besides custom attributes
    /// always count as a change. `again` means that an earlier run may have made it: if everything is in place, it
    /// counts as written.
    fn make(
        self,
        skip_unchanged: bool,
        again: bool,
    ) -> impl Future<Output = Result<(Self::Object, bool), Error>> + Send;
}

/// What the journal records of a request.
fn record(operation: &Operation, account: &str, request: &Prepared) -> Result<RequestRecord, Error> {
    let query = json(request.query())?;
    let mut body = json(request.body())?;
    if let Some(envelope) = operation.body.and_then(|body| body.envelope) {
        body = body[envelope].take();
    }
    Ok(RequestRecord {
        account: account.to_owned(),
        id: id(operation.path, request.path(), identifying(operation, &query), &query),
        query,
        body,
    })
}

fn json(text: Option<&[u8]>) -> Result<Value, Error> {
    let error = |source: serde_json::Error| Error::internal("the request is not JSON", Some(source.into()));
    text.map_or(Ok(Value::Null), |text| serde_json::from_slice(text).map_err(error))
}

/// The parameters of a query that identify the object: required ones, and of alternatives those that are set.
fn identifying(operation: &Operation, query: &Value) -> impl Iterator<Item = &'static str> {
    let objects = operation.query.into_iter();
    let identifying = objects.flat_map(move |object| {
        let is_alternative = |name| object.one_of.iter().any(|group| group.contains(&name));
        let fields = object.fields.iter();
        fields.filter(move |field| field.required || (is_alternative(field.name) && query.get(field.name).is_some()))
    });
    identifying.map(|field| field.name)
}

/// `4ee13ca4-..` for an update by UUID, `data_source_uuid=ds_..&external_id=7` for one by query.
fn id<'a>(template: &str, path: &str, identifying: impl Iterator<Item = &'a str>, query: &Value) -> String {
    let segments = template.split('/').zip(path.split('/'));
    let values = segments.filter(|(segment, _)| segment.starts_with('{'));
    let path = values.map(|(_, value)| value).collect::<Vec<_>>().join("/");
    let parameters = identifying.map(|name| match &query[name] {
        Value::String(text) => format!("{name}={}", encode_path(text)),
        other => format!("{name}={other}"),
    });
    let query = parameters.collect::<Vec<_>>().join("&");
    match (path.is_empty(), query.is_empty()) {
        (_, true) => path,
        (true, false) => query,
        (false, false) => format!("{path}?{query}"),
    }
}

impl<R: UpdateRequest<Response: Serialize + DeserializeOwned>> UpdateCall for Call<R> {
    type Object = R::Response;

    const OPERATION: Option<&'static Operation> = R::OPERATION;

    fn operation(&self) -> &'static Operation {
        self.request.operation()
    }

    fn request(&self) -> Result<RequestRecord, Error> {
        let low_level = &self.client.low_level;
        let request = runtime::prepare(&self.request, low_level, Check::No)?;
        record(self.request.operation(), low_level.base_url(), &request)
    }

    fn check(&self) -> Result<(), Error> {
        Self::check(self)
    }

    fn within(mut self, call_timeout: Option<Duration>, bounds: &Arc<Bounds>) -> Self {
        self.client.low_level = self.client.low_level.with_bounds(bounds);
        match call_timeout {
            Some(limit) => self.with_call_timeout(limit),
            None => self,
        }
    }

    async fn read(&self) -> Result<R::Response, Error> {
        Self::read(self).await
    }

    async fn make(self, _skip_unchanged: bool, _again: bool) -> Result<(R::Response, bool), Error> {
        Ok((self.send().await?, true))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // tests
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_id_is_what_the_path_and_the_required_query_say() {
        let query = json!({"external_id": "a&b=c", "data_source_uuid": "ds_1", "version": 2, "dry": true});
        for (template, path, required, expected) in [
            ("/v1/plans/{uuid}", "/v1/plans/pl_1", &[][..], "pl_1"),
            ("/v1/plans/{uuid}/x/{id}", "/v1/plans/pl_1/x/7", &[], "pl_1/7"),
            (
                "/v1/items",
                "/v1/items",
                &["data_source_uuid", "external_id"],
                "data_source_uuid=ds_1&external_id=a%26b%3Dc",
            ),
            ("/v1/items/{id}", "/v1/items/7", &["version"], "7?version=2"),
        ] {
            assert_eq!(id(template, path, required.iter().copied(), &query), expected);
        }
    }

    #[test]
    fn alternatives_of_a_query_identify_if_they_are_given() {
        let mut object = *chartmogul_api::operations::LIST_PLANS.query.unwrap();
        object.one_of = &[&["system"], &["data_source_uuid", "external_id"]];
        let mut operation = chartmogul_api::operations::UPDATE_PLAN;
        operation.query = Some(Box::leak(Box::new(object)));
        for (query, expected) in [
            (json!({"per_page": 5, "system": "Stripe"}), &["system"][..]),
            (
                json!({"data_source_uuid": "ds_1", "external_id": "7"}),
                &["data_source_uuid", "external_id"],
            ),
            (Value::Null, &[]),
        ] {
            assert_eq!(identifying(&operation, &query).collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn a_request_is_recorded_whole() {
        let client = crate::Client::builder().api_key("key").build().unwrap();
        let update = client.opportunities().update("4EE13CA4-e7fe-41ee-9a7f-f303abf41acc");
        let call = crate::bulk::Update::into_call(update.win_likelihood(140)); // invalid, and recorded anyway
        let request = call.request().unwrap();
        assert_eq!(
            (
                request.account.as_str(),
                request.id.as_str(),
                &request.query,
                &request.body
            ),
            (
                "https://api.chartmogul.com",
                "4EE13CA4-e7fe-41ee-9a7f-f303abf41acc",
                &Value::Null,
                &json!({"win_likelihood": 140})
            )
        );
        assert!(UpdateCall::check(&call).is_err());
    }
}
