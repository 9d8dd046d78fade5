//! The effects of changes. A new pair of documents is a new file in `fixtures/diff`.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests

use std::process::Command;

use camino::Utf8Path;
use serde_json::{Value, json};
use xtask::{
    Spec,
    diff::{Diff, Effect, Format},
};

fn fixture(path: &str) -> Value {
    let text = std::fs::read_to_string(format!("{}/fixtures/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    serde_saphyr::from_str(&text).unwrap()
}

/// Sets the value at a pointer, or removes it.
fn set(document: &mut Value, pointer: &str, value: Option<&Value>) {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let name = name.replace("~1", "/").replace("~0", "~");
    match (
        document.pointer_mut(parent).unwrap_or_else(|| panic!("no {parent}")),
        value,
    ) {
        (Value::Object(fields), Some(value)) => drop(fields.insert(name, value.clone())),
        (Value::Object(fields), None) => drop(fields.remove(&name)),
        (Value::Array(items), Some(value)) => items[name.parse::<usize>().unwrap()] = value.clone(),
        _ => panic!("{pointer} can't be changed"),
    }
}

fn spec(document: &Value) -> Spec {
    Spec::parse("openapi/chartmogul.yaml", &document.to_string()).unwrap()
}

fn pair(case: &Value) -> (Value, Value) {
    let (mut before, mut after) = (fixture("diff.yaml"), fixture("diff.yaml"));
    for change in case["changes"].as_array().unwrap() {
        let pointer = change["at"].as_str().unwrap();
        set(&mut before, pointer, change.get("before"));
        set(&mut after, pointer, change.get("after"));
    }
    (before, after)
}

fn compare(before: &Value, after: &Value) -> Diff {
    Diff::between(&spec(before), &spec(after), ["0.1.0"; 2]).unwrap_or_else(|error| panic!("{error:#}: {after}"))
}

fn name(effect: Option<Effect>) -> String {
    effect.map_or_else(|| "none".to_owned(), |effect| format!("{effect:?}").to_lowercase())
}

#[test]
fn every_pair_is_judged_as_it_says() {
    let mut count = 0;
    let mut wrong = String::new();
    insta::glob!("../fixtures/diff", "*.yaml", |path| {
        count += 1;
        let file = path.file_name().unwrap().to_str().unwrap();
        let case = fixture(&format!("diff/{file}"));
        let (before, after) = pair(&case);
        let diff = compare(&before, &after);
        let report = diff.report("base", Format::Text).unwrap();
        let judged = (name(diff.document.effect), name(diff.crates.effect));
        let expected = (
            case["http"].as_str().unwrap().to_owned(),
            case["rust"].as_str().unwrap().to_owned(),
        );
        if judged != expected {
            wrong += &format!("{file}: {judged:?} instead of {expected:?}\n{report}\n");
        }
        insta::with_settings!({ omit_expression => true }, { insta::assert_snapshot!(report) });
    });
    assert!(wrong.is_empty(), "{wrong}");
    assert!(count >= 40, "{count}");
}

/// Removes each value of the document in turn: every removal must be reported.
#[test]
fn every_removal_is_reported() {
    let document = fixture("diff.yaml");
    let mut pointers = Vec::new();
    collect(&document, String::new(), &mut pointers);
    for pointer in pointers {
        let mut after = document.clone();
        let (parent, last) = pointer.rsplit_once('/').unwrap();
        if after.pointer(parent).is_none_or(Value::is_array) || pointer == "/info/version" {
            continue;
        }
        // Its absence means the same.
        if last == "required" && document.pointer(&pointer) == Some(&Value::Bool(false)) {
            continue;
        }
        set(&mut after, &pointer, None);
        // `drift` needs a valid document.
        if let Ok(diff) = Diff::between(&spec(&document), &spec(&after), ["0.1.0"; 2]) {
            assert!(!diff.changes.is_empty(), "without {pointer}");
        }
    }
}

fn collect(value: &Value, pointer: String, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            fields
                .iter()
                .for_each(|(name, field)| collect(field, xtask::document::pointer::child(&pointer, name), found));
        }
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(index, item)| collect(item, format!("{pointer}/{index}"), found));
        }
        _ => {}
    }
    if !pointer.is_empty() {
        found.push(pointer);
    }
}

#[test]
fn versions_follow() {
    let judged = |case: &str, crates: &str| {
        let (before, after) = pair(&fixture(&format!("diff/{case}.yaml")));
        let diff = Diff::between(&spec(&before), &spec(&after), [crates; 2]).unwrap();
        (diff.document.to, diff.crates.to)
    };
    let of = |document: &str, crates: &str| (document.to_owned(), crates.to_owned());
    assert_eq!(judged("response_property_removed", "0.1.0"), of("2.0.0", "0.2.0"));
    assert_eq!(judged("response_property_removed", "1.1.0"), of("2.0.0", "2.0.0"));
    assert_eq!(judged("response_property_added", "0.1.0"), of("1.3.0", "0.1.1"));
    assert_eq!(judged("response_property_added", "1.1.5"), of("1.3.0", "1.2.0"));
    assert_eq!(judged("description_only", "1.1.5"), of("1.2.4", "1.1.6"));
    assert_eq!(judged("nothing", "0.1.0"), of("1.2.3", "0.1.0"));
}

#[test]
fn a_result_is_written_for_people_pull_requests_and_machines() {
    let (before, after) = pair(&fixture("diff/operation_renamed.yaml"));
    let diff = compare(&before, &after);
    let write = |format| diff.report("0123456789abcdef", format).unwrap();
    insta::with_settings!({ omit_expression => true }, {
        insta::assert_snapshot!("report_text", write(Format::Text));
        insta::assert_snapshot!("report_markdown", write(Format::Markdown));
        insta::assert_snapshot!("report_json", write(Format::Json));
    });
    let json: Value = serde_json::from_str(&write(Format::Json)).unwrap();
    assert_eq!(json["changes"][0]["rust"], "breaking");
    assert!(diff.has(Effect::Breaking) && diff.has(Effect::Documentation));
}

struct Repository(tempfile::TempDir);

impl Repository {
    fn new(document: &str) -> Self {
        let repository = Self(tempfile::tempdir().unwrap());
        std::fs::create_dir(repository.0.path().join("openapi")).unwrap();
        repository.git(&["init", "--quiet", "--initial-branch=main"]);
        repository.edit(document);
        repository.git(&["add", "."]);
        repository.git(&[
            "-c",
            "user.name=T",
            "-c",
            "user.email=t@example.com",
            "commit",
            "--quiet",
            "-m",
            "first",
        ]);
        repository
    }

    fn root(&self) -> &Utf8Path {
        Utf8Path::from_path(self.0.path()).unwrap()
    }

    fn edit(&self, document: &str) {
        std::fs::write(self.root().join(xtask::DOCUMENT), document).unwrap();
    }

    fn git(&self, arguments: &[&str]) {
        assert!(
            Command::new("git")
                .current_dir(self.root())
                .args(arguments)
                .status()
                .unwrap()
                .success()
        );
    }
}

#[test]
fn the_working_tree_is_compared_with_where_the_branch_left_main() {
    let document = fixture("good/plain.yaml").to_string();
    let repository = Repository::new(&document);
    repository.git(&["checkout", "--quiet", "-b", "field"]);
    repository.edit(&document.replace("A color.", "One of some colors."));
    for base in [None, Some("main"), Some("HEAD")] {
        let (_, diff) = xtask::diff::diff(repository.root(), base).unwrap();
        assert_eq!(diff.changes.len(), 1, "{base:?}");
        assert_eq!(diff.changes[0].pointer, "/components/schemas/Color/description");
    }
}

#[test]
fn a_wrong_revision_is_explained() {
    let repository = Repository::new(&fixture("good/plain.yaml").to_string());
    let error = |base| format!("{:#}", xtask::diff::diff(repository.root(), base).unwrap_err());
    assert!(
        error(Some("nowhere")).starts_with("`nowhere` is not a commit; name one: --base REV"),
        "{}",
        error(Some("nowhere"))
    );
    assert!(
        error(Some("--help")).starts_with("`--help` is not a commit"),
        "{}",
        error(Some("--help"))
    );
    repository.git(&["branch", "--quiet", "-m", "main", "trunk"]);
    assert!(error(None).starts_with("there is no branch `main`"), "{}", error(None));
    repository.git(&["rm", "--quiet", "--cached", xtask::DOCUMENT]);
    repository.git(&[
        "-c",
        "user.name=T",
        "-c",
        "user.email=t@example.com",
        "commit",
        "--quiet",
        "-m",
        "second",
    ]);
    assert!(error(Some("HEAD")).contains("is not in"), "{}", error(Some("HEAD")));
    repository.edit("openapi: [");
    assert!(
        error(Some("HEAD~1")).contains("openapi/chartmogul.yaml:1:"),
        "{}",
        error(Some("HEAD~1"))
    );
}

/// A comparison that follows references without a check would never end.
#[test]
fn a_cycle_of_references_is_reported() {
    let document = fixture("good/plain.yaml");
    let mut circle = document.clone();
    circle["components"]["schemas"]["Color"] = json!({ "$ref": "#/components/schemas/Colour" });
    circle["components"]["schemas"]["Colour"] = json!({ "$ref": "#/components/schemas/Color" });
    for (old, new) in [(&document, &circle), (&circle, &document)] {
        let repository = Repository::new(&old.to_string());
        repository.edit(&new.to_string());
        let error = format!("{:#}", xtask::diff::diff(repository.root(), Some("HEAD")).unwrap_err());
        assert!(error.contains("is itself a reference [reference]"), "{error}");
    }
}

#[test]
fn versions_that_were_not_raised_are_reported() {
    let (before, after) = pair(&fixture("diff/response_property_added.yaml"));
    let forgotten = |document: &str, crates| {
        let mut after = after.clone();
        after["info"]["version"] = document.into();
        let diff = Diff::between(&spec(&before), &spec(&after), ["0.1.0", crates]).unwrap();
        diff.forgotten()
    };
    assert_eq!(
        forgotten("1.2.3", "0.1.0"),
        [
            "write version 1.3.0 in `info.version`, which has 1.2.3",
            "write version 0.1.1 in `workspace.package.version` of Cargo.toml, which has 0.1.0"
        ]
    );
    for (document, crates) in [("1.3.0", "0.1.1"), ("2.0.0", "0.2.0")] {
        assert_eq!(forgotten(document, crates), Vec::<String>::new());
    }
}

/// A long text is shortened around the difference.
#[test]
fn the_first_difference_is_shown() {
    let long = "The same words again and again. ".repeat(10);
    let (mut before, mut after) = (fixture("diff.yaml"), fixture("diff.yaml"));
    set(
        &mut before,
        "/components/schemas/Thing/description",
        Some(&json!(format!("{long}Old."))),
    );
    set(
        &mut after,
        "/components/schemas/Thing/description",
        Some(&json!(format!("{long}New."))),
    );
    let report = compare(&before, &after).report("base", Format::Text).unwrap();
    assert!(
        report.contains("again. Old.") && report.contains("again. New."),
        "{report}"
    );
}
