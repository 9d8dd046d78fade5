//! Names as they are written in Rust.

use heck::{ToSnakeCase as _, ToUpperCamelCase as _};
use proc_macro2::Span;
use syn::Ident;

/// A field or method: `snake_case`, with an underscore where Rust keeps the word for itself (`type_`).
pub fn field(name: &str) -> String {
    let snake = name.to_snake_case();
    if syn::parse_str::<Ident>(&snake).is_ok() {
        snake
    } else {
        format!("{snake}_")
    }
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
    syn::parse_str::<Ident>(name).is_ok()
}

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
        assert!(!is_ident("2d") && !is_ident("") && is_ident("x"));
    }
}
