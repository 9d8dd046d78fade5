//! Open enums: known values, and the others.

use std::fmt::Write as _;

use super::{ByName, docs};
use crate::{
    model::{Api, OpenEnum, Type},
    names,
};

/// One file for each enum: its name, and its code.
///
/// Text and not tokens: the formatter leaves the inside of a macro alone.
pub(super) fn enums(api: &Api) -> ByName<String> {
    let mut files = ByName::new();
    for (name, ty) in &api.types {
        if let Type::OpenEnum(open) = ty {
            files.insert(names::module(name), code(name, open));
        }
    }
    files
}

fn code(name: &str, open: &OpenEnum) -> String {
    let mut text = String::from("crate::open_enum! {\n");
    text.push_str(&docs::comment_text(&open.description, "    "));
    let _ = writeln!(text, "    pub enum {name} {{"); // writing to a String can't fail
    for (value, variant) in &open.values {
        let _ = writeln!(text, "        /// `{value}`\n        {variant} = {value:?},");
    }
    text.push_str("    }\n}\n");
    text
}
