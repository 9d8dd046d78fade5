//! The types of custom attributes. A column without an explicit type has the type of its cells, if they agree.

use serde_json::Value;

use super::{
    columns::AttributeKind,
    numbers::is_plain,
    problem::Problem,
    values::{self, Wrong},
};
use crate::{flags::Kind, json};

/// The value of a custom attribute whose type is known.
pub(super) fn attribute(kind: AttributeKind, text: &str) -> Result<Value, Wrong> {
    match kind {
        AttributeKind::String => Ok(text.into()),
        AttributeKind::Integer => values::value(Kind::Integer, false, text),
        AttributeKind::Boolean => values::value(Kind::Boolean, false, text),
        // 4 as a decimal is sent as 4.0.
        AttributeKind::Decimal => match values::value(Kind::Number, false, text)? {
            Value::Number(number) => json::as_decimal(&number)
                .map(Value::Number)
                .ok_or_else(|| Wrong::new("has more digits than a decimal can hold", None)),
            other => Ok(other),
        },
    }
}

/// The types that the cells of an untyped custom attribute look like, each with the first row that has it.
#[derive(Debug, Default)]
pub(super) struct Seen {
    column: String,
    integer: Option<(u64, String)>,
    decimal: Option<(u64, String)>,
    boolean: Option<(u64, String)>,
    text: Option<(u64, String)>,
}

impl Seen {
    pub(super) fn of(column: &str) -> Self {
        Self {
            column: column.to_owned(),
            ..Self::default()
        }
    }

    /// Adds a cell, and returns its value.
    pub(super) fn add(&mut self, row: u64, text: &str) -> Result<Value, Wrong> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let has_zeros = digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0."); // a code
        let kind = match text {
            "true" | "false" | "TRUE" | "FALSE" => AttributeKind::Boolean,
            text if is_plain(text) && !has_zeros && text.contains('.') => AttributeKind::Decimal,
            text if is_plain(text) && !has_zeros => AttributeKind::Integer,
            _ => AttributeKind::String,
        };
        if let Some(meant) = values::formatted(text) {
            let must = format!(
                "{}; if it is a text, name the column `{}:string`",
                values::FORMATTED,
                self.column
            );
            return Err(Wrong::new(must, Some(meant)));
        }
        let first = match kind {
            AttributeKind::String => &mut self.text,
            AttributeKind::Integer => &mut self.integer,
            AttributeKind::Decimal => &mut self.decimal,
            AttributeKind::Boolean => &mut self.boolean,
        };
        first.get_or_insert_with(|| (row, text.to_owned()));
        attribute(kind, text)
    }

    /// Whether any cell was accepted.
    pub(super) fn has_values(&self) -> bool {
        let kinds = [&self.integer, &self.decimal, &self.boolean, &self.text];
        kinds.into_iter().any(Option::is_some)
    }

    /// The type of all cells.
    pub(super) fn kind(&self) -> Result<AttributeKind, Problem> {
        let number = self.integer.as_ref().or(self.decimal.as_ref());
        let kinds = [
            (number, "a number"),
            (self.boolean.as_ref(), "true or false"),
            (self.text.as_ref(), "text"),
        ];
        let there: Vec<_> = kinds
            .into_iter()
            .filter_map(|(first, what)| Some((first?, what)))
            .collect();
        let [_] = there.as_slice() else {
            let one = |((row, text), what): &(&(u64, String), &str)| format!("{what} (row {row}: {text:?})");
            let mixed = there.iter().map(one).collect::<Vec<_>>().join(" and ");
            let column = &self.column;
            let what =
                format!("has {mixed}; say its type: {column}:string, :integer, :decimal, :boolean or :timestamp");
            let row = there.iter().map(|((row, _), _)| *row).min().unwrap_or_default();
            return Err(Problem::of_cell(row, column, None, what));
        };
        Ok(match (&self.text, &self.boolean, &self.decimal) {
            (Some(_), ..) => AttributeKind::String,
            (_, Some(_), _) => AttributeKind::Boolean,
            (.., Some(_)) => AttributeKind::Decimal,
            _ => AttributeKind::Integer,
        })
    }
}
