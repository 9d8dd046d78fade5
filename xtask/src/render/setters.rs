//! Setters: of the builders of `chartmogul`, and of objects within requests.

use super::{
    arguments::{Crate, converted},
    deprecated_text, docs,
};
use crate::{
    lower::is_field,
    model::{Api, Direction, Kind, Object, Property},
};

/// A setter for each optional field. `target` is the expression for the object.
pub(super) fn setters(api: &Api, object: &Object, target: &str, within: Crate) -> String {
    let optional = object.properties.iter().filter(|property| !property.required);
    let setters: Vec<_> = optional
        .flat_map(|property| property_setters(api, property, target, within))
        .collect();
    setters.join("\n")
}

fn property_setters(api: &Api, property: &Property, target: &str, within: Crate) -> Vec<String> {
    let (field, wire) = (&property.field, &property.name);
    let takes = match property.kind {
        Kind::Date => "\n\nTakes a `chrono::NaiveDate`, or text such as `2026-01-31`.",
        Kind::Timestamp => {
            "\n\nTakes a `chrono::DateTime`, a `chrono::NaiveDate`, or text such as `2026-01-31T12:00:00Z`."
        }
        _ => "",
    };
    let words = docs::markdown(&property.description) + takes;
    let is_collection = matches!(property.kind, Kind::List(_) | Kind::Map(_));
    let replaces = property.replaces_all && is_collection;
    let path = |variant| within.path(&format!("crate::Field::{variant}"));
    let set = |value: &str| {
        let some = if is_field(property, Direction::Request) {
            path("Value")
        } else {
            "Some".to_owned()
        };
        format!("{some}({value})")
    };
    let setter = |name: &str, argument: &str, doc: &str, value: &str| {
        let doc = docs::comment_text(doc, "    ");
        let deprecated = deprecated_text(property.deprecated.as_deref(), "    ");
        format!(
            "{doc}{deprecated}    pub fn {name}(mut self{argument}) -> Self {{\n        \
             {target}.{field} = {value};\n        self\n    }}\n"
        )
    };

    let name = if replaces {
        format!("replace_all_{field}")
    } else {
        field.clone()
    };
    let argument = if is_collection { "values" } else { "value" };
    let taken = format!(", {argument}: {}", within.argument(api, &property.kind));
    let mut setters = vec![setter(
        &name,
        &taken,
        &words,
        &set(&converted(&property.kind, argument)),
    )];
    if replaces {
        let what = if matches!(property.kind, Kind::List(_)) {
            "list"
        } else {
            "object"
        };
        let doc = format!("**Removes every** `{wire}` that the object has: sends an empty {what}.");
        setters.push(setter(
            &format!("remove_all_{field}"),
            "",
            &doc,
            &set("Default::default()"),
        ));
    }
    if property.nullable {
        let name = format!("clear_{}", field.trim_end_matches('_'));
        let doc = format!("Clears `{wire}`: sends `null`.");
        setters.push(setter(&name, "", &doc, &path("Null")));
    }
    setters
}
