//! Requests as data, over a connection: what is sent, and what is made of the response.
#![allow(clippy::unwrap_used)] // tests

use std::sync::{Arc, Mutex};

use chartmogul_api::{
    Client, Error, Method, Retry,
    request::{Page as _, Request as _},
    requests,
    runtime::{self, Check},
    types::{CustomAttribute, ListOpportunitiesQuery, Opportunity, OpportunityUpdate},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

const UUID: &str = "4ee13ca4-e7fe-41ee-9a7f-f303abf41acc";

type Seen = Arc<Mutex<Vec<String>>>;

/// A server that gives one response after the other, and what it was sent: first line and body.
async fn server(responses: &'static [(u16, &'static str)]) -> (Client, Seen) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let seen = Seen::default();
    let log = Arc::clone(&seen);
    tokio::spawn(async move {
        for (status, body) in responses {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut bytes = vec![0; 4096];
            let mut length = 0;
            let text = loop {
                length += stream.read(&mut bytes[length..]).await.unwrap();
                let text = String::from_utf8(bytes[..length].to_vec()).unwrap();
                let Some((head, body)) = text.split_once("\r\n\r\n") else {
                    continue;
                };
                let expected = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                if body.len() >= expected.map_or(0, |length| length.parse().unwrap()) {
                    break text;
                }
            };
            let (head, sent) = text.split_once("\r\n\r\n").unwrap();
            let first = head.lines().next().unwrap().trim_end_matches(" HTTP/1.1");
            log.lock()
                .unwrap()
                .push(format!("{first} {sent}").trim_end().to_owned());
            let head = format!(
                "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            stream.write_all(head.as_bytes()).await.unwrap();
            stream.write_all(body.as_bytes()).await.unwrap();
        }
    });
    let client = Client::builder()
        .api_key("key")
        .base_url(url)
        .retry(Retry::default())
        .build();
    (client.unwrap(), seen)
}

fn sent(seen: &Seen) -> Vec<String> {
    seen.lock().unwrap().clone()
}

fn update(change: impl FnOnce(&mut OpportunityUpdate)) -> requests::UpdateOpportunity {
    let mut body = OpportunityUpdate::default();
    change(&mut body);
    requests::UpdateOpportunity {
        opportunity_uuid: UUID.to_owned(),
        body,
    }
}

#[tokio::test]
async fn a_request_is_sent_by_reference_or_as_a_whole() {
    let (client, seen) = server(&[(200, r#"{"uuid":"a"}"#), (202, ""), (204, "")]).await;
    let owner = update(|body| body.owner = Some("a@b.c".to_owned()));
    assert_eq!(owner.send(&client).await.unwrap().value().uuid, "a");
    assert_eq!(
        runtime::send(owner, client.clone()).await.unwrap(),
        Opportunity::default()
    );
    let opportunity_uuid = UUID.to_owned();
    runtime::send(requests::DeleteOpportunity { opportunity_uuid }, client)
        .await
        .unwrap();
    let patch = format!(r#"PATCH /v1/opportunities/{UUID} {{"owner":"a@b.c"}}"#);
    assert_eq!(
        sent(&seen),
        [patch.clone(), patch, format!("DELETE /v1/opportunities/{UUID}")]
    );
}

#[tokio::test]
async fn what_is_refused_is_not_sent() {
    let (client, seen) = server(&[(200, "{}")]).await;
    let wrong = update(|body| body.win_likelihood = Some(140));
    for result in [
        wrong.send(&client).await.map(|_| ()),
        runtime::send(wrong.clone(), client.clone()).await.map(|_| ()),
        client.update_opportunity(UUID, &wrong.body).await.map(|_| ()),
        client.get_opportunity("").await.map(|_| ()),
    ] {
        assert!(matches!(result, Err(Error::InvalidInput(_))), "{result:?}");
    }
    assert_eq!(sent(&seen), Vec::<String>::new());
}

#[tokio::test]
async fn a_page_comes_apart() {
    let (client, seen) = server(&[(200, r#"{"entries":[{"uuid":"a"}],"cursor":"next","has_more":true}"#)]).await;
    let request = requests::ListOpportunities {
        query: {
            let mut query = ListOpportunitiesQuery::default();
            query.per_page = Some(1);
            query.owner = Some("a b".to_owned());
            query
        },
    };
    let page = request.send(&client).await.unwrap().into_value();
    let (entries, cursor, has_more) = page.into_parts();
    assert_eq!(
        (entries.len(), cursor.as_deref(), has_more),
        (1, Some("next"), Some(true))
    );
    assert_eq!(sent(&seen), ["GET /v1/opportunities?owner=a+b&per_page=1"]);
}

#[tokio::test]
async fn a_write_follows_from_what_each_attempt_reads() {
    let (client, seen) = server(&[
        (200, r#"{"uuid":"a","custom":{"seats":1}}"#),
        (503, ""),
        (200, r#"{"uuid":"a","custom":{"seats":2}}"#),
        (200, r#"{"uuid":"a","custom":{"seats":3}}"#),
    ])
    .await;
    let mut follow = |object: &Opportunity, json: &[u8]| {
        assert!(json.starts_with(b"{\"uuid\""));
        let custom = object.custom.get().unwrap();
        let seats = custom.get("seats").and_then(serde_json::Value::as_i64).unwrap();
        // The key would be refused, were it not what the server itself may have sent.
        Ok(Some(update(|body| {
            body.custom = Some(vec![CustomAttribute::new("a key", seats + 1)]);
        })))
    };
    let done = client.exec_from_read(&update(|_| ()), &mut follow).await.unwrap();
    assert!(done.written);
    assert_eq!(done.response.value().custom.get().unwrap().get("seats").unwrap(), 3);
    let (read, write) = (
        format!("GET /v1/opportunities/{UUID}"),
        format!("PATCH /v1/opportunities/{UUID}"),
    );
    let body = |seats: i64| format!(r#"{write} {{"custom":[{{"key":"a key","value":{seats}}}]}}"#);
    assert_eq!(sent(&seen), [read.clone(), body(2), read, body(3)]);
}

#[tokio::test]
async fn where_nothing_follows_nothing_is_written() {
    let (client, seen) = server(&[(200, r#"{"uuid":"a"}"#)]).await;
    let done = client
        .exec_from_read(&update(|_| ()), &mut |_, _| Ok(None))
        .await
        .unwrap();
    assert!(!done.written);
    assert_eq!(done.response.value().uuid, "a");
    assert_eq!(sent(&seen), [format!("GET /v1/opportunities/{UUID}")]);

    let mut wrong = update(|_| ());
    wrong.opportunity_uuid = "..".to_owned();
    let refused = client.exec_from_read(&wrong, &mut |_, _| Ok(None)).await;
    assert!(matches!(refused, Err(Error::InvalidInput(_))));
    let prepared = runtime::prepare(&wrong, &client, Check::No).unwrap();
    assert_eq!(prepared.path(), "/v1/opportunities/..");
}

#[tokio::test]
async fn any_other_request_goes_the_same_way() {
    let (client, seen) = server(&[(200, "[1]"), (200, "")]).await;
    let request = client
        .request(Method::POST, "/v1/things/{id}")
        .path("id", "a/b")
        .query("x", "ü")
        .query("x", 2);
    let response = request
        .json(&serde_json::json!({ "a": 1 }))
        .send::<Vec<i64>>()
        .await
        .unwrap();
    assert_eq!(response.value(), &[1]);
    client.request(Method::PUT, "/v1/things").send_any().await.unwrap();
    assert_eq!(
        sent(&seen),
        ["POST /v1/things/a%2Fb?x=%C3%BC&x=2 {\"a\":1}", "PUT /v1/things"]
    );
}

#[cfg(feature = "dynamic")]
#[tokio::test]
async fn an_operation_can_be_called_by_its_name() {
    use chartmogul_api::operations;
    use serde_json::{Value, json};

    let (client, seen) = server(&[
        (
            200,
            r#"{"uuid":"a","amount_in_cents":9223372036854775807,"owner":null}"#,
        ),
        (204, ""),
    ])
    .await;
    let arguments = json!({ "opportunity_uuid": UUID, "amount_in_cents": i64::MAX })
        .as_object()
        .cloned()
        .unwrap();
    let response = client
        .call_json(operations::find("update_opportunity").unwrap(), arguments)
        .await
        .unwrap();
    assert_eq!(response.value()["amount_in_cents"], json!(i64::MAX));
    assert_eq!(response.value()["owner"], Value::Null);
    let arguments = json!({ "opportunity_uuid": UUID }).as_object().cloned().unwrap();
    let response = client
        .call_json(&operations::DELETE_OPPORTUNITY, arguments)
        .await
        .unwrap();
    assert_eq!(response.value(), &Value::Null);
    let patch = format!(r#"PATCH /v1/opportunities/{UUID} {{"amount_in_cents":9223372036854775807}}"#);
    assert_eq!(sent(&seen), [patch, format!("DELETE /v1/opportunities/{UUID}")]);
}
