//! The types that a field can hold.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use serde::{
    Deserialize as _, Serialize, Serializer,
    de::{
        MapAccess, SeqAccess,
        value::{MapAccessDeserializer, SeqAccessDeserializer},
    },
};
use serde_json::{Map, Value};

use super::{Field, FieldValue, Scalar, Sealed};
use crate::{Date, Timestamp, validate, value::time};

impl Sealed for String {}

impl FieldValue for String {
    fn from_scalar(scalar: Scalar<'_>) -> Option<Self> {
        match scalar {
            Scalar::Text(text) => Some(text.to_owned()),
            _ => None,
        }
    }
}

impl Sealed for bool {}

impl FieldValue for bool {
    fn from_scalar(scalar: Scalar<'_>) -> Option<Self> {
        match scalar {
            Scalar::Boolean(truth) => Some(truth),
            _ => None,
        }
    }
}

impl Sealed for f64 {}

impl FieldValue for f64 {
    #[allow(clippy::cast_precision_loss)] // decimal numbers are `f64`, with its precision
    fn from_scalar(scalar: Scalar<'_>) -> Option<Self> {
        match scalar {
            Scalar::Decimal(number) => Some(number),
            Scalar::Integer(number) => Some(number as f64),
            Scalar::Large(number) => Some(number as f64),
            _ => None,
        }
    }

    /// In a request, a number that is not finite is rejected, and the error names its field.
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        validate::finite(self, serializer)
    }
}

impl Sealed for i64 {}

impl FieldValue for i64 {
    /// The API writes whole numbers as `5` and `5.0` interchangeably.
    fn from_scalar(scalar: Scalar<'_>) -> Option<Self> {
        const EXACT: f64 = 9_007_199_254_740_992.0; // 2^53: every whole number below has its own f64
        match scalar {
            Scalar::Integer(number) => Some(number),
            #[allow(clippy::cast_possible_truncation)] // whole and small enough, just tested
            Scalar::Decimal(number) if number.fract() == 0.0 && number.abs() < EXACT => Some(number as i64),
            _ => None,
        }
    }
}

impl Sealed for NaiveDate {}

impl FieldValue for NaiveDate {
    /// Also a timestamp at midnight, which has come in place of a day.
    fn from_scalar(scalar: Scalar<'_>) -> Option<Self> {
        match scalar {
            Scalar::Text(text) => time::day(text),
            _ => None,
        }
    }
}

impl Sealed for DateTime<Utc> {}

impl FieldValue for DateTime<Utc> {
    /// Reads every form that the API is known to send. Without a zone it is UTC, without a time it is midnight.
    fn from_scalar(scalar: Scalar<'_>) -> Option<Self> {
        match scalar {
            Scalar::Text(text) => time::timestamp(text),
            _ => None,
        }
    }

    /// `2026-01-31T12:00:00.000Z`, as the API writes it; more digits only if they are not zero.
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let format = if self.timestamp_subsec_nanos().is_multiple_of(1_000_000) {
            SecondsFormat::Millis
        } else {
            SecondsFormat::AutoSi
        };
        self.to_rfc3339_opts(format, true).serialize(serializer)
    }
}

impl Sealed for Date {}

/// Days in requests, where `null` clears one.
impl FieldValue for Date {
    fn from_scalar(scalar: Scalar<'_>) -> Option<Self> {
        match scalar {
            Scalar::Text(text) => Some(text.into()),
            _ => None,
        }
    }
}

impl Sealed for Timestamp {}

/// Instants in requests.
impl FieldValue for Timestamp {
    fn from_scalar(scalar: Scalar<'_>) -> Option<Self> {
        match scalar {
            Scalar::Text(text) => Some(text.into()),
            _ => None,
        }
    }
}

impl Sealed for Value {}

/// Any JSON except `null`.
impl FieldValue for Value {
    fn from_scalar(scalar: Scalar<'_>) -> Option<Self> {
        Some(scalar.into())
    }

    fn from_list<'de, A: SeqAccess<'de>>(list: A) -> Result<Field<Self>, A::Error> {
        Value::deserialize(SeqAccessDeserializer::new(list)).map(Field::Value)
    }

    fn from_object<'de, A: MapAccess<'de>>(object: A) -> Result<Field<Self>, A::Error> {
        Value::deserialize(MapAccessDeserializer::new(object)).map(Field::Value)
    }
}

impl Sealed for Map<String, Value> {}

/// An object of any shape.
impl FieldValue for Map<String, Value> {
    fn from_object<'de, A: MapAccess<'de>>(object: A) -> Result<Field<Self>, A::Error> {
        Ok(match Value::deserialize(MapAccessDeserializer::new(object))? {
            Value::Object(object) => Field::Value(object),
            other => Field::Unexpected(other),
        })
    }
}

impl<T: FieldValue> Sealed for BTreeMap<String, T> {}

/// A map with any keys. If one value has an unexpected type, the whole map is `Unexpected`, so that nothing is lost.
impl<T: FieldValue> FieldValue for BTreeMap<String, T> {
    fn from_object<'de, A: MapAccess<'de>>(mut object: A) -> Result<Field<Self>, A::Error> {
        let mut read = BTreeMap::new();
        while let Some((key, value)) = object.next_entry::<String, Field<T>>()? {
            read.insert(key, value);
        }
        if read.values().all(|value| value.get().is_some()) {
            let values = read
                .into_iter()
                .filter_map(|(key, value)| Some((key, value.into_value()?)));
            return Ok(Field::Value(values.collect()));
        }
        serde_json::to_value(read)
            .map(Field::Unexpected)
            .map_err(serde::de::Error::custom)
    }
}

impl<T: FieldValue> Sealed for Vec<T> {}

/// Lists in requests; those of responses are [`List`](crate::List)s.
impl<T: FieldValue> FieldValue for Vec<T> {
    fn from_list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<Field<Self>, A::Error> {
        let mut read = Vec::new();
        while let Some(item) = list.next_element::<Field<T>>()? {
            read.push(item);
        }
        if read.iter().all(|item| item.get().is_some()) {
            return Ok(Field::Value(read.into_iter().filter_map(Field::into_value).collect()));
        }
        serde_json::to_value(read)
            .map(Field::Unexpected)
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // tests
mod tests {
    use serde_json::json;

    use super::*;

    /// Reads a field, and checks that it is written back unchanged.
    fn read<T: FieldValue>(text: &str) -> Field<T> {
        let field: Field<T> = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&field).unwrap(), text);
        field
    }

    #[test]
    fn a_map_with_one_odd_value_is_kept_as_it_is() {
        let map: Field<BTreeMap<String, i64>> = read(r#"{"a":1,"b":2}"#);
        assert_eq!(map.get().unwrap()["b"], 2);
        assert_eq!(read::<BTreeMap<String, i64>>("{}").get().unwrap().len(), 0);
        for odd in [r#"{"a":1,"b":"x"}"#, r#"{"a":1,"b":null}"#, "[1]", "\"x\""] {
            assert_eq!(
                read::<BTreeMap<String, i64>>(odd),
                Field::Unexpected(serde_json::from_str(odd).unwrap())
            );
        }
        // The same holds for nested values.
        read::<BTreeMap<String, BTreeMap<String, Value>>>(r#"{"a":{"b":[1,2.5,null]}}"#);
    }

    #[test]
    fn json_of_any_shape_is_exact() {
        for text in [
            "18446744073709551615",
            "-9223372036854775808",
            "0.1",
            "true",
            r#"[{"a":null}]"#,
            r#"{"a":[]}"#,
        ] {
            assert_eq!(read::<Value>(text), Field::Value(serde_json::from_str(text).unwrap()));
        }
        assert_eq!(read::<Value>("null"), Field::Null);
        assert_eq!(
            read::<Map<String, Value>>(r#"{"a":{"b":1}}"#).get().unwrap()["a"],
            json!({ "b": 1 })
        );
        assert_eq!(read::<Map<String, Value>>("[1]"), Field::Unexpected(json!([1])));
    }

    #[test]
    fn what_a_request_clears_or_sets() {
        assert_eq!(read::<Vec<i64>>("[1,2]"), Field::Value(vec![1, 2]));
        assert_eq!(read::<Vec<i64>>(r#"[1,"x"]"#), Field::Unexpected(json!([1, "x"])));
        assert_eq!(read::<Date>("\"2026-01-31\""), Field::Value("2026-01-31".into()));
        assert_eq!(
            read::<Timestamp>("\"2026-01-31T12:00:00Z\""),
            Field::Value("2026-01-31T12:00:00Z".into())
        );
        let not_finite = serde_json::to_string(&Field::Value(f64::NAN)).unwrap();
        assert_eq!(not_finite, r#"{"(not finite)":"NaN"}"#);
    }

    #[test]
    fn days_and_instants_are_sent_as_the_api_reads_them() {
        let day = NaiveDate::from_ymd_opt(2026, 1, 31).unwrap();
        assert_eq!(Date::from(day), Date::from("2026-01-31"));
        assert_ne!(Date::from(day), Date::from("2026-1-31"));
        assert_eq!(serde_json::to_string(&Date::from(day)).unwrap(), "\"2026-01-31\"");
        let noon = day.and_hms_opt(12, 0, 0).unwrap().and_utc();
        for (instant, sent) in [
            (Timestamp::from(noon), "\"2026-01-31T12:00:00.000Z\""),
            (Timestamp::from(day), "\"2026-01-31\""),
            (Timestamp::from("31 January"), "\"31 January\""),
        ] {
            assert_eq!(serde_json::to_string(&instant).unwrap(), sent);
        }
    }
}
