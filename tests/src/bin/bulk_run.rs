//! Starts a bulk run and prints each outcome as a line. Tests kill it.
//!
//! Arguments: base URL, number of updates; then, optionally, `journal=<path>`, `ordered`, `no-fsync`, `merge`,
//! `concurrency=<calls>`, `file-limit=<bytes>`.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // a program

use std::{error::Error as StdError, process::ExitCode};

use chartmogul::{
    Retry,
    bulk::{Bulk, Error, Update},
    opportunities::Opportunity,
};
use chartmogul_tests::bulk::{Line, client, merge, update};
use nix::sys::resource::{Resource, setrlimit};

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print!("error\t{error}");
            let mut cause = error.source();
            while let Some(error) = cause {
                print!(": {error}");
                cause = error.source();
            }
            println!();
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().unwrap();
    let count: u64 = arguments.next().unwrap().parse().unwrap();
    let client = client(&url, Retry::never());
    let (merges, arguments): (Vec<_>, Vec<_>) = arguments.partition(|argument| argument == "merge");
    if merges.is_empty() {
        make(
            Bulk::new((0..count).map(move |index| update(&client, index))),
            arguments,
        )
        .await
    } else {
        make(Bulk::new((0..count).map(move |index| merge(&client, index))), arguments).await
    }
}

async fn make<U: Update<Object = Opportunity>>(mut bulk: Bulk<U>, arguments: Vec<String>) -> Result<(), Error> {
    for argument in arguments {
        bulk = match argument.split_once('=').unwrap_or((&argument, "")) {
            ("journal", path) => bulk.journal(path),
            ("ordered", _) => bulk.in_order(),
            ("no-fsync", _) => bulk.fsync(false),
            ("concurrency", calls) => bulk.concurrency(calls.parse().unwrap()),
            ("file-limit", bytes) => {
                let bytes = bytes.parse().unwrap();
                setrlimit(Resource::RLIMIT_FSIZE, bytes, bytes).unwrap();
                bulk
            }
            _ => unreachable!("{argument}"),
        };
    }
    let mut run = bulk.start().await?;
    // Each line is written at once: a reader that sees one knows that the run has yielded it.
    while let Some(done) = run.try_next().await? {
        println!("{}", Line::of(&done));
    }
    println!("report\t{}", run.report());
    Ok(())
}
