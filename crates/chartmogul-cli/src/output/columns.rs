//! Which columns are shown, and what is in their cells.

use super::text;
use crate::{
    error::CliError,
    flags::{CURRENCY, IN_CENTS},
    money,
};

/// Follows the name of an amount whose currency is unknown.
pub(crate) const CENTS: &str = "(cents)";

/// A column of a table or of CSV, or a field of JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) content: Content,
}

/// What is in a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    /// The value at this path.
    Value(String),
    /// An amount: this path has the cents, this one the currency.
    Money(String, String),
}

/// How money is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MoneyForm {
    /// `200.00 EUR`
    WithCurrency,
    /// `200.00`
    Plain,
}

impl Column {
    fn value(path: &str) -> Self {
        Self {
            name: path.to_owned(),
            content: Content::Value(path.to_owned()),
        }
    }

    /// A field in cents as an amount, under a name without `_in_cents`.
    fn money(cents: &str) -> Self {
        let name = cents.strip_suffix(IN_CENTS).unwrap_or(cents);
        let parent = cents
            .rsplit_once('.')
            .map(|(parent, _)| format!("{parent}."))
            .unwrap_or_default();
        Self {
            name: name.to_owned(),
            content: Content::Money(cents.to_owned(), format!("{parent}{CURRENCY}")),
        }
    }

    /// Shows a field in cents as an amount, or with `(cents)` in its name if the currency is unknown.
    pub(crate) fn for_people(self, cents: &[&str], has_currency: bool) -> Self {
        if !cents.contains(&self.name.as_str()) || self.name.ends_with(IN_CENTS) {
            return self;
        }
        if has_currency {
            return Self {
                name: self.name.clone(),
                ..Self::money(&self.name)
            };
        }
        Self {
            name: format!("{} {CENTS}", self.name),
            ..self
        }
    }

    /// The cell of an object. An amount whose currency is not known says that it is in cents.
    pub(crate) fn cell(&self, json: &str, form: MoneyForm) -> String {
        let at = |path: &str| text::at(json, path).map(|value| text::cell(&value)).unwrap_or_default();
        match &self.content {
            Content::Value(path) => at(path),
            Content::Money(cents, currency) => {
                let cents = at(cents);
                let shown = cents
                    .parse()
                    .ok()
                    .and_then(|cents| money::from_cents(cents, &at(currency)));
                match (shown, form) {
                    (Some(shown), MoneyForm::WithCurrency) => shown,
                    (Some(shown), MoneyForm::Plain) => shown.split(' ').next().unwrap_or_default().to_owned(),
                    (None, _) if cents.is_empty() => cents,
                    (None, _) => format!("{cents} cents"),
                }
            }
        }
    }

    /// The value as JSON; `null` if it is not there.
    pub(crate) fn json(&self, json: &str) -> String {
        match &self.content {
            Content::Value(path) => text::at(json, path).unwrap_or_else(|| "null".to_owned()),
            Content::Money(..) => match self.cell(json, MoneyForm::WithCurrency).as_str() {
                "" => "null".to_owned(),
                shown => text::string(shown),
            },
        }
    }
}

/// The columns that the user chose.
///
/// # Errors
/// A name that is none of the fields, if those are known.
pub(crate) fn chosen(fields: &[&str], names: &[String]) -> Result<Vec<Column>, CliError> {
    let has = |name: &str| fields.contains(&name);
    let column = |name: &String| {
        let first = name.split('.').next().unwrap_or_default();
        if fields.is_empty() || has(name) || has(first) {
            return Ok(Column::value(name));
        }
        let cents = format!("{name}{IN_CENTS}");
        if has(&cents) {
            return Ok(Column::money(&cents));
        }
        let message = format!(
            "--columns {name}: there is no such field; there are {}",
            fields.join(", ")
        );
        Err(CliError::usage(message).field("columns"))
    };
    names.iter().map(column).collect()
}

/// The default columns of a table, in which amounts have their currency. `cents` lists the fields in cents, as not all
/// of their names say it.
pub(crate) fn of_table<'a>(fields: impl Iterator<Item = &'a str>, cents: &[&str]) -> Vec<Column> {
    let fields: Vec<_> = fields.collect();
    let has_currency = fields.contains(&CURRENCY);
    let has_money = has_currency && fields.iter().any(|field| field.ends_with(IN_CENTS));
    let shown = fields.into_iter().filter(|field| !(has_money && *field == CURRENCY));
    shown
        .map(|field| {
            if has_money && field.ends_with(IN_CENTS) {
                Column::money(field)
            } else {
                Column::value(field).for_people(cents, has_currency)
            }
        })
        .collect()
}

/// The default columns of CSV: values as received, so that they can be sent back.
pub(crate) fn of_csv<'a>(fields: impl Iterator<Item = &'a str>) -> Vec<Column> {
    fields.map(Column::value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_never_taken_for_cents() {
        let columns = of_table(["uuid", "currency", "amount_in_cents"].into_iter(), &[]);
        let names: Vec<_> = columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(names, ["uuid", "amount"]);
        for (json, shown, plain) in [
            (r#"{"amount_in_cents":20000,"currency":"USD"}"#, "200.00 USD", "200.00"),
            (r#"{"amount_in_cents":200,"currency":"JPY"}"#, "200 JPY", "200"),
            (r#"{"amount_in_cents":200,"currency":"???"}"#, "200 cents", "200 cents"),
            (r#"{"amount_in_cents":200}"#, "200 cents", "200 cents"),
            (r#"{"amount_in_cents":null,"currency":"USD"}"#, "", ""),
            (r"{}", "", ""),
        ] {
            assert_eq!(columns[1].cell(json, MoneyForm::WithCurrency), shown);
            assert_eq!(columns[1].cell(json, MoneyForm::Plain), plain);
        }
        // Without a currency, the name says what it is.
        assert_eq!(
            of_table(["amount_in_cents"].into_iter(), &["amount_in_cents"])[0].name,
            "amount_in_cents"
        );
        assert_eq!(of_table(["mrr", "x"].into_iter(), &["mrr"])[0].name, "mrr (cents)");
        let customer = of_table(["mrr", "currency"].into_iter(), &["mrr"]);
        let json = r#"{"mrr":3000,"currency":"USD"}"#;
        let cells: Vec<_> = customer
            .iter()
            .map(|column| column.cell(json, MoneyForm::WithCurrency))
            .collect();
        assert_eq!(
            (customer[0].name.as_str(), cells),
            ("mrr", vec!["30.00 USD".to_owned(), "USD".to_owned()])
        );
    }
}
