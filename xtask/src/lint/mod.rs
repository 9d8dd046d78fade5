//! Reports everything that the generator does not support, and reads the rest into the model.
//!
//! Anything unknown is rejected, with a position and a remedy, so that progenitor gets only what it turns into correct
//! code. One run reports all findings.

mod bodies;
mod components;
mod enums;
mod examples;
mod grammar;
mod identifiers;
mod kinds;
mod limits;
mod names;
mod operations;
mod parameters;
mod queries;
mod references;
mod shapes;
mod structs;
mod whole;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use self::components::Walk;
use crate::{
    document::{Spec, pointer::child},
    finding::{Finding, Findings, Rule},
    model::{Api, Operation, Tag},
};

/// Reads a document, or reports all findings.
pub fn check(spec: &Spec) -> Result<Api, Findings> {
    let mut lint = Lint::new(spec);
    let api = lint.document();
    match api {
        Some(api) if lint.findings.is_empty() => Ok(api),
        _ => Err(Findings::sorted(lint.findings)),
    }
}

/// Reports references without a target, and those that lead back to themselves.
pub fn references(spec: &Spec) -> Result<(), Findings> {
    let mut lint = Lint::new(spec);
    if lint.references() {
        Ok(())
    } else {
        Err(Findings::sorted(lint.findings))
    }
}

/// Whether the type of a component is handwritten.
pub fn is_handwritten(component: &str) -> bool {
    components::HANDWRITTEN.iter().any(|(name, ..)| *name == component)
}

/// Whether a URL after its scheme is a host with an optional port and path, and nothing else.
fn is_host(rest: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '/');
    rest.starts_with(|c: char| c.is_ascii_alphanumeric()) && rest.chars().all(plain) && !rest.ends_with('/')
}

struct Lint<'a> {
    spec: &'a Spec,
    findings: Vec<Finding>,
    walk: Walk,
    places: Places,
    /// Why examples could not be checked.
    unchecked: Option<String>,
}

/// Pointers of query types and parameters, for findings.
#[derive(Default)]
struct Places {
    /// The first operation with a query type, by the name of the type.
    queries: BTreeMap<String, String>,
    /// Parameters, by pointer of the operation, and by `in` and name.
    parameters: BTreeMap<(String, String), String>,
}

impl Places {
    fn query(&self, name: &str) -> String {
        self.queries.get(name).cloned().unwrap_or_default()
    }

    /// The pointer of an operation's parameter, such as `query cursor`.
    fn parameter(&self, operation: &str, parameter: String) -> String {
        let found = self.parameters.get(&(operation.to_owned(), parameter));
        found.map_or_else(|| operation.to_owned(), Clone::clone)
    }
}

impl<'a> Lint<'a> {
    fn new(spec: &'a Spec) -> Self {
        Self {
            spec,
            findings: Vec::new(),
            walk: Walk::new(),
            places: Places::default(),
            unchecked: None,
        }
    }

    fn document(&mut self) -> Option<Api> {
        let root = self.object("", "an OpenAPI document")?;
        match root.get("openapi").and_then(Value::as_str) {
            Some(version) if version.starts_with("3.0.") => {}
            Some(version) => self.report(
                Rule::OpenapiVersion,
                "/openapi",
                format!("OpenAPI {version} is not supported"),
                "write `openapi: 3.0.3`; progenitor reads 3.0.x only",
            ),
            None => self.report(
                Rule::OpenapiVersion,
                "/openapi",
                "the version of OpenAPI is missing, or not text",
                "begin the document with `openapi: 3.0.3`",
            ),
        }
        if !self.references() {
            // Everything that follows resolves references.
            return None;
        }
        self.grammar();
        self.whole();
        self.examples();
        self.info();
        let base_url = self.base_url();
        let operations = self.operations();
        self.nested(&operations);
        self.shared_structs();
        let api = Api {
            tags: self.used_tags(&operations),
            operations,
            types: std::mem::take(&mut self.walk.types),
            base_url: base_url.clone().unwrap_or_default(),
        };
        self.names(&api);
        self.identifiers(&api);
        self.unchecked_examples();
        base_url.map(|_| api)
    }

    /// The tags that have operations, in the order of the document.
    fn used_tags(&self, operations: &[Operation]) -> Vec<Tag> {
        let text = |tag: &Value, pointer: &str| {
            tag.pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let declared = self.spec.at("/tags").and_then(Value::as_array).into_iter().flatten();
        let tags = declared.map(|tag| Tag {
            name: text(tag, "/name"),
            description: text(tag, "/description"),
            source: text(tag, "/externalDocs/url"),
        });
        tags.filter(|tag| operations.iter().any(|operation| operation.tag == tag.name))
            .collect()
    }

    fn info(&mut self) {
        self.text("/info", "title", "name the API");
        let version = self.text(
            "/info",
            "version",
            "write the document's version, such as `version: 1.0.0`",
        );
        let parts: Vec<_> = version.split('.').map(str::parse::<u64>).collect();
        if !version.is_empty() && (parts.len() != 3 || parts.iter().any(Result::is_err)) {
            self.report(
                Rule::Version,
                "/info/version",
                format!("`{version}` is not a version such as 1.2.3"),
                "write three numbers; `cargo xtask diff` says which version follows",
            );
        }
    }

    fn base_url(&mut self) -> Option<String> {
        let help = "write `servers: [{url: https://api.chartmogul.com}]`";
        let url = self.spec.at("/servers/0/url").and_then(Value::as_str);
        match url {
            Some(url) if url.strip_prefix("https://").is_some_and(is_host) => Some(url.to_owned()),
            Some(_) => {
                self.report(
                    Rule::Server,
                    "/servers/0/url",
                    "the server is not a plain https URL without a slash at the end",
                    help,
                );
                None
            }
            None => {
                self.report(Rule::Server, "/servers", "the server is missing", help);
                None
            }
        }
    }

    fn report(&mut self, rule: Rule, pointer: &str, problem: impl Into<String>, help: impl Into<String>) {
        self.findings.push(self.spec.finding(rule, pointer, problem, help));
    }

    /// The mapping at a pointer; anything else is reported.
    fn object(&mut self, pointer: &str, what: &str) -> Option<&'a Map<String, Value>> {
        let spec = self.spec;
        let found = spec.at(pointer).and_then(Value::as_object);
        if found.is_none() {
            self.report(
                Rule::Shape,
                pointer,
                format!("{what} must be a mapping"),
                "write it as `key: value` lines",
            );
        }
        found
    }

    /// A required text, which must not be empty.
    fn text(&mut self, pointer: &str, name: &str, help: &str) -> String {
        let spec = self.spec;
        match spec.at(&child(pointer, name)) {
            Some(Value::String(text)) if !text.trim().is_empty() => text.trim().to_owned(),
            Some(_) => {
                self.report(
                    Rule::of(name),
                    &child(pointer, name),
                    format!("`{name}` must be text"),
                    help,
                );
                String::new()
            }
            None => {
                self.report(Rule::of(name), pointer, format!("`{name}` is missing"), help);
                String::new()
            }
        }
    }

    /// An optional text.
    fn optional_text(&mut self, pointer: &str, name: &str) -> String {
        let spec = self.spec;
        if spec.at(&child(pointer, name)).is_none() {
            return String::new();
        }
        self.text(pointer, name, "write text, or leave it out")
    }

    fn flag(&mut self, pointer: &str, name: &str) -> Option<bool> {
        let spec = self.spec;
        let value = spec.at(&child(pointer, name))?;
        if value.as_bool().is_none() {
            self.report(
                Rule::Shape,
                &child(pointer, name),
                format!("`{name}` must be true or false"),
                "write `true` or `false`",
            );
        }
        value.as_bool()
    }

    /// Rejects keys that the generator would silently ignore.
    fn known(&mut self, pointer: &str, object: &Map<String, Value>, allowed: &[&str]) {
        for key in object.keys() {
            if !allowed.contains(&key.as_str()) {
                self.unknown(&child(pointer, key), key, allowed.iter().copied(), "it");
            }
        }
    }

    fn unknown<'b>(&mut self, pointer: &str, key: &str, allowed: impl Iterator<Item = &'b str>, what: &str) {
        let allowed: Vec<_> = allowed.collect();
        let close = allowed.iter().map(|known| (strsim::jaro_winkler(known, key), known));
        let help = match close.max_by(|(one, _), (other, _)| one.total_cmp(other)) {
            Some((likeness, known)) if likeness > 0.85 => format!("did you mean `{known}`?"),
            _ => format!("allowed in {what}: {}", allowed.join(", ")),
        };
        self.report(
            Rule::UnknownKeyword,
            pointer,
            format!("`{key}` is not supported here"),
            help,
        );
    }
}
