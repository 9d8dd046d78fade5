use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::Resource;
use crate::store::Object;

pub(super) struct Opportunities;

impl Resource for Opportunities {
    /// Custom attributes are sent as a list and returned as an object.
    fn stored(&self, mut sent: Object) -> Object {
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
        sent
    }

    /// As the stage says; of most stages, it is not known what that is.
    fn complete(&self, new: &mut Object, sent: &Object) {
        let (category, likelihood) = match sent.get("pipeline_stage").and_then(Value::as_str) {
            Some("Closed Won") => ("won", 100),
            Some("Closed Lost") => ("lost", 0),
            _ => ("pipeline", 10),
        };
        for (name, value) in [
            ("type", json!("recurring")),
            ("forecast_category", json!(category)),
            ("win_likelihood", json!(likelihood)),
            ("custom", json!({})),
        ] {
            new.insert(name.to_owned(), value);
        }
    }
}

/// Instants come back in UTC, with milliseconds.
pub(super) fn normalized(value: Value) -> Value {
    let instant = value.as_str().and_then(|text| {
        // `2026-01-31 12:00:00 UTC` has been recorded, too.
        DateTime::parse_from_rfc3339(&text.replace(" UTC", "Z")).ok()
    });
    match instant {
        Some(instant) => instant
            .with_timezone(&Utc)
            .to_rfc3339_opts(SecondsFormat::Millis, true)
            .into(),
        None => value,
    }
}
