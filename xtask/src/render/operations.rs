//! The operation table: all operations as data, and the schemas for the validation of input.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{docs, examples, export, module, modules, operations_of};
use crate::{
    model::{Api, Direction, Home, Kind, Limits, Object, Operation, Property, Tag, Type},
    names,
};

pub(super) fn constant(operation: &Operation) -> String {
    operation.id.to_uppercase()
}

/// `operations/mod.rs`: the table of all operations.
pub(super) fn index(api: &Api, homes: &BTreeSet<Home>) -> String {
    let modules = modules(homes.iter().map(module), "");
    let exports: String = api
        .tags
        .iter()
        .map(|tag| {
            export(
                &names::module(&tag.name),
                operations_of(api, &tag.name).map(constant).collect(),
            )
        })
        .collect();
    let mut sorted: Vec<_> = api.operations.iter().collect();
    sorted.sort_by(|a, b| a.id.cmp(&b.id));
    let all: String = sorted
        .into_iter()
        .map(|operation| format!("    &{},\n", constant(operation)))
        .collect();
    let resources: String = api.tags.iter().map(|tag| resource(api, tag)).collect();
    format!(
        "//! All operations of the API that this version knows.\n\n\
         use crate::{{Operation, Resource}};\n\n\
         {modules}\n{exports}\n\
         /// Every operation, by its id.\n\
         pub static ALL: &[&Operation] = &[\n{all}];\n\n\
         /// Every resource, in the document's order.\n\
         pub static RESOURCES: &[Resource] = &[\n{resources}];\n\n\
         /// The operation with this id.\n\
         pub fn find(id: &str) -> Option<&'static Operation> {{\n    \
             crate::operation::find(ALL, id)\n\
         }}\n\n\
         /// The operation of a request with this method and path, the arguments in place: `at(\"GET\", \"/v1/customers/search\")`.\n\
         pub fn at(method: &str, path: &str) -> Option<&'static Operation> {{\n    \
             crate::operation::at(ALL, method, path)\n\
         }}\n"
    )
}

fn resource(api: &Api, tag: &Tag) -> String {
    let (name, source) = (&tag.name, &tag.source);
    let description = docs::plain(&tag.description);
    let operations = operations_of(api, name).map(|operation| format!("&{}", constant(operation)));
    let operations = operations.collect::<Vec<_>>().join(", ");
    format!(
        "    Resource {{\n        \
             name: {name:?},\n        \
             description: {description:?},\n        \
             source: {source:?},\n        \
             operations: &[{operations}],\n    \
         }},\n"
    )
}

/// The operations and the request objects of one module.
pub(super) fn operations(api: &Api, home: &Home) -> String {
    let mut items = Vec::new();
    if let Home::Tag(tag) = home {
        items.extend(operations_of(api, tag).map(|item| operation(api, item)));
    }
    // An envelope is a key of the body; see `Body`.
    let bodies = api.operations.iter().filter_map(|operation| operation.body.as_ref());
    let envelopes: BTreeSet<_> = bodies
        .filter(|body| body.envelope.is_some())
        .map(|body| &body.component)
        .collect();
    for (name, ty) in api.types.iter().filter(|(name, _)| !envelopes.contains(name)) {
        match ty {
            Type::Object(object) if object.direction != Direction::Response && object.home == *home => {
                items.push(self::object(api, name, object));
            }
            _ => {}
        }
    }
    if items.is_empty() {
        return "// Nothing is shared.\n".to_owned();
    }
    format!(
        "#[allow(unused_imports)] // not every resource needs all of them\n\
         use crate::operation::{{Body, FieldSchema, Object, Operation, Parameter, Pattern, Schema, Text}};\n\n{}",
        items.join("\n"),
    )
}

fn operation(api: &Api, operation: &Operation) -> String {
    let doc = format!(
        "{}\n\n{}",
        docs::sentence(&operation.summary),
        docs::source(&operation.source)
    );
    let doc = docs::comment_text(&doc, "");
    let Operation {
        id,
        path,
        tag,
        verb,
        summary,
        idempotent,
        destructive,
        source,
        ..
    } = operation;
    let (constant, method) = (constant(operation), operation.method.to_uppercase());
    let deprecated = option(operation.deprecated.as_ref());
    let parameters: Vec<_> = operation
        .parameters
        .iter()
        .map(|p| {
            format!(
                "Parameter {{ name: {:?}, description: {:?}, example: {}, schema: {} }}",
                p.name,
                docs::plain(&p.description),
                json(p.example.as_ref()),
                schema(api, &p.kind, &p.limits, 0)
            )
        })
        .collect();
    let parameters = parameters.join(", ");
    let query = operation.query.as_ref();
    let query = query.map_or("None".to_owned(), |query| format!("Some(&{})", object_path(api, query)));
    let body = operation.body.as_ref().map_or("None".to_owned(), |body| {
        let (object, required) = (object_path(api, body.inner()), body.required);
        let envelope = option(body.envelope.as_ref().map(|(key, _)| key));
        let example = json(examples::inside(body));
        format!("Some(Body {{ object: &{object}, required: {required}, envelope: {envelope}, example: {example} }})")
    });
    let response = option(operation.response.as_ref().map(response).as_ref());
    let (entries, pages) = (entries(api, operation), operation.pages(api).is_some());
    let about = entries.map_or(operation.response.as_ref(), |entries| Some(&entries.kind));
    let about = about.and_then(Kind::component).and_then(|name| api.object(name));
    let properties = about.into_iter().flat_map(|object| &object.properties);
    let fields: Vec<_> = properties.map(|property| property.name.as_str()).collect();
    let mut cents = about.map(|object| in_cents(api, object, "", 0)).unwrap_or_default();
    if let Some(whole) = entries
        .and(operation.response_component())
        .and_then(|name| api.object(&name))
    {
        cents.extend(in_cents(api, whole, "", 0));
    }
    let entries = option(entries.map(|entries| &entries.name));
    let description = docs::plain(&operation.description);
    format!(
        "{doc}pub static {constant}: Operation = Operation {{\n    \
             id: {id:?},\n    \
             method: {method:?},\n    \
             path: {path:?},\n    \
             tag: {tag:?},\n    \
             verb: {verb:?},\n    \
             summary: {summary:?},\n    \
             description: {description:?},\n    \
             idempotent: {idempotent},\n    \
             destructive: {destructive},\n    \
             deprecated: {deprecated},\n    \
             parameters: &[{parameters}],\n    \
             query: {query},\n    \
             body: {body},\n    \
             response: {response},\n    \
             entries: {entries},\n    \
             pages: {pages},\n    \
             fields: &{fields:?},\n    \
             cents: &{cents:?},\n    \
             source: {source:?},\n\
         }};\n"
    )
}

/// The fields that are amounts in cents by their descriptions, with those of nested objects.
fn in_cents(api: &Api, object: &Object, within: &str, depth: usize) -> Vec<String> {
    const DEEPEST: usize = 3;
    let mut found = Vec::new();
    for property in &object.properties {
        let path = format!("{within}{}", property.name);
        match &property.kind {
            Kind::Ref(name) if depth < DEEPEST && api.object(name).is_some() => {
                let inner = api.object(name).into_iter();
                found.extend(inner.flat_map(|inner| in_cents(api, inner, &format!("{path}."), depth + 1)));
            }
            _ if property.description.contains("in cents") => found.push(path),
            _ => {}
        }
    }
    found
}

/// The list that a response is about.
fn entries<'a>(api: &'a Api, operation: &Operation) -> Option<&'a Property> {
    let response = api.object(&operation.response_component()?)?;
    response.properties.iter().find(|property| property.entries)
}

/// The name of the type of a response; `[Name]` for a list, `{Name}` for a map.
fn response(kind: &Kind) -> String {
    match kind {
        Kind::Ref(name) => name.clone(),
        Kind::List(item) => format!("[{}]", response(item)),
        Kind::Map(value) => format!("{{{}}}", response(value)),
        simple => format!("{simple:?}"),
    }
}

fn object(api: &Api, name: &str, object: &Object) -> String {
    let fields: String = object
        .properties
        .iter()
        .map(|property| format!("        {},\n", field(api, property)))
        .collect();
    let not_empty = if object.not_empty { ".not_empty()" } else { "" };
    let groups: Vec<_> = object.one_of.iter().map(|group| format!("&{group:?}")).collect();
    let one_of = match groups.as_slice() {
        [] => String::new(),
        groups => format!(".one_of(&[{}])", groups.join(", ")),
    };
    format!(
        "pub(crate) static {}: Object = Object::new(\n    {name:?},\n    &[\n{fields}    ],\n){not_empty}{one_of};\n",
        object_constant(name),
    )
}

fn field(api: &Api, property: &Property) -> String {
    let Property {
        name,
        required,
        nullable,
        replaces_all,
        ..
    } = property;
    let (deprecated, schema) = (
        option(property.deprecated.as_ref()),
        schema(api, &property.kind, &property.limits, property.min_items),
    );
    let (description, example) = (docs::plain(&property.description), json(property.example.as_ref()));
    format!(
        "FieldSchema {{ name: {name:?}, description: {description:?}, example: {example}, required: {required}, \
         nullable: {nullable}, replaces_all: {replaces_all}, deprecated: {deprecated}, schema: {schema} }}"
    )
}

/// `limits` apply to the innermost value, `min_items` to the outermost list.
fn schema(api: &Api, kind: &Kind, limits: &Limits, min_items: u64) -> String {
    let inner = |kind: &Kind| schema(api, kind, limits, 0);
    match kind {
        Kind::String if limits.uuid => "Schema::Uuid".to_owned(),
        Kind::String => format!("Schema::Text(&{})", text(limits, &[])),
        Kind::Date => "Schema::Date".to_owned(),
        Kind::Timestamp => "Schema::Timestamp".to_owned(),
        Kind::Integer => {
            let (minimum, maximum) = (limits.minimum, limits.maximum);
            format!("Schema::Integer {{ minimum: {minimum:?}, maximum: {maximum:?} }}")
        }
        Kind::Number => "Schema::Number".to_owned(),
        Kind::Boolean => "Schema::Boolean".to_owned(),
        Kind::Any => "Schema::Any".to_owned(),
        Kind::List(item) => format!("Schema::List {{ items: &{}, min_items: {min_items} }}", inner(item)),
        Kind::Map(value) => format!("Schema::Map(&{})", inner(value)),
        Kind::Ref(name) => match api.types.get(name) {
            Some(Type::Object(_)) => format!("Schema::Object(&{})", object_path(api, name)),
            Some(Type::OpenEnum(open)) => {
                let values: Vec<_> = open.values.iter().map(|(value, _)| value.as_str()).collect();
                let mut limits = limits.clone();
                if !values.contains(&"") {
                    limits.min_length = limits.min_length.max(Some(1)); // unknown values are not empty either
                }
                format!("Schema::Text(&{})", text(&limits, &values))
            }
            Some(Type::Handwritten { limits, .. }) => format!("Schema::Scalar(&{})", text(limits, &[])),
            None => "Schema::Any".to_owned(),
        },
    }
}

/// Writes only the limits that are set; the rest is [`Text::ANY`].
fn text(limits: &Limits, values: &[&str]) -> String {
    let min_length = limits
        .min_length
        .filter(|length| *length > 0)
        .map(|length| format!("min_length: {length}"));
    let max_length = limits.max_length.map(|length| format!("max_length: {length}"));
    let pattern = limits
        .pattern
        .as_ref()
        .map(|(regex, allowed)| format!("pattern: Some(Pattern::new({regex:?}, {allowed:?}))"));
    let values = (!values.is_empty()).then(|| format!("values: &{values:?}"));
    let given: Vec<_> = [min_length, max_length, pattern, values]
        .into_iter()
        .flatten()
        .collect();
    if given.is_empty() {
        return "Text::ANY".to_owned();
    }
    format!("Text {{ {}, ..Text::ANY }}", given.join(", "))
}

fn object_constant(name: &str) -> String {
    use heck::ToShoutySnakeCase as _;
    name.to_shouty_snake_case()
}

fn object_path(api: &Api, name: &str) -> String {
    let constant = object_constant(name);
    match api.object(name) {
        Some(object) => format!("super::{}::{constant}", module(&object.home)),
        None => constant,
    }
}

/// JSON as text.
fn json(value: Option<&Value>) -> String {
    option(value.map(Value::to_string).as_ref())
}

fn option(value: Option<&String>) -> String {
    value.map_or("None".to_owned(), |value| format!("Some({value:?})"))
}
