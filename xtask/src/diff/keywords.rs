//! Keywords that mean less than others.

/// Members that say something to people only.
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

/// Lists whose order says nothing.
pub(super) fn is_set(name: &str) -> bool {
    matches!(
        name,
        "required" | "enum" | "x-extensible-enum" | "anyOf" | "oneOf" | "parameters" | "tags"
    )
}
