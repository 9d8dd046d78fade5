//! Results on standard output: for people as a table, for programs as JSON, lines of JSON or CSV.

mod columns;
mod jq;
pub(crate) mod table;
pub(crate) mod text;

use std::io::{self, BufWriter, Stdout, Write};

use chartmogul::Operation;

use self::{
    columns::{Column, MoneyForm},
    text::RawFields,
};
use crate::{
    context::{Context, Format},
    error::CliError,
    flags::{CURRENCY, IN_CENTS},
};

/// Writes the result of a command.
pub(crate) struct Printer<'a> {
    context: &'a Context,
    /// Fields, in the order in which they are written.
    fields: Vec<&'static str>,
    /// The fields that are amounts in cents.
    cents: &'static [&'static str],
    /// The columns that the user chose.
    chosen: Option<Vec<Column>>,
    filter: Option<jq::Filter>,
    out: BufWriter<Stdout>,
    entries: Entries,
}

/// The state of a list's entries.
enum Entries {
    /// No entry yet.
    None,
    /// At least one was written.
    Written,
    /// They are kept, because the filter needs all of them.
    Kept(Vec<String>),
    Csv(Vec<Column>),
    Table(Vec<Column>, Vec<Vec<String>>),
}

impl<'a> Printer<'a> {
    /// For the objects that an operation returns; for any object, if it is `None`.
    ///
    /// # Errors
    /// An unknown column, or an invalid filter.
    pub(crate) fn new(context: &'a Context, operation: Option<&Operation>) -> Result<Self, CliError> {
        let Some(operation) = operation else {
            return Self::of(context, Vec::new());
        };
        let mut this = Self::of(context, operation.fields.to_vec())?;
        this.cents = operation.cents;
        if context.output.format == Format::Table
            && let Some(chosen) = this.chosen.take()
        {
            let has_currency = operation.fields.contains(&CURRENCY);
            let chosen = chosen.into_iter();
            this.chosen = Some(
                chosen
                    .map(|column| column.for_people(this.cents, has_currency))
                    .collect(),
            );
        }
        Ok(this)
    }

    /// For objects with these fields; for any object, if there are none.
    ///
    /// # Errors
    /// An unknown column, or an invalid filter.
    pub(crate) fn of(context: &'a Context, fields: Vec<&'static str>) -> Result<Self, CliError> {
        let output = &context.output;
        let filter = output.jq.as_deref().map(jq::Filter::new).transpose()?;
        let chosen = match output.columns.as_slice() {
            [] => None,
            names => Some(columns::chosen(&fields, names)?),
        };
        Ok(Self {
            context,
            fields,
            cents: &[],
            chosen,
            filter,
            out: BufWriter::new(io::stdout()),
            entries: Entries::None,
        })
    }

    /// One object.
    pub(crate) fn object(mut self, json: &str) -> Result<(), CliError> {
        let json = self.ordered(json);
        match (&self.filter, self.context.output.format) {
            (Some(_), _) => self.filtered(&json)?,
            (None, Format::Json) => self.line(&text::pretty(&self.projected(json), 0))?,
            (None, Format::JsonLines) => self.line(&text::compact(&self.projected(json)))?,
            (None, Format::Csv) => {
                self.csv(&json)?;
                self.flush()?;
                self.note_cents();
            }
            (None, Format::Table) => {
                let pairs = self.pairs(&json);
                let table = table::pairs(&pairs, self.context.output.color);
                self.write(&table)?;
            }
        }
        self.flush()
    }

    /// An object with a complete list in `field`. It is written as a whole if the format allows it.
    pub(crate) fn object_with_entries(mut self, json: &str, field: &str) -> Result<(), CliError> {
        if self.context.output.format == Format::Json && self.chosen.is_none() || self.filter.is_some() {
            self.fields = Vec::new(); // those are the fields of the entries
            return self.object(json);
        }
        let fields = RawFields::of(json).unwrap_or_default();
        let entries = fields.get(field).unwrap_or("[]");
        for entry in items(entries) {
            self.entry(&entry)?;
        }
        let mut rest = fields;
        rest.0.retain(|(name, value)| name != field && value.get() != "null");
        let format = self.context.output.format;
        if format == Format::Csv && !rest.0.is_empty() {
            let names: Vec<_> = rest.0.iter().map(|(name, _)| format!("`{name}`")).collect();
            let names = names.join(", ");
            self.context.note(&format!("Not in CSV: {names}. See --output json."));
        }
        let is_table = format == Format::Table && self.chosen.is_none();
        let rest = (is_table && !rest.0.is_empty()).then(|| rest.to_json());
        let (context, color, cents) = (self.context, self.context.output.color, self.cents);
        self.end()?;
        if let Some(rest) = rest {
            let printer = Printer {
                cents,
                ..Printer::new(context, None)?
            };
            let pairs = table::pairs(&printer.pairs(&rest), color);
            let mut out = io::stdout();
            out.write_all(format!("\n{pairs}").as_bytes())
                .and_then(|()| out.flush())
                .map_err(|error| CliError::output(&error))?;
        }
        Ok(())
    }

    /// An entry of a list. JSON lines and CSV are written at once, and so are the items of a JSON array.
    pub(crate) fn entry(&mut self, json: &str) -> Result<(), CliError> {
        let json = self.ordered(json);
        match (self.filter.is_some(), self.context.output.format) {
            (true, Format::JsonLines) => self.filtered(&json),
            (true, _) => {
                match &mut self.entries {
                    Entries::Kept(kept) => kept.push(json),
                    entries => *entries = Entries::Kept(vec![json]),
                }
                Ok(())
            }
            (false, Format::Json) => {
                let before = if matches!(self.entries, Entries::None) {
                    "[\n  "
                } else {
                    ",\n  "
                };
                self.entries = Entries::Written;
                let shown = text::pretty(&self.projected(json), 1);
                self.write(&format!("{before}{shown}"))
            }
            (false, Format::JsonLines) => self.line(&text::compact(&self.projected(json))),
            (false, Format::Csv) => self.csv(&json),
            (false, Format::Table) => {
                if !matches!(self.entries, Entries::Table(..)) {
                    self.entries = Entries::Table(self.columns(&json), Vec::new());
                }
                if let Entries::Table(columns, rows) = &mut self.entries {
                    rows.push(
                        columns
                            .iter()
                            .map(|column| column.cell(&json, MoneyForm::WithCurrency))
                            .collect(),
                    );
                }
                Ok(())
            }
        }
    }

    /// Flushes the output, for a reader that waits for it.
    pub(crate) fn flush(&mut self) -> Result<(), CliError> {
        self.out.flush().map_err(|error| CliError::output(&error))
    }

    /// Ends the list.
    pub(crate) fn end(mut self) -> Result<(), CliError> {
        let entries = std::mem::replace(&mut self.entries, Entries::None);
        match (entries, self.filter.is_some(), self.context.output.format) {
            (Entries::Kept(kept), ..) => self.filtered(&format!("[{}]", kept.join(",")))?,
            (Entries::None, true, Format::Table | Format::Json | Format::Csv) => self.filtered("[]")?,
            (Entries::None, false, Format::Json) => self.line("[]")?,
            (Entries::Written, false, Format::Json) => self.line("\n]")?,
            (Entries::None, false, Format::Csv) => {
                let names: Vec<_> = self.columns("{}").into_iter().map(|column| column.name).collect();
                if !names.is_empty() {
                    self.record(names.iter().map(String::as_str))?;
                }
            }
            (Entries::None, false, Format::Table) => self.context.note("There are no entries."),
            (Entries::Table(columns, rows), ..) => self.table(&columns, &rows)?,
            (entries @ Entries::Csv(_), ..) => {
                self.entries = entries;
                self.flush()?;
                self.note_cents();
            }
            _ => {}
        }
        self.flush()
    }

    fn table(&mut self, columns: &[Column], rows: &[Vec<String>]) -> Result<(), CliError> {
        let names: Vec<_> = columns.iter().map(|column| column.name.as_str()).collect();
        // Columns that the user chose are shown even if they do not fit.
        let width = if self.chosen.is_some() {
            None
        } else {
            self.context.width()
        };
        let table = table::render(&names, rows, width, self.context.output.color);
        self.write(&table.text)?;
        self.flush()?;
        if names.iter().any(|name| name.ends_with(columns::CENTS)) {
            self.context.note("Amounts are in cents of the account's currency.");
        }
        if !table.left_out.is_empty() {
            let left_out = table.left_out.join(", ");
            self.context.note(&format!(
                "Not shown: {left_out}. Choose with --columns, or widen the terminal."
            ));
        }
        Ok(())
    }

    fn csv(&mut self, json: &str) -> Result<(), CliError> {
        let columns = match std::mem::replace(&mut self.entries, Entries::None) {
            Entries::Csv(columns) => columns,
            _ => {
                let columns = self.columns(json);
                self.record(columns.iter().map(|column| column.name.as_str()))?;
                columns
            }
        };
        let cells: Vec<_> = columns
            .iter()
            .map(|column| column.cell(json, MoneyForm::Plain))
            .collect();
        self.entries = Entries::Csv(columns);
        self.record(cells.iter().map(String::as_str))
    }

    /// CSV uses the API's names, which do not always say that an amount is in cents.
    fn note_cents(&self) {
        let Entries::Csv(columns) = &self.entries else { return };
        let names = columns.iter().map(|column| column.name.as_str());
        let unsaid = names.filter(|name| self.cents.contains(name) && !name.ends_with(IN_CENTS));
        let unsaid: Vec<_> = unsaid.collect();
        if !unsaid.is_empty() {
            self.context.note(&format!("In cents: {}.", unsaid.join(", ")));
        }
    }

    fn record<'c>(&mut self, cells: impl Iterator<Item = &'c str>) -> Result<(), CliError> {
        let mut writer = csv::WriterBuilder::new().from_writer(&mut self.out);
        let written = writer.write_record(cells).map_err(io::Error::from);
        written
            .and_then(|()| writer.flush())
            .map_err(|error| CliError::output(&error))
    }

    /// The columns that the user chose, or the default ones of the format.
    fn columns(&self, json: &str) -> Vec<Column> {
        if let Some(chosen) = &self.chosen {
            return chosen.clone();
        }
        let fields = RawFields::of(json).unwrap_or_default();
        let found: Vec<_> = fields.0.iter().map(|(name, _)| name.as_str()).collect();
        let fields = if self.fields.is_empty() {
            found
        } else {
            self.fields.clone()
        };
        match self.context.output.format {
            Format::Table => columns::of_table(fields.into_iter(), self.cents),
            _ => columns::of_csv(fields.into_iter()),
        }
    }

    /// Names and values of an object; names in a nested object have a dot.
    fn pairs(&self, json: &str) -> Vec<(String, String)> {
        if text::RawFields::of(json).is_none() {
            return vec![(String::new(), text::cell(json))];
        }
        let columns = match &self.chosen {
            Some(chosen) => chosen.clone(),
            None => {
                let fields = RawFields::of(json).unwrap_or_default();
                let mut names: Vec<String> = Vec::new();
                for (name, value) in &fields.0 {
                    match RawFields::of(value.get()) {
                        Some(inner) if !inner.0.is_empty() => {
                            names.extend(inner.0.iter().map(|(inner, _)| format!("{name}.{inner}")));
                        }
                        _ => names.push(name.clone()),
                    }
                }
                columns::of_table(names.iter().map(String::as_str), self.cents)
            }
        };
        let pairs = columns.into_iter().map(|column| {
            let cell = column.cell(json, MoneyForm::WithCurrency);
            (column.name, cell)
        });
        pairs.collect()
    }

    /// The object with its fields in the order of the document.
    fn ordered(&self, json: &str) -> String {
        match RawFields::of(json) {
            Some(mut fields) => {
                fields.sort(&self.fields);
                fields.to_json()
            }
            None => json.to_owned(),
        }
    }

    /// The object with the fields that the user chose.
    fn projected(&self, json: String) -> String {
        let Some(chosen) = &self.chosen else { return json };
        let values: Vec<_> = chosen
            .iter()
            .map(|column| (column.name.as_str(), column.json(&json)))
            .collect();
        text::object(values.iter().map(|(name, value)| (*name, value.as_str())))
    }

    fn filtered(&mut self, json: &str) -> Result<(), CliError> {
        let Some(filter) = &self.filter else { return Ok(()) };
        let out = &mut self.out;
        filter.run(json, |value| {
            writeln!(out, "{value}").map_err(|error| CliError::output(&error))
        })
    }

    fn line(&mut self, text: &str) -> Result<(), CliError> {
        self.write(&format!("{text}\n"))
    }

    fn write(&mut self, text: &str) -> Result<(), CliError> {
        self.out
            .write_all(text.as_bytes())
            .map_err(|error| CliError::output(&error))
    }
}

/// The items of an array, each as it was sent.
pub(crate) fn items(json: &str) -> Vec<String> {
    let items: Vec<Box<serde_json::value::RawValue>> = serde_json::from_str(json).unwrap_or_default();
    items.into_iter().map(|item| item.get().to_owned()).collect()
}

/// Prints text that is not the result of an operation: a template, a script.
pub(crate) fn print(text: &str) -> Result<(), CliError> {
    let mut out = io::stdout();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(|error| CliError::output(&error))
}
