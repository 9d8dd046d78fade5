use std::{fmt, marker::PhantomData};

use chrono::{DateTime, NaiveDate, NaiveDateTime, SecondsFormat, Utc};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{
        Error as _, MapAccess, SeqAccess, Visitor,
        value::{MapAccessDeserializer, SeqAccessDeserializer},
    },
};
use serde_json::Value;

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
    /// The server sent something else: another type, or a date in an unknown format.
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
    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Field<T>, A::Error> {
        T::from_object(object)
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
    fn from_scalar(scalar: Scalar<'_>) -> Option<Self> {
        match scalar {
            Scalar::Text(text) => day(text.as_bytes()).or_else(|| text.parse().ok()),
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

/// `2026-01-31`. What chrono does for every form that there is takes several times as long, and a list is full of days.
fn day(text: &[u8]) -> Option<NaiveDate> {
    match text {
        [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1] => {
            let year = i32::try_from(number(&[*y0, *y1, *y2, *y3])?).ok()?;
            NaiveDate::from_ymd_opt(year, number(&[*m0, *m1])?, number(&[*d0, *d1])?)
        }
        _ => None,
    }
}

/// `2026-01-31T12:00:00.000Z`, for the same reason.
fn instant(text: &[u8]) -> Option<DateTime<Utc>> {
    match text.strip_suffix(b"Z")? {
        [date @ .., b'T', h0, h1, b':', m0, m1, b':', s0, s1, b'.', f0, f1, f2] => {
            let time = [[*h0, *h1], [*m0, *m1], [*s0, *s1]];
            let [hour, minute, second] = [number(&time[0])?, number(&time[1])?, number(&time[2])?];
            let instant = day(date)?.and_hms_milli_opt(hour, minute, second, number(&[*f0, *f1, *f2])?)?;
            Some(instant.and_utc())
        }
        _ => None,
    }
}

fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |number, digit| {
        digit.is_ascii_digit().then(|| number * 10 + u32::from(digit - b'0'))
    })
}

pub(crate) fn timestamp(text: &str) -> Option<DateTime<Utc>> {
    if let Some(instant) = instant(text.as_bytes()) {
        return Some(instant);
    }
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Some(instant.to_utc());
    }
    if let Ok(instant) = DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S %z") {
        return Some(instant.to_utc());
    }
    let text = text.strip_suffix(" UTC").unwrap_or(text);
    ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S%.f"]
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
        .or_else(|| text.parse::<NaiveDate>().ok()?.and_hms_opt(0, 0, 0))
        .map(|local| local.and_utc())
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
