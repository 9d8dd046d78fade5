//! Bulk runs: their time compared with the ideal time, the cost of the journal, and memory.
//! `cargo bench -p chartmogul-tests --bench bulk` prints the tables of `docs/performance.md`; it takes about ten minutes.
//! `-- --part speed`, `journal` or `memory` runs one of the three.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)] // a program

mod common;

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use chartmogul::{
    Client,
    bulk::{Bulk, Report, Update},
};
use common::{
    Spent, Watch,
    calls::{self, builder},
    median, one_thread, option,
    server::{self, Seen, Server},
};
use nix::sys::resource::{UsageWho, getrusage};

fn main() {
    if server::was_the_server() {
        return;
    }
    if let Some(url) = option("--run") {
        return run_alone(&url);
    }
    match option("--part").as_deref() {
        Some("speed") => speed(),
        Some("journal") => journal(),
        Some("memory") => memory(),
        _ => {
            speed();
            journal();
            memory();
        }
    }
}

/// `count` updates, each of another opportunity.
fn updates(client: &Client, count: u64) -> impl Iterator<Item = impl Update + use<>> + Send + use<> {
    let opportunities = client.opportunities();
    (0..count).map(move |number| {
        let uuid = format!("{number:08x}-0000-4000-8000-000000000000");
        opportunities.update(uuid).estimated_close_date("2026-06-30")
    })
}

const MOVED: u64 = 5_000;
/// Requests per second; that many are sent at once at the start.
const RATE: f64 = 40.0;

/// Six concurrent runs, each with its own account: they need little CPU time.
fn speed() {
    let mut runs = Vec::new();
    for (who, share) in [("alone", 1), ("while another client takes half", 2)] {
        for latency in [50, 150, 450] {
            runs.push((who, share, latency, std::thread::spawn(move || paced(share, latency))));
        }
    }
    println!("| updates | latency | time / ideal | time | ideal | 429 | 503 | failed |");
    println!("|---|--:|--:|--:|--:|--:|--:|--:|");
    for (who, share, latency, run) in runs {
        let (report, took, seen) = run.join().unwrap();
        #[allow(clippy::cast_precision_loss)] // a few thousand
        let ideal = (MOVED as f64 - RATE / f64::from(share)) / (RATE / f64::from(share))
            + Duration::from_millis(latency).as_secs_f64();
        let took = took.as_secs_f64();
        println!(
            "| {MOVED}, {who} | {latency} ms | {:.3} | {took:.1} s | {ideal:.1} s | {} | {} | {} |",
            took / ideal,
            seen.refused_429,
            seen.refused_503,
            report.updates - report.updated,
        );
    }
    println!();
}

fn paced(share: u32, latency: u64) -> (Report, Duration, Seen) {
    let mut server = Server::strict(Duration::from_millis(latency));
    let client = || {
        let client = builder(&server.address);
        client.rate_limit(40 / share).max_in_flight(20 / share).build().unwrap()
    };
    let (mine, theirs) = (client(), client());
    let (report, took) = one_thread().block_on(async {
        let other = tokio::spawn(async move {
            // Endless, as fast as half of the limit allows.
            let without_end = updates(&theirs, u64::MAX);
            Bulk::new(without_end).start().await.unwrap().finish().await.unwrap();
        });
        if share == 1 {
            other.abort();
        }
        let watch = Watch::this_process();
        let report = Bulk::new(updates(&mine, MOVED))
            .start()
            .await
            .unwrap()
            .finish()
            .await
            .unwrap();
        let took = watch.spent().time;
        other.abort();
        (report, took)
    });
    let seen = server.seen();
    (report, took, seen)
}

const ROUNDS: usize = 9;
const JOURNALED: u64 = 4_000;

fn journal() {
    let server = Server::unlimited("http");
    let client = calls::unlimited(&server.address);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let bulk = || Bulk::new(updates(&client, JOURNALED));
    let runtime = one_thread();
    let made = |which: usize| -> Spent {
        let _ = fs::remove_file(&path);
        let bulk = match which {
            0 => bulk(),
            1 => bulk().journal(&path).fsync(false),
            _ => bulk().journal(&path),
        };
        let watch = Watch::this_process();
        let report = runtime.block_on(async { bulk.start().await.unwrap().finish().await.unwrap() });
        assert!(report.is_clean());
        watch.spent()
    };
    let rounds: Vec<[Spent; 3]> = (0..ROUNDS).map(|_| [made(0), made(1), made(2)]).collect();
    println!("| journal | time / none | CPU / none | more time per update | bytes per update |");
    println!("|---|--:|--:|--:|--:|");
    let bytes = bytes(&path);
    for (which, who) in [(0, "none"), (1, "written"), (2, "written and on the disk (`fsync`)")] {
        let of = |value: &dyn Fn(&[Spent; 3]) -> f64| median(&mut rounds.iter().map(value).collect::<Vec<_>>());
        let more = of(&|round| round[which].time.as_secs_f64() - round[0].time.as_secs_f64());
        #[allow(clippy::cast_precision_loss)] // a few thousand
        let per_update = more * 1e6 / JOURNALED as f64;
        println!(
            "| {who} | {:.2} | {:.2} | {per_update:.0} µs | {} |",
            of(&|round| common::ratio(round[which].time, round[0].time)),
            of(&|round| common::ratio(round[which].cpu, round[0].cpu)),
            if which == 0 { 0 } else { bytes / JOURNALED },
        );
    }
    println!();
}

fn bytes(path: &Path) -> u64 {
    fs::metadata(path).unwrap().len()
}

/// One process per run, because the peak of memory is measured per process.
fn memory() {
    let server = Server::unlimited("http");
    println!("| updates | journal | peak memory |\n|--:|---|--:|");
    for journal in ["none", "written", "resumed"] {
        for count in [10_000, 100_000, 1_000_000] {
            let output = Command::new(std::env::current_exe().unwrap())
                .args([
                    "--run",
                    &server.address.url,
                    "--count",
                    &format!("{count}"),
                    "--journal",
                    journal,
                ])
                .stdout(Stdio::piped())
                .output()
                .unwrap();
            assert!(output.status.success());
            println!(
                "| {count} | {journal} | {} MB |",
                String::from_utf8_lossy(&output.stdout).trim()
            );
        }
    }
}

/// Runs in a process of its own, and prints its peak of memory in MB.
fn run_alone(url: &str) {
    let count = option("--count").unwrap().parse().unwrap();
    let kind = option("--journal").unwrap();
    let address = server::Address {
        url: url.to_owned(),
        root: String::new(),
    };
    let client = calls::unlimited(&address);
    let path = std::env::temp_dir().join(format!("chartmogul-bulk-{count}.journal"));
    let bulk = || match kind.as_str() {
        "none" => Bulk::new(updates(&client, count)),
        _ => Bulk::new(updates(&client, count)).journal(&path).fsync(false),
    };
    if kind == "written" {
        let _ = fs::remove_file(&path);
    }
    let report = one_thread().block_on(async { bulk().start().await.unwrap().finish().await.unwrap() });
    assert!(report.is_clean() && report.updates == count);
    if kind == "resumed" {
        fs::remove_file(&path).unwrap();
    }
    #[allow(clippy::cast_precision_loss)] // of megabytes
    let peak = getrusage(UsageWho::RUSAGE_SELF).unwrap().max_rss() as f64 / 1000.0;
    println!("{peak:.1}");
}
