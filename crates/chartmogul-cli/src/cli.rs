//! The tree of commands, built from the operation table.
//!
//! It is built in each run, so only commands that are named on the command line get their arguments: with 119
//! operations, building the whole tree takes longer than a request.

use std::ffi::OsString;

use chartmogul::{
    Operation,
    chartmogul_api::{FieldSchema, Resource, Schema, Text, operations},
};
use clap::{Arg, ArgAction, Command, builder::PossibleValuesParser};

use crate::{
    bulk,
    flags::{self, Attributes, Flag, Kind},
};

/// Which part of the tree to build.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Extent<'a> {
    /// The commands that these arguments name.
    Named(&'a [OsString]),
    /// Everything: for completions, man pages and the tree as data.
    Whole,
}

impl Extent<'_> {
    fn has(self, name: &str) -> bool {
        match self {
            Self::Named(arguments) => arguments.iter().any(|argument| argument == name),
            Self::Whole => true,
        }
    }
}

/// What a command of a resource does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Action {
    /// Calls an operation. If two have the same name, one is identified by its path, the other by its query.
    Call(&'static Operation, Option<&'static Operation>),
    /// Changes single custom attributes with an update.
    MergeCustom(&'static Operation),
    /// Makes many updates.
    BulkUpdate(&'static Operation),
}

/// The commands of a resource by their names, in the document's order.
pub(crate) fn actions(resource: &Resource) -> Vec<(String, Action)> {
    let mut actions: Vec<(String, Action)> = Vec::new();
    let with_path = |one: &'static Operation| !one.parameters.is_empty();
    for operation in resource.operations.iter().copied() {
        let name = dashed(operation.verb);
        match actions.iter_mut().find(|(known, _)| *known == name) {
            Some((_, Action::Call(first, second))) if with_path(first) => *second = Some(operation),
            Some((_, Action::Call(first, second))) => *second = Some(std::mem::replace(first, operation)),
            _ => actions.push((name, Action::Call(operation, None))),
        }
    }
    let operations = || resource.operations.iter().copied();
    let is_free = |actions: &[(String, Action)], name: &str| !actions.iter().any(|(known, _)| known == name);
    if let Some(update) = operations().find(|operation| flags::merges_custom(operation))
        && is_free(&actions, "merge-custom")
    {
        actions.push(("merge-custom".to_owned(), Action::MergeCustom(update)));
    }
    let is_update = |one: &&Operation| one.method == "PATCH" && one.parameters.len() == 1 && one.body.is_some();
    if let Some(update) = operations().find(is_update)
        && is_free(&actions, "bulk-update")
    {
        actions.push(("bulk-update".to_owned(), Action::BulkUpdate(update)));
    }
    actions
}

/// The resource of a command.
pub(crate) fn resource(name: &str) -> Option<&'static Resource> {
    operations::RESOURCES
        .iter()
        .find(|resource| dashed(resource.name) == name)
}

/// The program.
pub(crate) fn command(extent: Extent<'_>) -> Command {
    let resources = operations::RESOURCES
        .iter()
        .map(|resource| of_resource(resource, extent));
    Command::new("chartmogul")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Command line for ChartMogul: every operation of the API, and updates in bulk")
        .after_help(HELP)
        .after_long_help(LONG_HELP)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .infer_long_args(false)
        .max_term_width(120)
        .args(global())
        .subcommands(resources)
        .subcommand(crate::auth::command())
        .subcommand(crate::api::command())
        .subcommand(crate::fake::command())
        .subcommands(crate::docs::commands())
}

const HELP: &str = "\
Examples:
  chartmogul --fake opportunities list
  chartmogul auth login
  chartmogul opportunities update 3e6f8a1b-4c2d-4e5f-9a6b-7c8d9e0f1a2b \\
      --amount 200.00 --currency USD --custom seats=4
  chartmogul opportunities list --all --output csv > opportunities.csv";

const LONG_HELP: &str = "\
Examples:
  chartmogul --fake opportunities list
      tries it without an account: the fake is in this program, and forgets everything when the command ends
  chartmogul auth login
      asks for an API key, checks it, and keeps it
  chartmogul opportunities update 3e6f8a1b-4c2d-4e5f-9a6b-7c8d9e0f1a2b \\
      --amount 200.00 --currency USD --custom seats=4
      changes one deal, and keeps the custom attributes that are not named
  chartmogul opportunities list --all --output csv > opportunities.csv
      writes all deals into a file
  chartmogul opportunities list --all --jq 'map(select(.win_likelihood > 50)) | length'
      counts some of them

Exit codes:
  0    done
  1    something unexpected failed, such as a file
  2    wrong usage, or a value that was refused before anything was sent
  3    a bulk run ended, and some of its rows failed
  4    no API key, or one that may not do this
  5    the API refused the request
  6    the network or the server failed; whether a write happened may be unknown, and the message says so
  7    the rate limit was exceeded until the time was up
  130  interrupted; a bulk run can be resumed

Environment:
  CHARTMOGUL_API_KEY      the API key; it wins over every profile
  CHARTMOGUL_PROFILE      the profile, as --profile
  CHARTMOGUL_BASE_URL     where the API is, as --base-url
  CHARTMOGUL_CONFIG_DIR   the folder of the profiles; ~/.config/chartmogul by default
  NO_COLOR, CLICOLOR, CLICOLOR_FORCE
                          whether there are colours
  HTTPS_PROXY, NO_PROXY   the proxy";

const OUTPUT: &str = "Output";
const CONNECTION: &str = "Connection";

/// Flags of every command.
fn global() -> Vec<Arg> {
    let flag = |name: &'static str| Arg::new(name).long(name).global(true);
    let switch = |name: &'static str| flag(name).action(ArgAction::SetTrue);
    vec![
        flag("output")
            .short('o')
            .value_name("FORMAT")
            .value_parser(PossibleValuesParser::new(["table", "json", "jsonl", "csv"]))
            .help("Output format: a table on a terminal, otherwise JSON")
            .help_heading(OUTPUT),
        flag("columns")
            .value_name("NAME,..")
            .value_delimiter(',')
            .help("Columns of a table or CSV, or fields of JSON; a dot selects a nested field: custom.seats")
            .help_heading(OUTPUT),
        flag("jq")
            .value_name("FILTER")
            .help(
                "Filters the JSON with a program in the language of jq, which has no @csv, @tsv (see --output csv), input or $ENV; with \
                 jsonl, each line by itself",
            )
            .help_heading(OUTPUT),
        flag("color")
            .value_name("WHEN")
            .value_parser(PossibleValuesParser::new(["auto", "always", "never"]))
            .hide(true)
            .help("Whether to use colors")
            .help_heading(OUTPUT),
        switch("quiet")
            .short('q')
            .help("Writes no notes to standard error; errors are written")
            .help_heading(OUTPUT),
        switch("yes")
            .short('y')
            .help("Answers every question with yes; needed to delete without a terminal"),
        switch("fake")
            .help("Uses the fake ChartMogul in this program instead of an account")
            .help_heading(CONNECTION),
        flag("profile")
            .value_name("NAME")
            .env("CHARTMOGUL_PROFILE")
            .hide_env(true)
            .help("The profile whose key is used; see `chartmogul auth`")
            .help_heading(CONNECTION),
        flag("base-url")
            .value_name("URL")
            .env("CHARTMOGUL_BASE_URL")
            .hide_env(true)
            .help("Base URL of the API")
            .help_heading(CONNECTION),
        flag("timeout")
            .value_name("SECONDS")
            .value_parser(clap::value_parser!(u64).range(1..))
            .help("Time limit for each call, with all its attempts and waiting")
            .help_heading(CONNECTION),
    ]
}

fn of_resource(resource: &'static Resource, extent: Extent<'_>) -> Command {
    let name = dashed(resource.name);
    let mut command = Command::new(name.clone()).about(about(resource));
    if resource.name.contains('_') {
        command = command.alias(resource.name);
    }
    if !extent.has(&name) && !extent.has(resource.name) {
        return command.subcommand_required(true);
    }
    let mut examples = Vec::new();
    for (verb, action) in actions(resource) {
        if let Action::Call(operation, _) = action {
            examples.extend(example(operation));
        }
        command = command.subcommand(of_action(&verb, action, extent));
    }
    command
        .after_help(help_of_examples(&examples))
        .subcommand_required(true)
        .arg_required_else_help(true)
}

/// The first sentence says what the resource is.
fn about(resource: &Resource) -> String {
    match resource.description {
        "" => format!("Everything about {}", resource.name.replace('_', " ")),
        text => text.split(". ").next().unwrap_or(text).trim_end_matches('.').to_owned(),
    }
}

fn of_action(name: &str, action: Action, extent: Extent<'_>) -> Command {
    match action {
        Action::BulkUpdate(operation) if extent.has(name) => bulk::command(operation).name(name.to_owned()),
        Action::BulkUpdate(_) => Command::new(name.to_owned()).about("Update many at once, from a file"),
        Action::MergeCustom(operation) => of_merge(name, operation),
        Action::Call(operation, other) => of_operation(name, operation, other, extent.has(name)),
    }
}

fn of_operation(
    name: &str,
    operation: &'static Operation,
    by_query: Option<&'static Operation>,
    with_arguments: bool,
) -> Command {
    let deprecated = operation.deprecated.map(|instead| format!("Deprecated: {instead}."));
    let about = match &deprecated {
        Some(deprecated) => format!("{} ({})", operation.summary, deprecated.trim_end_matches('.')),
        None => operation.summary.to_owned(),
    };
    let command = Command::new(name.to_owned()).about(about);
    if !with_arguments {
        return command;
    }
    let mut long: Vec<String> = vec![format!("{}.", operation.summary.trim_end_matches('.'))];
    long.extend(deprecated);
    if !operation.description.is_empty() {
        long.push(operation.description.to_owned());
    }
    long.push(format!("{} {}\n{}", operation.method, operation.path, operation.source));
    let mut command = command.long_about(long.join("\n\n"));
    let has_body = operation.body.is_some();
    for parameter in operation.parameters {
        let argument = positional(parameter.name, parameter.description);
        command = command.arg(match (by_query, has_body) {
            (Some(_), _) => argument,
            (None, true) => argument.required_unless_present_any(["template", "json-body"]),
            (None, false) => argument.required(true),
        });
    }
    let mut known: Vec<String> = Vec::new();
    let all = flags::flags(operation)
        .into_iter()
        .chain(by_query.map(flags::flags).unwrap_or_default());
    let all: Vec<_> = all
        .filter(|flag| {
            let is_new = !known.contains(&flag.long);
            known.push(flag.long.clone());
            is_new
        })
        .collect();
    let custom = flags::custom_inside(&all).map(|flag| flag.long.clone());
    command = command.args(all.iter().map(|flag| {
        let is_custom = custom.as_ref() == Some(&flag.long);
        argument(flag).visible_aliases(is_custom.then_some(CUSTOM))
    }));
    if operation.pages {
        command = command.args(of_list());
    }
    if has_body {
        command = command.args(of_body(&all));
    }
    if all.iter().any(|flag| flag.kind == Kind::Merge) {
        command = command.arg(remove_custom());
    }
    command.after_help(help_of_examples(&example(operation).into_iter().collect::<Vec<_>>()))
}

fn positional(name: &'static str, description: &'static str) -> Arg {
    Arg::new(name)
        .value_name(name.to_uppercase())
        .help(description.trim_end_matches('.'))
}

fn of_list() -> [Arg; 2] {
    [
        Arg::new("limit")
            .long("limit")
            .value_name("N")
            .value_parser(clap::value_parser!(u64).range(1..))
            .help("At most this many entries, from as many pages as needed"),
        Arg::new("all")
            .long("all")
            .action(ArgAction::SetTrue)
            .conflicts_with("limit")
            .help("All entries, of all pages"),
    ]
}

fn of_body(flags: &[Flag]) -> Vec<Arg> {
    let mut arguments = vec![
        Arg::new("json-body")
            .long("json-body")
            .value_name("FILE")
            .help("The fields as one JSON object, from a file or from standard input (-); flags are set on top of it"),
        Arg::new("template")
            .long("template")
            .action(ArgAction::SetTrue)
            .help("Prints an example for --json-body, and sends nothing"),
    ];
    let cleared: Vec<_> = flags
        .iter()
        .filter(|flag| flag.cleared().is_some())
        .map(Flag::name)
        .collect();
    if !cleared.is_empty() {
        let mut names: Vec<String> = Vec::new();
        for name in cleared {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        arguments.push(
            Arg::new("clear")
                .long("clear")
                .value_name("FIELD")
                .action(ArgAction::Append)
                .help(format!("Empties a field: {}", names.join(", "))),
        );
    }
    arguments
}

fn remove_custom() -> Arg {
    Arg::new("remove-custom")
        .long("remove-custom")
        .value_name("KEY")
        .action(ArgAction::Append)
        .help("Removes a custom attribute, and keeps the others; can be repeated")
}

fn of_merge(name: &str, operation: &'static Operation) -> Command {
    let about = "Set or remove single custom attributes, and keep the others";
    let mut command = Command::new(name.to_owned()).about(about).long_about(format!(
        "{about}.\n\nThe API can only replace all custom attributes at once. So this reads the object, merges, and writes if there \
         is something to change. A change that somebody else makes between the two can be lost: the API has no conditional \
         write."
    ));
    for parameter in operation.parameters {
        command = command.arg(positional(parameter.name, parameter.description).required(true));
    }
    command
        .arg(
            Arg::new("custom")
                .value_name("KEY=VALUE")
                .num_args(0..)
                .help(format!("Attributes to set. {ATTRIBUTES}")),
        )
        .arg(remove_custom())
}

/// Sets custom attributes, wherever an operation has them.
const CUSTOM: &str = "custom";

const ATTRIBUTES: &str = "The type is inferred from the value, or given: code:string=007; types are string, integer, decimal, boolean, timestamp";

/// The clap argument of a flag.
fn argument(flag: &Flag) -> Arg {
    let argument = Arg::new(flag.long.clone())
        .long(flag.long.clone())
        .help(help(flag))
        .help_heading(if flag.in_query { "Parameters" } else { "Fields" });
    let one = |name: &'static str| Arg::value_name(argument.clone(), name).allow_hyphen_values(false);
    match flag.kind {
        Kind::Boolean => argument
            .value_name("true|false")
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true")
            .hide_possible_values(true)
            .value_parser(PossibleValuesParser::new(["true", "false"])),
        Kind::Integer | Kind::Number => one("NUMBER").allow_negative_numbers(true),
        Kind::Money => one("AMOUNT").allow_negative_numbers(true),
        Kind::Text => one(match flag.field.schema {
            Schema::Date => "DATE",
            Schema::Timestamp => "TIME",
            Schema::Uuid => "UUID",
            _ => "TEXT",
        }),
        Kind::Scalar => one("VALUE").allow_negative_numbers(true),
        Kind::Texts if flag.in_query => one("TEXT,..").value_delimiter(',').action(ArgAction::Append),
        Kind::Texts => one("TEXT").action(ArgAction::Append),
        Kind::Attributes(_) | Kind::Merge => one("KEY=VALUE").action(ArgAction::Append),
        Kind::Json => one("JSON"),
    }
}

fn help(flag: &Flag) -> String {
    let field = flag.field;
    let sentence = |text: &str| format!("{}.", text.trim_end_matches('.'));
    let mut parts = Vec::new();
    if field.required && flag.path.len() == 1 {
        parts.push("Required.".to_owned());
    }
    if let Some(instead) = field.deprecated {
        parts.push(sentence(&format!("Deprecated: {instead}")));
    }
    match flag.kind {
        Kind::Merge => parts.push("Sets a custom attribute, and keeps the others; can be repeated.".to_owned()),
        Kind::Money => {
            let cents = flag.name();
            parts.push(format!(
                "The same as {cents}, in units of the currency: 200.00. Needs the currency."
            ));
        }
        _ if !field.description.is_empty() => parts.push(sentence(field.description)),
        _ => {}
    }
    match flag.kind {
        Kind::Merge | Kind::Attributes(Attributes::List | Attributes::TypedList | Attributes::Map) => {
            parts.push(sentence(ATTRIBUTES));
        }
        Kind::Texts if !flag.in_query => parts.push("Can be repeated.".to_owned()),
        _ => {}
    }
    parts.extend(limits(field));
    parts.join(" ").trim_end_matches('.').to_owned()
}

/// Known values or the range of a field, for its help.
fn limits(field: &FieldSchema) -> Option<String> {
    let text = |text: &Text| {
        let values = text.values.join(", ");
        (!values.is_empty()).then(|| format!("Known values: {values}."))
    };
    match &field.schema {
        Schema::Text(limits)
        | Schema::List {
            items: Schema::Text(limits),
            ..
        } => text(limits),
        Schema::Integer {
            minimum: Some(minimum),
            maximum: Some(maximum),
        } => Some(format!("{minimum} to {maximum}.")),
        _ => None,
    }
}

/// A command line that does what the document's example does.
pub(crate) fn example(operation: &'static Operation) -> Option<String> {
    let json = |text: Option<&str>| serde_json::from_str::<serde_json::Value>(text?).ok();
    let mut words = vec!["chartmogul".to_owned(), dashed(operation.tag), dashed(operation.verb)];
    for parameter in operation.parameters {
        words.push(quoted(&plain(&json(parameter.example)?)));
    }
    let body = json(operation.body.and_then(|body| body.example));
    let flags = flags::flags(operation);
    let mut optional = 0;
    for flag in &flags {
        // An example can't have a cursor, which comes from the server.
        if flag.path.len() > 1 || flag.kind == Kind::Money || ["cursor", "per_page"].contains(&flag.path[0]) {
            continue;
        }
        let merged = flags
            .iter()
            .any(|other| other.kind == Kind::Merge && other.path == flag.path);
        if merged && flag.kind != Kind::Merge {
            continue;
        }
        let value = if flag.in_query {
            json(flag.field.example)
        } else {
            body.as_ref().and_then(|body| body.get(flag.path[0]).cloned())
        };
        let Some(value) = value else { continue };
        if !flag.field.required {
            optional += 1;
            let most = if flag.in_query { 1 } else { 3 };
            if optional > most {
                continue;
            }
        }
        for text in flag_values(flag, &value) {
            match flag.kind {
                Kind::Boolean => words.push(format!("--{}={text}", flag.long)),
                _ => words.extend([format!("--{}", flag.long), quoted(&text)]),
            }
        }
    }
    Some(words.join(" "))
}

/// The values of a flag, as they are typed.
fn flag_values(flag: &Flag, value: &serde_json::Value) -> Vec<String> {
    use serde_json::Value;
    let pair = |key: &str, value: &Value| match value {
        // Text that would be read as another type.
        Value::String(text) if crate::arguments::inferred(text) != *value => format!("{key}:string={text}"),
        value => format!("{key}={}", plain(value)),
    };
    match (flag.kind, value) {
        (Kind::Attributes(_) | Kind::Merge, Value::Array(items)) => items
            .iter()
            .filter_map(|item| Some(pair(item.get("key")?.as_str()?, item.get("value")?)))
            .collect(),
        (Kind::Attributes(_) | Kind::Merge, Value::Object(fields)) => {
            fields.iter().map(|(key, value)| pair(key, value)).collect()
        }
        (Kind::Texts, Value::Array(items)) => items.iter().map(plain).collect(),
        (_, value) => vec![plain(value)],
    }
}

fn plain(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Quotes the text for a shell, if necessary.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.,:=@/+%".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn help_of_examples(examples: &[String]) -> String {
    let examples: Vec<_> = examples.iter().map(|example| broken(example)).collect();
    match examples.as_slice() {
        [] => String::new(),
        [one] => format!("Example:\n  {one}"),
        some => format!("Examples:\n  {}", some.join("\n  ")),
    }
}

/// Breaks a long command line so that it can still be copied.
fn broken(line: &str) -> String {
    let mut broken = String::new();
    let mut width = 0;
    for (at, part) in line.split(" --").enumerate() {
        if at > 0 {
            if width + part.len() > 90 {
                broken.push_str(" \\\n     ");
                width = 5;
            }
            broken.push_str(" --");
        }
        broken.push_str(part);
        width += part.len() + 3;
    }
    broken
}

pub(crate) fn dashed(name: &str) -> String {
    name.replace('_', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// clap detects duplicate names, and arguments that can't be parsed.
    #[test]
    fn the_tree_fits_together() {
        command(Extent::Whole).debug_assert();
        let mut names: Vec<_> = command(Extent::Whole)
            .get_subcommands()
            .map(|one| one.get_name().to_owned())
            .collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count, "a resource has the name of a command");
    }

    #[test]
    fn only_what_is_named_has_arguments() {
        let arguments = ["chartmogul", "opportunities", "update"].map(OsString::from);
        let tree = command(Extent::Named(&arguments));
        let resource = tree.find_subcommand("opportunities").unwrap();
        let count = |verb: &str| resource.find_subcommand(verb).unwrap().get_arguments().count();
        assert!(count("update") > 10 && count("create") == 0);
        assert_eq!(tree.find_subcommand("plans").unwrap().get_subcommands().count(), 0);
    }

    #[test]
    fn examples_can_be_typed() {
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted("a-b_c.d@e"), "a-b_c.d@e");
        let line = format!("chartmogul x --a {} --b c", "y".repeat(90));
        assert!(broken(&line).contains(" \\\n      --b c"), "{}", broken(&line));
    }
}
