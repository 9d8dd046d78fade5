//! Checks texts.

use std::{
    collections::HashMap,
    sync::{OnceLock, PoisonError, RwLock},
};

use chrono::Datelike as _;
use regex_lite::Regex;

use super::characters::Characters;
use crate::{
    operation::{Pattern, Text},
    value::time,
};

/// The result of a check; the error says what the text must be.
pub(super) type Wrong = Result<(), String>;

pub(super) fn limits(value: &str, limits: &Text) -> Wrong {
    length(value, limits.min_length, limits.max_length)?;
    match &limits.pattern {
        Some(pattern) if !allows(pattern, value) => Err(not_allowed(pattern)),
        _ => Ok(()),
    }
}

fn length(value: &str, min: u64, max: u64) -> Wrong {
    // A character takes at most 4 bytes, so for most texts the length in bytes is enough to decide.
    let bytes = value.len() as u64;
    if (min <= 1 || bytes / 4 >= min) && bytes >= min && bytes <= max {
        return Ok(());
    }
    if (min..=max).contains(&(value.chars().count() as u64)) {
        return Ok(());
    }
    Err(other_length(value, min, max))
}

#[cold]
fn not_allowed(pattern: &Pattern) -> String {
    format!("must be {}", pattern.allowed)
}

#[cold]
fn other_length(value: &str, min: u64, max: u64) -> String {
    match (min, max) {
        (1, u64::MAX) => "must not be empty".to_owned(),
        (1, max) if value.is_empty() => format!("must not be empty, and have at most {max} characters"),
        (min, u64::MAX) => format!("must have at least {min} characters"),
        (0 | 1, max) => format!("must have at most {max} characters"),
        (min, max) if min == max => format!("must have {min} characters"),
        (min, max) => format!("must have {min} to {max} characters"),
    }
}

pub(super) fn integer(value: &str, min: Option<i64>, max: Option<i64>) -> Wrong {
    let number = value.parse::<i64>();
    let fits = |number: &i64| min.is_none_or(|min| *number >= min) && max.is_none_or(|max| *number <= max);
    if number.as_ref().is_ok_and(fits) {
        return Ok(());
    }
    Err(other_integer(number.is_ok(), min, max))
}

#[cold]
fn other_integer(is_one: bool, min: Option<i64>, max: Option<i64>) -> String {
    let range = match (min, max) {
        (Some(min), Some(max)) => format!("{min} to {max}"),
        (Some(min), None) => format!("{min} or more"),
        (None, Some(max)) => format!("{max} or less"),
        (None, None) => return "must be a 64-bit integer".to_owned(),
    };
    if is_one {
        format!("must be {range}")
    } else {
        format!("must be a whole number, {range}")
    }
}

pub(super) fn uuid(value: &str) -> Wrong {
    // Counts to the end without branching on characters: they are unpredictable, and one mispredicted branch costs more
    // than the whole check.
    let digits = value.bytes().filter(u8::is_ascii_hexdigit).count();
    let hyphens = [8, 13, 18, 23]
        .iter()
        .all(|at| value.as_bytes().get(*at) == Some(&b'-'));
    if value.len() == 36 && digits == 32 && hyphens {
        return Ok(());
    }
    Err("must be a UUID such as 4ee13ca4-e7fe-41ee-9a7f-f303abf41acc".to_owned())
}

pub(super) fn date(value: &str) -> Wrong {
    match time::plain_day(value.as_bytes()) {
        Some(_) => Ok(()),
        None => Err("must be a day in the years 0 to 9999, such as 2026-01-31".to_owned()),
    }
}

pub(super) fn timestamp(value: &str) -> Wrong {
    // Responses may have other forms, such as `2026-1-31`; in a request, an instant must begin with a day of ten
    // characters.
    let is_day = value
        .get(..10)
        .and_then(|day| time::plain_day(day.as_bytes()))
        .is_some();
    match time::timestamp(value).filter(|_| is_day) {
        Some(instant) if (0..=9999).contains(&instant.year()) => Ok(()),
        _ => Err("must be an instant such as 2026-01-31T12:00:00Z, or a day such as 2026-01-31".to_owned()),
    }
}

fn allows(pattern: &Pattern, value: &str) -> bool {
    match &pattern.class {
        Some(class) => class.allows(value),
        None => compiled(pattern.regex, value),
    }
}

/// Matches a regular expression, which is compiled at its first use.
fn compiled(regex: &'static str, value: &str) -> bool {
    static COMPILED: OnceLock<RwLock<HashMap<&'static str, Option<Regex>>>> = OnceLock::new();
    // The generator rejects a pattern that does not compile. If there is one nevertheless, the check passes and the
    // server decides.
    let matches = |regex: &Option<Regex>| regex.as_ref().is_none_or(|regex| regex.is_match(value));
    let all = COMPILED.get_or_init(RwLock::default);
    if let Some(regex) = all.read().unwrap_or_else(PoisonError::into_inner).get(regex) {
        return matches(regex);
    }
    let mut all = all.write().unwrap_or_else(PoisonError::into_inner);
    matches(all.entry(regex).or_insert_with(|| Regex::new(regex).ok()))
}

/// A pattern of a single class of ASCII characters, as most patterns of an API are: `^[A-Z]{3}$`, `^[a-z0-9_]+$`. As
/// regular expressions, checking three of them takes as long as sending all headers of the request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OneClass {
    class: Characters,
    least: usize,
    most: usize,
}

impl OneClass {
    /// Evaluated at compile time, in the operation table.
    pub(crate) const fn read(pattern: &str) -> Option<Self> {
        let [b'^', b'[', rest @ ..] = pattern.as_bytes() else {
            return None;
        };
        if let [b']', ..] = rest {
            return None; // a class can't be empty
        }
        let (mut rest, mut class) = (rest, Characters::NONE);
        loop {
            let (first, last);
            (first, last, rest) = match rest {
                [b']', ..] => break,
                [first, b'-', last, rest @ ..] => (*first, *last, rest),
                [first, rest @ ..] => (*first, *first, rest),
                [] => return None,
            };
            if !is_plain(first) || !is_plain(last) || first > last {
                return None;
            }
            class = class.and(first, last);
        }
        let (least, most) = match rest {
            b"]$" => (1, 1),
            b"]+$" => (1, usize::MAX),
            b"]*$" => (0, usize::MAX),
            [b']', b'{', count @ .., b'}', b'$'] => match number(count) {
                Some((least, [])) => (least, least),
                Some((least, b",")) => (least, usize::MAX),
                Some((least, [b',', most @ ..])) => match number(most) {
                    Some((most, [])) => (least, most),
                    _ => return None,
                },
                _ => return None,
            },
            _ => return None,
        };
        Some(Self { class, least, most })
    }

    fn allows(&self, value: &str) -> bool {
        (self.least..=self.most).contains(&value.len()) && self.class.are_all(value)
    }
}

/// The number at the start of the text, and the rest.
const fn number(text: &[u8]) -> Option<(usize, &[u8])> {
    let (mut number, mut rest) = match text {
        [digit @ b'0'..=b'9', rest @ ..] => ((*digit - b'0') as usize, rest),
        _ => return None,
    };
    while let [digit @ b'0'..=b'9', after @ ..] = rest {
        if number > 1_000_000 {
            return None;
        }
        (number, rest) = (number * 10 + (*digit - b'0') as usize, after);
    }
    Some((number, rest))
}

/// Whether a character has no special meaning in a class.
const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
#[allow(clippy::panic, clippy::unwrap_used)] // tests
mod tests {
    use super::*;

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
            "^[0-9a-zA-Z]{12}$",
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
            "^[]$",
            "^[A-Z]{,3}$",
            "^[A-Z]{3",
            "^[A-Z]{9999999999}$",
            "^[A-Z]{2,3,4}$",
        ] {
            assert!(OneClass::read(other).is_none(), "{other}");
        }
    }
}
