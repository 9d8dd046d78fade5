use serde_json::Value;

use super::Resource;
use crate::store::Object;

pub(super) struct Plans;

impl Resource for Plans {
    /// Without an external identifier, the UUID takes its place.
    fn complete(&self, new: &mut Object, _sent: &Object) {
        let uuid = new.get("uuid").and_then(Value::as_str).unwrap_or_default();
        let uuid = uuid.trim_start_matches("pl_").to_owned();
        new.insert("external_id".to_owned(), uuid.into());
    }
}
