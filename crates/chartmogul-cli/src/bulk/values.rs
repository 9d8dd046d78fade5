//! From the text of a cell to a value. Nothing is guessed: an ambiguous text is rejected, with what could be meant.

use chartmogul::chartmogul_api::chrono::NaiveDate;
use serde_json::Value;

use super::{
    days::days_meant,
    numbers::{is_plain, is_signed, numbers_meant},
};
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

/// A field in cents. A text with separators or decimals may be an amount in units: the advice to remove them could make
/// it a hundred times smaller. `units` says how to pass amounts in units, such as "name the column `amount`".
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

fn number(text: &str) -> Result<Value, Wrong> {
    let must = || Wrong::new("must be a number such as 12.5", either(&numbers_meant(text)));
    if !is_plain(text) {
        return Err(must());
    }
    // JSON has no leading zeros.
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

/// An amount in units of its currency, in cents.
pub(super) fn cents(text: &str, currency: &str) -> Result<i64, Wrong> {
    crate::money::to_cents(text, currency).map_err(|said| {
        // The value is shown before the message.
        let must = said.strip_prefix(&format!("{text:?} ")).unwrap_or(&said);
        let mut meant = match text.split_once('.') {
            // A single point before three digits may be a thousands separator.
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn message_of(wrong: Wrong) -> String {
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
            message_of(integer("9223372036854775808").unwrap_err()),
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
        assert_eq!(
            message_of(day("2026-02-30").unwrap_err()),
            "must be a day of the calendar"
        );
        for text in ["soon", "Q1 2026", "31.02.2026", "1", "999999"] {
            assert_eq!(
                message_of(day(text).unwrap_err()),
                "must be a day such as 2026-03-31",
                "{text}"
            );
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
}
