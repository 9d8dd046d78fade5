//! Bodies of requests and responses.

use serde_json::Value;

use super::{Lint, components::SCHEMAS, kinds::Use};
use crate::{
    document::pointer::{child, reference, schema_name, target},
    finding::Rule,
    model::{Body, Direction, Kind, Type},
};

const JSON: &str = "application/json";
const ERROR_BODY: &str = "#/components/schemas/ErrorBody";

impl Lint<'_> {
    pub(super) fn body(&mut self, pointer: &str, method: &str) -> Option<Body> {
        let spec = self.spec;
        let at = child(pointer, "requestBody");
        spec.at(&at)?;
        if method == "get" {
            let help = "leave it out; use query parameters";
            self.report(Rule::RequestBody, &at, "a GET with a body", help);
        }
        let at = self.resolved(&at);
        self.object(&at, "`requestBody`")?;
        let required = self.flag(&at, "required").unwrap_or(false);
        let content = self.object(&child(&at, "content"), "`content`")?;
        let media = child(&child(&at, "content"), JSON);
        if content.len() != 1 || !content.contains_key(JSON) {
            let types: Vec<_> = content.keys().map(String::as_str).collect();
            self.report(
                Rule::ContentType,
                &child(&at, "content"),
                format!("the request body has the content types: {}", types.join(", ")),
                "requests are JSON: write `application/json` and nothing else",
            );
            return None;
        }
        self.example(&media);
        self.walk.direction = Direction::Request;
        if !self.is_object_in_request(&child(&media, "schema")) {
            return None;
        }
        let component = self.named(&media, "the request body")?;
        self.component(&component);
        let component_at = child(SCHEMAS, &component);
        let envelope = if self.flag(&component_at, "x-envelope") == Some(true) {
            self.envelope(&component)
        } else {
            None
        };
        let inner = envelope.as_ref().map_or(&component, |(_, inner)| inner);
        if let Some(Type::Object(object)) = self.walk.types.get(inner) {
            let needed = envelope.as_ref().map(|(key, _)| key.clone());
            let needed = needed.or_else(|| object.required().next().map(|property| property.name.clone()));
            if let Some(needed) = needed.filter(|_| !required) {
                let problem = format!("the body is optional, but requires `{needed}`");
                let help = match envelope {
                    Some(_) => "add `required: true` to `requestBody`: an envelope is always sent",
                    None => "add `required: true` to `requestBody`, or take the field out of `required`",
                };
                self.report(Rule::RequestBody, &at, problem, help);
            }
        }
        Some(Body {
            required,
            envelope,
            example: self.first_example(&media),
            component,
        })
    }

    /// The only key of an envelope, and the object inside.
    fn envelope(&mut self, name: &str) -> Option<(String, String)> {
        let pointer = child(SCHEMAS, name);
        let Some(Type::Object(object)) = self.walk.types.get(name) else {
            return None; // reported elsewhere
        };
        if let [only] = &object.properties[..]
            && only.required
            && !only.nullable
            && let Kind::Ref(inner) = &only.kind
            && matches!(self.walk.types.get(inner), Some(Type::Object(_)))
        {
            return Some((only.name.clone(), inner.clone()));
        }
        let help = "an envelope has one property, which is required and a reference to an object; leave `x-envelope` out otherwise";
        let problem = format!("`{name}` is not an envelope");
        self.report(Rule::Envelope, &child(&pointer, "x-envelope"), problem, help);
        None
    }

    /// The type of all successful responses, and whether 304 is documented.
    pub(super) fn responses(&mut self, pointer: &str) -> (Option<Kind>, bool) {
        let list = child(pointer, "responses");
        let Some(responses) = self.object(&list, "`responses`") else {
            return (None, false);
        };
        let mut found: Vec<(Kind, String)> = Vec::new();
        for status in responses.keys() {
            let at = self.resolved(&child(&list, status));
            if status == "default" {
                self.report(
                    Rule::Status,
                    &child(&list, status),
                    "`default` does not name the statuses that occur",
                    "list them; a client handles every status, listed or not",
                );
                continue;
            }
            let code = status.parse::<u16>().ok().filter(|code| (100..600).contains(code));
            let range = matches!(status.as_bytes(), [b'1'..=b'5', b'X', b'X']);
            if code.is_none() && !range {
                self.report(
                    Rule::Status,
                    &child(&list, status),
                    format!("`{status}` is not a status"),
                    "write a code in quotes such as '200', or a range such as '2XX'",
                );
                continue;
            }
            let wide = format!("{}XX", status.get(..1).unwrap_or_default());
            if !range && responses.contains_key(&wide) {
                self.report(
                    Rule::Status,
                    &child(&list, status),
                    format!("`{status}` and `{wide}` overlap"),
                    "list the statuses one by one, or leave the range alone",
                );
            }
            self.text(&at, "description", "say what this response means");
            if !status.starts_with('2') {
                self.error_body(&at);
                continue; // errors are read without their schemas
            }
            found.extend(self.success(&at));
        }
        found.dedup_by(|one, other| one.0 == other.0);
        if found.len() > 1 {
            let kinds: Vec<_> = found.iter().map(|(_, name)| name.as_str()).collect();
            self.report(
                Rule::Response,
                &list,
                format!("successful responses have different types: {}", kinds.join(", ")),
                "an operation returns one type; merge them into one component with optional properties",
            );
        }
        if !responses.keys().any(|status| status.starts_with('2')) {
            self.report(
                Rule::Response,
                &list,
                "no successful response is documented",
                "add a 2xx response",
            );
        }
        let kind = found.pop().map(|(kind, _)| kind);
        (kind, responses.contains_key("304"))
    }

    /// The type of a successful response, and its name for messages; `None` if there is no value to read.
    fn success(&mut self, pointer: &str) -> Option<(Kind, String)> {
        let content = child(pointer, "content");
        let types = self.spec.at(&content)?.as_object();
        if !types.is_some_and(|types| types.len() == 1 && types.contains_key(JSON)) {
            self.report(
                Rule::ContentType,
                &content,
                "a successful response is not JSON",
                "write `application/json` and nothing else",
            );
            return None;
        }
        let media = child(&content, JSON);
        self.example(&media);
        let schema = child(&media, "schema");
        self.walk.direction = Direction::Response;
        if !self.is_read_from_response(&schema) {
            return None;
        }
        let inline = self.spec.at(&schema).and_then(|schema| schema.get("type"));
        let is_listed = matches!(inline.and_then(Value::as_str), Some("array" | "object"))
            && self.spec.at(&child(&schema, "properties")).is_none();
        if !is_listed {
            let name = self.named(&media, "the response")?;
            // Bodies of such responses vary, and have no information.
            if self.flag(&child(SCHEMAS, &name), "x-no-result") == Some(true) {
                return None;
            }
        }
        let kind = self.schema(&schema, Use::Response)?.kind;
        match &kind {
            Kind::List(inner) => Some((kind.clone(), format!("a list of {}", spelled(inner)))),
            Kind::Map(inner) => Some((kind.clone(), format!("a map of {}", spelled(inner)))),
            Kind::Ref(name) => Some((kind.clone(), name.clone())),
            _ => None, // a single value, which was reported
        }
    }

    /// Requires one component for all JSON errors: the code that reads an error does not know which shape the endpoint uses.
    fn error_body(&mut self, pointer: &str) {
        let schema = child(&child(&child(pointer, "content"), JSON), "schema");
        let Some(found) = self.spec.at(&schema) else { return };
        if found.get("$ref").and_then(Value::as_str) != Some(ERROR_BODY) {
            self.report(
                Rule::ErrorBody,
                &schema,
                format!("the schema of the error response is not `{ERROR_BODY}`"),
                "add its shape to that component (`anyOf`) and refer to it: any endpoint may return any shape",
            );
        }
    }

    /// The documented error statuses, in order.
    pub(super) fn errors(&self, pointer: &str) -> Vec<u16> {
        let responses = self.spec.at(&child(pointer, "responses")).and_then(Value::as_object);
        let statuses = responses.into_iter().flatten().map(|(status, _)| status);
        let mut errors: Vec<u16> = statuses.filter_map(|status| status.parse().ok()).collect();
        errors.retain(|status| *status >= 400);
        errors.sort_unstable();
        errors
    }

    /// The first example of a body, as it is sent.
    fn first_example(&self, media: &str) -> Option<Value> {
        if let Some(example) = self.spec.at(&child(media, "example")) {
            return Some(example.clone());
        }
        let examples = self.spec.at(&child(media, "examples")).and_then(Value::as_object)?;
        let first = examples.keys().next()?;
        let at = self.resolved(&child(&child(media, "examples"), first));
        self.spec.at(&child(&at, "value")).cloned()
    }

    fn example(&mut self, media: &str) {
        if ["example", "examples"]
            .iter()
            .all(|name| self.spec.at(&child(media, name)).is_none())
        {
            self.report(
                Rule::Example,
                media,
                "the body has no example",
                "add `example:` with what is really sent",
            );
        }
    }

    /// The component that a media type's schema refers to.
    fn named(&mut self, media: &str, what: &str) -> Option<String> {
        let schema = child(media, "schema");
        let name = self.spec.at(&schema).and_then(reference).and_then(schema_name);
        if name.is_none() {
            self.report(
                Rule::InlineObject,
                &schema,
                format!("{what} is not a named component"),
                "define it, with its `properties`, under `components: schemas:` and refer to it; its name becomes a Rust type",
            );
        }
        name.map(str::to_owned)
    }

    /// Follows a reference. All of them have been checked: they have a target, in one step.
    pub(super) fn resolved(&self, pointer: &str) -> String {
        self.spec.at(pointer).and_then(target).unwrap_or(pointer).to_owned()
    }
}

fn spelled(kind: &Kind) -> String {
    match kind {
        Kind::Ref(name) => name.clone(),
        Kind::List(inner) => format!("lists of {}", spelled(inner)),
        Kind::Map(inner) => format!("maps of {}", spelled(inner)),
        simple => format!("{simple:?}").to_lowercase(),
    }
}
