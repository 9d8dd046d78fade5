//! Generated code compiles and works: a small workspace with the handwritten code of the two clients, and code generated
//! from a document that uses every feature of the generator.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)] // tests

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use camino::Utf8Path;
use serde_json::Value;

/// Writes a file only if it differs, so that Cargo rebuilds only what changed.
fn write(path: &Path, text: &str) {
    if std::fs::read_to_string(path).is_ok_and(|old| old == text) {
        return;
    }
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// Copies a folder, and removes other files from the target.
fn copy(from: &Path, to: &Path) {
    let names = |folder: &Path| -> Vec<_> {
        let entries = std::fs::read_dir(folder).into_iter().flatten();
        entries.map(|entry| entry.unwrap().file_name()).collect()
    };
    let wanted = names(from);
    for name in names(to).into_iter().filter(|name| !wanted.contains(name)) {
        let old = to.join(name);
        if old.is_dir() {
            std::fs::remove_dir_all(old).unwrap();
        } else {
            std::fs::remove_file(old).unwrap();
        }
    }
    for name in wanted {
        let (from, to) = (from.join(&name), to.join(&name));
        if name == "generated" {
            continue;
        }
        if from.is_dir() {
            copy(&from, &to);
        } else {
            write(&to, &std::fs::read_to_string(from).unwrap());
        }
    }
}

/// A manifest without tests and examples, which need more of the workspace.
fn manifest(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    let mut kept = true;
    let lines = text.lines().filter(|line| {
        if line.starts_with('[') {
            kept = !["[dev-dependencies]", "[[example]]", "[[bench]]", "[[test]]"].contains(line);
        }
        kept
    });
    lines.map(|line| format!("{line}\n")).collect()
}

fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (name, value) in from {
                merge(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (Value::Array(into), Value::Array(from)) => into.extend(from),
        (into, from) => *into = from,
    }
}

const MEMBERS: &str = r#"members = ["crates/chartmogul-api", "crates/chartmogul", "crates/calls"]"#;

const CALLS: &str = r#"[package]
name = "calls"
version = "0.0.0"
edition = "2024"

[dependencies]
chartmogul = { workspace = true, features = ["blocking", "bulk", "dynamic", "schemars"] }
chartmogul-api.workspace = true
chrono.workspace = true
serde_json.workspace = true
tokio = { workspace = true, features = ["macros", "rt-multi-thread"] }
"#;

#[test]
fn all_that_can_be_generated_compiles_and_works() {
    // Read at run time: the target folder may have been copied from another path.
    let xtask = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap());
    let workspace = xtask.parent().unwrap();
    // Shared with later runs and with the dependencies of other builds of the workspace.
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace.join("target"), PathBuf::from);
    let small = target.join("everything");

    let root = std::fs::read_to_string(workspace.join("Cargo.toml")).unwrap();
    let members = r#"members = ["crates/*", "xtask", "tests"]"#;
    assert!(root.contains(members));
    write(&small.join("Cargo.toml"), &root.replace(members, MEMBERS));
    write(
        &small.join("Cargo.lock"),
        &std::fs::read_to_string(workspace.join("Cargo.lock")).unwrap(),
    );
    for name in ["chartmogul-api", "chartmogul"] {
        let (from, to) = (workspace.join("crates").join(name), small.join("crates").join(name));
        copy(&from.join("src"), &to.join("src"));
        write(&to.join("README.md"), "");
        write(&to.join("Cargo.toml"), &manifest(&from.join("Cargo.toml")));
    }
    let fixture = xtask.join("fixtures/everything");
    write(&small.join("crates/calls/Cargo.toml"), CALLS);
    write(&small.join("crates/calls/src/lib.rs"), "");
    write(
        &small.join("crates/calls/tests/calls.rs"),
        &std::fs::read_to_string(fixture.join("calls.rs")).unwrap(),
    );

    let read = |path: &Path| -> Value { serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap() };
    let mut document = read(&workspace.join(xtask::BUNDLE));
    merge(&mut document, read(&fixture.join("document.yaml")));
    write(&small.join(xtask::DOCUMENT), &document.to_string());
    xtask::write(Utf8Path::from_path(&small).unwrap()).unwrap();

    let cargo = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO"))
            .current_dir(&small)
            .args(arguments)
            .arg("--offline")
            .env("CARGO_TARGET_DIR", &target)
            .env("RUSTDOCFLAGS", "--deny warnings")
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let said = text(&output.stdout) + &text(&output.stderr);
        assert!(
            output.status.success(),
            "what was generated does not compile, or does not work:\n{said}"
        );
        said
    };
    // All commands use the same features, so that each crate is built once.
    let packages = [
        "--package",
        "calls",
        "--package",
        "chartmogul",
        "--package",
        "chartmogul-api",
        "--no-default-features",
    ];
    let said = cargo(&[&["test", "--test", "calls"][..], &packages].concat());
    assert!(
        !said.contains("warning: unused") && !said.contains("is never used"),
        "{said}"
    );
    // Descriptions must be valid documentation, and examples must compile.
    cargo(&[&["doc", "--no-deps"][..], &packages].concat());
    let said = cargo(&[&["test", "--doc"][..], &packages, &["generated::"]].concat());
    assert!(said.contains("parcels::Parcels<M>::create (line"), "{said}");
}
