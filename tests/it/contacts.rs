//! Peculiarities of contacts: two in one path, custom attributes, positions.

use chartmogul::{Client, Error, contacts::MergedContacts};
use chartmogul_fake::Fake;
use chartmogul_tests::client_for;
use serde_json::{Value, json};

const CUSTOMER: &str = "cus_8f1d6a52-3b0e-4c55-9d7a-2e6c1b90a4f3";
const PAT: &str = "con_1b6e0f94-52d7-4c3a-8e19-f07d4a62b85c";
const KIM: &str = "con_e83c9a17-0d4f-4b62-95a8-7c1f26d0b3e9";

fn start() -> (Fake, Client) {
    let fake = Fake::start().unwrap();
    let client = client_for(&fake);
    (fake, client)
}

/// A contact with these fields, the others as in the document's example.
fn contact(fake: &Fake, uuid: &str, fields: &Value) {
    let contacts = fake.collection("contacts");
    let mut contact = contacts.insert_sample(uuid).unwrap();
    for (name, value) in fields.as_object().unwrap() {
        contact[name] = value.clone();
    }
    contacts.insert(contact).unwrap();
}

#[tokio::test]
async fn a_merge_names_which_contact_stays() {
    let (fake, client) = start();
    let none = json!({ "title": null, "notes": "Hello", "custom": {}, "phone": "", "position": 1 });
    contact(&fake, PAT, &none);
    let some = json!({ "title": "CTO", "notes": "World", "custom": { "vip": true }, "phone": "1", "position": 4 });
    contact(&fake, KIM, &some);

    let merged = MergedContacts {
        from_contact_uuid: KIM,
        into_contact_uuid: PAT,
    };
    let pat = client.contacts().merge(merged).send().await.unwrap();
    let sent = fake.requests().remove(0);
    assert_eq!(sent.path, format!("/v1/contacts/{PAT}/merge/{KIM}"));
    assert_eq!((pat.uuid.as_str(), pat.title.as_str()), (Some(PAT), Some("CTO")));
    assert_eq!(
        (pat.notes.as_str(), pat.phone.as_str()),
        (Some("Hello World"), Some("1"))
    );
    assert_eq!((pat.position.get(), pat.customer_uuid.is_null()), (Some(&1), true));
    assert_eq!(pat.custom.get_bool("vip").unwrap(), Some(true));

    // Reading it again returns its customer; the other contact is gone.
    let pat = client.contacts().get(PAT).send().await.unwrap();
    assert_eq!(pat.customer_uuid.as_str(), Some(CUSTOMER));
    let error = client.contacts().get(KIM).send().await.unwrap_err();
    let message = format!("Contact \"{}\" does not exist", KIM.trim_start_matches("con_"));
    assert!(
        matches!(error, Error::NotFound(_)) && error.to_string().contains(&message),
        "{error}"
    );
}

#[tokio::test]
async fn a_contact_keeps_the_custom_attributes_that_are_not_named() {
    let (fake, client) = start();
    contact(
        &fake,
        PAT,
        &json!({ "custom": { "newsletter": false, "seats": 9_007_199_254_740_993_i64 } }),
    );
    let patch = client.contacts().update(PAT).title("COO").merge_custom();
    let pat = patch.set("newsletter", true).send().await.unwrap();
    assert_eq!(pat.title.as_str(), Some("COO"));
    let expected = json!({ "newsletter": true, "seats": 9_007_199_254_740_993_i64 });
    assert_eq!(fake.collection("contacts").get(PAT).unwrap()["custom"], expected);
}

#[tokio::test]
async fn contacts_of_a_customer_and_without_one() {
    let (fake, client) = start();
    let contacts = client.contacts();
    for first_name in ["A", "B"] {
        contacts
            .create_for_customer(CUSTOMER, "ds_1")
            .first_name(first_name)
            .send()
            .await
            .unwrap();
    }
    let alone = contacts
        .create()
        .clear_external_id()
        .email("c@example.com")
        .send()
        .await
        .unwrap();
    assert!(alone.customer_uuid.is_null() && alone.external_id.is_null());
    assert_eq!(alone.position.get(), Some(&1), "of those without a customer, the first");
    assert_eq!(
        fake.requests()[2].body,
        br#"{"external_id":null,"email":"c@example.com"}"#
    );

    // Three ways to the contacts of a customer; newest first.
    let page = contacts.list_by_customer(CUSTOMER).send().await.unwrap();
    assert_eq!(page, client.customer(CUSTOMER).contacts().list().send().await.unwrap());
    assert_eq!(page, contacts.list().customer_uuid(CUSTOMER).send().await.unwrap());
    let found: Vec<_> = page
        .entries
        .iter()
        .map(|one| (one.first_name.as_str(), one.position.get()))
        .collect();
    assert_eq!(found, [(Some("B"), Some(&2)), (Some("A"), Some(&1))]);
    let page = contacts.list().email("c@example.com").send().await.unwrap();
    assert_eq!(page.entries.len(), 1);
}
