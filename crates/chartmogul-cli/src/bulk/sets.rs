//! What the cells of a row set, and the update that follows from it.

use chartmogul::{Client, CustomAttributeValue, Error, bulk::JsonUpdate};
use serde_json::{Map, Value, json};

use super::{columns::Custom, layout::Layout};
use crate::flags::Attributes;

/// What a cell sets.
#[derive(Debug, Clone)]
pub(super) struct Set {
    pub(super) column: String,
    /// The cell, as it was written.
    pub(super) shown: String,
    pub(super) what: What,
}

impl Set {
    /// The column of a custom attribute, and its value; `None` removes it.
    pub(super) fn custom(&self) -> Option<(&str, Option<&Value>)> {
        match &self.what {
            What::Custom(_, value) => Some((&self.column, value.as_ref())),
            What::Field(..) => None,
        }
    }
}

#[derive(Debug, Clone)]
pub(super) enum What {
    Field(Vec<&'static str>, Value),
    /// `None` removes it.
    Custom(String, Option<Value>),
}

/// The update of an object that sets all of this.
pub(super) fn update(layout: &Layout, client: &Client, id: &str, sets: &[Set]) -> Result<JsonUpdate, Error> {
    let mut arguments = Map::new();
    arguments.insert(layout.fields.id.to_owned(), id.into());
    let mut custom = Vec::new();
    for set in sets {
        match &set.what {
            What::Field(path, value) => insert(&mut arguments, path, value.clone()),
            What::Custom(key, value) => custom.push((key, value)),
        }
    }
    if let (Some(Custom::Sent(path, form)), false) = (&layout.fields.custom, custom.is_empty()) {
        insert(&mut arguments, path, attributes(*form, &custom));
        custom.clear();
    }
    let mut update = JsonUpdate::new(client, layout.operation, arguments)?;
    for (key, value) in custom {
        update = match value.clone().map(serde_json::from_value::<CustomAttributeValue>) {
            Some(Ok(value)) => update.set_custom(key, value),
            Some(Err(_)) => {
                let must = "must be text, a number of 64 bits, true or false";
                let wrong = chartmogul::InvalidInput::new(format!("custom.{key}"), &value, must);
                return Err(wrong.into());
            }
            None => update.remove_custom(key),
        };
    }
    Ok(update)
}

/// Custom attributes as an operation sends them.
fn attributes(form: Attributes, custom: &[(&String, &Option<Value>)]) -> Value {
    let set = custom.iter().filter_map(|(key, value)| Some((*key, (*value).clone()?)));
    match form {
        Attributes::Map => {
            let all = custom
                .iter()
                .map(|(key, value)| ((*key).clone(), (*value).clone().unwrap_or_default()));
            Value::Object(all.collect())
        }
        Attributes::List => set.map(|(key, value)| json!({ "key": key, "value": value })).collect(),
        Attributes::TypedList => set
            .map(|(key, value)| json!({ "type": crate::arguments::type_of(&value), "key": key, "value": value }))
            .collect(),
    }
}

/// Sets a field of nested objects.
fn insert(object: &mut Map<String, Value>, path: &[&str], value: Value) {
    match path {
        [] => {}
        [name] => drop(object.insert((*name).to_owned(), value)),
        [name, rest @ ..] => {
            let inner = object.entry((*name).to_owned()).or_insert_with(|| json!({}));
            if let Value::Object(inner) = inner {
                insert(inner, rest, value);
            }
        }
    }
}

/// The index of the cell that a check rejects, from the name of the field in the error.
pub(super) fn culprit(sets: &[Set], field: &str) -> Option<usize> {
    let is_within = |path: &str| {
        let rest = field.strip_prefix(path);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    // Custom attributes in a list are identified by their index.
    let index = field
        .split_once("custom[")
        .and_then(|(_, rest)| rest.split_once(']')?.0.parse::<usize>().ok());
    let mut of_list = sets
        .iter()
        .enumerate()
        .filter(|(_, set)| matches!(set.what, What::Custom(_, Some(_))));
    if let Some((at, _)) = index.and_then(|index| of_list.nth(index)) {
        return Some(at);
    }
    sets.iter().position(|set| match &set.what {
        What::Field(path, _) => is_within(&path.join(".")),
        What::Custom(key, _) => field.ends_with(&format!("custom.{key}")),
    })
}
