//! The OpenAPI document, as far as the fake reads it.

use std::{collections::BTreeMap, sync::LazyLock};

use serde_json::Value;

use crate::schema;

/// The document of the workspace, without its prose: generated, because the crate is published without the folder of
/// the document.
static ROOT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("generated/document.json")).unwrap_or_default());

static DOCUMENT: LazyLock<Document> = LazyLock::new(|| Document::read(&ROOT));

/// The parts of the document that the fake uses.
pub(crate) struct Document {
    pub(crate) operations: Vec<Operation>,
    /// The kinds of objects that can be stored, by tag.
    pub(crate) collections: BTreeMap<&'static str, Kind>,
}

/// One operation.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) id: &'static str,
    pub(crate) method: String,
    pub(crate) path: &'static str,
    pub(crate) tag: &'static str,
    /// The parameters in the path, in its order.
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) query: Vec<Parameter>,
    /// Groups of query parameters, of which exactly one must be given completely.
    pub(crate) one_of: &'static Value,
    /// The query parameters that identify the object, if the path does not.
    pub(crate) identified_by: Vec<&'static str>,
    pub(crate) body: Option<Body>,
    responses: &'static Value,
    /// The first documented success.
    pub(crate) success: Success,
    /// Whether 304 is documented.
    pub(crate) not_modified: bool,
    /// Whether 204 is documented.
    pub(crate) no_content: bool,
    #[cfg(test)]
    pub(crate) idempotent: bool,
    pub(crate) action: Action,
}

#[derive(Debug)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) required: bool,
    pub(crate) schema: &'static Value,
    pub(crate) example: &'static Value,
}

#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) required: bool,
    pub(crate) schema: &'static Value,
    #[cfg(test)]
    pub(crate) example: &'static Value,
}

#[derive(Debug)]
pub(crate) struct Success {
    pub(crate) status: u16,
    /// `None` if the response has no body.
    pub(crate) schema: Option<&'static Value>,
    pub(crate) example: &'static Value,
}

/// What an operation does, derived from its method and path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    List,
    Create,
    Get,
    Update,
    Delete,
    /// Anything else: the response is the document's example.
    Example,
}

/// Objects of one kind.
#[derive(Debug)]
pub(crate) struct Kind {
    /// Its name in messages: `Plan group`.
    pub(crate) name: String,
    /// Name of the field that identifies an object.
    pub(crate) key: &'static str,
    /// The prefix before the UUID in a key: `plg_`.
    pub(crate) prefix: &'static str,
    pub(crate) schema: &'static Value,
    pub(crate) example: &'static Value,
}

/// The document.
pub(crate) fn document() -> &'static Document {
    &DOCUMENT
}

/// The target of a `$ref`; a value without one is returned as it is.
pub(crate) fn resolve(value: &'static Value) -> &'static Value {
    let target = value.get("$ref").and_then(Value::as_str);
    match target.and_then(|target| ROOT.pointer(target.strip_prefix('#')?)) {
        Some(target) => resolve(target),
        None => value,
    }
}

/// The properties of an object's schema.
pub(crate) fn properties(schema: &'static Value) -> impl Iterator<Item = (&'static str, &'static Value)> {
    let properties = resolve(schema)["properties"].as_object();
    properties
        .into_iter()
        .flatten()
        .map(|(name, schema)| (name.as_str(), schema))
}

/// The property of a page that holds its entries.
pub(crate) fn entries(schema: &'static Value) -> Option<&'static str> {
    properties(schema)
        .find(|(_, schema)| schema["x-entries"] == true)
        .map(|(name, _)| name)
}

/// The first example of a body.
fn example(content: &'static Value) -> &'static Value {
    let named = content["examples"]
        .as_object()
        .and_then(|examples| examples.values().next());
    named.map_or(&content["example"], |example| &resolve(example)["value"])
}

impl Document {
    fn read(root: &'static Value) -> Self {
        let paths = root["paths"].as_object().into_iter().flatten();
        let operations: Vec<_> = paths
            .flat_map(|(path, item)| {
                let operations = item.as_object().into_iter().flatten();
                operations.map(move |(method, operation)| Operation::read(path, method, operation))
            })
            .collect();
        let collections = operations
            .iter()
            .filter(|operation| operation.action == Action::Get && operation.identified_by.is_empty())
            .filter_map(|operation| Some((operation.tag, Kind::read(operation)?)))
            .collect();
        Self {
            operations,
            collections,
        }
    }

    /// The operations whose template matches a path, those with the fewest parameters first.
    pub(crate) fn at(&self, path: &[&str]) -> Vec<&Operation> {
        let mut found: Vec<_> = self
            .operations
            .iter()
            .filter(|operation| operation.fits(path))
            .collect();
        found.sort_by_key(|operation| operation.path.matches('{').count());
        found
    }
}

impl Operation {
    fn read(path: &'static str, method: &str, operation: &'static Value) -> Self {
        let text = |value: &'static Value| value.as_str().unwrap_or_default();
        let tag = text(&operation["tags"][0]);
        let parameters = |place: &str| {
            let parameters = operation["parameters"].as_array().into_iter().flatten().map(resolve);
            let parameters = parameters.filter(|parameter| parameter["in"] == place);
            let parameters = parameters.map(|parameter| Parameter {
                name: text(&parameter["name"]),
                required: parameter["required"] == true,
                schema: &parameter["schema"],
                example: &parameter["example"],
            });
            parameters.collect::<Vec<_>>()
        };
        let query = parameters("query");
        let mut in_path = parameters("path");
        in_path.sort_by_key(|parameter| path.find(&format!("{{{}}}", parameter.name)));
        let by_query = operation.get("x-identifier").is_some() && !path.contains('{');
        let identifying = query.iter().filter(|parameter| by_query && parameter.required);
        let body = operation.get("requestBody").map(resolve).map(|body| {
            let content = &body["content"]["application/json"];
            Body {
                required: body["required"] == true,
                schema: &content["schema"],
                #[cfg(test)]
                example: example(content),
            }
        });
        let success = Success::read(&operation["responses"]);
        Self {
            id: text(&operation["operationId"]),
            action: Action::of(method, path, tag, by_query, &success),
            not_modified: operation["responses"].get("304").is_some(),
            no_content: operation["responses"].get("204").is_some(),
            #[cfg(test)]
            idempotent: operation["x-idempotent"] == true,
            identified_by: identifying.map(|parameter| parameter.name).collect(),
            responses: &operation["responses"],
            method: method.to_ascii_uppercase(),
            path,
            parameters: in_path,
            tag,
            query,
            one_of: &operation["x-one-of"],
            body,
            success,
        }
    }

    /// The value of a parameter in the path.
    pub(crate) fn argument<'a>(&self, name: &str, path: &'a [String]) -> Option<&'a str> {
        let (_, value) = self
            .parameters
            .iter()
            .zip(path)
            .find(|(parameter, _)| parameter.name == name)?;
        Some(value)
    }

    /// Why the document does not allow a response.
    pub(crate) fn problem(&self, status: u16, body: &[u8]) -> Option<String> {
        let response = self.responses.get(status.to_string());
        let Some(response) = response.or_else(|| self.responses.get(format!("{}XX", status / 100))) else {
            return Some(format!("the status {status}"));
        };
        let Some(schema) = resolve(response)["content"]["application/json"].get("schema") else {
            return (!body.is_empty()).then(|| format!("a body with the status {status}"));
        };
        let body = match serde_json::from_slice(body) {
            Ok(body) => body,
            Err(error) => return Some(format!("what is not JSON: {error}")),
        };
        let problems = schema::check(schema, &body);
        let problems: Vec<_> = problems
            .iter()
            .map(|problem| format!("{}: {}", problem.param, problem.message))
            .collect();
        (!problems.is_empty()).then(|| problems.join("; "))
    }

    /// Whether a path matches this operation's template.
    fn fits(&self, path: &[&str]) -> bool {
        let template = self.path.split('/');
        template.clone().count() == path.len() && template.zip(path).all(|(part, segment)| is_at(part, segment))
    }

    /// Whether a path would match this operation's template if a parameter in its middle were not missing.
    pub(crate) fn would_fit(&self, path: &[&str]) -> bool {
        let template: Vec<_> = self.path.split('/').collect();
        let path: Vec<_> = path
            .iter()
            .enumerate()
            .filter(|(at, part)| *at == 0 || !part.is_empty())
            .map(|(_, part)| *part)
            .collect();
        let parameters = template
            .iter()
            .enumerate()
            .filter(|(at, part)| is_parameter(part) && at + 1 < template.len());
        template.len() == path.len() + 1
            && parameters.map(|(at, _)| at).any(|left_out| {
                let rest = template[..left_out].iter().chain(&template[left_out + 1..]);
                rest.zip(&path).all(|(part, segment)| is_at(part, segment))
            })
    }
}

fn is_parameter(part: &str) -> bool {
    part.starts_with('{')
}

/// Whether a segment of a path matches that of a template.
fn is_at(part: &str, segment: &str) -> bool {
    if is_parameter(part) {
        !segment.is_empty()
    } else {
        part == segment
    }
}

impl Success {
    fn read(responses: &'static Value) -> Self {
        let successes = responses.as_object().into_iter().flatten();
        let first = successes
            .filter_map(|(status, response)| Some((status.parse::<u16>().ok()?, resolve(response))))
            .filter(|(status, _)| (200..300).contains(status))
            .min_by_key(|(status, _)| *status);
        let (status, content) = first.map_or((200, &Value::Null), |(status, response)| {
            (status, &response["content"]["application/json"])
        });
        Self {
            status,
            schema: content.get("schema"),
            example: example(content),
        }
    }
}

impl Action {
    /// Only for paths that end with the tag's name and an optional key: `/v1/plans` and `/v1/plans/{plan_uuid}`. They may be
    /// below the path of an owner: `/v1/customers/{customer_uuid}/contacts`.
    fn of(method: &str, path: &str, tag: &str, by_query: bool, success: &Success) -> Self {
        let below = path.rsplit_once(&format!("/{tag}")).map(|(_, below)| below);
        let one = match below {
            Some("") => by_query,
            Some(below) if below.starts_with("/{") && !below[1..].contains('/') => true,
            _ => return Self::Example,
        };
        match (method, one) {
            ("get", false) if success.schema.is_some_and(|schema| entries(schema).is_some()) => Self::List,
            ("post", false) => Self::Create,
            ("get", true) => Self::Get,
            ("patch" | "put", true) => Self::Update,
            ("delete", true) => Self::Delete,
            _ => Self::Example,
        }
    }
}

impl Kind {
    fn read(get: &Operation) -> Option<Self> {
        let schema = get.success.schema?;
        // `{plan_group_uuid}` is the field `uuid`, but `{task_uuid}` is `task_uuid`.
        let parameter = get.path.trim_end_matches('}').rsplit('{').next()?;
        let fields = || properties(schema).map(|(name, _)| name);
        let whole = fields().any(|name| name == parameter) && fields().all(|name| name != "uuid");
        let key = if whole {
            parameter
        } else {
            parameter.rsplit('_').next()?
        };
        let example = get.success.example;
        let prefix = example[key]
            .as_str()
            .map_or("", |key| &key[..key.len().saturating_sub(36)]);
        let name = schema["$ref"].as_str().and_then(|target| target.rsplit('/').next());
        Some(Self {
            name: words(name.unwrap_or("Object")),
            key,
            prefix,
            schema,
            example,
        })
    }
}

/// `PlanGroup` as `Plan group`.
fn words(name: &str) -> String {
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
            words.extend(letter.to_lowercase());
        } else {
            words.push(letter);
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn action(id: &str) -> Action {
        let all = &document().operations;
        all.iter().find(|operation| operation.id == id).unwrap().action
    }

    #[test]
    fn actions_follow_from_method_and_path() {
        for (id, expected) in [
            ("list_opportunities", Action::List),
            ("create_opportunity", Action::Create),
            ("get_plan", Action::Get),
            ("update_plan_group", Action::Update),
            ("delete_plan", Action::Delete),
            ("list_plan_group_plans", Action::Example),
            ("create_customer_contact", Action::Create),
            ("merge_contacts", Action::Example),
            ("get_mrr", Action::Example),
        ] {
            assert_eq!(action(id), expected, "{id}");
        }
    }

    #[test]
    fn a_path_finds_the_operations_of_all_methods() {
        let at = |path: &str| {
            let path: Vec<_> = path.split('/').collect();
            let mut ids: Vec<_> = document().at(&path).iter().map(|operation| operation.id).collect();
            ids.sort_unstable();
            ids
        };
        assert_eq!(at("/v1/plans"), ["create_plan", "list_plans"]);
        assert_eq!(at("/v1/plans/x"), ["delete_plan", "get_plan", "update_plan"]);
        assert_eq!(at("/v1/plan_groups/x/plans"), ["list_plan_group_plans"]);
        assert!(at("/v1/plans/").is_empty() && at("/v1/plan").is_empty());
    }

    #[test]
    fn a_literal_precedes_a_parameter() {
        let operation = |id: &str| serde_json::json!({ "get": { "operationId": id, "tags": ["customers"] } });
        let root = serde_json::json!({ "paths": {
            "/v1/customers/search": operation("search_customers"),
            "/v1/customers/{customer_uuid}": operation("get_customer"),
        } });
        let mut document = Document::read(Box::leak(Box::new(root)));
        document
            .operations
            .sort_by_key(|operation| !operation.path.contains('{')); // the wrong order
        for (last, id) in [("search", "search_customers"), ("cus_1", "get_customer")] {
            let found = document.at(&["", "v1", "customers", last]);
            assert_eq!(found[0].id, id);
        }
    }

    #[test]
    fn an_object_may_be_identified_by_the_query() {
        let required = |name: &str| serde_json::json!({ "name": name, "in": "query", "required": true });
        let root = serde_json::json!({ "paths": { "/v1/invoices": { "patch": {
            "operationId": "update_invoice_by_external_id", "tags": ["invoices"], "x-identifier": "InvoiceIdentifier",
            "parameters": [required("data_source_uuid"), required("external_id"), { "name": "as_user", "in": "query" }],
        }, "delete": { "operationId": "delete_all_invoices", "tags": ["invoices"] } } } });
        let operations = Document::read(Box::leak(Box::new(root))).operations;
        for operation in operations {
            let expected = match operation.method.as_str() {
                "PATCH" => (Action::Update, 2),
                _ => (Action::Example, 0),
            };
            assert_eq!((operation.action, operation.identified_by.len()), expected);
        }
    }

    #[test]
    fn kinds_are_read_from_examples() {
        let kind = &document().collections["plan_groups"];
        assert_eq!(
            (kind.name.as_str(), kind.key, kind.prefix),
            ("Plan group", "uuid", "plg_")
        );
        assert_eq!(document().collections["opportunities"].prefix, "");
        assert_eq!(document().collections["tasks"].key, "task_uuid");
        assert!(!document().collections.contains_key("metrics"));
    }

    #[test]
    fn examples_of_responses_match_the_document() {
        for operation in &document().operations {
            if let Some(schema) = operation.success.schema {
                let problems = crate::schema::check(schema, operation.success.example);
                assert!(problems.is_empty(), "{}: {problems:?}", operation.id);
            }
        }
    }
}
