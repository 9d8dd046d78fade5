//! Bundles the files of the document.
//!
//! `openapi/chartmogul.yaml` is the root: common settings, and an index with one `$ref` for each path. The other files
//! contain `paths` and `components`. The result is one plain document in which every reference leads to a component of the
//! same document, with file, line and column of each pointer.

use std::collections::{HashMap, HashSet, VecDeque};

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use serde_json::{Map, Value, json};

use super::{
    pointer::{child, each_reference, is_read, last, reference, resolve, schema_name},
    source::{Place, Source},
};
use crate::finding::{Finding, Findings, Rule};

/// In the root: the responses that every operation may give, by status. They are copied into each operation that does not
/// have a response of its own for the status.
pub const COMMON_RESPONSES: &str = "x-common-responses";

/// Help for a wrong index entry.
const INDEX_HELP: &str = "an index entry has the form `/v1/pings: { $ref: 'resources/pings.yaml#/paths/~1v1~1pings' }`";

/// The bundled document.
pub(super) struct Bundle {
    pub(super) files: Vec<String>,
    pub(super) root: Value,
    /// Index of the file, and position in it, of each pointer.
    pub(super) places: HashMap<String, (usize, Place)>,
}

/// Returns the content of a file; `None` if it does not exist.
pub(super) type Read<'a> = dyn Fn(&str) -> anyhow::Result<Option<Vec<u8>>> + 'a;

/// Reads a document that begins in `file`.
pub(super) fn bundle(file: &str, read: &Read<'_>) -> anyhow::Result<Bundle> {
    let sources = collect(file, read)?;
    let mut build = Build {
        sources: &sources,
        findings: Vec::new(),
        root: Map::new(),
        places: HashMap::new(),
    };
    build.all();
    if !build.findings.is_empty() {
        return Err(Findings::sorted(build.findings).into());
    }
    let root = match sources.first() {
        Some(source) if !source.root.is_object() => source.root.clone(), // reported by the caller
        _ => Value::Object(build.root),
    };
    Ok(Bundle {
        root,
        places: build.places,
        files: sources.into_iter().map(|source| source.file).collect(),
    })
}

/// Reads the root and every file that is referred to, in the order of the references.
fn collect(file: &str, read: &Read<'_>) -> anyhow::Result<Vec<Source>> {
    let (mut sources, mut findings) = (Vec::<Source>::new(), Vec::new());
    let mut seen = HashSet::from([file.to_owned()]);
    let mut open = VecDeque::from([(file.to_owned(), None::<Finding>)]);
    while let Some((file, missing)) = open.pop_front() {
        let Some(bytes) = read(&file)? else {
            match missing {
                Some(finding) => findings.push(finding),
                None => anyhow::bail!("{file} does not exist"),
            }
            continue;
        };
        let source = match Source::read(&file, bytes) {
            Ok(source) => source,
            Err(Findings(wrong)) => {
                findings.extend(wrong);
                continue;
            }
        };
        each_reference(&source.root, "", &mut |pointer, target| {
            let Some((path, _)) = target.split_once('#').filter(|(path, _)| !path.is_empty()) else {
                return;
            };
            let next = beside(&source.file, path);
            if seen.insert(next.clone()) {
                let missing = source.finding(
                    pointer,
                    format!("there is no file `{next}`"),
                    "correct the path; it is relative to the file that names it",
                );
                open.push_back((next, Some(missing)));
            }
        });
        sources.push(source);
    }
    if findings.is_empty() {
        Ok(sources)
    } else {
        Err(Findings::sorted(findings).into())
    }
}

/// The file that `path` means in `file`.
fn beside(file: &str, path: &str) -> String {
    let mut found = Utf8Path::new(file).parent().map(Utf8Path::to_owned).unwrap_or_default();
    for part in Utf8Path::new(path).components() {
        match part {
            Utf8Component::ParentDir if found.pop() => {}
            part => found.push(part),
        }
    }
    Utf8PathBuf::into_string(found)
}

impl Source {
    fn finding(&self, pointer: &str, problem: impl Into<String>, help: impl Into<String>) -> Finding {
        let (line, column) = super::nearest(pointer, |at| self.places.get(at).copied()).unwrap_or((1, 1));
        Finding {
            rule: Rule::Files,
            file: self.file.clone(),
            line,
            column,
            pointer: pointer.to_owned(),
            operation: None,
            problem: problem.into(),
            help: help.into(),
        }
    }
}

struct Build<'a> {
    sources: &'a [Source],
    findings: Vec<Finding>,
    root: Map<String, Value>,
    places: HashMap<String, (usize, Place)>,
}

impl Build<'_> {
    fn all(&mut self) {
        let Some(source) = self.sources.first() else { return };
        let Some(root) = source.root.as_object() else {
            return self.place(0, "", "");
        };
        self.references();
        self.ambiguous();
        for (key, value) in root {
            let pointer = child("", key);
            match (key.as_str(), value) {
                ("paths", Value::Object(paths)) => self.paths(paths),
                ("components", Value::Object(_)) => self.components(),
                (COMMON_RESPONSES, _) => {}
                _ => self.put(0, &pointer, value),
            }
        }
        if !root.contains_key("components") {
            self.components();
        }
        self.places.insert(String::new(), (0, (1, 1)));
        self.common_responses();
        self.pages();
        self.parts();
    }

    /// Copies a value of a file to the same pointer of the document.
    fn put(&mut self, file: usize, pointer: &str, value: &Value) {
        let mut value = value.clone();
        localize(&mut value, pointer);
        self.place(file, pointer, pointer);
        insert(&mut self.root, pointer, value);
    }

    /// Records the positions of everything below `from` in a file for the pointers below `to` in the document.
    fn place(&mut self, file: usize, from: &str, to: &str) {
        let Some(source) = self.sources.get(file) else { return };
        for (pointer, place) in &source.places {
            if let Some(rest) = pointer.strip_prefix(from)
                && (rest.is_empty() || rest.starts_with('/'))
            {
                self.places.insert(format!("{to}{rest}"), (file, *place));
            }
        }
    }

    fn report(&mut self, file: usize, pointer: &str, problem: impl Into<String>, help: impl Into<String>) {
        let Some(source) = self.sources.get(file) else { return };
        self.findings.push(source.finding(pointer, problem, help));
    }

    /// Reports scalars that tools for YAML 1.1 read differently.
    fn ambiguous(&mut self) {
        for source in self.sources {
            for (pointer, text) in &source.ambiguous {
                let mut finding = source.finding(
                    pointer,
                    format!("YAML 1.1 tools read `{text}` without quotes as another value"),
                    format!("put it in quotes: '{text}'"),
                );
                finding.rule = Rule::Yaml;
                self.findings.push(finding);
            }
        }
    }

    /// Reports references that do not lead to a value in the file that they name.
    fn references(&mut self) {
        for (index, source) in self.sources.iter().enumerate() {
            let mut wrong = Vec::new();
            each_reference(&source.root, "", &mut |pointer, target| {
                let Some((path, local)) = target.split_once('#') else {
                    return;
                };
                let is_indexed = index == 0 && pointer.starts_with("/paths/") && local.starts_with("/paths/");
                if !path.is_empty() && !is_indexed && !local.starts_with("/components/") {
                    wrong.push((pointer.to_owned(), format!("`{target}` is not a component of a file")));
                    return;
                }
                let file = if path.is_empty() {
                    source.file.clone()
                } else {
                    beside(&source.file, path)
                };
                let leads = |file: &Source| file.root.pointer(local).is_some();
                if self.sources.iter().any(|other| other.file == file && leads(other)) {
                    return;
                }
                if let Some(other) = self.sources.iter().find(|other| leads(other)) {
                    wrong.push((
                        pointer.to_owned(),
                        format!("`{}` is not in {file} but in {}", last(local), other.file),
                    ));
                } else if !path.is_empty() {
                    wrong.push((pointer.to_owned(), format!("`{local}` is not in {file}")));
                }
                // A target that exists nowhere is reported by the rule for references, which suggests a similar name.
            });
            for (pointer, problem) in wrong {
                let help = "write the file with its path from here, `#`, and the component, such as \
                            `../shared/errors.yaml#/components/schemas/ErrorBody`";
                self.report(index, &pointer, problem, help);
            }
        }
    }

    /// The paths, in the order of the index.
    fn paths(&mut self, index: &Map<String, Value>) {
        self.root.insert("paths".to_owned(), Value::Object(Map::new()));
        self.places.extend(
            self.sources[0]
                .places
                .get("/paths")
                .map(|place| ("/paths".to_owned(), (0, *place))),
        );
        for (path, item) in index {
            let pointer = child("/paths", path);
            let Some((file, target)) = reference(item).and_then(|text| text.split_once('#')) else {
                self.put(0, &pointer, item);
                continue;
            };
            let file = beside(&self.sources[0].file, file);
            if target != pointer {
                let problem = format!("`{path}` leads to `{}`", last(target));
                self.report(0, &pointer, problem, INDEX_HELP);
                continue;
            }
            let found = self.sources.iter().position(|source| source.file == file);
            if let Some(found) = found
                && let Some(item) = self.sources[found].root.pointer(target).cloned()
            {
                self.put(found, &pointer, &item);
            }
        }
        let Some((_, others)) = self.sources.split_first() else {
            return;
        };
        for (number, source) in others.iter().enumerate() {
            let paths = source.root.get("paths").and_then(Value::as_object);
            for path in paths
                .into_iter()
                .flat_map(Map::keys)
                .filter(|path| !index.contains_key(*path))
            {
                let problem = format!("`{path}` is not in the index");
                let help = format!("add it to `paths` in {}: {INDEX_HELP}", self.sources[0].file);
                self.findings
                    .push(others[number].finding(&child("/paths", path), problem, help));
            }
        }
    }

    /// The components of all files, those of resources before shared ones.
    fn components(&mut self) {
        let mut homes: HashMap<String, usize> = HashMap::new();
        for (file, source) in self.sources.iter().enumerate() {
            let sections = source.root.get("components").and_then(Value::as_object);
            if file == 0 && source.root.get("components").is_some() {
                self.places.extend(
                    source
                        .places
                        .get("/components")
                        .map(|place| ("/components".to_owned(), (0, *place))),
                );
            }
            for (section, fields) in sections.into_iter().flatten() {
                let at = child("/components", section);
                let Some(fields) = fields.as_object() else {
                    self.put(file, &at, fields);
                    continue;
                };
                self.place_of(file, &at);
                if fields.is_empty() && self.root.get("components").and_then(|all| all.get(section)).is_none() {
                    self.put(file, &at, &json!({})); // keeps an empty section, so that a misspelt name is reported
                }
                for (name, component) in fields {
                    let pointer = child(&at, name);
                    if let Some(other) = homes.insert(pointer.clone(), file) {
                        let problem = format!("`{name}` is also defined in {}", self.sources[other].file);
                        self.report(file, &pointer, problem, "keep one of them, and refer to it");
                        continue;
                    }
                    self.put(file, &pointer, component);
                }
            }
        }
    }

    /// Records the position of a pointer, unless it is known.
    fn place_of(&mut self, file: usize, pointer: &str) {
        if let Some(place) = self.sources[file].places.get(pointer) {
            self.places.entry(pointer.to_owned()).or_insert((file, *place));
        }
    }

    fn common_responses(&mut self) {
        let Some(common) = self.sources[0].root.get(COMMON_RESPONSES) else {
            return;
        };
        let at = child("", COMMON_RESPONSES);
        let Some(common) = common.as_object() else {
            return self.report(
                0,
                &at,
                format!("`{COMMON_RESPONSES}` must be a mapping"),
                "write `'404': { $ref: .. }` lines",
            );
        };
        let mut operations = Vec::new();
        if let Some(Value::Object(paths)) = self.root.get("paths") {
            for (path, item) in paths {
                for (method, operation) in item.as_object().into_iter().flatten() {
                    if let Some(Value::Object(responses)) = operation.get("responses") {
                        let pointer = child(&child(&child("/paths", path), method), "responses");
                        let missing = common.iter().filter(|(status, _)| !responses.contains_key(*status));
                        operations.push((pointer, missing.collect::<Vec<_>>()));
                    }
                }
            }
        }
        for (pointer, missing) in operations {
            for (status, response) in missing {
                let mut response = response.clone();
                let to = child(&pointer, status);
                localize(&mut response, &to);
                insert(&mut self.root, &to, response);
                self.place(0, &child(&at, status), &to);
            }
        }
    }

    /// Adds examples to pages that have none: one entry, which is the example with the name of the entries' component.
    fn pages(&mut self) {
        let root = Value::Object(std::mem::take(&mut self.root));
        let mut examples = Vec::new();
        for (path, item) in root["paths"].as_object().into_iter().flatten() {
            for (method, operation) in item.as_object().into_iter().flatten() {
                for (status, response) in operation["responses"].as_object().into_iter().flatten() {
                    let content = &response["content"]["application/json"];
                    let is_missing = content.get("example").is_none() && content.get("examples").is_none();
                    let page = resolve(&root, &content["schema"]).filter(|_| is_missing);
                    if let Some(example) = page.and_then(|page| page_example(&root, page)) {
                        let parts = [
                            path,
                            method,
                            "responses",
                            status,
                            "content",
                            "application/json",
                            "example",
                        ];
                        let pointer = parts.iter().fold("/paths".to_owned(), |at, part| child(&at, part));
                        examples.push((pointer, example));
                    }
                }
            }
        }
        if let Value::Object(fields) = root {
            self.root = fields;
        }
        for (pointer, example) in examples {
            insert(&mut self.root, &pointer, example);
        }
    }

    /// Reports anything but paths and components in the other files: it would be lost.
    fn parts(&mut self) {
        for (number, source) in self.sources.iter().enumerate().skip(1) {
            let Some(fields) = source.root.as_object() else {
                self.report(
                    number,
                    "",
                    "the file must be a mapping",
                    "write `paths:` and `components:`",
                );
                continue;
            };
            if fields
                .get("components")
                .is_some_and(|components| !components.is_object())
            {
                let help = "write `schemas:` and others below it, or leave it out";
                self.report(number, "/components", "`components` must be a mapping", help);
            }
            if fields.get("paths").is_some_and(|paths| !paths.is_object()) {
                let help = "write paths below it, or leave it out";
                self.report(number, "/paths", "`paths` must be a mapping", help);
            }
            for key in fields
                .keys()
                .filter(|key| !matches!(key.as_str(), "paths" | "components"))
            {
                let problem = format!("`{key}` does not belong here");
                let help =
                    "such a file has only `paths` and `components`; what applies to the whole API is in the root";
                self.report(number, &child("", key), problem, help);
            }
        }
    }
}

/// One entry, and the other fields by their own examples; `None` if it is not a page, or a field has no example.
fn page_example(root: &Value, page: &Value) -> Option<Value> {
    let (mut fields, mut is_page) = (Map::new(), false);
    for (name, property) in page["properties"].as_object()? {
        let example = if property["x-entries"] == true {
            is_page = true;
            let component = schema_name(reference(&property["items"])?)?;
            json!([root["components"]["examples"].get(component)?.get("value")?])
        } else {
            resolve(root, property).unwrap_or(property).get("example")?.clone()
        };
        fields.insert(name.clone(), example);
    }
    is_page.then(|| fields.into())
}

/// Rewrites references to files as references within the document.
fn localize(value: &mut Value, pointer: &str) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(target)) = fields.get_mut("$ref")
                && let Some(hash) = target.find('#')
            {
                target.drain(..hash);
            }
            for (name, field) in fields {
                if is_read(pointer, name) {
                    localize(field, &child(pointer, name));
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| localize(item, pointer)),
        _ => {}
    }
}

/// Inserts a value at a pointer, and creates the mappings above it.
fn insert(root: &mut Map<String, Value>, pointer: &str, value: Value) {
    let mut fields = root;
    let mut parts: Vec<String> = pointer.split('/').skip(1).map(last).collect();
    let Some(name) = parts.pop() else { return };
    for part in parts {
        let next = fields.entry(part).or_insert_with(|| Value::Object(Map::new()));
        let Value::Object(next) = next else { return };
        fields = next;
    }
    fields.insert(name, value);
}
