//! Calls by the operation table, with arguments from the document's examples.

use chartmogul_api::{FieldSchema, Object, Operation, Schema, operations};
use chartmogul_fake::{Fake, samples};
use serde_json::{Map, Value};

use crate::document;

/// An operation in the document.
pub fn documented<'a>(document: &'a Value, operation: &Operation) -> &'a Value {
    &document["paths"][operation.path][operation.method.to_lowercase()]
}

/// All arguments, from the examples of parameters and body; of mutually exclusive groups, the first.
pub fn arguments(document: &Value, operation: &Operation) -> Map<String, Value> {
    let mut arguments = path(document, operation);
    let parameters = parameters(document, operation).filter(|parameter| parameter["in"] == "query");
    let query = parameters.map(|parameter| (name(parameter), parameter["example"].clone()));
    arguments.extend(query.filter(|(name, _)| operation.query.is_some_and(|object| in_first_group(object, name))));
    if let Some(body) = operation.body {
        let mut example = self::body(document, operation);
        if let Some(envelope) = body.envelope {
            example = example[envelope].take();
        }
        let fields = example.as_object().expect("an object").clone();
        arguments.extend(fields.into_iter().filter(|(name, _)| in_first_group(body.object, name)));
    }
    arguments
}

/// The example of the body.
pub fn body(document: &Value, operation: &Operation) -> Value {
    let body = resolved(document, &documented(document, operation)["requestBody"]);
    document::example(document, &body["content"])
}

/// The required arguments of an operation.
pub fn required(document: &Value, operation: &Operation) -> Map<String, Value> {
    let mut arguments = arguments(document, operation);
    let objects = objects(operation);
    arguments.retain(|name, _| {
        let field = objects.iter().find_map(|object| object.field(name));
        let grouped = objects
            .iter()
            .any(|object| object.one_of.iter().any(|group| group.contains(&name.as_str())));
        operation.parameter(name).is_some() || grouped || field.is_some_and(|field| field.required)
    });
    arguments
}

/// The arguments in the path.
pub fn path(document: &Value, operation: &Operation) -> Map<String, Value> {
    let parameters = parameters(document, operation).filter(|parameter| parameter["in"] == "path");
    parameters
        .map(|parameter| (name(parameter), parameter["example"].clone()))
        .collect()
}

/// The objects of query and body.
pub fn objects(operation: &Operation) -> Vec<&'static Object> {
    [operation.query, operation.body.map(|body| body.object)]
        .into_iter()
        .flatten()
        .collect()
}

/// The fields of query and body.
pub fn fields(operation: &Operation) -> impl Iterator<Item = &'static FieldSchema> {
    objects(operation).into_iter().flat_map(|object| object.fields)
}

/// Parses the value of a parameter in a URL.
pub fn read(schema: &Schema, text: &str) -> Value {
    let number = || serde_json::from_str(text).expect("a number or a truth value");
    match schema {
        Schema::Integer { .. } | Schema::Number | Schema::Boolean => number(),
        Schema::List { items, .. } => text.split(',').map(|item| read(items, item)).collect(),
        _ => text.into(),
    }
}

/// A fake with all objects that the examples of an operation need.
pub fn fake(document: &Value, operation: &Operation) -> Fake {
    let fake = Fake::start().expect("a loopback port");
    // Attributes belong to customers, and a merge needs two of them.
    for read in operations::ALL
        .iter()
        .filter(|read| read.is_read() && read.tag == "customers")
    {
        for example in document::examples(document, &documented(document, read)["responses"]["200"]["content"]) {
            let lists = example.as_object().into_iter().flat_map(|fields| fields.values());
            let entries = lists.filter_map(Value::as_array).flatten().cloned();
            for object in entries.chain([example.clone()]) {
                let _ = fake.collection(read.tag).insert(object); // an error if the fake does not store such objects
            }
        }
    }
    hold(&fake, operation, &arguments(document, operation));
    fake
}

/// Adds the objects that a call needs to a fake, if the fake stores such objects.
pub fn hold(fake: &Fake, operation: &Operation, arguments: &Map<String, Value>) {
    let collection = fake.collection(operation.tag);
    for parameter in operation.parameters {
        if let Some(key) = arguments[parameter.name].as_str() {
            let _ = collection.insert_sample(key);
            if parameter.name == "customer_uuid" {
                let _ = fake.collection("customers").insert_sample(key);
            }
        }
    }
    // The query may identify the object.
    if operation.parameters.is_empty() && operation.method != "POST" {
        let mut object = samples::object(operation.tag, "by_query");
        for name in ["data_source_uuid", "external_id"] {
            if let (Some(field), Some(value)) = (object.get_mut(name), arguments.get(name)) {
                *field = value.clone();
            }
        }
        let _ = collection.insert(object);
    }
}

fn parameters<'a>(document: &'a Value, operation: &Operation) -> impl Iterator<Item = &'a Value> {
    let parameters = documented(document, operation)["parameters"].as_array();
    parameters
        .into_iter()
        .flatten()
        .map(|parameter| resolved(document, parameter))
}

/// The target of a `$ref`; a value without one is returned as it is.
fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let target = value["$ref"].as_str().and_then(|target| target.strip_prefix('#'));
    target.map_or(value, |target| document.pointer(target).expect("a component"))
}

fn name(parameter: &Value) -> String {
    parameter["name"].as_str().expect("a name").to_owned()
}

fn in_first_group(object: &Object, name: &str) -> bool {
    let mut groups = object.one_of.iter();
    let first = groups.next().is_some_and(|group| group.contains(&name));
    first || !groups.any(|group| group.contains(&name))
}
