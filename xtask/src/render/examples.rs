//! An example for each method, made from the document's own examples. The crate's tests compile it, but don't run it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    model::{Api, Argument, ArgumentValue, Body, Home, Kind, Object, Operation, Property, Tag, Type},
    names,
};

/// Maximum number of setters that are shown.
const SETTERS: usize = 3;
/// Longer statements are wrapped.
const WIDTH: usize = 110;
const HEAD: &str = "# async fn run(client: chartmogul::Client) -> Result<(), chartmogul::Error> {\n";
const END: &str = "# Ok(()) }\n";

/// The lines of a documentation test; `None` if the document has a value that can't be written as a Rust expression.
pub(super) fn example(api: &Api, tag: &Tag, operation: &Operation) -> Option<String> {
    let examples = Examples { api };
    let arguments = operation.arguments(api);
    let arguments = arguments.iter().map(|argument| examples.argument(operation, argument));
    let arguments = arguments.collect::<Option<Vec<_>>>()?.join(", ");
    let setters: String = examples.setters(operation).into_iter().take(SETTERS).collect();
    let (accessor, verb) = (names::module(&tag.name), &operation.verb);
    let call = format!("client.{accessor}().{verb}({arguments}){setters}");
    if let Some(Kind::List(entry)) = operation.pages(api).map(|entries| &entries.kind) {
        let entries = accessor.as_str();
        let entry = entry.component().map_or("entry".to_owned(), names::field);
        let entry = if entry == *entries { "entry".to_owned() } else { entry };
        let (uses, start) = imported(&format!("let mut {entries} = {call}.items();"));
        let start = laid_out(&start)?;
        return Some(format!(
            "{HEAD}{uses}{start}while let Some({entry}) = {entries}.try_next().await? {{\n    println!(\"{{{entry}:?}}\");\n}}\n{END}"
        ));
    }
    let call = format!("{call}.send().await?");
    let statement = match &operation.response {
        Some(Kind::Ref(name)) => format!("let {} = {call};", names::field(name)),
        Some(_) => format!("let response = {call};"),
        None => format!("{call};"),
    };
    let (uses, statement) = imported(&statement);
    let statement = laid_out(&statement)?;
    Some(format!("{HEAD}{uses}{statement}{END}"))
}

/// The `use` declarations for the paths in a statement, and the shortened statement.
fn imported(statement: &str) -> (String, String) {
    let mut short = statement.to_owned();
    let mut imports: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (at, _) in statement.match_indices("chartmogul::") {
        let path = statement[at..]
            .split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':')
            .next();
        let names: Vec<_> = path.unwrap_or_default().split("::").collect();
        if let [_, module, name, ..] = names.as_slice() {
            short = short.replace(&format!("chartmogul::{module}::{name}"), name);
            imports.entry(module).or_default().insert(name);
        }
    }
    let uses = imports.into_iter().map(|(module, names)| {
        let names: Vec<_> = names.into_iter().collect();
        match names.as_slice() {
            [name] => format!("use chartmogul::{module}::{name};\n"),
            names => format!("use chartmogul::{module}::{{{}}};\n", names.join(", ")),
        }
    });
    let uses: String = uses.collect();
    let gap = if uses.is_empty() { "" } else { "\n" };
    (uses + gap, short)
}

/// One line if it is short, otherwise formatted.
fn laid_out(statement: &str) -> Option<String> {
    if statement.len() <= WIDTH {
        return Some(format!("{statement}\n"));
    }
    let file = syn::parse_file(&format!("async fn run() {{ {statement} }}")).ok()?;
    let formatted = prettyplease::unparse(&file);
    let lines: Vec<_> = formatted.lines().collect();
    let lines = lines.get(1..lines.len().checked_sub(1)?)?;
    Some(
        lines
            .iter()
            .map(|line| format!("{}\n", line.strip_prefix("    ").unwrap_or(line)))
            .collect(),
    )
}

/// The context of a value, which decides how it is written.
#[derive(Clone, Copy, PartialEq)]
enum As {
    /// An argument that is converted (`impl Into`).
    Argument,
    /// A field of a struct that borrows texts.
    Field,
    /// A position that requires the exact type.
    Owned,
    /// An item within an argument that is converted: its type is inferred from the value alone.
    Inner,
}

struct Examples<'a> {
    api: &'a Api,
}

impl Examples<'_> {
    fn argument(&self, operation: &Operation, argument: &Argument<'_>) -> Option<String> {
        let given = body_example(operation);
        match &argument.value {
            ArgumentValue::Path(parameter) => self.value(&parameter.kind, parameter.example.as_ref()?, As::Argument),
            ArgumentValue::Identifier(identified) => {
                let parameter = identified.parameter;
                self.value(&parameter.kind, parameter.example.as_ref()?, As::Argument)
            }
            ArgumentValue::PathStruct(name) => {
                let fields = operation.parameters.iter().map(|parameter| {
                    let value = self.value(&parameter.kind, parameter.example.as_ref()?, As::Field)?;
                    Some(format!("{}: {value}", parameter.field))
                });
                let module = names::module(&operation.tag);
                struct_literal(&self.path_struct(name).unwrap_or(module), name, fields)
            }
            ArgumentValue::Query(property) => self.required(property, None, As::Argument),
            ArgumentValue::Body(property) => self.required(property, given, As::Argument),
            ArgumentValue::QueryStruct(name) => self.required_struct(name, operation.query_object(self.api)?, None),
            ArgumentValue::BodyStruct(name) => self.required_struct(name, operation.body_object(self.api)?, given),
        }
    }

    fn setters(&self, operation: &Operation) -> Vec<String> {
        let setter = |property: &Property, value: &Value| {
            if property.required || property.deprecated.is_some() {
                return None;
            }
            let value = self.value(&property.kind, value, As::Argument)?;
            Some(format!(".{}({value})", setter_name(property)))
        };
        let body = operation
            .body_object(self.api)
            .map_or(&[][..], |object| &object.properties);
        let given = body_example(operation);
        let of_body = body.iter().filter_map(|p| setter(p, given?.get(&p.name)?));
        let query = operation
            .query_object(self.api)
            .map_or(&[][..], |object| &object.properties);
        // A cursor comes from an earlier response, so an example has none.
        let of_query = query
            .iter()
            .filter(|p| p.name != "cursor")
            .filter_map(|p| setter(p, p.example.as_ref()?))
            .take(1);
        of_query.chain(of_body).collect()
    }

    fn required(&self, property: &Property, given: Option<&Value>, position: As) -> Option<String> {
        let given = given.and_then(|given| given.get(&property.name));
        let value = given.or(property.example.as_ref())?;
        if property.nullable {
            let position = match position {
                As::Argument => As::Owned, // an `Option` does not convert its content
                other => other,
            };
            return match value {
                Value::Null => Some("None".to_owned()),
                value => Some(format!("Some({})", self.value(&property.kind, value, position)?)),
            };
        }
        self.value(&property.kind, value, position)
    }

    fn required_struct(&self, name: &str, object: &Object, given: Option<&Value>) -> Option<String> {
        let fields = object.required().map(|property| {
            let value = self.required(property, given, As::Field)?;
            Some(format!("{}: {value}", property.field))
        });
        let types = self.api.required_types();
        struct_literal(&module(&types.get(name)?.home), name, fields)
    }

    fn path_struct(&self, name: &str) -> Option<String> {
        Some(module(&self.api.path_types().get(name)?.home))
    }

    fn value(&self, kind: &Kind, value: &Value, position: As) -> Option<String> {
        let converted = |text: String| match position {
            As::Argument => Some(text),
            As::Field | As::Owned => Some(format!("{text}.into()")),
            As::Inner => None,
        };
        let owned = |text: &str| format!("{text:?}.to_owned()");
        // The context of the items of a list or a map.
        let inside = |kind: &Kind| match (position, kind) {
            (As::Argument, Kind::List(_) | Kind::Map(_)) => As::Inner,
            (As::Field, _) => As::Owned,
            _ => position,
        };
        match (kind, value) {
            (Kind::String, Value::String(text)) => match position {
                As::Argument | As::Field => Some(format!("{text:?}")),
                As::Owned | As::Inner => Some(owned(text)),
            },
            (Kind::Date | Kind::Timestamp, Value::String(text)) => converted(format!("{text:?}")),
            (Kind::Integer, Value::Number(number)) => {
                let text = integer(number.as_i64()?);
                let is_told = position != As::Inner || text.ends_with("_i64");
                Some(if is_told { text } else { format!("{text}_i64") })
            }
            (Kind::Number, Value::Number(number)) => Some(format!("{:?}", number.as_f64()?)),
            (Kind::Boolean, Value::Bool(value)) => Some(value.to_string()),
            (Kind::Any, value) => converted(scalar(value)?),
            (Kind::Ref(name), value) => match (self.api.types.get(name)?, value) {
                (Type::Object(object), value) => self.object(name, object, value),
                (Type::OpenEnum(_), Value::String(text)) => converted(format!("{text:?}")),
                (Type::Handwritten { .. }, value) => converted(scalar(value)?),
                _ => None,
            },
            (Kind::List(item), Value::Array(items)) => {
                // An empty list, or one of different types, would need a type annotation.
                let is_told = matches!(position, As::Field | As::Owned);
                if !is_told && (items.is_empty() || !same_types(value)) {
                    return None;
                }
                let items = items.iter().map(|value| self.value(item, value, inside(item)));
                let items = items.collect::<Option<Vec<_>>>()?.join(", ");
                let vec = if position == As::Argument { "" } else { "vec!" };
                Some(format!("{vec}[{items}]"))
            }
            // Its type is not a `BTreeMap`.
            (Kind::Map(of), _) if **of == Kind::Any && position != As::Argument => None,
            (Kind::Map(of), Value::Object(fields)) => {
                let is_told = matches!(position, As::Field | As::Owned);
                if !is_told && (fields.is_empty() || !same_types(&fields.values().cloned().collect())) {
                    return None;
                }
                let pairs = fields.iter().map(|(key, value)| {
                    let value = self.value(of, value, inside(of))?;
                    let key = if position == As::Argument {
                        format!("{key:?}")
                    } else {
                        owned(key)
                    };
                    Some(format!("({key}, {value})"))
                });
                let pairs = pairs.collect::<Option<Vec<_>>>()?.join(", ");
                Some(match position {
                    As::Argument => format!("[{pairs}]"),
                    _ => format!("std::collections::BTreeMap::from([{pairs}])"),
                })
            }
            _ => None,
        }
    }

    /// An object within a request: `new` with the required fields, then setters.
    fn object(&self, name: &str, object: &Object, value: &Value) -> Option<String> {
        let path = format!("chartmogul::{}::{name}", module(&object.home));
        let made = match &object.required_type {
            Some(required) => format!("{path}::new({})", self.required_struct(required, object, Some(value))?),
            None => {
                let arguments = object
                    .required()
                    .map(|property| self.required(property, Some(value), As::Argument));
                let arguments = arguments.collect::<Option<Vec<_>>>()?;
                let function = if arguments.is_empty() { "default" } else { "new" };
                format!("{path}::{function}({})", arguments.join(", "))
            }
        };
        let setters = object
            .properties
            .iter()
            .filter(|property| !property.required && property.deprecated.is_none());
        let setters: String = setters
            .filter_map(|property| {
                let value = self.value(&property.kind, value.get(&property.name)?, As::Argument)?;
                Some(format!(".{}({value})", setter_name(property)))
            })
            .collect();
        Some(made + &setters)
    }
}

fn setter_name(property: &Property) -> String {
    let is_collection = matches!(property.kind, Kind::List(_) | Kind::Map(_));
    let prefix = if property.replaces_all && is_collection {
        "replace_all_"
    } else {
        ""
    };
    format!("{prefix}{}", property.field)
}

fn struct_literal(module: &str, name: &str, fields: impl Iterator<Item = Option<String>>) -> Option<String> {
    let fields = fields.collect::<Option<Vec<_>>>()?.join(", ");
    Some(format!("chartmogul::{module}::{name} {{ {fields} }}"))
}

fn body_example(operation: &Operation) -> Option<&Value> {
    inside(operation.body.as_ref()?)
}

/// The example of the object in the envelope.
pub(super) fn inside(body: &Body) -> Option<&Value> {
    let example = body.example.as_ref()?;
    match &body.envelope {
        Some((key, _)) => example.get(key),
        None => Some(example),
    }
}

fn module(home: &Home) -> String {
    match home {
        Home::Tag(tag) => names::module(tag),
        Home::Shared => super::TYPES.to_owned(),
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(format!("{text:?}")),
        Value::Bool(value) => Some(value.to_string()),
        Value::Number(number) => match number.as_i64() {
            Some(number) => Some(integer(number)),
            None => Some(format!("{:?}", number.as_f64()?)),
        },
        _ => None,
    }
}

fn same_types(items: &Value) -> bool {
    let types = |value: &Value| (std::mem::discriminant(value), value.is_i64() || value.is_u64());
    let items = items.as_array().map_or(&[][..], Vec::as_slice);
    items.windows(2).all(|pair| types(&pair[0]) == types(&pair[1]))
}

/// An integer with separators, such as `20_000`; with the suffix `i64` only where it is needed.
fn integer(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && digits.len() > 4 && (digits.len() - at).is_multiple_of(3) {
            grouped.push('_');
        }
        grouped.push(digit);
    }
    let sign = if number < 0 { "-" } else { "" };
    let suffix = if i32::try_from(number).is_ok() { "" } else { "_i64" };
    format!("{sign}{grouped}{suffix}")
}
