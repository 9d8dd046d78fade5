//! Checks values against the document.

use regex_lite::Regex;
use serde_json::{Map, Value};

use crate::{
    document::{self, Operation, resolve},
    exact, time,
};

/// A violation of the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The invalid field, as the API writes it: `custom[0][key]`. Empty for the whole body.
    pub(crate) param: String,
    pub(crate) fault: Fault,
    pub(crate) message: String,
}

impl Problem {
    pub(crate) fn missing(param: String) -> Self {
        let message = format!("Parameter \"{param}\" is missing");
        Self {
            param,
            fault: Fault::Missing,
            message,
        }
    }

    pub(crate) fn invalid(param: String, message: impl Into<String>) -> Self {
        Self {
            param,
            fault: Fault::Invalid,
            message: message.into(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Missing,
    Unknown,
    /// The value has the wrong type.
    Malformed,
    /// The value has the right type, but violates its limits.
    Invalid,
}

/// Checks a value that the fake returns or stores. It may have fields that are not in the document.
pub(crate) fn check(schema: &'static Value, value: &Value) -> Vec<Problem> {
    let mut check = Check::of(Direction::Response);
    check.value(schema, value, String::new());
    check.problems
}

/// Checks the body of a request.
pub(crate) fn check_body(schema: &'static Value, value: &Value, lenient: bool) -> Vec<Problem> {
    let mut check = Check::of(Direction::Request { lenient });
    check.value(schema, value, String::new());
    check.problems
}

/// Checks the query of a request.
pub(crate) fn check_query(operation: &Operation, query: &Map<String, Value>, lenient: bool) -> Vec<Problem> {
    let mut check = Check::of(Direction::Request { lenient });
    for parameter in &operation.query {
        match query.get(parameter.name) {
            Some(value) => check.value(parameter.schema, value, parameter.name.to_owned()),
            None if parameter.required => check.missing(parameter.name.to_owned()),
            None => {}
        }
    }
    let known = || operation.query.iter().map(|parameter| parameter.name);
    for name in query.keys().filter(|name| known().all(|known| known != *name)) {
        check.unknown(name.clone(), known());
    }
    check.one_of(operation.one_of, query, "");
    check.problems
}

/// Removes what a lenient fake accepts: unknown fields, and `null` where it is not allowed.
pub(crate) fn forgive(schema: &'static Value, value: &mut Value) {
    let schema = resolve(schema);
    match value {
        Value::Object(fields) if schema.get("properties").is_some() => {
            fields.retain(|name, value| {
                schema["properties"]
                    .get(name)
                    .is_some_and(|schema| !value.is_null() || nullable(resolve(schema)))
            });
            for (name, schema) in document::properties(schema) {
                if let Some(value) = fields.get_mut(name) {
                    forgive(schema, value);
                }
            }
        }
        Value::Array(items) if schema.get("items").is_some() => {
            for item in items {
                forgive(&schema["items"], item);
            }
        }
        _ => {}
    }
}

fn nullable(schema: &Value) -> bool {
    let restricted = ["type", "anyOf", "allOf", "not"]
        .iter()
        .any(|keyword| schema.get(keyword).is_some());
    schema["nullable"] == true || !restricted
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Response,
    Request { lenient: bool },
}

struct Check {
    direction: Direction,
    problems: Vec<Problem>,
}

impl Check {
    fn of(direction: Direction) -> Self {
        Self {
            direction,
            problems: Vec::new(),
        }
    }

    fn is_request(&self) -> bool {
        self.direction != Direction::Response
    }

    fn add(&mut self, fault: Fault, param: String, message: impl Into<String>) {
        self.problems.push(Problem {
            param,
            fault,
            message: message.into(),
        });
    }

    fn missing(&mut self, param: String) {
        self.problems.push(Problem::missing(param));
    }

    fn unknown<'a>(&mut self, param: String, known: impl Iterator<Item = &'a str>) {
        let known: Vec<_> = known.collect();
        let known = if known.is_empty() {
            "there are none".to_owned()
        } else {
            format!("known: {}", known.join(", "))
        };
        let message = format!("Parameter \"{param}\" is unknown; {known}");
        self.add(Fault::Unknown, param, message);
    }

    fn value(&mut self, schema: &'static Value, value: &Value, param: String) {
        let schema = resolve(schema);
        if value.is_null() {
            if !nullable(schema) {
                self.add(Fault::Malformed, param, "must not be null");
            }
            return;
        }
        for part in schema["allOf"].as_array().into_iter().flatten() {
            self.value(part, value, param.clone());
        }
        if let Some(parts) = schema["anyOf"].as_array() {
            self.any_of(parts, value, &param);
        }
        let excluded = schema["not"]["anyOf"].as_array().into_iter().flatten();
        for part in excluded {
            if let Some(ty) = part["type"].as_str()
                && self.would_take(part, value)
            {
                self.add(Fault::Malformed, param.clone(), format!("must not be {}", article(ty)));
            }
        }
        match (schema["type"].as_str(), value) {
            (Some("object"), Value::Object(fields)) => self.object(schema, fields, &param),
            (Some("array"), Value::Array(items)) => self.list(schema, items, &param),
            (Some("integer"), _) if exact::is_number(value) => {
                self.add(Fault::Invalid, param, "must be a number of 64 bits");
            }
            (Some("number"), _) if exact::is_number(value) => {}
            (Some("string") | None, Value::String(text)) if !exact::is_number(value) => self.text(schema, text, param),
            (Some("integer"), Value::Number(number)) if !number.is_f64() => self.number(schema, value, param),
            (Some("number"), Value::Number(_)) => self.number(schema, value, param),
            (Some("boolean"), Value::Bool(_)) | (None, _) => {}
            (Some(ty), _) => self.add(Fault::Malformed, param, format!("must be {}", article(ty))),
        }
    }

    fn would_take(&self, schema: &'static Value, value: &Value) -> bool {
        let mut check = Self::of(self.direction);
        check.value(schema, value, String::new());
        check.problems.is_empty()
    }

    /// One of the parts with the value's type must match; otherwise the problems are those of the last part.
    fn any_of(&mut self, parts: &'static [Value], value: &Value, param: &str) {
        let mut nearest = None;
        for part in parts {
            let mut check = Self::of(self.direction);
            check.value(part, value, param.to_owned());
            if check.problems.is_empty() {
                return;
            }
            let same_type = |problem: &Problem| problem.fault != Fault::Malformed || problem.param != param;
            if check.problems.iter().all(same_type) {
                nearest = Some(check.problems);
            }
        }
        match nearest {
            Some(problems) => self.problems.extend(problems),
            None => {
                let kinds: Vec<_> = parts.iter().map(kind).collect();
                self.add(
                    Fault::Malformed,
                    param.to_owned(),
                    format!("must be {}", kinds.join(" or ")),
                );
            }
        }
    }

    fn object(&mut self, schema: &'static Value, fields: &Map<String, Value>, param: &str) {
        let below = |name: &str| below(param, name);
        for name in schema["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
        {
            if !fields.contains_key(name) {
                self.missing(below(name));
            }
        }
        let known = &schema["properties"];
        for (name, value) in fields {
            match (known.get(name), schema.get("additionalProperties")) {
                (Some(schema), _) => self.value(schema, value, below(name)),
                (None, Some(schema)) if schema.is_object() => self.value(schema, value, below(name)),
                (None, None) if self.is_request() && known.is_object() => {
                    self.unknown(below(name), document::properties(schema).map(|(name, _)| name));
                }
                (None, _) => {}
            }
        }
        if self.is_request() {
            if schema["minProperties"]
                .as_u64()
                .is_some_and(|least| (fields.len() as u64) < least)
            {
                self.add(Fault::Invalid, param.to_owned(), "has no known field");
            }
            self.one_of(&schema["x-one-of"], fields, param);
        }
    }

    /// Exactly one of the groups must be given completely.
    fn one_of(&mut self, groups: &'static Value, fields: &Map<String, Value>, param: &str) {
        let Some(groups) = groups.as_array() else {
            return;
        };
        let given = |group: &&Value| {
            let mut names = group.as_array().into_iter().flatten().filter_map(Value::as_str);
            names.all(|name| fields.contains_key(name))
        };
        if groups.iter().filter(given).count() != 1 {
            let names = |group: &'static Value| group.as_array().into_iter().flatten().filter_map(Value::as_str);
            let words: Vec<_> = groups
                .iter()
                .map(|group| names(group).collect::<Vec<_>>().join(" with "))
                .collect();
            let words: Vec<_> = words.iter().map(String::as_str).collect();
            let message = format!("Exactly one of these must be given: {}", alternatives(&words));
            let first = groups.iter().flat_map(names).next().unwrap_or_default();
            self.add(Fault::Missing, below(param, first), message);
        }
    }

    fn list(&mut self, schema: &'static Value, items: &[Value], param: &str) {
        if schema["minItems"]
            .as_u64()
            .is_some_and(|least| (items.len() as u64) < least)
        {
            self.add(Fault::Invalid, param.to_owned(), "must not be empty");
        }
        for (number, item) in items.iter().enumerate() {
            self.value(&schema["items"], item, format!("{param}[{number}]"));
        }
    }

    fn text(&mut self, schema: &'static Value, text: &str, param: String) {
        let length = text.chars().count() as u64;
        let pattern = schema["pattern"].as_str().and_then(|pattern| Regex::new(pattern).ok());
        // Responses may have unknown values; the API accepts only known ones.
        let known = schema["x-extensible-enum"].as_array();
        let known = known.filter(|_| self.direction == Direction::Request { lenient: false });
        if let Some(known) = known.filter(|known| !known.iter().any(|known| known == text)) {
            let known: Vec<_> = known.iter().filter_map(Value::as_str).collect();
            self.add(Fault::Invalid, param, format!("must be {}", alternatives(&known)));
        } else if schema["minLength"].as_u64().is_some_and(|least| length < least) {
            self.add(Fault::Invalid, param, "must not be empty");
        } else if let Some(most) = schema["maxLength"].as_u64().filter(|most| length > *most) {
            self.add(Fault::Invalid, param, format!("must have at most {most} characters"));
        } else if pattern.is_some_and(|pattern| !pattern.is_match(text)) {
            let allowed = schema["x-pattern-description"]
                .as_str()
                .unwrap_or("as the document says");
            self.add(Fault::Invalid, param, format!("must be {allowed}"));
        } else if schema["format"] == "email" && !is_address(text) {
            self.add(Fault::Invalid, param, "must be an e-mail address");
        } else if schema["format"] == "date" && time::day(text).is_none()
            || schema["format"] == "date-time" && time::instant(text).is_none()
        {
            self.add(Fault::Malformed, param, format!("must be {}", kind(schema)));
        }
    }

    fn number(&mut self, schema: &'static Value, value: &Value, param: String) {
        let (least, most) = (&schema["minimum"], &schema["maximum"]);
        let less = |a: &Value, b: &Value| matches!((a.as_f64(), b.as_f64()), (Some(a), Some(b)) if a < b);
        if less(value, least) {
            self.add(Fault::Invalid, param, format!("must be {least} or more"));
        } else if less(most, value) {
            self.add(Fault::Invalid, param, format!("must be {most} or less"));
        } else if schema["format"] == "int64" && value.as_i64().is_none() {
            self.add(Fault::Invalid, param, "must be a number of 64 bits");
        }
    }
}

/// The path of a field, as the API writes it.
fn below(param: &str, name: &str) -> String {
    if param.is_empty() {
        name.to_owned()
    } else {
        format!("{param}[{name}]")
    }
}

fn is_address(text: &str) -> bool {
    let parts = text.rsplit_once('@');
    parts.is_some_and(|(name, domain)| !name.is_empty() && !domain.is_empty())
}

/// The expected kind of a value, in words: `a day such as 2026-01-31`.
fn kind(schema: &'static Value) -> String {
    let schema = resolve(schema);
    match schema["format"].as_str() {
        Some("date") => "a day such as 2026-01-31".to_owned(),
        Some("date-time") => "an instant such as 2026-01-31T12:00:00Z".to_owned(),
        _ => article(schema["type"].as_str().unwrap_or("value")),
    }
}

/// A list in words: `day, month or year`.
fn alternatives(words: &[&str]) -> String {
    match words.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

fn article(ty: &str) -> String {
    match ty {
        "object" | "array" | "integer" => format!("an {ty}"),
        _ => format!("a {ty}"),
    }
}
