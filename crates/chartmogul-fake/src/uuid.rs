//! UUIDs are case-insensitive: those in requests are converted to lower case, as in responses.

use serde_json::Value;

use crate::document::resolve;

/// Converts the UUIDs in a value to lower case. A field has UUIDs if its example in the document is one.
pub(crate) fn fold(schema: &'static Value, example: &'static Value, value: &mut Value) {
    let schema = resolve(schema);
    let example = schema.get("example").unwrap_or(example);
    match value {
        Value::String(text) => fold_text(example, text),
        Value::Array(items) => {
            for item in items {
                fold(&schema["items"], &example[0], item);
            }
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                fold(&schema["properties"][name], &Value::Null, value);
            }
        }
        _ => {}
    }
}

/// The same for a text.
pub(crate) fn fold_text(example: &Value, text: &mut str) {
    if example.as_str().is_some_and(is_uuid) && is_uuid(text) {
        text.make_ascii_lowercase();
    }
}

/// With or without a prefix such as `cus_`.
fn is_uuid(text: &str) -> bool {
    let (prefix, uuid) = text.split_at_checked(text.len().saturating_sub(36)).unwrap_or_default();
    let part = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let lengths = uuid.split('-').map(str::len);
    uuid.split('-').all(part) && lengths.eq([8, 4, 4, 4, 12]) && (prefix.is_empty() || prefix.ends_with('_'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::document::document;

    fn folded(operation: &str, mut body: Value) -> Value {
        let all = &document().operations;
        let operation = all.iter().find(|one| one.id == operation).unwrap();
        fold(operation.body.as_ref().unwrap().schema, &Value::Null, &mut body);
        body
    }

    #[test]
    fn only_uuids_are_converted_to_lower_case() {
        let uuid = "5C7F2D1E-8B64-4A3F-9E21-70D4B6A8C513";
        let small = uuid.to_lowercase();
        let invoice = |source: &str| json!({ "invoices": [{ "data_source_uuid": source, "external_id": uuid }] });
        let folded_invoice = folded("import_invoices", invoice(&format!("DS_{uuid}")));
        assert_eq!(folded_invoice, invoice(&format!("ds_{small}")));
        let group = |plan: &str| json!({ "name": uuid, "plans": [plan, "PL_1"] });
        assert_eq!(
            folded("create_plan_group", group(&format!("PL_{uuid}"))),
            group(&format!("pl_{small}"))
        );
        let note = |contact: &str| json!({ "text": contact, "associated_object_identifier": { "value": contact } });
        let sent = folded("create_note", note(uuid));
        assert_eq!(
            sent,
            json!({ "text": uuid, "associated_object_identifier": { "value": small } })
        );
        for no_uuid in [
            "",
            "cus_1",
            "DS_5C7F2D1E-8B64-4A3F-9E21-70D4B6A8C51",
            "5C7F2D1E-8B64-4A3F-9E21-70D4B6A8C51G",
        ] {
            assert!(!is_uuid(no_uuid), "{no_uuid}");
        }
    }
}
