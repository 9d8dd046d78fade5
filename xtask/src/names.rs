//! Names as they are written in Rust.

use heck::{ToSnakeCase as _, ToUpperCamelCase as _};
use proc_macro2::Span;
use syn::Ident;

/// A field or method: `snake_case`, with an underscore where Rust keeps the word for itself (`type_`).
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

/// Whether a name can be an identifier in Rust.
pub fn is_ident(name: &str) -> bool {
    // `gen` is a keyword since edition 2024, and syn does not know editions.
    name != "gen" && syn::parse_str::<Ident>(name).is_ok()
}

/// Types that generated code and its users know by these names: of the prelude, and of the two clients.
pub const RESERVED_TYPES: &[&str] = &[
    "Self",
    "Option",
    "Some",
    "None",
    "Result",
    "Ok",
    "Err",
    "String",
    "Vec",
    "Box",
    "Default",
    "Clone",
    "Copy",
    "Debug",
    "Send",
    "Sync",
    "Drop",
    "Fn",
    "From",
    "Into",
    "Iterator",
    "IntoIterator",
    "ToString",
    "PartialEq",
    "Eq",
    "Ord",
    "PartialOrd",
    "Members",
    "ErrorResponse",
    "BoxError",
    "Check",
    "Client",
    "ClientBuilder",
    "CustomAttributeList",
    "Error",
    "Field",
    "FieldValue",
    "InvalidInput",
    "IntoDate",
    "List",
    "Operation",
    "Outcome",
    "Problem",
    "Response",
    "StatusCode",
    "TimeoutKind",
];

/// Operations whose methods or builders would be these.
pub const RESERVED_OPERATIONS: &[&str] = &[
    "all",
    "answer",
    "broken",
    "builder",
    "clone",
    "drop",
    "exec",
    "exec_done",
    "fmt",
    "from_env",
    "new",
    "send",
    "start",
    "succeed",
];

/// What the generated methods and builders call their own.
pub const RESERVED_ARGUMENTS: &[&str] = &[
    "self_",
    "body",
    "query",
    "required",
    "client",
    "request",
    "response",
    "url",
    "wrong",
    "header_map",
    "result",
];

/// Methods of every builder.
pub const RESERVED_SETTERS: &[&str] = &["new", "send", "outcome", "clone", "fmt", "drop", "into", "from"];

/// An identifier; the name has been through [`is_ident`].
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
        assert!(!is_ident("2d") && !is_ident("") && is_ident("x"));
    }
}
