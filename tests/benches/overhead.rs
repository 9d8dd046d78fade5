//! The cost of a call compared with reqwest alone: `cargo bench -p chartmogul-tests --bench overhead` prints the tables
//! of `docs/performance.md`.
//!
//! `-- --only sdk 20000` (or `limited`, `bare`, `timed`) makes that many calls over HTTP and ends, for a profiler; with
//! `--scheme https` over HTTPS.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)] // a program

mod common;

use chartmogul::Client;
use common::{
    Spent, Watch,
    calls::{self, Bare},
    median, option, ratio,
    server::{self, Server},
};
use tokio::runtime::Runtime;

/// Default of `--rounds`.
const ROUNDS: usize = 300;
const CALLS: u32 = 200;

/// The client that makes the calls.
enum Caller {
    Bare(Bare),
    Sdk(Client),
}

impl Caller {
    fn make(&self, runtime: &Runtime, calls: u32) -> Spent {
        let watch = Watch::this_process();
        // The match is outside of the loop, so that no future has to fit both clients.
        match self {
            Self::Bare(bare) => runtime.block_on(async {
                for _ in 0..calls {
                    bare.update().await.unwrap();
                }
            }),
            Self::Sdk(client) => runtime.block_on(async {
                for _ in 0..calls {
                    calls::update(client).await.unwrap();
                }
            }),
        }
        watch.spent()
    }
}

fn main() {
    if server::was_the_server() {
        return;
    }
    if let Some(who) = option("--only") {
        return only(&who);
    }
    println!("| over | who | time / bare | CPU / bare | time, bare | CPU, bare |");
    println!("|---|---|--:|--:|--:|--:|");
    for scheme in ["http", "https"] {
        report(scheme);
    }
}

fn report(scheme: &str) {
    let mut server = Server::unlimited(scheme);
    let runtime = common::one_thread();
    let callers = [
        Caller::Bare(Bare::new(&server.address)),
        // reqwest with a timeout, which every robust program sets: shows the cost of the timer alone.
        Caller::Bare(Bare::new(&server.address).with_time_limit(chartmogul::DEFAULT_ATTEMPT_TIMEOUT)),
        Caller::Sdk(calls::unlimited(&server.address)),
        Caller::Sdk(calls::limited(&server.address)),
    ];
    for caller in &callers {
        caller.make(&runtime, CALLS); // warm-up
    }
    let count = option("--rounds")
        .and_then(|count| count.parse().ok())
        .unwrap_or(ROUNDS);
    let mut rounds = Vec::new();
    for round in 0..count {
        let mut spent = [None; 4];
        // Each caller is first equally often.
        for turn in 0..callers.len() {
            let which = (round + turn) % callers.len();
            spent[which] = Some(callers[which].make(&runtime, CALLS));
        }
        rounds.push(spent.map(Option::unwrap));
    }
    let seen = server.seen();
    assert_eq!(
        seen.connections,
        callers.len(),
        "one connection for all calls of a client"
    );
    assert_eq!(seen.responses, callers.len() * CALLS as usize * (count + 1));

    let over = |value: &dyn Fn(&[Spent; 4]) -> f64| median(&mut rounds.iter().map(value).collect::<Vec<_>>());
    let per_call = |micros: f64| micros / f64::from(CALLS);
    let time = per_call(over(&|spent| spent[0].time.as_secs_f64() * 1e6));
    let cpu = per_call(over(&|spent| spent[0].cpu.as_secs_f64() * 1e6));
    for (which, who) in [
        (1, "bare reqwest with a time limit"),
        (2, "this SDK, no limiter"),
        (3, "this SDK, a limiter of a million per second"),
    ] {
        println!(
            "| {scheme} | {who} | {:.3} | {:.3} | {time:.1} µs | {cpu:.1} µs |",
            over(&|spent| ratio(spent[which].time, spent[0].time)),
            over(&|spent| ratio(spent[which].cpu, spent[0].cpu)),
        );
    }
}

fn only(who: &str) {
    let server = Server::unlimited(option("--scheme").as_deref().unwrap_or("http"));
    let caller = match who {
        "bare" => Caller::Bare(Bare::new(&server.address)),
        "timed" => Caller::Bare(Bare::new(&server.address).with_time_limit(chartmogul::DEFAULT_ATTEMPT_TIMEOUT)),
        "limited" => Caller::Sdk(calls::limited(&server.address)),
        _ => Caller::Sdk(calls::unlimited(&server.address)),
    };
    let count = option(who).and_then(|count| count.parse().ok());
    caller.make(&common::one_thread(), count.unwrap());
}
