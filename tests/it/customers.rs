//! Peculiarities of customers and their attributes, with the fake.

use chartmogul::{
    Client, CustomAttributeList, Error,
    customers::{
        Customer, CustomerAttributesUpdate, CustomerReference, CustomerStatusFilter, CustomersToMerge, ListCustomers,
        MovedObjects, NewCustomer, NewCustomerAttributes, PartToUnmerge,
    },
    invoices::{InvoiceCreation, NewInvoice},
    types::NewCustomAttribute,
};
use chartmogul_fake::{Canned, Fake, samples};
use chartmogul_tests::{client_for, opportunity};
use futures_util::TryStreamExt as _;
use serde_json::{Value, json};

const SAMPLE: &str = "cus_8f1d6a52-3b0e-4c55-9d7a-2e6c1b90a4f3";
const OTHER: &str = "cus_b7c2e904-51f6-4d3a-8e09-6f2a7d81c35e";

/// A customer of one data source, whose identifiers end in a number.
fn customer(number: u64, since: Value) -> Value {
    let mut customer = samples::object("customers", &format!("cus_{number}"));
    let (source, id) = (format!("ds_{number}"), format!("ext_{number}"));
    customer["id"] = number.into();
    customer["customer-since"] = since;
    customer["attributes"] = json!({ "tags": [], "custom": {}, "stripe": {} });
    customer["data_source_uuids"] = json!([source]);
    customer["external_ids"] = json!([id]);
    (customer["data_source_uuid"], customer["external_id"]) = (source.into(), id.into());
    customer
}

fn start() -> (Fake, Client) {
    let fake = Fake::start().unwrap();
    fake.collection("customers").insert_sample(SAMPLE).unwrap();
    let client = client_for(&fake);
    (fake, client)
}

async fn listed(list: ListCustomers) -> Vec<String> {
    let all: Vec<Customer> = list.items().try_collect().await.unwrap();
    all.iter().map(|customer| customer.uuid.to_string()).collect()
}

#[tokio::test]
async fn leads_come_first_then_the_earliest_on_every_page() {
    let fake = Fake::start().unwrap();
    let client = client_for(&fake);
    let [march, april] = ["2026-03-01T00:00:00+00:00", "2026-04-01T00:00:00+00:00"].map(Value::from);
    for (number, since) in [
        (4, april),
        (2, march.clone()),
        (3, march),
        (9, Value::Null),
        (5, Value::Null),
    ] {
        fake.collection("customers").insert(customer(number, since)).unwrap();
    }
    let list = || client.customers().list();
    for size in [1, 2, 200] {
        assert_eq!(
            listed(list().per_page(size)).await,
            ["cus_5", "cus_9", "cus_2", "cus_3", "cus_4"],
            "{size}"
        );
    }
    // A customer that is removed meanwhile does not shift the others.
    let first = list().per_page(2).send().await.unwrap();
    fake.collection("customers").remove("cus_9");
    let next = list().cursor(first.cursor.get().unwrap()).send().await.unwrap();
    assert_eq!(
        next.entries.iter().map(|one| one.uuid.to_string()).collect::<Vec<_>>(),
        ["cus_2", "cus_3", "cus_4"]
    );
    assert_eq!(
        listed(list().external_id("ext_3").data_source_uuid("ds_3")).await,
        ["cus_3"]
    );
    assert_eq!(
        listed(list().system("Import API").status(CustomerStatusFilter::PastDue)).await,
        [""; 0]
    );
}

#[tokio::test]
async fn a_search_for_nobody_is_not_found() {
    let (_fake, client) = start();
    let error = client
        .customers()
        .search("nobody@example.com")
        .send()
        .await
        .unwrap_err();
    assert!(matches!(error, Error::NotFound(_)), "{error:?}");
    assert_eq!(
        error.message(),
        Some(r#"Can't find any customers with email: "nobody@example.com""#)
    );
    let error = client.customer("cus_1").get().send().await.unwrap_err();
    assert_eq!(error.message(), Some("Customer \"1\" does not exist"));
    // An empty list can't be written in a query.
    let none = client
        .customer(SAMPLE)
        .get()
        .attributes_with_history([""; 0])
        .send()
        .await;
    assert!(matches!(none, Err(Error::InvalidInput(_))), "{none:?}");
    let found = client.customers().search("billing@example.com").send().await.unwrap();
    assert!(found.entries[0].uuid == SAMPLE && found.has_more == false);
}

#[tokio::test]
async fn a_new_customer_is_a_lead_and_exists_once() {
    let (_fake, client) = start();
    let new = || NewCustomer {
        data_source_uuid: "ds_1",
        external_id: "new",
    };
    let attributes = NewCustomerAttributes::default().custom([("seats", 4)]);
    let customer = client
        .customers()
        .create(new())
        .state("US-NY")
        .attributes(attributes)
        .send()
        .await
        .unwrap();
    assert!(customer.status == "New Lead" && customer.state == "NY" && customer.customer_since.is_null());
    assert_eq!(
        json!(customer.attributes),
        json!({ "tags": [], "custom": { "seats": 4 }, "stripe": {} })
    );
    let error = client.customers().create(new()).send().await.unwrap_err();
    assert_eq!(error.response().unwrap().problems()[0].field, "external_id");
}

#[tokio::test]
async fn attributes_are_changed_one_by_one_and_keep_their_types() {
    let (fake, client) = start();
    let attributes = client.customer(SAMPLE).attributes();
    let tags = attributes.add_tags(["a", "vip", "a"]).send().await.unwrap();
    assert_eq!(json!(tags.tags), json!(["merged-customer", "vip", "a"]));
    let tags = attributes.remove_tags(["vip", "unknown"]).send().await.unwrap();
    assert_eq!(json!(tags.tags), json!(["merged-customer", "a"]));

    let at = chrono::NaiveDate::from_ymd_opt(2026, 1, 31).unwrap();
    let several = CustomAttributeList::new()
        .set("share", 0.5)
        .set("pro", true)
        .set("since", at)
        .set("regions", ["EU", "US"]);
    attributes
        .add_custom(several.set("code", "2026-01-31T00:00:00Z"))
        .send()
        .await
        .unwrap();
    let all = attributes.update_custom([
        ("pro", json!(false)),
        ("code", json!({ "value": "b", "source": "crm" })),
    ]);
    let all = all.send().await.unwrap();
    let expected = json!({ "seats": 4, "share": 0.5, "pro": false, "since": "2026-01-31T00:00:00.000Z", "regions": ["EU", "US"], "code": "b" });
    assert_eq!(json!(all.custom), expected);
    assert_eq!(all.custom.get_list("regions").unwrap(), Some(vec!["EU", "US"]));
    let types: Vec<_> = fake.requests()[2].json()["custom"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["type"].clone())
        .collect();
    assert_eq!(json!(types), json!(["Decimal", "Boolean", "Timestamp", null, "String"]));

    let left = attributes
        .remove_custom(["pro", "share", "code", "since"])
        .send()
        .await
        .unwrap();
    assert_eq!(json!(left.custom), json!({ "seats": 4, "regions": ["EU", "US"] }));
    let left = attributes.remove_custom(["seats", "regions"]).send().await.unwrap();
    assert!(left.custom.get().is_none(), "204, without a body");
    let read = attributes.get().send().await.unwrap();
    assert_eq!(
        json!(read),
        json!({ "tags": ["merged-customer", "a"], "custom": {}, "stripe": {} })
    );

    let error = attributes
        .add_custom([NewCustomAttribute::new("a", 1).type_("Color")])
        .send()
        .await
        .unwrap_err();
    assert_eq!(error.message(), Some("Type is not supported"));
    assert!(matches!(
        client.attributes().get("cus_1").send().await,
        Err(Error::NotFound(_))
    ));
}

/// A change of one attribute or tag never removes another; replacing all takes two explicit calls.
#[tokio::test]
async fn nothing_that_is_not_named_is_lost() {
    let (fake, client) = start();
    let attributes = client.customer(SAMPLE).attributes();
    let stored = || fake.collection("customers").get(SAMPLE).unwrap()["attributes"].clone();
    let before = stored();
    assert_eq!(before["custom"], json!({ "seats": 4 }));

    // One is added, one is changed, one has a source, one is removed.
    attributes.add_custom([("pro", true)]).send().await.unwrap();
    attributes.update_custom([("pro", false)]).send().await.unwrap();
    let plan = NewCustomAttribute::new("plan", "A").source("crm-sync");
    attributes.add_custom([plan]).send().await.unwrap();
    let sent = fake.requests().pop().unwrap().json();
    let expected = json!({ "custom": [{ "type": "String", "key": "plan", "value": "A", "source": "crm-sync" }] });
    assert_eq!(sent, expected);
    attributes.remove_custom(["pro", "unknown"]).send().await.unwrap();
    assert_eq!(stored()["custom"], json!({ "seats": 4, "plan": "A" }));
    // Neither do updates of the customer, with or without tags.
    let (update, tags) = (
        || client.customer(SAMPLE).update(),
        CustomerAttributesUpdate::default().replace_all_tags(["vip"]),
    );
    update().name("N").send().await.unwrap();
    update()
        .attributes(CustomerAttributesUpdate::default())
        .company("C")
        .send()
        .await
        .unwrap();
    assert_eq!(stored()["tags"], before["tags"]);
    update().attributes(tags).send().await.unwrap();
    assert_eq!(
        stored(),
        json!({ "custom": { "seats": 4, "plan": "A" }, "stripe": before["stripe"], "tags": ["vip"] })
    );

    // To replace all, add the new ones first, then remove the old ones, so that the customer always has some.
    let new = [("channel", "Web"), ("plan", "B")];
    let all = attributes.add_custom(new).send().await.unwrap().custom;
    let is_new = |key: &str| new.iter().any(|(name, _)| *name == key);
    let rest = all.get().into_iter().flat_map(chartmogul::CustomAttributes::iter);
    let rest: Vec<_> = rest.map(|(key, _)| key.to_owned()).filter(|key| !is_new(key)).collect();
    assert_eq!(rest, ["seats"]);
    let left = attributes.remove_custom(rest).send().await.unwrap();
    assert_eq!(json!(left.custom), json!({ "channel": "Web", "plan": "B" }));
}

/// A preview feature of 2026, in the shapes of official clients.
#[tokio::test]
async fn overrides_and_earlier_values_are_sent_and_read() {
    let (fake, client) = start();
    let attributes = client.customer(SAMPLE).attributes();
    let pinned = json!({ "seats": true });
    let add = attributes
        .add_custom([("seats", 5)])
        .overrides([("custom", pinned.clone())]);
    add.send().await.unwrap();
    assert_eq!(fake.requests()[0].json()["overrides"], json!({ "custom": pinned }));

    let gone = json!({ "custom": { "seats": 5 }, "overrides": { "custom": pinned }, "message": "Removed" });
    fake.respond_next(Canned::new(202).json(gone.to_string()));
    let left = attributes.remove_custom(["pro"]).send().await.unwrap();
    assert_eq!((json!(left), left.message.as_str()), (gone, Some("Removed")));

    let earlier = json!({ "value": 4, "update_performed_at": "2026-01-31T12:00:00Z", "update_performed_by": "API", "initial": true });
    let read = json!({ "tags": [], "stripe": {}, "custom": { "seats": 5 }, "overrides": { "custom": pinned }, "historical_values": { "custom": { "seats": [earlier] } } });
    fake.respond_next(Canned::new(200).json(read.to_string()));
    let get = attributes
        .get()
        .with_overrides(true)
        .attributes_with_history(["custom.seats"]);
    assert_eq!(json!(get.send().await.unwrap()), read);
    assert_eq!(
        fake.requests()[2].query,
        "with_overrides=true&attributes_with_history=custom.seats"
    );
}

#[tokio::test]
async fn an_update_keeps_custom_attributes_and_no_change_is_reported() {
    let (_fake, client) = start();
    let update = CustomerAttributesUpdate::default().custom([("pro", true)]);
    let customer = client
        .customer(SAMPLE)
        .update()
        .company("C")
        .attributes(update)
        .send()
        .await
        .unwrap();
    assert_eq!(json!(customer.attributes)["custom"], json!({ "seats": 4, "pro": true }));
    let update = CustomerAttributesUpdate::default().replace_all_tags(["x"]);
    let customer = client
        .customers()
        .update(SAMPLE)
        .attributes(update)
        .send()
        .await
        .unwrap();
    assert_eq!(
        json!(customer.attributes),
        json!({ "tags": ["x"], "custom": { "seats": 4, "pro": true }, "stripe": {} })
    );
}

#[tokio::test]
async fn by_email_all_customers_with_the_address_are_changed() {
    let (fake, client) = start();
    let mut other = customer(1, Value::Null);
    other["email"] = json!("other@example.com");
    fake.collection("customers")
        .insert_all([customer(2, Value::Null), other])
        .unwrap();
    let tagged = client
        .attributes()
        .add_tags_by_email("billing@example.com", ["vip"])
        .send()
        .await
        .unwrap();
    assert_eq!(tagged.entries.len(), 2);
    client
        .attributes()
        .add_custom_by_email("billing@example.com", [("seats", 9)])
        .send()
        .await
        .unwrap();
    let attributes = |key: &str| fake.collection("customers").get(key).unwrap()["attributes"].clone();
    assert_eq!(
        attributes("cus_2"),
        json!({ "tags": ["vip"], "custom": { "seats": 9 }, "stripe": {} })
    );
    assert_eq!(attributes("cus_1"), json!({ "tags": [], "custom": {}, "stripe": {} }));

    // Also a customer with a contact that has the address, on request.
    let contact = client.customer("cus_1").contacts().create().email("pat@example.com");
    contact.send().await.unwrap();
    let by_contact = || {
        client
            .attributes()
            .add_custom_by_email("pat@example.com", [("pro", true)])
    };
    assert!(matches!(by_contact().send().await, Err(Error::NotFound(_))));
    let changed = by_contact().with_associated_emails(true).send().await.unwrap();
    assert_eq!(
        changed
            .entries
            .iter()
            .map(|one| one.uuid.to_string())
            .collect::<Vec<_>>(),
        ["cus_1"]
    );
    assert_eq!(
        attributes("cus_1"),
        json!({ "tags": [], "custom": { "pro": true }, "stripe": {} })
    );
    let error = client
        .attributes()
        .add_tags_by_email("nobody@example.com", ["vip"])
        .send()
        .await
        .unwrap_err();
    assert!(matches!(error, Error::NotFound(_)), "{error:?}");
}

#[tokio::test]
async fn what_belongs_to_a_customer_moves_with_a_merge_and_back() {
    let (fake, client) = start();
    let mut from = customer(7, Value::Null);
    from["uuid"] = OTHER.into();
    from["name"] = json!("Second");
    from["attributes"] = json!({ "tags": ["theirs", "vip"], "custom": { "seats": 9, "channel": "Web" }, "stripe": {} });
    fake.collection("customers").insert(from).unwrap();
    let mut deal = opportunity("a");
    deal["customer_uuid"] = OTHER.into();
    fake.collection("opportunities").insert(deal).unwrap();
    let invoice = InvoiceCreation::new(NewInvoice {
        external_id: "INV-7",
        date: "2026-03-01".into(),
        currency: "EUR",
        line_items: vec![],
    });
    client.invoices().import(OTHER, [invoice]).send().await.unwrap();

    let into = CustomerReference::default()
        .data_source_uuid("ds_5c7f2d1e-8b64-4a3f-9e21-70d4b6a8c513")
        .external_id("acct_001");
    client
        .customers()
        .merge(CustomersToMerge {
            from: OTHER.into(),
            into: into.clone(),
        })
        .send()
        .await
        .unwrap();
    let merged = client.customer(SAMPLE).get().send().await.unwrap();
    assert_eq!(json!(merged.external_ids), json!(["acct_001", "client-77", "ext_7"]));
    let attributes = json!({ "tags": ["merged-customer", "vip", "theirs"], "custom": { "seats": 4, "channel": "Web" }, "stripe": {} });
    assert_eq!(json!(merged.attributes), attributes);
    let owner = || fake.collection("opportunities").get("a").unwrap()["customer_uuid"].clone();
    let invoices = || fake.collection("invoices");
    let payer = || invoices().get(&invoices().keys()[0]).unwrap()["customer_uuid"].clone();
    assert_eq!((owner(), payer()), (json!(SAMPLE), json!(SAMPLE)));
    assert!(matches!(
        client.customer(OTHER).get().send().await,
        Err(Error::NotFound(_))
    ));
    let again = CustomersToMerge {
        from: SAMPLE.into(),
        into,
    };
    assert!(
        matches!(client.customers().merge(again).send().await, Err(Error::Rejected(_))),
        "into itself"
    );

    let part = || PartToUnmerge {
        customer_uuid: SAMPLE,
        data_source_uuid: "ds_7",
        external_id: "ext_7",
    };
    client
        .customers()
        .unmerge(part())
        .move_to_new_customer([MovedObjects::Opportunities])
        .send()
        .await
        .unwrap();
    let page = client.customers().list().external_id("ext_7").send().await.unwrap();
    let new = &page.entries[0];
    assert!(new.uuid != OTHER && new.name == "Second" && new.company == merged.company);
    assert_eq!(
        json!(new.attributes),
        json!({ "tags": ["theirs", "vip"], "custom": { "seats": 9, "channel": "Web" }, "stripe": {} })
    );
    let left = client.customer(SAMPLE).attributes().get().send().await.unwrap();
    assert_eq!(
        json!(left),
        json!({ "tags": ["merged-customer", "vip"], "custom": { "seats": 4 }, "stripe": {} })
    );
    assert_eq!((owner(), payer()), (json!(new.uuid), json!(new.uuid)));
    assert!(
        matches!(client.customers().unmerge(part()).send().await, Err(Error::Rejected(_))),
        "no part any more"
    );
}

#[tokio::test]
async fn what_is_created_for_a_customer_is_of_that_customer() {
    let (fake, client) = start();
    let customer = client.customer(SAMPLE);
    let contact = customer.contacts().create().first_name("Pat").send().await.unwrap();
    let note = customer.notes().create("note").send().await.unwrap();
    assert!(contact.customer_uuid == SAMPLE && note.customer_uuid == SAMPLE);
    let contact = client.contacts().create().first_name("Pat").send().await.unwrap();
    assert!(contact.customer_uuid != SAMPLE, "{contact:?}");
    customer.delete().send().await.unwrap();
    assert!(fake.collection("customers").is_empty());
}
