//! Paths: their arguments are encoded so that each stays one segment, and checked as such.

use std::borrow::Cow;

use super::value::text_value;
use crate::{
    InvalidInput,
    operation::{Operation, Schema},
    operations,
};

/// Checks the arguments in a path.
pub(super) fn check(operation: &Operation, path: &str) -> Result<(), InvalidInput> {
    let segments = operation.path.split('/').zip(path.split('/'));
    for (segment, given) in segments {
        let Some(name) = parameter(segment) else { continue };
        let value = decode(given);
        let Some(parameter) = operation.parameter(name) else {
            continue;
        };
        if !matches!(parameter.schema, Schema::Uuid | Schema::Integer { .. }) {
            self::segment(name, &value)?;
        }
        text_value(&parameter.schema, &value).map_err(|must_be| InvalidInput::new(name, &value, must_be))?;
    }
    match literal(operation, path, operations::ALL) {
        Some((name, value)) => {
            let must_be = format!("must not be `{value}`, which makes it another operation");
            Err(InvalidInput::new(name, &value, must_be))
        }
        None => Ok(()),
    }
}

/// An argument that makes of the path that of another operation: its name and value.
pub(super) fn literal<'a>(
    operation: &'a Operation,
    path: &'a str,
    all: &[&'static Operation],
) -> Option<(&'a str, &'a str)> {
    let arguments = || {
        let segments = operation.path.split('/').zip(path.split('/'));
        segments.filter_map(|(segment, given)| Some((parameter(segment)?, given)))
    };
    let is_word = |value: &str| value.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'_' | b'-'));
    if !arguments().any(|(_, value)| is_word(value)) {
        return None; // as nearly always
    }
    let others = all.iter().filter(|other| other.method == operation.method);
    for other in others {
        let mut both = other.path.split('/').zip(path.split('/'));
        let is_reached = other.path.split('/').count() == path.split('/').count()
            && both.all(|(segment, given)| segment == given || parameter(segment).is_some());
        if !is_reached {
            continue;
        }
        let here = operation.path.split('/').zip(other.path.split('/'));
        let replaced = here.zip(path.split('/')).find_map(|((here, there), given)| {
            let name = parameter(here)?;
            parameter(there).is_none().then_some((name, given))
        });
        if replaced.is_some() {
            return replaced;
        }
    }
    None
}

/// The name of a segment that stands in braces.
pub(crate) fn parameter(segment: &str) -> Option<&str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

/// A path argument must stay one segment: an empty one would turn an object's path into its collection's.
pub(crate) fn segment(field: &str, value: &str) -> Result<(), InvalidInput> {
    let control = if value.is_ascii() {
        value.bytes().any(|byte| byte.is_ascii_control()) // much faster
    } else {
        value.chars().any(char::is_control)
    };
    let must_be = match value {
        "" => "must not be empty",
        "." | ".." => "must be an identifier",
        _ if control => "must not have control characters",
        _ => return Ok(()),
    };
    Err(InvalidInput::new(field, &value, must_be))
}

/// Percent-encodes a path argument: everything but unreserved characters, so that it stays one segment.
pub fn encode_path(value: &str) -> Cow<'_, str> {
    let unreserved = |byte| matches!(byte, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~');
    if value.bytes().all(unreserved) {
        return value.into();
    }
    let mut encoded = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            _ if unreserved(byte) => encoded.push(char::from(byte)),
            _ => {
                use std::fmt::Write as _;
                let _ = write!(encoded, "%{byte:02X}"); // writing to a String can't fail
            }
        }
    }
    encoded.into()
}

/// Takes the encoding of a path argument back.
fn decode(encoded: &str) -> Cow<'_, str> {
    if !encoded.contains('%') {
        return encoded.into();
    }
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned().into()
}
