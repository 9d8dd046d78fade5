//! Every exit code, by what leads to it.

use std::net::TcpListener;

use chartmogul_fake::{Canned, Fake};

use super::{Ran, finish, program, run, run_at};

const DEAL: &str = "3e6f8a1b-4c2d-4e5f-9a6b-7c8d9e0f1a2b";

fn check(ran: &Ran, exit: i32, code: &str) {
    assert_eq!(ran.code, exit, "{}", ran.stderr);
    assert_eq!(ran.error()["code"], code, "{}", ran.stderr);
    assert_eq!(ran.error()["exit_code"], exit);
    assert_eq!(ran.stdout, "", "data and errors are kept apart");
}

#[test]
fn zero_is_done() {
    let ran = run(&["--fake", "opportunities", "get", DEAL]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert!(ran.stdout.contains("\"amount_in_cents\": 18000"), "{}", ran.stdout);
}

#[test]
fn one_is_unexpected() {
    let ran = run(&[
        "--fake",
        "opportunities",
        "create",
        "--json-body",
        "/nonexistent/body.json",
    ]);
    check(&ran, 1, "file");
}

#[allow(clippy::too_many_lines)] // a table
#[test]
fn two_is_usage_and_what_is_refused_before_it_is_sent() {
    for words in [
        &["--fake", "nothing"][..],
        &["--fake", "opportunities", "update"],
        &["--fake", "opportunities", "update", DEAL, "--colour", "red"],
        &["--fake", "opportunities", "list", "--limit", "0"],
        &["--fake", "opportunities", "create", "--owner", "a@example.com"],
        &["--fake", "opportunities", "update", DEAL, "--amount-in-cents", "200.00"],
        &["--fake", "opportunities", "update", DEAL, "--amount", "200"],
        &[
            "--fake",
            "opportunities",
            "update",
            DEAL,
            "--amount",
            "1.250,00",
            "--currency",
            "EUR",
        ],
        &[
            "--fake",
            "opportunities",
            "update",
            DEAL,
            "--amount",
            "5",
            "--amount-in-cents",
            "500",
            "--currency",
            "EUR",
        ],
        &["--fake", "opportunities", "update", DEAL, "--clear", "owner"],
        &["--fake", "opportunities", "update", DEAL, "--custom", "seats"],
        &[
            "--fake",
            "opportunities",
            "update",
            DEAL,
            "--custom",
            "a=1",
            "--clear",
            "custom",
        ],
        &[
            "--fake",
            "opportunities",
            "update",
            DEAL,
            "--custom",
            "a=1",
            "--replace-all-custom",
            "b=1",
        ],
        &[
            "--fake",
            "opportunities",
            "update",
            DEAL,
            "--custom",
            "a=1",
            "--remove-custom",
            "a",
        ],
        &["--fake", "opportunities", "merge-custom", DEAL],
        &["--fake", "opportunities", "merge-custom", DEAL, "a=1", "a=2"],
        &[
            "--fake",
            "opportunities",
            "update",
            DEAL,
            "--custom",
            "a=1",
            "--custom",
            "a=2",
        ],
        &[
            "--fake",
            "opportunities",
            "update",
            DEAL,
            "--replace-all-custom",
            "a=1",
            "--replace-all-custom",
            "a=1",
        ],
        &[
            "--fake",
            "opportunities",
            "update",
            DEAL,
            "--owner",
            "a@b.c",
            "--owner",
            "d@e.f",
        ],
        &[
            "--fake",
            "opportunities",
            "update",
            DEAL,
            "--custom",
            "a:=0.12345678901234567890",
        ],
        &["--fake", "opportunities", "update", DEAL, "--currency", "EUR"],
        &[
            "--fake",
            "opportunities",
            "update",
            DEAL,
            "--currency",
            "XAU",
            "--amount-in-cents",
            "5",
        ],
        &[
            "--fake",
            "api",
            "PATCH",
            "/v1/plans/pl_1",
            "--field",
            "name=a",
            "--field",
            "name=b",
        ],
        &["--fake", "opportunities", "list", "--columns", "colour"],
        &["--fake", "opportunities", "list", "--columns", "uuid", "--jq", "."],
        &["--fake", "api", "TRACE", "/v1/plans"],
        &["--fake", "api", "GET", "/v2/plans"],
        &["--fake", "api", "POST", "/v1/plans", "--paginate"],
        &["fake", "--sample", "plans"],
    ] {
        let ran = run(words);
        check(&ran, 2, "usage");
    }
    check(
        &run(&["--fake", "opportunities", "update", DEAL, "--win-likelihood", "140"]),
        2,
        "invalid_input",
    );
    check(&run(&["--fake", "opportunities", "list", "--jq", ".["]), 2, "usage");
    check(
        &run(&["--fake", "opportunities", "list", "--jq", "map(.x.y.z + 1) | error"]),
        2,
        "jq",
    );
    check(&run(&["--fake", "opportunities", "delete", DEAL]), 2, "confirmation");
    check(&run(&["--fake", "api", "DELETE", "/v1/plans/pl_1"]), 2, "confirmation");
}

#[test]
fn a_body_is_taken_as_it_is_written_or_refused() {
    for (body, said) in [
        (r#"{"owner":"a@b.c","owner":"d@e.f"}"#, "`owner` occurs twice"),
        (
            r#"{"custom":[{"key":"a","value":1,"value":2}]}"#,
            "`custom[0].value` occurs twice",
        ),
        (
            r#"{"amount_in_cents":9007199254740993.0}"#,
            "more digits than can be kept",
        ),
        (r#"{"currency":"EUR"}"#, "give the amount with it"),
        ("{", "it is not JSON"),
        ("[]", "must be an object"),
    ] {
        for command in [
            &["opportunities", "update", DEAL][..],
            &["api", "PATCH", "/v1/opportunities/1"],
        ] {
            let mut program = program();
            program.args(command).args(["--fake", "--json-body", "-"]);
            let ran = finish(&mut program, body);
            let is_checked = command[0] != "api" || !said.contains("must be") && !said.contains("give the");
            if is_checked {
                check(&ran, 2, "usage");
                assert!(ran.stderr.contains(said), "{body}: {}", ran.stderr);
            }
        }
    }
}

#[test]
fn units_for_a_field_in_cents_are_told() {
    let ran = run(&[
        "--fake",
        "opportunities",
        "update",
        DEAL,
        "--amount-in-cents",
        "1250.00",
    ]);
    let message = ran.error()["message"].to_string();
    assert!(
        message.contains("looks like units of a currency; give those with --amount and the currency; write 125000 if"),
        "{message}"
    );
}

#[test]
fn an_identifier_is_given_once() {
    let fake = Fake::start().unwrap();
    for number in [1, 2] {
        let key = format!("0000000{number}-e7fe-41ee-9a7f-f303abf41acc");
        fake.collection("opportunities").insert_sample(&key).unwrap();
    }
    let (one, two) = (
        "00000001-e7fe-41ee-9a7f-f303abf41acc",
        "00000002-e7fe-41ee-9a7f-f303abf41acc",
    );
    let update = |words: &[&str], body: &str| {
        let mut command = program();
        command
            .env("CHARTMOGUL_API_KEY", fake.api_key())
            .args(["opportunities", "update", "--json-body", "-", "--base-url", &fake.url()])
            .args(words);
        finish(&mut command, body)
    };
    let body = format!(r#"{{"opportunity_uuid":"{two}","win_likelihood":7}}"#);
    let other = update(&[one], &body);
    check(&other, 2, "usage");
    assert!(other.stderr.contains("leave one of them out"), "{}", other.stderr);
    check(&update(&[], r#"{"win_likelihood":7}"#), 2, "usage");
    assert!(fake.requests().is_empty());
    for words in [&[][..], &[two]] {
        assert_eq!(update(words, &body).code, 0);
    }
    assert_eq!(fake.collection("opportunities").get(two).unwrap()["win_likelihood"], 7);
}

/// Also where the body has them inside of another field.
#[test]
fn custom_attributes_have_one_flag() {
    let fake = Fake::start().unwrap();
    let key = "cus_00000000-e7fe-41ee-9a7f-f303abf41acc";
    fake.collection("customers").insert_sample(key).unwrap();
    let ran = run_at(&fake, &["customers", "update", key, "--custom", "seats=77"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let customer = fake.collection("customers").get(key).unwrap();
    assert_eq!(customer["attributes"]["custom"]["seats"], 77);
    let ran = run(&["--fake", "opportunities", "update", DEAL, "--custom", "p=60%"]);
    check(&ran, 2, "usage");
    assert!(ran.stderr.contains("or p:string=60% if it is a text"), "{}", ran.stderr);
}

#[test]
fn all_that_is_missing_is_named_at_once() {
    let ran = run(&["--fake", "opportunities", "create", "--owner", "a@example.com"]);
    let message = ran.error()["message"].to_string();
    for flag in [
        "--customer-uuid",
        "--pipeline",
        "--estimated-close-date",
        "--amount-in-cents",
        "--currency",
    ] {
        assert!(message.contains(flag), "{message}");
    }
    assert!(!message.contains("--owner"), "{message}");
}

#[test]
fn four_is_sign_in() {
    check(&run(&["opportunities", "list"]), 4, "no_key");
    let fake = Fake::start().unwrap();
    let mut wrong = program();
    wrong
        .env("CHARTMOGUL_API_KEY", "wrong")
        .args(["opportunities", "list", "--base-url", &fake.url()]);
    let ran = finish(&mut wrong, "");
    check(&ran, 4, "unauthorized");
    assert_eq!(ran.error()["status"], 401);
    assert!(!ran.stderr.contains("wrong"), "no key is written: {}", ran.stderr);
    fake.respond_next(Canned::new(403).text("not yours"));
    check(&run_at(&fake, &["opportunities", "list"]), 4, "forbidden");
}

#[test]
fn five_is_refused_by_the_api() {
    let unknown = "00000000-0000-4000-8000-00000000ffff";
    check(&run(&["--fake", "opportunities", "get", unknown]), 5, "not_found");
    let fake = Fake::start().unwrap();
    fake.respond_next(Canned::new(422).json(r#"{"owner":["is not a user"]}"#));
    let ran = run_at(&fake, &["opportunities", "list"]);
    check(&ran, 5, "rejected");
    assert_eq!(ran.error()["field"], "owner");
    assert_eq!(ran.error()["problems"][0]["message"], "is not a user");
    fake.respond_next(Canned::new(402).text("pay"));
    check(&run_at(&fake, &["opportunities", "list"]), 5, "refused");
}

#[test]
fn six_is_the_network_or_the_server() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port(); // nobody listens there now
    let url = format!("http://127.0.0.1:{port}");
    let mut command = program();
    command
        .env("CHARTMOGUL_API_KEY", "key")
        .args(["opportunities", "list", "--timeout", "1", "--base-url", &url]);
    let ran = finish(&mut command, "");
    assert_eq!(ran.code, 6, "{}", ran.stderr);
    assert!(ran.error()["may_have_happened"].is_null());

    let fake = Fake::start().unwrap();
    let words = ["opportunities", "create", "--json-body", "-"];
    let body = serde_json::json!({
        "customer_uuid": "cus_8f1d6a52-3b0e-4c55-9d7a-2e6c1b90a4f3", "owner": "a@example.com", "pipeline": "New",
        "pipeline_stage": "Lead", "estimated_close_date": "2026-12-31", "amount_in_cents": 1, "currency": "EUR",
    });
    fake.respond_next(Canned::new(200).text("<html></html>"));
    let ran = run_at(&fake, &["opportunities", "update", DEAL, "--win-likelihood", "7"]);
    check(&ran, 6, "unreadable");
    fake.respond_next(Canned::new(500).text("broken").once_done());
    let mut command = program();
    command
        .env("CHARTMOGUL_API_KEY", fake.api_key())
        .args(words)
        .args(["--base-url", &fake.url()]);
    let ran = finish(&mut command, &body.to_string());
    check(&ran, 6, "server");
    assert_eq!(ran.error()["may_have_happened"], true);
    assert_eq!(fake.collection("opportunities").len(), 1);
}

/// A call without a network takes its time, and says so.
#[test]
fn who_waits_is_told_why() {
    let fake = Fake::start().unwrap();
    let failing = |words: &[&str]| {
        for _ in 0..2 {
            fake.respond_next(Canned::new(500).text("broken"));
        }
        let ran = run_at(&fake, &[&["opportunities", "list"], words].concat());
        assert_eq!((ran.code, ran.stdout.as_str()), (0, "[]\n"), "{}", ran.stderr);
        ran.stderr
    };
    let stderr = failing(&[]);
    let said =
        "No usable response after two attempts: 500 Internal Server Error. Ctrl-C ends it, --timeout limits it.\n";
    assert_eq!(stderr, said);
    assert_eq!(failing(&["--quiet"]), "");
}

#[test]
fn seven_is_the_rate_limit() {
    let fake = Fake::start().unwrap();
    for _ in 0..20 {
        fake.respond_next(Canned::new(429).text("slow down"));
    }
    let ran = run_at(&fake, &["opportunities", "list", "--timeout", "1"]);
    check(&ran, 7, "rate_limit");
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_it_as_signals_do() {
    use std::{os::unix::process::ExitStatusExt as _, process::Stdio, thread::sleep, time::Duration};

    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let mut command = program();
    command
        .env("CHARTMOGUL_API_KEY", "key")
        .args(["opportunities", "list", "--base-url", &url]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let _connection = silent.accept().unwrap();
    sleep(Duration::from_millis(50));
    let killed = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
    assert_eq!(child.wait().unwrap().signal(), Some(2)); // which shells report as 130
}

/// Whoever interrupts a write does not know whether it was made, and is told so.
#[cfg(unix)]
#[test]
fn an_interrupted_write_says_what_is_not_known() {
    use std::process::Stdio;

    for words in [
        &["opportunities", "update", DEAL, "--owner", "a@b.c"][..],
        &["opportunities", "delete", DEAL, "--yes"],
        &["opportunities", "merge-custom", DEAL, "a=1"],
        &["api", "POST", "/v1/plans", "--field", "name=a"],
    ] {
        for signal in ["-INT", "-TERM", "-HUP"] {
            let silent = TcpListener::bind("127.0.0.1:0").unwrap();
            let url = format!("http://{}", silent.local_addr().unwrap());
            let mut command = program();
            command
                .env("CHARTMOGUL_API_KEY", "key")
                .args(words)
                .args(["--base-url", &url]);
            let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
            let _connection = silent.accept().unwrap(); // signals are listened to before anything is sent
            let killed = std::process::Command::new("kill")
                .args([signal, &child.id().to_string()])
                .status();
            assert!(killed.unwrap().success());
            let output = child.wait_with_output().unwrap();
            let stderr = String::from_utf8(output.stderr).unwrap();
            let ran = Ran {
                code: output.status.code().unwrap_or(-1),
                stdout: String::new(),
                stderr,
            };
            check(&ran, 130, "interrupted");
            assert_eq!(ran.error()["may_have_happened"], true, "{}", ran.stderr);
        }
    }
}

#[test]
fn what_was_done_is_not_called_wrong_usage() {
    for words in [
        &["opportunities", "update", DEAL, "--owner", "a@b.c"][..],
        &["opportunities", "merge-custom", DEAL, "a=1"],
        &[
            "api",
            "PATCH",
            &format!("/v1/opportunities/{DEAL}"),
            "--field",
            "owner=a@b.c",
        ],
    ] {
        let ran = run(&[&["--fake", "--jq", "error(\"no\")"], words].concat());
        check(&ran, 1, "jq");
        assert!(ran.stderr.contains("It was done nevertheless"), "{}", ran.stderr);
    }
}

#[test]
fn the_codes_are_documented() {
    let help = run(&["--help"]).stdout;
    let guide = include_str!("../../../../docs/guide/command-line.md");
    for code in ["0", "1", "2", "3", "4", "5", "6", "7", "130"] {
        assert!(
            help.lines()
                .any(|line| line.trim_start().starts_with(&format!("{code} "))),
            "{code}"
        );
        assert!(guide.contains(&format!("| {code} |")), "{code}");
    }
}
