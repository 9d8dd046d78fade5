//! What the SDK adds to a cold debug build of a user's program: CPU time and crates, as ratio and difference to the same
//! program with bare reqwest, chrono and uuid.
//!
//! `cargo bench -p chartmogul-tests --bench cold_build` builds the programs from scratch, alternately, below
//! `target/cold_build`. `-- --workspace FOLDER` uses the SDK of that folder, such as a copy with all operations;
//! `docs/performance.md` has the commands.
#![allow(clippy::expect_used, clippy::print_stdout)] // a program

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use nix::sys::resource::{UsageWho, getrusage};

const ROUNDS: usize = 3;

const SDK: &str = r#"chartmogul = { path = "SDK" }"#;
const WHOLE_SDK: &str = r#"chartmogul = { path = "SDK", features = ["blocking", "bulk"] }"#;
const BARE: &str = r#"chrono = { version = "0.4", features = ["serde"] }
reqwest = { version = "0.13", features = ["json"] }
serde = { version = "1", features = ["derive"] }
uuid = { version = "1", features = ["serde"] }"#;

const WITH_SDK: &str = r#"#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), chartmogul::Error> {
    let client = chartmogul::Client::from_env()?;
    let deal = client.opportunities().update("4ee13ca4-e7fe-41ee-9a7f-f303abf41acc").amount_in_cents(20_000).send().await?;
    println!("{} {}", deal.pipeline_stage, deal.estimated_close_date);
    Ok(())
}
"#;

const WITH_REQWEST: &str = r#"#[derive(serde::Serialize)]
struct Update {
    amount_in_cents: i64,
}

#[derive(serde::Deserialize)]
struct Opportunity {
    uuid: uuid::Uuid,
    pipeline_stage: String,
    estimated_close_date: chrono::NaiveDate,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let key = std::env::var("CHARTMOGUL_API_KEY")?;
    let deal: Opportunity = reqwest::Client::new()
        .patch("https://api.chartmogul.com/v1/opportunities/4ee13ca4-e7fe-41ee-9a7f-f303abf41acc")
        .basic_auth(key, Some(""))
        .json(&Update { amount_in_cents: 20_000 })
        .send()
        .await?
        .error_for_status()?
        .json()
        .await?;
    println!("{} {} {}", deal.uuid, deal.pipeline_stage, deal.estimated_close_date);
    Ok(())
}
"#;

fn main() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()
        .expect("the workspace");
    let arguments: Vec<_> = std::env::args().collect();
    let other = arguments.iter().position(|argument| argument == "--workspace");
    let home = other.map_or(workspace.as_path(), |at| Path::new(&arguments[at + 1]));
    let home = home.join("crates/chartmogul").canonicalize().expect("the SDK");
    let from = |sdk: &str| sdk.replace("SDK", home.to_str().expect("a path that is text"));
    let programs = [
        program(&workspace, "bare", BARE, WITH_REQWEST),
        program(&workspace, "sdk", &from(SDK), WITH_SDK),
        program(&workspace, "whole_sdk", &from(WHOLE_SDK), WITH_SDK),
    ];
    let crates = programs.each_ref().map(|program| crates(program));
    let mut times: [Vec<Duration>; 3] = Default::default();
    for round in 0..ROUNDS {
        // Alternately, so that the load of the machine affects all programs alike.
        for turn in 0..programs.len() {
            let which = (round + turn) % programs.len();
            times[which].push(build(&programs[which]));
        }
    }
    println!("each round: {times:.1?}");
    let times = times.map(|times| times.into_iter().min().unwrap_or_default().as_secs_f64());
    println!("| cold debug build | CPU time | CPU / bare | crates |\n|---|--:|--:|--:|");
    for (who, (time, crates)) in [
        "bare reqwest, chrono, uuid",
        "this SDK",
        "this SDK with `blocking` and `bulk`",
    ]
    .iter()
    .zip(times.iter().zip(&crates))
    {
        println!("| {who} | {time:.1} s | {:.2} | {} |", time / times[0], crates.len());
    }
    let more = crates[1].difference(&crates[0]).cloned().collect::<Vec<_>>();
    println!("\nCrates that bare has not: {}: {}.", more.len(), more.join(", "));
}

/// Creates a package with the dependency versions of the workspace.
fn program(workspace: &Path, name: &str, dependencies: &str, source: &str) -> PathBuf {
    let folder = workspace.join("target/cold_build").join(name);
    fs::create_dir_all(folder.join("src")).expect("a folder");
    let manifest = format!(
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[dependencies]\n{dependencies}\n\
         tokio = {{ version = \"1\", features = [\"macros\", \"rt\"] }}\n\n[workspace]\n"
    );
    fs::write(folder.join("Cargo.toml"), manifest).expect("a manifest");
    fs::write(folder.join("src/main.rs"), source).expect("a program");
    fs::copy(workspace.join("Cargo.lock"), folder.join("Cargo.lock")).expect("the lock file");
    // Adjusts the lock file to the program, outside of the measurement.
    cargo(&folder, &["fetch"]);
    folder
}

/// CPU time of all processes of a build from scratch.
fn build(folder: &Path) -> Duration {
    let _ = fs::remove_dir_all(folder.join("target"));
    let before = children();
    cargo(folder, &["build", "--quiet", "--target-dir", "target"]);
    children().saturating_sub(before)
}

fn children() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("the time of ended children");
    let time = usage.user_time() + usage.system_time();
    Duration::from_micros(u64::try_from(time.tv_sec() * 1_000_000 + time.tv_usec()).unwrap_or_default())
}

/// The names of all crates that are built, including those of build scripts and macros.
fn crates(folder: &Path) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--edges", "normal,build", "--prefix", "none", "--format", "{p}"])
        .current_dir(folder)
        .output()
        .expect("cargo tree");
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    lines
        .lines()
        .filter_map(|line| Some(line.split(' ').next()?.to_owned()))
        .filter(|name| !name.is_empty())
        .collect()
}

fn cargo(folder: &Path, arguments: &[&str]) {
    let status = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("CARGO_TARGET_DIR")
        .env_remove("RUSTFLAGS")
        .status()
        .expect("cargo");
    assert!(status.success(), "cargo {arguments:?} failed");
}
