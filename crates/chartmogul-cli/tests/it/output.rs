//! What is written where, and what happens if nobody can take it.

use chartmogul_fake::Fake;
use serde_json::{Value, json};

use super::{finish, program, run, run_at};

/// 450 deals, which are three pages.
fn many() -> Fake {
    let fake = Fake::start().unwrap();
    let opportunities = fake.collection("opportunities");
    let sample = chartmogul_fake::samples::object("opportunities", "00000000-0000-4000-8000-000000000000");
    for number in 0..450_u64 {
        let mut deal = sample.clone();
        deal["uuid"] = format!("00000000-0000-4000-8000-{number:012x}").into();
        deal["amount_in_cents"] = (i64::MAX as u64 - number).into();
        opportunities.insert(deal).unwrap();
    }
    fake
}

fn array(text: &str) -> Vec<Value> {
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_list_is_one_array_whatever_its_pages() {
    let fake = many();
    let page = run_at(&fake, &["opportunities", "list"]);
    assert_eq!(array(&page.stdout).len(), 200);
    assert!(page.stderr.contains("There are more"), "{}", page.stderr);
    let all = run_at(&fake, &["opportunities", "list", "--all"]);
    assert_eq!((array(&all.stdout).len(), all.stderr.as_str()), (450, ""));
    for (limit, requests) in [("7", 1), ("200", 1), ("201", 2), ("450", 3), ("1000", 3)] {
        let before = fake.requests().len();
        let some = run_at(&fake, &["opportunities", "list", "--limit", limit]);
        let expected: usize = limit.parse().unwrap();
        assert_eq!(array(&some.stdout).len(), expected.min(450));
        assert_eq!(fake.requests().len() - before, requests, "--limit {limit}");
    }
    let none = run_at(
        &fake,
        &["opportunities", "list", "--owner", "nobody@example.com", "--all"],
    );
    assert_eq!(none.stdout, "[]\n");
}

#[test]
fn numbers_are_exact_in_every_form() {
    let fake = many();
    let newest = (i64::MAX - 449).to_string();
    let list = |more: &[&str]| {
        let mut words = vec!["opportunities", "list", "--limit", "1"];
        words.extend(more);
        run_at(&fake, &words).stdout
    };
    assert!(list(&[]).contains(&newest));
    assert!(list(&["-o", "jsonl"]).contains(&newest));
    assert!(list(&["-o", "csv"]).contains(&newest));
    assert_eq!(list(&["--jq", ".[0].amount_in_cents"]), format!("{newest}\n"));
    assert!(list(&["-o", "table"]).contains("92233720368547753.58 USD"));
}

#[test]
fn a_filter_sees_the_whole_list_or_each_line() {
    let fake = many();
    let filtered = |words: &[&str]| {
        let mut all = vec!["opportunities", "list", "--all"];
        all.extend(words);
        run_at(&fake, &all).stdout
    };
    assert_eq!(filtered(&["--jq", "length"]), "450\n");
    assert_eq!(filtered(&["--jq", "map(.win_likelihood) | unique"]), "[40]\n");
    let lines = filtered(&["--jq", ".uuid", "-o", "jsonl"]);
    assert_eq!(lines.lines().count(), 450);
    assert!(
        lines.starts_with("00000000-0000-4000-8000-0000000001c1\n"),
        "texts have no quotes"
    );
}

#[test]
fn lines_are_written_while_the_list_is_read() {
    let fake = many();
    let ran = run_at(
        &fake,
        &[
            "opportunities",
            "list",
            "--all",
            "-o",
            "jsonl",
            "--columns",
            "uuid,custom.seats",
        ],
    );
    let lines: Vec<Value> = ran
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 450);
    assert_eq!(
        lines[0],
        json!({ "uuid": "00000000-0000-4000-8000-0000000001c1", "custom.seats": 4 })
    );
}

/// The second page takes its time; the entries of the first are there before.
#[test]
fn entries_are_there_before_the_list_ends() {
    use std::{
        io::{BufRead as _, BufReader},
        time::{Duration, Instant},
    };

    let late = Duration::from_secs(3);
    for (format, first) in [("jsonl", "{\"uuid\":"), ("json", "["), ("csv", "uuid,")] {
        let fake = many();
        fake.before_request(2, move |_| std::thread::sleep(late));
        let mut command = program();
        command
            .env("CHARTMOGUL_API_KEY", fake.api_key())
            .args([
                "opportunities",
                "list",
                "--all",
                "-o",
                format,
                "--base-url",
                &fake.url(),
            ])
            .stdout(std::process::Stdio::piped());
        let started = Instant::now();
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.next().unwrap().unwrap().starts_with(first));
        assert!(lines.nth(100).is_some());
        assert!(started.elapsed() < late, "{format}");
        assert!(lines.count() > 100 && started.elapsed() >= late, "{format}");
        assert!(child.wait().unwrap().success());
    }
}

#[test]
fn members_have_the_order_of_the_document() {
    let ran = run(&["--fake", "opportunities", "list", "--limit", "1"]);
    let place = |name: &str| ran.stdout.find(&format!("\"{name}\"")).unwrap();
    let names = [
        "uuid",
        "customer_uuid",
        "owner",
        "currency",
        "amount_in_cents",
        "custom",
        "created_at",
    ];
    assert!(names.map(place).is_sorted(), "{}", ran.stdout);
}

#[test]
fn csv_has_what_can_be_sent_back() {
    let ran = run(&[
        "--fake",
        "opportunities",
        "list",
        "-o",
        "csv",
        "--columns",
        "uuid,amount_in_cents,amount,custom.vip",
    ]);
    let mut lines = ran.stdout.lines();
    assert_eq!(lines.next(), Some("uuid,amount_in_cents,amount,custom.vip"));
    assert!(
        ran.stdout
            .contains("\n3e6f8a1b-4c2d-4e5f-9a6b-7c8d9e0f1a2b,18000,180.00,true\n"),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stdout.contains(",950000,950000,\n"),
        "yen have no cents: {}",
        ran.stdout
    );
    let empty = run(&[
        "--fake",
        "opportunities",
        "list",
        "-o",
        "csv",
        "--owner",
        "nobody@example.com",
        "--columns",
        "uuid",
    ]);
    assert_eq!(empty.stdout, "uuid\n");
}

/// The document says which numbers are cents; their names do not.
#[test]
fn cents_are_called_cents() {
    let period = ["--start-date", "2026-01-01", "--end-date", "2026-03-31"];
    let metric = |more: &[&str]| {
        run(&[
            &["--fake", "metrics", "mrr"],
            &period[..],
            &["--interval", "month"],
            more,
        ]
        .concat())
    };
    let table = metric(&["-o", "table"]);
    assert!(
        table.stdout.contains("mrr (cents)") && table.stdout.contains("mrr-churn (cents)"),
        "{}",
        table.stdout
    );
    assert!(!table.stdout.contains("percentage-change (cents)"), "{}", table.stdout);
    for name in ["summary.current (cents)", "summary.previous (cents)"] {
        assert!(table.stdout.contains(name), "{}", table.stdout);
    }
    let count = run(&[&["--fake", "metrics", "customer-count"], &period[..], &["-o", "table"]].concat()).stdout;
    assert!(count.contains("summary.current") && !count.contains("cents"), "{count}");
    assert!(
        table.stderr.contains("Amounts are in cents of the account's currency."),
        "{}",
        table.stderr
    );
    assert!(
        metric(&["-o", "table", "--columns", "date,mrr"])
            .stdout
            .starts_with("date        mrr (cents)")
    );
    let csv = metric(&["-o", "csv"]);
    assert!(csv.stdout.contains(",mrr,"), "as they are sent");
    for note in [
        "In cents: mrr, mrr-new-business,",
        "Not in CSV: `summary`. See --output json.",
    ] {
        assert!(csv.stderr.contains(note), "{}", csv.stderr);
    }
    let customer = ["--fake", "customers", "get", "cus_8f1d6a52-3b0e-4c55-9d7a-2e6c1b90a4f3"];
    let shown = |more: &[&str]| run(&[&customer[..], more].concat()).stdout;
    let table = shown(&["-o", "table"]);
    assert!(
        table
            .lines()
            .any(|line| line.starts_with("mrr ") && line.ends_with(" 30.00 USD")),
        "{table}"
    );
    assert!(shown(&["-o", "table", "--columns", "mrr"]).contains("30.00 USD"));
    assert!(shown(&["-o", "csv", "--columns", "mrr"]).ends_with("\n3000\n"));
}

#[test]
fn colours_are_for_terminals_and_for_who_wants_them() {
    let colored = |variables: &[(&str, &str)], words: &[&str]| {
        let mut command = program();
        command
            .envs(variables.iter().copied())
            .args(["--fake", "opportunities", "list", "-o", "table"])
            .args(words);
        finish(&mut command, "").stdout.contains('\u{1b}')
    };
    assert!(!colored(&[], &[]));
    assert!(colored(&[("CLICOLOR_FORCE", "1")], &[]));
    assert!(!colored(&[("CLICOLOR_FORCE", "0")], &[]));
    assert!(!colored(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], &[]));
    assert!(colored(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "")], &[]));
    assert!(!colored(&[("CLICOLOR", "1")], &[]));
    assert!(colored(&[("NO_COLOR", "1")], &["--color", "always"]));
}

/// Through a shell, as users do.
#[cfg(unix)]
fn shell(line: &str, fake: &Fake) -> (i32, String, String) {
    let mut command = std::process::Command::new("bash");
    command
        .args(["-c", &format!("set -o pipefail; {line}")])
        .env("P", env!("CARGO_BIN_EXE_chartmogul"))
        .env("CHARTMOGUL_BASE_URL", fake.url())
        .env("CHARTMOGUL_API_KEY", fake.api_key());
    let ran = finish(&mut command, "");
    (ran.code, ran.stdout, ran.stderr)
}

#[cfg(unix)]
#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let fake = many();
    let (code, stdout, stderr) = shell("$P opportunities list --all -o jsonl | head -n 1", &fake);
    assert_eq!((code, stdout.lines().count(), stderr.as_str()), (0, 1, ""));
    let (code, _, stderr) = shell("$P opportunities list --all -o json | head -c 100 > /dev/null", &fake);
    assert_eq!((code, stderr.as_str()), (0, ""));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error() {
    let fake = many();
    for format in ["json", "jsonl", "csv", "table"] {
        let (code, _, stderr) = shell(&format!("$P opportunities list --all -o {format} > /dev/full"), &fake);
        assert_eq!(code, 1, "{format}: {stderr}");
        assert!(
            stderr.contains("can't write the output: No space left on device"),
            "{stderr}"
        );
    }
    let (code, ..) = shell("$P opportunities list > /dev/full 2>&1", &fake);
    assert_eq!(code, 1, "also if nobody can be told");
    let (code, ..) = shell("$P opportunities list >&- 2>&-", &fake);
    assert!(code == 0 || code == 1, "no panic without streams: {code}");
}

#[test]
fn errors_are_for_who_reads_the_output() {
    let words = ["--fake", "opportunities", "get", "00000000-0000-4000-8000-00000000ffff"];
    let of = |format: &[&str]| run(&[&words[..], format].concat()).stderr;
    assert!(of(&[]).starts_with(r#"{"error":{"code":"not_found""#), "{}", of(&[]));
    assert!(of(&["-o", "jsonl"]).starts_with('{'));
    assert!(
        of(&["-o", "table"]).starts_with("error: get_opportunity: 404"),
        "{}",
        of(&["-o", "table"])
    );
    assert!(of(&["--output=csv"]).starts_with("error: "));
    // Also those of arguments, on one line with the usage beside it.
    for words in [
        &["opportunities", "get"][..],
        &["opportunities"],
        &[],
        &["opportunities", "list", "--colour", "red"],
        &["opportunities", "list", "--output", "xml"],
        &["plans", "update", "pl_1", "--output", "json", "--name"],
        &["nothing"],
    ] {
        let ran = run(words);
        let (error, lines) = (ran.error(), ran.stderr.lines().count());
        assert_eq!(
            (ran.code, lines, error["code"].as_str()),
            (2, 1, Some("usage")),
            "{words:?}: {}",
            ran.stderr
        );
        assert!(!error["message"].as_str().unwrap().contains(['\n', '\t']), "{error}");
        assert!(error["next_step"].as_str().unwrap().contains("--help"), "{error}");
    }
    let next = run(&["opportunities", "updat"]).error()["next_step"].to_string();
    assert!(next.contains("tip: a similar subcommand exists: 'update'"), "{next}");
}
