//! Which days and instants may be meant by a text that a person or a spreadsheet wrote.

use chartmogul::chartmogul_api::chrono::{Days, NaiveDate, NaiveTime};

use super::numbers::is_plain;

/// The days that a text may stand for.
pub(super) fn days_meant(text: &str) -> Vec<String> {
    let text = text.trim().trim_start_matches('\'');
    if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') && !text.is_empty() {
        let whole = text.split_once('.').map_or(text, |(whole, _)| whole);
        if let Some(day) = serial_day(whole).filter(|_| text.matches('.').count() < 2) {
            return vec![day];
        }
        if let (8, Some((year, rest))) = (text.len(), text.split_at_checked(4)) {
            return date(year, &rest[..2], &rest[2..]).into_iter().collect();
        }
    }
    // A time of day may follow.
    let cut = text
        .find('T')
        .filter(|at| text.as_bytes().get(at.wrapping_sub(1)).is_some_and(u8::is_ascii_digit));
    let text = cut.map_or(text, |at| &text[..at]);
    let text = match text.split_once(' ') {
        Some((day, time)) if time.contains(':') && day.contains(['/', '.', '-']) => day,
        _ => text,
    };
    let parts: Vec<&str> = text
        .split(['/', '.', '-', ' ', ','])
        .filter(|part| !part.is_empty())
        .collect();
    let [one, two, three] = parts.as_slice() else {
        return Vec::new();
    };
    let named = [one, two].into_iter().find_map(|part| month(part));
    if let Some(month) = named {
        let day = if one.bytes().all(|byte| byte.is_ascii_digit()) {
            one
        } else {
            two
        };
        return date(three, &month, day).into_iter().collect();
    }
    if one.len() == 4 {
        return date(one, two, three).into_iter().collect();
    }
    let by_day = date(three, two, one);
    let by_month = date(three, one, two);
    // With dots, the day comes first.
    let by_month = by_month.filter(|_| !text.contains('.'));
    let mut meant: Vec<String> = by_month.into_iter().chain(by_day).collect();
    meant.dedup();
    meant
}

/// The instants that a text may stand for, in UTC; a day without a time is midnight.
pub(super) fn instants_meant(text: &str) -> Vec<String> {
    let days = days_meant(text);
    let text = text.trim().trim_start_matches('\'');
    let time = match text.split_once([' ', 'T']).filter(|(_, time)| time.contains(':')) {
        Some((_, time)) => ["%H:%M:%S", "%H:%M"]
            .iter()
            .find_map(|form| NaiveTime::parse_from_str(time, form).ok()),
        // In Excel's serial numbers, the fraction is the time of day.
        None if is_plain(text) => serial_time(text),
        None => Some(NaiveTime::MIN),
    };
    let Some(time) = time else { return Vec::new() };
    days.iter()
        .map(|day| format!("{day}T{}Z", time.format("%H:%M:%S")))
        .collect()
}

/// The time of day of an Excel serial number.
fn serial_time(text: &str) -> Option<NaiveTime> {
    let decimals: f64 = format!("0.{}", text.split_once('.').map_or("0", |(_, decimals)| decimals))
        .parse()
        .ok()?;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // from 0 to 86400
    let seconds = (decimals * 86_400.0).round() as u32;
    NaiveTime::from_num_seconds_from_midnight_opt(seconds, 0)
}

/// The day of an Excel serial number.
fn serial_day(text: &str) -> Option<String> {
    let number: u64 = text.parse().ok().filter(|number| (20_000..80_000).contains(number))?;
    let first = NaiveDate::from_ymd_opt(1899, 12, 30)?;
    Some(first.checked_add_days(Days::new(number))?.to_string())
}

fn date(year: &str, month: &str, day: &str) -> Option<String> {
    let number = |text: &str| {
        text.parse::<u32>()
            .ok()
            .filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let year = match year.len() {
        2 => 2000 + i32::try_from(number(year)?).ok()?,
        4 => i32::try_from(number(year)?).ok()?,
        _ => return None,
    };
    let (month, day) = (number(month)?, number(day)?);
    NaiveDate::from_ymd_opt(year, month, day).map(|day| day.to_string())
}

fn month(text: &str) -> Option<String> {
    const MONTHS: [&str; 12] = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ];
    let start = text.get(..3)?.to_lowercase();
    let at = MONTHS.iter().position(|month| *month == start)?;
    Some((at + 1).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_told_as_days_are() {
        for (text, meant) in [
            ("5/1/2026", &["2026-05-01T00:00:00Z", "2026-01-05T00:00:00Z"][..]),
            ("46112", &["2026-03-31T00:00:00Z"]),
            ("46112.5", &["2026-03-31T12:00:00Z"]),
            ("2026-05-01 10:00", &["2026-05-01T10:00:00Z"]),
            ("2026-05-01T10:00:30", &["2026-05-01T10:00:30Z"]),
            ("5/13/2026 2:30 PM", &[]),
            ("soon", &[]),
        ] {
            assert_eq!(instants_meant(text), meant, "{text}");
        }
    }
}
