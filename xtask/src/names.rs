//! Conversions of names into Rust names.

use heck::{ToSnakeCase as _, ToUpperCamelCase as _};
use proc_macro2::Span;
use syn::Ident;

/// A field or method: `snake_case`, with an underscore after a keyword of Rust (`type_`).
pub fn field(name: &str) -> String {
    let snake = name.to_snake_case();
    if is_ident(&snake) { snake } else { format!("{snake}_") }
}

/// A type or variant.
pub fn pascal(name: &str) -> String {
    name.to_upper_camel_case()
}

/// A module or file.
pub fn module(name: &str) -> String {
    field(name)
}

/// The method name of an operation: its id without the words of the tag.
pub fn verb(id: &str, tag: &str) -> String {
    let words = |tag: &str| format!("_{tag}_");
    let (plural, singular) = (words(tag), words(&singular(tag)));
    let id = format!("_{id}_");
    let rest = id.replacen(&plural, "_", 1);
    let rest = if rest == id {
        id.replacen(&singular, "_", 1)
    } else {
        rest
    };
    match rest.trim_matches('_') {
        "" => tag.to_owned(),
        verb => verb.to_owned(),
    }
}

/// The singular of a tag.
pub fn singular(tag: &str) -> String {
    match tag {
        _ if tag.ends_with("ies") => format!("{}y", tag.trim_end_matches("ies")),
        _ => tag.strip_suffix('s').unwrap_or(tag).to_owned(),
    }
}

/// Whether a name can be an identifier in Rust.
pub fn is_ident(name: &str) -> bool {
    // `gen` is a keyword since edition 2024, and syn does not know editions.
    name != "gen" && syn::parse_str::<Ident>(name).is_ok()
}

/// Whether a name is that of a field or method; it may end in an underscore.
pub fn is_field(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(plain) && is_ident(name)
}

/// An identifier; the caller has checked the name with [`is_ident`].
pub fn ident(name: &str) -> Ident {
    Ident::new(name, Span::call_site())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_rust() {
        assert_eq!(field("type"), "type_");
        assert_eq!(field("customer-since"), "customer_since");
        assert_eq!(pascal("one-time"), "OneTime");
        assert_eq!(pascal("best_case"), "BestCase");
        assert_eq!((field("gen"), field("self")), ("gen_".to_owned(), "self_".to_owned()));
        assert!(is_field("from_") && !is_field("From") && !is_field("type") && !is_field("_a") && !is_field("a-b"));
        assert!(!is_ident("2d") && !is_ident("") && is_ident("x"));
    }
}
