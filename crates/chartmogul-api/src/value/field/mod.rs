//! One field of a response.

mod read;
mod values;

use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::Value;

pub use self::read::FieldValue;
pub(crate) use self::read::{Name, Scalar, Sealed, expect};

/// One field of a response: its value, or what the server sent instead.
///
/// ChartMogul's responses have changed over the years: fields became `null`, appeared, disappeared. A `Field`
/// distinguishes absent, `null` and a value, and an unexpected value does not affect the rest of the response. It writes
/// back what it read: 64-bit integers exactly, other numbers to the precision of `f64`, timestamps as the same instant in UTC.
///
/// It is displayed, compared and ordered like the value:
///
/// ```
/// use chartmogul_api::Field;
///
/// let amount = Field::Value(20_000);
/// assert_eq!(amount.to_string(), "20000");
/// assert!(amount == 20_000 && amount > 10_000);
/// assert_eq!(amount.get(), Some(&20_000));
///
/// assert_eq!(Field::<i64>::Null.to_string(), "null");
/// assert_eq!(Field::<i64>::Null.get(), None);
/// ```
///
/// In a request, `Absent` leaves the value unchanged, `Null` clears it, and `Value` sets it.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Field<T> {
    /// The documented value.
    Value(T),
    /// The server sent `null`.
    Null,
    /// The server did not send it.
    #[default]
    Absent,
    /// The server sent something else: another type, or a date in an unknown format. What a [`Value`] can't hold (`1e400`,
    /// half a surrogate pair, very deep nesting) is `{"(unreadable)": "..."}`, with its JSON as text.
    Unexpected(Value),
}

impl<T> Field<T> {
    /// The value, if there is one.
    pub fn get(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            _ => None,
        }
    }

    /// The value, if there is one.
    pub fn into_value(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            _ => None,
        }
    }

    /// Whether the server did not send the field.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// Whether the server sent `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }
}

impl<T: AsRef<str>> Field<T> {
    /// The text, if there is one.
    pub fn as_str(&self) -> Option<&str> {
        self.get().map(AsRef::as_ref)
    }
}

/// Displays the value; otherwise `null`, `(absent)`, or the JSON that the server sent instead.
impl<T: fmt::Display> fmt::Display for Field<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(value) => value.fmt(f),
            Self::Null => f.pad("null"),
            Self::Absent => f.pad("(absent)"),
            Self::Unexpected(json) => f.pad(&json.to_string()),
        }
    }
}

impl<T> From<T> for Field<T> {
    fn from(value: T) -> Self {
        Self::Value(value)
    }
}

impl<T: PartialEq> PartialEq<T> for Field<T> {
    fn eq(&self, other: &T) -> bool {
        self.get() == Some(other)
    }
}

impl PartialEq<str> for Field<String> {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == Some(other)
    }
}

impl PartialEq<&str> for Field<String> {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == Some(other)
    }
}

/// Fields without a value are not ordered.
impl<T: PartialOrd> PartialOrd<T> for Field<T> {
    fn partial_cmp(&self, other: &T) -> Option<std::cmp::Ordering> {
        self.get().and_then(|value| value.partial_cmp(other))
    }
}

impl<T: FieldValue> Serialize for Field<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Value(value) => value.write(serializer),
            // An absent field is skipped by the object that holds it.
            Self::Null | Self::Absent => serializer.serialize_unit(),
            Self::Unexpected(json) => json.serialize(serializer),
        }
    }
}

#[cfg(feature = "schemars")]
impl<T: schemars::JsonSchema> schemars::JsonSchema for Field<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::schema_name()
    }
    fn schema_id() -> std::borrow::Cow<'static, str> {
        T::schema_id()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        T::json_schema(generator)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // tests
mod tests {
    use chrono::{DateTime, NaiveDate, Utc};
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(bound = "T: FieldValue")]
    struct Holder<T> {
        #[serde(default = "absent", skip_serializing_if = "Field::is_absent")]
        field: Field<T>,
    }

    fn absent<T>() -> Field<T> {
        Field::Absent
    }

    fn read<T: FieldValue>(json: &Value) -> Field<T> {
        serde_json::from_value::<Holder<T>>(json!({ "field": json }))
            .unwrap()
            .field
    }

    #[test]
    fn absent_null_and_a_value_are_three_things_in_both_directions() {
        for text in ["{}", r#"{"field":null}"#, r#"{"field":"x"}"#, r#"{"field":[1.5]}"#] {
            let held: Holder<String> = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&held).unwrap(), text);
        }
        assert_eq!(serde_json::from_str::<Holder<i64>>("{}").unwrap().field, Field::Absent);
        assert_eq!(read::<i64>(&Value::Null), Field::Null);
        assert_eq!(read::<i64>(&json!("x")), Field::Unexpected(json!("x")));
    }

    #[test]
    fn integers_are_exact_and_never_rounded() {
        assert_eq!(read::<i64>(&json!(i64::MAX)), Field::Value(i64::MAX));
        assert_eq!(read::<i64>(&json!(15620.0)), Field::Value(15620));
        assert_eq!(read::<i64>(&json!(10908.61)), Field::Unexpected(json!(10908.61)));
        assert_eq!(read::<i64>(&json!(1e300)), Field::Unexpected(json!(1e300)));
        assert_eq!(read::<i64>(&json!(u64::MAX)), Field::Unexpected(json!(u64::MAX)));
    }

    #[test]
    fn timestamps_are_read_in_every_known_form() {
        let noon: DateTime<Utc> = "2026-01-31T12:00:00Z".parse().unwrap();
        for text in [
            "2026-01-31T12:00:00.000Z",
            "2026-01-31T12:00:00Z",
            "2026-01-31T12:00:00+00:00",
            "2026-01-31T07:00:00-05:00",
            "2026-01-31 12:00:00 +0000",
            "2026-01-31 14:00:00 +0200",
            "2026-01-31 12:00:00 UTC",
            "2026-01-31 12:00:00",
            "2026-01-31T12:00:00",
        ] {
            assert_eq!(read::<DateTime<Utc>>(&json!(text)), Field::Value(noon), "{text}");
        }
        assert_eq!(
            read::<DateTime<Utc>>(&json!("2026-01-31")),
            Field::Value(noon - chrono::Duration::hours(12))
        );
        assert_eq!(read::<DateTime<Utc>>(&json!("soon")), Field::Unexpected(json!("soon")));
    }

    #[test]
    fn a_day_is_read_in_every_form() {
        let day: NaiveDate = "2026-03-31".parse().unwrap();
        for text in [
            "2026-03-31",
            "2026-03-31T00:00:00.000Z",
            "2026-03-31T00:00:00Z",
            "2026-03-31T00:00:00",
            "2026-03-31 00:00:00 UTC",
            "2026-03-31 00:00:00.000 UTC",
            "2026-03-31 00:00:00",
            "2026-03-31 00:00:00 +0000",
            // The day as written, not the day in UTC.
            "2026-03-31T00:00:00+02:00",
            "2026-03-31T00:00:00.000-05:00",
            "2026-03-31T00:00:00.000+0200",
        ] {
            assert_eq!(read::<NaiveDate>(&json!(text)), Field::Value(day), "{text}");
        }
        for text in [
            "2026-03-31T23:59:59.000Z",
            "2026-03-30T22:00:00.000Z",
            "2026-03-31T00:00:00.001Z",
            "2026-03-31T24:00:00Z",
            "2026-03-31T",
            "2026-02-30T00:00:00Z",
            "31.03.2026",
        ] {
            assert_eq!(
                read::<NaiveDate>(&json!(text)),
                Field::Unexpected(json!(text)),
                "{text}"
            );
        }
    }

    /// With every feature of `serde_json`, from text and from a `Value`.
    #[test]
    fn a_number_is_a_number_whatever_serde_json_makes_of_it() {
        fn both<T: FieldValue>(text: &str) -> Field<T> {
            let from_text: Field<T> = serde_json::from_str(text).unwrap();
            let value: Value = serde_json::from_str(text).unwrap();
            assert_eq!(
                json!(from_text),
                json!(Field::<T>::deserialize(value).unwrap()),
                "{text}"
            );
            from_text
        }
        assert_eq!(both::<i64>("20000.0"), Field::Value(20_000));
        assert_eq!(both::<i64>("20000.00"), Field::Value(20_000));
        assert_eq!(both::<i64>("2e4"), Field::Value(20_000));
        assert_eq!(both::<i64>("-5"), Field::Value(-5));
        assert_eq!(both::<f64>("2.56"), Field::Value(2.56));
        assert_eq!(both::<f64>("2.560"), Field::Value(2.56));
        assert_eq!(both::<f64>("3"), Field::Value(3.0));
        for text in [
            "2.5",
            "18446744073709551615",
            "18446744073709551616",
            "-170141183460469231731687303715884105728",
        ] {
            assert!(
                matches!(both::<i64>(text), Field::Unexpected(Value::Number(_))),
                "{text}"
            );
            assert!(both::<f64>(text).get().is_some(), "{text}");
            assert!(
                matches!(both::<String>(text), Field::Unexpected(Value::Number(_))),
                "{text}"
            );
            assert!(
                matches!(
                    both::<crate::types::Opportunity>(text),
                    Field::Unexpected(Value::Number(_))
                ),
                "{text}"
            );
            assert!(
                matches!(
                    both::<crate::CustomAttributes>(text),
                    Field::Unexpected(Value::Number(_))
                ),
                "{text}"
            );
        }
        let list: Field<crate::List<i64>> = both("[1,2.0,2.5,{}]");
        assert_eq!(list.get().map(|list| list.to_vec()), Some(vec![1, 2]));
    }

    /// The fast path and chrono return the same.
    #[test]
    fn days_and_instants_are_those_of_chrono() {
        for text in [
            "2026-01-31",
            "2024-02-29",
            "0000-01-01",
            "9999-12-31",
            "2026-02-29",
            "2026-13-01",
            "2026-00-10",
            "2026-1-31",
            "2026-01-3x",
            "+026-01-31",
            "",
        ] {
            let slow = text.parse::<NaiveDate>().ok();
            assert_eq!(read::<NaiveDate>(&json!(text)).into_value(), slow, "{text}");
            for time in [
                "00:00:00.000",
                "23:59:59.999",
                "23:59:60.000",
                "24:00:00.000",
                "12:60:00.000",
                "12:00:00.00x",
                "1:00:00.000",
            ] {
                let text = format!("{text}T{time}Z");
                let slow = DateTime::parse_from_rfc3339(&text).ok().map(|instant| instant.to_utc());
                assert_eq!(read::<DateTime<Utc>>(&json!(text)).into_value(), slow, "{text}");
            }
        }
    }

    #[test]
    fn timestamps_are_written_as_the_api_writes_them() {
        for text in [
            "2026-01-31T12:00:00.000Z",
            "2026-01-31T12:00:00.120Z",
            "2026-01-31T12:00:00.123456Z",
        ] {
            let held: Holder<DateTime<Utc>> = serde_json::from_value(json!({ "field": text })).unwrap();
            assert_eq!(serde_json::to_value(&held).unwrap(), json!({ "field": text }));
        }
    }

    #[test]
    fn a_field_compares_and_prints_like_its_value() {
        let stage = Field::Value("Discovery".to_owned());
        assert!(stage == "Discovery" && stage != "Evaluation");
        assert_eq!(
            format!("{stage:>10}|{:>6}|{}", Field::<i64>::Null, Field::<i64>::Absent),
            " Discovery|  null|(absent)"
        );
        assert!(Field::Value(5) > 4 && Field::Null.partial_cmp(&4).is_none());
    }
}
