//! Peculiarities of invoices: imports with all parts, and two kinds of identifiers, of which only one can be read.

use chartmogul::{
    Client, Error,
    bulk::{Bulk, NotSent, Outcome},
    invoices::{
        Invoice, InvoiceCreation, InvoiceIdentifier, InvoiceStatus, InvoiceStatusChange, InvoiceStatusPath,
        LineItemCreation, LineItemType, NewInvoice, NewTransaction, TransactionCreation, TransactionResult,
        TransactionType,
    },
};
use chartmogul_fake::{Canned, Fake};
use chartmogul_tests::client_for;
use serde_json::json;

const CUSTOMER: &str = "cus_8f1d6a52-3b0e-4c55-9d7a-2e6c1b90a4f3";
const SOURCE: &str = "ds_5c7f2d1e-8b64-4a3f-9e21-70d4b6a8c513";
const OTHER_SOURCE: &str = "ds_1b9e40c7-62fa-4d38-8c05-a3e7d9f16b24";

fn start() -> (Fake, Client) {
    let fake = Fake::start().unwrap();
    let client = client_for(&fake);
    (fake, client)
}

fn month() -> LineItemCreation {
    LineItemCreation::new(LineItemType::Subscription, 4900)
        .plan_uuid("pl_b3d81f60-92c7-4e5a-8f14-6a0c9d27e3b8")
        .subscription_external_id("S-77")
        .service_period_start("2026-03-01")
        .cancelled_at("2026-03-20")
}

fn invoice(external_id: &str, line_items: Vec<LineItemCreation>) -> InvoiceCreation {
    let date = "2026-03-01 12:00:00 UTC".into();
    let required = NewInvoice {
        external_id,
        date,
        currency: "EUR",
        line_items,
    };
    InvoiceCreation::new(required).data_source_uuid(SOURCE)
}

fn payment(result: TransactionResult) -> TransactionCreation {
    let date = "2026-03-02T12:30:00+03:00".into();
    TransactionCreation::new(NewTransaction {
        type_: TransactionType::Payment,
        date,
        result,
    })
}

async fn import(client: &Client, external_id: &str) -> Invoice {
    let onboarding = LineItemCreation::new(LineItemType::OneTime, 15_000)
        .description("Onboarding")
        .quantity(2);
    let invoice = invoice(external_id, vec![month(), onboarding]);
    let invoice = invoice.transactions([payment(TransactionResult::Successful)]);
    let imported = client.invoices().import(CUSTOMER, [invoice]).send().await.unwrap();
    imported.invoices[0].clone()
}

fn by_external_id(external_id: &str) -> InvoiceIdentifier {
    let (data_source_uuid, external_id) = (SOURCE.to_owned(), external_id.to_owned());
    InvoiceIdentifier::ExternalId {
        data_source_uuid,
        external_id,
    }
}

#[tokio::test]
async fn an_invoice_is_imported_with_its_parts() {
    let (_fake, client) = start();
    let (first, second) = (import(&client, "INV-1").await, import(&client, "INV-2").await);
    let date = |text: &str| text.parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    assert!(first.date == date("2026-03-01T12:00:00Z") && first.customer_uuid.is_absent());
    let (items, transactions) = (first.line_items.get().unwrap(), first.transactions.get().unwrap());
    assert!(items[0].service_period_start == date("2026-03-01T00:00:00Z"));
    assert!(items[0].extra.is_empty(), "{:?}", items[0].extra);
    assert!(items[1].quantity == 2 && items[1].description == "Onboarding" && items[1].discount_code == "");
    assert!(transactions[0].date == date("2026-03-02T09:30:00Z") && transactions[0].amount_in_cents.is_null());
    // A subscription continues in the next invoice.
    let other = &second.line_items.get().unwrap()[0];
    assert!(items[0].uuid != other.uuid && items[0].subscription_uuid == other.subscription_uuid);

    let read = client.invoices().get(first.uuid.get().unwrap()).send().await.unwrap();
    assert!(read.customer_uuid == CUSTOMER && read.line_items == first.line_items);
    let again = client
        .invoices()
        .import(CUSTOMER, [invoice("INV-1", vec![])])
        .send()
        .await
        .unwrap_err();
    assert_eq!(again.response().unwrap().problems()[0].field, "external_id", "{again}");
}

#[tokio::test]
async fn invalid_values_are_rejected_with_their_path() {
    let (fake, client) = start();
    let long = "4".repeat(31);
    for (invoices, place) in [
        (vec![], "`invoices`"),
        (
            vec![invoice("a", vec![]), invoice("", vec![])],
            "`invoices[1].external_id`",
        ),
        (
            vec![invoice("a", vec![month(), month().account_code(long)])],
            "`invoices[0].line_items[1].account_code`",
        ),
        (
            vec![invoice("a", vec![month().cancelled_at("someday")])],
            "`invoices[0].line_items[0].cancelled_at`",
        ),
        (
            vec![invoice("a", vec![]).transactions([payment(TransactionResult::Failed).amount_in_cents(-1)])],
            "`invoices[0].transactions[0].amount_in_cents`",
        ),
        (
            vec![invoice("a", vec![]).due_date("2026-02-30")],
            "`invoices[0].due_date`",
        ),
    ] {
        let error = client.invoices().import(CUSTOMER, invoices).send().await.unwrap_err();
        assert!(
            matches!(error, Error::InvalidInput(_)) && error.to_string().contains(place),
            "{error}: {place}"
        );
    }
    assert!(fake.requests().is_empty());
}

#[tokio::test]
async fn lists_have_their_filters() {
    let (fake, client) = start();
    for id in ["INV-1", "INV-2", "INV-3"] {
        import(&client, id).await;
    }
    let mut odd = fake
        .collection("invoices")
        .get(&fake.collection("invoices").keys()[0])
        .unwrap();
    odd["errors"] = json!({ "line_items": ["overlap"] });
    fake.collection("invoices").insert(odd).unwrap();
    let invoices = client.invoices();
    invoices
        .set_disabled_state(by_external_id("INV-2"), true)
        .send()
        .await
        .unwrap();
    let list = || invoices.list();
    for (list, ids) in [
        (list(), &["INV-1"][..]),
        (list().with_disabled(true), &["INV-2", "INV-1"]),
        (
            list().with_disabled(true).validation_type("all"),
            &["INV-3", "INV-2", "INV-1"],
        ),
        (
            list().validation_type("invalid").include_edit_histories(true),
            &["INV-3"],
        ),
        (list().data_source_uuid(SOURCE).external_id("INV-1"), &["INV-1"]),
        (list().data_source_uuid(OTHER_SOURCE), &[]),
        (client.customer(CUSTOMER).invoices().list(), &["INV-1"]),
        (client.customer("cus_2").invoices().list(), &[]),
    ] {
        let page = list.send().await.unwrap();
        let found: Vec<_> = page
            .invoices
            .iter()
            .map(|invoice| invoice.external_id.to_string())
            .collect();
        assert_eq!(found, ids);
    }
    let mut all = invoices
        .list_by_customer(CUSTOMER)
        .with_disabled(true)
        .validation_type("all")
        .per_page(1)
        .items();
    let mut count = 0;
    while all.try_next().await.unwrap().is_some() {
        count += 1;
    }
    assert_eq!(count, 3);
    assert!(invoices.list_by_customer("cus_2").send().await.unwrap().customer_uuid == "cus_2");
}

#[tokio::test]
async fn an_invoice_is_changed_by_either_identifier() {
    let (_fake, client) = start();
    let invoices = client.invoices();
    let uuid = import(&client, "INV-1").await.uuid.into_value().unwrap();
    for identifier in [InvoiceIdentifier::from(uuid.as_str()), by_external_id("INV-1")] {
        let updated = invoices
            .update(&identifier)
            .due_date("2026-04-15")
            .currency("USD")
            .send()
            .await
            .unwrap();
        assert!(
            updated.currency == "USD" && updated.due_date.get().unwrap().to_rfc3339() == "2026-04-15T00:00:00+00:00"
        );
        for disabled in [true, false] {
            let state = invoices.set_disabled_state(&identifier, disabled).send().await.unwrap();
            let item = &state.line_items.get().unwrap()[0];
            assert!(state.disabled == disabled && state.disabled_at.is_null() != disabled && item.disabled == disabled);
        }
    }
    let void = |data_source_uuid| {
        let path = InvoiceStatusPath {
            data_source_uuid,
            invoice_external_id: "INV-1",
        };
        invoices.update_status(path, InvoiceStatusChange::Voided)
    };
    void(SOURCE).send().await.unwrap();
    assert!(invoices.get(&uuid).send().await.unwrap().status == InvoiceStatus::Voided);
    let error = void(OTHER_SOURCE).send().await.unwrap_err();
    assert_eq!(error.response().unwrap().message(), Some("Invoice not found"));
}

#[tokio::test]
async fn what_is_deleted_is_gone() {
    let (fake, client) = start();
    let invoices = client.invoices();
    let uuid = import(&client, "INV-1").await.uuid.into_value().unwrap();
    for id in ["INV-2", "INV-3", "INV-4"] {
        import(&client, id).await;
    }
    for identifier in [InvoiceIdentifier::from(uuid), by_external_id("INV-2")] {
        invoices.delete(&identifier).send().await.unwrap();
        let error = invoices.delete(&identifier).send().await.unwrap_err();
        assert_eq!(
            error.body().map(|body| &body[..]),
            Some(&br#"{"error":"Invoice not found"}"#[..])
        );
    }
    let all = |data_source_uuid| chartmogul::invoices::CustomerInvoicesPath {
        data_source_uuid,
        customer_uuid: CUSTOMER,
    };
    invoices.delete_all_by_customer(all(OTHER_SOURCE)).send().await.unwrap();
    assert_eq!(fake.collection("invoices").len(), 2);
    invoices.delete_all_by_customer(all(SOURCE)).send().await.unwrap();
    assert!(fake.collection("invoices").is_empty());
}

/// The API has no GET by an external identifier: the invoice is the only entry of a list.
#[tokio::test]
async fn updates_by_either_identifier_read_the_invoice() {
    let (fake, client) = start();
    let invoices = client.invoices();
    let uuid = import(&client, "INV-1").await.uuid.into_value().unwrap();
    import(&client, "INV-2").await;
    let update = |identifier| invoices.update(identifier).due_date("2026-04-15T00:00:00.000Z");
    let updates = || {
        [
            InvoiceIdentifier::from(uuid.as_str()),
            by_external_id("INV-2"),
            by_external_id("INV-3"),
        ]
        .map(update)
    };
    for (again, outcomes) in [
        (false, ["updated", "updated", "404"]),
        (true, ["not modified", "not modified", "404"]),
    ] {
        let mut run = Bulk::new(updates()).in_order().skip_unchanged().start().await.unwrap();
        let mut found = Vec::new();
        while let Some(done) = run.try_next().await.unwrap() {
            found.push(match done.outcome {
                Outcome::Updated(_) => "updated".to_owned(),
                Outcome::NotModified => "not modified".to_owned(),
                // It is sent nevertheless.
                Outcome::Rejected(error) => error.status().unwrap().as_u16().to_string(),
                other => format!("{other:?}"),
            });
        }
        assert_eq!(found, outcomes, "{again}");
    }
    let read = fake
        .requests()
        .into_iter()
        .find(|request| request.query.contains("INV-2"))
        .unwrap();
    assert_eq!((read.method.as_str(), read.path.as_str()), ("GET", "/v1/invoices"));
    assert_eq!(read.query, format!("data_source_uuid={SOURCE}&external_id=INV-2"));
    assert!(
        update(by_external_id("INV-1"))
            .outcome()
            .await
            .unwrap()
            .updated()
            .is_some()
    );

    // Other invoices than the requested one are an error.
    let two = json!({ "invoices": [{ "uuid": "inv_1" }, { "uuid": "inv_2" }], "cursor": null, "has_more": false });
    fake.respond_next(Canned::new(200).json(two.to_string()));
    let mut run = Bulk::new([update(by_external_id("INV-1"))])
        .skip_unchanged()
        .start()
        .await
        .unwrap();
    let done = run.try_next().await.unwrap().unwrap();
    let Outcome::NotSent(NotSent::Failed(failed)) = done.outcome else {
        panic!("{done:?}")
    };
    assert!(matches!(failed.error(), Some(Error::Unreadable { .. })), "{failed:?}");
}

/// External identifiers are unique only within a data source.
#[tokio::test]
async fn an_external_identifier_is_of_one_data_source() {
    let (fake, client) = start();
    for source in [SOURCE, OTHER_SOURCE] {
        let invoice = invoice("INV-1", vec![month()]).data_source_uuid(source);
        client.invoices().import(CUSTOMER, [invoice]).send().await.unwrap();
    }
    let twice = [invoice("INV-2", vec![]), invoice("INV-2", vec![])];
    let refused = client.invoices().import(CUSTOMER, twice).send().await.unwrap_err();
    assert!(matches!(refused, Error::Rejected(_)), "{refused}");

    client.invoices().delete(by_external_id("INV-1")).send().await.unwrap();
    let gone = client
        .invoices()
        .delete(by_external_id("INV-1"))
        .send()
        .await
        .unwrap_err();
    assert!(matches!(gone, Error::NotFound(_)), "{gone}");
    assert_eq!(fake.collection("invoices").len(), 1);
    let left = client
        .invoices()
        .list()
        .data_source_uuid(OTHER_SOURCE)
        .send()
        .await
        .unwrap();
    assert_eq!(left.invoices.len(), 1);
}
