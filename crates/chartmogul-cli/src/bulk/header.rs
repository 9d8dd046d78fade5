//! The header row of an input, and what is wrong with it.

use std::collections::HashMap;

use super::{
    cells::{Cell, Records},
    columns::{Fields, Target},
    input::{Row, Rows},
    layout::{Column, Settings},
    problem::{Problem, Problems},
};
use crate::flags;

/// Reads the header row.
pub(super) fn columns(
    records: &mut Records,
    fields: &Fields,
    settings: &Settings,
    problems: &mut Problems,
) -> Vec<Column> {
    let header = loop {
        match records.next() {
            Some(Ok(record)) if record.is_blank() => {}
            Some(Ok(record)) => break record,
            Some(Err(broken)) => {
                problems.push(Problem::of_row(broken.row, broken.what));
                return Vec::new();
            }
            None => {
                problems.push(Problem::of_file("the input is empty: there is no header row"));
                return Vec::new();
            }
        }
    };
    let row = header.row;
    let mut places: HashMap<String, String> = HashMap::new();
    let mut columns = Vec::new();
    for Cell { text: name, .. } in header.cells {
        let target = match fields.target(&name, &settings.ignore) {
            Ok(target) => Some(target),
            Err(_) if name.is_empty() => None, // rejected if one of its cells is not empty
            Err(what) => {
                problems.push(Problem::of_cell(row, &name, None, what));
                None
            }
        };
        if let Some(place) = target.as_ref().and_then(Target::place) {
            match places.get(&place) {
                Some(other) if *other == name => {
                    problems.push(Problem::of_cell(row, &name, None, "occurs twice"));
                }
                Some(other) => {
                    let what = format!("means the same as the column `{other}`; keep one of them");
                    problems.push(Problem::of_cell(row, &name, None, what));
                }
                None => drop(places.insert(place, name.clone())),
            }
        }
        columns.push(Column { name, target });
    }
    let targets = || columns.iter().filter_map(|column| column.target.as_ref());
    if !targets().any(|target| matches!(target, Target::Id)) {
        let what = format!(
            "there is no column `{}` (or `uuid`), which says what is updated",
            fields.id
        );
        problems.push(Problem::of_row(row, what));
    }
    if !targets().any(|target| !matches!(target, Target::Id | Target::Ignored)) && problems.is_empty() {
        problems.push(Problem::of_row(row, "there is no column that sets something"));
    }
    for Column { name, target } in &columns {
        let Some(Target::Amount(flag)) = target else { continue };
        let currency = flags::currency_of(&flag.path);
        let is_there = |target: &Target| matches!(target, Target::Field(field) if field.path == currency);
        if settings.currency.is_none() && !targets().any(is_there) {
            let what = "needs a currency: how many cents a unit has depends on it; add the column currency, or pass --currency";
            problems.push(Problem::of_cell(row, name, None, what));
        }
    }
    if settings.currency.is_some() && !targets().any(|target| matches!(target, Target::Amount(_))) {
        let what = "--currency has no effect: there is no column of amounts in units; beside amounts in cents, add the column currency";
        problems.push(Problem::of_row(row, what));
    }
    for name in &settings.clear_empty {
        let column = columns.iter().find(|column| column.name == *name);
        match column {
            None => {
                let what = format!("--clear-empty {name}: there is no such column");
                problems.push(Problem::of_row(row, what));
            }
            Some(Column { target, .. }) => {
                let operation_can = target.as_ref().map(|target| can_clear(fields, target));
                if operation_can == Some(false) {
                    let what = format!("--clear-empty {name}: the API can't clear it");
                    problems.push(Problem::of_row(row, what));
                }
            }
        }
    }
    columns
}

/// The number of a later row that looks like the header.
pub(super) fn names_below(fields: &Fields, below: Rows) -> Option<u64> {
    const FARTHEST: usize = 20;
    let is_id = |cell: &Cell| matches!(fields.target(&cell.text, &[]), Ok(Target::Id));
    let mut rows = below.take(FARTHEST);
    rows.find_map(|(row, raw)| match raw {
        Ok(Row::Cells(cells)) if cells.iter().any(is_id) => Some(row),
        _ => None,
    })
}

fn can_clear(fields: &Fields, target: &Target) -> bool {
    match target {
        Target::Field(flag) => flag.cleared().is_some(),
        Target::Amount(flag) => fields.field(&flag.path).is_some_and(|flag| flag.cleared().is_some()),
        Target::Custom { .. } => true,
        Target::Id | Target::Ignored => false,
    }
}
