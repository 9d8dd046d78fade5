//! The fake as a program.
#![allow(clippy::unwrap_used, clippy::expect_used)] // tests

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

const UUID: &str = "4ee13ca4-e7fe-41ee-9a7f-f303abf41acc";

/// Starts the program; returns the URL and the API key that it prints.
fn start(arguments: &[&str]) -> (Child, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_chartmogul-fake"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut value = |name: &str| lines.next().unwrap().unwrap().strip_prefix(name).unwrap().to_owned();
    let (url, key) = (value("url: "), value("api_key: "));
    (child, url, key)
}

#[tokio::test]
async fn it_prints_its_url_and_ends_with_its_standard_input() {
    let (mut child, url, key) = start(&["--sample", &format!("opportunities={UUID}"), "--until-stdin-closes"]);
    assert!(url.starts_with("http://127.0.0.1:"), "{url}");
    for (uuid, status) in [(UUID, 200), ("00000000-0000-0000-0000-000000000000", 404)] {
        let response = reqwest::Client::new()
            .patch(format!("{url}/v1/opportunities/{uuid}"))
            .basic_auth(&key, Some(""))
            .body(r#"{"amount_in_cents":1}"#)
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), status);
    }
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_port_that_is_taken_is_an_error() {
    let (mut child, url, _) = start(&["--until-stdin-closes"]);
    let port = url.rsplit(':').next().unwrap();
    let second = Command::new(env!("CARGO_BIN_EXE_chartmogul-fake"))
        .args(["--port", port])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(second.status.code(), Some(1));
    let said = String::from_utf8(second.stderr).unwrap();
    assert!(
        said.starts_with("chartmogul-fake: the fake can't listen on 127.0.0.1:"),
        "{said}"
    );

    drop(child.stdin.take());
    child.wait().unwrap();
}

#[cfg(unix)]
#[test]
fn it_runs_until_a_signal_with_or_without_a_standard_input() {
    for signal in ["INT", "TERM"] {
        let (mut child, url, _) = start(&[]);
        drop(child.stdin.take());
        let address = url.strip_prefix("http://").unwrap();
        std::net::TcpStream::connect(address).unwrap();
        assert!(child.try_wait().unwrap().is_none());
        let kill = Command::new("kill")
            .args([format!("-{signal}"), child.id().to_string()])
            .status();
        assert!(kill.unwrap().success());
        assert!(child.wait().unwrap().success(), "{signal}");
    }
}

#[test]
fn an_unknown_kind_is_an_error() {
    let output = Command::new(env!("CARGO_BIN_EXE_chartmogul-fake"))
        .args(["--sample", "plan=pl_1"])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.starts_with("chartmogul-fake: there is no collection \"plan\"; there are "),
        "{said}"
    );
}

#[test]
fn an_unknown_option_is_an_error() {
    let output = Command::new(env!("CARGO_BIN_EXE_chartmogul-fake"))
        .arg("--prot")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.starts_with("chartmogul-fake: --prot is not an option\n\nA fake ChartMogul"),
        "{said}"
    );
}
