//! From flags to the arguments of an operation: one JSON object.

use std::{
    fs,
    io::{self, Read as _},
    path::Path,
};

use chartmogul::{CustomAttributeValue, Operation};
use clap::ArgMatches;
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};

use crate::{
    bulk::values,
    error::CliError,
    flags::{self, Attributes, Flag, Kind},
    json, money,
};

/// The arguments of a call.
#[derive(Debug, Default)]
pub(crate) struct Arguments {
    pub(crate) values: Map<String, Value>,
    /// Custom attributes to set and to remove (`None`), while the others stay.
    pub(crate) custom: Vec<(String, Option<CustomAttributeValue>)>,
}

impl Arguments {
    /// Adds the change of a custom attribute; each can be changed once.
    fn change(&mut self, flag: &str, key: String, value: Option<CustomAttributeValue>) -> Result<(), CliError> {
        if self.custom.iter().any(|(known, _)| *known == key) {
            return Err(twice(flag, &key));
        }
        self.custom.push((key, value));
        Ok(())
    }
}

pub(crate) fn twice(flag: &str, key: &str) -> CliError {
    let message = format!("{flag}: {key} is given twice; give one value");
    CliError::usage(message).field(flag.trim_start_matches("--"))
}

/// Reads the arguments of an operation from the command line.
///
/// # Errors
/// All problems are usage errors.
pub(crate) fn read(operation: &'static Operation, matches: &ArgMatches) -> Result<Arguments, CliError> {
    let mut arguments = Arguments::default();
    if let Some(path) = one(matches, "json-body") {
        arguments.values = body(operation, path)?;
    }
    for parameter in operation.parameters {
        let in_body = arguments.values.get(parameter.name);
        let Some(text) = one(matches, parameter.name) else {
            if in_body.is_none() {
                let message = format!("{} is missing: give it as an argument", parameter.name.to_uppercase());
                return Err(CliError::usage(message).field(parameter.name));
            }
            continue;
        };
        let value = match parameter.schema {
            chartmogul::chartmogul_api::Schema::Integer { .. } => integer(parameter.name, text)?,
            _ => text.into(),
        };
        if let Some(other) = in_body.filter(|other| **other != value) {
            let message = format!(
                "{0} is {text} as an argument, and {other} in --json-body; leave one of them out",
                parameter.name
            );
            return Err(CliError::usage(message).field(parameter.name));
        }
        arguments.values.insert(parameter.name.to_owned(), value);
    }
    let flags = flags::flags(operation);
    for flag in &flags {
        given(flag, &flags, matches, &mut arguments)?;
    }
    clear(&flags, matches, &mut arguments)?;
    for flag in flags.iter().filter(|flag| flag.kind == Kind::Money) {
        amount(flag, &flags, matches, &mut arguments)?;
    }
    currencies(operation, &flags, &arguments)?;
    removed(matches, &mut arguments)?;
    if !arguments.custom.is_empty() && arguments.values.contains_key("custom") {
        let message = "--custom and --remove-custom keep the other attributes; they can't be combined with a flag that replaces or clears all of them";
        return Err(CliError::usage(message).field("custom").next(
            "Leave out --replace-all-custom, --clear custom and `custom` in the JSON body, or use only one of these",
        ));
    }
    Ok(arguments)
}

/// The text of an argument that is given once.
pub(crate) fn one<'a>(matches: &'a ArgMatches, id: &str) -> Option<&'a str> {
    matches.try_get_one::<String>(id).ok().flatten().map(String::as_str)
}

/// The texts of an argument that can be repeated.
pub(crate) fn many<'a>(matches: &'a ArgMatches, id: &str) -> Vec<&'a str> {
    let values = matches.try_get_many::<String>(id).ok().flatten();
    values.into_iter().flatten().map(String::as_str).collect()
}

/// Sets the field of a flag to the given value.
fn given(flag: &Flag, flags: &[Flag], matches: &ArgMatches, arguments: &mut Arguments) -> Result<(), CliError> {
    let texts = many(matches, &flag.long);
    let Some(text) = texts.last() else { return Ok(()) };
    let name = format!("--{}", flag.long);
    let value = match flag.kind {
        Kind::Money => return Ok(()), // set later, once the currency is known
        Kind::Merge => {
            for text in texts {
                let (key, value) = attribute(&name, text)?;
                let value = custom_value(&name, &key, value)?;
                arguments.change(&name, key, Some(value))?;
            }
            return Ok(());
        }
        Kind::Boolean => (*text == "true").into(),
        Kind::Integer if flag.is_in_cents() => cents(flag, flags, text)?,
        Kind::Integer => integer(&name, text)?,
        Kind::Number => number(&name, text)?,
        Kind::Text => (*text).into(),
        Kind::Scalar => inferred(text),
        Kind::Texts => texts.into(),
        Kind::Attributes(form) => attributes(form, &name, &texts)?,
        Kind::Json => json_or_text(&name, text)?,
    };
    set(&mut arguments.values, &flag.path, value);
    Ok(())
}

/// Sets a field of nested objects.
fn set(object: &mut Map<String, Value>, path: &[&str], value: Value) {
    match path {
        [] => {}
        [name] => {
            object.insert((*name).to_owned(), value);
        }
        [name, rest @ ..] => {
            let inner = object.entry((*name).to_owned()).or_insert_with(|| json!({}));
            if !inner.is_object() {
                *inner = json!({});
            }
            if let Value::Object(inner) = inner {
                set(inner, rest, value);
            }
        }
    }
}

fn get<'a>(object: &'a Map<String, Value>, path: &[&str]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    rest.iter()
        .try_fold(object.get(*first)?, |value, name| value.get(*name))
}

fn integer(name: &str, text: &str) -> Result<Value, CliError> {
    let number: i64 = text.parse().map_err(|_| {
        let hint = if text.contains(['.', ',', '_', '\'', ' ']) {
            ", without decimals or separators"
        } else {
            ""
        };
        refused(name, text, &format!("must be a 64-bit integer{hint}"))
    })?;
    Ok(number.into())
}

/// A field in cents.
fn cents(flag: &Flag, flags: &[Flag], text: &str) -> Result<Value, CliError> {
    let units = flags::units_of(flags, flag).map(|units| format!("give those with --{} and the currency", units.long));
    values::whole_cents(text, units.as_deref()).map_err(|wrong| {
        let write = wrong.meant.map(|meant| format!("; write {meant}")).unwrap_or_default();
        refused(&format!("--{}", flag.long), text, &format!("{}{write}", wrong.must))
    })
}

fn number(name: &str, text: &str) -> Result<Value, CliError> {
    json::number(text).map(Value::Number).ok_or_else(|| {
        refused(
            name,
            text,
            "must be a number such as 12.5, without more digits than a decimal can hold",
        )
    })
}

fn refused(name: &str, text: &str, must: &str) -> CliError {
    CliError::usage(format!("{name} was {text:?}; {must}")).field(name.trim_start_matches("--"))
}

/// `4` is a number, `true` a Boolean (also `TRUE`, as spreadsheets write it); anything else is text. So is a number
/// with leading zeros, which is a code.
pub(crate) fn inferred(text: &str) -> Value {
    match text {
        "true" | "TRUE" => return true.into(),
        "false" | "FALSE" => return false.into(),
        _ => {}
    }
    let digits = text.strip_prefix('-').unwrap_or(text);
    if !digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return text.into();
    }
    // A number that would lose digits stays text.
    json::number(text).map_or_else(|| text.into(), Value::Number)
}

/// The value of the text if it is valid JSON; otherwise the text itself.
fn json_or_text(name: &str, text: &str) -> Result<Value, CliError> {
    if serde_json::from_str::<IgnoredAny>(text).is_err() {
        return Ok(text.into());
    }
    json::parse(text).map_err(|what| CliError::usage(format!("{name}: {what}")).field(name.trim_start_matches("--")))
}

/// `seats=4`, `code:string=007`, `tags:=["a"]`.
///
/// # Errors
/// The text has no `=`, an unknown type, or a value that is not of the type.
pub(crate) fn attribute(flag: &str, text: &str) -> Result<(String, Value), CliError> {
    let form = || {
        let message = format!("{flag} was {text:?}; must be KEY=VALUE, KEY:TYPE=VALUE or KEY:=JSON");
        CliError::usage(message).field(flag.trim_start_matches("--"))
    };
    let (left, value) = text.split_once('=').ok_or_else(form)?;
    let (key, kind) = match left.split_once(':') {
        Some((key, kind)) => (key, Some(kind)),
        None => (left, None),
    };
    if key.is_empty() {
        return Err(form());
    }
    let wrong = |must: &str| refused(flag, text, must);
    let value = match kind {
        None => match values::formatted(value) {
            Some(meant) => {
                let what = values::FORMATTED;
                return Err(wrong(&format!(
                    "{value:?} {what}; write {meant}, or {key}:string={value} if it is a text"
                )));
            }
            None => inferred(value),
        },
        Some("") => json::parse(value).map_err(|what| wrong(&format!("must be JSON after `:=`: {what}")))?,
        Some("string" | "text" | "timestamp") => value.into(),
        Some("integer") => integer(flag, value)?,
        Some("decimal" | "number") => match number(flag, value)? {
            // 4 as a decimal is sent as 4.0.
            Value::Number(number) => json::as_decimal(&number)
                .map(Value::Number)
                .ok_or_else(|| wrong("has more digits than a decimal can hold; use :integer or :string"))?,
            other => other,
        },
        Some("boolean") => match value {
            "true" | "TRUE" => true.into(),
            "false" | "FALSE" => false.into(),
            _ => return Err(wrong("must be true or false")),
        },
        Some(_) => {
            return Err(wrong(
                "has an unknown type; must be string, integer, decimal, boolean or timestamp",
            ));
        }
    };
    Ok((key.to_owned(), value))
}

/// The value of a custom attribute.
fn custom_value(flag: &str, key: &str, value: Value) -> Result<CustomAttributeValue, CliError> {
    let text = value.to_string();
    serde_json::from_value(value).map_err(|_| {
        let message = format!("{flag} {key} was {text}; must be text, a number of 64 bits, true or false");
        CliError::usage(message).field(flag.trim_start_matches("--"))
    })
}

fn attributes(form: Attributes, flag: &str, texts: &[&str]) -> Result<Value, CliError> {
    let pairs = texts.iter().map(|text| attribute(flag, text));
    let pairs = pairs.collect::<Result<Vec<_>, _>>()?;
    for (at, (key, _)) in pairs.iter().enumerate() {
        if pairs[..at].iter().any(|(other, _)| other == key) {
            return Err(twice(flag, key));
        }
    }
    Ok(match form {
        Attributes::Map => Value::Object(pairs.into_iter().collect()),
        Attributes::List => pairs
            .into_iter()
            .map(|(key, value)| json!({ "key": key, "value": value }))
            .collect(),
        Attributes::TypedList => pairs
            .into_iter()
            .map(|(key, value)| json!({ "type": type_of(&value), "key": key, "value": value }))
            .collect(),
    })
}

/// The API's name of a type.
pub(crate) fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Bool(_) => "Boolean",
        Value::Number(number) if number.is_f64() => "Decimal",
        Value::Number(_) => "Integer",
        _ => "String",
    }
}

/// Sets the fields that `--clear` names to null, or to an empty collection.
fn clear(flags: &[Flag], matches: &ArgMatches, arguments: &mut Arguments) -> Result<(), CliError> {
    for name in many(matches, "clear") {
        let flag = flags.iter().find(|flag| flag.name() == name.replace('-', "_"));
        let Some((flag, nothing)) = flag.and_then(|flag| Some((flag, flag.cleared()?))) else {
            let can: Vec<_> = flags
                .iter()
                .filter(|flag| flag.cleared().is_some())
                .map(Flag::name)
                .collect();
            return Err(refused("--clear", name, &format!("must be one of {}", can.join(", "))));
        };
        if get(&arguments.values, &flag.path).is_some() {
            let message = format!("--clear {name} and a value for it exclude each other");
            return Err(CliError::usage(message).field(name));
        }
        set(&mut arguments.values, &flag.path, nothing);
    }
    Ok(())
}

/// `--amount 200.00 --currency USD` as `amount_in_cents`.
fn amount(flag: &Flag, flags: &[Flag], matches: &ArgMatches, arguments: &mut Arguments) -> Result<(), CliError> {
    let Some(text) = one(matches, &flag.long) else {
        return Ok(());
    };
    if get(&arguments.values, &flag.path).is_some() {
        let message = format!(
            "--{0} and {1} exclude each other: one is in units, the other in cents",
            flag.long,
            flag.name()
        );
        return Err(CliError::usage(message).field(flag.name()));
    }
    let currency = flags::currency_of(&flag.path);
    let currency_flag = flags.iter().find(|flag| flag.path == currency);
    let currency_flag = currency_flag.map_or("currency", |flag| flag.long.as_str());
    let Some(currency) = get(&arguments.values, &currency).and_then(Value::as_str) else {
        let message = format!(
            "--{} needs --{currency_flag}: how many cents a unit has depends on it",
            flag.long
        );
        return Err(CliError::usage(message).field(currency_flag));
    };
    let cents = money::to_cents(text, currency).map_err(|wrong| {
        let message = format!("--{}: {wrong}", flag.long);
        CliError::usage(message).field(flag.long.as_str())
    })?;
    set(&mut arguments.values, &flag.path, cents.into());
    Ok(())
}

/// Rejects a currency without a smaller unit, and in a `PATCH` a currency without an amount, which would change what
/// the existing amount is worth.
fn currencies(operation: &Operation, flags: &[Flag], arguments: &Arguments) -> Result<(), CliError> {
    for currency in flags.iter().filter(|flag| !flag.in_query) {
        let Some(code) = get(&arguments.values, &currency.path) else {
            continue;
        };
        for amount in flags::amounts_in(flags, currency) {
            if let Some(Err(wrong)) = code.as_str().map(money::has_cents) {
                return Err(
                    CliError::usage(format!("--{} was {code}; it {wrong}", currency.long)).field(currency.name())
                );
            }
            if operation.method == "PATCH" && get(&arguments.values, &amount.path).is_none() {
                let message = format!(
                    "--{} alone changes what {} is worth; give the amount with it, even if it stays the same",
                    currency.long,
                    amount.name()
                );
                return Err(CliError::usage(message).field(currency.name()));
            }
        }
    }
    Ok(())
}

/// The arguments of `merge-custom`: `KEY=VALUE` and `--remove-custom`.
pub(crate) fn merged(matches: &ArgMatches) -> Result<Vec<(String, Option<CustomAttributeValue>)>, CliError> {
    let mut arguments = Arguments::default();
    for text in many(matches, "custom") {
        let (key, value) = attribute("KEY=VALUE", text)?;
        let value = custom_value("KEY=VALUE", &key, value)?;
        arguments.change("KEY=VALUE", key, Some(value))?;
    }
    removed(matches, &mut arguments)?;
    Ok(arguments.custom)
}

fn removed(matches: &ArgMatches, arguments: &mut Arguments) -> Result<(), CliError> {
    for key in many(matches, "remove-custom") {
        arguments.change("--remove-custom", key.to_owned(), None)?;
    }
    Ok(())
}

/// The body from a file or standard input: an object with the fields of the operation.
fn body(operation: &Operation, path: &str) -> Result<Map<String, Value>, CliError> {
    let text = read_text(path)?;
    let wrong = |what: String| CliError::usage(format!("--json-body {path}: {what}")).field("json-body");
    let Value::Object(mut object) = json::parse(&text).map_err(wrong)? else {
        return Err(wrong("must be an object".to_owned()));
    };
    // The body may have the envelope with which it is sent.
    if let Some(envelope) = operation.body.and_then(|body| body.envelope)
        && object.len() == 1
        && let Some(Value::Object(inner)) = object.get_mut(envelope)
    {
        return Ok(std::mem::take(inner));
    }
    Ok(object)
}

/// A whole file as text; `-` is standard input.
pub(crate) fn read_text(path: &str) -> Result<String, CliError> {
    let mut text = String::new();
    let read = match path {
        "-" => io::stdin().read_to_string(&mut text),
        path => fs::File::open(path).and_then(|mut file| file.read_to_string(&mut text)),
    };
    read.map_err(|error| CliError::file("read", Path::new(path), &error))?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_inferred_and_can_be_forced() {
        for (text, key, value) in [
            ("seats=4", "seats", json!(4)),
            ("seats=-4", "seats", json!(-4)),
            ("big=9223372036854775807", "big", json!(i64::MAX)),
            ("rate=0.25", "rate", json!(0.25)),
            ("vip=true", "vip", json!(true)),
            ("vip=True", "vip", json!("True")),
            ("vip=TRUE", "vip", json!(true)),
            ("p:string=60%", "p", json!("60%")),
            ("name=", "name", json!("")),
            ("name=a=b", "name", json!("a=b")),
            ("code=007", "code", json!("007")),
            ("phone:string=+49", "phone", json!("+49")),
            ("code=1e5", "code", json!("1e5")),
            ("version=1.2.3", "version", json!("1.2.3")),
            ("on:boolean=TRUE", "on", json!(true)),
            (
                "huge=123456789012345678901234567890",
                "huge",
                json!("123456789012345678901234567890"),
            ),
            ("when=2026-01-31", "when", json!("2026-01-31")),
            ("code:string=7", "code", json!("7")),
            ("url=https://a.example/b:c", "url", json!("https://a.example/b:c")),
            ("rate:decimal=4", "rate", json!(4.0)),
            ("n:integer=4", "n", json!(4)),
            (r#"tags:=["a"]"#, "tags", json!(["a"])),
            ("none:=null", "none", json!(null)),
        ] {
            assert_eq!(attribute("--custom", text).unwrap(), (key.to_owned(), value), "{text}");
        }
    }

    #[test]
    fn what_can_not_be_read_is_refused_with_the_forms() {
        for (text, said) in [
            ("seats", "must be KEY=VALUE"),
            ("=4", "must be KEY=VALUE"),
            (":string=4", "must be KEY=VALUE"),
            ("n:integer=4.5", "must be a 64-bit integer, without decimals"),
            ("n:float=4", "unknown type"),
            ("n:boolean=yes", "must be true or false"),
            ("n:=[1", "must be JSON"),
            ("n:decimal=x", "must be a number"),
            ("n=1,5", "write 1.5, or n:string=1,5 if it is a text"),
            ("p=60%", "write 60, or p:string=60% if it is a text"),
            ("d=3/31/2026", "write 2026-03-31, or d:string=3/31/2026 if it is a text"),
        ] {
            let error = attribute("--custom", text).unwrap_err().to_string();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
