//! The meaning of an input's columns.

use chartmogul::{Operation, chartmogul_api::Schema};

use super::damage;
use crate::{
    flags::{self, Attributes, Flag, Kind},
    identifier::Shape,
};

/// Columns of a file of failed rows. They are left out when it is read again.
pub(super) const OF_FAILED: [&str; 3] = ["chartmogul.row", "chartmogul.outcome", "chartmogul.reason"];

/// Another name of the identifier.
const UUID: &str = "uuid";

/// The possible columns.
#[derive(Debug)]
pub(super) struct Fields {
    /// The parameter of the path.
    pub(super) id: &'static str,
    /// The form of its values, if the document has an example.
    pub(super) shape: Option<Shape>,
    flags: Vec<Flag>,
    /// The fields of the object that the operation returns.
    has: &'static [&'static str],
    pub(super) custom: Option<Custom>,
}

/// How single custom attributes are changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Custom {
    /// They are read, merged and written.
    Merged,
    /// They are sent at this path of the body. The operation determines whether the API merges them or replaces all of
    /// them.
    Sent(Vec<&'static str>, Attributes),
}

/// The meaning of a column.
#[derive(Debug, Clone)]
pub(super) enum Target {
    Id,
    Field(Flag),
    /// An amount in units of a currency, for a field in cents.
    Amount(Flag),
    Custom {
        key: String,
        kind: Option<AttributeKind>,
    },
    Ignored,
}

/// The type of a custom attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AttributeKind {
    String,
    Integer,
    Decimal,
    Boolean,
}

impl AttributeKind {
    fn of(name: &str) -> Option<Self> {
        match name {
            "string" | "text" | "timestamp" => Some(Self::String),
            "integer" => Some(Self::Integer),
            "decimal" | "number" => Some(Self::Decimal),
            "boolean" => Some(Self::Boolean),
            _ => None,
        }
    }
}

impl AttributeKind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Decimal => "decimal",
            Self::Boolean => "boolean",
        }
    }
}

impl Target {
    /// The field that the column sets; two columns must not set the same one.
    pub(super) fn place(&self) -> Option<String> {
        match self {
            Self::Id => Some("(id)".to_owned()),
            Self::Field(flag) | Self::Amount(flag) => Some(flag.name()),
            Self::Custom { key, .. } => Some(format!("custom.{key}")),
            Self::Ignored => None,
        }
    }

    /// Whether it is a calendar day.
    pub(super) fn is_day(&self) -> bool {
        matches!(self, Self::Field(flag) if matches!(flag.field.schema, Schema::Date))
    }
}

impl Fields {
    /// # Errors
    /// The path of the operation does not have exactly one parameter, which identifies the object to update.
    pub(super) fn of(operation: &'static Operation, replace_custom: bool) -> Option<Self> {
        let [id] = operation.parameters else { return None };
        let mut flags = flags::flags(operation);
        let attributes = flags.iter().find_map(|flag| match flag.kind {
            Kind::Attributes(form) if flag.path.last() == Some(&"custom") => Some((flag.path.clone(), form)),
            _ => None,
        });
        let custom = match attributes {
            Some(_) if flags::merges_custom(operation) && !replace_custom => Some(Custom::Merged),
            Some((path, form)) => Some(Custom::Sent(path, form)),
            None => None,
        };
        flags.retain(|flag| !matches!(flag.kind, Kind::Merge | Kind::Attributes(_)));
        Some(Self {
            id: id.name,
            shape: Shape::of(id),
            flags,
            has: operation.fields,
            custom,
        })
    }

    /// The names of columns, the identifier first.
    pub(super) fn names(&self) -> Vec<String> {
        let mut names = vec![self.id.to_owned()];
        names.extend(self.flags.iter().map(name));
        names
    }

    /// The field at a path.
    pub(super) fn field(&self, path: &[&str]) -> Option<&Flag> {
        self.flags
            .iter()
            .find(|flag| flag.path == path && flag.kind != Kind::Money)
    }

    /// The name of the column for a field in cents that takes units.
    pub(super) fn units_of(&self, cents: &Flag) -> Option<String> {
        flags::units_of(&self.flags, cents).map(name)
    }

    /// Whether a field is an instant.
    pub(super) fn is_instant(&self, path: &[&str]) -> bool {
        self.field(path)
            .is_some_and(|flag| matches!(flag.field.schema, Schema::Timestamp))
    }

    /// The amounts in a currency.
    pub(super) fn amounts_in(&self, currency: &Flag) -> impl Iterator<Item = &Flag> {
        flags::amounts_in(&self.flags, currency)
    }

    /// The meaning of a column with this name.
    ///
    /// # Errors
    /// Why the name is rejected.
    pub(super) fn target(&self, column: &str, ignored: &[String]) -> Result<Target, String> {
        if ignored.iter().any(|name| name == column) || OF_FAILED.contains(&column) {
            return Ok(Target::Ignored);
        }
        if let Some(flag) = self.flags.iter().find(|flag| name(flag) == column) {
            return Ok(match flag.kind {
                Kind::Money => Target::Amount(flag.clone()),
                _ => Target::Field(flag.clone()),
            });
        }
        if column == self.id || column == UUID {
            return Ok(Target::Id);
        }
        if let (Some(custom), Some(name)) = (&self.custom, key(column)) {
            let (key, kind) = match name.rsplit_once(':') {
                Some((key, kind)) => (key, Some(kind)),
                None => (name, None),
            };
            let kind = match kind.map(AttributeKind::of) {
                Some(None) => {
                    return Err(
                        "has an unknown type; must be string, integer, decimal, boolean or timestamp".to_owned(),
                    );
                }
                kind => kind.flatten(),
            };
            if key.is_empty() || key.contains('.') && *custom == Custom::Merged {
                return Err("must be `custom.` and the name of the attribute".to_owned());
            }
            let key = key.to_owned();
            return Ok(Target::Custom { key, kind });
        }
        if let Some(what) = damage::invisible(column) {
            return Err(match damage::visible(column) {
                name if self.is_known(&name) => format!("has {what} in its name, which is invisible; write `{name}`"),
                _ => format!("has {what} in its name, which is invisible"),
            });
        }
        Err(self.unknown(column))
    }

    pub(super) fn is_known(&self, column: &str) -> bool {
        self.target(column, &[]).is_ok()
    }

    fn unknown(&self, column: &str) -> String {
        if column.is_empty() {
            return "has no name".to_owned();
        }
        if column == "custom" && self.custom.is_some() {
            return "takes a column for each attribute: custom.NAME".to_owned();
        }
        if self.has.contains(&column) {
            return format!("can't be changed by an update; --ignore {column} leaves it out");
        }
        let names = self.names();
        let wanted = column.to_lowercase().replace([' ', '-'], "_");
        let wanted = wanted.trim_matches('_');
        let distance = |name: &String| strsim::damerau_levenshtein(wanted, name);
        let nearest = names.iter().min_by_key(|name| distance(name));
        let near = nearest.filter(|name| distance(name) <= wanted.chars().count() / 3 + 1);
        // `Close Date` is suggested if exactly one name ends with it.
        let mut longer = names.iter().filter(|name| name.ends_with(&format!("_{wanted}")));
        let only = longer.next().filter(|_| longer.next().is_none());
        let near = near.or(only);
        let custom = if self.custom.is_some() { ", and custom.NAME" } else { "" };
        match near {
            Some(near) => format!("is not known; did you mean `{near}`?"),
            None => format!(
                "is not known; there are {}{custom}; --ignore {column:?} leaves it out",
                names.join(", ")
            ),
        }
    }
}

fn name(flag: &Flag) -> String {
    let name = flag.name();
    match (flag.kind, name.strip_suffix("_in_cents")) {
        (Kind::Money, Some(units)) => units.to_owned(),
        _ => name,
    }
}

/// The name of a custom attribute in the name of a column.
fn key(column: &str) -> Option<&str> {
    column
        .strip_prefix("custom.")
        .or_else(|| column.strip_prefix("attributes.custom."))
}
