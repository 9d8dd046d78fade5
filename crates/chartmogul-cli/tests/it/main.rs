//! The program as its users have it: its commands, its output, how it ends.

#![allow(clippy::unwrap_used, clippy::panic)] // tests

mod auth;
mod endings;
mod examples;
mod output;
mod sessions;
mod tree;

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

/// What a run of the program wrote, and how it ended.
struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Ran {
    /// The error on standard error, as JSON.
    fn error(&self) -> serde_json::Value {
        let json: serde_json::Value = serde_json::from_str(self.stderr.lines().last().unwrap_or_default())
            .unwrap_or_else(|_| panic!("no JSON: {}", self.stderr));
        json["error"].clone()
    }
}

/// The program, with nothing of the environment that it would look at.
fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chartmogul"));
    command.env_clear();
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command.env("CHARTMOGUL_CONFIG_DIR", "/nonexistent/chartmogul");
    command
}

/// Runs it with these words, standard input closed.
fn run(words: &[&str]) -> Ran {
    finish(program().args(words), "")
}

/// Runs it against a server.
fn run_at(fake: &chartmogul_fake::Fake, words: &[&str]) -> Ran {
    let mut command = program();
    command
        .env("CHARTMOGUL_API_KEY", fake.api_key())
        .args(words)
        .args(["--base-url", &fake.url()]);
    finish(&mut command, "")
}

/// Runs it with this on standard input.
fn finish(command: &mut Command, input: &str) -> Ran {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes()); // it may not read it
    let output = child.wait_with_output().unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A folder of profiles.
fn with_profiles(folder: &Path) -> Command {
    let mut command = program();
    command.env("CHARTMOGUL_CONFIG_DIR", folder);
    command
}
