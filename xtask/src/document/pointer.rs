//! JSON pointers, and the references that hold them.

use serde_json::Value;

/// Appends a key or an index to a JSON pointer.
pub fn child(pointer: &str, name: &str) -> String {
    if name.contains(['~', '/']) {
        format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"))
    } else {
        [pointer, name].join("/") // the common case, and there are many
    }
}

/// The last key of a pointer, unescaped.
pub fn last(pointer: &str) -> String {
    let name = pointer.rsplit('/').next().unwrap_or_default();
    name.replace("~1", "/").replace("~0", "~")
}

/// The component that a pointer leads into.
pub fn component(pointer: &str) -> Option<String> {
    let mut parts = pointer.strip_prefix("/components/")?.split('/');
    Some(format!("/components/{}/{}", parts.next()?, parts.next()?))
}

/// The text of a `$ref`.
pub fn reference(value: &Value) -> Option<&str> {
    value.get("$ref")?.as_str()
}

/// The pointer that the text of a `$ref` consists of; `None` if it leads into another file.
pub fn local(reference: &str) -> Option<&str> {
    reference.strip_prefix('#')
}

/// The pointer that a value refers to with its `$ref`.
pub fn target(value: &Value) -> Option<&str> {
    local(reference(value)?)
}

/// What a value refers to with its `$ref`.
pub fn resolve<'a>(root: &'a Value, value: &Value) -> Option<&'a Value> {
    root.pointer(target(value)?)
}

/// The name of the schema that the text of a `$ref` refers to.
pub fn schema_name(reference: &str) -> Option<&str> {
    local(reference)?.strip_prefix("/components/schemas/")
}

/// Calls `visit` for every `$ref` that is text, with the pointer of the `$ref`. Examples are skipped, because they are
/// data; a property may be named `example`, too.
pub fn each_reference<'a>(value: &'a Value, pointer: &str, visit: &mut impl FnMut(&str, &'a str)) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(target)) = fields.get("$ref") {
                visit(&child(pointer, "$ref"), target);
            }
            for (name, field) in fields {
                if is_read(pointer, name) {
                    each_reference(field, &child(pointer, name), visit);
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                each_reference(item, &child(pointer, &index.to_string()), visit);
            }
        }
        _ => {}
    }
}

/// Whether a `$ref` below the field `name` of the value at `pointer` is a reference, and not data.
pub fn is_read(pointer: &str, name: &str) -> bool {
    let parent = pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
    match name {
        "example" => pointer.ends_with("/properties") || pointer.ends_with("/schemas"),
        "value" => !parent.ends_with("/examples"),
        _ => true,
    }
}
