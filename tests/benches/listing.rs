//! Reading a list of a million opportunities: entries per second, compared with bare reqwest and `serde_json` into the same
//! types, and memory. `cargo bench -p chartmogul-tests --bench listing` prints the tables of `docs/performance.md`.
//!
//! The server and each reader are separate processes (this program, started again), so that each is measured alone.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)] // a program

mod common;

use chartmogul_tests::opportunity;
use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
};

use chartmogul::{Client, Unlimited, opportunities::OpportunityPage};
use common::{Watch, median, one_thread, option};
use nix::sys::resource::{UsageWho, getrusage};
use serde_json::json;

const ENTRIES: usize = 1_000_000;
const PAGE: usize = 200;
const ROUNDS: usize = 5;

fn main() {
    if option("--serve").is_some() {
        return serve();
    }
    if let (Some(who), Some(url)) = (option("--read"), option("--url")) {
        return read(&who, &url);
    }
    let (mut server, url) = start(&["--serve", "pages"]);
    let mut readers = [
        ("bare reqwest and serde_json", "bare", Vec::new()),
        ("this SDK, `items()`", "sdk", Vec::new()),
        ("this SDK, `items().prefetch()`", "prefetch", Vec::new()),
    ];
    for round in 0..ROUNDS {
        for which in 0..readers.len() {
            let reader = &mut readers[(which + round) % 3]; // the first one changes
            let (mut child, line) = start(&["--read", reader.1, "--url", &url]);
            assert!(child.wait().unwrap().success());
            let numbers: Vec<f64> = line.split(' ').map(|number| number.parse().unwrap()).collect();
            reader.2.push((numbers[0], numbers[1], numbers[2]));
        }
    }
    drop(server.stdin.take());
    server.wait().unwrap();
    let of = |measured: &[(f64, f64, f64)]| {
        let mut rates: Vec<_> = measured.iter().map(|one| one.0).collect();
        let mut cpu: Vec<_> = measured.iter().map(|one| one.1).collect();
        let peak = measured.iter().map(|one| one.2).fold(0.0, f64::max);
        (median(&mut rates), median(&mut cpu), peak)
    };
    let bare = of(&readers[0].2);
    println!("| reader | entries per second / bare | CPU / bare | entries per second | peak memory |");
    println!("|---|--:|--:|--:|--:|");
    for (who, _, measured) in &readers {
        let (rate, cpu, peak) = of(measured);
        println!(
            "| {who} | {:.3} | {:.3} | {rate:.0} | {peak:.1} MB |",
            rate / bare.0,
            cpu / bare.1
        );
    }
}

/// Starts this program again, and reads the line that it prints.
fn start(arguments: &[&str]) -> (Child, String) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    (child, line.trim().to_owned())
}

/// Reads the whole list; prints entries per second, CPU seconds and peak memory in MB.
#[allow(clippy::cast_precision_loss)] // a million is not that large
fn read(who: &str, url: &str) {
    let watch = Watch::this_process();
    let count = one_thread().block_on(async {
        match who {
            "bare" => bare(url).await,
            _ => sdk(url, who == "prefetch").await,
        }
    });
    assert_eq!(count, ENTRIES);
    let spent = watch.spent();
    let peak = getrusage(UsageWho::RUSAGE_SELF).unwrap().max_rss();
    let rate = count as f64 / spent.time.as_secs_f64();
    println!("{rate} {} {}", spent.cpu.as_secs_f64(), peak as f64 / 1000.0);
}

async fn sdk(url: &str, prefetch: bool) -> usize {
    let client = Client::builder()
        .api_key("key")
        .base_url(url)
        .limiter(Unlimited)
        .build()
        .unwrap();
    let mut items = client.opportunities().list().items();
    if prefetch {
        items = items.prefetch();
    }
    let mut count = 0;
    while let Some(deal) = items.try_next().await.unwrap() {
        count += usize::from(deal.uuid.get().is_some());
    }
    count
}

async fn bare(url: &str) -> usize {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut cursor: Option<String> = None;
    let mut count = 0;
    loop {
        let mut request = client
            .get(format!("{url}/v1/opportunities"))
            .basic_auth("key", Some(""));
        if let Some(cursor) = &cursor {
            request = request.query(&[("cursor", cursor)]);
        }
        let body = request
            .send()
            .await
            .unwrap()
            .error_for_status()
            .unwrap()
            .bytes()
            .await
            .unwrap();
        let page: OpportunityPage = serde_json::from_slice(&body).unwrap();
        for deal in page.entries {
            count += usize::from(deal.uuid.get().is_some());
        }
        if page.has_more != true {
            return count;
        }
        cursor = page.cursor.into_value();
    }
}

/// Responds with pages; the cursor is the number of the page.
fn serve() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    println!("http://{}", listener.local_addr().unwrap());
    std::io::stdout().flush().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(|| response(stream.unwrap()));
        }
    });
    // Ends when the parent process closes the pipe.
    let _ = std::io::stdin().read(&mut [0]);
}

fn response(mut stream: TcpStream) {
    let uuid = "4ee13ca4-e7fe-41ee-9a7f-f303abf41acc";
    let entries = vec![opportunity(uuid); PAGE];
    let entries = serde_json::to_string(&entries).unwrap();
    stream.set_nodelay(true).unwrap();
    let (mut head, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(count) => head.extend_from_slice(&buffer[..count]),
        }
        if !head.ends_with(b"\r\n\r\n") {
            continue;
        }
        let line = String::from_utf8_lossy(head.split(|byte| *byte == b'\r').next().unwrap_or_default()).into_owned();
        let number = line.split_once("cursor=").map_or(0, |(_, rest)| {
            rest.chars()
                .take_while(char::is_ascii_digit)
                .collect::<String>()
                .parse()
                .unwrap()
        });
        head.clear();
        let rest = json!({ "cursor": (number + 1).to_string(), "has_more": (number + 1) * PAGE < ENTRIES }).to_string();
        let body = format!("{{\"entries\":{entries},{}", &rest[1..]);
        let response = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        if stream.write_all(response.as_bytes()).is_err() {
            return;
        }
    }
}
