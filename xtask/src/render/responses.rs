//! Objects in responses: input of a macro that implements reading them.

use std::fmt::Write as _;

use super::{deprecated_text, docs};
use crate::{
    lower::{field_type, rust_type},
    model::{Api, Direction, Kind, Object},
};

/// Text instead of tokens: the formatter does not format the inside of a macro.
pub(super) fn code(api: &Api, name: &str, object: &Object) -> String {
    let mut text = String::from("crate::object! {\n");
    text += &docs::comment_text(&docs::markdown(&object.description), "    ");
    let _ = writeln!(text, "    pub struct {name} {{"); // writing to a String can't fail
    for property in &object.properties {
        text += &docs::comment_text(&docs::markdown(&property.description), "        ");
        text += &deprecated_text(property.deprecated.as_deref(), "        ");
        let (field, wire) = (&property.field, &property.name);
        let ty = field_type(api, property, Direction::Response);
        let required = if property.entries { " required" } else { "" };
        let _ = writeln!(text, "        pub {field}: {ty} = {wire:?}{required},");
    }
    text += "    }\n}\n";
    text += &page(api, name, object);
    text
}

/// The `Page` implementation of a page: entries, cursor and `has_more`.
fn page(api: &Api, name: &str, object: &Object) -> String {
    let Some(entries) = object.page() else {
        return String::new();
    };
    let field = |name| {
        object
            .property(name)
            .map(|property| property.field.as_str())
            .unwrap_or_default()
    };
    let Kind::List(entry) = &entries.kind else {
        return String::new();
    };
    let entry = rust_type(api, entry, Direction::Response);
    format!(
        "\nimpl crate::request::Page for {name} {{\n    \
             type Entry = {entry};\n    \
             fn into_parts(self) -> (crate::List<Self::Entry>, Option<String>, Option<bool>) {{\n        \
                 (self.{}, self.{}.into_value(), self.{}.into_value())\n    \
             }}\n\
         }}\n",
        entries.field,
        field("cursor"),
        field("has_more"),
    )
}
