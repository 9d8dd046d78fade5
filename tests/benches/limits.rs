//! How much of an account's limits is used, and that they are never provoked:
//! `cargo bench -p chartmogul-tests --bench limits` prints what `docs/performance.md` shows. It takes about four minutes.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)] // a program that nobody depends on

mod common;

use std::time::{Duration, Instant};

use chartmogul::Client;
use common::{
    calls::{self, builder},
    ratio,
    server::{self, Server},
};
use tokio::task::JoinSet;

const CALLS: u32 = 400;
/// An account may make 40 requests per second.
const IDEAL: Duration = Duration::from_secs(10);
const LATENCIES: [u64; 3] = [50, 150, 450];
/// What a client far away takes to connect, with TLS. The server is asked over plain HTTP without it.
const CONNECT_LATENCIES: [u64; 5] = [0, 50, 150, 450, 900];

fn main() {
    if server::was_the_server() {
        return;
    }
    println!("| clients | connecting | latency | time / ideal | time | 429 | 503 | failed | most connections |");
    println!("|---|--:|--:|--:|--:|--:|--:|--:|--:|");
    let one = |server: &Server| vec![builder(&server.address).build().unwrap()];
    for latency in LATENCIES {
        report("one", None, latency, one);
    }
    for connect in CONNECT_LATENCIES {
        report("one", Some(connect), LATENCIES[0], one);
    }
    for latency in LATENCIES {
        report("two, half of the limits each", None, latency, |server| {
            let half = || {
                builder(&server.address)
                    .rate_limit(20)
                    .max_in_flight(10)
                    .build()
                    .unwrap()
            };
            vec![half(), half()]
        });
    }
    report("two, neither knows of the other", None, 150, |server| {
        let all = || builder(&server.address).build().unwrap();
        vec![all(), all()]
    });
}

/// Makes all calls at once, the same number with each client.
fn report(who: &str, connect: Option<u64>, latency: u64, clients: impl Fn(&Server) -> Vec<Client>) {
    let time = Duration::from_millis(latency);
    let mut server = match connect {
        Some(connect) => Server::far(Duration::from_millis(connect), time),
        None => Server::strict(time),
    };
    let connect = connect.map_or("no TLS".to_owned(), |connect| format!("{connect} ms"));
    let clients = clients(&server);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let (failed, took) = runtime.block_on(async {
        let started = Instant::now();
        let mut calls = JoinSet::new();
        for (_, client) in (0..CALLS).zip(clients.iter().cycle()) {
            let client = client.clone();
            calls.spawn(async move { calls::update(&client).await.is_err() });
        }
        let failed = calls.join_all().await.into_iter().filter(|failed| *failed).count();
        (failed, started.elapsed())
    });
    let seen = server.seen();
    println!(
        "| {who} | {connect} | {latency} ms | {:.3} | {:.2} s | {} | {} | {failed} | {} |",
        ratio(took, IDEAL),
        took.as_secs_f64(),
        seen.refused_429,
        seen.refused_503,
        seen.most_connections,
    );
}
