use serde_json::{Value, json};

use super::{Resource, custom_attributes};
use crate::store::Object;

pub(super) struct Opportunities;

impl Resource for Opportunities {
    fn stored(&self, mut sent: Object) -> Object {
        custom_attributes::as_object(&mut sent);
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
