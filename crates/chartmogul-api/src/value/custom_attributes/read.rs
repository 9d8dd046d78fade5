//! Custom attributes as values of Rust's types.

use std::{error::Error as StdError, fmt};

use chrono::{DateTime, Utc};
use serde::{
    Deserialize as _,
    de::{DeserializeOwned, value::MapDeserializer},
};
use serde_json::Value;

use crate::{BoxError, CustomAttributeValue, CustomAttributes, Field, types::CustomAttribute, value::time::timestamp};

/// A custom attribute has another type than requested.
///
/// The text names the attribute, never its value.
#[derive(Debug)]
pub struct CustomAttributeError {
    key: Option<String>,
    expected: &'static str,
    found: &'static str,
    source: Option<BoxError>,
}

impl fmt::Display for CustomAttributeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.key.as_ref().map(|key| format!(" `{key}`")).unwrap_or_default();
        write!(f, "custom attribute{key} is {}, not {}", self.found, self.expected)
    }
}

impl StdError for CustomAttributeError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&**self.source.as_ref()?)
    }
}

impl CustomAttributeError {
    pub(crate) fn cannot_be_sent(key: impl Into<String>, found: &'static str) -> Self {
        Self {
            key: Some(key.into()),
            expected: "a value that can be sent",
            found,
            source: None,
        }
    }

    /// The key of the attribute; `None` if the error is about all of them.
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }
}

/// Typed access. An attribute that is missing or `null` is `None`; one of another type is an error that names it. Raw JSON is
/// available from [`get`](Self::get).
///
/// ```
/// # let json = r#"{"seats": 4, "vip": true, "since": "2026-01-31T00:00:00.000Z"}"#;
/// let custom: chartmogul_api::CustomAttributes = serde_json::from_str(json)?;
/// assert_eq!(custom.get_i64("seats")?, Some(4));
/// assert_eq!(custom.get_i64("floors")?, None);
/// assert_eq!(custom.get_timestamp("since")?.map(|since| since.date_naive().to_string()).as_deref(), Some("2026-01-31"));
/// let wrong = custom.get_bool("seats").unwrap_err();
/// assert_eq!(wrong.to_string(), "custom attribute `seats` is a number, not a Boolean");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl CustomAttributes {
    /// A String.
    ///
    /// # Errors
    /// If the attribute has another type.
    pub fn get_str(&self, key: &str) -> Result<Option<&str>, CustomAttributeError> {
        self.typed(key, "a String", Value::as_str)
    }

    /// An Integer. A decimal number without a fraction counts as one, because the API has written whole numbers both ways.
    ///
    /// # Errors
    /// If the attribute has another type, or does not fit into 64 bits.
    pub fn get_i64(&self, key: &str) -> Result<Option<i64>, CustomAttributeError> {
        self.typed(key, "an Integer of 64 bits", |value| {
            value.as_i64().or_else(|| whole(value.as_f64()?))
        })
    }

    /// A Decimal. An integer counts as one, unless `f64` can't hold it exactly.
    ///
    /// # Errors
    /// If the attribute has another type.
    pub fn get_f64(&self, key: &str) -> Result<Option<f64>, CustomAttributeError> {
        self.typed(key, "a Decimal", |value| match value.as_i64() {
            Some(integer) => exact(integer),
            None => value.as_f64(),
        })
    }

    /// A Boolean.
    ///
    /// # Errors
    /// If the attribute has another type.
    pub fn get_bool(&self, key: &str) -> Result<Option<bool>, CustomAttributeError> {
        self.typed(key, "a Boolean", Value::as_bool)
    }

    /// A list of texts.
    ///
    /// # Errors
    /// If the attribute has another type, or an item has.
    pub fn get_list(&self, key: &str) -> Result<Option<Vec<&str>>, CustomAttributeError> {
        self.typed(key, "a list of texts", |value| {
            value.as_array()?.iter().map(Value::as_str).collect()
        })
    }

    /// A Timestamp, in any form that the API is known to send: `2026-01-31T12:00:00.000Z`, `2026-01-31 12:00:00` (UTC),
    /// a day, an offset.
    ///
    /// The API sends timestamps as text, so this also accepts a String of that form.
    ///
    /// # Errors
    /// If the attribute has another type.
    pub fn get_timestamp(&self, key: &str) -> Result<Option<DateTime<Utc>>, CustomAttributeError> {
        self.typed(key, "a Timestamp", |value| timestamp(value.as_str()?))
    }

    /// Deserializes all attributes into a type of your own.
    ///
    /// ```
    /// #[derive(serde::Deserialize)]
    /// struct Mine {
    ///     seats: u32,
    ///     campaign: Option<String>,
    /// }
    ///
    /// # let json = r#"{"seats": 4, "vip": true}"#;
    /// let custom: chartmogul_api::CustomAttributes = serde_json::from_str(json)?;
    /// let mine: Mine = custom.to()?;
    /// assert_eq!((mine.seats, mine.campaign), (4, None));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If an attribute does not fit. The source is serde's error, which may quote the value.
    pub fn to<T: DeserializeOwned>(&self) -> Result<T, CustomAttributeError> {
        T::deserialize(MapDeserializer::new(self.iter())).map_err(|source: serde_json::Error| CustomAttributeError {
            key: None,
            expected: std::any::type_name::<T>(),
            found: "a set",
            source: Some(source.into()),
        })
    }

    /// The attributes in the form of a request: a list that keeps order, keys, types, and integers of 64 bits. An attribute
    /// that is `null` has no value to send and is left out.
    ///
    /// A decimal has the precision of `f64`, which may be less than the server's: 15 significant digits are safe. To keep
    /// attributes exactly, change the others with `merge_custom` of the crate `chartmogul`.
    ///
    /// # Errors
    /// If a value can't be sent, because it is not a String, Integer of 64 bits, Decimal, Boolean or list of texts; or if it is a
    /// number so large that it may have been an integer of more than 64 bits.
    pub fn to_list(&self) -> Result<Vec<CustomAttribute>, CustomAttributeError> {
        let present = self.iter().filter(|(_, value)| !value.is_null());
        present
            .map(|(key, value)| match CustomAttributeValue::deserialize(value) {
                Ok(sent) if !may_be_rounded(&sent) => Ok((key, sent).into()),
                _ => Err(CustomAttributeError::cannot_be_sent(key, kind(value))),
            })
            .collect()
    }

    fn typed<'a, T>(
        &'a self,
        key: &str,
        expected: &'static str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, CustomAttributeError> {
        match self.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match read(value) {
                Some(value) => Ok(Some(value)),
                None => Err(CustomAttributeError {
                    key: Some(key.to_owned()),
                    expected,
                    found: kind(value),
                    source: None,
                }),
            },
        }
    }
}

/// The same for the field of a response: if it is absent or `null`, there are no attributes.
impl Field<CustomAttributes> {
    /// See [`CustomAttributes::get_str`].
    ///
    /// # Errors
    /// If the attribute, or `custom` itself, has another type.
    pub fn get_str(&self, key: &str) -> Result<Option<&str>, CustomAttributeError> {
        self.read(|custom| custom.get_str(key))
    }

    /// See [`CustomAttributes::get_i64`].
    ///
    /// # Errors
    /// If the attribute, or `custom` itself, has another type.
    pub fn get_i64(&self, key: &str) -> Result<Option<i64>, CustomAttributeError> {
        self.read(|custom| custom.get_i64(key))
    }

    /// See [`CustomAttributes::get_f64`].
    ///
    /// # Errors
    /// If the attribute, or `custom` itself, has another type.
    pub fn get_f64(&self, key: &str) -> Result<Option<f64>, CustomAttributeError> {
        self.read(|custom| custom.get_f64(key))
    }

    /// See [`CustomAttributes::get_bool`].
    ///
    /// # Errors
    /// If the attribute, or `custom` itself, has another type.
    pub fn get_bool(&self, key: &str) -> Result<Option<bool>, CustomAttributeError> {
        self.read(|custom| custom.get_bool(key))
    }

    /// See [`CustomAttributes::get_timestamp`].
    ///
    /// # Errors
    /// If the attribute, or `custom` itself, has another type.
    pub fn get_timestamp(&self, key: &str) -> Result<Option<DateTime<Utc>>, CustomAttributeError> {
        self.read(|custom| custom.get_timestamp(key))
    }

    /// See [`CustomAttributes::get_list`].
    ///
    /// # Errors
    /// If the attribute, or `custom` itself, has another type.
    pub fn get_list(&self, key: &str) -> Result<Option<Vec<&str>>, CustomAttributeError> {
        self.read(|custom| custom.get_list(key))
    }

    fn read<'a, T>(
        &'a self,
        read: impl FnOnce(&'a CustomAttributes) -> Result<Option<T>, CustomAttributeError>,
    ) -> Result<Option<T>, CustomAttributeError> {
        match self {
            Self::Value(custom) => read(custom),
            Self::Null | Self::Absent => Ok(None),
            Self::Unexpected(json) => Err(CustomAttributeError {
                key: None,
                expected: "an object",
                found: kind(json),
                source: None,
            }),
        }
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a Boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a String",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Whether the value may be a larger integer that was rounded to `f64`.
fn may_be_rounded(value: &CustomAttributeValue) -> bool {
    const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;
    value.as_decimal().is_some_and(|number| number.abs() >= TWO_TO_63)
}

/// Up to this limit, `f64` represents every whole number exactly.
const EXACT: i64 = 1 << f64::MANTISSA_DIGITS;

#[allow(clippy::cast_precision_loss)] // no loss within the limit
fn exact(integer: i64) -> Option<f64> {
    (-EXACT..=EXACT).contains(&integer).then_some(integer as f64)
}

#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)] // no loss within the limit
fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() <= EXACT as f64).then_some(number as i64)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // tests
mod tests {
    use serde::Deserialize;

    use super::*;

    fn custom() -> CustomAttributes {
        let json = r#"{"Text":"a","big":9223372036854775807,"huge":18446744073709551615,"whole":5.0,"half":0.5,
            "yes":true,"none":null,"iso":"2026-01-31T12:00:00.250Z","plain":"2026-01-31 12:00:00","list":[1]}"#;
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn every_type_is_read_and_no_other() {
        let custom = custom();
        assert_eq!(custom.get_str("Text").unwrap(), Some("a"));
        assert_eq!(custom.get_i64("big").unwrap(), Some(i64::MAX));
        assert_eq!(custom.get_i64("whole").unwrap(), Some(5));
        assert_eq!(custom.get_f64("half").unwrap(), Some(0.5));
        assert_eq!(custom.get_f64("whole").unwrap(), Some(5.0));
        assert_eq!(custom.get_bool("yes").unwrap(), Some(true));
        let at = |key| custom.get_timestamp(key).unwrap().map(|at| at.to_rfc3339());
        assert_eq!(at("iso").as_deref(), Some("2026-01-31T12:00:00.250+00:00"));
        assert_eq!(at("plain").as_deref(), Some("2026-01-31T12:00:00+00:00"));
        for missing in ["none", "text", ""] {
            assert_eq!(custom.get_str(missing).unwrap(), None);
            assert_eq!(custom.get_timestamp(missing).unwrap(), None);
        }
        let said = |wrong: CustomAttributeError| wrong.to_string();
        assert_eq!(
            said(custom.get_i64("half").unwrap_err()),
            "custom attribute `half` is a number, not an Integer of 64 bits"
        );
        assert!(custom.get_i64("huge").is_err() && custom.get_f64("big").is_err() && custom.get_str("yes").is_err());
        assert_eq!(
            said(custom.get_timestamp("Text").unwrap_err()),
            "custom attribute `Text` is a String, not a Timestamp"
        );
    }

    #[test]
    fn what_was_read_can_be_sent_as_it_was() {
        let text = r#"{"Zeta":"ü","big":9223372036854775807,"small":-9223372036854775808,"dec":5.0,"half":0.1,"yes":true,"none":null,"at":"2026-01-31T00:00:00.000Z"}"#;
        let custom: CustomAttributes = serde_json::from_str(text).unwrap();
        let list = custom.to_list().unwrap();
        let fields: Vec<_> = list
            .iter()
            .map(|attribute| {
                let value = serde_json::to_string(&attribute.value).unwrap();
                format!("{:?}:{value}", attribute.key)
            })
            .collect();
        assert_eq!(format!("{{{}}}", fields.join(",")), text.replace(r#""none":null,"#, ""));
        for odd in [
            r#"{"a":[1]}"#,
            r#"{"a":{}}"#,
            r#"{"a":18446744073709551615}"#,
            r#"{"a":18446744073709551616}"#,
            r#"{"a":-9223372036854775809}"#,
        ] {
            let custom: CustomAttributes = serde_json::from_str(odd).unwrap();
            assert_eq!(custom.to_list().unwrap_err().key(), Some("a"));
        }
    }

    #[test]
    fn a_type_of_ones_own() {
        #[derive(Deserialize)]
        struct Mine {
            #[serde(rename = "Text")]
            text: String,
            big: i64,
            iso: DateTime<Utc>,
            none: Option<u8>,
            absent: Option<u8>,
        }
        let mine: Mine = custom().to().unwrap();
        assert_eq!(
            (mine.text.as_str(), mine.big, mine.none, mine.absent),
            ("a", i64::MAX, None, None)
        );
        assert_eq!(mine.iso.timestamp_subsec_millis(), 250);
        let wrong = custom().to::<std::collections::HashMap<String, u8>>().err().unwrap();
        assert!(std::error::Error::source(&wrong).is_some(), "{wrong}");
    }

    #[test]
    fn a_field_that_is_no_object_is_told_from_one_that_is_missing() {
        assert_eq!(Field::<CustomAttributes>::Null.get_i64("a").unwrap(), None);
        assert_eq!(Field::<CustomAttributes>::Absent.get_str("a").unwrap(), None);
        let odd: Field<CustomAttributes> = Field::Unexpected(serde_json::json!([1]));
        assert_eq!(
            odd.get_bool("a").unwrap_err().to_string(),
            "custom attribute is a list, not an object"
        );
        assert_eq!(Field::Value(custom()).get_bool("yes").unwrap(), Some(true));
    }
}
