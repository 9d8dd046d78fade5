//! How much of an account's limits is used, and that they are never exceeded:
//! `cargo bench -p chartmogul-tests --bench limits` prints the tables of `docs/performance.md`. It takes about four minutes.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)] // a program

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
/// Time for all calls at 40 requests per second.
const IDEAL: Duration = Duration::from_secs(10);
const LATENCIES: [u64; 3] = [50, 150, 450];
/// Time to connect with TLS, in milliseconds. The other measurements use plain HTTP.
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

/// Starts all calls at once, the same number with each client.
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
