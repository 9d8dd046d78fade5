//! Custom attributes, in requests and in responses.

mod exact;
mod read;

use std::fmt;

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{
        Error as _, MapAccess, SeqAccess, Unexpected, Visitor,
        value::{MapAccessDeserializer, SeqAccessDeserializer},
    },
};
use serde_json::Value;

pub use self::{
    exact::{Verbatim, exact_custom},
    read::CustomAttributeError,
};
use super::field;
use crate::{
    Field, FieldValue,
    types::{CustomAttribute, CustomAttributeType, NewCustomAttribute},
    validate,
};

/// The value of a custom attribute in a request.
///
/// Its type must be the one chosen when the attribute was created in ChartMogul. Integers keep 64 bits;
/// a timestamp is sent as text.
///
/// ```
/// use chartmogul_api::CustomAttributeValue;
///
/// assert_eq!(CustomAttributeValue::from(4), CustomAttributeValue::Integer(4));
/// assert_eq!(CustomAttributeValue::from("Facebook"), CustomAttributeValue::String("Facebook".into()));
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum CustomAttributeValue {
    /// Text of at most 255 characters.
    String(String),
    /// An instant, as text. In responses it can't be told from other text.
    Timestamp(String),
    /// An integer.
    Integer(i64),
    /// A decimal number; must be finite.
    Decimal(f64),
    /// `true` or `false`.
    Boolean(bool),
    /// Several texts.
    List(Vec<String>),
    /// A value of a response that no other variant holds exactly; it is sent back unchanged.
    Verbatim(Verbatim),
}

impl CustomAttributeValue {
    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) | Self::Timestamp(text) => Some(text),
            _ => None,
        }
    }

    /// The decimal, if it is one. Not the integer: the two are sent differently.
    pub fn as_decimal(&self) -> Option<f64> {
        match self {
            Self::Decimal(number) => Some(*number),
            _ => None,
        }
    }

    /// The type that an attribute with this value has; `None` for values that no type is known for.
    pub(crate) fn known_type(&self) -> Option<CustomAttributeType> {
        match self {
            Self::String(_) => Some(CustomAttributeType::String),
            Self::Timestamp(_) => Some(CustomAttributeType::Timestamp),
            Self::Integer(_) => Some(CustomAttributeType::Integer),
            Self::Decimal(_) => Some(CustomAttributeType::Decimal),
            Self::Boolean(_) => Some(CustomAttributeType::Boolean),
            Self::List(_) | Self::Verbatim(_) => None,
        }
    }
}

impl Serialize for CustomAttributeValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::String(text) | Self::Timestamp(text) => serializer.serialize_str(text),
            Self::Integer(number) => serializer.serialize_i64(*number),
            Self::Decimal(number) => validate::finite(number, serializer),
            Self::Boolean(truth) => serializer.serialize_bool(*truth),
            Self::List(texts) => texts.serialize(serializer),
            Self::Verbatim(json) => json.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for CustomAttributeValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const EXPECTED: &str = "a string, a 64-bit integer, a decimal number, a boolean or a list of strings";
        struct Plain;
        impl<'de> Visitor<'de> for Plain {
            type Value = CustomAttributeValue;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(EXPECTED)
            }
            fn visit_str<E>(self, text: &str) -> Result<CustomAttributeValue, E> {
                Ok(CustomAttributeValue::String(text.to_owned()))
            }
            fn visit_i64<E>(self, number: i64) -> Result<CustomAttributeValue, E> {
                Ok(CustomAttributeValue::Integer(number))
            }
            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<CustomAttributeValue, E> {
                i64::try_from(number)
                    .map(CustomAttributeValue::Integer)
                    .map_err(|_| E::invalid_value(serde::de::Unexpected::Unsigned(number), &self))
            }
            fn visit_f64<E>(self, number: f64) -> Result<CustomAttributeValue, E> {
                Ok(CustomAttributeValue::Decimal(number))
            }
            fn visit_bool<E>(self, truth: bool) -> Result<CustomAttributeValue, E> {
                Ok(CustomAttributeValue::Boolean(truth))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<CustomAttributeValue, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(list)).map(CustomAttributeValue::List)
            }
            /// A number, if a crate of the program switches on `serde_json/arbitrary_precision`.
            fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<CustomAttributeValue, A::Error> {
                let wrong = |found| A::Error::invalid_type(found, &EXPECTED);
                let Value::Number(number) = Value::deserialize(MapAccessDeserializer::new(object))? else {
                    return Err(wrong(Unexpected::Map));
                };
                match (number.as_i64(), number.as_f64()) {
                    (Some(integer), _) => Ok(CustomAttributeValue::Integer(integer)),
                    (None, Some(decimal)) if number.is_f64() => Ok(CustomAttributeValue::Decimal(decimal)),
                    _ => Err(wrong(Unexpected::Other("a number beyond 64 bits"))),
                }
            }
        }
        deserializer.deserialize_any(Plain)
    }
}

macro_rules! from {
    ($($from:ty => $variant:ident),*) => {$(
        impl From<$from> for CustomAttributeValue {
            fn from(value: $from) -> Self {
                Self::$variant(value.into())
            }
        }
    )*};
}
from!(String => String, &str => String, i8 => Integer, i16 => Integer, i32 => Integer, i64 => Integer, u8 => Integer,
      u16 => Integer, u32 => Integer, f32 => Decimal, f64 => Decimal, bool => Boolean);

/// A timestamp attribute: midnight UTC of the day, written as the server writes it.
impl From<NaiveDate> for CustomAttributeValue {
    fn from(day: NaiveDate) -> Self {
        Self::Timestamp(day.format("%Y-%m-%dT00:00:00.000Z").to_string())
    }
}

/// A timestamp attribute, to the millisecond.
impl From<DateTime<Utc>> for CustomAttributeValue {
    fn from(instant: DateTime<Utc>) -> Self {
        Self::Timestamp(instant.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

/// An attribute that holds several texts.
impl<T: Into<String>> From<Vec<T>> for CustomAttributeValue {
    fn from(texts: Vec<T>) -> Self {
        Self::List(texts.into_iter().map(Into::into).collect())
    }
}

/// An attribute that holds several texts.
impl<T: Into<String>, const N: usize> From<[T; N]> for CustomAttributeValue {
    fn from(texts: [T; N]) -> Self {
        Self::List(texts.into_iter().map(Into::into).collect())
    }
}

/// With the type that the value has in Rust, so that `4` becomes an Integer, and an instant a Timestamp.
impl<K: Into<String>, V: Into<CustomAttributeValue>> From<(K, V)> for NewCustomAttribute {
    fn from((key, value): (K, V)) -> Self {
        CustomAttribute::new(key, value).into()
    }
}

/// With the type that the value has in Rust.
impl From<CustomAttribute> for NewCustomAttribute {
    fn from(attribute: CustomAttribute) -> Self {
        Self::new(attribute.key, attribute.value)
    }
}

impl<K: Into<String>, V: Into<CustomAttributeValue>> From<(K, V)> for CustomAttribute {
    fn from((key, value): (K, V)) -> Self {
        Self {
            key: key.into(),
            value: value.into(),
        }
    }
}

/// The custom attributes in a response: key to raw JSON, in the order of the response, with the case of their keys.
///
/// The API does not send the type of an attribute, and timestamps arrive as strings, so nothing is converted here.
///
/// ```
/// # let json = r#"{"seats": 4, "from_campaign": true}"#;
/// let custom: chartmogul_api::CustomAttributes = serde_json::from_str(json)?;
/// assert_eq!(custom.get("seats").and_then(|seats| seats.as_i64()), Some(4));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CustomAttributes(Vec<(String, Value)>);

impl CustomAttributes {
    /// The value of one attribute.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// All attributes in the order of the response.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Prints the attributes as JSON.
impl fmt::Display for CustomAttributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

impl Serialize for CustomAttributes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for CustomAttributes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        field::expect(deserializer, "an object (custom attributes)")
    }
}

impl field::Sealed for CustomAttributes {}

impl FieldValue for CustomAttributes {
    /// Not through [`Value`], which sorts the keys.
    fn from_object<'de, A: MapAccess<'de>>(mut object: A) -> Result<Field<Self>, A::Error> {
        let mut fields: Vec<(String, Value)> = Vec::with_capacity(object.size_hint().unwrap_or(0));
        while let Some((key, value)) = object.next_entry::<String, Value>()? {
            // A repeated key has been seen in a response; the last one counts.
            match fields.iter_mut().find(|(name, _)| *name == key) {
                Some((_, held)) => *held = value,
                None => fields.push((key, value)),
            }
        }
        Ok(Field::Value(Self(fields)))
    }
}

#[cfg(feature = "schemars")]
mod schema {
    use std::borrow::Cow;

    use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

    use super::{CustomAttributeValue, CustomAttributes};

    impl JsonSchema for CustomAttributeValue {
        fn schema_name() -> Cow<'static, str> {
            "CustomAttributeValue".into()
        }
        fn json_schema(_: &mut SchemaGenerator) -> Schema {
            json_schema!({
                "anyOf": [
                    { "type": "string", "maxLength": 255 },
                    { "type": "integer", "format": "int64" },
                    { "type": "number", "format": "double" },
                    { "type": "boolean" },
                    { "type": "array", "items": { "type": "string", "maxLength": 255 } },
                ]
            })
        }
    }

    impl JsonSchema for CustomAttributes {
        fn schema_name() -> Cow<'static, str> {
            "CustomAttributes".into()
        }
        fn json_schema(_: &mut SchemaGenerator) -> Schema {
            json_schema!({ "type": "object", "additionalProperties": true })
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // tests
mod tests {
    use super::*;

    #[test]
    fn a_value_keeps_its_type_in_both_directions() {
        for text in [
            "4",
            "9007199254740993",
            "-9223372036854775808",
            "4.0",
            "0.1",
            "true",
            "\"4\"",
            "\"\"",
            "[]",
            "[\"a\",\"b\"]",
        ] {
            let value: CustomAttributeValue = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&value).unwrap(), text);
        }
        assert!(serde_json::from_str::<CustomAttributeValue>("18446744073709551615").is_err());
        assert!(serde_json::from_str::<CustomAttributeValue>("null").is_err());
        assert!(serde_json::from_str::<CustomAttributeValue>("[1]").is_err());
    }

    #[test]
    fn a_new_attribute_has_the_type_of_its_value() {
        let day = NaiveDate::from_ymd_opt(2026, 1, 31).unwrap();
        let attributes: [NewCustomAttribute; 7] = [
            NewCustomAttribute::new("a", "text").source("crm"),
            ("a", "text").into(),
            ("a", 4).into(),
            ("a", 0.5).into(),
            ("a", true).into(),
            ("a", day).into(),
            ("a", vec!["x", "y"]).into(),
        ];
        assert_eq!(
            attributes.map(|new| serde_json::to_string(&new).unwrap()),
            [
                r#"{"type":"String","key":"a","value":"text","source":"crm"}"#,
                r#"{"type":"String","key":"a","value":"text"}"#,
                r#"{"type":"Integer","key":"a","value":4}"#,
                r#"{"type":"Decimal","key":"a","value":0.5}"#,
                r#"{"type":"Boolean","key":"a","value":true}"#,
                r#"{"type":"Timestamp","key":"a","value":"2026-01-31T00:00:00.000Z"}"#,
                r#"{"key":"a","value":["x","y"]}"#,
            ]
        );
    }

    #[test]
    fn attributes_keep_order_case_and_raw_values() {
        let text = r#"{"Zeta":1,"alpha":null,"zeta":1.5,"big":9223372036854775807,"list":[1]}"#;
        let field: Field<CustomAttributes> = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&field).unwrap(), text);
        assert_eq!(field.get().map(CustomAttributes::len), Some(5));
    }

    #[test]
    fn attributes_that_are_something_else_are_kept() {
        for text in ["null", "[1,\"a\"]", "\"none\"", "1", "-1", "1.5", "true"] {
            let field: Field<CustomAttributes> = serde_json::from_str(text).unwrap();
            assert_eq!(field.get(), None);
            assert_eq!(serde_json::to_string(&field).unwrap(), text);
        }
    }

    #[test]
    fn the_last_of_two_equal_keys_counts() {
        let field: Field<CustomAttributes> = serde_json::from_str(r#"{"a":1,"b":2,"a":3}"#).unwrap();
        assert_eq!(serde_json::to_string(&field).unwrap(), r#"{"a":3,"b":2}"#);
    }
}
