//! Instants, in the forms that the API accepts.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};

/// The default zone is UTC, the default time midnight: `2026-01-31T12:00:00`, `2026-01-31 12:00:00 +0300`.
pub(crate) fn instant(text: &str) -> Option<DateTime<Utc>> {
    let day = day(text.get(..10)?)?;
    if text.len() == 10 {
        return Some(day.and_time(NaiveTime::MIN).and_utc());
    }
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Some(instant.to_utc());
    }
    for format in ["%Y-%m-%dT%H:%M:%S%.f%z", "%Y-%m-%d %H:%M:%S%.f %z"] {
        if let Ok(instant) = DateTime::parse_from_str(text, format) {
            return Some(instant.to_utc());
        }
    }
    let text = text.strip_suffix(" UTC").unwrap_or(text);
    let local = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"]
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    Some(local?.and_utc())
}

/// A day such as `2026-01-31`; `2026-1-31`, which chrono accepts, is rejected.
pub(crate) fn day(text: &str) -> Option<NaiveDate> {
    text.parse().ok().filter(|day: &NaiveDate| day.to_string() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_the_same_instant() {
        for text in [
            "2026-01-31T12:00:00Z",
            "2026-01-31T14:00:00.000+02:00",
            "2026-01-31 12:00:00 UTC",
            "2026-01-31T12:00:00",
            "2026-01-31T12:00:00.000",
            "2026-01-31T12:00:00+0000",
            "2026-01-31T15:00:00.000+0300",
            "2026-01-31 12:00:00",
            "2026-01-31 12:00:00.000",
            "2026-01-31 15:00:00 +0300",
        ] {
            assert_eq!(
                instant(text).unwrap().to_rfc3339(),
                "2026-01-31T12:00:00+00:00",
                "{text}"
            );
        }
        assert_eq!(instant("2026-01-31").unwrap().to_rfc3339(), "2026-01-31T00:00:00+00:00");
        for odd in [
            "someday",
            "2026-1-31",
            "2026-01-31 UTC",
            "2026-1-31T12:00:00Z",
            "2026-1-31 12:00:00",
            "2026-01-3é",
        ] {
            assert_eq!(instant(odd), None, "{odd}");
        }
    }
}
