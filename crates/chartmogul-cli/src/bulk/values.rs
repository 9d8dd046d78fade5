//! From the text of a cell to a value. Nothing is guessed: an ambiguous text is rejected, with what could be meant.

use chartmogul::chartmogul_api::chrono::{Days, NaiveDate, NaiveTime};
use serde_json::Value;

use crate::flags::Kind;

/// Why a cell is not a valid value, and what was probably meant, if known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) must: String,
    pub(crate) meant: Option<String>,
}

impl Wrong {
    pub(super) fn new(must: impl Into<String>, meant: Option<String>) -> Self {
        let must = must.into();
        Self { must, meant }
    }
}

/// The value of a cell that is not empty, for a field of this kind.
pub(super) fn value(kind: Kind, is_day: bool, text: &str) -> Result<Value, Wrong> {
    match kind {
        Kind::Boolean => boolean(text).map(Value::Bool),
        Kind::Integer => integer(text),
        Kind::Number => number(text),
        Kind::Text if is_day => day(text).map(Value::String),
        Kind::Text => Ok(text.into()),
        Kind::Scalar => Ok(crate::arguments::inferred(text)),
        Kind::Texts => texts(text),
        Kind::Attributes(_) | Kind::Merge | Kind::Money | Kind::Json => json(text),
    }
}

fn json(text: &str) -> Result<Value, Wrong> {
    crate::json::parse(text).map_err(|what| Wrong::new(format!("must be JSON: {what}"), None))
}

fn texts(text: &str) -> Result<Value, Wrong> {
    let list: Vec<String> = serde_json::from_str(text).map_err(|_| {
        let items: Vec<_> = text
            .split([',', ';'])
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .collect();
        let meant = (!text.starts_with('[')).then(|| Value::from(items).to_string());
        Wrong::new("must be a JSON list of texts", meant)
    })?;
    Ok(list.into())
}

/// Spreadsheets write truth values in capital letters.
fn boolean(text: &str) -> Result<bool, Wrong> {
    match text {
        "true" | "TRUE" => Ok(true),
        "false" | "FALSE" => Ok(false),
        _ => {
            let meant = match text.to_lowercase().as_str() {
                "true" | "yes" | "y" | "1" | "x" | "on" | "ja" | "oui" | "si" | "wahr" | "vrai" => Some("true"),
                "false" | "no" | "n" | "0" | "off" | "nein" | "non" | "falsch" | "faux" => Some("false"),
                _ => None,
            };
            Err(Wrong::new("must be true or false", meant.map(str::to_owned)))
        }
    }
}

fn integer(text: &str) -> Result<Value, Wrong> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let must = "must be a whole number, without decimals, separators or a unit";
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let whole = |number: &String| match number.split_once('.') {
            Some((whole, decimals)) if decimals.bytes().all(|byte| byte == b'0') => Some(whole.to_owned()),
            Some(_) => None,
            None => Some(number.clone()),
        };
        let meant: Vec<_> = numbers_meant(text).iter().filter_map(whole).collect();
        return Err(Wrong::new(must, either(&meant)));
    }
    let number: i64 = text.parse().map_err(|_| Wrong::new("must be a 64-bit integer", None))?;
    Ok(number.into())
}

/// A field in cents. What is formatted as amounts are may be in units: advice to leave the decimals out would make it a hundred times
/// smaller. `units` is what takes amounts in units, such as "name the column `amount`".
pub(crate) fn whole_cents(text: &str, units: Option<&str>) -> Result<Value, Wrong> {
    let wrong = match integer(text) {
        Err(wrong) if !is_signed(text) => wrong,
        done => return done,
    };
    // Most currencies have two decimals.
    let of_units = |number: &String| crate::money::to_cents(number, "EUR").ok();
    let Some(cents) = numbers_meant(text).iter().find_map(of_units) else {
        return Err(wrong);
    };
    let units = units.map(|units| format!("; {units}")).unwrap_or_default();
    let must = format!("must be a whole number of cents, and looks like units of a currency{units}");
    let whole = wrong.meant.map(|whole| format!(", or {whole} if it is cents already"));
    let meant = format!("{cents} if it is units with two decimals{}", whole.unwrap_or_default());
    Err(Wrong::new(must, Some(meant)))
}

/// Digits with nothing but a sign, as people and spreadsheets write it.
fn is_signed(text: &str) -> bool {
    let digits = text.trim_matches(|c: char| is_space(c) || matches!(c, '\'' | '+' | '-' | '\u{2212}' | '(' | ')'));
    digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn number(text: &str) -> Result<Value, Wrong> {
    let must = || Wrong::new("must be a number such as 12.5", either(&numbers_meant(text)));
    if !is_plain(text) {
        return Err(must());
    }
    // JSON has no zeros in front.
    let zeros = text.bytes().take_while(|byte| *byte == b'0').count();
    let text = match text.as_bytes().get(zeros) {
        Some(byte) if byte.is_ascii_digit() => &text[zeros..],
        _ => &text[zeros.saturating_sub(1)..],
    };
    let digits = || {
        Wrong::new(
            "has more digits than can be kept exactly; round it, or make it a text",
            None,
        )
    };
    crate::json::number(text).map(Value::Number).ok_or_else(digits)
}

/// Digits, a point before decimals, a minus before all.
pub(super) fn is_plain(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, "0"));
    let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    are_digits(whole) && are_digits(decimals)
}

/// An amount in units of its currency, in cents.
pub(super) fn cents(text: &str, currency: &str) -> Result<i64, Wrong> {
    crate::money::to_cents(text, currency).map_err(|said| {
        // The value is shown in front of it.
        let must = said.strip_prefix(&format!("{text:?} ")).unwrap_or(&said);
        let mut meant = match text.split_once('.') {
            // One point before three digits may stand between thousands.
            Some((whole, rest)) if is_plain(text) && rest.len() == 3 && whole != "0" => {
                let kept = rest.trim_end_matches('0');
                vec![
                    format!("{whole}{rest}"),
                    format!("{whole}.{kept}").trim_end_matches('.').to_owned(),
                ]
            }
            _ => numbers_meant(text),
        };
        meant.retain(|number| number != text && crate::money::to_cents(number, currency).is_ok());
        Wrong::new(must, either(&meant))
    })
}

fn day(text: &str) -> Result<String, Wrong> {
    let is_written = text.len() == 10
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    if is_written && text.parse::<NaiveDate>().is_ok() {
        return Ok(text.to_owned());
    }
    let must = if is_written {
        "must be a day of the calendar"
    } else {
        "must be a day such as 2026-03-31"
    };
    Err(Wrong::new(must, either(&days_meant(text))))
}

/// `1250`, or `1250 or 1.250, whichever is meant`.
pub(super) fn either(meant: &[String]) -> Option<String> {
    match meant {
        [] => None,
        [one] => Some(one.clone()),
        some => Some(format!("{}, whichever is meant", some.join(" or "))),
    }
}

/// What a text is that a spreadsheet shows in place of a value it does not have.
pub(super) fn spreadsheet_error(text: &str) -> bool {
    const ERRORS: [&str; 9] = [
        "#REF!",
        "#N/A",
        "#VALUE!",
        "#NAME?",
        "#DIV/0!",
        "#NUM!",
        "#NULL!",
        "#SPILL!",
        "#GETTING_DATA",
    ];
    ERRORS.contains(&text) || text.len() > 2 && text.bytes().all(|byte| byte == b'#')
}

/// An invisible character, and its name.
pub(super) fn invisible(text: &str) -> Option<String> {
    let found = text.chars().find_map(|c| {
        let name = match c {
            '\u{a0}' => "a no-break space",
            '\u{2007}' | '\u{202f}' => "a narrow no-break space",
            '\u{2000}'..='\u{200a}' | '\u{205f}' | '\u{3000}' | '\u{1680}' => "an unusual space",
            '\u{200b}' => "a zero width space",
            '\u{200c}' | '\u{200d}' | '\u{2060}' => "a zero width character",
            '\u{feff}' => "a byte order mark",
            '\u{ad}' => "a soft hyphen",
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}' => {
                "a mark of the writing direction"
            }
            '\n' | '\r' | '\t' => return None,
            c if c.is_control() => "a control character",
            _ => return None,
        };
        Some((c, name))
    });
    found.map(|(c, name)| format!("{name} (U+{:04X})", u32::from(c)))
}

/// Without invisible characters, and without spaces at the ends.
pub(super) fn visible(text: &str) -> String {
    let visible = |c: &char| invisible(c.encode_utf8(&mut [0; 4])).is_none() || matches!(c, '\n' | '\r' | '\t');
    text.chars().filter(visible).collect::<String>().trim().to_owned()
}

/// The numbers that a text may stand for: as people and spreadsheets write them, with separators, units and currencies.
pub(super) fn numbers_meant(text: &str) -> Vec<String> {
    let mut text = text.trim().trim_start_matches('\'').trim();
    let mut negative = false;
    if let Some(inner) = text.strip_prefix('(').and_then(|text| text.strip_suffix(')')) {
        (text, negative) = (inner.trim(), true); // as accountants write it
    }
    let is_number = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | '-' | '+' | '\u{2212}');
    // A currency or a percent sign on either side.
    let (Some(from), Some(to)) = (text.find(is_number), text.rfind(is_number)) else {
        return Vec::new();
    };
    let is_last = |c: char| c.len_utf8() + to;
    let end = text[to..].chars().next().map_or(text.len(), is_last);
    let (before, number, after) = (&text[..from], &text[from..end], &text[end..]);
    let is_unit = |unit: &str| {
        let unit = unit.trim_matches(is_space);
        let is_code = || crate::money::decimals(&unit.to_uppercase()).is_ok();
        unit.is_empty() || matches!(unit, "%" | "k" | "K") || unit.chars().all(is_currency) || is_code()
    };
    if !is_unit(before) || !is_unit(after) {
        return Vec::new();
    }
    let thousands = match after.trim_matches(is_space) {
        "k" | "K" => "000",
        _ => "",
    };
    let mut number = number;
    for minus in ['-', '\u{2212}'] {
        if let Some(rest) = number.strip_prefix(minus).or_else(|| number.strip_suffix(minus)) {
            (number, negative) = (rest, true);
        }
    }
    number = number.strip_prefix('+').unwrap_or(number).trim_matches(is_space);
    let number: String = number
        .chars()
        .map(|c| {
            if is_space(c) || matches!(c, '\'' | '\u{2019}' | '_') {
                ' '
            } else {
                c
            }
        })
        .collect();
    let sign = if negative { "-" } else { "" };
    let meant = plain_numbers(&number);
    meant
        .into_iter()
        .filter(|number| thousands.is_empty() || !number.contains('.'))
        .map(|number| format!("{sign}{number}{thousands}"))
        .collect()
}

fn is_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{a0}' | '\u{202f}' | '\u{2009}')
}

fn is_currency(c: char) -> bool {
    matches!(
        c,
        '$' | '£' | '¥' | '€' | '¢' | '₹' | '₩' | '₽' | '₺' | '₴' | '₫' | '฿' | '₪' | '₦' | '₱' | '₡'
    )
}

/// Digits with points, commas and spaces between them, as numbers.
fn plain_numbers(text: &str) -> Vec<String> {
    let groups: Vec<&str> = text.split([',', '.', ' ']).collect();
    if groups
        .iter()
        .any(|group| group.is_empty() || !group.bytes().all(|byte| byte.is_ascii_digit()))
    {
        return Vec::new();
    }
    let separators: Vec<char> = text.chars().filter(|c| !c.is_ascii_digit()).collect();
    let joined = groups.concat();
    let whole = |groups: &[&str]| groups.concat();
    let in_thousands = |groups: &[&str]| groups[0].len() <= 3 && groups[1..].iter().all(|group| group.len() == 3);
    let Some((last, others)) = separators.split_last() else {
        return vec![joined];
    };
    let Some((decimals, before)) = groups.split_last() else {
        return Vec::new();
    };
    let same = others.iter().all(|other| other == last);
    match (last, others) {
        (' ', _) if same && in_thousands(&groups) => vec![joined],
        (' ', _) => Vec::new(),
        // One mark: of thousands, or of decimals.
        (mark, []) if in_thousands(&groups) && decimals.len() == 3 && groups[0] != "0" => match mark {
            ',' => vec![joined, format!("{}.{decimals}", groups[0])],
            _ => vec![format!("{}.{decimals}", groups[0]), joined],
        },
        (_, []) => vec![format!("{}.{decimals}", groups[0])],
        _ if same && in_thousands(&groups) => vec![joined],
        // Two kinds of marks: the last one is that of decimals.
        _ if !others.contains(last) && others.iter().all(|other| *other == others[0]) && in_thousands(before) => {
            vec![format!("{}.{decimals}", whole(before))]
        }
        _ => Vec::new(),
    }
}

/// What is wrong with a custom attribute without a type that is [`formatted`].
pub(crate) const FORMATTED: &str = "looks like a number or a day that was formatted";

/// What was probably meant by a text that is not a valid value, but looks like a number or a day: `1,5`, `60%`, `3/31/2026`.
pub(crate) fn formatted(text: &str) -> Option<String> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_code = digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.");
    let is_day = || day(text.get(..10).unwrap_or(text)).is_ok();
    if is_plain(text) || is_code || is_day() {
        return None;
    }
    let mut meant = numbers_meant(text);
    meant.extend(days_meant(text));
    (!meant.is_empty()).then(|| meant.join(" or "))
}

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
    // With points, the day is first.
    let by_month = by_month.filter(|_| !text.contains('.'));
    let mut meant: Vec<String> = by_month.into_iter().chain(by_day).collect();
    meant.dedup();
    meant
}

/// The instants that a text may stand for, in UTC; a day is its beginning.
pub(super) fn instants_meant(text: &str) -> Vec<String> {
    let days = days_meant(text);
    let text = text.trim().trim_start_matches('\'');
    let time = match text.split_once([' ', 'T']).filter(|(_, time)| time.contains(':')) {
        Some((_, time)) => ["%H:%M:%S", "%H:%M"]
            .iter()
            .find_map(|form| NaiveTime::parse_from_str(time, form).ok()),
        // In Excel, the decimals of a day are its time.
        None if is_plain(text) => serial_time(text),
        None => Some(NaiveTime::MIN),
    };
    let Some(time) = time else { return Vec::new() };
    days.iter()
        .map(|day| format!("{day}T{}Z", time.format("%H:%M:%S")))
        .collect()
}

/// The time of day in the number that Excel has for an instant.
fn serial_time(text: &str) -> Option<NaiveTime> {
    let decimals: f64 = format!("0.{}", text.split_once('.').map_or("0", |(_, decimals)| decimals))
        .parse()
        .ok()?;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // from 0 to 86400
    let seconds = (decimals * 86_400.0).round() as u32;
    NaiveTime::from_num_seconds_from_midnight_opt(seconds, 0)
}

/// A day as the number that Excel has for it.
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
    use serde_json::json;

    use super::*;

    fn said(wrong: Wrong) -> String {
        match wrong.meant {
            Some(meant) => format!("{}: {meant}", wrong.must),
            None => wrong.must,
        }
    }

    #[test]
    fn amounts_are_refused_with_what_was_meant() {
        for (text, currency, meant) in [
            ("1.250,00", "EUR", "1250.00"),
            ("1,250.00", "EUR", "1250.00"),
            ("1250,00", "EUR", "1250.00"),
            ("1 250", "EUR", "1250"),
            ("1\u{a0}250,5", "EUR", "1250.5"),
            ("1'250.50", "CHF", "1250.50"),
            ("€ 1250", "EUR", "1250"),
            ("€1.250", "EUR", "1250"),
            ("1250 EUR", "EUR", "1250"),
            ("$1,250", "USD", "1250"),
            ("(1250)", "USD", "-1250"),
            ("1250-", "USD", "-1250"),
            ("\u{2212}5", "USD", "-5"),
            ("+5", "USD", "5"),
            ("12k", "USD", "12000"),
            ("1.250", "EUR", "1250 or 1.25, whichever is meant"),
            ("1.234", "EUR", "1234"),
            ("1,250", "KWD", "1250 or 1.250, whichever is meant"),
            ("1.250.000", "EUR", "1250000"),
            ("1.250.000,75", "EUR", "1250000.75"),
        ] {
            let wrong = cents(text, currency).unwrap_err();
            assert_eq!(wrong.meant.as_deref(), Some(meant), "{text}");
        }
        for text in [
            "abc", "1.25.0", "1,2,3", "n/a", "-", "1e5", "1.25E+05", "12 34", "0.005",
        ] {
            assert_eq!(cents(text, "EUR").unwrap_err().meant, None, "{text}");
        }
        assert_eq!(cents("1250.5", "EUR"), Ok(125_050));
    }

    #[test]
    fn whole_numbers_are_digits() {
        assert_eq!(integer("60"), Ok(json!(60)));
        assert_eq!(integer("-7"), Ok(json!(-7)));
        for (text, meant) in [
            ("60%", Some("60")),
            ("60.0", Some("60")),
            ("60,00", Some("60")),
            ("1,250", Some("1250")),
            ("+5", Some("5")),
            ("'5", Some("5")),
            ("60.5", None),
            ("sixty", None),
        ] {
            assert_eq!(integer(text).unwrap_err().meant.as_deref(), meant, "{text}");
        }
        assert_eq!(
            said(integer("9223372036854775808").unwrap_err()),
            "must be a 64-bit integer"
        );
    }

    #[test]
    fn cents_are_not_units() {
        let units = Some("name the column `amount`");
        let wrong = |text| whole_cents(text, units).unwrap_err();
        for (text, meant) in [
            (
                "1250.00",
                "125000 if it is units with two decimals, or 1250 if it is cents already",
            ),
            (
                "1,250.00",
                "125000 if it is units with two decimals, or 1250 if it is cents already",
            ),
            (
                "$1250",
                "125000 if it is units with two decimals, or 1250 if it is cents already",
            ),
            ("1250.50", "125050 if it is units with two decimals"),
        ] {
            assert_eq!(wrong(text).meant.as_deref(), Some(meant), "{text}");
            assert!(
                wrong(text)
                    .must
                    .ends_with("looks like units of a currency; name the column `amount`")
            );
        }
        assert_eq!(wrong("+5").meant.as_deref(), Some("5"));
        assert_eq!(wrong("many").meant, None);
        assert_eq!(whole_cents("125000", units), Ok(json!(125_000)));
    }

    #[test]
    fn numbers_keep_their_decimals() {
        assert_eq!(number("0.25"), Ok(json!(0.25)));
        assert_eq!(number("4"), Ok(json!(4)));
        assert_eq!(number("007"), Ok(json!(7)));
        assert_eq!(number("0,25").unwrap_err().meant.as_deref(), Some("0.25"));
    }

    #[test]
    fn days_are_refused_with_what_was_meant() {
        assert_eq!(day("2026-03-31").as_deref(), Ok("2026-03-31"));
        for (text, meant) in [
            ("3/31/2026", "2026-03-31"),
            ("31/3/2026", "2026-03-31"),
            ("3/4/2026", "2026-03-04 or 2026-04-03, whichever is meant"),
            ("4/4/2026", "2026-04-04"),
            ("31.03.2026", "2026-03-31"),
            ("31.3.26", "2026-03-31"),
            ("46112", "2026-03-31"),
            ("46112.5", "2026-03-31"),
            ("20260331", "2026-03-31"),
            ("2026/03/31", "2026-03-31"),
            ("2026-3-31", "2026-03-31"),
            ("2026-03-31T00:00:00Z", "2026-03-31"),
            ("2026-03-31 00:00:00", "2026-03-31"),
            ("3/31/2026 0:00", "2026-03-31"),
            ("31-Mar-26", "2026-03-31"),
            ("Mar 31, 2026", "2026-03-31"),
            ("31 March 2026", "2026-03-31"),
        ] {
            assert_eq!(day(text).unwrap_err().meant.as_deref(), Some(meant), "{text}");
        }
        assert_eq!(said(day("2026-02-30").unwrap_err()), "must be a day of the calendar");
        for text in ["soon", "Q1 2026", "31.02.2026", "1", "999999"] {
            assert_eq!(
                said(day(text).unwrap_err()),
                "must be a day such as 2026-03-31",
                "{text}"
            );
        }
    }

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

    #[test]
    fn truth_is_said_in_one_way() {
        assert_eq!((boolean("true"), boolean("FALSE")), (Ok(true), Ok(false)));
        assert_eq!(boolean("yes").unwrap_err().meant.as_deref(), Some("true"));
        assert_eq!(boolean("perhaps").unwrap_err().meant, None);
    }

    #[test]
    fn lists_are_json() {
        assert_eq!(texts(r#"["a","b"]"#), Ok(json!(["a", "b"])));
        assert_eq!(texts("a, b").unwrap_err().meant.as_deref(), Some(r#"["a","b"]"#));
    }

    #[test]
    fn what_nobody_sees_is_named() {
        assert_eq!(invisible("owner\u{a0}").as_deref(), Some("a no-break space (U+00A0)"));
        assert_eq!(
            invisible("\u{200b}owner").as_deref(),
            Some("a zero width space (U+200B)")
        );
        assert_eq!(invisible("größe\n"), None);
        assert_eq!(visible("\u{feff} owner\u{a0}"), "owner");
    }
}
