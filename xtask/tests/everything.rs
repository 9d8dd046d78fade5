//! What is generated compiles and works: a copy of the workspace with a document that uses all that the generator can do.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)] // tests

use std::{path::Path, process::Command};

use camino::Utf8Path;
use serde_json::Value;

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
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

#[test]
fn all_that_can_be_generated_compiles_and_works() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let root = Utf8Path::from_path(folder.path()).unwrap();
    for name in ["crates", "tests", "xtask"] {
        copy(&workspace.join(name), &folder.path().join(name));
    }
    for name in ["Cargo.toml", "Cargo.lock", "README.md"] {
        std::fs::copy(workspace.join(name), folder.path().join(name)).unwrap();
    }

    let read = |path: &Path| -> Value { serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap() };
    let fixture = workspace.join("xtask/fixtures/everything");
    let mut document = read(&workspace.join(xtask::BUNDLE));
    merge(&mut document, read(&fixture.join("document.yaml")));
    std::fs::create_dir(root.join("openapi")).unwrap();
    std::fs::write(root.join(xtask::DOCUMENT), document.to_string()).unwrap();
    xtask::write(root).unwrap();

    let tests = folder.path().join("tests/it");
    std::fs::copy(fixture.join("calls.rs"), tests.join("calls.rs")).unwrap();
    let main = std::fs::read_to_string(tests.join("main.rs")).unwrap();
    std::fs::write(tests.join("main.rs"), main + "\nmod calls;\n").unwrap();

    // A folder of its own: the copy's packages have the names of those that are being tested.
    let output = Command::new(env!("CARGO"))
        .current_dir(root)
        .args([
            "test",
            "--locked",
            "--quiet",
            "--package",
            "chartmogul-tests",
            "--test",
            "it",
            "calls::",
        ])
        .env("CARGO_TARGET_DIR", workspace.join("target/everything"))
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let said = text(&output.stdout) + &text(&output.stderr);
    assert!(
        output.status.success(),
        "what was generated does not compile, or does not work:\n{said}"
    );
    assert!(said.contains("6 passed"), "{said}");
}
