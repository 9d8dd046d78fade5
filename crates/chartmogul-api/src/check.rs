//! Refuses values that the API's documentation rules out, before anything is sent.
//!
//! Which field is checked for what is generated from the document; what a check means is here. Every generated
//! operation runs them, so there is no need to call them. They are public for code that builds requests in advance
//! and wants to know early.

use std::{borrow::Cow, ops::RangeInclusive, sync::OnceLock};

use chrono::{Datelike, NaiveDate};
use regex_lite::Regex;

use crate::error::InvalidInput;

/// A request type that can be checked.
pub trait Check {
    /// Refuses values that can't be right, naming the field, the value and what is allowed.
    fn check(&self) -> Result<(), InvalidInput>;
}

pub(crate) fn length(field: &str, value: &str, min: usize, max: usize) -> Result<(), InvalidInput> {
    if (min..=max).contains(&value.chars().count()) {
        return Ok(());
    }
    let allowed = match (min, max) {
        (1, usize::MAX) => "text that is not empty".to_owned(),
        (min, usize::MAX) => format!("at least {min} characters"),
        (0, max) => format!("at most {max} characters"),
        (min, max) => format!("{min} to {max} characters"),
    };
    Err(InvalidInput::new(field, &value, allowed))
}

pub(crate) fn range(field: &str, value: i64, min: Option<i64>, max: Option<i64>) -> Result<(), InvalidInput> {
    if min.is_none_or(|min| value >= min) && max.is_none_or(|max| value <= max) {
        return Ok(());
    }
    let allowed = match (min, max) {
        (Some(min), Some(max)) => format!("{min} to {max}"),
        (Some(min), None) => format!("{min} or more"),
        (None, Some(max)) => format!("{max} or less"),
        (None, None) => "a number".to_owned(),
    };
    Err(InvalidInput::new(field, &value, allowed))
}

pub(crate) fn finite(field: &str, value: f64) -> Result<(), InvalidInput> {
    // JSON has no NaN and no infinity; they would be sent as null.
    if value.is_finite() {
        return Ok(());
    }
    Err(InvalidInput::new(field, &value, "a finite number"))
}

/// A regular expression from the document, compiled at its first use.
pub(crate) struct Pattern {
    text: &'static str,
    compiled: OnceLock<Option<Compiled>>,
}

enum Compiled {
    OneClass(OneClass),
    Other(Regex),
}

impl Pattern {
    pub(crate) const fn new(text: &'static str) -> Self {
        Self {
            text,
            compiled: OnceLock::new(),
        }
    }

    fn allows(&self, value: &str) -> bool {
        // The generator refuses a pattern that does not compile; if one did slip through, the server decides.
        let compiled = self.compiled.get_or_init(|| match OneClass::read(self.text) {
            Some(class) => Some(Compiled::OneClass(class)),
            None => Regex::new(self.text).ok().map(Compiled::Other),
        });
        match compiled {
            Some(Compiled::OneClass(class)) => class.allows(value),
            Some(Compiled::Other(pattern)) => pattern.is_match(value),
            None => true,
        }
    }
}

/// A pattern that consists of one class of ASCII characters, as most of an API's do: `^[A-Z]{3}$`, `^[a-z0-9_]+$`.
/// A regular expression takes as long for three of them as sending the request takes for all headers.
struct OneClass {
    /// The characters, as bits: 64 in each.
    class: [u64; 4],
    count: RangeInclusive<usize>,
}

impl OneClass {
    fn read(pattern: &str) -> Option<Self> {
        let (class, count) = pattern.strip_prefix("^[")?.strip_suffix('$')?.split_once(']')?;
        let count = match count {
            "" => 1..=1,
            "+" => 1..=usize::MAX,
            "*" => 0..=usize::MAX,
            _ => {
                let (least, most) = count
                    .strip_prefix('{')?
                    .strip_suffix('}')
                    .map(|count| count.split_once(',').unwrap_or((count, count)))?;
                least.parse().ok()?..=if most.is_empty() {
                    usize::MAX
                } else {
                    most.parse().ok()?
                }
            }
        };
        let mut bits = [0; 4];
        let mut rest = class.as_bytes();
        while let [first, after @ ..] = rest {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            let (last, after) = match after {
                [b'-', last, after @ ..] => (last, after),
                _ => (first, after),
            };
            if !plain(*first) || !plain(*last) {
                return None; // a class with a syntax of its own
            }
            (*first..=*last).for_each(|byte| bits[usize::from(byte / 64)] |= 1_u64 << (byte % 64));
            rest = after;
        }
        (bits != [0; 4]).then_some(Self { class: bits, count })
    }

    fn allows(&self, value: &str) -> bool {
        self.count.contains(&value.len())
            && value
                .bytes()
                .all(|byte| self.class[usize::from(byte / 64)] & (1 << (byte % 64)) != 0)
    }
}

pub(crate) fn pattern(field: &str, value: &str, pattern: &Pattern, allowed: &str) -> Result<(), InvalidInput> {
    if pattern.allows(value) {
        return Ok(());
    }
    Err(InvalidInput::new(field, &value, allowed))
}

pub(crate) fn date(field: &str, value: NaiveDate) -> Result<(), InvalidInput> {
    if (0..=9999).contains(&value.year()) {
        return Ok(());
    }
    Err(InvalidInput::new(
        field,
        &value,
        "a day in the years 0 to 9999, such as 2026-01-31",
    ))
}

pub(crate) fn uuid(field: &str, value: &str) -> Result<(), InvalidInput> {
    // Counted to the end, with nothing to jump over: what a character of an identifier is can't be foreseen, and where a
    // processor guesses wrong it loses more than the whole check takes.
    let digits = value.bytes().filter(u8::is_ascii_hexdigit).count();
    let hyphens = [8, 13, 18, 23]
        .iter()
        .all(|at| value.as_bytes().get(*at) == Some(&b'-'));
    if value.len() == 36 && digits == 32 && hyphens {
        return Ok(());
    }
    let allowed = "a UUID such as 4ee13ca4-e7fe-11ee-fa7f-f303abf41acc";
    Err(InvalidInput::new(field, &value, allowed))
}

/// A path argument must stay one segment: an empty one would turn an object's path into its collection's.
pub(crate) fn segment(field: &str, value: &str) -> Result<(), InvalidInput> {
    let control = if value.is_ascii() {
        value.bytes().any(|byte| byte.is_ascii_control()) // much faster
    } else {
        value.chars().any(char::is_control)
    };
    if !matches!(value, "" | "." | "..") && !control {
        return Ok(());
    }
    Err(InvalidInput::new(field, &value, "an identifier"))
}

/// Checks every item of a list; what is wrong is named with its place.
#[allow(dead_code)] // for the first list of texts or numbers
pub(crate) fn items<T>(
    field: &str,
    items: &[T],
    check: impl Fn(&T) -> Result<(), InvalidInput>,
) -> Result<(), InvalidInput> {
    for (index, item) in items.iter().enumerate() {
        check(item).map_err(|wrong| {
            let place = format!("{field}[{index}]");
            InvalidInput::new(place, &format_args!("{}", wrong.value()), wrong.allowed())
        })?;
    }
    Ok(())
}

/// `nothing` says that no field was set.
pub(crate) fn something(nothing: bool, allowed: &str) -> Result<(), InvalidInput> {
    if nothing {
        return Err(InvalidInput::new("(body)", &format_args!("empty"), allowed));
    }
    Ok(())
}

/// Percent-encodes a path argument: everything but unreserved characters, so that it stays one segment.
pub(crate) fn encode_path(value: &str) -> Cow<'_, str> {
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

#[cfg(test)]
#[allow(clippy::panic, clippy::unwrap_used)] // tests
mod tests {
    use super::*;

    fn text(result: Result<(), InvalidInput>) -> String {
        result.err().map_or_else(|| "ok".to_owned(), |wrong| wrong.to_string())
    }

    #[test]
    fn limits_are_inclusive_and_named() {
        assert_eq!(text(range("n", 0, Some(0), Some(100))), "ok");
        assert_eq!(text(range("n", 100, Some(0), Some(100))), "ok");
        assert_eq!(
            text(range("n", 101, Some(0), Some(100))),
            "`n` was 101; allowed: 0 to 100"
        );
        assert_eq!(text(range("n", -1, Some(0), None)), "`n` was -1; allowed: 0 or more");
        assert_eq!(text(range("n", 6, None, Some(5))), "`n` was 6; allowed: 5 or less");
        assert_eq!(text(length("t", "üü", 0, 2)), "ok");
        assert_eq!(
            text(length("t", "abc", 0, 2)),
            "`t` was \"abc\"; allowed: at most 2 characters"
        );
        assert_eq!(
            text(length("t", "", 1, usize::MAX)),
            "`t` was \"\"; allowed: text that is not empty"
        );
        assert_eq!(text(finite("d", f64::NAN)), "`d` was NaN; allowed: a finite number");
        assert_eq!(text(finite("d", 0.5)), "ok");
    }

    #[test]
    fn a_class_allows_what_its_regular_expression_allows() {
        let values = [
            "", "A", "AB", "ABC", "ABCD", "abc", "a_1", "A-C", "EÜR", "EUR\n", "]", "a b", "0", "__",
        ];
        for pattern in [
            "^[A-Z]{3}$",
            "^[A-Za-z0-9_]+$",
            "^[a-c_]*$",
            "^[A]$",
            "^[A-Z]{2,3}$",
            "^[A-Z]{2,}$",
        ] {
            let (class, regex) = (OneClass::read(pattern), Regex::new(pattern).unwrap());
            let class = class.unwrap_or_else(|| panic!("{pattern} is one class"));
            for value in values {
                assert_eq!(class.allows(value), regex.is_match(value), "{pattern} and {value:?}");
            }
        }
        for other in [
            "[A-Z]",
            "^[^A-Z]$",
            "^[A-Z]?$",
            "^[\\d]+$",
            "^[a-]$",
            "^[A-Z][a-z]$",
            "^[[:alpha:]]$",
            "^a$",
            "^[z-a]+$",
        ] {
            assert!(OneClass::read(other).is_none(), "{other}");
        }
    }

    #[test]
    fn only_a_uuid_is_a_uuid() {
        assert_eq!(text(uuid("id", "4ee13ca4-e7fe-11ee-fa7f-f303abf41acc")), "ok");
        assert_eq!(text(uuid("id", "4EE13CA4-E7FE-11EE-FA7F-F303ABF41ACC")), "ok");
        for wrong in [
            "",
            " ",
            "4ee13ca4",
            "4ee13ca4e7fe11eefa7ff303abf41acc",
            "4ee13ca4-e7fe-11ee-fa7f-f303abf41ac/",
        ] {
            assert_ne!(text(uuid("id", wrong)), "ok", "{wrong:?}");
        }
    }

    #[test]
    fn a_path_argument_stays_in_its_segment() {
        for wrong in ["", ".", "..", "a\nb", "a\0"] {
            assert_ne!(text(segment("id", wrong)), "ok", "{wrong:?}");
        }
        assert_eq!(encode_path("../customers/x"), "..%2Fcustomers%2Fx");
        assert_eq!(encode_path("a b/c?d#e%2e"), "a%20b%2Fc%3Fd%23e%252e");
        assert_eq!(encode_path("ü"), "%C3%BC");
    }
}
