use std::{fmt, marker::PhantomData};

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{
        DeserializeSeed, Error as _, IntoDeserializer as _, MapAccess, SeqAccess, Visitor,
        value::{BorrowedStrDeserializer, MapAccessDeserializer, SeqAccessDeserializer},
    },
};
use serde_json::{Number, Value};

pub(crate) use super::time::timestamp;
use super::{json, time};

/// One member of an answer: its value, or what the server sent in its place.
///
/// ChartMogul's answers have changed over the years: members became `null`, appeared, disappeared. A `Field` keeps
/// absent, `null` and a value apart, never lets one member spoil the rest of an answer, and writes back
/// what it read: integers of 64 bit exactly, other numbers to the precision of `f64`, timestamps as the same instant in UTC.
///
/// It prints, compares and orders like the value:
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
/// In a request it says the same three things: `Absent` leaves a value alone, `Null` clears it, `Value` sets it.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Field<T> {
    /// The documented value.
    Value(T),
    /// The server sent `null`.
    Null,
    /// The server left it out.
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

    /// Whether the server left the member out.
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

/// Prints the value as it prints itself; `null`, `(absent)`, or the JSON that the server sent in its place.
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

/// Without a value there is no order.
impl<T: PartialOrd> PartialOrd<T> for Field<T> {
    fn partial_cmp(&self, other: &T) -> Option<std::cmp::Ordering> {
        self.get().and_then(|value| value.partial_cmp(other))
    }
}

/// A text, a number or a truth value in an answer.
#[derive(Debug, Clone, Copy)]
pub enum Scalar<'a> {
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number of 64 bit.
    Integer(i64),
    /// A whole number beyond.
    Large(u64),
    /// Any other number.
    Decimal(f64),
    /// Text.
    Text(&'a str),
}

impl From<Scalar<'_>> for Value {
    fn from(scalar: Scalar<'_>) -> Self {
        match scalar {
            Scalar::Boolean(truth) => truth.into(),
            Scalar::Integer(number) => number.into(),
            Scalar::Large(number) => number.into(),
            Scalar::Decimal(number) => number.into(),
            Scalar::Text(text) => text.into(),
        }
    }
}

/// A type that a [`Field`] can hold: how it is read from JSON, and written back.
///
/// Reading goes straight from the text to the value; only what is something else than expected becomes a [`Value`].
///
/// Implemented for the types that occur in answers; not meant to be implemented elsewhere.
pub trait FieldValue: Sized + Serialize {
    /// The value, if this is one.
    fn from_scalar(_: Scalar<'_>) -> Option<Self> {
        None
    }

    /// Reads a JSON array. Fails if the JSON does, and for nothing else.
    fn from_list<'de, A: SeqAccess<'de>>(list: A) -> Result<Field<Self>, A::Error> {
        Value::deserialize(SeqAccessDeserializer::new(list)).map(Field::Unexpected)
    }

    /// Reads a JSON object. Fails if the JSON does, or if it lacks the one thing that it is about.
    fn from_object<'de, A: MapAccess<'de>>(object: A) -> Result<Field<Self>, A::Error> {
        Value::deserialize(MapAccessDeserializer::new(object)).map(Field::Unexpected)
    }

    /// Writes the value as the API writes it.
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.serialize(serializer)
    }
}

impl<'de, T: FieldValue> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Read(PhantomData))
    }
}

struct Read<T>(PhantomData<T>);

impl<T: FieldValue> Read<T> {
    fn scalar(scalar: Scalar<'_>) -> Field<T> {
        T::from_scalar(scalar).map_or_else(|| Field::Unexpected(scalar.into()), Field::Value)
    }

    /// Through what a number says of itself, whatever it is made of.
    fn number(number: Number) -> Field<T> {
        let scalar = if let Some(integer) = number.as_i64() {
            Some(Scalar::Integer(integer))
        } else if let Some(large) = number.as_u64() {
            Some(Scalar::Large(large))
        } else {
            number.as_f64().map(Scalar::Decimal)
        };
        scalar
            .and_then(T::from_scalar)
            .map_or_else(|| Field::Unexpected(number.into()), Field::Value)
    }
}

impl<'de, T: FieldValue> Visitor<'de> for Read<T> {
    type Value = Field<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }
    fn visit_bool<E>(self, truth: bool) -> Result<Field<T>, E> {
        Ok(Self::scalar(Scalar::Boolean(truth)))
    }
    fn visit_i64<E>(self, number: i64) -> Result<Field<T>, E> {
        Ok(Self::scalar(Scalar::Integer(number)))
    }
    fn visit_u64<E>(self, number: u64) -> Result<Field<T>, E> {
        Ok(Self::scalar(
            i64::try_from(number).map_or(Scalar::Large(number), Scalar::Integer),
        ))
    }
    #[allow(clippy::cast_precision_loss)] // where a `Number` can't hold it either
    fn visit_i128<E>(self, number: i128) -> Result<Field<T>, E> {
        let exact = Number::from_i128(number).map(Self::number);
        Ok(exact.unwrap_or_else(|| Self::scalar(Scalar::Decimal(number as f64))))
    }
    #[allow(clippy::cast_precision_loss)]
    fn visit_u128<E>(self, number: u128) -> Result<Field<T>, E> {
        let exact = Number::from_u128(number).map(Self::number);
        Ok(exact.unwrap_or_else(|| Self::scalar(Scalar::Decimal(number as f64))))
    }
    fn visit_f64<E>(self, number: f64) -> Result<Field<T>, E> {
        Ok(Self::scalar(Scalar::Decimal(number)))
    }
    fn visit_str<E>(self, text: &str) -> Result<Field<T>, E> {
        Ok(Self::scalar(Scalar::Text(text)))
    }
    fn visit_unit<E>(self) -> Result<Field<T>, E> {
        Ok(Field::Null)
    }
    fn visit_none<E>(self) -> Result<Field<T>, E> {
        Ok(Field::Null)
    }
    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Field<T>, D::Error> {
        Field::deserialize(deserializer)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Field<T>, A::Error> {
        T::from_list(list)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Field<T>, A::Error> {
        let first = object.next_key::<Name<'de>>()?;
        // If any crate of the program switches on `serde_json/arbitrary_precision`, numbers come as maps with a private
        // name. What they mean is the business of serde_json, so its own type reads them.
        let is_special = first.as_ref().is_some_and(|name| {
            let name = name.as_str();
            name.starts_with(json::PRIVATE) || name == json::UNREADABLE
        });
        let object = Members { first, rest: object };
        if !is_special {
            return T::from_object(object);
        }
        Ok(match Value::deserialize(MapAccessDeserializer::new(object))? {
            Value::Number(number) => Self::number(number),
            other => Field::Unexpected(other),
        })
    }
}

/// An object whose first name was looked at.
struct Members<'de, A> {
    first: Option<Name<'de>>,
    rest: A,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Members<'de, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        match self.first.take() {
            Some(Name::Borrowed(name)) => seed.deserialize(BorrowedStrDeserializer::new(name)).map(Some),
            Some(Name::Owned(name)) => seed.deserialize(name.into_deserializer()).map(Some),
            None => self.rest.next_key_seed(seed),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.rest.next_value_seed(seed)
    }

    fn size_hint(&self) -> Option<usize> {
        let rest = self.rest.size_hint()?;
        rest.checked_add(usize::from(self.first.is_some()))
    }
}

/// Reads what can't be missing. The error does not quote what came instead: it may be a customer's.
pub(crate) fn expect<'de, T: FieldValue, D: Deserializer<'de>>(deserializer: D, what: &str) -> Result<T, D::Error> {
    match Field::deserialize(deserializer)? {
        Field::Value(value) => Ok(value),
        Field::Null => Err(D::Error::custom(format_args!("expected {what}, found null"))),
        _ => Err(D::Error::custom(format_args!("expected {what}, found something else"))),
    }
}

/// The name of a member; borrowed from the answer where that is possible, because most names are only compared.
pub(crate) enum Name<'de> {
    Borrowed(&'de str),
    Owned(String),
}

impl Name<'_> {
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Borrowed(name) => name,
            Self::Owned(name) => name,
        }
    }
}

impl From<Name<'_>> for String {
    fn from(name: Name<'_>) -> Self {
        match name {
            Name::Borrowed(name) => name.to_owned(),
            Name::Owned(name) => name,
        }
    }
}

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Name<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a member")
            }
            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Name<'de>, E> {
                Ok(Name::Borrowed(name))
            }
            fn visit_str<E>(self, name: &str) -> Result<Name<'de>, E> {
                Ok(Name::Owned(name.to_owned()))
            }
            fn visit_string<E>(self, name: String) -> Result<Name<'de>, E> {
                Ok(Name::Owned(name))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

impl<T: FieldValue> Serialize for Field<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Value(value) => value.write(serializer),
            // An absent member is skipped by the object that holds it.
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

impl FieldValue for String {
    fn from_scalar(scalar: Scalar<'_>) -> Option<Self> {
        match scalar {
            Scalar::Text(text) => Some(text.to_owned()),
            _ => None,
        }
    }
}

impl FieldValue for bool {
    fn from_scalar(scalar: Scalar<'_>) -> Option<Self> {
        match scalar {
            Scalar::Boolean(truth) => Some(truth),
            _ => None,
        }
    }
}

impl FieldValue for f64 {
    #[allow(clippy::cast_precision_loss)] // what a decimal number is
    fn from_scalar(scalar: Scalar<'_>) -> Option<Self> {
        match scalar {
            Scalar::Decimal(number) => Some(number),
            Scalar::Integer(number) => Some(number as f64),
            Scalar::Large(number) => Some(number as f64),
            _ => None,
        }
    }
}

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

impl FieldValue for NaiveDate {
    /// Also a timestamp at midnight, which has come in place of a day.
    fn from_scalar(scalar: Scalar<'_>) -> Option<Self> {
        match scalar {
            Scalar::Text(text) => time::day(text),
            _ => None,
        }
    }
}

impl FieldValue for DateTime<Utc> {
    /// Reads every form that the API is known to send; what has no zone is UTC, what has no time is midnight.
    fn from_scalar(scalar: Scalar<'_>) -> Option<Self> {
        match scalar {
            Scalar::Text(text) => timestamp(text),
            _ => None,
        }
    }

    /// `2026-01-31T12:00:00.000Z`, as the API writes it; more digits only where they say something.
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let format = if self.timestamp_subsec_nanos().is_multiple_of(1_000_000) {
            SecondsFormat::Millis
        } else {
            SecondsFormat::AutoSi
        };
        self.to_rfc3339_opts(format, true).serialize(serializer)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // tests
mod tests {
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
            // The day that is written, not the one that it is in Greenwich.
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

    /// The short way and chrono's lead to the same.
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
