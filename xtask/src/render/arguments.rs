//! Argument types of constructors, methods and setters, and their conversion into the fields of a request.

use crate::{
    lower::rust_type,
    model::{Api, Direction, Kind, Property},
};

/// The crate that code is generated for; decides the path of the low-level crate.
#[derive(Debug, Clone, Copy)]
pub(super) enum Crate {
    /// `chartmogul-api`.
    Low,
    /// `chartmogul`.
    High,
}

impl Crate {
    /// The full path of a type, from its path within `chartmogul-api`.
    pub(super) fn path(self, path: &str) -> String {
        match self {
            Self::Low => path.to_owned(),
            Self::High => path
                .replace("crate::types::", "types::")
                .replace("crate::", "chartmogul_api::")
                .replace("chrono::", "chartmogul_api::chrono::"),
        }
    }

    /// The Rust type of a value in a request.
    pub(super) fn rust_type(self, api: &Api, kind: &Kind) -> String {
        self.path(&rust_type(api, kind, Direction::Request))
    }

    /// The type of an argument for a value.
    pub(super) fn argument(self, api: &Api, kind: &Kind) -> String {
        let inner = |kind: &Kind| self.rust_type(api, kind);
        match kind {
            Kind::List(item) => format!("impl IntoIterator<Item: Into<{}>>", inner(item)),
            Kind::Map(value) => format!(
                "impl IntoIterator<Item = (impl Into<String>, impl Into<{}>)>",
                inner(value)
            ),
            kind => format!("impl Into<{}>", inner(kind)),
        }
    }

    /// The type of an argument for a required field.
    pub(super) fn required_argument(self, api: &Api, property: &Property) -> String {
        if property.nullable {
            format!("Option<{}>", self.rust_type(api, &property.kind))
        } else {
            self.argument(api, &property.kind)
        }
    }
}

/// The expression that converts an argument into the value.
pub(super) fn converted(kind: &Kind, name: &str) -> String {
    match kind {
        Kind::List(_) => format!("{name}.into_iter().map(Into::into).collect()"),
        Kind::Map(_) => format!("{name}.into_iter().map(|(key, value)| (key.into(), value.into())).collect()"),
        _ => format!("{name}.into()"),
    }
}

/// The expression that converts an argument into the value of a required field.
pub(super) fn converted_required(property: &Property) -> String {
    if property.nullable {
        property.field.clone()
    } else {
        converted(&property.kind, &property.field)
    }
}

/// The lifetime that a struct of required values has, if it borrows texts.
pub(super) fn lifetime<'a>(kinds: impl IntoIterator<Item = &'a Kind>, lifetime: &str) -> String {
    let borrows = kinds.into_iter().any(|kind| *kind == Kind::String);
    if borrows {
        format!("<{lifetime}>")
    } else {
        String::new()
    }
}
