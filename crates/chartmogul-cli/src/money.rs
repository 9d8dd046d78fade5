//! Amounts in units of a currency (`200.00`), and in its smallest unit (`20000`), which the API calls cents.

use iso_currency::Currency;

/// How many decimals the currency has: 2 for EUR, 0 for JPY, 3 for KWD.
///
/// # Errors
/// Why the number of decimals is unknown, as a clause: the code is not in ISO 4217, or has no smaller unit, such as XAU.
pub(crate) fn decimals(currency: &str) -> Result<usize, &'static str> {
    match Currency::from_code(currency).map(Currency::exponent) {
        Some(Some(decimals)) => Ok(decimals.into()),
        Some(None) => Err(WITHOUT_CENTS),
        None => Err("is not a currency; must be a code of ISO 4217 such as EUR"),
    }
}

const WITHOUT_CENTS: &str =
    "has no amounts in cents: ISO 4217 gives it no smaller unit; must be a currency such as EUR";

/// Rejects a currency without a smaller unit, such as gold or the one for tests. An unknown code passes: the schema
/// checks it.
///
/// # Errors
/// What is wrong with it, as a clause.
pub(crate) fn has_cents(currency: &str) -> Result<(), &'static str> {
    match decimals(currency) {
        Err(wrong) if wrong == WITHOUT_CENTS => Err(wrong),
        _ => Ok(()),
    }
}

/// `200.00` EUR as 20000.
///
/// # Errors
/// What is wrong with the amount or the currency, and what is allowed, as a clause: "must be ...".
pub(crate) fn to_cents(amount: &str, currency: &str) -> Result<i64, String> {
    let decimals = decimals(currency).map_err(|wrong| format!("{currency:?} {wrong}"))?;
    let form = || {
        let example = from_cents(123_450, currency).unwrap_or_default();
        let example = example.split(' ').next().unwrap_or_default();
        format!(
            "{amount:?} is not an amount in {currency}; must be digits with a point before the decimals, such as {example}"
        )
    };
    let (sign, digits) = match amount.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", amount),
    };
    let (whole, fraction) = match digits.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (digits, None),
    };
    let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !are_digits(whole) || !fraction.is_none_or(are_digits) {
        return Err(form());
    }
    let fraction = fraction.unwrap_or_default();
    if fraction.len() > decimals {
        let has = match decimals {
            0 => "no decimals".to_owned(),
            1 => "1 decimal".to_owned(),
            number => format!("{number} decimals"),
        };
        return Err(format!("{amount:?} has too many decimals; {currency} has {has}"));
    }
    format!("{sign}{whole}{fraction:0<decimals$}")
        .parse()
        .map_err(|_| format!("{amount:?} is too large; must fit into 64 bits of cents"))
}

/// 20000 as `200.00 EUR`; `None` if the currency is not in ISO 4217, or has no smaller unit.
pub(crate) fn from_cents(cents: i64, currency: &str) -> Option<String> {
    let decimals = decimals(currency).ok()?;
    let sign = if cents < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", cents.unsigned_abs(), width = decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    let point = if decimals == 0 { "" } else { "." };
    Some(format!("{sign}{whole}{point}{fraction} {currency}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_the_decimals_of_their_currency() {
        for (amount, currency, cents, shown) in [
            ("200.00", "EUR", 20_000, "200.00 EUR"),
            ("200", "USD", 20_000, "200.00 USD"),
            ("0.5", "USD", 50, "0.50 USD"),
            ("-0.07", "USD", -7, "-0.07 USD"),
            ("1200", "JPY", 1200, "1200 JPY"),
            ("1.234", "KWD", 1234, "1.234 KWD"),
            ("0", "KWD", 0, "0.000 KWD"),
            ("92233720368547758.07", "EUR", i64::MAX, "92233720368547758.07 EUR"),
            ("-92233720368547758.08", "EUR", i64::MIN, "-92233720368547758.08 EUR"),
        ] {
            assert_eq!(to_cents(amount, currency), Ok(cents));
            assert_eq!(from_cents(cents, currency).as_deref(), Some(shown));
        }
    }

    #[test]
    fn nothing_is_guessed() {
        let form = "must be digits with a point before the decimals, such as";
        for (amount, currency, said) in [
            ("1.250,00", "EUR", format!("{form} 1234.50")),
            ("1,250.00", "EUR", form.to_owned()),
            ("€ 1250", "EUR", form.to_owned()),
            ("1e3", "EUR", form.to_owned()),
            ("", "EUR", form.to_owned()),
            (".5", "EUR", form.to_owned()),
            ("5.", "EUR", form.to_owned()),
            ("--5", "EUR", form.to_owned()),
            ("+5", "JPY", format!("{form} 123450")),
            ("1.250", "EUR", "has too many decimals; EUR has 2 decimals".to_owned()),
            ("1.0", "JPY", "has too many decimals; JPY has no decimals".to_owned()),
            ("1", "EURO", "is not a currency".to_owned()),
            ("1", "eur", "is not a currency".to_owned()),
            ("1", "XAU", "\"XAU\" has no amounts in cents".to_owned()),
            ("1", "XXX", "\"XXX\" has no amounts in cents".to_owned()),
            ("92233720368547758.08", "EUR", "is too large".to_owned()),
        ] {
            let error = to_cents(amount, currency).unwrap_err();
            assert!(error.contains(&said), "{amount} {currency}: {error}");
        }
    }
}
