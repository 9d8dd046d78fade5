//! Runs an operation: from its arguments to its output.

use std::{
    collections::{BTreeMap, HashSet},
    io::{self, Write as _},
};

use chartmogul::{
    Error as ApiError, MAX_EMPTY_PAGES, Operation,
    bulk::JsonUpdate,
    chartmogul_api::{Response, Schema},
};
use clap::ArgMatches;
use serde_json::{Map, Value, value::RawValue};

use crate::{
    arguments::{self, Arguments},
    cli::Action,
    context::Context,
    error::{CliError, Exit},
    flags,
    output::{self, Printer},
    signals::Signals,
};

/// Runs a command of a resource.
pub(crate) async fn action(context: &Context, action: Action, matches: &ArgMatches) -> Result<Exit, CliError> {
    match action {
        Action::BulkUpdate(operation) => crate::bulk::run(context, operation, matches).await,
        Action::MergeCustom(operation) => {
            let mut arguments = Arguments::default();
            for parameter in operation.parameters {
                if let Some(text) = arguments::one(matches, parameter.name) {
                    arguments.values.insert(parameter.name.to_owned(), text.into());
                }
            }
            arguments.custom = arguments::merged(matches)?;
            if arguments.custom.is_empty() {
                let message = "there is nothing to change: give KEY=VALUE or --remove-custom KEY";
                return Err(CliError::usage(message));
            }
            let printer = Printer::new(context, Some(operation))?;
            merge(context, operation, arguments, printer).await
        }
        Action::Call(operation, by_query) => {
            let by_path = operation
                .parameters
                .iter()
                .all(|path| arguments::one(matches, path.name).is_some());
            if by_path && let Some(other) = by_query {
                let own = flags::flags(operation);
                let all = flags::flags(other).into_iter();
                let mut keys = all.filter(|flag| !own.iter().any(|known| known.long == flag.long));
                if let Some(key) = keys.find(|key| !arguments::many(matches, &key.long).is_empty()) {
                    let message = format!("{} and --{} exclude each other", operation.parameters[0].name, key.long);
                    return Err(CliError::usage(message).field(key.long.as_str()));
                }
            }
            let operation = by_query.filter(|_| !by_path).unwrap_or(operation);
            call(context, operation, matches).await
        }
    }
}

async fn call(context: &Context, operation: &'static Operation, matches: &ArgMatches) -> Result<Exit, CliError> {
    let is_set = |name: &str| matches.try_get_one::<bool>(name).ok().flatten().is_some_and(|set| *set);
    if is_set("template") {
        return template(operation);
    }
    if let Some(instead) = operation.deprecated {
        context.note(&format!("{} is deprecated: {instead}", operation.summary));
    }
    let arguments = arguments::read(operation, matches)?;
    check_required(operation, &arguments)?;
    let printer = Printer::new(context, Some(operation))?;
    if operation.destructive {
        let named: Vec<_> = operation
            .parameters
            .iter()
            .filter_map(|path| arguments.values.get(path.name))
            .collect();
        let named = named
            .iter()
            .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        let what = std::iter::once(operation.summary.to_owned())
            .chain(named)
            .collect::<Vec<_>>()
            .join(" ");
        confirm(context, &what)?;
    }
    if !arguments.custom.is_empty() {
        return merge(context, operation, arguments, printer).await;
    }
    if operation.pages {
        let limit = matches.try_get_one::<u64>("limit").ok().flatten().copied();
        let extent = match (limit, is_set("all")) {
            (Some(limit), _) => Some(limit),
            (None, true) => Some(u64::MAX),
            (None, false) => None,
        };
        return list(context, operation, arguments.values, extent, printer).await;
    }
    let client = context.client()?.low_level();
    let called = client.call_json(operation, arguments.values.clone());
    match uninterrupted(operation.is_read(), called).await? {
        Ok(response) => {
            let printed = one(context, operation, &response, printer);
            let is_read = operation.is_read();
            printed.map_err(|error| if is_read { error } else { error.once_done("It was done") })
        }
        Err(ApiError::NotModified(_)) => {
            context.note("Nothing to change.");
            read_again(context, operation, arguments.values, printer).await
        }
        Err(error) => Err(error.into()),
    }
}

/// Waits for a request. If one that changes something is interrupted, the error says that its effect is unknown.
pub(crate) async fn uninterrupted<T>(is_read: bool, request: impl Future<Output = T>) -> Result<T, CliError> {
    if is_read {
        return Ok(request.await);
    }
    let mut signals = Signals::listen()?;
    tokio::select! {
        done = request => Ok(done),
        () = signals.next() => {
            let message = "interrupted while a request that changes something was in flight";
            Err(CliError::new(Exit::Interrupted, "interrupted", message).may_have_happened())
        }
    }
}

/// Writes what a call returned.
fn one(
    context: &Context,
    operation: &Operation,
    response: &Response<Value>,
    printer: Printer<'_>,
) -> Result<Exit, CliError> {
    if operation.response.is_none() {
        context.note(&format!("Done: {}.", operation.summary));
        return Ok(Exit::Done);
    }
    let json = exact(response);
    match (operation.entries, json.starts_with('[')) {
        (Some(field), _) => printer.object_with_entries(&json, field)?,
        (None, true) => {
            let mut printer = printer;
            for item in output::items(&json) {
                printer.entry(&item)?;
            }
            printer.end()?;
        }
        (None, false) => printer.object(&json)?,
    }
    Ok(Exit::Done)
}

/// The body as it arrived, so that numbers keep their digits; the decoded value, if the body is not valid JSON
/// throughout.
fn exact(response: &Response<Value>) -> String {
    let body = response.body().strip_prefix(b"\xef\xbb\xbf").unwrap_or(response.body());
    match serde_json::from_slice::<Box<RawValue>>(body) {
        Ok(json) => json.get().to_owned(),
        Err(_) => response.value().to_string(),
    }
}

/// Prints the object of an update that changed nothing, if there is an operation that reads it.
async fn read_again(
    context: &Context,
    operation: &'static Operation,
    mut arguments: Map<String, Value>,
    printer: Printer<'_>,
) -> Result<Exit, CliError> {
    let Some(read) = operation.read() else {
        return Ok(Exit::Done);
    };
    keep_known(read, &mut arguments);
    let response = context.client()?.low_level().call_json(read, arguments).await?;
    one(context, read, &response, printer)
}

/// Removes arguments that the operation does not take.
fn keep_known(operation: &Operation, arguments: &mut Map<String, Value>) {
    arguments.retain(|name, _| {
        let in_query = operation.query.is_some_and(|query| query.field(name).is_some());
        operation.parameter(name).is_some() || in_query
    });
}

/// Writes the entries of one page (`limit` is `None`), or up to `limit` entries from as many pages as necessary.
async fn list(
    context: &Context,
    operation: &'static Operation,
    mut arguments: Map<String, Value>,
    limit: Option<u64>,
    mut printer: Printer<'_>,
) -> Result<Exit, CliError> {
    let client = context.client()?.low_level();
    let mut left = limit.unwrap_or(u64::MAX);
    if limit.is_some() && !arguments.contains_key("per_page") {
        let field = operation.query.and_then(|query| query.field("per_page"));
        if let Some(Schema::Integer {
            maximum: Some(most), ..
        }) = field.map(|field| field.schema)
        {
            let per_page = i64::try_from(left).map_or(most, |left| left.min(most));
            arguments.insert("per_page".to_owned(), per_page.into());
        }
    }
    let mut cursors: HashSet<String> = HashSet::new();
    let mut empty = 0;
    loop {
        let response = client.call_json(operation, arguments.clone()).await?;
        let page = Page::of(operation, &response)?;
        empty = if page.entries.is_empty() { empty + 1 } else { 0 };
        let mut more = page.has_more;
        for entry in &page.entries {
            if left == 0 {
                more = true;
                break;
            }
            left -= 1;
            printer.entry(entry)?;
        }
        printer.flush()?;
        let cursor = page.cursor.filter(|_| more);
        let Some(cursor) = cursor.filter(|_| limit.is_some() && left > 0) else {
            printer.end()?;
            if more && limit.is_none() {
                context.note("There are more: --all writes all of them, --limit N at most N.");
            }
            return Ok(Exit::Done);
        };
        if !cursors.insert(cursor.clone()) || empty >= MAX_EMPTY_PAGES {
            let message = "the list does not end: the server sent the same cursor twice, or pages without entries";
            return Err(CliError::new(Exit::Unexpected, "pagination", message));
        }
        arguments.insert("cursor".to_owned(), cursor.into());
    }
}

/// A page of a list.
pub(crate) struct Page {
    pub(crate) entries: Vec<String>,
    pub(crate) cursor: Option<String>,
    pub(crate) has_more: bool,
}

impl Page {
    fn of(operation: &Operation, response: &Response<Value>) -> Result<Self, CliError> {
        let json = exact(response);
        let name = operation.entries.unwrap_or("entries");
        Self::read(&json, |fields| fields.get(name).map(|_| name.to_owned())).ok_or_else(|| {
            let message = format!("{}: the response has no list `{name}`", operation.id);
            CliError::new(Exit::Unexpected, "unreadable", message)
        })
    }

    /// `None` if it contains no list.
    pub(crate) fn read(
        json: &str,
        list: impl FnOnce(&BTreeMap<String, Box<RawValue>>) -> Option<String>,
    ) -> Option<Self> {
        let fields: BTreeMap<String, Box<RawValue>> = serde_json::from_str(json).ok()?;
        let field = |name: &str| fields.get(name).map(|value| value.get());
        let list = list(&fields)?;
        let entries = field(&list).filter(|value| value.starts_with('['))?;
        Some(Self {
            entries: output::items(entries),
            cursor: field("cursor").and_then(|cursor| serde_json::from_str(cursor).ok()),
            has_more: field("has_more") == Some("true"),
        })
    }
}

/// Changes single custom attributes, together with other fields, with the SDK's guarantees for that.
async fn merge(
    context: &Context,
    operation: &'static Operation,
    arguments: Arguments,
    printer: Printer<'_>,
) -> Result<Exit, CliError> {
    let Arguments { values, custom } = arguments;
    let mut update = JsonUpdate::new(context.client()?, operation, values)?;
    for (key, value) in custom {
        update = match value {
            Some(value) => update.set_custom(key, value),
            None => update.remove_custom(key),
        };
    }
    let object = uninterrupted(false, update.send()).await??;
    let printed = printer.object(&object.to_string());
    printed.map_err(|error| error.once_done("It was done"))?;
    Ok(Exit::Done)
}

/// Reports all missing arguments at once, by their flags.
fn check_required(operation: &'static Operation, arguments: &Arguments) -> Result<(), CliError> {
    let flags = flags::flags(operation);
    let missing = flags.iter().filter(|flag| {
        flag.path.len() == 1
            && flag.field.required
            && flag.kind != flags::Kind::Money
            && !arguments.values.contains_key(flag.path[0])
    });
    let missing: Vec<_> = missing.collect();
    let Some(first) = missing.first() else { return Ok(()) };
    let names: Vec<_> = missing.iter().map(|flag| format!("--{}", flag.long)).collect();
    let (verb, all) = (if names.len() == 1 { "is" } else { "are" }, names.join(", "));
    let body = if operation.body.is_some() {
        ", or give a JSON body: see --template"
    } else {
        ""
    };
    Err(CliError::usage(format!("{all} {verb} missing"))
        .field(first.name())
        .next(format!("See --help{body}")))
}

/// Prints an example of the body.
fn template(operation: &Operation) -> Result<Exit, CliError> {
    let Some(body) = operation.body else {
        return Ok(Exit::Done);
    };
    let names: Vec<_> = body.object.fields.iter().map(|field| field.name).collect();
    let mut fields = output::text::RawFields::of(body.example.unwrap_or("{}")).unwrap_or_default();
    fields.sort(&names);
    output::print(&format!("{}\n", output::text::pretty(&fields.to_json(), 0)))?;
    Ok(Exit::Done)
}

/// Asks for confirmation before a destructive operation.
pub(crate) fn confirm(context: &Context, what: &str) -> Result<(), CliError> {
    if context.yes {
        return Ok(());
    }
    if !context.terminals.can_ask() {
        let message = format!("{what}: this can't be undone, and there is no terminal to ask for confirmation");
        return Err(CliError::new(Exit::Usage, "confirmation", message).next("Repeat it with --yes"));
    }
    let _ = write!(io::stderr(), "{what}? This can't be undone. [y/N] ");
    let mut answer = String::new();
    let _ = io::stdin().read_line(&mut answer);
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(CliError::new(Exit::Usage, "confirmation", "Nothing was done.")),
    }
}
