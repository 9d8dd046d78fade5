use serde_json::{Value, json};

use super::Resource;
use crate::store::Object;

pub(super) struct Opportunities;

impl Resource for Opportunities {
    /// Custom attributes are sent as a list and answered as an object.
    fn stored(&self, mut sent: Object) -> Object {
        if let Some(custom) = sent.get_mut("custom")
            && let Value::Array(attributes) = custom
        {
            let attributes = attributes.iter_mut().map(Value::take);
            *custom = attributes
                .filter_map(|mut attribute| Some((attribute["key"].as_str()?.to_owned(), attribute["value"].take())))
                .collect();
        }
        sent
    }

    /// As in the first stage of a pipeline.
    fn complete(&self, new: &mut Object, _sent: &Object) {
        for (name, value) in [
            ("type", json!("recurring")),
            ("forecast_category", json!("pipeline")),
            ("win_likelihood", json!(10)),
            ("custom", json!({})),
        ] {
            new.insert(name.to_owned(), value);
        }
    }
}
