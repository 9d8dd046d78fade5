//! Instants, in the forms that the API is known to take.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};

/// What has no zone is UTC, what has no time is midnight: `2026-01-31 12:00:00 UTC`, `2026-01-31 12:00:00 +0300`.
pub(crate) fn instant(text: &str) -> Option<DateTime<Utc>> {
    let text = text.strip_suffix(" UTC").unwrap_or(text);
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Some(instant.to_utc());
    }
    if let Ok(instant) = DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S %z") {
        return Some(instant.to_utc());
    }
    let local = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").ok();
    let midnight = || text.parse::<NaiveDate>().ok()?.and_hms_opt(0, 0, 0);
    Some(local.or_else(midnight)?.and_utc())
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
            "2026-01-31 12:00:00",
            "2026-01-31 15:00:00 +0300",
        ] {
            assert_eq!(
                instant(text).unwrap().to_rfc3339(),
                "2026-01-31T12:00:00+00:00",
                "{text}"
            );
        }
        assert_eq!(instant("2026-01-31").unwrap().to_rfc3339(), "2026-01-31T00:00:00+00:00");
        assert_eq!(instant("someday"), None);
    }
}
