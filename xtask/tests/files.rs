//! Documents in several files.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests

use std::{collections::BTreeMap, process::Command};

use camino::Utf8Path;
use xtask::{Findings, Spec, lint};

/// The files of a small valid document.
fn files() -> BTreeMap<&'static str, String> {
    BTreeMap::from([
        (
            xtask::DOCUMENT,
            "openapi: 3.0.3
info: { title: Test, version: 1.0.0 }
servers: [{ url: https://api.example.com }]
tags: [{ name: things, description: Things. }]
paths:
  /v1/things/{uuid}: { $ref: 'resources/things.yaml#/paths/~1v1~1things~1{uuid}' }
x-common-responses:
  '404': { $ref: 'shared/errors.yaml#/components/responses/NotFound' }
"
            .to_owned(),
        ),
        (
            "openapi/resources/things.yaml",
            "paths:
  /v1/things/{uuid}:
    get:
      operationId: get_thing
      x-idempotent: true
      tags: [things]
      summary: Retrieve a thing
      externalDocs: { url: https://docs.example.com/things }
      parameters:
        - { name: uuid, in: path, required: true, description: The thing., schema: { type: string } }
      responses:
        '200':
          description: The thing.
          content:
            application/json:
              schema: { $ref: '#/components/schemas/Thing' }
              examples: { thing: { $ref: '#/components/examples/Thing' } }
components:
  schemas:
    Thing:
      type: object
      description: A thing.
      properties:
        name: { $ref: '../shared/values.yaml#/components/schemas/Name' }
        others: { type: object, additionalProperties: true, description: Others. }
  examples:
    Thing:
      value: { name: a, others: { $ref: 'no/reference' } }
"
            .to_owned(),
        ),
        (
            "openapi/shared/errors.yaml",
            "components:
  responses:
    NotFound: { description: It does not exist. }
"
            .to_owned(),
        ),
        (
            "openapi/shared/values.yaml",
            "components:
  schemas:
    Name: { type: string, description: Its name. }
"
            .to_owned(),
        ),
    ])
}

fn load(files: &BTreeMap<&str, String>) -> anyhow::Result<Spec> {
    Spec::load(xtask::DOCUMENT, &|path| {
        Ok(files.get(path).map(|text| text.clone().into_bytes()))
    })
}

fn changed(file: &'static str, from: &str, to: &str) -> BTreeMap<&'static str, String> {
    let mut files = files();
    let text = files.get_mut(file).expect("a file of the document");
    assert!(text.contains(from), "{file} has no {from}");
    *text = text.replace(from, to);
    files
}

fn renamed(mut files: BTreeMap<&'static str, String>, from: &str, to: &str) -> BTreeMap<&'static str, String> {
    let text = files.get_mut(THINGS).expect("a file of the document");
    *text = text.replacen(from, to, 1);
    files
}

const THINGS: &str = "openapi/resources/things.yaml";
const ERRORS: &str = "openapi/shared/errors.yaml";
const VALUES: &str = "openapi/shared/values.yaml";

#[test]
fn the_bundle_is_one_plain_document() {
    let spec = load(&files()).unwrap();
    lint::check(&spec).unwrap();
    insta::with_settings!({ omit_expression => true }, {
        insta::assert_snapshot!("bundle", xtask::document::write(spec.root()).unwrap());
    });
}

#[test]
fn a_page_has_an_example_of_what_it_lists() {
    let example = |more: &str| {
        let own = "schemas/Thing' }\n              examples: { thing: { $ref: '#/components/examples/Thing' } }";
        let mut files = changed(THINGS, own, "schemas/Page' }");
        let page = "  schemas:
    Page:
      type: object
      properties:
        more: { $ref: '../shared/values.yaml#/components/schemas/Name' }
        things: { type: array, x-entries: true, items: { $ref: '#/components/schemas/Thing' } }
";
        files = renamed(files, "  schemas:\n", page);
        let values = files.get_mut(VALUES).expect("a file of the document");
        *values = values.replace("Its name.", more);
        let spec = load(&files).unwrap();
        spec.at("/paths/~1v1~1things~1{uuid}/get/responses/200/content/application~1json/example")
            .map(ToString::to_string)
    };
    let page = r#"{"more":"b","things":[{"name":"a","others":{"$ref":"no/reference"}}]}"#;
    assert_eq!(example("Its name., example: b").as_deref(), Some(page));
    assert_eq!(example("Its name."), None, "lint asks for one");
}

/// Reading the bundle returns the same document, even for values that YAML 1.1 reads differently.
#[test]
fn the_bundle_is_the_same_document() {
    let odd = "'on', 'no', 'yes', '12:30:00', '2026-01-31', 'y', '-12:30', '1_000', '0b101', '0123', '1e3', '0o7', 0x7, 1.0e+3, '  two  spaces ', ~, null, '', \"a\\nb \\n\", '# x', 'a: b', '- c'";
    let files = changed(
        VALUES,
        "description: Its name.",
        &format!("description: Its name., example: [{odd}]"),
    );
    let spec = load(&files).unwrap();
    let text = xtask::document::write(spec.root()).unwrap();
    assert_eq!(Spec::parse("x", &text).unwrap().root(), spec.root(), "{text}");
    for word in [
        "on",
        "no",
        "yes",
        "12:30:00",
        "2026-01-31",
        "y",
        "-12:30",
        "1_000",
        "0b101",
        "0123",
        "1e3",
        "0o7",
    ] {
        assert!(text.contains(&format!("- \"{word}\"")), "{word} is not quoted: {text}");
    }
}

#[test]
fn every_finding_has_its_file_and_position() {
    let cases = [
        (
            "a file that is not there",
            changed(THINGS, "../shared/values.yaml", "../shared/value.yaml"),
        ),
        ("a file that is not YAML", changed(VALUES, "Name: {", "Name: [")),
        ("two files that are not YAML", {
            let mut files = changed(VALUES, "Name: {", "Name: [");
            files.insert(ERRORS, "components: [".to_owned());
            files
        }),
        (
            "a component that is not there",
            changed(
                THINGS,
                "values.yaml#/components/schemas/Name",
                "values.yaml#/components/schemas/Nam",
            ),
        ),
        (
            "a component of another file",
            changed(THINGS, "'../shared/values.yaml#/", "'#/"),
        ),
        (
            "no component",
            changed(THINGS, "values.yaml#/components/schemas/Name", "values.yaml#/Name"),
        ),
        (
            "a component defined twice",
            changed(
                ERRORS,
                "  responses:",
                "  schemas:\n    Name: { type: string, description: Other. }\n  responses:",
            ),
        ),
        (
            "a path that is not in the index",
            changed(THINGS, "components:\n", "  /v1/things: {}\ncomponents:\n"),
        ),
        (
            "an index that leads astray",
            changed(xtask::DOCUMENT, "/v1/things/{uuid}:", "/v1/things/{id}:"),
        ),
        (
            "what belongs to the root",
            changed(VALUES, "components:", "servers: []\ncomponents:"),
        ),
        ("a file that is a list", {
            let mut files = files();
            files.insert(ERRORS, "- components\n".to_owned());
            files
        }),
        ("an operation", changed(THINGS, "      x-idempotent: true\n", "")),
        ("a component", changed(VALUES, ", description: Its name.", "")),
        ("a component with the name of the resource", {
            let files = changed(THINGS, "schemas/Thing'", "schemas/Things'");
            renamed(files, "    Thing:\n      type", "    Things:\n      type")
        }),
        ("a component with the name of a builder", {
            let files = changed(THINGS, "schemas/Thing'", "schemas/GetThing'");
            renamed(files, "    Thing:\n      type", "    GetThing:\n      type")
        }),
        (
            "an operation in the file of another resource",
            changed(THINGS, "tags: [things]", "tags: [pings]"),
        ),
        (
            "a section that is misspelt and empty",
            changed(THINGS, "components:\n", "components:\n  parameter: {}\n"),
        ),
        ("components that are a list", {
            let mut files = files();
            files.insert(ERRORS, "components: [responses]\n".to_owned());
            files
        }),
        ("a response of all", changed(xtask::DOCUMENT, "'404':", "'4':")),
    ];
    let mut told = String::new();
    for (name, files) in cases {
        let error = load(&files)
            .and_then(|spec| Ok(lint::check(&spec).map(drop)?))
            .expect_err(name);
        assert!(
            error.downcast_ref::<Findings>().is_some(),
            "{name}: no place is given: {error:?}"
        );
        told += &format!("== {name}\n{error}\n\n");
    }
    insta::with_settings!({ omit_expression => true }, { insta::assert_snapshot!("faults", told) });
}

#[test]
fn files_are_compared_with_those_of_a_revision() {
    let folder = tempfile::tempdir().unwrap();
    let root = Utf8Path::from_path(folder.path()).unwrap();
    let write = |files: &BTreeMap<&str, String>| {
        for (path, text) in files {
            std::fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
            std::fs::write(root.join(path), text).unwrap();
        }
    };
    let git = |arguments: &[&str]| {
        let user = ["-c", "user.name=T", "-c", "user.email=t@example.com"];
        assert!(
            Command::new("git")
                .current_dir(root)
                .args(user)
                .args(arguments)
                .status()
                .unwrap()
                .success()
        );
    };
    write(&files());
    git(&["init", "--quiet", "--initial-branch=main"]);
    git(&["add", "."]);
    git(&["commit", "--quiet", "-m", "first"]);
    write(&changed(VALUES, "Its name.", "What it is called."));
    let (_, diff) = xtask::diff::diff(root, None).unwrap();
    let pointers: Vec<_> = diff.changes.iter().map(|change| change.pointer.as_str()).collect();
    assert_eq!(pointers, ["/components/schemas/Name/description"]);

    // A component that moves to another file is unchanged.
    let mut moved = changed(
        THINGS,
        "'../shared/values.yaml#/components/schemas/Name'",
        "'#/components/schemas/Name'",
    );
    let things = moved.get_mut(THINGS).unwrap();
    *things = things.replace(
        "  schemas:\n",
        "  schemas:\n    Name: { type: string, description: Its name. }\n",
    );
    write(&moved);
    let unused = xtask::lint(root).unwrap_err().to_string();
    assert!(
        unused.starts_with("openapi/shared/values.yaml:1:1: no reference leads to this file"),
        "{unused}"
    );
    std::fs::remove_file(root.join(VALUES)).unwrap();
    assert_eq!(xtask::diff::diff(root, None).unwrap().1.changes, []);
}
