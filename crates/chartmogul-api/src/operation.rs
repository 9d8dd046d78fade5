use std::fmt;

/// What the OpenAPI document says about one operation; see [`crate::operations`] for all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Operation {
    /// Unique name, in `snake_case`; also the name of the method on [`crate::Client`].
    pub id: &'static str,
    /// HTTP method.
    pub method: &'static str,
    /// Path template with its parameters in braces.
    pub path: &'static str,
    /// The resource that the operation belongs to.
    pub tag: &'static str,
    /// Whether repeating the request is harmless: the second one has the effect of the first and no other.
    pub idempotent: bool,
    /// Name of the type in a successful answer, if there is one.
    pub response: Option<&'static str>,
    /// Page of ChartMogul's API reference.
    pub source: &'static str,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id)
    }
}
