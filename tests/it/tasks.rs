//! Peculiarities of tasks: days and instants, and filters by them.

use chartmogul::{
    Client,
    tasks::{ListTasks, NewTask},
};
use chartmogul_fake::Fake;
use chartmogul_tests::client_for;
use chrono::{TimeZone as _, Utc};

type Filter = fn(ListTasks) -> ListTasks;

const CUSTOMER: &str = "cus_8f1d6a52-3b0e-4c55-9d7a-2e6c1b90a4f3";

async fn task(client: &Client, task_details: &str, due_date: chartmogul::Timestamp, completed_at: Option<&str>) {
    let mut create = client.tasks().create(NewTask {
        task_details,
        assignee: "sales@example.com",
        due_date,
    });
    if let Some(completed_at) = completed_at {
        create = create.completed_at(completed_at);
    }
    create.customer_uuid(CUSTOMER).send().await.unwrap();
}

#[tokio::test]
async fn tasks_are_found_by_when_they_are_due_and_whether_they_are_completed() {
    let fake = Fake::start().unwrap();
    let client = client_for(&fake);
    task(&client, "April", "2026-04-30".into(), Some("2026-04-20T02:00:00+02:00")).await;
    task(
        &client,
        "May",
        Utc.with_ymd_and_hms(2026, 5, 15, 12, 0, 0).unwrap().into(),
        None,
    )
    .await;

    let tasks = client.tasks();
    let cases: [(Filter, &[&str]); 6] = [
        (|list| list, &["May", "April"]),
        (|list| list.completed(true), &["April"]),
        (|list| list.completed(false).assignee("sales@example.com"), &["May"]),
        (|list| list.due_date_on_or_after("2026-05-01"), &["May"]),
        (|list| list.due_date_on_or_before("2026-05-15T11:59:59Z"), &["April"]),
        (|list| list.assignee("support@example.com"), &[]),
    ];
    for (filter, expected) in cases {
        let page = filter(tasks.list()).send().await.unwrap();
        let details: Vec<_> = page
            .entries
            .iter()
            .filter_map(|task| task.task_details.as_str())
            .collect();
        assert_eq!(details, expected);
    }

    let page = tasks.list().completed(true).send().await.unwrap();
    let april = &page.entries[0];
    assert_eq!(
        april.completed_at.get(),
        Some(&Utc.with_ymd_and_hms(2026, 4, 20, 0, 0, 0).unwrap())
    );
    assert_eq!(
        fake.requests()[0].json()["due_date"],
        "2026-04-30",
        "a day is sent as a day"
    );
    let stored = fake.collection("tasks").get(april.task_uuid.as_str().unwrap()).unwrap();
    assert_eq!(stored["due_date"], "2026-04-30T00:00:00.000Z");
}
