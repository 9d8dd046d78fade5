use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Lint, Query};
use crate::{
    document::pointer::child,
    finding::Rule,
    model::{Limits, Operation, Parameter},
    names,
};

const METHODS: [&str; 5] = ["get", "put", "post", "delete", "patch"];
const JSON: &str = "application/json";
const ERROR_BODY: &str = "#/components/schemas/ErrorBody";

impl<'a> Lint<'a> {
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
                self.say(
                    Rule::Paths,
                    &pointer,
                    format!("`{path}` and `{other}` are the same path"),
                    "write both methods below one of them",
                );
            }
            let Some(item) = item.as_object() else {
                self.say(
                    Rule::Shape,
                    &pointer,
                    "a path must be a mapping",
                    "write its methods below it",
                );
                continue;
            };
            self.known(
                &pointer,
                item,
                &[&METHODS[..], &["parameters", "summary", "description"]].concat(),
            );
            for method in METHODS.into_iter().filter(|method| item.contains_key(*method)) {
                let at = child(&pointer, method);
                let Some(operation) = self.operation(&at, path, method) else {
                    continue;
                };
                if let Some(first) = ids.insert(operation.id.clone(), at.clone()) {
                    let first = spec.finding(Rule::OperationId, &first, "", "");
                    self.say(
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
            self.say(
                Rule::Paths,
                "/paths",
                "the document has no operation",
                "add a path with a method",
            );
        }
        operations
    }

    fn operation(&mut self, pointer: &str, path: &str, method: &str) -> Option<Operation> {
        let spec = self.spec;
        let operation = self.object(pointer, "an operation")?;
        self.known(
            pointer,
            operation,
            &[
                "operationId",
                "x-idempotent",
                "x-required-type",
                "tags",
                "summary",
                "description",
                "externalDocs",
                "parameters",
                "requestBody",
                "responses",
            ],
        );
        let id = self.text(
            pointer,
            "operationId",
            "the client method takes its name from it: `operationId: update_opportunity`",
        );
        if !id.is_empty() && (names::field(&id) != id || !names::is_ident(&id)) {
            self.say(
                Rule::OperationId,
                &child(pointer, "operationId"),
                format!("operationId `{id}` is not a snake_case name"),
                format!(
                    "write `{}`; the client method takes its name from it",
                    names::field(&id)
                ),
            );
        }
        if names::RESERVED_OPERATIONS.contains(&id.as_str())
            || names::RESERVED_TYPES.contains(&names::pascal(&id).as_str())
        {
            self.say(
                Rule::NameCollision,
                &child(pointer, "operationId"),
                format!("operationId `{id}` is the name of something else in the clients"),
                "say what it does to what, such as `update_opportunity`",
            );
        }
        let tag = self.tag(pointer);
        if spec.at(&child(pointer, "x-idempotent")).is_none() {
            self.say(
                Rule::Idempotent,
                pointer,
                "`x-idempotent` is missing",
                "say whether sending the request twice is harmless: `x-idempotent: true` or `false`",
            );
        }
        let idempotent = self.flag(pointer, "x-idempotent").unwrap_or(false);
        let summary = self.text(pointer, "summary", "say in one line what it does");
        let description = self.optional_text(pointer, "description");
        let source_help =
            "link the page of the API reference: `externalDocs: {url: https://dev.chartmogul.com/reference/...}`";
        let source = if operation.contains_key("externalDocs") {
            self.text(&child(pointer, "externalDocs"), "url", source_help)
        } else {
            self.say(Rule::SourceLink, pointer, "`externalDocs` is missing", source_help);
            String::new()
        };
        let (parameters, query) = self.parameters(pointer, path);
        let query = self.query(pointer, &id, query);
        let body = self.body(pointer);
        let (answer, not_modified) = self.responses(pointer);
        Some(Operation {
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
            answer,
            not_modified,
        })
    }

    fn tag(&mut self, pointer: &str) -> String {
        let spec = self.spec;
        match spec
            .at(&child(pointer, "tags"))
            .and_then(Value::as_array)
            .map(Vec::as_slice)
        {
            Some([Value::String(tag)]) if names::module(tag) == *tag && names::is_ident(tag) => tag.clone(),
            _ => {
                self.say(
                    Rule::Tag,
                    pointer,
                    "the operation does not have exactly one tag in snake_case",
                    "name its resource: `tags: [opportunities]`; files and modules take their names from it",
                );
                String::new()
            }
        }
    }

    /// Puts the query parameters aside; the name of the type that will hold them.
    fn query(&mut self, pointer: &str, id: &str, parameters: Vec<(String, String)>) -> Option<String> {
        if !parameters.is_empty() {
            let name = format!("{}Query", names::pascal(id));
            self.queries.push(Query {
                name: name.clone(),
                operation: id.to_owned(),
                pointer: pointer.to_owned(),
                parameters,
            });
            return Some(name);
        }
        let required_type = child(pointer, "x-required-type");
        if self.spec.at(&required_type).is_some() {
            self.say(
                Rule::RequiredType,
                &required_type,
                "a struct for query parameters, and there are none",
                "write it on the component in the body, or leave it out",
            );
        }
        None
    }

    /// Those in the path, in its order; and where those in the query are, by name.
    fn parameters(&mut self, pointer: &str, path: &str) -> (Vec<Parameter>, Vec<(String, String)>) {
        let spec = self.spec;
        let path_pointer = child("/paths", path);
        let mut declared: BTreeMap<String, Parameter> = BTreeMap::new();
        let mut query: Vec<(String, String)> = Vec::new();
        // Those of the operation come last and win.
        for list in [child(&path_pointer, "parameters"), child(pointer, "parameters")] {
            let Some(value) = spec.at(&list) else { continue };
            let Some(items) = value.as_array() else {
                self.say(
                    Rule::Shape,
                    &list,
                    "`parameters` must be a list",
                    "write each parameter with a dash",
                );
                continue;
            };
            let mut seen = BTreeSet::new();
            for index in 0..items.len() {
                let entry = child(&list, &index.to_string());
                let at = self.resolved(&entry);
                let Some((name, place)) = self.parameter(&at) else {
                    continue;
                };
                if !seen.insert((place, name.clone())) {
                    let problem = format!("parameter `{name}` is declared twice");
                    self.say(Rule::Shape, &entry, problem, "leave one out");
                }
                match place {
                    Some("path") => {
                        let parameter = self.path_parameter(&at, name.clone(), path);
                        declared.insert(name, parameter);
                    }
                    Some("query") => {
                        query.retain(|(known, _)| *known != name);
                        query.push((name, at));
                    }
                    place => self.say(
                        Rule::QueryParameter,
                        &at,
                        format!(
                            "parameter `{name}` in `{}` is not supported",
                            place.unwrap_or("nothing")
                        ),
                        "write `in: path` or `in: query`; what belongs into headers is the transport's business",
                    ),
                }
            }
        }

        (self.in_the_path(pointer, path, declared), query)
    }

    /// The parameters of a path, in its order.
    fn in_the_path(&mut self, pointer: &str, path: &str, mut declared: BTreeMap<String, Parameter>) -> Vec<Parameter> {
        let path_pointer = child("/paths", path);
        let mut ordered = Vec::new();
        let mut rest = path;
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '-' | '{' | '}');
        if !path.chars().all(plain) {
            self.say(
                Rule::Paths,
                &path_pointer,
                "the path holds more than letters, digits, `/`, `-`, `_` and braces",
                "a query is written as parameters",
            );
        }
        if path.contains("//") || path.ends_with('/') {
            self.say(
                Rule::Paths,
                &path_pointer,
                "the path has an empty part",
                "write one `/` between two parts, and none at the end",
            );
        }
        if !path.starts_with("/v1/") {
            self.say(
                Rule::Paths,
                &path_pointer,
                "the path does not begin with `/v1/`",
                "every path of the API does",
            );
        }
        while let Some((_, after)) = rest.split_once('{') {
            let Some((name, after)) = after.split_once('}') else {
                self.say(
                    Rule::Paths,
                    &path_pointer,
                    "a brace in the path is not closed",
                    "write parameters as `{name}`",
                );
                break;
            };
            rest = after;
            if !names::is_ident(&names::field(name)) {
                self.say(
                    Rule::Paths,
                    &path_pointer,
                    format!("`{{{name}}}` is not a name"),
                    "write parameters as `{opportunity_uuid}`",
                );
            } else if let Some(parameter) = declared.remove(name) {
                ordered.push(parameter);
            } else if ordered.iter().any(|known: &Parameter| known.name == name) {
                self.say(
                    Rule::Paths,
                    &path_pointer,
                    format!("`{{{name}}}` is in the path twice"),
                    "give each parameter a name of its own",
                );
            } else {
                self.say(
                    Rule::PathParameter,
                    pointer,
                    format!("path parameter `{name}` is not declared"),
                    format!(
                        "add `- {{name: {name}, in: path, required: true, schema: {{type: string}}}}` to `parameters`"
                    ),
                );
            }
        }
        ordered
    }

    /// Its name, and its place.
    fn parameter(&mut self, pointer: &str) -> Option<(String, Option<&'a str>)> {
        let parameter = self.object(pointer, "a parameter")?;
        self.known(
            pointer,
            parameter,
            &["name", "in", "required", "description", "schema", "example", "examples"],
        );
        let name = self.text(pointer, "name", "name the parameter");
        if name.is_empty() {
            return None;
        }
        Some((name, parameter.get("in").and_then(Value::as_str)))
    }

    fn path_parameter(&mut self, pointer: &str, name: String, path: &str) -> Parameter {
        let spec = self.spec;
        let argument = names::field(&name);
        if names::RESERVED_ARGUMENTS.contains(&argument.as_str()) {
            self.say(
                Rule::NameCollision,
                pointer,
                format!("`{name}` is the name of something else in the generated method"),
                "say what it identifies, such as `opportunity_uuid`; the path on the wire stays the same",
            );
        }
        if !path.contains(&format!("{{{name}}}")) {
            self.say(
                Rule::PathParameter,
                pointer,
                format!("parameter `{name}` is not in the path `{path}`"),
                "correct its name, or the path",
            );
        }
        if spec.at(&child(pointer, "required")).and_then(Value::as_bool) != Some(true) {
            self.say(
                Rule::PathParameter,
                pointer,
                format!("path parameter `{name}` is not required"),
                "add `required: true`",
            );
        }
        let description = self.text(pointer, "description", "say what it identifies");
        let schema = child(pointer, "schema");
        let limits = if spec.at(&schema).and_then(|s| s.get("type")).and_then(Value::as_str) == Some("string") {
            self.string_schema(&schema)
        } else {
            let help = "write `schema: {type: string}`; identifiers are opaque";
            self.say(
                Rule::PathParameter,
                &schema,
                format!("path parameter `{name}` is not a string"),
                help,
            );
            Limits::default()
        };
        Parameter {
            name,
            description,
            limits,
        }
    }

    fn body(&mut self, pointer: &str) -> Option<String> {
        let spec = self.spec;
        let at = child(pointer, "requestBody");
        spec.at(&at)?;
        let at = self.resolved(&at);
        let body = self.object(&at, "`requestBody`")?;
        if body.get("required").and_then(Value::as_bool) != Some(true) {
            self.say(
                Rule::RequestBody,
                &at,
                "the request body is optional",
                "add `required: true`; a body that may be missing is not supported",
            );
        }
        let content = self.object(&child(&at, "content"), "`content`")?;
        let media = child(&child(&at, "content"), JSON);
        if content.len() != 1 || !content.contains_key(JSON) {
            let types: Vec<_> = content.keys().map(String::as_str).collect();
            self.say(
                Rule::ContentType,
                &child(&at, "content"),
                format!("the request body has the content types: {}", types.join(", ")),
                "requests are JSON: write `application/json` and nothing else",
            );
            return None;
        }
        self.example(&media);
        self.named(&media, "the request body")
    }

    /// The component that all successful answers hold, and whether 304 is among the responses.
    fn responses(&mut self, pointer: &str) -> (Option<String>, bool) {
        let spec = self.spec;
        let list = child(pointer, "responses");
        let Some(responses) = self.object(&list, "`responses`") else {
            return (None, false);
        };
        let mut answers: Vec<(String, Option<String>)> = Vec::new();
        for status in responses.keys() {
            let at = self.resolved(&child(&list, status));
            if status == "default" {
                self.say(
                    Rule::Status,
                    &child(&list, status),
                    "`default` says nothing about the statuses that occur",
                    "list them; a client reads every status, listed or not",
                );
                continue;
            }
            let code = status.parse::<u16>().ok().filter(|code| (100..600).contains(code));
            let range = matches!(status.as_bytes(), [b'1'..=b'5', b'X', b'X']);
            if code.is_none() && !range {
                self.say(
                    Rule::Status,
                    &child(&list, status),
                    format!("`{status}` is not a status"),
                    "write a code in quotes such as '200', or a range such as '2XX'",
                );
                continue;
            }
            let wide = format!("{}XX", status.get(..1).unwrap_or_default());
            if !range && responses.contains_key(&wide) {
                self.say(
                    Rule::Status,
                    &child(&list, status),
                    format!("`{status}` and `{wide}` overlap"),
                    "list the statuses one by one, or leave the range alone",
                );
            }
            self.text(&at, "description", "say what this answer means");
            if !status.starts_with('2') {
                self.error_body(&at);
                continue; // errors are read without their schemas, whatever their shape
            }
            let content = child(&at, "content");
            let component = match spec.at(&content) {
                None => None,
                Some(value) if value.as_object().is_some_and(|c| c.len() == 1 && c.contains_key(JSON)) => {
                    let media = child(&content, JSON);
                    self.example(&media);
                    let Some(name) = self.named(&media, "the answer") else {
                        continue;
                    };
                    // Bodies of such answers vary, and nobody misses what they say.
                    let no_result = self.flag(&child("/components/schemas", &name), "x-no-result");
                    (no_result != Some(true)).then_some(name)
                }
                Some(_) => {
                    self.say(
                        Rule::ContentType,
                        &content,
                        "a successful answer is not JSON",
                        "write `application/json` and nothing else",
                    );
                    continue;
                }
            };
            answers.push((status.clone(), component));
        }
        let mut named: Vec<_> = answers.iter().filter_map(|(_, name)| name.clone()).collect();
        named.sort();
        named.dedup();
        if named.len() > 1 {
            self.say(
                Rule::Answer,
                &list,
                format!("successful answers hold different components: {}", named.join(", ")),
                "an operation answers with one type; merge them into one component with optional members",
            );
        }
        if !responses.keys().any(|status| status.starts_with('2')) {
            self.say(
                Rule::Answer,
                &list,
                "no successful answer is documented",
                "add a 2xx response",
            );
        }
        (named.pop(), responses.contains_key("304"))
    }

    /// One component for all JSON errors: where it is read, the status is known and the endpoint's age is not.
    fn error_body(&mut self, pointer: &str) {
        let schema = child(&child(&child(pointer, "content"), JSON), "schema");
        let Some(found) = self.spec.at(&schema) else { return };
        if found.get("$ref").and_then(Value::as_str) != Some(ERROR_BODY) {
            self.say(
                Rule::ErrorBody,
                &schema,
                format!("the error is not `{ERROR_BODY}`"),
                "add its shape to that component (`anyOf`) and refer to it: any endpoint may answer with any shape",
            );
        }
    }

    fn example(&mut self, media: &str) {
        if ["example", "examples"]
            .iter()
            .all(|name| self.spec.at(&child(media, name)).is_none())
        {
            self.say(
                Rule::Example,
                media,
                "the body has no example",
                "add `example:` with what really goes over the wire",
            );
        }
    }

    /// The component that a media type's schema refers to.
    fn named(&mut self, media: &str, what: &str) -> Option<String> {
        let schema = child(media, "schema");
        let name = self
            .spec
            .at(&schema)
            .and_then(|s| s.get("$ref"))
            .and_then(Value::as_str);
        let name = name.and_then(|target| target.strip_prefix("#/components/schemas/"));
        if name.is_none() {
            self.say(
                Rule::InlineObject,
                &schema,
                format!("{what} is not a named component"),
                "define it under `components: schemas:` and refer to it; its name becomes a Rust type",
            );
        }
        name.map(str::to_owned)
    }

    /// Follows a reference. They were all found to lead somewhere, in one step.
    fn resolved(&self, pointer: &str) -> String {
        let target = self
            .spec
            .at(pointer)
            .and_then(|value| value.get("$ref"))
            .and_then(Value::as_str);
        target
            .and_then(|target| target.strip_prefix('#'))
            .map_or_else(|| pointer.to_owned(), str::to_owned)
    }
}
