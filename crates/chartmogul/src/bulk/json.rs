//! Updates of an operation that is chosen at run time, with their arguments as JSON.

use std::{sync::Arc, time::Duration};

use chartmogul_api::{Bounds, Error, Operation};
use serde_json::{Map, Value};

use super::{
    Update,
    journal::RequestRecord,
    update::{Sealed, UpdateCall},
};
use crate::{Client, CustomAttributeValue, CustomAttributesPatch, call::Call};

/// An update of an operation that is chosen at run time (feature `dynamic`), with its arguments as JSON.
///
/// It is made as the builder of that operation makes it: the same checks, the same requests, and the same records in a journal.
/// All updates of a run are of one operation.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let fake = chartmogul_fake::Fake::start()?;
/// # let client = chartmogul::Client::builder().api_key(fake.api_key()).base_url(fake.url()).build()?;
/// # let uuid = "4ee13ca4-e7fe-41ee-9a7f-f303abf41acc";
/// # fake.collection("opportunities").insert_sample(uuid)?;
/// use chartmogul::{
///     bulk::{Bulk, JsonUpdate},
///     operations,
/// };
/// use serde_json::json;
///
/// let operation = operations::find("update_opportunity").ok_or("no such operation")?;
/// let arguments = json!({ "opportunity_uuid": uuid, "amount_in_cents": 25_000 });
/// let arguments = arguments.as_object().cloned().unwrap_or_default();
/// let update = JsonUpdate::new(&client, operation, arguments)?.set_custom("seats", 4);
/// let report = Bulk::new([update]).start().await?.finish().await?;
/// assert_eq!(report.updated, 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is sent until it is part of a run"]
pub struct JsonUpdate(CustomAttributesPatch<chartmogul_api::JsonUpdate>);

impl JsonUpdate {
    /// An update with its arguments in one object, as
    /// [`call_json`](chartmogul_api::Client::call_json) takes them. Values are checked by [`check`](Update::check), and by the run.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] if the operation is not an update of an object that can be read, for an unknown argument, for a
    /// path parameter that is missing or invalid, and for a `custom` that is not a list of keys and values.
    pub fn new(client: &Client, operation: &'static Operation, arguments: Map<String, Value>) -> Result<Self, Error> {
        let request = chartmogul_api::JsonUpdate::new(operation, arguments)?;
        Ok(Self(CustomAttributesPatch::new(Call::new(client, request))))
    }

    /// Sets a single custom attribute, and keeps the others; see [`CustomAttributesPatch`]. It is rejected when the
    /// update is checked, if the operation has no custom attributes or does not replace all of them.
    pub fn set_custom(self, key: impl Into<String>, value: impl Into<CustomAttributeValue>) -> Self {
        Self(self.0.set(key, value))
    }

    /// Removes a single custom attribute, if it exists, and keeps the others.
    pub fn remove_custom(self, key: impl Into<String>) -> Self {
        Self(self.0.remove(key))
    }

    /// Makes this one update, without a run, and returns the object as it is after that; see
    /// [`CustomAttributesPatch::send`](crate::CustomAttributesPatch::send).
    ///
    /// # Errors
    /// Those of [`CustomAttributesPatch::send`](crate::CustomAttributesPatch::send).
    pub async fn send(self) -> Result<Value, Error> {
        self.0.send().await
    }
}

impl Sealed for JsonUpdate {}

impl Update for JsonUpdate {
    type Object = Value;

    type Call = Self;

    fn check(&self) -> Result<(), Error> {
        UpdateCall::check(self)
    }

    fn into_call(self) -> Self {
        self
    }
}

impl UpdateCall for JsonUpdate {
    type Object = Value;

    const OPERATION: Option<&'static Operation> = None;

    fn operation(&self) -> &'static Operation {
        self.0.operation()
    }

    fn request(&self) -> Result<RequestRecord, Error> {
        self.0.request()
    }

    /// An update that changes no custom attributes is checked like any other update, even if it sets no field.
    fn check(&self) -> Result<(), Error> {
        match self.0.changes.as_slice() {
            [] => self.0.call.check(),
            _ => UpdateCall::check(&self.0),
        }
    }

    fn within(self, call_timeout: Option<Duration>, bounds: &Arc<Bounds>) -> Self {
        Self(self.0.within(call_timeout, bounds))
    }

    async fn read(&self) -> Result<Value, Error> {
        self.0.read().await
    }

    fn reads_first(&self) -> bool {
        self.0.reads_first()
    }

    async fn make(self, skip_unchanged: bool, again: bool) -> Result<(Value, bool), Error> {
        UpdateCall::check(&self)?;
        self.0.make(skip_unchanged, again).await
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::needless_pass_by_value)] // tests; `json!(..)` is written in place
mod tests {
    use chartmogul_api::operations::{self, UPDATE_OPPORTUNITY, UPDATE_PLAN};
    use chartmogul_fake::{Fake, samples};
    use serde_json::json;

    use super::*;
    use crate::bulk::{self, Bulk, Outcome};

    const UUID: &str = "4ee13ca4-e7fe-41ee-9a7f-f303abf41acc";

    fn start() -> (Fake, Client) {
        let fake = Fake::start().unwrap();
        let mut deal = samples::object("opportunities", UUID);
        deal["custom"] = json!({ "vip": true, "seats": 3 });
        fake.collection("opportunities").insert(deal).unwrap();
        let client = Client::builder().api_key(fake.api_key()).base_url(fake.url());
        (fake, client.build().unwrap())
    }

    fn update(client: &Client, fields: Value) -> Result<JsonUpdate, Error> {
        let mut arguments = fields.as_object().unwrap().clone();
        arguments.insert("opportunity_uuid".to_owned(), UUID.into());
        JsonUpdate::new(client, &UPDATE_OPPORTUNITY, arguments)
    }

    #[test]
    fn a_journal_has_the_same_of_it() {
        let (_fake, client) = start();
        let typed = || client.opportunities().update(UUID);
        let attributes = json!([{ "key": "seats", "value": 4 }, { "key": "rate", "value": 4.0 }]);
        let list = crate::CustomAttributeList::new().set("seats", 4).set("rate", 4.0);
        let same = |typed: RequestRecord, by_name: Result<JsonUpdate, Error>| {
            let by_name = by_name.unwrap().request().unwrap();
            assert_eq!(
                serde_json::to_string(&typed).unwrap(),
                serde_json::to_string(&by_name).unwrap()
            );
        };
        let record = |update: crate::opportunities::UpdateOpportunity| update.into_call().request().unwrap();
        same(
            record(typed().amount_in_cents(i64::MAX).estimated_close_date("2026-06-30")),
            update(
                &client,
                json!({ "amount_in_cents": i64::MAX, "estimated_close_date": "2026-06-30" }),
            ),
        );
        // Invalid values are recorded, too.
        same(
            record(typed().win_likelihood(140)),
            update(&client, json!({ "win_likelihood": 140 })),
        );
        same(
            record(typed().replace_all_custom(list)),
            update(&client, json!({ "custom": attributes })),
        );
        same(
            typed()
                .owner("a@b.c")
                .merge_custom()
                .set("seats", 4)
                .remove("vip")
                .into_call()
                .request()
                .unwrap(),
            update(&client, json!({ "owner": "a@b.c" }))
                .map(|update| update.set_custom("seats", 4).remove_custom("vip")),
        );
        same(
            typed()
                .remove_all_custom()
                .merge_custom()
                .set("seats", 4)
                .into_call()
                .request()
                .unwrap(),
            update(&client, json!({ "custom": [] })).map(|update| update.set_custom("seats", 4)),
        );
    }

    #[tokio::test]
    async fn a_run_goes_on_with_a_journal_of_the_builders() {
        let (fake, client) = start();
        let folder = tempfile::tempdir().unwrap();
        let journal = folder.path().join("journal");
        let typed = client
            .opportunities()
            .update(UUID)
            .owner("a@b.c")
            .merge_custom()
            .set("seats", 4);
        let report = Bulk::new([typed])
            .journal(&journal)
            .start()
            .await
            .unwrap()
            .finish()
            .await;
        assert_eq!(report.unwrap().updated, 1);
        let sent = fake.requests().len();
        let by_name = update(&client, json!({ "owner": "a@b.c" }))
            .unwrap()
            .set_custom("seats", 4);
        let mut run = Bulk::new([by_name]).journal(&journal).start().await.unwrap();
        let done = run.try_next().await.unwrap().unwrap();
        let Outcome::Updated(deal) = done.outcome else {
            unreachable!()
        };
        assert_eq!(
            (done.earlier, &deal["custom"]),
            (true, &json!({ "vip": true, "seats": 4 }))
        );
        assert_eq!(fake.requests().len(), sent);
    }

    #[tokio::test]
    async fn attributes_are_merged_replaced_and_compared() {
        let (fake, client) = start();
        let custom = || fake.collection("opportunities").get(UUID).unwrap()["custom"].clone();
        let merge = update(&client, json!({}))
            .unwrap()
            .set_custom("seats", 4)
            .remove_custom("none");
        let all = Bulk::new([merge.clone(), merge])
            .in_order()
            .start()
            .await
            .unwrap()
            .finish()
            .await
            .unwrap();
        assert_eq!((all.updated, all.not_modified), (1, 1), "{all}");
        assert_eq!(custom(), json!({ "vip": true, "seats": 4 }));

        let replace = update(&client, json!({ "custom": [{ "key": "team", "value": "red" }] })).unwrap();
        let mut run = Bulk::new([replace.clone()]).dry_run().await.unwrap();
        let Outcome::Updated(preview) = run.try_next().await.unwrap().unwrap().outcome else {
            unreachable!()
        };
        assert_eq!(preview.lost, ["seats", "vip"]);
        assert_eq!(preview.object["custom"], json!({ "vip": true, "seats": 4 }));
        let report = Bulk::new([replace])
            .skip_unchanged()
            .start()
            .await
            .unwrap()
            .finish()
            .await
            .unwrap();
        assert_eq!((report.updated, report.lost), (1, 2), "{report}");
        assert_eq!(custom(), json!({ "team": "red" }));
    }

    #[tokio::test]
    async fn what_is_wrong_is_refused() {
        let (fake, client) = start();
        let said = |update: Result<JsonUpdate, Error>| {
            update
                .and_then(|update| Update::check(&update))
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            said(update(&client, json!({ "win_likelihood": 101 }))),
            "`win_likelihood` was 101; must be 0 to 100"
        );
        assert!(said(update(&client, json!({ "amount": 1 }))).starts_with("`amount` is not a known name"));
        assert!(said(update(&client, json!({}))).starts_with("no field is set"));
        assert!(
            said(update(&client, json!({})).map(|update| update.set_custom("a b", 1))).starts_with("`custom[0].key`")
        );
        assert!(said(update(&client, json!({ "custom": [1] }))).starts_with("`custom[0]` was 1; must be"));
        let of = |operation: &str, arguments: Value| {
            let operation = operations::find(operation).unwrap();
            JsonUpdate::new(&client, operation, arguments.as_object().unwrap().clone())
        };
        assert!(
            said(of("list_plans", json!({}))).contains("must be an operation that updates an object which can be read")
        );
        assert_eq!(
            said(of("update_plan", json!({ "name": "a" }))),
            "`plan_uuid` is missing; must be set"
        );
        let plan = || of("update_plan", json!({ "plan_uuid": "pl_1", "name": "a" }));
        assert!(said(plan().map(|plan| plan.set_custom("a", 1))).contains("replaces all custom attributes"));

        // All updates of a run are of one operation.
        let deal = update(&client, json!({ "owner": "a@b.c" })).unwrap();
        let mut run = Bulk::new([deal, plan().unwrap()]).start().await.unwrap();
        assert!(matches!(
            run.try_next().await.unwrap().unwrap().outcome,
            Outcome::Updated(_)
        ));
        let error = run.try_next().await.unwrap_err();
        assert!(matches!(error, bulk::Error::Source { taken: 1, .. }), "{error}");
        assert_eq!(fake.requests().len(), 1);

        // An invalid update is not sent, and the others are.
        let (wrong, right) = (json!({ "win_likelihood": 101 }), json!({ "win_likelihood": 60 }));
        let both = [update(&client, wrong).unwrap(), update(&client, right).unwrap()];
        let report = Bulk::new(both).start().await.unwrap().finish().await.unwrap();
        assert_eq!((report.updated, report.not_sent), (1, 1), "{report}");
        assert!(UPDATE_PLAN.read().is_some());
    }

    #[tokio::test]
    async fn a_journal_that_can_not_be_used_ends_the_run() {
        let (fake, client) = start();
        let folder = tempfile::tempdir().unwrap();
        let journal = folder.path().join("journal");
        std::fs::write(&journal, "something else that is long enough").unwrap();
        let deal = update(&client, json!({ "owner": "a@b.c" })).unwrap();
        let error = Bulk::new([deal])
            .journal(&journal)
            .start()
            .await
            .unwrap()
            .finish()
            .await
            .unwrap_err();
        assert!(matches!(error, bulk::Error::NotAJournal { .. }), "{error}");
        assert!(fake.requests().is_empty());
    }
}
