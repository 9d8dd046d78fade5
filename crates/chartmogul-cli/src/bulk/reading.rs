//! Reads a row: what each of its cells sets, and what is wrong with them.

use std::collections::HashMap;

use chartmogul::Operation;
use serde_json::Value;

use super::{
    columns::{Custom, Fields, Target},
    damage::damaged,
    input::{Raw, Row},
    kinds::{Seen, attribute},
    layout::{Column, Layout},
    numbers,
    problem::{Problem, Problems},
    sets::{Set, What},
    values::{self, Wrong},
};
use crate::{
    flags::{self, Attributes, Flag},
    json, money,
    output::text::compact,
};

/// What the cells of a row set. While the types of untyped custom attributes are still unknown, `seen` collects what
/// their cells look like.
pub(super) fn read(
    layout: &Layout,
    row: u64,
    raw: &Row,
    seen: &mut Option<&mut HashMap<String, Seen>>,
    problems: &mut Problems,
) -> (Option<String>, Vec<Set>) {
    let mut reading = Reading {
        layout,
        row,
        id: None,
        sets: Vec::new(),
        amounts: Vec::new(),
        spoilt: Vec::new(),
        named: Vec::new(),
        problems,
    };
    match raw {
        Row::Cells(cells) => {
            for (at, cell) in cells.iter().enumerate() {
                match layout.columns.get(at) {
                    Some(Column {
                        name,
                        target: Some(target),
                    }) => {
                        reading.cell(name, target, Raw::Text(cell.clone()), seen);
                    }
                    Some(Column { name, target: None }) if name.is_empty() && !cell.text.is_empty() => {
                        let what = format!("cell {} has text, but its column has no name", at + 1);
                        reading.problems.push(Problem {
                            value: Some(cell.text.clone()),
                            ..Problem::of_row(row, what)
                        });
                    }
                    None if !cell.text.is_empty() => {
                        let (here, there) = (cells.len(), layout.columns.len());
                        let what = format!(
                            "has {here} cells, and the header {there}; quote a cell that has the delimiter in it"
                        );
                        reading.problems.push(Problem::of_row(row, what));
                        break;
                    }
                    _ => {}
                }
            }
        }
        Row::Json(object) => {
            for (name, value) in &object.0 {
                reading.field(name, value.get(), seen);
            }
        }
    }
    reading.amounts();
    reading.currencies();
    (reading.id, reading.sets)
}

/// Reads a row.
struct Reading<'a> {
    layout: &'a Layout,
    row: u64,
    id: Option<String>,
    sets: Vec<Set>,
    /// The places that were set (see `Target::place`), each with the name of the field that set it.
    named: Vec<(String, String)>,
    /// Column, field in cents, text.
    amounts: Vec<(String, Vec<&'static str>, String)>,
    /// Fields whose cell was rejected.
    spoilt: Vec<Vec<&'static str>>,
    problems: &'a mut Problems,
}

impl Reading<'_> {
    fn wrong(&mut self, column: &str, shown: &str, wrong: Wrong) {
        self.problems.push(Problem {
            meant: wrong.meant,
            ..Problem::of_cell(self.row, column, Some(shown), wrong.must)
        });
    }

    /// Reads a field of a JSON object. If its name is unknown and it is an object, reads the fields in it.
    fn field(&mut self, name: &str, json: &str, seen: &mut Option<&mut HashMap<String, Seen>>) {
        let wrong = match self.layout.fields.target(name, &self.layout.settings.ignore) {
            Ok(Target::Ignored) => return,
            Ok(target) => match of_json(&target, name, json) {
                Ok(raw) => return self.named(name, &target, raw, seen),
                Err(what) => what,
            },
            Err(_) if json.starts_with('{') && compact(json) != "{}" => match json::fields(json, name) {
                Ok(fields) => {
                    for (inner, value) in &fields.0 {
                        self.field(&format!("{name}.{inner}"), value.get(), seen);
                    }
                    return;
                }
                Err(what) => what,
            },
            Err(what) => return self.problems.push_key(self.row, name, what),
        };
        self.problems.push(Problem::of_cell(self.row, name, None, wrong));
    }

    /// Reads a field with a known name, unless another field has set the same place.
    fn named(&mut self, name: &str, target: &Target, raw: Raw, seen: &mut Option<&mut HashMap<String, Seen>>) {
        let place = target.place();
        if let Some((_, other)) = self.named.iter().find(|(other, _)| place.as_ref() == Some(other)) {
            let what = format!("is the same field as {other}; leave one of them out");
            return self.problems.push(Problem::of_cell(self.row, name, None, what));
        }
        self.named.extend(place.map(|place| (place, name.to_owned())));
        self.cell(name, target, raw, seen);
    }

    fn cell(&mut self, column: &str, target: &Target, raw: Raw, seen: &mut Option<&mut HashMap<String, Seen>>) {
        let text = match &raw {
            Raw::Text(cell) => cell.text.clone(),
            Raw::Json(Value::String(text)) => text.clone(),
            Raw::Json(value) => value.to_string(),
        };
        let is_null = matches!(raw, Raw::Json(Value::Null));
        if matches!(target, Target::Ignored) {
            return;
        }
        if is_null || matches!(&raw, Raw::Text(cell) if cell.text.is_empty()) {
            let clears = is_null || self.layout.settings.clear_empty.iter().any(|name| name == column);
            if clears {
                match cleared(&self.layout.fields, self.layout.operation, target) {
                    Ok(what) => self.set(column, &text, what),
                    Err(what) => self.problems.push(Problem::of_cell(self.row, column, None, what)),
                }
            }
            return;
        }
        if let Raw::Text(cell) = &raw
            && let Some(wrong) = damaged(cell)
        {
            if let Target::Field(flag) | Target::Amount(flag) = target {
                self.spoilt.push(flag.path.clone());
            }
            return self.wrong(column, &text, wrong);
        }
        match (target, raw) {
            (Target::Id, Raw::Json(Value::Object(_) | Value::Array(_) | Value::Bool(_))) => {
                self.wrong(column, &text, Wrong::new("must be text", None));
            }
            (Target::Id, _) => self.id = Some(text),
            (Target::Amount(flag), _) => self.amounts.push((column.to_owned(), flag.path.clone(), text)),
            (Target::Field(flag), Raw::Json(value)) => self.set(column, &text, What::Field(flag.path.clone(), value)),
            (Target::Field(flag), Raw::Text(_)) => match self.value(flag, target, &text) {
                Ok(value) => self.set(column, &text, What::Field(flag.path.clone(), value)),
                Err(wrong) => {
                    self.spoilt.push(flag.path.clone());
                    self.wrong(column, &text, wrong);
                }
            },
            (Target::Custom { key, .. }, Raw::Json(value)) => {
                self.set(column, &text, What::Custom(key.clone(), Some(value)));
            }
            (Target::Custom { key, kind }, Raw::Text(_)) => {
                let known = kind.or_else(|| self.layout.kinds.get(key).copied());
                let value = match (known, seen) {
                    (Some(kind), _) => attribute(kind, &text),
                    (None, Some(seen)) => {
                        let seen = seen.entry(key.clone()).or_insert_with(|| Seen::of(column));
                        seen.add(self.row, &text)
                    }
                    (None, None) => Ok(text.clone().into()),
                };
                match value {
                    Ok(value) => self.set(column, &text, What::Custom(key.clone(), Some(value))),
                    Err(wrong) => self.wrong(column, &text, wrong),
                }
            }
            (Target::Ignored, _) => {}
        }
    }

    fn value(&self, flag: &Flag, target: &Target, text: &str) -> Result<Value, Wrong> {
        if !flag.is_in_cents() {
            return values::value(flag.kind, target.is_day(), text);
        }
        let units = self.layout.fields.units_of(flag);
        let units = units.map(|name| format!("name the column `{name}` for those"));
        values::whole_cents(text, units.as_deref())
    }

    fn set(&mut self, column: &str, shown: &str, what: What) {
        self.sets.push(Set {
            column: column.to_owned(),
            shown: shown.to_owned(),
            what,
        });
    }

    /// Amounts in units, once the currency of the row is known.
    fn amounts(&mut self) {
        for (column, cents, text) in std::mem::take(&mut self.amounts) {
            let path = flags::currency_of(&cents);
            let own = self.sets.iter().find_map(|set| match &set.what {
                What::Field(at, Value::String(currency)) if *at == path => Some((set.column.clone(), currency.clone())),
                _ => None,
            });
            let (currency_column, currency) = match (own, &self.layout.settings.currency) {
                (Some((column, currency)), _) => (Some(column), currency),
                (None, Some(currency)) => {
                    self.set("--currency", currency, What::Field(path, currency.as_str().into()));
                    (None, currency.clone())
                }
                // This is reported for the whole column.
                (None, None) if !self.layout.has_currency(&path) => continue,
                (None, None) => {
                    let what = "needs a currency: how many cents a unit has depends on it; fill the column currency, or pass --currency";
                    self.problems
                        .push(Problem::of_cell(self.row, &column, Some(&text), what));
                    continue;
                }
            };
            if let (Err(what), Some(currency_column)) = (money::decimals(&currency), currency_column) {
                self.sets.retain(|set| set.column != currency_column);
                self.problems
                    .push(Problem::of_cell(self.row, &currency_column, Some(&currency), what));
                // A text that is not a number is invalid in any currency; how many decimals are allowed is unknown.
                if !numbers::is_plain(&text) {
                    let meant = numbers::numbers_meant(&text);
                    let must = "is not an amount; must be digits with a point before the decimals";
                    self.wrong(&column, &text, Wrong::new(must, values::either(&meant)));
                }
                continue;
            }
            match values::cents(&text, &currency) {
                Ok(number) => self.set(&column, &text, What::Field(cents, number.into())),
                Err(wrong) => {
                    self.spoilt.push(cents);
                    self.wrong(&column, &text, wrong);
                }
            }
        }
    }

    /// Rejects a currency without an amount, which would change what the existing amount is worth.
    fn currencies(&mut self) {
        let is_set = |path: &[&str]| {
            let sets = self.sets.iter();
            let mut paths = sets.filter_map(|set| match &set.what {
                What::Field(path, _) => Some(path),
                What::Custom(..) => None,
            });
            paths.any(|other| other == path) || self.spoilt.iter().any(|other| other == path)
        };
        let mut wrong = Vec::new();
        for set in &self.sets {
            let What::Field(path, code) = &set.what else { continue };
            let Some(currency) = self.layout.fields.field(path) else {
                continue;
            };
            let mut amounts = self.layout.fields.amounts_in(currency).peekable();
            let refused = code.as_str().map(money::has_cents);
            let what = match (amounts.peek(), refused) {
                (Some(_), Some(Err(wrong))) => Some(wrong.to_owned()),
                _ => amounts.find(|amount| !is_set(&amount.path)).map(|amount| {
                    let amount = amount.name();
                    format!(
                        "changes what {amount} is worth; give the amount in the same row, even if it stays the same"
                    )
                }),
            };
            wrong.extend(what.map(|what| Problem::of_cell(self.row, &set.column, Some(&set.shown), what)));
        }
        for problem in wrong {
            self.problems.push(problem);
        }
    }
}

/// The value of a field. An amount is taken digit by digit, as the text of a cell is.
fn of_json(target: &Target, name: &str, json: &str) -> Result<Raw, String> {
    let is_number = json.starts_with(|c: char| c == '-' || c.is_ascii_digit());
    if matches!(target, Target::Amount(_)) && is_number {
        return Ok(Raw::Json(json.into()));
    }
    json::value(json, name).map(Raw::Json)
}

/// What clears a field.
fn cleared(fields: &Fields, operation: &Operation, target: &Target) -> Result<What, String> {
    let of = |path: &[&'static str]| {
        let flag = fields.field(path).and_then(|flag| Some((flag, flag.cleared()?)));
        flag.map(|(flag, nothing)| What::Field(flag.path.clone(), nothing))
    };
    let what = match target {
        Target::Field(flag) | Target::Amount(flag) => of(&flag.path),
        Target::Custom { key, .. } => match &fields.custom {
            // If the API does not replace all, attributes that are missing in the list stay, so none can be removed.
            Some(Custom::Sent(path, Attributes::List | Attributes::TypedList)) if !operation.replaces_all(path[0]) => {
                None
            }
            _ => Some(What::Custom(key.clone(), None)),
        },
        Target::Id | Target::Ignored => None,
    };
    what.ok_or_else(|| "can't be cleared".to_owned())
}
