//! Open enums: known values, and `Unknown`.

use std::fmt::Write as _;

use super::docs;
use crate::model::OpenEnum;

/// Text instead of tokens: the formatter does not format the inside of a macro.
pub(super) fn code(name: &str, open: &OpenEnum) -> String {
    let mut text = String::from("crate::open_enum! {\n");
    text.push_str(&docs::comment_text(&docs::markdown(&open.description), "    "));
    let _ = writeln!(text, "    pub enum {name} {{"); // writing to a String can't fail
    for (value, variant) in &open.values {
        let _ = writeln!(text, "        /// `{value}`\n        {variant} = {value:?},");
    }
    text.push_str("    }\n}\n");
    text
}
