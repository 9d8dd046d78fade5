//! Many calls at once.

use std::{sync::Arc, time::Duration};

use chartmogul::Client;
use chartmogul_tests::peer::Peer;
use tokio::{sync::Semaphore, task::JoinSet, time::timeout};

use super::case::{Call, KEY, Outcome, good, key_forms, quick};

const PERMITS: usize = 20;

pub(super) async fn half_of_a_hundred_calls_are_cancelled() -> Outcome {
    let gate = Arc::new(Semaphore::new(0));
    let peer = Peer::script([], good().held(&gate)).await;
    let client = Client::builder()
        .api_key(format!("{KEY}crowd"))
        .base_url(peer.url())
        .retry(quick())
        .rate_limit(10_000)
        .build()
        .unwrap();
    let mut calls = JoinSet::new();
    let handles: Vec<_> = (0..100)
        .map(|_| {
            let client = client.clone();
            calls.spawn(async move { Call::Create.make(&client).await })
        })
        .collect();
    // All permits are taken, the others wait.
    peer.has_seen(PERMITS).await;
    for call in handles.iter().step_by(2) {
        call.abort();
    }
    // The permits of those that were cancelled go to others.
    peer.has_seen(PERMITS + PERMITS / 2).await;
    gate.close();
    let (mut good_ones, mut cancelled) = (0, 0);
    while let Some(ended) = calls.join_next().await {
        match ended {
            Ok(result) => {
                result.unwrap();
                good_ones += 1;
            }
            Err(error) => {
                assert!(error.is_cancelled());
                cancelled += 1;
            }
        }
    }
    let requests = peer.requests();
    every_permit_is_free(&peer, &client).await;
    Outcome {
        fault: "100 calls at once, every other one cancelled",
        call: Call::Create.to_string(),
        gets: format!("{good_ones} × success; {cancelled} cancelled"),
        attempts: "1 each".to_owned(),
        requests: requests.to_string(),
        may_have_happened: "those that were sent",
        key_forms: key_forms(&format!("{KEY}crowd")),
        leaks: Vec::new(),
        has_lost_its_client: false,
        problems: Vec::new(),
    }
}

/// Checks that as many calls as there are permits reach the server together.
async fn every_permit_is_free(peer: &Peer, client: &Client) {
    let gate = Arc::new(Semaphore::new(0));
    peer.now(good().held(&gate));
    let before = peer.requests();
    let mut calls = JoinSet::new();
    for _ in 0..PERMITS {
        let client = client.clone();
        calls.spawn(async move { Call::Create.make(&client).await });
    }
    timeout(Duration::from_secs(10), peer.has_seen(before + PERMITS))
        .await
        .expect("a permit was lost");
    gate.close();
    while let Some(ended) = calls.join_next().await {
        ended.unwrap().unwrap();
    }
}
