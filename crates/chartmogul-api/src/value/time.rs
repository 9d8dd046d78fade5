//! Parses days and instants, for every field that has one of these types in the document.

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Utc};

/// A calendar day: `2026-01-31`, or a timestamp at midnight, which the API has also sent.
///
/// The day is the one that is written: `2026-01-31T00:00:00+02:00` is the 31st. Any other time of day is not a day, because
/// the day would depend on an unknown time zone.
pub(crate) fn day(text: &str) -> Option<NaiveDate> {
    plain_day(text.as_bytes()).or_else(|| text.parse().ok()).or_else(|| {
        let written = written(text)?;
        (written.time() == NaiveTime::MIN).then(|| written.date_naive())
    })
}

/// An instant, in every form that the API is known to send. Without a zone it is UTC, without a time it is midnight.
pub(crate) fn timestamp(text: &str) -> Option<DateTime<Utc>> {
    plain_instant(text.as_bytes()).or_else(|| Some(written(text)?.to_utc()))
}

/// Date, time of day and offset, as written.
fn written(text: &str) -> Option<DateTime<FixedOffset>> {
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Some(instant);
    }
    for format in ["%Y-%m-%d %H:%M:%S%.f %z", "%Y-%m-%dT%H:%M:%S%.f%z"] {
        if let Ok(instant) = DateTime::parse_from_str(text, format) {
            return Some(instant);
        }
    }
    let text = text.strip_suffix(" UTC").unwrap_or(text);
    ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f"]
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
        .or_else(|| text.parse::<NaiveDate>().ok()?.and_hms_opt(0, 0, 0))
        .map(|local| local.and_utc().fixed_offset())
}

/// `2026-01-31`. A fast path, because lists contain many days: chrono's parser for all forms takes several times as
/// long.
pub(crate) fn plain_day(text: &[u8]) -> Option<NaiveDate> {
    match text {
        [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1] => {
            let year = i32::try_from(number(&[*y0, *y1, *y2, *y3])?).ok()?;
            NaiveDate::from_ymd_opt(year, number(&[*m0, *m1])?, number(&[*d0, *d1])?)
        }
        _ => None,
    }
}

/// `2026-01-31T12:00:00.000Z`, for the same reason.
fn plain_instant(text: &[u8]) -> Option<DateTime<Utc>> {
    match text.strip_suffix(b"Z")? {
        [date @ .., b'T', h0, h1, b':', m0, m1, b':', s0, s1, b'.', f0, f1, f2] => {
            let time = [[*h0, *h1], [*m0, *m1], [*s0, *s1]];
            let [hour, minute, second] = [number(&time[0])?, number(&time[1])?, number(&time[2])?];
            let instant = plain_day(date)?.and_hms_milli_opt(hour, minute, second, number(&[*f0, *f1, *f2])?)?;
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
