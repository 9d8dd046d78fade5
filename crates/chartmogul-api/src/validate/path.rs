//! Paths: their arguments are encoded so that each stays one segment, and checked as such.

use std::{
    borrow::Cow,
    fmt::{self, Write as _},
};

use super::value::text_value;
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
        // What is before an argument is as long in the path as in the template.
        let Some(start) = find(template, b'{') else { break };
        let from = path_rest.get(start..).unwrap_or_default();
        let given = &from[..find(from, b'/').unwrap_or(from.len())];
        let value = decode(given);
        if !matches!(parameter.schema, Schema::Uuid | Schema::Integer { .. }) {
            segment(parameter.name, &value)?;
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

/// Where an ASCII character is first. The texts here are too short for what the standard library does to find it.
fn find(text: &str, byte: u8) -> Option<usize> {
    text.bytes().position(|other| other == byte)
}

/// Whether it may be what stands in paths, such as `search` or `oauth2`; ChartMogul's own identifiers are longer.
pub(super) fn is_word(value: &str) -> bool {
    value.len() < 32 && value.bytes().all(is_unreserved)
        || value.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'_' | b'-'))
}

/// An argument that makes of the path that of another operation: its name and value.
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

/// The name of a segment that stands in braces.
pub(crate) fn parameter(segment: &str) -> Option<&str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

/// A path argument must stay one segment: an empty one would turn an object's path into its collection's.
pub(crate) fn segment(field: &str, value: &str) -> Result<(), InvalidInput> {
    let may_have_control = value.bytes().any(|byte| !matches!(byte, b' '..=b'~')); // much faster
    let control = may_have_control && value.chars().any(char::is_control);
    let must_be = match value {
        "" => "must not be empty",
        "." | ".." => "must be an identifier",
        _ if control => "must not contain control characters",
        _ => return Ok(()),
    };
    Err(InvalidInput::new(field, &value, must_be))
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

/// Encodes what is written to it.
struct Encoder<'a, 'f>(&'a mut fmt::Formatter<'f>);

impl fmt::Write for Encoder<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if text.bytes().all(is_unreserved) {
            return self.0.write_str(text); // as most are
        }
        for byte in text.bytes() {
            if is_unreserved(byte) {
                self.0.write_char(byte.into())?;
            } else {
                write!(self.0, "%{byte:02X}")?;
            }
        }
        Ok(())
    }
}

/// A bit for each unreserved character (RFC 3986, section 2.3). To look one up takes no branch, and the class of a character can't
/// be foreseen.
const UNRESERVED: u128 = {
    let (mut set, mut byte) = (0, 0_u8);
    while byte < 128 {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            set |= 1 << byte;
        }
        byte += 1;
    }
    set
};

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii() && UNRESERVED >> byte & 1 == 1
}

/// Takes the encoding of a path argument back.
fn decode(encoded: &str) -> Cow<'_, str> {
    if find(encoded, b'%').is_none() {
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
