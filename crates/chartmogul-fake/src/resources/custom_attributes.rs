//! Custom attributes in requests and responses.

use axum::{http::StatusCode, response::Response};
use serde_json::Value;

use crate::{
    errors, exact,
    handle::written,
    schema::{Fault, Problem},
    state::State,
    store::Object,
    time,
};

/// The store of the types of customers' custom attributes, by key: the first request sets the type. Attributes without a
/// type accept any value, and so do those of contacts and opportunities, whose types are chosen in the app.
const TYPES: &str = "customers/types";

/// The key of the only object in this store, which has the types by exact keys.
const ALL: &str = "all";

/// A custom attribute in a request.
struct Sent<'a> {
    key: &'a str,
    ty: Option<&'a str>,
    /// `None` if it is missing.
    value: Option<&'a Value>,
    /// Its name in errors.
    param: String,
    /// The same for its value.
    value_param: String,
}

/// Reads a list of keys and values, or an object, whose values may have a source.
fn sent<'a>(custom: &'a Value, param: &str) -> Vec<Sent<'a>> {
    let listed = custom.as_array().into_iter().flatten().enumerate();
    let listed = listed.filter_map(|(number, attribute)| {
        let param = format!("{param}[{number}]");
        Some(Sent {
            key: attribute.get("key")?.as_str()?,
            ty: attribute.get("type").and_then(Value::as_str),
            value: attribute.get("value"),
            value_param: format!("{param}[value]"),
            param,
        })
    });
    let by_key = custom.as_object().into_iter().flatten().map(|(key, value)| {
        let param = format!("{param}[{key}]");
        let (value, value_param) = match value {
            Value::Object(fields) => (fields.get("value"), format!("{param}[value]")),
            _ => (Some(value), param.clone()),
        };
        Sent {
            key,
            ty: None,
            value,
            param,
            value_param,
        }
    });
    listed.chain(by_key).collect()
}

/// Problems of a customer's custom attributes: the type must not change, and the value must have that type.
pub(super) fn problems(state: &State, custom: &Value, param: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut types = types(state);
    for attribute in sent(custom, param) {
        // In a list, the document has this rule; for the keys of an object, it can't.
        let is_odd = |letter: char| !letter.is_ascii_alphanumeric() && letter != '_';
        if custom.is_object() && (attribute.key.is_empty() || attribute.key.contains(is_odd)) {
            problems.push(Problem::invalid(
                attribute.param,
                "must have a key of letters, digits and underscores",
            ));
            continue;
        }
        if let Some(named) = attribute.ty {
            let ty = types.entry(attribute.key).or_insert_with(|| named.into());
            if ty != named {
                let message = format!("must be {}, the type that {} has", text(ty), attribute.key);
                problems.push(Problem::invalid(format!("{}[type]", attribute.param), message));
                continue;
            }
        }
        let ty = types.get(attribute.key).map(text);
        match attribute.value {
            None => problems.push(Problem::missing(attribute.value_param)),
            Some(value) => {
                if let Err(must_be) = converted(value, ty) {
                    problems.push(Problem {
                        param: attribute.value_param,
                        fault: Fault::Malformed,
                        message: must_be.to_owned(),
                    });
                }
            }
        }
    }
    problems
}

/// A customer's custom attributes in the form of responses; stores their types.
pub(super) fn of_customer(state: &State, custom: &Value) -> Object {
    let mut types = types(state);
    let mut converted_all = Object::new();
    for attribute in sent(custom, "") {
        if let Some(named) = attribute.ty {
            types.entry(attribute.key).or_insert_with(|| named.into());
        }
        let ty = types.get(attribute.key).map(text);
        if let Some(Ok(value)) = attribute.value.map(|value| converted(value, ty)) {
            converted_all.insert(attribute.key.to_owned(), value);
        }
    }
    state.store(TYPES, |store| store.put(ALL, types));
    converted_all
}

/// `custom` of a contact or an opportunity is sent as a list and returned as an object.
pub(super) fn as_object(fields: &mut Object) {
    if let Some(custom) = fields.get_mut("custom") {
        let attributes = sent(custom, "").into_iter();
        let attributes = attributes
            .filter_map(|attribute| Some((attribute.key.to_owned(), converted(attribute.value?, None).ok()?)));
        *custom = attributes.collect();
    }
}

/// The error for a type that does not exist. Recorded: it names the first attribute, even if another one is wrong.
pub(super) fn unknown_type(problems: &[Problem]) -> Option<Response> {
    let list = problems.iter().find_map(|problem| {
        let (list, _) = problem.param.strip_suffix("[type]")?.rsplit_once('[')?;
        list.trim_end_matches(']').ends_with("custom").then_some(list)
    })?;
    let param = format!("{list}[0][type]");
    Some(errors::with_code(
        StatusCode::BAD_REQUEST,
        "Type is not supported",
        Some(&param),
    ))
}

fn types(state: &State) -> Object {
    state.store(TYPES, |store| store.get(ALL)).unwrap_or_default()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A value of a type in the form of responses, or the requirement that it violates. Without a type, text in the form of an
/// instant becomes one.
fn converted(value: &Value, ty: Option<&str>) -> Result<Value, &'static str> {
    let instant = |text: &str| time::instant(text).map(|instant| Value::from(written(instant)));
    let is_text = value.is_string() && !exact::is_number(value);
    let (converted, must_be) = match ty {
        _ if value.is_null() => (None, "must not be null"),
        _ if value.is_object() => (None, "must not be an object"),
        Some("String") => (Some(value.clone()).filter(|_| is_text), "must be a text"),
        Some("Integer") => {
            let is_integer = value.is_i64() || value.is_u64() || exact::is_number(value);
            (Some(value.clone()).filter(|_| is_integer), "must be an integer")
        }
        Some("Decimal") => {
            let number = Some(value.clone()).filter(|_| value.is_number() || exact::is_number(value));
            (number, "must be a number")
        }
        Some("Timestamp") => (
            value.as_str().and_then(instant),
            "must be an instant such as 2026-01-31T12:00:00Z",
        ),
        Some("Boolean") => (boolean(value).map(Value::from), "must be true or false"),
        _ => {
            // A date without a time is more likely text.
            let text = value.as_str().filter(|text| text.len() > 10);
            (Some(text.and_then(instant).unwrap_or_else(|| value.clone())), "")
        }
    };
    converted.ok_or(must_be)
}

/// By its documentation, the API accepts these words too.
fn boolean(value: &Value) -> Option<bool> {
    if value.is_boolean() {
        return value.as_bool();
    }
    match value.as_str().map_or_else(|| value.to_string(), str::to_owned).as_str() {
        "TRUE" | "true" | "t" | "1" => Some(true),
        "FALSE" | "false" | "f" | "0" => Some(false),
        _ => None,
    }
}
