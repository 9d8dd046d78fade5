//! Custom attributes of contacts and opportunities.

use chrono::NaiveDate;
use serde_json::Value;

use crate::{filter, handle, store::Object};

/// They are sent as a list and returned as an object.
pub(super) fn as_object(sent: &mut Object) {
    if let Some(custom) = sent.get_mut("custom")
        && let Value::Array(attributes) = custom
    {
        let attributes = attributes.iter_mut().map(Value::take);
        *custom = attributes
            .filter_map(|mut attribute| {
                let value = attribute["value"].take();
                Some((attribute["key"].as_str()?.to_owned(), normalized(value)))
            })
            .collect();
    }
}

/// Instants come back in UTC, with milliseconds.
fn normalized(value: Value) -> Value {
    let is_day = value.as_str().is_some_and(|text| text.parse::<NaiveDate>().is_ok());
    match filter::instant(&value, filter::Time::Start).filter(|_| !is_day) {
        Some(instant) => handle::written(instant).into(),
        None => value,
    }
}
