//! The flags of an operation, derived from the fields of its query and its body.

use chartmogul::Operation;
use chartmogul::chartmogul_api::{FieldSchema, Object, Schema};

/// Flags that every command has, and options of commands. A field of the same name gets a prefix.
const RESERVED: [&str; 19] = [
    "all",
    "base-url",
    "clear",
    "color",
    "columns",
    "fake",
    "help",
    "jq",
    "json-body",
    "limit",
    "output",
    "profile",
    "quiet",
    "remove-custom",
    "template",
    "timeout",
    "verbose",
    "version",
    "yes",
];

/// Ends the name of an amount in the smallest unit of its currency.
pub(crate) const IN_CENTS: &str = "_in_cents";

/// The currency of the amounts beside it.
pub(crate) const CURRENCY: &str = "currency";

/// Fields of nested objects get flags with dots in their names down to this depth; deeper objects are JSON.
const DEEPEST: usize = 3;

/// A flag that sets a field.
#[derive(Debug, Clone)]
pub(crate) struct Flag {
    /// As it is typed, without the leading dashes.
    pub(crate) long: String,
    /// The path of the field that it sets.
    pub(crate) path: Vec<&'static str>,
    pub(crate) field: &'static FieldSchema,
    pub(crate) kind: Kind,
    /// Whether it is a parameter of the query.
    pub(crate) in_query: bool,
}

/// The kind of value that a flag takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Boolean,
    Integer,
    Number,
    /// Text, a day, an instant, an identifier.
    Text,
    /// A number, a Boolean or text.
    Scalar,
    /// Several texts.
    Texts,
    /// `key=value`, several times: custom attributes.
    Attributes(Attributes),
    /// The same, merged with the existing attributes instead of replacing them.
    Merge,
    /// An amount in units of a currency, for a field in cents.
    Money,
    /// Anything, as JSON.
    Json,
}

/// The form in which custom attributes are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attributes {
    /// `[{"key": "seats", "value": 4}]`
    List,
    /// `[{"type": "Integer", "key": "seats", "value": 4}]`
    TypedList,
    /// `{"seats": 4}`
    Map,
}

impl Flag {
    /// The name of the field: `address.city`.
    pub(crate) fn name(&self) -> String {
        self.path.join(".")
    }

    /// Whether it is an amount in the smallest unit of its currency.
    pub(crate) fn is_in_cents(&self) -> bool {
        self.kind == Kind::Integer && self.path.last().is_some_and(|name| name.ends_with(IN_CENTS))
    }

    /// The value that `--clear` sets: null, or an empty collection. `None` if the field can't be cleared.
    pub(crate) fn cleared(&self) -> Option<serde_json::Value> {
        if self.in_query || matches!(self.kind, Kind::Merge | Kind::Money) {
            return None;
        }
        match self.field.schema {
            _ if self.field.nullable => Some(serde_json::Value::Null),
            Schema::List { min_items: 0, .. } if !self.field.required => Some(serde_json::json!([])),
            _ => None,
        }
    }
}

/// Whether an update can change single custom attributes, and keep the others: they are read first.
pub(crate) fn merges_custom(operation: &Operation) -> bool {
    let custom = operation.body.and_then(|body| body.object.field("custom"));
    let replaced = custom.filter(|custom| custom.replaces_all && attributes(&custom.schema) == Some(Attributes::List));
    replaced.is_some() && operation.fields.contains(&"custom") && operation.read().is_some()
}

/// All flags of an operation, those of its query first.
pub(crate) fn flags(operation: &'static Operation) -> Vec<Flag> {
    let mut flags = Vec::new();
    if let Some(query) = operation.query {
        collect(query, &[], true, &mut flags);
    }
    if let Some(body) = operation.body {
        collect(body.object, &[], false, &mut flags);
        money(&mut flags);
    }
    if merges_custom(operation)
        && let Some(custom) = flags.iter().find(|flag| flag.path == ["custom"]).cloned()
    {
        flags.push(Flag {
            long: "custom".to_owned(),
            kind: Kind::Merge,
            ..custom
        });
    }
    // A field that is also a parameter of the path is given there.
    flags.retain(|flag| !matches!(flag.path.as_slice(), [name] if operation.parameter(name).is_some()));
    for flag in &mut flags {
        if RESERVED.contains(&flag.long.as_str()) {
            flag.long.insert_str(0, "field-");
        }
    }
    flags
}

fn collect(object: &'static Object, path: &[&'static str], in_query: bool, flags: &mut Vec<Flag>) {
    for field in object.fields {
        let mut path = path.to_vec();
        path.push(field.name);
        let kind = kind(&field.schema);
        let prefix = if field.replaces_all { "replace-all-" } else { "" };
        let parents = path[..path.len() - 1].iter().map(|name| format!("{}.", dashed(name)));
        let long = parents.collect::<String>() + prefix + &dashed(field.name);
        // A field that is in the query and in the body has one flag, and is sent in both.
        if flags.iter().any(|flag| flag.long == long) {
            continue;
        }
        flags.push(Flag {
            long,
            path: path.clone(),
            field,
            kind,
            in_query,
        });
        if let Schema::Object(inner) = field.schema
            && path.len() < DEEPEST
        {
            collect(inner, &path, in_query, flags);
        }
    }
}

fn dashed(name: &str) -> String {
    name.replace('_', "-")
}

fn kind(schema: &Schema) -> Kind {
    if let Some(attributes) = attributes(schema) {
        return Kind::Attributes(attributes);
    }
    match schema {
        Schema::Boolean => Kind::Boolean,
        Schema::Integer { .. } => Kind::Integer,
        Schema::Number => Kind::Number,
        Schema::Text(_) | Schema::Uuid | Schema::Date | Schema::Timestamp => Kind::Text,
        Schema::Scalar(_) => Kind::Scalar,
        Schema::List { items, .. } if kind(items) == Kind::Text => Kind::Texts,
        _ => Kind::Json,
    }
}

/// How custom attributes are sent, if that is what a field holds.
fn attributes(schema: &Schema) -> Option<Attributes> {
    match schema {
        Schema::Map(value) if !matches!(value, Schema::List { .. } | Schema::Map(_) | Schema::Object(_)) => {
            Some(Attributes::Map)
        }
        Schema::List {
            items: Schema::Object(item),
            ..
        } => {
            let mut names: Vec<_> = item.fields.iter().map(|field| field.name).collect();
            names.retain(|name| *name != "source"); // who set the attribute; optional
            match names.as_slice() {
                ["key", "value"] | ["value", "key"] => Some(Attributes::List),
                names if names.len() == 3 && ["type", "key", "value"].iter().all(|name| names.contains(name)) => {
                    Some(Attributes::TypedList)
                }
                _ => None,
            }
        }
        _ => None,
    }
}

/// Adds `--amount` for a field `amount_in_cents` of an object that has a `currency`.
fn money(flags: &mut Vec<Flag>) {
    let cents = flags.iter().filter(|flag| flag.kind == Kind::Integer && !flag.in_query);
    let amounts = cents.filter_map(|flag| {
        let long = flag.long.strip_suffix("-in-cents")?;
        let currency = currency_of(&flag.path);
        let has_currency = flags.iter().any(|other| other.path == currency);
        let is_free = !flags.iter().any(|other| other.long == long);
        (has_currency && is_free).then(|| Flag {
            long: long.to_owned(),
            kind: Kind::Money,
            ..flag.clone()
        })
    });
    let amounts: Vec<_> = amounts.collect();
    flags.extend(amounts);
}

/// The fields in cents whose currency is this field.
pub(crate) fn amounts_in<'a>(flags: &'a [Flag], currency: &Flag) -> impl Iterator<Item = &'a Flag> {
    let is_currency = currency.path.last() == Some(&CURRENCY);
    let path = currency.path.clone();
    let is_amount = move |flag: &&Flag| {
        let is_in_cents = flag.path.last().is_some_and(|name| name.ends_with(IN_CENTS));
        is_currency && is_in_cents && flag.kind != Kind::Money && currency_of(&flag.path) == path
    };
    flags.iter().filter(is_amount)
}

/// The custom attributes in a nested object, such as a customer, if there is no flag `custom` at the top level.
pub(crate) fn custom_inside(flags: &[Flag]) -> Option<&Flag> {
    let is_custom = |flag: &&Flag| matches!(flag.kind, Kind::Attributes(_)) && flag.path.last() == Some(&"custom");
    let is_free = !flags.iter().any(|flag| flag.long == "custom");
    let mut inside = flags.iter().filter(is_custom);
    inside.find(|flag| is_free && !flag.in_query && !flag.field.replaces_all)
}

/// The flag that takes an amount in units, for a field in cents.
pub(crate) fn units_of<'a>(flags: &'a [Flag], cents: &Flag) -> Option<&'a Flag> {
    flags
        .iter()
        .find(|flag| flag.kind == Kind::Money && flag.path == cents.path)
}

/// The path of the currency of an amount.
pub(crate) fn currency_of(amount: &[&'static str]) -> Vec<&'static str> {
    let mut path = amount.to_vec();
    path.pop();
    path.push(CURRENCY);
    path
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use chartmogul::chartmogul_api::operations;

    use super::*;

    #[test]
    fn no_two_flags_of_an_operation_are_the_same() {
        for operation in operations::ALL {
            let mut seen = HashSet::new();
            for flag in flags(operation) {
                assert!(seen.insert(flag.long.clone()), "{operation} has --{} twice", flag.long);
            }
        }
    }

    #[test]
    fn attributes_are_merged_unless_replacing_is_asked_for_by_name() {
        let update = operations::find("update_opportunity").unwrap();
        let of = |long: &str| {
            flags(update)
                .into_iter()
                .find(|flag| flag.long == long)
                .map(|flag| flag.kind)
        };
        assert_eq!(of("custom"), Some(Kind::Merge));
        assert_eq!(of("replace-all-custom"), Some(Kind::Attributes(Attributes::List)));
        assert_eq!(of("amount"), Some(Kind::Money));
        assert_eq!(of("amount-in-cents"), Some(Kind::Integer));
    }

    /// The names of the flags must warn a user who reads nothing else that unnamed items are removed.
    #[test]
    fn whatever_replaces_all_says_so() {
        for operation in operations::ALL {
            for flag in flags(operation).iter().filter(|flag| flag.field.replaces_all) {
                let says_so = flag.long.contains("replace-all-") || flag.kind == Kind::Merge;
                assert!(says_so, "{operation} --{}", flag.long);
            }
        }
    }
}
