use std::fmt;

use chrono::NaiveDate;
use serde::{Serialize, Serializer};

/// A calendar day in a request, created from a [`NaiveDate`] or from text such as `2026-01-31`.
///
/// Text is validated with the rest of the request, before anything is sent.
///
/// ```
/// use chartmogul_api::Date;
///
/// let day = chrono::NaiveDate::from_ymd_opt(2026, 1, 31).unwrap_or_default();
/// assert_eq!(Date::from(day), Date::from("2026-01-31"));
/// ```
#[derive(Clone)]
pub struct Date(Kind);

#[derive(Clone)]
enum Kind {
    Day(NaiveDate),
    Text(String),
}

impl From<NaiveDate> for Date {
    fn from(day: NaiveDate) -> Self {
        Self(Kind::Day(day))
    }
}

impl From<String> for Date {
    fn from(text: String) -> Self {
        Self(Kind::Text(text))
    }
}

impl From<&String> for Date {
    fn from(text: &String) -> Self {
        text.clone().into()
    }
}

impl From<&str> for Date {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Day(day) => day.fmt(f),
            Kind::Text(text) => f.pad(text),
        }
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Date({self})")
    }
}

/// Two are equal if the same is sent for them.
impl PartialEq for Date {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Kind::Day(day), Kind::Day(other)) => day == other,
            (Kind::Text(text), Kind::Text(other)) => text == other,
            (Kind::Day(day), Kind::Text(text)) | (Kind::Text(text), Kind::Day(day)) => day.to_string() == *text,
        }
    }
}

impl Eq for Date {}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Kind::Day(day) => serializer.collect_str(day),
            Kind::Text(text) => serializer.serialize_str(text),
        }
    }
}

#[cfg(feature = "schemars")]
impl schemars::JsonSchema for Date {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Date".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "date" })
    }
}
