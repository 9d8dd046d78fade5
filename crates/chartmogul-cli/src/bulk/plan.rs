//! The updates of an input: which update follows from which row. All of it is checked before the first update is sent.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    sync::Arc,
};

use chartmogul::{
    Client, CustomAttributeValue, Error, Operation,
    bulk::{JsonUpdate, Update as _},
};
use serde_json::{Map, Value, json};

use super::{
    cells::Cell,
    columns::{AttributeKind, Custom, Fields, Target},
    input::{Form, Input, Raw, Row, Rows},
    problem::Problem,
    values::{self, Wrong},
};
use crate::{
    flags::{Attributes, Flag},
    json, money,
    output::text::compact,
};

/// Stands for an identifier that is wrong, while the rest of its row is checked.
const SOME_UUID: &str = "00000000-0000-4000-8000-000000000000";

/// What the command line says about the input.
#[derive(Debug, Clone, Default)]
pub(super) struct Settings {
    /// Of amounts in units whose row has no currency.
    pub(super) currency: Option<String>,
    /// Columns whose empty cells clear.
    pub(super) clear_empty: Vec<String>,
    /// Columns that are left out.
    pub(super) ignore: Vec<String>,
    pub(super) allow_duplicates: bool,
    /// Attributes that a row does not name are removed.
    pub(super) replace_custom: bool,
}

/// A column of an input that has a row of names.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) name: String,
    /// `None` if it is not known.
    target: Option<Target>,
}

impl Column {
    /// Whether a file of failed rows has it: not, if it comes from such a file.
    fn is_kept(&self) -> bool {
        !super::columns::OF_FAILED.contains(&self.name.as_str())
    }
}

/// An input, and what its columns are about.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) operation: &'static Operation,
    pub(super) input: Input,
    pub(super) columns: Vec<Column>,
    /// Rows below the header that are not blank, and those of them that set something.
    pub(super) rows: u64,
    pub(super) updates: u64,
    fields: Fields,
    settings: Settings,
    /// Where the rows begin that are no header.
    below: Rows,
    /// The types of custom attributes, by key.
    kinds: HashMap<String, AttributeKind>,
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

/// What a cell sets.
#[derive(Debug, Clone)]
struct Set {
    column: String,
    /// The cell, as it was written.
    shown: String,
    what: What,
}

impl Set {
    /// The column of a custom attribute, and its value; `None` removes it.
    fn custom(&self) -> Option<(&str, Option<&Value>)> {
        match &self.what {
            What::Custom(_, value) => Some((&self.column, value.as_ref())),
            What::Field(..) => None,
        }
    }
}

#[derive(Debug, Clone)]
enum What {
    Field(Vec<&'static str>, Value),
    /// `None` removes it.
    Custom(String, Option<Value>),
}

/// What the cells of a custom attribute without a type look like: the first row of each kind.
#[derive(Debug, Default)]
struct Seen {
    column: String,
    integer: Option<(u64, String)>,
    decimal: Option<(u64, String)>,
    boolean: Option<(u64, String)>,
    text: Option<(u64, String)>,
}

/// All problems, in order, up to a maximum.
#[derive(Debug, Default)]
pub(super) struct Problems {
    pub(super) all: Vec<Problem>,
    pub(super) more: u64,
    rows: HashSet<u64>,
    /// Unknown keys of JSON lines: the index of their problem in `all`, and the number of rows that have them.
    keys: HashMap<(String, String), (usize, u64)>,
}

/// More problems than this are counted only.
const MOST: usize = 1_000;

impl Problems {
    fn push(&mut self, problem: Problem) {
        self.rows.extend(problem.row);
        if self.all.len() < MOST {
            self.all.push(problem);
        } else {
            self.more += 1;
        }
    }

    /// A problem of a whole column, which is reported at its first row.
    fn push_once(&mut self, problem: Problem) {
        let is_known = |known: &Problem| known.column == problem.column && known.must == problem.must;
        if !self.all.iter().any(is_known) {
            self.push(problem);
        }
    }

    /// An unknown key of JSON lines. It is reported once, at its first row, as a column is.
    fn push_key(&mut self, row: u64, name: &str, must: String) {
        match self.keys.entry((name.to_owned(), must.clone())) {
            Entry::Occupied(mut known) => {
                known.get_mut().1 += 1;
                self.rows.insert(row);
            }
            Entry::Vacant(free) => {
                free.insert((self.all.len(), 1));
                self.push(Problem::of_cell(row, name, None, must));
            }
        }
    }

    /// In the order of the file.
    fn finish(&mut self) {
        for (at, rows) in self.keys.values().filter(|(_, rows)| *rows > 1) {
            if let Some(problem) = self.all.get_mut(*at) {
                problem.must += &format!(" ({rows} rows have it)");
            }
        }
        self.all.sort_by_key(|problem| problem.row);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(super) fn count(&self) -> u64 {
        self.all.len() as u64 + self.more
    }

    pub(super) fn rows(&self) -> usize {
        self.rows.len()
    }
}

impl Plan {
    /// Reads the whole input, and checks it.
    ///
    /// # Errors
    /// All that is wrong.
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
                let columns = header(&mut records, &fields, &settings, &mut problems);
                (columns, Rows::Cells(records))
            }
            Form::JsonLines => (Vec::new(), Rows::Lines(input.lines())),
        };
        let mut plan = Self {
            operation,
            input,
            columns,
            rows: 0,
            updates: 0,
            fields,
            settings,
            below,
            kinds: HashMap::new(),
        };
        let has_id = |column: &Column| matches!(column.target, Some(Target::Id));
        if plan.input.form == Form::JsonLines || plan.columns.iter().any(has_id) {
            plan.check(client, &mut problems);
        } else if let Some(row) = plan.names_below() {
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

    /// A row that looks like the names of the columns, below one that does not.
    fn names_below(&self) -> Option<u64> {
        const FARTHEST: usize = 20;
        let is_id = |cell: &Cell| matches!(self.fields.target(&cell.text, &[]), Ok(Target::Id));
        let mut rows = self.below.clone().take(FARTHEST);
        rows.find_map(|(row, raw)| match raw {
            Ok(Row::Cells(cells)) if cells.iter().any(is_id) => Some(row),
            _ => None,
        })
    }

    /// The column of the identifier.
    fn id_column(&self) -> &str {
        let column = self
            .columns
            .iter()
            .find(|column| matches!(column.target, Some(Target::Id)));
        column.map_or(self.fields.id, |column| &column.name)
    }

    /// Whether a row may have the currency of an amount.
    fn has_currency(&self, path: &[&str]) -> bool {
        let is_there = |column: &Column| matches!(&column.target, Some(Target::Field(field)) if field.path == path);
        self.input.form == Form::JsonLines || self.columns.iter().any(is_there)
    }

    fn check(&mut self, client: &Client, problems: &mut Problems) {
        let (mut ids, mut seen) = (HashMap::new(), HashMap::new());
        let (mut rows, mut updates, mut replacing) = (0, 0, 0);
        for (row, raw) in self.below.clone() {
            rows += 1;
            let raw = match raw {
                Ok(raw) => raw,
                Err((cell, what)) => {
                    let column = cell.and_then(|cell| self.columns.get(cell));
                    problems.push(Problem {
                        column: column.map(|column| column.name.clone()),
                        ..Problem::of_row(row, what)
                    });
                    continue;
                }
            };
            let before = problems.count();
            let (id, sets) = self.read(row, &raw, &mut Some(&mut seen), problems);
            if sets.is_empty() && problems.count() == before {
                continue; // all its cells are empty
            }
            updates += 1;
            let mut custom = sets.iter().filter_map(Set::custom).peekable();
            if let Some((column, _)) = custom.peek().copied().filter(|_| self.settings.replace_custom) {
                replacing += 1;
                if custom.all(|(_, value)| value.is_none()) {
                    let what = "would remove every custom attribute of the object; name one that stays, or clear them one by one \
                                without --replace-custom";
                    problems.push(Problem::of_cell(row, column, None, what));
                }
            }
            let Some(id) = id else {
                let what = "is empty; each row needs it";
                problems.push(Problem::of_cell(row, self.id_column(), None, what));
                self.check_values(client, row, SOME_UUID, sets, problems);
                continue;
            };
            if let Some(Err((must, meant))) = self.fields.shape.as_ref().map(|shape| shape.check(&id)) {
                let problem = Problem::of_cell(row, self.id_column(), Some(&id), must);
                problems.push(Problem { meant, ..problem });
                self.check_values(client, row, SOME_UUID, sets, problems);
                continue;
            }
            match ids.entry(id.to_ascii_lowercase()) {
                Entry::Occupied(first) if !self.settings.allow_duplicates => {
                    let what = format!(
                        "is in row {} already; give each object one row, or pass --allow-duplicates to send them in their order",
                        first.get()
                    );
                    problems.push(Problem::of_cell(row, self.id_column(), Some(&id), what));
                }
                Entry::Occupied(_) => {}
                Entry::Vacant(free) => drop(free.insert(row)),
            }
            self.check_values(client, row, &id, sets, problems);
        }
        if rows == 0 && problems.is_empty() {
            problems.push(Problem::of_file(format!("{} has no rows", self.input.name)));
        }
        if self.settings.replace_custom && replacing == 0 && problems.is_empty() {
            let what = "--replace-custom: no row has a custom attribute (custom.NAME), so there is nothing to replace them with";
            problems.push(Problem::of_file(what));
        }
        (self.rows, self.updates) = (rows, updates);
        for (key, seen) in seen.into_iter().filter(|(_, seen)| seen.has_values()) {
            match seen.kind() {
                Ok(kind) => drop(self.kinds.insert(key, kind)),
                Err(problem) => problems.push(problem),
            }
        }
    }

    /// Checks a row as it is checked before it is sent, and finds all that is wrong with it, not just the first.
    fn check_values(&self, client: &Client, row: u64, id: &str, mut sets: Vec<Set>, problems: &mut Problems) {
        let mut id = id;
        loop {
            let update = self.update(client, id, &sets);
            let checked = update.and_then(|update| if sets.is_empty() { Ok(()) } else { update.check() });
            let wrong = match checked {
                Ok(()) => return,
                Err(Error::InvalidInput(wrong)) => wrong,
                Err(error) => return problems.push(Problem::of_row(row, error.to_string())),
            };
            if wrong.field() == self.fields.id && id != SOME_UUID {
                problems.push(Problem::of_cell(row, self.id_column(), Some(id), wrong.requirement()));
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
                What::Field(path, _) if self.fields.is_instant(path) => {
                    values::either(&values::instants_meant(&set.shown))
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
            let (id, sets) = plan.read(row, &raw, &mut None, &mut Problems::default());
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
        rows.map(move |planned| plan.update(&client, &planned.id, &planned.sets))
    }

    /// The name of the identifier.
    pub(super) fn id(&self) -> &'static str {
        self.fields.id
    }

    /// The names of the columns of a file of failed rows, without its own. The types that were found are said: a few of the rows
    /// may look different.
    pub(super) fn columns_of_failed(&self) -> impl Iterator<Item = String> {
        let kept = self.columns.iter().filter(|column| column.is_kept());
        kept.map(|column| self.name_in_failed(column))
    }

    /// What such a file calls a column.
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

    /// The cells of a row that such a file has.
    pub(super) fn given<'a>(&self, cells: &'a [Cell]) -> impl Iterator<Item = &'a Cell> {
        static EMPTY: Cell = Cell {
            text: String::new(),
            quoted: false,
        };
        let kept = self.columns.iter().enumerate().filter(|(_, column)| column.is_kept());
        kept.map(|(at, _)| cells.get(at).unwrap_or(&EMPTY))
    }

    fn update(&self, client: &Client, id: &str, sets: &[Set]) -> Result<JsonUpdate, Error> {
        let mut arguments = Map::new();
        arguments.insert(self.fields.id.to_owned(), id.into());
        let mut custom = Vec::new();
        for set in sets {
            match &set.what {
                What::Field(path, value) => insert(&mut arguments, path, value.clone()),
                What::Custom(key, value) => custom.push((key, value)),
            }
        }
        if let (Some(Custom::Sent(path, form)), false) = (&self.fields.custom, custom.is_empty()) {
            insert(&mut arguments, path, attributes(*form, &custom));
            custom.clear();
        }
        let mut update = JsonUpdate::new(client, self.operation, arguments)?;
        for (key, value) in custom {
            update = match value.clone().map(serde_json::from_value::<CustomAttributeValue>) {
                Some(Ok(value)) => update.set_custom(key, value),
                Some(Err(_)) => {
                    let must = "must be text, a number of 64 bits, true or false";
                    let wrong = chartmogul::InvalidInput::new(format!("custom.{key}"), &value, must);
                    return Err(wrong.into());
                }
                None => update.remove_custom(key),
            };
        }
        Ok(update)
    }

    /// What the cells of a row set. `seen` collects what those of custom attributes look like, before their type is known.
    fn read(
        &self,
        row: u64,
        raw: &Row,
        seen: &mut Option<&mut HashMap<String, Seen>>,
        problems: &mut Problems,
    ) -> (Option<String>, Vec<Set>) {
        let mut reading = Reading {
            plan: self,
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
                    match self.columns.get(at) {
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
                            let (here, there) = (cells.len(), self.columns.len());
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
                    reading.member(name, value.get(), seen);
                }
            }
        }
        reading.amounts();
        reading.currencies();
        (reading.id, reading.sets)
    }
}

/// Reads a row.
struct Reading<'a> {
    plan: &'a Plan,
    row: u64,
    id: Option<String>,
    sets: Vec<Set>,
    /// What the members of a JSON object name, and by which name.
    named: Vec<(String, String)>,
    /// Column, field in cents, text.
    amounts: Vec<(String, Vec<&'static str>, String)>,
    /// Fields whose cell was refused.
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

    /// A member of a JSON object as it was written, or what is in it.
    fn member(&mut self, name: &str, json: &str, seen: &mut Option<&mut HashMap<String, Seen>>) {
        let wrong = match self.plan.fields.target(name, &self.plan.settings.ignore) {
            Ok(Target::Ignored) => return,
            Ok(target) => match of_json(&target, name, json) {
                Ok(raw) => return self.named(name, &target, raw, seen),
                Err(what) => what,
            },
            Err(_) if json.starts_with('{') && compact(json) != "{}" => match json::members(json, name) {
                Ok(members) => {
                    for (inner, value) in &members.0 {
                        self.member(&format!("{name}.{inner}"), value.get(), seen);
                    }
                    return;
                }
                Err(what) => what,
            },
            Err(what) => return self.problems.push_key(self.row, name, what),
        };
        self.problems.push(Problem::of_cell(self.row, name, None, wrong));
    }

    /// One that has a place, which no other may have.
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
            let clears = is_null || self.plan.settings.clear_empty.iter().any(|name| name == column);
            if clears {
                match cleared(&self.plan.fields, self.plan.operation, target) {
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
                let known = kind.or_else(|| self.plan.kinds.get(key).copied());
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
        let units = self.plan.fields.units_of(flag);
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
            let path = crate::flags::currency_of(&cents);
            let own = self.sets.iter().find_map(|set| match &set.what {
                What::Field(at, Value::String(currency)) if *at == path => Some((set.column.clone(), currency.clone())),
                _ => None,
            });
            let (currency_column, currency) = match (own, &self.plan.settings.currency) {
                (Some((column, currency)), _) => (Some(column), currency),
                (None, Some(currency)) => {
                    self.set("--currency", currency, What::Field(path, currency.as_str().into()));
                    (None, currency.clone())
                }
                // This is reported for the whole column.
                (None, None) if !self.plan.has_currency(&path) => continue,
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
                if !values::is_plain(&text) {
                    let meant = values::numbers_meant(&text);
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

    /// A currency without an amount changes what the amount that is there is worth.
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
            let Some(currency) = self.plan.fields.field(path) else {
                continue;
            };
            let mut amounts = self.plan.fields.amounts_in(currency).peekable();
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

/// The row of names.
fn header(
    records: &mut super::cells::Records,
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
            Err(_) if name.is_empty() => None, // refused if it has a cell that is not
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
        let currency = crate::flags::currency_of(&flag.path);
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

fn can_clear(fields: &Fields, target: &Target) -> bool {
    match target {
        Target::Field(flag) => flag.cleared().is_some(),
        Target::Amount(flag) => fields.field(&flag.path).is_some_and(|flag| flag.cleared().is_some()),
        Target::Custom { .. } => true,
        Target::Id | Target::Ignored => false,
    }
}

/// The value of a member. An amount is taken digit by digit, as the text of a cell is.
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
            // What is not in a list that is sent without replacing all stays.
            Some(Custom::Sent(path, Attributes::List | Attributes::TypedList)) if !operation.replaces_all(path[0]) => {
                None
            }
            _ => Some(What::Custom(key.clone(), None)),
        },
        Target::Id | Target::Ignored => None,
    };
    what.ok_or_else(|| "can't be cleared".to_owned())
}

/// Values that are wrong in any column.
fn damaged(cell: &Cell) -> Option<Wrong> {
    let text = cell.text.as_str();
    if values::spreadsheet_error(text) {
        return Some(Wrong::new("is an error of the spreadsheet, not a value", None));
    }
    if text.contains('\u{fffd}') {
        return Some(Wrong::new(
            "was damaged when the file was converted: a character is lost",
            None,
        ));
    }
    let mut ends = text.chars();
    let ends: String = [ends.next(), ends.next_back()].into_iter().flatten().collect();
    let what = values::invisible(&ends)?;
    let shown = values::visible(text);
    let meant = (!shown.is_empty()).then_some(shown);
    Some(Wrong::new(
        format!("begins or ends with {what}, which is invisible"),
        meant,
    ))
}

/// A custom attribute of a known type.
fn attribute(kind: AttributeKind, text: &str) -> Result<Value, Wrong> {
    use crate::flags::Kind;
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

impl Seen {
    fn of(column: &str) -> Self {
        Self {
            column: column.to_owned(),
            ..Self::default()
        }
    }

    /// Adds a cell, and returns its own kind.
    fn add(&mut self, row: u64, text: &str) -> Result<Value, Wrong> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let has_zeros = digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0."); // it is a code
        let kind = match text {
            "true" | "false" | "TRUE" | "FALSE" => AttributeKind::Boolean,
            text if values::is_plain(text) && !has_zeros && text.contains('.') => AttributeKind::Decimal,
            text if values::is_plain(text) && !has_zeros => AttributeKind::Integer,
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

    /// Whether there was a cell that was not refused.
    fn has_values(&self) -> bool {
        let kinds = [&self.integer, &self.decimal, &self.boolean, &self.text];
        kinds.into_iter().any(Option::is_some)
    }

    /// The type of all cells.
    fn kind(&self) -> Result<AttributeKind, Problem> {
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

/// Custom attributes as an operation sends them.
fn attributes(form: Attributes, custom: &[(&String, &Option<Value>)]) -> Value {
    let set = custom.iter().filter_map(|(key, value)| Some((*key, (*value).clone()?)));
    match form {
        Attributes::Map => {
            let all = custom
                .iter()
                .map(|(key, value)| ((*key).clone(), (*value).clone().unwrap_or_default()));
            Value::Object(all.collect())
        }
        Attributes::List => set.map(|(key, value)| json!({ "key": key, "value": value })).collect(),
        Attributes::TypedList => set
            .map(|(key, value)| json!({ "type": crate::arguments::type_of(&value), "key": key, "value": value }))
            .collect(),
    }
}

/// Sets a field of an object in objects.
fn insert(object: &mut Map<String, Value>, path: &[&str], value: Value) {
    match path {
        [] => {}
        [name] => drop(object.insert((*name).to_owned(), value)),
        [name, rest @ ..] => {
            let inner = object.entry((*name).to_owned()).or_insert_with(|| json!({}));
            if let Value::Object(inner) = inner {
                insert(inner, rest, value);
            }
        }
    }
}

/// The cell that a check is about, by the name of the field.
fn culprit(sets: &[Set], field: &str) -> Option<usize> {
    let is_within = |path: &str| {
        let rest = field.strip_prefix(path);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    // Those of a list are counted.
    let index = field
        .split_once("custom[")
        .and_then(|(_, rest)| rest.split_once(']')?.0.parse::<usize>().ok());
    let mut of_list = sets
        .iter()
        .enumerate()
        .filter(|(_, set)| matches!(set.what, What::Custom(_, Some(_))));
    if let Some((at, _)) = index.and_then(|index| of_list.nth(index)) {
        return Some(at);
    }
    sets.iter().position(|set| match &set.what {
        What::Field(path, _) => is_within(&path.join(".")),
        What::Custom(key, _) => field.ends_with(&format!("custom.{key}")),
    })
}
