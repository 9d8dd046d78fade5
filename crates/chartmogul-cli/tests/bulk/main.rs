//! `bulk-update` as its users have it: files, refusals, runs that are stopped and go on.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)] // tests

mod endings;
mod files;
mod kill;
mod resources;
mod rows;
mod runs;
mod terminal;

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use chartmogul_fake::{Fake, samples};
use serde_json::{Value, json};

/// What a run of the program wrote, and how it ended.
#[derive(Debug)]
struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Ran {
    /// The error on standard error, as JSON.
    fn error(&self) -> Value {
        let last = self.stderr.lines().last().unwrap_or_default();
        let json: Value = serde_json::from_str(last).unwrap_or_else(|_| panic!("no JSON: {}", self.stderr));
        json["error"].clone()
    }

    /// Row, column and message of each problem.
    fn problems(&self) -> Vec<(u64, String, String)> {
        let error = self.error();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let problem = |problem: &Value| {
            let write = problem["write"]
                .as_str()
                .map(|meant| format!("; write {meant}"))
                .unwrap_or_default();
            let message = format!("{}{write}", text(&problem["message"]));
            (
                problem["row"].as_u64().unwrap_or_default(),
                text(&problem["column"]),
                message,
            )
        };
        error["problems"]
            .as_array()
            .into_iter()
            .flatten()
            .map(problem)
            .collect()
    }

    fn results(&self) -> Vec<Value> {
        serde_json::from_str(&self.stdout).unwrap_or_else(|_| panic!("no JSON: {}{}", self.stdout, self.stderr))
    }
}

fn uuid(number: usize) -> String {
    format!("{number:08x}-e7fe-41ee-9a7f-f303abf41acc")
}

/// A server with so many opportunities, each with an attribute of its own.
fn server(count: usize) -> Fake {
    let fake = Fake::start().unwrap();
    for number in 0..count {
        let mut deal = samples::object("opportunities", &uuid(number));
        deal["custom"] = json!({ "own": number });
        deal["amount_in_cents"] = json!(100);
        deal["currency"] = json!("EUR");
        fake.collection("opportunities").insert(deal).unwrap();
    }
    fake
}

fn deal(fake: &Fake, number: usize) -> Value {
    fake.collection("opportunities").get(&uuid(number)).unwrap()
}

/// A folder with an input.
struct Folder {
    folder: tempfile::TempDir,
    input: PathBuf,
}

impl Folder {
    fn new(input: impl AsRef<[u8]>) -> Self {
        Self::named("deals.csv", input)
    }

    fn named(name: &str, input: impl AsRef<[u8]>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, input).unwrap();
        Self { folder, input: path }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    fn write(&self, input: impl AsRef<[u8]>) {
        std::fs::write(&self.input, input).unwrap();
    }

    /// Runs `opportunities bulk-update` with the input.
    fn run(&self, fake: &Fake, words: &[&str]) -> Ran {
        finish(self.command(fake, words))
    }

    fn command(&self, fake: &Fake, words: &[&str]) -> Command {
        let mut command = program(fake);
        command
            .current_dir(self.folder.path())
            .args(["opportunities", "bulk-update"])
            .arg(self.input.file_name().unwrap())
            .args(words);
        if !words.contains(&"--rate") {
            command.args(["--rate", "100000"]);
        }
        command
    }
}

/// The program, with nothing of the environment that it would look at.
fn program(fake: &Fake) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chartmogul"));
    command
        .env_clear()
        .env("CHARTMOGUL_CONFIG_DIR", "/nonexistent/chartmogul")
        .env("CHARTMOGUL_API_KEY", fake.api_key())
        .env("CHARTMOGUL_BASE_URL", fake.url());
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command
}

fn finish(command: Command) -> Ran {
    finish_with(command, b"")
}

fn finish_with(mut command: Command, input: &[u8]) -> Ran {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let _ = child.stdin.take().unwrap().write_all(input); // it may not read it
    let output = child.wait_with_output().unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Requests that change something.
fn writes(fake: &Fake) -> usize {
    fake.requests().iter().filter(|request| request.method != "GET").count()
}

fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}
