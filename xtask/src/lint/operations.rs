//! Operations: the keywords of each operation itself.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Lint;
use crate::{document::pointer::child, finding::Rule, model::Operation, names};

const METHODS: [&str; 5] = ["get", "put", "post", "delete", "patch"];

impl Lint<'_> {
    pub(super) fn operations(&mut self) -> Vec<Operation> {
        let spec = self.spec;
        let mut operations = Vec::new();
        let mut ids: BTreeMap<String, String> = BTreeMap::new();
        let mut shapes: BTreeMap<String, String> = BTreeMap::new();
        for (path, item) in self.object("/paths", "`paths`").into_iter().flatten() {
            let pointer = child("/paths", path);
            let shape = path
                .split('/')
                .map(|part| if part.starts_with('{') { "{}" } else { part })
                .collect::<Vec<_>>()
                .join("/");
            if let Some(other) = shapes.insert(shape, path.clone()) {
                self.report(
                    Rule::Paths,
                    &pointer,
                    format!("`{path}` and `{other}` are the same path"),
                    "write both methods below one of the two paths",
                );
            }
            let Some(item) = item.as_object() else {
                self.report(
                    Rule::Shape,
                    &pointer,
                    "a path must be a mapping",
                    "write its methods below it",
                );
                continue;
            };
            for method in METHODS.into_iter().filter(|method| item.contains_key(*method)) {
                let at = child(&pointer, method);
                let Some(operation) = self.operation(&at, path, method) else {
                    continue;
                };
                if let Some(first) = ids.insert(operation.id.clone(), at.clone()) {
                    let first = spec.finding(Rule::OperationId, &first, "", "");
                    self.report(
                        Rule::OperationId,
                        &child(&at, "operationId"),
                        format!(
                            "operationId `{}` is used twice; first in line {}",
                            operation.id, first.line
                        ),
                        "the client method takes its name from it; choose another",
                    );
                }
                operations.push(operation);
            }
        }
        if operations.is_empty() && self.findings.is_empty() {
            self.report(
                Rule::Paths,
                "/paths",
                "the document has no operation",
                "add a path with a method",
            );
        }
        operations
    }

    fn operation(&mut self, pointer: &str, path: &str, method: &str) -> Option<Operation> {
        self.object(pointer, "an operation")?;
        let tag = self.tag(pointer);
        let id = self.operation_id(pointer, &tag);
        let verb = self.verb(pointer, &id, &tag);
        let idempotent = self.idempotent(pointer);
        let destructive = self.destructive(pointer, method);
        let summary = self.text(pointer, "summary", "say in one line what it does");
        let description = self.optional_text(pointer, "description");
        let source = self.source(pointer);
        let (parameters, query) = self.parameters(pointer, path);
        let path_type = self.path_type(pointer, &parameters);
        let query = self.query(pointer, &id, &tag, path_type.is_some(), query);
        let body = self.body(pointer, method);
        let (response, not_modified) = self.responses(pointer);
        Some(Operation {
            verb,
            destructive,
            deprecated: self.deprecated(pointer),
            identifier: self.identifier(pointer),
            path_type,
            errors: self.errors(pointer),
            id,
            method: method.to_owned(),
            path: path.to_owned(),
            tag,
            idempotent,
            source,
            summary,
            description,
            parameters,
            query,
            body,
            response,
            not_modified,
        })
    }

    fn operation_id(&mut self, pointer: &str, tag: &str) -> String {
        let id = self.text(
            pointer,
            "operationId",
            "the client method takes its name from it: `operationId: update_opportunity`",
        );
        if !id.is_empty() && (names::field(&id) != id || !names::is_ident(&id)) {
            let snake = names::field(&id);
            let help = if self.is_free_operation_id(&snake, tag, pointer) {
                format!("write `{snake}`; the client method takes its name from it")
            } else {
                "the client method takes its name from it; write a verb and a resource: `update_opportunity`".to_owned()
            };
            let problem = format!("operationId `{id}` is not a snake_case name");
            self.report(Rule::OperationId, &child(pointer, "operationId"), problem, help);
        }
        id
    }

    /// The name of an operation's method in its resource.
    fn verb(&mut self, pointer: &str, id: &str, tag: &str) -> String {
        let at = child(pointer, "x-method");
        let Some(verb) = self.spec.at(&at) else {
            return names::verb(id, tag);
        };
        match verb.as_str().filter(|verb| names::is_field(verb)) {
            Some(verb) => verb.to_owned(),
            None => {
                let help = "write a name in snake_case, such as `x-method: archive`";
                self.report(Rule::Method, &at, format!("{verb} is not the name of a method"), help);
                String::new()
            }
        }
    }

    /// The name of the enum that identifies the object; empty if it is not a valid name.
    fn identifier(&mut self, pointer: &str) -> Option<String> {
        let at = child(pointer, "x-identifier");
        let is_there = self.spec.at(&at).is_some();
        is_there.then(|| self.struct_name(&at, "InvoiceIdentifier").unwrap_or_default())
    }

    fn idempotent(&mut self, pointer: &str) -> bool {
        if self.spec.at(&child(pointer, "x-idempotent")).is_none() {
            self.report(
                Rule::Idempotent,
                pointer,
                "`x-idempotent` is missing",
                "say whether sending the request twice is harmless: `x-idempotent: true` or `false`",
            );
        }
        self.flag(pointer, "x-idempotent").unwrap_or(false)
    }

    /// Whether the operation deletes something permanently.
    fn destructive(&mut self, pointer: &str, method: &str) -> bool {
        let said = self.flag(pointer, "x-destructive");
        let implied = match method {
            "get" => Some(false),
            "delete" => Some(true),
            _ => None,
        };
        if said.is_some() && implied.is_some() && said != implied {
            let how = if method == "get" { "never" } else { "always" };
            self.report(
                Rule::Destructive,
                &child(pointer, "x-destructive"),
                format!("a {} is {how} destructive", method.to_uppercase()),
                "leave it out; it is for a POST, PUT or PATCH that removes something for good, such as a merge",
            );
        }
        method == "delete" || said == Some(true)
    }

    fn source(&mut self, pointer: &str) -> String {
        let help =
            "link the page of the API reference: `externalDocs: {url: https://dev.chartmogul.com/reference/...}`";
        if self.spec.at(&child(pointer, "externalDocs")).is_some() {
            return self.text(&child(pointer, "externalDocs"), "url", help);
        }
        self.report(Rule::SourceLink, pointer, "`externalDocs` is missing", help);
        String::new()
    }

    fn tag(&mut self, pointer: &str) -> String {
        let spec = self.spec;
        match spec
            .at(&child(pointer, "tags"))
            .and_then(Value::as_array)
            .map(Vec::as_slice)
        {
            Some([Value::String(tag)]) if names::module(tag) == *tag && names::is_ident(tag) => {
                self.file_of_tag(pointer, tag);
                tag.clone()
            }
            _ => {
                self.report(
                    Rule::Tag,
                    pointer,
                    "the operation does not have exactly one tag in snake_case",
                    "name its resource: `tags: [opportunities]`; files and modules take their names from it",
                );
                String::new()
            }
        }
    }

    /// Checks that an operation is in the file of its resource.
    fn file_of_tag(&mut self, pointer: &str, tag: &str) {
        let file = self.spec.file(pointer);
        if let Some(of_file) = tag_of_file(file)
            && of_file != tag
        {
            let problem = format!("an operation with the tag `{tag}` in the file of `{of_file}`");
            let help = format!("write `tags: [{of_file}]`, or move the path to `resources/{tag}.yaml`");
            self.report(Rule::Tag, &child(pointer, "tags"), problem, help);
        }
    }
}

/// The tag whose resource a file describes.
pub(super) fn tag_of_file(file: &str) -> Option<&str> {
    let path = camino::Utf8Path::new(file);
    let is_resource = path.parent().and_then(camino::Utf8Path::file_name) == Some("resources");
    path.file_stem().filter(|_| is_resource)
}
