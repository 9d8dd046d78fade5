use std::fmt;

use chrono::{DateTime, NaiveDate, SecondsFormat, TimeZone, Utc};
use serde::{Serialize, Serializer};

/// An instant in a request, or a day where the API takes either: created from a [`DateTime`] of any time zone, a
/// [`NaiveDate`], or text such as `2026-01-31T12:00:00Z`.
///
/// Text is validated with the rest of the request, before anything is sent. It is sent as it is; a [`DateTime`] is
/// sent in UTC, to the millisecond.
///
/// ```
/// use chartmogul_api::Timestamp;
///
/// let noon = chrono::DateTime::parse_from_rfc3339("2026-01-31T13:00:00+01:00")?;
/// assert_eq!(Timestamp::from(noon).to_string(), "2026-01-31T12:00:00.000Z");
/// # Ok::<(), chrono::ParseError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timestamp(Kind);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Instant(DateTime<Utc>),
    Day(NaiveDate),
    Text(String),
}

impl<Tz: TimeZone> From<DateTime<Tz>> for Timestamp {
    fn from(instant: DateTime<Tz>) -> Self {
        Self(Kind::Instant(instant.to_utc()))
    }
}

impl From<NaiveDate> for Timestamp {
    fn from(day: NaiveDate) -> Self {
        Self(Kind::Day(day))
    }
}

impl From<String> for Timestamp {
    fn from(text: String) -> Self {
        Self(Kind::Text(text))
    }
}

impl From<&String> for Timestamp {
    fn from(text: &String) -> Self {
        text.clone().into()
    }
}

impl From<&str> for Timestamp {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Instant(instant) => f.pad(&instant.to_rfc3339_opts(SecondsFormat::Millis, true)),
            Kind::Day(day) => day.fmt(f),
            Kind::Text(text) => f.pad(text),
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(feature = "schemars")]
impl schemars::JsonSchema for Timestamp {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Timestamp".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "date-time" })
    }
}
