//! The layout of an input: what each column sets, of which type, and the settings from the command line.

use std::collections::HashMap;

use chartmogul::Operation;

use super::{
    cells::Cell,
    columns::{AttributeKind, Fields, OF_FAILED, Target},
    input::Form,
};

/// The settings for the input from the command line.
#[derive(Debug, Clone, Default)]
pub(super) struct Settings {
    /// Currency for amounts in units whose row has none.
    pub(super) currency: Option<String>,
    /// Columns whose empty cells clear the field.
    pub(super) clear_empty: Vec<String>,
    /// Columns to ignore.
    pub(super) ignore: Vec<String>,
    pub(super) allow_duplicates: bool,
    /// Attributes that a row does not name are removed.
    pub(super) replace_custom: bool,
}

/// A column of an input that has a header row.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) name: String,
    /// `None` if the column is unknown.
    pub(super) target: Option<Target>,
}

impl Column {
    /// Whether the column is copied to the file of failed rows; the columns that such a file adds are not.
    fn is_kept(&self) -> bool {
        !OF_FAILED.contains(&self.name.as_str())
    }
}

/// What is known before a row is read.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) operation: &'static Operation,
    pub(super) fields: Fields,
    pub(super) settings: Settings,
    pub(super) form: Form,
    /// Empty for JSON lines, which have names in each line.
    pub(super) columns: Vec<Column>,
    /// The types of custom attributes, by key.
    pub(super) kinds: HashMap<String, AttributeKind>,
}

impl Layout {
    /// The column of the identifier.
    pub(super) fn id_column(&self) -> &str {
        let column = self
            .columns
            .iter()
            .find(|column| matches!(column.target, Some(Target::Id)));
        column.map_or(self.fields.id, |column| &column.name)
    }

    /// Whether a row may have the currency of an amount.
    pub(super) fn has_currency(&self, path: &[&str]) -> bool {
        let is_there = |column: &Column| matches!(&column.target, Some(Target::Field(field)) if field.path == path);
        self.form == Form::JsonLines || self.columns.iter().any(is_there)
    }

    /// The names of the input's columns in a file of failed rows. They include detected types, because the failed rows
    /// alone may look like another type.
    pub(super) fn columns_of_failed(&self) -> impl Iterator<Item = String> {
        let kept = self.columns.iter().filter(|column| column.is_kept());
        kept.map(|column| self.name_in_failed(column))
    }

    /// The name of a column in the file of failed rows.
    pub(super) fn column_of_failed(&self, name: &str) -> Option<String> {
        let column = self.columns.iter().find(|column| column.name == name);
        column.map(|column| self.name_in_failed(column))
    }

    fn name_in_failed(&self, column: &Column) -> String {
        match &column.target {
            Some(Target::Custom { key, kind: None }) => match self.kinds.get(key) {
                Some(kind) => format!("{}:{}", column.name, kind.name()),
                None => column.name.clone(),
            },
            _ => column.name.clone(),
        }
    }

    /// The cells of a row that are copied to the file of failed rows.
    pub(super) fn given<'a>(&self, cells: &'a [Cell]) -> impl Iterator<Item = &'a Cell> {
        static EMPTY: Cell = Cell {
            text: String::new(),
            quoted: false,
        };
        let kept = self.columns.iter().enumerate().filter(|(_, column)| column.is_kept());
        kept.map(|(at, _)| cells.get(at).unwrap_or(&EMPTY))
    }
}
