//! Generated code, and how files are written.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests

use std::panic::catch_unwind;

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::{Value, json};
use xtask::{Findings, Spec, files::Files, lint, lower};

/// Read at run time: the target folder may have been copied from another path.
fn root() -> Utf8PathBuf {
    let xtask = Utf8PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").unwrap());
    xtask.parent().unwrap().to_owned()
}

fn fixture(name: &str) -> Spec {
    let path = format!("{}/xtask/fixtures/good/{name}.yaml", root());
    Spec::parse("openapi/chartmogul.yaml", &std::fs::read_to_string(path).unwrap()).unwrap()
}

fn generate(name: &str) -> Files {
    xtask::generate(&fixture(name)).unwrap()
}

fn is_rust(path: &str) -> bool {
    Utf8Path::new(path).extension() == Some("rs")
}

/// A generated file, without the line breaks that the formatter chose.
fn code(files: &Files, path: &str) -> String {
    let text = files
        .0
        .iter()
        .find(|(name, _)| name.ends_with(path))
        .map(|(_, text)| text);
    text.unwrap_or_else(|| panic!("no {path}"))
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn committed_files_are_up_to_date() {
    assert_eq!(xtask::stale(&root()).unwrap(), "");
}

#[test]
fn two_runs_give_the_same_bytes() {
    let spec = Spec::read(&root(), xtask::DOCUMENT).unwrap();
    assert_eq!(xtask::generate(&spec).unwrap(), xtask::generate(&spec).unwrap());
}

/// The arguments of a method and the fields of a type have the order of the document's properties. The order of `required`
/// is ignored.
#[test]
fn the_order_of_the_document_is_kept() {
    let document = |fields: &[&str]| {
        let mut spec: Value = fixture("plain").root().clone();
        let properties = spec.pointer_mut("/components/schemas/ThingUpdate/properties").unwrap();
        *properties = fields
            .iter()
            .map(|name| ((*name).to_owned(), json!({ "type": "string", "description": "x" })))
            .collect();
        spec["components"]["schemas"]["ThingUpdate"]["required"] = json!(["last", "first"]);
        spec["components"]["schemas"]["ThingUpdate"]["x-required-type"] = json!("ChangedThing");
        let media = "/paths/~1v1~1things~1{thing_uuid}/patch/requestBody/content/application~1json";
        spec.pointer_mut(media).unwrap()["example"] = json!({ "first": "a", "last": "b" });
        xtask::generate(&Spec::parse("x", &spec.to_string()).unwrap()).unwrap()
    };
    let order = |files: &Files| {
        let text = code(files, "types/shared.rs");
        ["pub zebra", "pub first", "pub last"].map(|name| text.find(name).unwrap())
    };
    let [zebra, first, last] = order(&document(&["zebra", "first", "last"]));
    assert!(zebra < first && first < last);
    let [zebra, first, last] = order(&document(&["last", "zebra", "first"]));
    assert!(last < zebra && zebra < first);
}

#[test]
fn errors_of_all_kinds_are_accepted() {
    let code = |name| {
        let mut files = generate(name).0;
        files.retain(|path, _| path.starts_with("crates/chartmogul-api/"));
        files
    };
    let (of_all_kinds, plain) = (code("errors_of_all_kinds"), code("plain"));
    assert_eq!(of_all_kinds, plain, "error bodies are read by the transport");
}

#[test]
fn absent_and_null_stay_apart_in_a_request() {
    let files = generate("nullable_in_a_request");
    assert!(code(&files, "types/shared.rs").contains("pub name: crate::Field<String>, }"));
    let builder = code(&files, "chartmogul/src/generated/things.rs");
    assert!(builder.contains("pub fn name(mut self, value: impl Into<String>)"));
    assert!(builder.contains("pub fn clear_name(mut self)") && builder.contains("chartmogul_api::Field::Null"));
}

#[test]
fn an_empty_list_can_be_sent() {
    let files = generate("list_in_a_request");
    assert!(code(&files, "types/shared.rs").contains("pub name: Option<Vec<String>>"));
    assert!(!code(&files, "types/shared.rs").contains("Vec::is_empty"));
}

#[test]
fn fields_of_a_response_can_be_null_absent_or_unknown() {
    let thing = code(&generate("plain"), "types/shared.rs");
    assert!(
        thing.contains("pub name: crate::Field<String> = \"name\","),
        "required in the document"
    );
    assert!(thing.contains("pub color: crate::Field<crate::types::Color>"));
}

#[test]
fn limits_become_schemas() {
    let schemas = code(&generate("limits"), "operations/shared.rs");
    assert!(schemas.contains("Text { min_length: 2, max_length: 5, "), "{schemas}");
    assert!(schemas.contains(r#"Pattern::new("^a+$", "#), "{schemas}");
}

#[test]
fn an_operation_can_have_neither_body_nor_response() {
    // tests/everything.rs calls it.
    let client = code(&generate("no_body_no_response"), "client/things.rs");
    assert!(client.contains("Result<ResponseValue<()>, Error>"), "{client}");
}

#[test]
fn a_response_without_a_result_is_the_unit_type() {
    let client = code(&generate("page"), "client/things.rs");
    assert!(client.contains("-> Result<ResponseValue<()>, Error>"), "{client}");
    let types = code(&generate("page"), "types/shared.rs");
    assert!(!types.contains("struct Deletion"), "{types}");
}

#[test]
fn query_parameters_are_one_argument() {
    let files = generate("page");
    let client = code(&files, "client/things.rs");
    assert!(client.contains("query: &'a types::ListThingsQuery, )"), "{client}");
    assert!(
        client.contains(r#".query(&progenitor_client::QueryParam::new("query", &query))"#),
        "{client}"
    );
    let query = code(&files, "types/things.rs");
    assert!(query.contains("pub fn new(required: Days)"), "{query}");
    let schemas = code(&files, "operations/things.rs");
    let per_page = r#"name: "per_page", description: "How many.", example: None, required: false, nullable: false, "#;
    let per_page = format!("{per_page}replaces_all: false, deprecated: None, schema: ");
    let per_page = format!("{per_page}Schema::Integer {{ minimum: Some(1), maximum: Some(200) }}");
    assert!(schemas.contains(&per_page), "{schemas}");
    assert!(
        schemas.contains("Text { min_length: 1, ..Text::ANY }"),
        "of the component"
    );
}

#[test]
fn lists_in_responses_keep_unexpected_items() {
    let types = code(&generate("page"), "types/shared.rs");
    assert!(
        types.contains(r#"pub tags: crate::Field<crate::List<String>> = "tags","#),
        "{types}"
    );
    assert!(
        types.contains(r#"pub things: crate::List<crate::types::Thing> = "things" required,"#),
        "{types}"
    );
}

/// progenitor's code is used unchanged, except for the rewrites in `render/progenitor.rs`.
#[test]
fn headers_and_errors_of_progenitor_are_removed() {
    let files = xtask::generate(&Spec::read(&root(), xtask::DOCUMENT).unwrap()).unwrap();
    for (path, text) in files.0.iter().filter(|(path, _)| is_rust(path)) {
        for trace in ["api-version", "header_map", "Error<", "unwrap()"] {
            assert!(!text.contains(trace), "{trace} in {path}");
        }
    }
    let client = code(&files, "client/opportunities.rs");
    assert!(
        client.contains("let result = self.exec(request, &info).await; self.post(&result, &info).await?;"),
        "{client}"
    );
}

/// The size of a plain operation in the ergonomic crate; more code should be handwritten once instead.
#[test]
fn a_get_without_options_costs_25_lines() {
    let files = xtask::generate(&Spec::read(&root(), xtask::DOCUMENT).unwrap()).unwrap();
    let text = &files.0["crates/chartmogul/src/generated/opportunities.rs"];
    let lines: Vec<_> = text.lines().collect();
    let at = |line: &str| {
        lines
            .iter()
            .position(|found| found.trim_start().starts_with(line))
            .unwrap()
    };
    let end = |begin: usize, last: &str| begin + 1 + lines[begin..].iter().position(|line| *line == last).unwrap();
    let (verb, builder) = (
        at("/// Retrieve an opportunity"),
        at("/// Returned by [`Opportunities::get`]") - 1,
    );
    let count = end(verb, "    }") - verb + end(builder, "}") - builder + 2; // an empty line after each
    assert!(count <= 25, "{count} lines");
}

/// The compiler warns about a use of something deprecated, and says what to use instead.
#[test]
fn what_is_deprecated_is_marked() {
    let fixture = std::fs::read_to_string(root().join("xtask/fixtures/good/plain.yaml")).unwrap();
    let old = "deprecated: true, x-deprecated-note: use `color` instead, ";
    let fixture = fixture
        .replace("description: Its name.", &format!("{old}description: Its name."))
        .replace(
            "      operationId:",
            "      deprecated: true\n      x-deprecated-note: use `set_thing` instead\n      operationId:",
        );
    let files = xtask::generate(&Spec::parse("x", &fixture).unwrap()).unwrap();
    let (field, method) = (
        "#[deprecated(note = \"use `color` instead\")]",
        "#[deprecated(note = \"use `set_thing` instead\")]",
    );
    let (types, client) = (code(&files, "types/shared.rs"), code(&files, "client/things.rs"));
    let builder = code(&files, "chartmogul/src/generated/things.rs");
    assert!(
        types.contains(&format!("{field} pub name: crate::Field<String> = ")),
        "{types}"
    );
    assert!(
        types.contains(&format!(
            "{field} #[serde(skip_serializing_if = \"Option::is_none\")] pub name: "
        )),
        "{types}"
    );
    assert!(
        client.contains(&format!("{method} pub async fn update_thing")),
        "{client}"
    );
    assert!(builder.contains(&format!("{method} pub fn update(&self")), "{builder}");
    assert!(builder.contains(&format!("{field} pub fn name(mut self")), "{builder}");
}

/// The input of progenitor. In the diff of a pull request, it shows how a change is lowered.
#[test]
fn the_lowered_document() {
    let spec = Spec::read(&root(), xtask::DOCUMENT).unwrap();
    let lowered = lower::lower(&lint::check(&spec).unwrap());
    insta::with_settings!({ omit_expression => true }, { insta::assert_snapshot!(lowered.to_string()) });
}

/// Replaces each value of a document in turn by another one, or removes it.
#[test]
fn no_document_makes_it_panic() {
    for name in ["limits", "page"] {
        let spec = fixture(name);
        let mut pointers = Vec::new();
        collect(spec.root(), String::new(), &mut pointers);
        assert!(pointers.len() > 50);
        for pointer in pointers {
            spoil(&spec, &pointer);
        }
    }
}

fn spoil(spec: &Spec, pointer: &str) {
    for odd in [
        json!(null),
        json!(-1),
        json!(""),
        json!("a b"),
        json!([]),
        json!([null]),
        json!({}),
        json!({ "$ref": 1 }),
    ] {
        let mut document = spec.root().clone();
        *document.pointer_mut(pointer).unwrap() = odd.clone();
        never_panics(&document, &format!("{pointer} = {odd}"));
    }
    if let Some((parent, name)) = pointer.rsplit_once('/') {
        let mut document = spec.root().clone();
        if let Some(fields) = document.pointer_mut(parent).and_then(Value::as_object_mut) {
            fields.remove(&name.replace("~1", "/").replace("~0", "~"));
        }
        never_panics(&document, &format!("without {pointer}"));
    }
}

#[test]
fn no_prefix_of_the_document_makes_it_panic() {
    let text = std::fs::read_to_string(root().join(xtask::DOCUMENT)).unwrap();
    for (end, _) in text.match_indices('\n').step_by(3) {
        if let Err(error) = Spec::parse("x", &text[..end]).and_then(|s| lint::check(&s).map_err(Into::into)) {
            assert!(error.downcast_ref::<Findings>().is_some(), "{error:?}");
        }
    }
}

fn collect(value: &Value, pointer: String, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => fields
            .iter()
            .for_each(|(name, field)| collect(field, xtask::document::pointer::child(&pointer, name), found)),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .for_each(|(index, item)| collect(item, format!("{pointer}/{index}"), found)),
        _ => {}
    }
    found.push(pointer);
}

/// JSON is YAML.
fn never_panics(document: &Value, what: &str) {
    let generate = || Spec::parse("x", &document.to_string()).and_then(|spec| xtask::generate(&spec));
    let Ok(outcome) = catch_unwind(generate) else {
        panic!("{what}: it panicked")
    };
    if let Err(error) = outcome {
        let placed = error.downcast_ref::<Findings>().is_some();
        assert!(placed, "{what}: no place is given: {error:?}");
    }
}

struct Workspace(tempfile::TempDir);

impl Workspace {
    fn with(document: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("openapi")).unwrap();
        let workspace = Self(folder);
        workspace.edit(document);
        workspace
    }

    fn root(&self) -> Utf8PathBuf {
        Utf8PathBuf::from_path_buf(self.0.path().to_owned()).unwrap()
    }

    fn edit(&self, document: &str) {
        std::fs::write(self.root().join(xtask::DOCUMENT), document).unwrap();
    }

    fn read(&self, path: &str) -> Option<String> {
        std::fs::read_to_string(self.root().join(path)).ok()
    }
}

const PLAIN: &str = include_str!("../fixtures/good/plain.yaml");
const THING: &str = "crates/chartmogul-api/src/generated/types/shared.rs";

#[test]
fn check_shows_a_diff_and_changes_nothing() {
    let workspace = Workspace::with(PLAIN);
    let missing = xtask::stale(&workspace.root()).unwrap();
    assert!(
        missing.contains(&format!("--- /dev/null\n+++ b/{THING}\n")),
        "{missing}"
    );
    assert_eq!(workspace.read(THING), None);

    xtask::write(&workspace.root()).unwrap();
    assert_eq!(xtask::stale(&workspace.root()).unwrap(), "");
    assert_eq!(
        xtask::write(&workspace.root()).unwrap(),
        Vec::<String>::new(),
        "nothing to do"
    );

    workspace.edit(&PLAIN.replace("description: Its name.", "description: What it is called."));
    let before = workspace.read(THING).unwrap();
    let stale = xtask::stale(&workspace.root()).unwrap();
    assert!(
        stale.contains("-    /// Its name.\n+    /// What it is called.\n"),
        "{stale}"
    );
    assert_eq!(workspace.read(THING).unwrap(), before);
}

#[test]
fn orphans_are_found_and_removed() {
    let workspace = Workspace::with(PLAIN);
    xtask::write(&workspace.root()).unwrap();
    let orphan = "crates/chartmogul-api/src/generated/types/old.rs";
    std::fs::write(workspace.root().join(orphan), "struct Old;\n").unwrap();
    assert!(xtask::stale(&workspace.root()).unwrap().contains("+++ /dev/null\n"));
    assert_eq!(xtask::write(&workspace.root()).unwrap(), [orphan]);
    assert_eq!(workspace.read(orphan), None);
}

#[test]
fn files_outside_of_the_folders_leave_generated_code_alone() {
    let workspace = Workspace::with(PLAIN);
    xtask::write(&workspace.root()).unwrap();
    let path = "crates/chartmogul-api/public-api.txt";
    let files = Files([(path.to_owned(), "pub mod x\n".to_owned())].into());
    assert_eq!(files.write(&workspace.root()).unwrap(), [path]);
    assert_eq!(xtask::stale(&workspace.root()).unwrap(), "");
}

#[test]
fn a_wrong_document_leaves_the_files_alone() {
    let workspace = Workspace::with(PLAIN);
    xtask::write(&workspace.root()).unwrap();
    let before = workspace.read(THING);
    workspace.edit(
        &PLAIN
            .replace("Its name.", "Changed.")
            .replace("operationId: update_thing", "operationId: 5"),
    );
    assert!(xtask::write(&workspace.root()).is_err());
    assert!(xtask::stale(&workspace.root()).is_err());
    assert_eq!(workspace.read(THING), before);
}

#[test]
fn a_missing_document_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let root = Utf8Path::from_path(folder.path()).unwrap();
    let error = xtask::write(root).unwrap_err();
    assert!(error.to_string().contains("openapi/chartmogul.yaml"), "{error}");
}
