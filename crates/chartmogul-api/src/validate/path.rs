//! Paths: their arguments are encoded so that each stays one segment, and checked as such.

use std::{
    borrow::Cow,
    fmt::{self, Write as _},
};

use super::{characters::Characters, value::text_value};
use crate::{
    InvalidInput,
    operation::{Operation, Schema},
    operations,
};

/// Checks the arguments in a path.
pub(super) fn check(operation: &Operation, path: &str) -> Result<(), InvalidInput> {
    let (mut template, mut path_rest) = (operation.path, path);
    let mut may_be_another = false;
    for parameter in operation.parameters {
        // The text before an argument is equally long in the path and in the template.
        let Some(start) = find(template, b'{') else { break };
        let from = path_rest.get(start..).unwrap_or_default();
        let (given, value) = argument(from);
        if !matches!(parameter.schema, Schema::Uuid | Schema::Integer { .. }) {
            stays_one(parameter.name, &value)?;
            if let Cow::Owned(value) = &value {
                no_control(parameter.name, value)?;
            }
            may_be_another |= is_word(given);
        }
        text_value(&parameter.schema, &value).map_err(|must_be| InvalidInput::new(parameter.name, &value, must_be))?;
        template = template.get(start + parameter.name.len() + 2..).unwrap_or_default(); // with its braces
        path_rest = &from[given.len()..];
    }
    if !may_be_another {
        return Ok(());
    }
    match literal(operation, path, operations::ALL) {
        Some((name, value)) => {
            let must_be = format!("must not be `{value}`, which addresses another operation");
            Err(InvalidInput::new(name, &value, must_be))
        }
        None => Ok(()),
    }
}

/// The argument at the start of a path: encoded, and decoded. For most arguments, both are the same.
fn argument(path: &str) -> (&str, Cow<'_, str>) {
    let plain = UNRESERVED.before_another(path.as_bytes());
    match path.as_bytes().get(plain) {
        None | Some(b'/') => (&path[..plain], path[..plain].into()),
        Some(_) => {
            let given = &path[..find(path, b'/').unwrap_or(path.len())];
            (given, decode(given).into())
        }
    }
}

/// The position of the first occurrence of an ASCII character. For texts this short, the standard library's search does
/// not pay off.
fn find(text: &str, byte: u8) -> Option<usize> {
    text.bytes().position(|other| other == byte)
}

/// Whether the value may be a literal segment of a path, such as `search` or `oauth2`; ChartMogul's own identifiers are
/// longer.
pub(super) fn is_word(value: &str) -> bool {
    value.len() < 32 && UNRESERVED.are_all(value) || value.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'_' | b'-'))
}

/// The name and value of an argument that turns the path into that of another operation.
pub(super) fn literal<'a>(
    operation: &'a Operation,
    path: &'a str,
    all: &[&'static Operation],
) -> Option<(&'a str, &'a str)> {
    let mut others = all
        .iter()
        .filter(|other| other.method == operation.method && other.fits(path));
    others.find_map(|other| {
        let here = operation.path.split('/').zip(other.path.split('/'));
        here.zip(path.split('/')).find_map(|((here, there), given)| {
            let name = parameter(here)?;
            parameter(there).is_none().then_some((name, given))
        })
    })
}

/// The name of a segment in braces.
pub(crate) fn parameter(segment: &str) -> Option<&str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

/// A path argument must stay one segment, without control characters.
pub(crate) fn segment(field: &str, value: &str) -> Result<(), InvalidInput> {
    stays_one(field, value)?;
    no_control(field, value)
}

/// An empty argument would turn an object's path into its collection's.
fn stays_one(field: &str, value: &str) -> Result<(), InvalidInput> {
    let must_be = match value {
        "" => "must not be empty",
        "." | ".." => "must be an identifier",
        _ => return Ok(()),
    };
    Err(InvalidInput::new(field, &value, must_be))
}

fn no_control(field: &str, value: &str) -> Result<(), InvalidInput> {
    if value.chars().any(char::is_control) {
        return Err(InvalidInput::new(field, &value, "must not contain control characters"));
    }
    Ok(())
}

/// Percent-encodes a path argument: everything but unreserved characters, so that it stays one segment.
pub fn encode_path<T: fmt::Display + ?Sized>(value: &T) -> impl fmt::Display {
    struct Encoded<'a, T: ?Sized>(&'a T);
    impl<T: fmt::Display + ?Sized> fmt::Display for Encoded<'_, T> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(Encoder(f), "{}", self.0)
        }
    }
    Encoded(value)
}

/// Percent-encodes the text that is written to it.
struct Encoder<'a, 'f>(&'a mut fmt::Formatter<'f>);

impl fmt::Write for Encoder<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if UNRESERVED.are_all(text) {
            return self.0.write_str(text); // the common case
        }
        for byte in text.bytes() {
            if UNRESERVED.has(byte) {
                self.0.write_char(byte.into())?;
            } else {
                write!(self.0, "%{byte:02X}")?;
            }
        }
        Ok(())
    }
}

/// The unreserved characters (RFC 3986, section 2.3).
const UNRESERVED: Characters = Characters::NONE
    .and(b'0', b'9')
    .and(b'A', b'Z')
    .and(b'a', b'z')
    .and(b'-', b'.')
    .and(b'_', b'_')
    .and(b'~', b'~');

/// Decodes a path argument.
fn decode(encoded: &str) -> String {
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
    String::from_utf8_lossy(&bytes).into_owned()
}
