//! Common behaviour of contacts, notes, tasks, opportunities and customers.

use chartmogul::{
    Client, Error, Outcome,
    bulk::{Bulk, JsonUpdate, Update},
    operations,
    tasks::NewTask,
};
use chartmogul_fake::{Canned, Fake, samples};
use chartmogul_tests::{client_for, document, table};
use futures_util::TryStreamExt as _;

const CUSTOMER: &str = "cus_8f1d6a52-3b0e-4c55-9d7a-2e6c1b90a4f3";
const OTHER: &str = "cus_b7c2e904-51f6-4d3a-8e09-6f2a7d81c35e";

fn start() -> (Fake, Client) {
    let fake = Fake::start().unwrap();
    let client = client_for(&fake);
    (fake, client)
}

/// The values of a field of all items of a list.
macro_rules! listed {
    ($list:expr, $key:ident) => {{
        let items: Vec<_> = $list.items().try_collect().await.unwrap();
        items.iter().map(|item| item.$key.to_string()).collect::<Vec<_>>()
    }};
}

#[tokio::test]
async fn everything_of_a_customer_is_reached_in_one_way() {
    let (fake, client) = start();
    for tag in ["contacts", "notes", "tasks", "opportunities", "invoices"] {
        for (owner, key) in [(CUSTOMER, "mine"), (OTHER, "theirs")] {
            let mut object = samples::object(tag, key);
            object["customer_uuid"] = owner.into();
            fake.collection(tag).insert(object).unwrap();
        }
    }
    for uuid in [CUSTOMER, OTHER] {
        fake.collection("customers").insert_sample(uuid).unwrap();
    }

    let customer = client.customer(CUSTOMER);
    assert_eq!(listed!(customer.contacts().list(), uuid), ["mine"]);
    assert_eq!(listed!(customer.notes().list(), uuid), ["mine"]);
    assert_eq!(listed!(customer.tasks().list(), task_uuid), ["mine"]);
    assert_eq!(listed!(customer.opportunities().list(), uuid), ["mine"]);
    assert_eq!(listed!(customer.invoices().list(), uuid), ["mine"]);
    // For these, the fake returns the document's example.
    assert_eq!(listed!(customer.subscriptions().list(), external_id), ["sub_0001"]);
    assert_eq!(listed!(customer.activities().list(), id), ["5000000001"]);
    assert_eq!(customer.get().send().await.unwrap().uuid, CUSTOMER);
    assert!(!customer.attributes().get().send().await.unwrap().tags.is_absent());
    for request in fake.requests() {
        let url = format!("{}?{}", request.path, request.query);
        assert!(url.contains(CUSTOMER), "{url}");
    }

    // New objects belong to the customer, too.
    let contact = customer.contacts().create().first_name("Pat").send().await.unwrap();
    let note = customer.notes().create("note").send().await.unwrap();
    let new = NewTask {
        task_details: "Call back",
        assignee: "sales@example.com",
        due_date: "2026-04-30".into(),
    };
    let task = customer.tasks().create(new).send().await.unwrap();
    for owner in [contact.customer_uuid, note.customer_uuid, task.customer_uuid] {
        assert_eq!(owner.as_str(), Some(CUSTOMER));
    }
}

#[tokio::test]
async fn an_update_that_changes_nothing_is_not_modified() {
    let (fake, client) = start();
    for tag in ["contacts", "notes", "tasks", "customers"] {
        fake.collection(tag).insert_sample("one").unwrap();
    }
    macro_rules! check {
        ($update:expr, $same:expr, $new:expr) => {
            let outcome = $same.outcome().await.unwrap();
            assert!(matches!(outcome, Outcome::NotModified), "{outcome:?}");
            let error = $same.send().await.unwrap_err();
            assert!(matches!(error, Error::NotModified(_)), "{error:?}");
            let outcome = $new.outcome().await.unwrap();
            assert!(matches!(outcome, Outcome::Updated(_)), "{outcome:?}");
            // Also if the server returns 304 where the fake does not.
            fake.respond_next(Canned::new(304));
            let outcome = $update.outcome().await.unwrap();
            assert!(matches!(outcome, Outcome::NotModified), "{outcome:?}");
        };
    }
    let (contacts, notes, tasks) = (client.contacts(), client.notes(), client.tasks());
    let (contact, note, task) = (
        || contacts.update("one"),
        || notes.update("one"),
        || tasks.update("one"),
    );
    check!(contact(), contact(), contact().title("CEO"));
    check!(note(), note(), note().text("Done"));
    check!(task(), task(), task().assignee("support@example.com"));
    let customer = || client.customer("one").update();
    check!(
        customer().city("Rome"),
        customer().company("Example Holding"),
        customer().company("New")
    );
    #[allow(deprecated)] // it is an update, too
    let old = || client.customer_notes().update("one");
    check!(old(), old(), old().text("Really done"));
}

/// How many of three objects a run updates.
async fn updated<U: Update + 'static>(
    fake: &Fake,
    collection: &str,
    update: impl Fn(String) -> U + Send + 'static,
) -> u64 {
    let uuids = ["a", "b", "c"].map(str::to_owned);
    for uuid in &uuids {
        fake.collection(collection).insert_sample(uuid).unwrap();
    }
    let run = Bulk::new(uuids.into_iter().map(update)).start().await.unwrap();
    run.finish().await.unwrap().updated
}

/// No code is written for any of them: every update whose object can be read is supported.
#[tokio::test]
async fn bulk_takes_every_update_of_the_crm() {
    let (fake, client) = start();
    let (customers, contacts, notes, tasks) = (client.customers(), client.contacts(), client.notes(), client.tasks());
    let renamed = move |uuid| customers.update(uuid).name("New");
    assert_eq!(updated(&fake, "customers", renamed).await, 3);
    let promoted = move |uuid| contacts.update(uuid).title("CEO");
    assert_eq!(updated(&fake, "contacts", promoted).await, 3);
    let rewritten = move |uuid| notes.update(uuid).text("Done");
    assert_eq!(updated(&fake, "notes", rewritten).await, 3);
    let closed = move |uuid| tasks.update(uuid).completed_at("2026-04-20");
    assert_eq!(updated(&fake, "tasks", closed).await, 3);
    let task = fake.collection("tasks").get("c").unwrap();
    assert_eq!(task["completed_at"], "2026-04-20T00:00:00.000Z");
}

/// The same for all operations of the table, with the document's examples.
#[tokio::test]
async fn bulk_takes_every_update_as_json() {
    let document = document::read();
    let mut tried = Vec::new();
    for operation in operations::ALL {
        let [id] = operation.parameters else { continue };
        if operation.method != "PATCH" || operation.read().is_none() {
            continue;
        }
        let (fake, client) = start();
        let update = |key: &str| {
            let mut arguments = table::arguments(&document, operation);
            arguments.insert(id.name.to_owned(), key.into());
            JsonUpdate::new(&client, operation, arguments).unwrap()
        };
        let updates = ["a", "b", "c"].map(|key| {
            fake.collection(operation.tag).insert_sample(key).unwrap();
            update(key)
        });
        let report = Bulk::new(updates).start().await.unwrap().finish().await.unwrap();
        // The example may be the current value.
        assert_eq!(report.updated + report.not_modified, 3, "{operation}: {report:?}");
        tried.push(operation.tag);
    }
    for tag in [
        "customers",
        "contacts",
        "notes",
        "customer_notes",
        "tasks",
        "opportunities",
    ] {
        assert!(tried.contains(&tag), "{tag} is not among {tried:?}");
    }
}
