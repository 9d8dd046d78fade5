//! All entries of a list, over all pages.

use std::time::Duration;

use chartmogul::{Client, Error, Items, MAX_EMPTY_PAGES, Retry, Unlimited, opportunities::Opportunity};
use chartmogul_fake::Canned;
use chartmogul_tests::{UUID, opportunity, sent::Witness, start};
use futures_util::TryStreamExt as _;
use serde_json::{Value, json};

/// A fake with the opportunities `0`, `1`, ... in place of the usual one; the newest is `0`, because lists begin with it.
async fn start_with(count: usize) -> (Witness, Client) {
    let (fake, client) = start();
    client.opportunities().delete(UUID).send().await.unwrap();
    for number in (0..count).rev() {
        fake.collection("opportunities")
            .insert(opportunity(&number.to_string()))
            .unwrap();
    }
    (fake, client)
}

fn uuids(deals: &[Opportunity]) -> Vec<String> {
    deals.iter().map(|deal| deal.uuid.to_string()).collect()
}

fn numbers(numbers: std::ops::Range<usize>) -> Vec<String> {
    numbers.map(|number| number.to_string()).collect()
}

/// The items up to the end or an error.
async fn all(items: &mut Items<Opportunity>) -> (Vec<String>, Option<Error>) {
    let mut found = Vec::new();
    loop {
        match items.try_next().await {
            Ok(Some(deal)) => found.push(deal.uuid.to_string()),
            Ok(None) => return (found, None),
            Err(error) => return (found, Some(error)),
        }
    }
}

/// The queries of all list requests.
fn queries(fake: &Witness) -> Vec<String> {
    let lists = fake.requests().into_iter().filter(|request| request.method == "GET");
    lists.map(|request| request.query).collect()
}

#[tokio::test]
async fn every_entry_comes_once_and_then_the_end() {
    for (count, requests) in [(0, 1), (1, 1), (2, 1), (3, 2), (5, 3), (6, 3)] {
        let (fake, client) = start_with(count).await;
        let mut items = client.opportunities().list().per_page(2).items();
        assert_eq!(fake.requests().len(), 1, "nothing before it is asked for");
        assert_eq!(all(&mut items).await.0, numbers(0..count));
        assert_eq!(queries(&fake).len(), requests, "{count} entries");
        assert!(items.try_next().await.unwrap().is_none() && items.try_next().await.unwrap().is_none());
        assert_eq!(queries(&fake).len(), requests, "the end is the end");
    }
}

#[tokio::test]
async fn it_is_a_stream_and_repeats_the_filters() {
    let (fake, client) = start_with(5).await;
    let list = client
        .opportunities()
        .list()
        .pipeline("New Business")
        .owner("sales@example.com")
        .per_page(3);
    let deals: Vec<_> = list.items().try_collect().await.unwrap();
    assert_eq!(uuids(&deals), numbers(0..5));
    let queries = queries(&fake);
    assert_eq!(queries.len(), 2);
    for query in &queries {
        assert!(
            query.contains("owner=sales%40example.com&pipeline=New+Business&") && query.ends_with("per_page=3"),
            "{query}"
        );
    }
    assert!(!queries[0].contains("cursor=") && queries[1].contains("cursor="));
}

#[tokio::test]
async fn of_one_customer() {
    let (fake, client) = start_with(1).await;
    let mut deal = opportunity("other");
    deal["customer_uuid"] = json!("cus_other");
    fake.collection("opportunities").insert(deal).unwrap();
    let deals: Vec<_> = client
        .customer("cus_other")
        .opportunities()
        .list()
        .items()
        .try_collect()
        .await
        .unwrap();
    assert_eq!(uuids(&deals), ["other"]);
    let error = client
        .customer("")
        .opportunities()
        .list()
        .items()
        .try_next()
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "`customer_uuid` was \"\"; must not be empty");
}

#[tokio::test]
async fn a_filter_that_cannot_be_right_is_refused_before_anything_is_sent() {
    let (fake, client) = start();
    let list = || client.opportunities().list();
    for mut items in [
        list().per_page(0).items(),
        list().per_page(201).items(),
        list().estimated_close_date_on_or_after("tomorrow").items(),
        list().cursor("").items(),
    ] {
        let error = items.try_next().await.unwrap_err();
        assert!(matches!(error, Error::InvalidInput(_)), "{error:?}");
        assert!(items.try_next().await.unwrap().is_none(), "ended");
    }
    assert_eq!(fake.requests().len(), 0);
}

fn page(uuids: &[&str], rest: &Value) -> Canned {
    let entries: Vec<_> = uuids.iter().map(|uuid| opportunity(uuid)).collect();
    let mut page = json!({ "entries": entries });
    page.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    Canned::new(200).json(page.to_string())
}

/// Each of these lists ends with an error, after its entries.
#[tokio::test]
async fn pages_that_lead_nowhere_are_an_error_and_not_an_endless_list() {
    let more = |cursor: &str| json!({ "cursor": cursor, "has_more": true });
    for (pages, says) in [
        (vec![more("a"), more("a")], "leads back"),
        (
            vec![more("a"), more("b"), more("a"), more("b"), more("a"), more("b")],
            "leads back",
        ),
        (vec![json!({ "has_more": true })], "there is no cursor"),
        (vec![json!({ "cursor": null, "has_more": true })], "there is no cursor"),
        (vec![json!({ "cursor": "", "has_more": true })], "there is no cursor"),
        (
            vec![json!({ "cursor": "a" })],
            "does not say whether there is another one",
        ),
        (
            vec![json!({ "cursor": "a", "has_more": "yes" })],
            "does not say whether there is another one",
        ),
    ] {
        let (fake, client) = start();
        for rest in &pages {
            fake.respond_next(page(&["1", "2"], rest));
        }
        let mut items = client.opportunities().list().items();
        let (found, error) = all(&mut items).await;
        let error = error.expect("an error");
        assert!(
            matches!(error, Error::Pagination { .. }) && error.to_string().contains(says),
            "{error}"
        );
        assert!(items.try_next().await.unwrap().is_none(), "ended");
        assert!(
            found.len() <= pages.len() * 2 && fake.requests().len() <= pages.len(),
            "{found:?}"
        );
        assert_eq!(
            found.len(),
            fake.requests().len() * 2,
            "what came before the error is given out"
        );
    }
}

/// The cursor of the last page is not empty, but it is not followed.
#[tokio::test]
async fn a_list_ends_where_has_more_is_false() {
    let (fake, client) = start();
    fake.respond_next(page(&["1"], &json!({ "cursor": "a", "has_more": false })));
    assert_eq!(all(&mut client.opportunities().list().items()).await.0, ["1"]);
    assert_eq!(fake.requests().len(), 1);
}

#[tokio::test]
async fn unexpected_items_do_not_affect_entries() {
    let (fake, client) = start();
    let odd = json!({ "entries": [opportunity("1"), null, 5], "cursor": "a", "has_more": false });
    fake.respond_next(Canned::new(200).json(odd.to_string()));
    let mut items = client.opportunities().list().items();
    assert_eq!(all(&mut items).await.0, ["1"]);
    assert_eq!(items.unexpected(), [Value::Null, json!(5)]);
    assert!(!format!("{items:?}").contains("sales@"));
}

/// Whatever the number of pages.
#[tokio::test]
async fn unexpected_items_do_not_accumulate() {
    let (fake, client) = start();
    for number in 0..30 {
        let entries: Vec<_> = (0..10)
            .map(|odd| json!(number * 10 + odd))
            .chain([opportunity("1")])
            .collect();
        let page = json!({ "entries": entries, "cursor": number.to_string(), "has_more": number < 29 });
        fake.respond_next(Canned::new(200).json(page.to_string()));
    }
    let mut items = client.opportunities().list().items();
    assert_eq!(all(&mut items).await.0.len(), 30);
    assert_eq!((items.unexpected().len(), items.unexpected_count()), (100, 300));
    assert_eq!(items.unexpected()[99], json!(99));

    let large = "x".repeat(300_000);
    let odd = json!({ "entries": vec![large; 10], "has_more": false });
    fake.respond_next(Canned::new(200).json(odd.to_string()));
    let mut items = client.opportunities().list().items();
    all(&mut items).await;
    assert_eq!((items.unexpected().len(), items.unexpected_count()), (3, 10));
}

/// New cursors without end, and no entries.
#[tokio::test]
async fn pages_without_entries_end_with_an_error() {
    for odd in [json!([]), json!([null])] {
        let (fake, client) = start();
        let mut number = 0;
        let mut empty = |pages: u32| {
            for _ in 0..pages {
                number += 1;
                let page = json!({ "entries": odd, "cursor": number.to_string(), "has_more": true });
                fake.respond_next(Canned::new(200).json(page.to_string()));
            }
        };
        empty(MAX_EMPTY_PAGES - 1);
        fake.respond_next(page(&["1"], &json!({ "cursor": "x", "has_more": true })));
        empty(MAX_EMPTY_PAGES + 10);
        let (found, error) = all(&mut client.opportunities().list().items()).await;
        let error = error.expect("an error");
        assert!(
            matches!(error, Error::Pagination { .. }) && error.to_string().contains("100 pages in a row"),
            "{error}"
        );
        assert_eq!((found.len(), fake.requests().len()), (1, 2 * MAX_EMPTY_PAGES as usize));
    }
}

/// A program that continues after an interruption also ends if the cursor has expired.
#[tokio::test]
async fn a_cursor_that_has_expired_leads_back_to_the_beginning() {
    for status in [400, 404, 410, 422] {
        let (fake, client) = start_with(5).await;
        let list = || client.opportunities().list().per_page(2);
        let mut items = list().items();
        let first = items.try_next().await.unwrap().unwrap();
        assert!(first.uuid == "0");
        items.try_next().await.unwrap();
        fake.respond_next(Canned::new(501));
        assert!(items.try_next().await.is_err());
        let cursor = items.resume_from().expect("the second page").to_owned();

        fake.respond_next(Canned::new(status));
        let mut items = list().cursor(cursor).items();
        assert_eq!(items.try_next().await.unwrap_err().status().unwrap().as_u16(), status);
        assert_eq!(items.resume_from(), None, "{status}");
        assert_eq!(all(&mut list().items()).await.0, numbers(0..5));
    }
}

/// The loop of the guide (`docs/guide/read-and-list.md`), which continues after an interruption.
async fn read_all(client: &Client) -> (usize, Result<(), Error>) {
    let mut count = 0;
    let mut from: Option<String> = None;
    loop {
        let mut list = client.opportunities().list().per_page(2);
        if let Some(cursor) = &from {
            list = list.cursor(cursor);
        }
        let mut deals = list.items();
        let error = loop {
            match deals.try_next().await {
                Ok(Some(_)) => count += 1,
                Ok(None) => return (count, Ok(())),
                Err(error) => break error,
            }
        };
        let is_passing = error.stop_reason().is_some();
        match deals.resume_from() {
            Some(cursor) if is_passing && from.as_deref() != Some(cursor) => from = Some(cursor.to_owned()),
            _ => return (count, Err(error)),
        }
    }
}

#[tokio::test]
async fn the_loop_of_the_guide_comes_to_an_end() {
    // The second page fails like this, this many times; then it succeeds.
    for (status, times, entries, requests) in [
        (422, 9, 2, 2), // a cursor that has expired
        (404, 9, 2, 2),
        (500, 9, 2, 1 + 4), // an outage
        (500, 3, 5, 1 + 3 + 2),
        (200, 9, 2, 1 + 4), // truncated at its start
    ] {
        let (fake, client) = start_with(5).await;
        let client = Client::builder()
            .api_key(fake.api_key())
            .base_url(client.low_level().base_url())
            .limiter(Unlimited)
            .retry(
                Retry::default()
                    .max_attempts(2)
                    .backoff(Duration::from_millis(1), Duration::from_millis(1)),
            )
            .build()
            .unwrap();
        let cursor = Some(Value::from(cursor_of_second_page(&client).await));
        fake.respond_next(page(&["0", "1"], &json!({ "cursor": cursor, "has_more": true })));
        for _ in 0..times {
            fake.respond_next(Canned::new(status));
        }
        let before = queries(&fake).len();
        let (count, end) = read_all(&client).await;
        assert_eq!(
            (count, queries(&fake).len() - before),
            (entries, requests),
            "{status} {times}: {end:?}"
        );
        assert_eq!(end.is_ok(), entries > 2, "{status} {times}: {end:?}");
    }
}

async fn cursor_of_second_page(client: &Client) -> String {
    let page = client.opportunities().list().per_page(2).send().await.unwrap();
    page.cursor.into_value().unwrap()
}

#[tokio::test]
async fn a_page_that_fails_is_tried_again() {
    let (fake, _) = start_with(3).await;
    let client = Client::builder()
        .api_key(fake.api_key())
        .base_url(fake.url())
        .limiter(Unlimited)
        .retry(Retry::default().backoff(Duration::from_millis(1), Duration::from_millis(1)))
        .build()
        .unwrap();
    let mut items = client.opportunities().list().per_page(2).items();
    items.try_next().await.unwrap();
    items.try_next().await.unwrap();
    fake.respond_next(Canned::new(502));
    fake.respond_next(Canned::new(200).json(r#"{"entries":[{"uuid":"#)); // truncated
    assert_eq!(all(&mut items).await.0, ["2"]);
    let queries = queries(&fake);
    assert_eq!((queries.len(), &queries[1], &queries[2]), (4, &queries[2], &queries[3]));
}

/// After an interruption at any point, another stream continues without a gap.
#[tokio::test]
async fn a_stream_can_be_continued() {
    for (read, fails) in (0..=5).flat_map(|read| [(read, false), (read, read % 2 == 0)]) {
        let (fake, client) = start_with(5).await;
        let mut items = client.opportunities().list().per_page(2).items();
        let mut found = Vec::new();
        for _ in 0..read {
            found.extend(items.try_next().await.unwrap().map(|deal| deal.uuid.to_string()));
        }
        if fails {
            fake.respond_next(Canned::new(501));
            assert!(items.try_next().await.is_err(), "{read}");
            assert!(items.try_next().await.unwrap().is_none(), "ended after an error");
        }
        let mut list = client.opportunities().list().per_page(2);
        if let Some(cursor) = items.resume_from() {
            list = list.cursor(cursor);
        }
        let (rest, error) = all(&mut list.items()).await;
        assert!(error.is_none(), "{error:?}");
        let first: usize = rest.first().map_or(5, |uuid| uuid.parse().unwrap());
        assert_eq!(rest, numbers(first..5));
        assert!(first <= read && first + 2 > read, "from {first} after {read}");
    }
}

#[tokio::test]
async fn the_next_page_can_come_early() {
    let (fake, client) = start_with(5).await;
    let mut items = client.opportunities().list().per_page(2).items().prefetch();
    items.try_next().await.unwrap();
    let second = async {
        while queries(&fake).len() < 2 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), second)
        .await
        .expect("the second page, unasked");
    assert_eq!(all(&mut items).await.0, numbers(1..5));
    assert_eq!(queries(&fake).len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_blocking_client_it_is_an_iterator() {
    let (fake, client) = start_with(5).await;
    let client = client.blocking().unwrap();
    let list = || client.opportunities().list().per_page(2).items();
    for items in [list(), list().prefetch()] {
        let deals: Vec<_> = items.collect::<Result<_, _>>().unwrap();
        assert_eq!(uuids(&deals), numbers(0..5));
    }
    fake.respond_next(Canned::new(422));
    let mut items = list();
    assert!(matches!(items.next(), Some(Err(Error::Rejected(_)))) && items.next().is_none());
}
