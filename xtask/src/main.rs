//! Development tasks of this workspace. Arguments only; the work is in the library.
#![allow(clippy::print_stdout, clippy::print_stderr)] // a program

use std::process::ExitCode;

use anyhow::Context as _;
use camino::Utf8Path;
use clap::{Parser, Subcommand};
use xtask::{
    diff::{Effect, Format},
    surface,
};

/// Development tasks of this workspace.
#[derive(Parser)]
#[command(bin_name = "cargo xtask", version)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Bring generated code up to date with openapi/chartmogul.yaml.
    Generate {
        /// Change nothing; print what is stale as a unified diff and fail if anything is.
        #[arg(long)]
        check: bool,
    },
    /// Report all errors in openapi/chartmogul.yaml.
    Lint,
    /// Print the document as progenitor receives it, and the types that replace some of its components.
    Lower,
    /// Report what changed in the document since a git revision, whom it breaks, and the next version.
    Diff {
        /// The revision to compare with; where this branch left main by default.
        #[arg(long, value_name = "REV")]
        base: Option<String>,
        /// The output format.
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
        /// Fail if any change has this effect or a worse one.
        #[arg(long, value_enum, value_name = "EFFECT")]
        deny: Option<Effect>,
    },
    /// Bring the snapshots of the public API, crates/*/public-api.txt, up to date.
    Surface {
        /// Change nothing; print what is stale as a unified diff and fail if anything is.
        #[arg(long)]
        check: bool,
    },
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            // Findings begin with file:line:column, so that they can be clicked.
            match error.downcast_ref::<xtask::Findings>() {
                Some(findings) => eprintln!("{findings}"),
                None => eprintln!("error: {error:#}"),
            }
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let root = xtask::workspace().context("xtask has no parent folder")?;
    let root = Utf8Path::from_path(&root).context("the path of the workspace is not UTF-8")?;
    Ok(match &arguments.task {
        Task::Generate { check: false } => changed(&xtask::write(root)?, "generated files"),
        Task::Generate { check: true } => stale(
            &xtask::stale(root)?,
            "generated code is out of date: run `cargo xtask generate` and commit the result",
        ),
        Task::Lint => {
            xtask::lint(root)?;
            println!("{}: no findings", xtask::DOCUMENT);
            ExitCode::SUCCESS
        }
        Task::Lower => {
            print!("{}", xtask::lower(root)?);
            ExitCode::SUCCESS
        }
        Task::Diff { base, format, deny } => {
            let (base, diff) = xtask::diff::diff(root, base.as_deref())?;
            print!("{}", diff.report(&base, *format)?);
            for line in diff.forgotten() {
                eprintln!("note: {line}");
            }
            match deny.filter(|effect| diff.has(*effect)) {
                Some(effect) => {
                    let effect = format!("{effect:?}").to_lowercase();
                    eprintln!("error: a change is {effect} or worse, which `--deny {effect}` forbids");
                    ExitCode::FAILURE
                }
                None => ExitCode::SUCCESS,
            }
        }
        Task::Surface { check: false } => changed(&surface::write(root)?, "snapshots"),
        Task::Surface { check: true } => stale(
            &surface::stale(root)?,
            "the public API differs from the snapshots: if the change is intended, run `cargo xtask surface`, commit the \
             result, and say in CHANGELOG.md what changes for a caller",
        ),
    })
}

fn changed(paths: &[String], what: &str) -> ExitCode {
    for path in paths {
        println!("{path}");
    }
    println!("{} {what} changed", paths.len());
    ExitCode::SUCCESS
}

fn stale(diff: &str, problem: &str) -> ExitCode {
    if diff.is_empty() {
        return ExitCode::SUCCESS;
    }
    print!("{diff}");
    eprintln!("error: {problem}");
    ExitCode::FAILURE
}
