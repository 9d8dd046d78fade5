//! Invalid values: rejected before anything is sent, with the field, the value and the requirement.

use chartmogul::{
    CustomAttributeList, Error,
    opportunities::{NewOpportunity, UpdateOpportunity},
};
use chartmogul_api::types::{ListOpportunitiesQuery, OpportunityUpdate};
use chartmogul_tests::{UUID, snapshot, start};

type Case = (&'static str, fn(UpdateOpportunity) -> UpdateOpportunity);

const CASES: &[Case] = &[
    (UUID, |update| update),
    (UUID, |update| update.win_likelihood(101)),
    (UUID, |update| update.win_likelihood(-1)),
    (UUID, |update| update.win_likelihood(i64::MIN)),
    (UUID, |update| update.replace_all_custom([("team size", 4)])),
    (UUID, |update| {
        update.replace_all_custom(CustomAttributeList::new().set("seats", 4).set("", 1))
    }),
    (UUID, |update| update.replace_all_custom([("größe", 4)])),
    (UUID, |update| update.replace_all_custom([("seats\n", 4)])),
    (UUID, |update| update.replace_all_custom([("discount", f64::NAN)])),
    (UUID, |update| {
        update.replace_all_custom([("discount", f64::NEG_INFINITY)])
    }),
    (UUID, |update| {
        update.replace_all_custom([("campaign", "x".repeat(256))])
    }),
    (UUID, |update| update.currency("euro")),
    (UUID, |update| update.currency("eur")),
    (UUID, |update| update.currency("")),
    (UUID, |update| update.owner("")),
    (UUID, |update| update.pipeline("")),
    (UUID, |update| update.pipeline_stage("")),
    (UUID, |update| update.estimated_close_date("31.12.2026")),
    (UUID, |update| update.estimated_close_date("2026-02-30")),
    (UUID, |update| update.estimated_close_date("")),
    (UUID, |update| {
        update.estimated_close_date("2026-1-5").win_likelihood(101)
    }),
    (UUID, |update| update.estimated_close_date(chrono::NaiveDate::MAX)),
    ("", |update| update.amount_in_cents(1)),
    (".", |update| update.amount_in_cents(1)),
    ("..", |update| update.amount_in_cents(1)),
    ("4ee13ca4-e7fe-41ee-9a7f-f303abf41acc\r\nX-Injected: 1", |update| {
        update.amount_in_cents(1)
    }),
];

#[tokio::test]
async fn every_bad_value_is_named() {
    let (fake, client) = start();
    let mut text = String::new();
    for (uuid, set) in CASES {
        let error = set(client.opportunities().update(*uuid)).send().await.unwrap_err();
        assert!(matches!(error, Error::InvalidInput(_)), "{error:?}");
        assert!(!error.may_have_happened());
        text.push_str(&format!("{error}\n"));
    }
    assert_eq!(fake.requests().len(), 0, "nothing may be sent");
    snapshot::check("errors", "invalid_input", &text);
}

#[tokio::test]
async fn every_bad_value_of_a_creation_is_named() {
    const CASES: &[fn(&mut NewOpportunity<'static>)] = &[
        |new| new.customer_uuid = "",
        |new| new.owner = "",
        |new| new.pipeline = "",
        |new| new.pipeline_stage = "",
        |new| new.currency = "euro",
        |new| new.estimated_close_date = chrono::NaiveDate::MIN.into(),
    ];
    let (fake, client) = start();
    let right = NewOpportunity {
        customer_uuid: "cus_8f1d6a52-3b0e-4c55-9d7a-2e6c1b90a4f3",
        owner: "sales@example.com",
        pipeline: "New Business",
        pipeline_stage: "Discovery",
        estimated_close_date: "2026-03-31".into(),
        currency: "EUR",
        amount_in_cents: 0,
    };
    let mut text = String::new();
    for set in CASES {
        let mut new = right.clone();
        set(&mut new);
        let error = client.opportunities().create(new).send().await.unwrap_err();
        assert!(matches!(error, Error::InvalidInput(_)), "{error:?}");
        text.push_str(&format!("{error}\n"));
    }
    let create = client.opportunities().create(right);
    for create in [
        create.clone().win_likelihood(101),
        create.custom([("seats", 1), ("team size", 2)]),
    ] {
        text.push_str(&format!("{}\n", create.send().await.unwrap_err()));
    }
    for error in [
        client.opportunities().get("").send().await.unwrap_err(),
        client.opportunities().delete("").send().await.unwrap_err(),
        client.opportunities().delete("..").send().await.unwrap_err(),
    ] {
        text.push_str(&format!("{error}\n"));
    }
    assert_eq!(fake.requests().len(), 0, "nothing may be sent");
    snapshot::check("errors", "invalid_input_of_other_verbs", &text);
}

#[tokio::test]
async fn every_bad_filter_is_named() {
    const CASES: &[fn(&mut ListOpportunitiesQuery)] = &[
        |query| query.per_page = Some(0),
        |query| query.per_page = Some(201),
        |query| query.per_page = Some(i64::MIN),
        |query| query.cursor = Some(String::new()),
        |query| query.customer_uuid = Some(String::new()),
        |query| query.owner = Some(String::new()),
        |query| query.pipeline = Some(String::new()),
        |query| query.pipeline_stage = Some(String::new()),
        |query| query.estimated_close_date_on_or_after = Some(chrono::NaiveDate::MAX.into()),
        |query| query.estimated_close_date_on_or_before = Some(chrono::NaiveDate::MIN.into()),
    ];
    let (fake, client) = start();
    let mut text = String::new();
    for set in CASES {
        let mut query = ListOpportunitiesQuery::default();
        set(&mut query);
        let error = client.low_level().list_opportunities(&query).await.unwrap_err();
        assert!(matches!(error, Error::InvalidInput(_)), "{error:?}");
        text.push_str(&format!("{error}\n"));
    }
    for most in [1, 200] {
        let mut query = ListOpportunitiesQuery::default();
        query.per_page = Some(most);
        client.low_level().list_opportunities(&query).await.unwrap();
    }
    assert_eq!(fake.requests().len(), 2, "nothing else may be sent");
    snapshot::check("errors", "invalid_query", &text);
}

#[tokio::test]
async fn the_low_level_client_refuses_too() {
    let (fake, client) = start();
    let mut update = OpportunityUpdate::default();
    assert!(matches!(
        client.low_level().update_opportunity(UUID, &update).await,
        Err(Error::InvalidInput(_))
    ));
    update.win_likelihood = Some(101);
    assert!(matches!(
        client.low_level().update_opportunity(UUID, &update).await,
        Err(Error::InvalidInput(_))
    ));
    update.win_likelihood = Some(100);
    assert!(matches!(
        client.low_level().update_opportunity("", &update).await,
        Err(Error::InvalidInput(_))
    ));
    assert_eq!(fake.requests().len(), 0, "nothing may be sent");
    client.low_level().update_opportunity(UUID, &update).await.unwrap();
}
