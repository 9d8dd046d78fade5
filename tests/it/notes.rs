//! Peculiarities of notes: their associated object, their author, and their old path.

use chartmogul::{
    Error, Outcome,
    notes::NoteType,
    types::{AssociatedObject, AssociatedObjectMethod, AssociatedObjectType},
};
use chartmogul_fake::Fake;
use chartmogul_tests::client_for;
use serde_json::json;

const CUSTOMER: &str = "cus_8f1d6a52-3b0e-4c55-9d7a-2e6c1b90a4f3";
const CONTACT: &str = "con_1b6e0f94-52d7-4c3a-8e19-f07d4a62b85c";

fn on_contact() -> AssociatedObject<'static> {
    AssociatedObject {
        associated_object: AssociatedObjectType::Contact,
        method: AssociatedObjectMethod::Uuid,
        value: CONTACT,
    }
}

#[tokio::test]
async fn a_note_is_about_a_customer_or_a_contact() {
    let fake = Fake::start().unwrap();
    let client = client_for(&fake);
    let notes = client.notes();
    let wrong = [
        notes.create(NoteType::Note),
        notes
            .create(NoteType::Note)
            .customer_uuid(CUSTOMER)
            .associated_object_identifier(on_contact()),
    ];
    for wrong in wrong {
        assert!(matches!(wrong.send().await, Err(Error::InvalidInput(_))));
    }
    assert!(fake.requests().is_empty());

    let note = notes
        .create("note")
        .customer_uuid(CUSTOMER)
        .text("Hi")
        .author_email("kim@example.com");
    let note = note.send().await.unwrap();
    let call = notes
        .create(NoteType::Call)
        .associated_object_identifier(on_contact())
        .send()
        .await
        .unwrap();
    let identifier = json!({ "associated_object": "contact", "method": "uuid", "value": CONTACT });
    assert_eq!(
        fake.requests()[1].json(),
        json!({ "type": "call", "associated_object_identifier": identifier })
    );
    assert_eq!(
        (note.customer_uuid.as_str(), note.call_duration.get()),
        (Some(CUSTOMER), Some(&0))
    );
    assert_eq!(note.author.as_str(), Some("kim (kim@example.com)"));
    assert_eq!(call.associated_object.get(), Some(&AssociatedObjectType::Contact));
    assert!(call.customer_uuid.is_null() && call.text.is_null());
    assert_eq!(
        call.call_duration.get(),
        Some(&60),
        "as the API does it without a duration"
    );

    for (list, expected) in [
        (notes.list(), vec![&call, &note]),
        (notes.list().contact_uuid(CONTACT), vec![&call]),
        (client.customer(CUSTOMER).notes().list(), vec![&note]),
        (notes.list().type_(NoteType::Note), vec![&note]),
        (notes.list().author_email("kim@example.com"), vec![&note]),
        (notes.list().author_email("im@example.com"), vec![]),
    ] {
        let page = list.send().await.unwrap();
        assert_eq!(page.entries.iter().collect::<Vec<_>>(), expected);
    }
}

#[tokio::test]
async fn an_update_that_changes_nothing_is_no_failure() {
    let fake = Fake::start().unwrap();
    fake.collection("notes").insert_sample("note_1").unwrap();
    let outcome = client_for(&fake).notes().update("note_1").outcome().await.unwrap();
    assert_eq!(fake.requests()[0].body, b"{}");
    assert!(matches!(outcome, Outcome::NotModified), "{outcome:?}");
}

#[tokio::test]
#[allow(deprecated)] // it tests the old path
async fn the_old_path_leads_to_the_same_notes() {
    let fake = Fake::start().unwrap();
    let client = client_for(&fake);
    let old = client
        .customer_notes()
        .create(CUSTOMER, NoteType::Call)
        .send()
        .await
        .unwrap();
    let uuid = old.uuid.as_str().unwrap();
    let new = client.notes().get(uuid).send().await.unwrap();
    assert!((&new.uuid, &new.created_at) == (&old.uuid, &old.created_at) && new.associated_object_uuid == CUSTOMER);
    assert!(old.associated_object_uuid.is_absent(), "{old:?}");
    client.notes().delete(uuid).send().await.unwrap();
    let error = client.customer_notes().get(uuid).send().await.unwrap_err();
    assert!(matches!(error, Error::NotFound(_)), "{error}");
}
