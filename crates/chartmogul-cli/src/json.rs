//! JSON that was written by people: read exactly, or rejected.
//!
//! `serde_json` rounds numbers that an `f64` can't hold, and of two fields with the same name it keeps the last.
//! Neither is what the user meant.

use serde_json::{Map, Number, Value, value::RawValue};

use crate::output::{items, text::RawFields};

/// The value of a JSON text.
///
/// # Errors
/// What is wrong with it: it is not JSON, has a name twice in an object, or a number that would lose digits.
pub(crate) fn parse(json: &str) -> Result<Value, String> {
    value(whole(json)?, "")
}

/// The fields of an object, each as it was written, for [`value`]. `None` if it is no object.
///
/// # Errors
/// As [`parse`].
pub(crate) fn object(json: &str) -> Result<Option<RawFields>, String> {
    let json = whole(json)?;
    if json.starts_with('{') {
        fields(json, "").map(Some)
    } else {
        Ok(None)
    }
}

/// The fields of an object; `place` is its path, for errors.
///
/// # Errors
/// A name occurs twice.
pub(crate) fn fields(json: &str, place: &str) -> Result<RawFields, String> {
    let fields = RawFields::of(json).unwrap_or_default();
    for (at, (name, _)) in fields.0.iter().enumerate() {
        if fields.0[..at].iter().any(|(other, _)| other == name) {
            let name = inside(place, name);
            return Err(format!("`{name}` occurs twice; leave one of them out"));
        }
    }
    Ok(fields)
}

fn inside(place: &str, name: &str) -> String {
    match place {
        "" => name.to_owned(),
        place => format!("{place}.{name}"),
    }
}

/// The text without surrounding whitespace. Fails if it is not JSON, or is nested too deeply.
fn whole(json: &str) -> Result<&str, String> {
    let wrong = |error: serde_json::Error| format!("it is not JSON: {error}");
    serde_json::from_str::<Value>(json).map_err(wrong)?;
    serde_json::from_str::<&RawValue>(json)
        .map(RawValue::get)
        .map_err(wrong)
}

/// The value of a JSON text; `place` is its path, for errors: `custom.seats`, or empty for the whole text.
///
/// # Errors
/// As [`parse`].
pub(crate) fn value(json: &str, place: &str) -> Result<Value, String> {
    match json.as_bytes().first() {
        Some(b'{') => {
            let fields = fields(json, place)?.0.into_iter();
            let fields = fields.map(|(name, field)| {
                let value = value(field.get(), &inside(place, &name))?;
                Ok((name, value))
            });
            fields.collect::<Result<Map<_, _>, _>>().map(Value::Object)
        }
        Some(b'[') => {
            let items = items(json).into_iter().enumerate();
            let items = items.map(|(at, item)| value(&item, &format!("{place}[{at}]")));
            items.collect::<Result<Vec<_>, _>>().map(Value::Array)
        }
        Some(b'-' | b'0'..=b'9') => number(json).map(Value::Number).ok_or_else(|| {
            let place = if place.is_empty() {
                String::new()
            } else {
                format!("`{place}`: ")
            };
            format!("{place}the number {json} has more digits than can be kept exactly; write it as text, or round it")
        }),
        _ => serde_json::from_str(json).map_err(|error| format!("it is not JSON: {error}")),
    }
}

/// A number as JSON writes it; `None` if the text is not one, or if its value would change.
pub(crate) fn number(text: &str) -> Option<Number> {
    let number: Number = serde_json::from_str(text).ok()?;
    match number.as_f64() {
        Some(float) if number.is_f64() => (decimal(text) == decimal(&format!("{float:e}"))).then_some(number),
        _ => Some(number),
    }
}

/// The same number as a decimal: 4 as 4.0. `None` if its value would change.
pub(crate) fn as_decimal(number: &Number) -> Option<Number> {
    let float = number.as_f64()?;
    (decimal(&number.to_string()) == decimal(&format!("{float:e}"))).then(|| Number::from_f64(float))?
}

/// Sign, digits without zeros at their ends, and the power of ten of the last digit: the same for all ways to write a number.
fn decimal(text: &str) -> Option<(bool, String, i64)> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let exponent: i64 = exponent.parse().ok()?;
    let digits = mantissa.strip_prefix('-');
    let (is_negative, mantissa) = (digits.is_some(), digits.unwrap_or(mantissa));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let kept = all.trim_end_matches('0');
    let dropped = i64::try_from(all.len() - kept.len()).ok()?;
    let digits = kept.trim_start_matches('0').to_owned();
    if digits.is_empty() {
        return Some((false, digits, 0));
    }
    let last = exponent
        .checked_sub(i64::try_from(fraction.len()).ok()?)?
        .checked_add(dropped)?;
    Some((is_negative, digits, last))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_exact_or_refused() {
        for (text, kept) in [
            ("0.1", json!(0.1)),
            ("-12.50", json!(-12.5)),
            ("1e3", json!(1000.0)),
            ("9007199254740993", json!(9_007_199_254_740_993_i64)),
            ("18446744073709551615", json!(u64::MAX)),
            ("0.000", json!(0.0)),
            ("5e-324", json!(5e-324)),
            ("1.7976931348623157e308", json!(f64::MAX)),
        ] {
            assert_eq!(parse(text), Ok(kept), "{text}");
        }
        for text in [
            "90071992547409.93",
            "9007199254740993.0",
            "123456789012345678901234567890",
            "0.1234567890123456789",
            "1e400",
            "1e-400",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        let error = parse(r#"{"a":[1,{"b":0.12345678901234567890}]}"#).unwrap_err();
        assert!(
            error.starts_with("`a[1].b`: the number 0.12345678901234567890"),
            "{error}"
        );
        let big = Number::from(9_007_199_254_740_993_i64);
        assert_eq!((as_decimal(&4.into()), as_decimal(&big)), (Number::from_f64(4.0), None));
    }

    #[test]
    fn a_name_is_there_once() {
        for (text, name) in [
            (r#"{"a":1,"a":1}"#, "`a`"),
            (r#"{"a":{"b":1,"c":2,"b":3}}"#, "`a.b`"),
            (r#"{"a":[{},{"b":1,"b":2}]}"#, "`a[1].b`"),
            (r#"{"a":1,"\u0061":1}"#, "`a`"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.starts_with(&format!("{name} occurs twice")), "{error}");
        }
        assert_eq!(parse(r#"{"a":1,"b":{"a":1}}"#), Ok(json!({ "a": 1, "b": { "a": 1 } })));
        assert!(parse("{").unwrap_err().starts_with("it is not JSON"));
        assert!(parse("1 2").is_err());
    }
}
