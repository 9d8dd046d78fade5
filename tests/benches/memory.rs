//! Allocations of a call, and memory of queued calls: `cargo bench -p chartmogul-tests --bench memory` prints the tables
//! of `docs/performance.md`.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)] // a program
#![allow(clippy::cast_precision_loss)] // the numbers are small

mod common;

use std::{net::TcpListener, sync::Arc, time::Duration};

use allocation_counter::{AllocationInfo, measure};
use common::{
    calls::{self, Bare},
    server::{self, Address, Server},
};
use tokio::{runtime::Runtime, sync::Semaphore, task::JoinSet};

const CALLS: u32 = 2000;
const QUEUED: u32 = 100_000;
const IN_FLIGHT: usize = 20;

fn main() {
    if server::was_the_server() {
        return;
    }
    println!("| over | who | allocations per call | / bare | bytes per call | / bare |");
    println!("|---|---|--:|--:|--:|--:|");
    for scheme in ["http", "https"] {
        one_after_the_other(scheme);
    }
    println!("\n| who | memory | per call | / bare | allocations per call |");
    println!("|---|--:|--:|--:|--:|");
    queued();
}

fn one_after_the_other(scheme: &str) {
    let server = Server::unlimited(scheme);
    let runtime = common::one_thread();
    let bare = Bare::new(&server.address);
    let bare = per_call(&runtime, || async { bare.update().await.is_ok() });
    let row = |who: &str, info: AllocationInfo| {
        let each = |count: u64| count as f64 / f64::from(CALLS);
        println!(
            "| {scheme} | {who} | {:.1} | {:.2} | {:.0} | {:.2} |",
            each(info.count_total),
            info.count_total as f64 / bare.count_total as f64,
            each(info.bytes_total),
            info.bytes_total as f64 / bare.bytes_total as f64,
        );
    };
    row("bare reqwest", bare);
    for (who, client) in [
        ("this SDK, no limiter", calls::unlimited(&server.address)),
        ("this SDK, a limiter", calls::limited(&server.address)),
    ] {
        row(
            who,
            per_call(&runtime, || async { calls::update(&client).await.is_ok() }),
        );
    }
}

fn per_call<F: Future<Output = bool>>(runtime: &Runtime, call: impl Fn() -> F) -> AllocationInfo {
    let calls = |count| {
        runtime.block_on(async {
            for _ in 0..count {
                assert!(call().await);
            }
        });
    };
    calls(100); // warm-up
    measure(|| calls(CALLS))
}

/// Starts all calls at once, with a server that does not respond.
fn queued() {
    let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = Address {
        url: format!("http://{}", silent.local_addr().unwrap()),
        root: String::new(),
    };

    let bare = Bare::new(&address);
    let places = Arc::new(Semaphore::new(IN_FLIGHT));
    let bare = all_at_once(|| {
        let (bare, places) = (bare.clone(), Arc::clone(&places));
        async move {
            let _place = places.acquire().await.unwrap();
            bare.update().await.is_ok()
        }
    });
    let client = calls::builder(&address)
        .rate_limit(1)
        .max_in_flight(IN_FLIGHT.try_into().unwrap())
        .call_timeout(Duration::MAX)
        .build()
        .unwrap();
    let sdk = all_at_once(|| {
        let client = client.clone();
        async move { calls::update(&client).await.is_ok() }
    });
    for (who, info) in [("bare reqwest behind a semaphore", bare), ("this SDK", sdk)] {
        println!(
            "| {who} | {:.1} MiB | {:.0} bytes | {:.2} | {:.1} |",
            info.bytes_max as f64 / 1024.0 / 1024.0,
            info.bytes_max as f64 / f64::from(QUEUED),
            info.bytes_max as f64 / bare.bytes_max as f64,
            info.count_max as f64 / f64::from(QUEUED),
        );
    }
}

fn all_at_once<F: Future<Output = bool> + Send + 'static>(call: impl Fn() -> F) -> AllocationInfo {
    let runtime = common::one_thread();
    measure(|| {
        runtime.block_on(async {
            let mut calls = JoinSet::new();
            for _ in 0..QUEUED {
                calls.spawn(call());
            }
            // The runtime has one queue, so after this task, each call has been polled and waits.
            tokio::spawn(async {}).await.unwrap();
            assert_eq!(calls.len(), QUEUED as usize);
            assert!(calls.try_join_next().is_none(), "a call has ended");
        });
    })
}
