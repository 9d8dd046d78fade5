//! What an update would change.

use std::collections::{BTreeMap, BTreeSet};

use chartmogul_api::{FieldSchema, Operation, Schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};

/// What an update would change; yielded by a dry run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Preview {
    /// The fields that would change, in the order of the request. Custom attributes and the fields of nested objects are listed one
    /// by one: `custom.seats`, `attributes.tags`. Fields that the request does not set are left out.
    pub changes: Vec<Change>,
    /// Custom attributes that the object has and the update does not name: they **would be lost**, because the API
    /// replaces all of them. If this is not empty, check the update, or use `merge_custom`.
    pub lost: Vec<String>,
    /// The object as it is now. It is not serialized.
    #[serde(skip)]
    pub object: Value,
}

/// A field that would change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Change {
    /// Its name in the API.
    pub field: String,
    /// Its value now; `None` if the object does not have it.
    pub old: Option<Value>,
    /// Its new value; `None` if it would be removed.
    pub new: Option<Value>,
}

/// The field that stands for `merge_custom` in a body: an object with the values to set, and `null` for attributes to remove.
pub(crate) const MERGED: &str = "merge_custom";

/// Whether a body replaces all attributes of the object.
pub(super) fn replaces_all(body: &Value, operation: &Operation) -> bool {
    let mut fields = body.as_object().into_iter().flatten();
    fields.any(|(field, _)| operation.replaces_all(field))
}

/// Compares the fields that the body of an update sets with those of the object. Custom attributes are lists of keys
/// and values in the body and objects in a response.
pub(crate) fn preview(body: &Value, object: &Value, operation: &Operation) -> Preview {
    let mut preview = Preview::default();
    for (field, new) in body.as_object().into_iter().flatten() {
        if field == MERGED {
            preview.merged(&object["custom"], new);
            continue;
        }
        let schema = operation.body.and_then(|body| body.object.field(field));
        preview.field(field.clone(), schema, object.get(field), new);
    }
    preview
}

impl Preview {
    fn field(&mut self, name: String, schema: Option<&FieldSchema>, old: Option<&Value>, new: &Value) {
        let there = old.filter(|old| !old.is_null());
        let nothing = Map::new();
        let fields = match there {
            None => Some(&nothing),
            Some(old) => old.as_object(),
        };
        let replaces_all = schema.is_some_and(|schema| schema.replaces_all);
        match (schema.map(|schema| schema.schema), new, fields) {
            (Some(Schema::Object(inner)), Value::Object(new), Some(old)) if !new.is_empty() => {
                for (field, new) in new {
                    self.field(format!("{name}.{field}"), inner.field(field), old.get(field), new);
                }
            }
            (_, Value::Array(list), Some(old))
                if is_attributes(list) || replaces_all && list.iter().all(Value::is_object) =>
            {
                let pair = |one: &Value| Some((one["key"].as_str()?.to_owned(), one["value"].clone()));
                self.attributes(&name, old, &list.iter().filter_map(pair).collect(), replaces_all);
            }
            (Some(Schema::Map(_)), Value::Object(new), Some(old)) if replaces_all || !new.is_empty() => {
                self.attributes(&name, old, new, replaces_all);
            }
            (Some(Schema::Date), _, _) if is_same_day(old, new) => {}
            _ => self.compare(name, old, Some(new)),
        }
    }

    fn attributes(&mut self, field: &str, old: &Map<String, Value>, new: &Map<String, Value>, replaces_all: bool) {
        // An attribute that is `null` counts as missing; it can't be sent either.
        let old: BTreeMap<_, _> = old.iter().filter(|(_, value)| !value.is_null()).collect();
        let kept = |key: &&String| replaces_all || new.contains_key(*key);
        let keys: BTreeSet<_> = old.keys().copied().filter(kept).chain(new.keys()).collect();
        for key in keys {
            let value = new.get(key).filter(|new| !new.is_null());
            self.compare(format!("{field}.{key}"), old.get(key).copied(), value);
            if !new.contains_key(key) {
                self.lost.push(key.clone());
            }
        }
    }

    fn merged(&mut self, old: &Value, changes: &Value) {
        let there = |value: &&Value| !value.is_null();
        for (key, new) in changes.as_object().into_iter().flatten() {
            let old = old.get(key).filter(there);
            self.compare(format!("custom.{key}"), old, Some(new).filter(there));
        }
    }

    fn compare(&mut self, field: String, old: Option<&Value>, new: Option<&Value>) {
        let same = match (old, new) {
            (Some(old), Some(new)) => same(old, new),
            (old, new) => old == new,
        };
        if !same {
            let (old, new) = (old.cloned(), new.cloned());
            self.changes.push(Change { field, old, new });
        }
    }
}

/// Whether a list has custom attributes only, without fields that a response does not have; not if it is empty.
fn is_attributes(list: &[Value]) -> bool {
    let is_one = |item: &Value| {
        let item = item.as_object();
        item.is_some_and(|item| {
            let is_shown = |name: &String| matches!(name.as_str(), "type" | "key" | "value");
            item.contains_key("key") && item.contains_key("value") && item.keys().all(is_shown)
        })
    };
    !list.is_empty() && list.iter().all(is_one)
}

/// Whether the old value is this day, with midnight as the time of day. A response that was read as plain JSON may have
/// one.
fn is_same_day(old: Option<&Value>, new: &Value) -> bool {
    let (Some(old), Some(new)) = (old.and_then(Value::as_str), new.as_str()) else {
        return false;
    };
    let rest = old.strip_prefix(new).and_then(|rest| rest.strip_prefix(['T', ' ']));
    new.len() == "2026-01-31".len() && rest.is_some_and(|rest| rest.starts_with("00:00:00"))
}

/// Whether the values are equal for the server, which writes whole numbers as `4` or `4.0`. In doubt, they differ.
///
/// Texts are compared literally. Fields that the document declares as days or times were parsed, and are serialized in
/// one form; a custom attribute may be a time or a text that looks like one.
fn same(old: &Value, new: &Value) -> bool {
    match (old, new) {
        (Value::Number(old), Value::Number(new)) => match (whole(old), whole(new)) {
            (Some(old), Some(new)) => old == new,
            _ => old == new,
        },
        _ => old == new,
    }
}

/// The number as an integer, if it is certainly the one that was written.
fn whole(number: &Number) -> Option<i128> {
    const EXACT: f64 = 9_007_199_254_740_992.0; // 2^53; above it, several integers have the same f64
    let integer = number.as_i64().map(i128::from).or(number.as_u64().map(i128::from));
    #[allow(clippy::cast_possible_truncation)] // exact
    integer.or_else(|| {
        let float = number.as_f64()?;
        (float.fract() == 0.0 && float.abs() < EXACT).then_some(float as i128)
    })
}

#[cfg(test)]
mod tests {
    use chartmogul_api::operations::{UPDATE_CUSTOMER, UPDATE_OPPORTUNITY};
    use serde_json::json;

    use super::*;

    #[allow(clippy::needless_pass_by_value)] // `json!(..)` is written in place
    fn shown(body: Value, object: Value) -> Vec<String> {
        let preview = preview(&body, &object, &UPDATE_OPPORTUNITY);
        let show = |value: &Option<Value>| value.as_ref().map_or("-".to_owned(), Value::to_string);
        let changes = preview
            .changes
            .iter()
            .map(|change| format!("{}: {} -> {}", change.field, show(&change.old), show(&change.new)));
        changes
            .chain(preview.lost.iter().map(|key| format!("{key} is lost")))
            .collect()
    }

    #[test]
    fn fields_are_compared_as_the_server_would() {
        let object = json!({"amount_in_cents": 200, "owner": "a@example.com", "estimated_close_date": "2026-03-31"});
        let same = json!({"amount_in_cents": 200.0, "estimated_close_date": "2026-03-31"});
        assert_eq!(shown(same.clone(), object.clone()), Vec::<String>::new());
        let mut as_it_was_read = object.clone();
        as_it_was_read["estimated_close_date"] = json!("2026-03-31T00:00:00.000Z");
        assert_eq!(shown(same, as_it_was_read.clone()), Vec::<String>::new());
        assert_eq!(
            shown(json!({"estimated_close_date": "2026-03-3"}), as_it_was_read).len(),
            1
        );
        let text = json!({"pipeline": "2026-01-31T00:00:00.000Z"});
        assert_eq!(
            shown(json!({"pipeline": "2026-01-31"}), text),
            [r#"pipeline: "2026-01-31T00:00:00.000Z" -> "2026-01-31""#]
        );
        let other = json!({"amount_in_cents": 201, "owner": "b@example.com", "pipeline": "New"});
        assert_eq!(
            shown(other, object),
            [
                "amount_in_cents: 200 -> 201",
                r#"owner: "a@example.com" -> "b@example.com""#,
                r#"pipeline: - -> "New""#,
            ]
        );
    }

    #[test]
    fn what_is_in_an_object_is_compared_as_far_as_it_is_named() {
        let object = json!({"attributes": {"tags": ["a", "b"], "stripe": {}, "custom": {"seats": 4, "vip": true}}});
        let shown = |body: Value| {
            let preview = preview(&body, &object, &UPDATE_CUSTOMER);
            assert!(preview.lost.is_empty());
            let fields = preview.changes.into_iter();
            fields
                .map(|change| (change.field, change.old, change.new))
                .collect::<Vec<_>>()
        };
        let custom =
            |seats: u8| json!({"attributes": {"custom": [{"type": "Integer", "key": "seats", "value": seats}]}});
        assert_eq!(shown(custom(4)), []);
        assert_eq!(
            shown(custom(5)),
            [("attributes.custom.seats".to_owned(), Some(json!(4)), Some(json!(5)))]
        );
        assert_eq!(
            shown(json!({"attributes": {"tags": ["b"]}, "primary_contact": {"title": "CFO"}})),
            [
                (
                    "attributes.tags".to_owned(),
                    Some(json!(["a", "b"])),
                    Some(json!(["b"]))
                ),
                ("primary_contact.title".to_owned(), None, Some(json!("CFO"))),
            ]
        );
        let tags = json!({"attributes": {"tags": ["b"]}});
        let bare = preview(&tags, &json!({"attributes": {}}), &UPDATE_CUSTOMER);
        assert_eq!(bare.changes.len(), 1, "a list of texts is not one of attributes");
        // A response does not have the attribute's source, which may differ.
        let sourced = json!({"attributes": {"custom": [{"key": "seats", "value": 4, "source": "crm"}]}});
        assert_eq!(shown(sourced).len(), 1);
    }

    #[test]
    fn in_doubt_there_is_a_difference() {
        for (old, new) in [
            (json!(9_223_372_036_854_775_808_u64), json!(i64::MAX)),
            (json!(9_007_199_254_740_993_i64), json!(9_007_199_254_740_992.0)),
            (json!("2026-01-31"), json!("2026-01-31T00:00:00Z")),
            // It may be a String attribute, whose text must stay as it is.
            (json!("2026-01-31T00:00:00.000Z"), json!("2026-01-31")),
            (json!("2026-01-31T00:00:00.000Z"), json!("2026-01-31T00:00:00Z")),
            (json!("2026-01-31T00:00:00.000Z"), json!("2026-01-31 00:00:00 UTC")),
            (json!(9_007_199_254_740_993_i64), json!(9_007_199_254_740_993.0)),
            (json!("4"), json!(4)),
            (json!(null), json!("")),
        ] {
            let changes = preview(
                &json!({"custom": [{"key": "a", "value": new}]}),
                &json!({"custom": {"a": old}}),
                &UPDATE_OPPORTUNITY,
            )
            .changes;
            assert_eq!(changes.len(), 1, "{old} -> {new}");
        }
    }

    #[test]
    fn attributes_that_would_be_lost_are_named() {
        let object = json!({"custom": {"seats": 4, "vip": true, "since": "2026-01-31T00:00:00.000Z"}});
        let same = json!({"custom": [
            {"key": "since", "value": "2026-01-31T00:00:00.000Z"}, {"key": "vip", "value": true}, {"key": "seats", "value": 4.0},
        ]});
        assert_eq!(shown(same, object.clone()), Vec::<String>::new());
        let one = json!({"custom": [{"key": "seats", "value": 5}, {"key": "team", "value": "x"}]});
        assert_eq!(
            shown(one, object.clone()),
            [
                "custom.seats: 4 -> 5",
                r#"custom.since: "2026-01-31T00:00:00.000Z" -> -"#,
                r#"custom.team: - -> "x""#,
                "custom.vip: true -> -",
                "since is lost",
                "vip is lost",
            ]
        );
        assert_eq!(
            shown(json!({"custom": []}), json!({"custom": null})),
            Vec::<String>::new()
        );
        assert_eq!(
            shown(json!({"custom": []}), json!({"custom": "odd"})),
            [r#"custom: "odd" -> []"#]
        );
    }
}
