//! The updates of an input, each built from a row. All rows are checked before the first update is sent.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use chartmogul::{
    Client, Error, Operation,
    bulk::{JsonUpdate, Update as _},
};

use super::{
    columns::{Fields, Target},
    days, header,
    input::{Form, Input, Row, Rows},
    layout::{Column, Layout, Settings},
    problem::{Problem, Problems},
    reading::read,
    sets::{Set, What, culprit, update},
    values,
};

/// Replaces an invalid identifier, while the rest of its row is checked.
const SOME_UUID: &str = "00000000-0000-4000-8000-000000000000";

/// An input and its layout.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) input: Input,
    pub(super) layout: Layout,
    /// Rows below the header that are not blank, and those of them that set something.
    pub(super) rows: u64,
    pub(super) updates: u64,
    /// The rows below the header.
    below: Rows,
}

/// A row, and what it sets.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) row: u64,
    pub(super) raw: Row,
    pub(super) id: String,
    sets: Vec<Set>,
}

impl Planned {
    /// Whether it changes nothing, because all its cells are empty.
    pub(super) fn is_empty(&self) -> bool {
        self.sets.is_empty()
    }
}

impl Plan {
    /// Reads the whole input, and checks it.
    ///
    /// # Errors
    /// All problems of the input.
    pub(super) fn new(
        client: &Client,
        operation: &'static Operation,
        fields: Fields,
        input: Input,
        settings: Settings,
    ) -> Result<Self, Box<Problems>> {
        let mut problems = Problems::default();
        let (columns, below) = match input.form {
            Form::Cells(delimiter) => {
                let mut records = input.records(delimiter);
                let columns = header::columns(&mut records, &fields, &settings, &mut problems);
                (columns, Rows::Cells(records))
            }
            Form::JsonLines => (Vec::new(), Rows::Lines(input.lines())),
        };
        let mut plan = Self {
            layout: Layout {
                operation,
                fields,
                settings,
                form: input.form,
                columns,
                kinds: HashMap::new(),
            },
            input,
            rows: 0,
            updates: 0,
            below,
        };
        let has_id = |column: &Column| matches!(column.target, Some(Target::Id));
        if plan.input.form == Form::JsonLines || plan.layout.columns.iter().any(has_id) {
            plan.check(client, &mut problems);
        } else if let Some(row) = header::names_below(&plan.layout.fields, plan.below.clone()) {
            let what = "this row has the column names; remove the rows above it";
            problems.push(Problem::of_row(row, what));
        }
        problems.finish();
        if problems.is_empty() {
            Ok(plan)
        } else {
            Err(Box::new(problems))
        }
    }

    fn check(&mut self, client: &Client, problems: &mut Problems) {
        let (mut ids, mut seen) = (HashMap::new(), HashMap::new());
        let (mut rows, mut updates, mut replacing) = (0, 0, 0);
        for (row, raw) in self.below.clone() {
            rows += 1;
            let raw = match raw {
                Ok(raw) => raw,
                Err((cell, what)) => {
                    let column = cell.and_then(|cell| self.layout.columns.get(cell));
                    problems.push(Problem {
                        column: column.map(|column| column.name.clone()),
                        ..Problem::of_row(row, what)
                    });
                    continue;
                }
            };
            let before = problems.count();
            let (id, sets) = read(&self.layout, row, &raw, &mut Some(&mut seen), problems);
            if sets.is_empty() && problems.count() == before {
                continue; // all its cells are empty
            }
            updates += 1;
            let mut custom = sets.iter().filter_map(Set::custom).peekable();
            if let Some((column, _)) = custom.peek().copied().filter(|_| self.layout.settings.replace_custom) {
                replacing += 1;
                if custom.all(|(_, value)| value.is_none()) {
                    let what = "would remove every custom attribute of the object; name one that stays, or clear them one by one \
                                without --replace-custom";
                    problems.push(Problem::of_cell(row, column, None, what));
                }
            }
            let Some(id) = id else {
                let what = "is empty; each row needs it";
                problems.push(Problem::of_cell(row, self.layout.id_column(), None, what));
                self.check_values(client, row, SOME_UUID, sets, problems);
                continue;
            };
            if let Some(Err((must, meant))) = self.layout.fields.shape.as_ref().map(|shape| shape.check(&id)) {
                let problem = Problem::of_cell(row, self.layout.id_column(), Some(&id), must);
                problems.push(Problem { meant, ..problem });
                self.check_values(client, row, SOME_UUID, sets, problems);
                continue;
            }
            match ids.entry(id.to_ascii_lowercase()) {
                Entry::Occupied(first) if !self.layout.settings.allow_duplicates => {
                    let what = format!(
                        "is in row {} already; give each object one row, or pass --allow-duplicates to send them in their order",
                        first.get()
                    );
                    problems.push(Problem::of_cell(row, self.layout.id_column(), Some(&id), what));
                }
                Entry::Occupied(_) => {}
                Entry::Vacant(free) => drop(free.insert(row)),
            }
            self.check_values(client, row, &id, sets, problems);
        }
        if rows == 0 && problems.is_empty() {
            problems.push(Problem::of_file(format!("{} has no rows", self.input.name)));
        }
        if self.layout.settings.replace_custom && replacing == 0 && problems.is_empty() {
            let what = "--replace-custom: no row has a custom attribute (custom.NAME), so there is nothing to replace them with";
            problems.push(Problem::of_file(what));
        }
        (self.rows, self.updates) = (rows, updates);
        for (key, seen) in seen.into_iter().filter(|(_, seen)| seen.has_values()) {
            match seen.kind() {
                Ok(kind) => drop(self.layout.kinds.insert(key, kind)),
                Err(problem) => problems.push(problem),
            }
        }
    }

    /// Makes the checks that sending the row makes, and reports all problems of the row, not just the first.
    fn check_values(&self, client: &Client, row: u64, id: &str, mut sets: Vec<Set>, problems: &mut Problems) {
        let mut id = id;
        loop {
            let update = update(&self.layout, client, id, &sets);
            let checked = update.and_then(|update| if sets.is_empty() { Ok(()) } else { update.check() });
            let wrong = match checked {
                Ok(()) => return,
                Err(Error::InvalidInput(wrong)) => wrong,
                Err(error) => return problems.push(Problem::of_row(row, error.to_string())),
            };
            if wrong.field() == self.layout.fields.id && id != SOME_UUID {
                problems.push(Problem::of_cell(
                    row,
                    self.layout.id_column(),
                    Some(id),
                    wrong.requirement(),
                ));
                id = SOME_UUID;
                continue;
            }
            let Some(at) = culprit(&sets, wrong.field()) else {
                return problems.push(Problem::of_row(row, wrong.to_string()));
            };
            let set = sets.remove(at);
            if set.custom().is_some() && wrong.field().ends_with("key") {
                let what = format!("has an invalid attribute name: it {}", wrong.requirement());
                problems.push_once(Problem::of_cell(row, &set.column, None, what));
                continue;
            }
            let meant = match &set.what {
                What::Field(path, _) if self.layout.fields.is_instant(path) => {
                    values::either(&days::instants_meant(&set.shown))
                }
                _ => None,
            };
            let problem = Problem::of_cell(row, &set.column, Some(&set.shown), wrong.requirement());
            problems.push(Problem { meant, ..problem });
        }
    }

    /// All rows, in order. They were checked.
    pub(super) fn rows(self: &Arc<Self>) -> impl Iterator<Item = Planned> + Send + use<> {
        let plan = Arc::clone(self);
        plan.below.clone().filter_map(move |(row, raw)| {
            let raw = raw.ok()?;
            let (id, sets) = read(&plan.layout, row, &raw, &mut None, &mut Problems::default());
            let id = id.unwrap_or_default();
            Some(Planned { row, raw, id, sets })
        })
    }

    /// The updates, in order: those of rows that set something.
    pub(super) fn updates(
        self: &Arc<Self>,
        client: &Client,
    ) -> impl Iterator<Item = Result<JsonUpdate, Error>> + Send + use<> {
        let (plan, client) = (Arc::clone(self), client.clone());
        let rows = self.rows().filter(|planned| !planned.is_empty());
        rows.map(move |planned| update(&plan.layout, &client, &planned.id, &planned.sets))
    }

    /// The name of the identifier.
    pub(super) fn id(&self) -> &'static str {
        self.layout.fields.id
    }
}
