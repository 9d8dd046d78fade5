//! Keywords that are documentation, and lists without an order.

/// Whether a keyword is documentation only.
pub(super) fn is_word(name: &str) -> bool {
    matches!(
        name,
        "title"
            | "description"
            | "summary"
            | "example"
            | "examples"
            | "externalDocs"
            | "info"
            | "tags"
            | "x-pattern-description"
            | "x-deprecated-note"
    )
}

/// Whether a keyword is a list whose order has no meaning.
pub(super) fn is_set(name: &str) -> bool {
    matches!(
        name,
        "required" | "enum" | "x-extensible-enum" | "anyOf" | "oneOf" | "parameters" | "tags"
    )
}
