//! Lists: pages, cursors and filters.

use chartmogul::{Client, Error, Field, opportunities::OpportunityPage};
use chartmogul_api::types::ListOpportunitiesQuery;
use chartmogul_fake::Canned;
use chartmogul_tests::{UUID, opportunity, sent::Witness, start};
use futures_util::TryStreamExt as _;
use serde_json::{Value, json};

async fn list_with(canned: Canned) -> Result<OpportunityPage, Error> {
    let (fake, client) = start();
    fake.respond_next(canned);
    let query = ListOpportunitiesQuery::default();
    let response = client.low_level().list_opportunities(&query).await;
    response.map(chartmogul_api::Response::into_value)
}

async fn page(client: &Client, set: impl Fn(&mut ListOpportunitiesQuery)) -> OpportunityPage {
    let mut query = ListOpportunitiesQuery::default();
    set(&mut query);
    let response = client.low_level().list_opportunities(&query).await.unwrap();
    let page = response.value().clone();
    // Nothing is lost between the wire and the type.
    assert_eq!(json!(page), serde_json::from_slice::<Value>(response.body()).unwrap());
    page
}

fn uuids(page: &OpportunityPage) -> Vec<&str> {
    page.entries.iter().filter_map(|deal| deal.uuid.as_str()).collect()
}

/// A fake with the opportunities `0`, `1`, ... and nothing else; the newest is `0`, because lists begin with it.
async fn start_with(count: usize, change: impl Fn(usize, &mut Value)) -> (Witness, Client) {
    let (fake, client) = start();
    client.opportunities().delete(UUID).send().await.unwrap();
    for number in (0..count).rev() {
        let mut deal = opportunity(&number.to_string());
        change(number, &mut deal);
        fake.collection("opportunities").insert_unchecked(deal).unwrap();
    }
    (fake, client)
}

#[tokio::test]
async fn pages_follow_each_other_until_there_is_no_more() {
    let (_fake, client) = start_with(5, |_, _| {}).await;
    let mut cursor = Field::Absent;
    for (expected, has_more) in [
        (&["0", "1"][..], true),
        (&["2", "3"], true),
        (&["4"], false),
        (&[], false),
    ] {
        let page = page(&client, |query| {
            query.per_page = Some(2);
            query.cursor = cursor.get().cloned();
        })
        .await;
        assert_eq!(uuids(&page), expected);
        assert!(page.has_more == has_more);
        assert!(page.cursor.get().is_some(), "filled even at the end, and beyond it");
        cursor = page.cursor;
    }
}

#[tokio::test]
async fn an_empty_list_is_a_page() {
    let (_fake, client) = start_with(0, |_, _| {}).await;
    let page = page(&client, |_| {}).await;
    assert_eq!(
        (page.entries.len(), page.cursor, page.has_more),
        (0, Field::Null, Field::Value(false))
    );
}

#[tokio::test]
async fn a_page_has_200_entries_unless_fewer_are_wanted() {
    let (_fake, client) = start_with(201, |_, _| {}).await;
    assert_eq!(page(&client, |_| {}).await.entries.len(), 200);
    assert_eq!(
        page(&client, |query| query.per_page = Some(200)).await.entries.len(),
        200
    );
    assert_eq!(page(&client, |query| query.per_page = Some(1)).await.entries.len(), 1);
}

#[tokio::test]
async fn an_entry_must_fit_all_filters() {
    let (_fake, client) = start_with(4, |number, deal| match number {
        0 => deal["customer_uuid"] = json!("cus_0"),
        1 => deal["owner"] = json!("a+b@example.com"),
        2 => deal["pipeline"] = json!("A & B = 100%"),
        _ => {
            deal["pipeline_stage"] = json!("Größe");
            deal["estimated_close_date"] = json!("2026-04-01");
        }
    })
    .await;
    let find = async |set: fn(&mut ListOpportunitiesQuery)| uuids(&page(&client, set).await).join(" ");
    assert_eq!(find(|query| query.customer_uuid = Some("cus_0".to_owned())).await, "0");
    assert_eq!(
        find(|query| query.owner = Some("a+b@example.com".to_owned())).await,
        "1"
    );
    assert_eq!(
        find(|query| query.pipeline = Some("A & B = 100%".to_owned())).await,
        "2"
    );
    assert_eq!(find(|query| query.pipeline_stage = Some("Größe".to_owned())).await, "3");
    assert_eq!(find(|query| query.pipeline = Some("A".to_owned())).await, "");
    // The sample closes on 2026-03-31; both ends of a range are inclusive.
    let on = |text: &str| Some(text.into());
    let between = async |first: &str, last: &str| {
        let found = page(&client, |query| {
            query.estimated_close_date_on_or_after = on(first);
            query.estimated_close_date_on_or_before = on(last);
        });
        uuids(&found.await).join(" ")
    };
    assert_eq!(between("2026-03-31", "2026-03-31").await, "0 1 2");
    assert_eq!(between("2026-04-01", "2026-04-01").await, "3");
    assert_eq!(between("2026-03-31", "2026-04-01").await, "0 1 2 3");
    assert_eq!(between("2026-04-02", "2026-12-31").await, "");
    assert_eq!(
        find(|query| {
            query.owner = Some("a+b@example.com".to_owned());
            query.pipeline = Some("A & B = 100%".to_owned());
        })
        .await,
        ""
    );

    // Filters combined with pages.
    let first = page(&client, |query| {
        query.pipeline = Some("New Business".to_owned());
        query.per_page = Some(2);
    })
    .await;
    assert_eq!((uuids(&first), &first.has_more), (vec!["0", "1"], &Field::Value(true)));
    let next = page(&client, |query| {
        query.pipeline = Some("New Business".to_owned());
        query.cursor = first.cursor.get().cloned();
    })
    .await;
    assert_eq!((uuids(&next), &next.has_more), (vec!["3"], &Field::Value(false)));
}

#[tokio::test]
async fn one_entry_never_spoils_the_page() {
    let whole = opportunity(UUID);
    for name in whole.as_object().unwrap().keys() {
        for odd in [json!(null), json!([{ "odd": 1 }]), json!(-1.5), json!("odd")] {
            let mut spoilt = whole.clone();
            spoilt[name] = odd;
            let body = json!({ "entries": [whole, spoilt, whole], "cursor": "x", "has_more": false });
            let page = list_with(Canned::new(200).json(body.to_string())).await.unwrap();
            assert_eq!(page.entries.len(), 3, "{name}");
            assert_eq!(json!(page), body, "{name}");
        }
    }
    let body = json!({ "entries": [null, whole, "odd", [whole], whole, 1], "cursor": 5, "has_more": "no", "page": 1 });
    let page = list_with(Canned::new(200).json(body.to_string())).await.unwrap();
    assert_eq!((page.entries.len(), page.entries.unexpected().len()), (2, 4));
    assert_eq!(page.entries.unexpected()[1], (2, json!("odd")));
    assert_eq!(
        (&page.cursor, &page.has_more),
        (&Field::Unexpected(json!(5)), &Field::Unexpected(json!("no")))
    );
    assert_eq!(page.extra["page"], 1);
    assert_eq!(json!(page), body);
}

#[tokio::test]
async fn a_day_is_found_however_it_is_written_and_whatever_else_is_odd() {
    let (_fake, client) = start_with(4, |number, deal| {
        deal["owner"] = json!(5);
        deal["estimated_close_date"] = match number {
            0 => json!("2026-05-01T00:00:00.000Z"),
            1 => json!("2026-05-01 00:00:00 UTC"),
            2 => json!("2026-05-01"),
            _ => json!("soon"),
        };
    })
    .await;
    let list = || client.opportunities().list();
    let day = "2026-05-01";
    for list in [
        list().estimated_close_date_on_or_after(day),
        list().estimated_close_date_on_or_before(day),
    ] {
        let deals: Vec<_> = list.pipeline("New Business").items().try_collect().await.unwrap();
        let found: Vec<_> = deals.iter().filter_map(|deal| deal.uuid.as_str()).collect();
        assert_eq!(found, ["0", "1", "2"]);
        assert!(deals.iter().all(|deal| deal.estimated_close_date.to_string() == day));
    }
}

/// A value that JSON libraries reject affects neither other fields nor other entries nor the cursor.
#[tokio::test]
async fn one_odd_value_costs_only_itself() {
    let whole = opportunity(UUID);
    let deep = format!("{}{}", "[".repeat(126), "]".repeat(126));
    for odd in ["1e400", "-1e999", r#""half \ud800 a pair""#, &deep, "NaN"] {
        for name in whole
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .chain(["new", "custom.seats"])
        {
            let mut spoilt = whole.clone();
            match name.split_once('.') {
                Some((parent, child)) => spoilt[parent][child] = json!("(odd)"),
                None => spoilt[name] = json!("(odd)"),
            }
            let body = json!({ "entries": [whole, spoilt, whole, "(odd)"], "cursor": "x", "has_more": true });
            let body = body.to_string().replace(r#""(odd)""#, odd);
            let page = list_with(Canned::new(200).json(body)).await.unwrap();
            assert_eq!(
                (page.entries.len(), page.entries.unexpected().len()),
                (3, 1),
                "{name} {odd}"
            );
            assert_eq!(
                (&page.cursor, &page.has_more),
                (&Field::Value("x".to_owned()), &Field::Value(true))
            );
            assert_eq!(json!(page.entries[0]), whole);
            assert_eq!(json!(page.entries[2]), whole);

            let mut read = json!(page.entries[1]);
            let (mut rest, read) = match name.split_once('.') {
                Some((parent, child)) => {
                    let odd = read[parent][child].take();
                    (read, odd)
                }
                None => {
                    let odd = read[name].take();
                    (read, odd)
                }
            };
            for object in [&mut rest, &mut spoilt] {
                match name.split_once('.') {
                    Some((parent, child)) => object[parent][child] = Value::Null,
                    None => object[name] = Value::Null,
                }
            }
            assert_eq!(rest, spoilt, "the other fields");
            assert!(
                read.as_str().is_none() && read.as_i64().is_none() && read.as_f64().is_none(),
                "{read}"
            );
        }
    }
}

/// A response without its entries must not look like an empty page.
#[tokio::test]
async fn a_page_without_its_entries_is_an_error() {
    for body in [
        "{}",
        r#"{"has_more":false,"cursor":null}"#,
        r#"{"entries":null,"has_more":false}"#,
        r#"{"entries":{"secret":1},"has_more":false}"#,
        r#"{"entries":"secret","has_more":false}"#,
        r#"[{"uuid":"secret"}]"#,
    ] {
        let error = list_with(Canned::new(200).json(body)).await.unwrap_err();
        let Error::Unreadable { response, source, .. } = &error else {
            panic!("{body}: {error:?}")
        };
        assert_eq!(&response.body()[..], body.as_bytes());
        assert!(!format!("{error} {error:?} {source}").contains("secret"), "{error:?}");
    }
    let page = list_with(Canned::new(200).json(r#"{"entries":[]}"#)).await.unwrap();
    assert!(page.entries.is_empty() && page.has_more.is_absent());
}

#[tokio::test]
async fn the_last_of_two_equal_lists_counts() {
    let body = r#"{"entries":[{"uuid":"a"}],"entries":[{"uuid":"b"},{"uuid":"c"}],"has_more":false}"#;
    let page = list_with(Canned::new(200).json(body)).await.unwrap();
    assert_eq!(uuids(&page), ["b", "c"]);
}
