//! Custom attributes of a response, exactly as they were received.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::{
    CustomAttributeError, CustomAttributeValue, error::body::BYTE_ORDER_MARK, types::CustomAttribute,
    value::time::timestamp,
};

/// The JSON of a value that no other [`CustomAttributeValue`] holds exactly: an integer of more than 64 bits, a decimal
/// with more digits than `f64` has, a list of other values than texts.
///
/// Such values come from responses, and are sent back unchanged.
#[derive(Clone)]
pub struct Verbatim(Box<RawValue>);

impl Verbatim {
    /// The JSON, as it was received.
    pub fn as_json(&self) -> &str {
        self.0.get()
    }
}

impl fmt::Debug for Verbatim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_json())
    }
}

impl PartialEq for Verbatim {
    fn eq(&self, other: &Self) -> bool {
        self.as_json() == other.as_json()
    }
}

impl Serialize for Verbatim {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// The custom attributes of a response, to be sent back. `None` if the response does not have them. An attribute that is `null`
/// has no value to send and is left out. Not for users: it may change.
///
/// [`CustomAttributes`](crate::CustomAttributes) can't be used for this: its numbers have gone through `f64`.
///
/// # Errors
/// If an attribute is an object, which can't be sent.
#[doc(hidden)]
pub fn exact_custom(response: &[u8]) -> Result<Option<Vec<CustomAttribute>>, CustomAttributeError> {
    let json = response.strip_prefix(BYTE_ORDER_MARK).unwrap_or(response);
    let read = serde_json::from_slice(json).ok().and_then(|Fields(fields)| {
        let (_, custom) = fields.into_iter().find(|(name, _)| name == "custom")?;
        match custom.get() {
            "null" => Some(Fields(Vec::new())),
            custom => serde_json::from_str(custom).ok(),
        }
    });
    let Some(Fields(custom)) = read else { return Ok(None) };
    let present = custom.into_iter().filter(|(_, value)| value.get() != "null");
    present
        .map(|(key, value)| match exact(value) {
            Ok(value) => Ok((key, value).into()),
            Err(kind) => Err(CustomAttributeError::cannot_be_sent(key, kind)),
        })
        .collect::<Result<_, _>>()
        .map(Some)
}

fn exact(json: &RawValue) -> Result<CustomAttributeValue, &'static str> {
    let text = json.get();
    let value = match text.as_bytes().first() {
        Some(b'[') => serde_json::from_str(text).ok().map(CustomAttributeValue::List),
        Some(b'{') => return Err("an object"),
        Some(b't') => Some(CustomAttributeValue::Boolean(true)),
        Some(b'f') => Some(CustomAttributeValue::Boolean(false)),
        Some(b'"') => serde_json::from_str(text).ok().map(CustomAttributeValue::String),
        _ if text.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit()) => text
            .parse()
            .ok()
            .filter(|number: &i64| number.to_string() == text) // not -0
            .map(CustomAttributeValue::Integer),
        _ => text
            .parse()
            .ok()
            .filter(|number: &f64| Decimal::of(text).is_some_and(|exact| Decimal::of_f64(*number) == Some(exact)))
            .map(CustomAttributeValue::Decimal),
    };
    Ok(value.unwrap_or_else(|| CustomAttributeValue::Verbatim(Verbatim(json.to_owned()))))
}

impl CustomAttributeValue {
    /// Whether it is the same value: as text or as a number, if both are, because the API writes whole numbers as `4` or `4.0`
    /// and does not tell a timestamp from other text.
    /// Not for users: it may change.
    #[doc(hidden)]
    pub fn is_same(&self, other: &Self) -> bool {
        let same_number = || Some(self.decimal()? == other.decimal()?);
        let same_text = || Some(self.as_str()? == other.as_str()?);
        self == other || same_text().or_else(same_number).unwrap_or(false)
    }

    /// Whether it is the same value, or the same time in another form. Not for users: it may change.
    #[doc(hidden)]
    pub fn is_shown_as(&self, other: &Self) -> bool {
        let time = |value: &Self| timestamp(value.as_str()?);
        self.is_same(other) || time(self).is_some_and(|at| time(other) == Some(at))
    }

    fn decimal(&self) -> Option<Decimal> {
        match self {
            Self::Integer(number) => Decimal::of(&number.to_string()),
            Self::Decimal(number) => Decimal::of_f64(*number),
            Self::Verbatim(json) => Decimal::of(json.as_json()),
            Self::String(_) | Self::Timestamp(_) | Self::Boolean(_) | Self::List(_) => None,
        }
    }
}

/// A decimal number of any size: its digits without zeros at either end, and the power of ten of the last one.
#[derive(Debug, PartialEq)]
struct Decimal {
    negative: bool,
    digits: String,
    exponent: i64,
}

impl Decimal {
    /// A number as JSON writes it; `None` if the text is not a number, or its exponent has more than 64 bits.
    fn of(text: &str) -> Option<Self> {
        let (negative, text) = match text.strip_prefix('-') {
            Some(text) => (true, text),
            None => (false, text),
        };
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{fraction}");
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let kept = digits.trim_end_matches('0');
        let zeros = digits.len() - kept.len();
        let shift = i64::try_from(zeros).ok()? - i64::try_from(fraction.len()).ok()?;
        let digits = kept.trim_start_matches('0');
        Some(Self {
            negative,
            exponent: if digits.is_empty() {
                0
            } else {
                exponent.checked_add(shift)?
            },
            digits: digits.to_owned(),
        })
    }

    fn of_f64(number: f64) -> Option<Self> {
        Self::of(&format!("{number:e}"))
    }
}

/// The fields of a JSON object, not decoded. Of two with the same name, the last one counts.
struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Fields<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Fields<'de>, A::Error> {
                let mut fields: Vec<(String, &RawValue)> = Vec::new();
                while let Some((key, value)) = object.next_entry::<String, &RawValue>()? {
                    match fields.iter_mut().find(|(name, _)| *name == key) {
                        Some((_, held)) => *held = value,
                        None => fields.push((key, value)),
                    }
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // tests
mod tests {
    use super::*;

    fn sent_back(custom: &str) -> String {
        let response = format!(r#"{{"uuid":"a","custom":{custom},"more":[1]}}"#);
        let list = exact_custom(response.as_bytes()).unwrap().unwrap();
        let fields: Vec<_> = list
            .iter()
            .map(|attribute| {
                let key = serde_json::to_string(&attribute.key).unwrap();
                format!("{key}:{}", serde_json::to_string(&attribute.value).unwrap())
            })
            .collect();
        format!("{{{}}}", fields.join(","))
    }

    #[test]
    fn every_value_is_sent_back_exactly() {
        for custom in [
            r#"{"Zeta":"ü","big":9223372036854775807,"small":-9223372036854775808,"dec":5.0,"half":0.1,"yes":true,"no":false}"#,
            r#"{"a":18446744073709551615,"b":18446744073709551616,"c":-9223372036854775809,"d":100000000000000000000,"e":-0}"#,
            r#"{"a":0.1234567890123456789,"b":1e400,"c":1.7976931348623157e308,"d":123456789012345678.5,"e":1e99999999999999999999}"#,
            r#"{"list":["a","ü"],"empty":[],"mixed":[1, null,{"b":[2]}]}"#,
            r#"{"team-size":"a","":"","at":"2026-01-31T00:00:00.000Z","lone":"\ud800"}"#,
        ] {
            assert_eq!(sent_back(custom), custom.replace("e308", "e+308"), "{custom}");
        }
        // The same number in another form.
        assert_eq!(
            sent_back(r#"{"a":1.50,"b":5e0,"c":-0.0,"d":null,"e":1,"e":2}"#),
            r#"{"a":1.5,"b":5.0,"c":-0.0,"e":2}"#
        );
    }

    #[test]
    fn what_cannot_be_sent_is_named_and_what_is_missing_is_missing() {
        let error = exact_custom(br#"{"custom":{"a":{}}}"#).unwrap_err();
        assert_eq!(
            error.to_string(),
            "custom attribute `a` is an object, not a value that can be sent"
        );
        for json in ["", "{}", "[]", r#"{"custom":"none"}"#, r#"{"custom":[1]}"#, "<html>"] {
            assert_eq!(exact_custom(json.as_bytes()).unwrap(), None, "{json}");
        }
        assert_eq!(
            exact_custom("\u{feff} {\"custom\" : null}".as_bytes()).unwrap(),
            Some(vec![])
        );
    }

    #[test]
    fn numbers_are_the_same_by_value_and_nothing_else_is() {
        let value = |json: &str| exact(serde_json::from_str(json).unwrap()).unwrap();
        for (one, other) in [
            ("4", "4.0"),
            ("1.50", "15e-1"),
            ("0", "-0.0e7"),
            ("18446744073709551616", "18446744073709551616.0"),
        ] {
            assert_eq!(value(one).is_same(&value(other)), one != "0", "{one} {other}");
        }
        for (one, other) in [
            ("18446744073709551616", "18446744073709551617"),
            ("0.1234567890123456789", "0.12345678901234568"),
            ("9007199254740993", "9007199254740992.0"),
            ("\"4\"", "4"),
            ("true", "1"),
        ] {
            assert!(!value(one).is_same(&value(other)), "{one} {other}");
        }
        let time = |text: &str| CustomAttributeValue::from(text);
        assert!(time("2026-01-31T00:00:00.000Z").is_shown_as(&time("2026-01-31 00:00:00 UTC")));
        assert!(!time("2026-01-31T00:00:00.000Z").is_same(&time("2026-01-31 00:00:00 UTC")));
        assert!(!time("a").is_shown_as(&time("b")));
        assert!(!CustomAttributeValue::Decimal(f64::NAN).is_same(&CustomAttributeValue::Decimal(f64::NAN)));
    }
}
