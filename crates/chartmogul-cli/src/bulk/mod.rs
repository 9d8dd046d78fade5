//! Many updates from a file: the subcommand `bulk-update` of each resource that can be updated.
//!
//! `decode`, `cells` and `input` read the file. `columns`, `header` and `layout` interpret its columns; `values`,
//! `kinds` and `reading` interpret its cells; `sets` builds the update. `numbers`, `days` and `damage` suggest what a
//! rejected cell may mean. `plan` checks all rows; `send` sends them, `preview` is the dry run.

mod again;
mod before;
mod cells;
mod columns;
mod damage;
mod days;
mod decode;
mod ending;
mod failed;
mod files;
mod header;
mod input;
mod kinds;
mod layout;
mod numbers;
mod plan;
mod preview;
mod problem;
mod progress;
mod reading;
mod report;
mod results;
mod send;
mod sets;
pub(crate) mod values;

use std::{path::PathBuf, sync::Arc};

use chartmogul::{ClientBuilder, Operation};
use clap::{Arg, ArgAction, ArgMatches, Command, builder::PossibleValuesParser};
use encoding_rs::Encoding;
use serde_json::Value;

use self::{
    again::Again,
    columns::Fields,
    input::{Form, Input},
    layout::Settings,
    plan::Plan,
    problem::Problems,
};
use crate::{
    arguments::{many, one},
    context::{Context, Format},
    error::{CliError, Exit},
    money,
    output::Printer,
};

const INPUT: &str = "Input";
const RUN: &str = "Run";

/// The subcommand.
pub(crate) fn command(operation: &'static Operation) -> Command {
    let about = format!("{}: many at once, from a file", operation.summary);
    let fields = Fields::of(operation, false);
    let names = fields.as_ref().map(Fields::names).unwrap_or_default();
    let has_custom = fields.is_some_and(|fields| fields.custom.is_some());
    let (merged, custom) = if has_custom {
        (
            ", and custom.NAME for custom attributes, which are merged with those that are there",
            ", custom.NAME",
        )
    } else {
        ("", "")
    };
    let names = names.join(", ");
    let text = |name: &'static str, value: &'static str| Arg::new(name).long(name).value_name(value);
    let switch = |name: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue);
    let input = [
        text("currency", "CODE").help("Currency of amounts in units, where a row has none; it is set with the amount"),
        text("clear-empty", "COLUMN")
            .action(ArgAction::Append)
            .help("Empty cells of this column clear the field, instead of leaving it as it is; can be repeated"),
        text("ignore", "COLUMN")
            .action(ArgAction::Append)
            .help("Leaves a column out; can be repeated"),
        switch("replace-custom").help(
            "The custom attributes of a row replace all that the object has; a row without any leaves them as they are",
        ),
        switch("allow-duplicates").help("Rows of the same object are sent one after the other"),
        text("input-format", "FORMAT")
            .value_parser(PossibleValuesParser::new(["csv", "tsv", "jsonl"]))
            .help("Format of the rows, if the file name does not show it"),
        text("delimiter", "CHARACTER").help("The delimiter between cells, if it can't be detected: , ; | or tab"),
        text("encoding", "NAME").help("Encoding of the file, if it is not UTF-8 or UTF-16: windows-1252"),
    ];
    let run = [
        switch("dry-run").help("Reads each object, shows what would change, and changes nothing"),
        switch("skip-unchanged").help("Reads each object first, and sends only rows that change something"),
        text("results", "FILE").help("Writes a row for each row of the input: CSV, or lines of JSON (.jsonl)"),
        text("failed", "FILE").help("Where failed rows are written; by default beside the input, as NAME.failed.csv"),
        text("report", "FILE")
            .help("Writes a page with the value of the pipeline before and after; reads each object first"),
        text("journal", "FILE")
            .help("The journal, which records what is done; by default beside the input, as NAME.csv.journal"),
        switch("no-journal")
            .conflicts_with("journal")
            .help("Keeps no journal; an interrupted run can't be resumed"),
        switch("restart").help("Discards the journal of earlier runs, and sends all rows"),
        switch("salvage").help("Keeps the intact part of a damaged journal"),
        text("rate", "N")
            .value_parser(clap::value_parser!(u32).range(1..))
            .help("Maximum requests per second; lower it if others use the account at the same time [default: 40]"),
        text("stop-after", "N")
            .value_parser(clap::value_parser!(u64).range(1..))
            .help("Stops after this many failed rows; a hundred failures in a row always stop the run"),
    ];
    Command::new("bulk-update")
        .about(about.clone())
        .long_about(format!(
            "{about}.\n\n\
             The file is CSV (with commas, semicolons or tabs), TSV, or JSON lines; - is standard input. The first row has the names \
             of the columns: the identifier and fields{merged}. An empty cell leaves its field as it is.\n\n\
             All rows are checked before the first one is sent. The same command again goes on where it was interrupted, and sends \
             what failed; so a file that was corrected is sent under the same name.\n\n\
             Columns: {names}{custom}"
        ))
        .arg(Arg::new("file").value_name("FILE").required(true).help("The rows, or - for standard input"))
        .args(input.map(|argument| argument.help_heading(INPUT)))
        .args(run.map(|argument| argument.help_heading(RUN)))
        .after_help(format!(
            "Examples:\n  chartmogul {tag} bulk-update rows.csv --dry-run\n  chartmogul {tag} bulk-update rows.csv --results done.csv",
            tag = crate::cli::dashed(operation.tag)
        ))
}

/// The options of the run from the command line.
#[allow(clippy::struct_excessive_bools)] // one for each switch
#[derive(Debug)]
struct Options {
    dry_run: bool,
    skip_unchanged: bool,
    results: Option<PathBuf>,
    failed: PathBuf,
    report: Option<(PathBuf, report::Subject)>,
    journal: Option<PathBuf>,
    restart: bool,
    salvage: bool,
    stop_after: Option<u64>,
    again: Again,
}

/// Runs the subcommand.
pub(crate) async fn run(
    context: &Context,
    operation: &'static Operation,
    matches: &ArgMatches,
) -> Result<Exit, CliError> {
    let is_set = |name: &str| matches.get_flag(name);
    let path = |name: &str| one(matches, name).map(PathBuf::from);
    let currency = one(matches, "currency").map(str::to_owned);
    if let Some(currency) = &currency {
        let wrong = |wrong| CliError::usage(format!("--currency was {currency:?}; it {wrong}")).field("currency");
        money::decimals(currency).map_err(wrong)?;
    }
    let fields = Fields::of(operation, is_set("replace-custom"));
    let Some(fields) = fields.filter(|_| operation.read().is_some()) else {
        return Err(CliError::usage(format!("{} can't be done in bulk", operation.summary)));
    };
    if is_set("replace-custom") && !crate::flags::merges_custom(operation) {
        let message = "--replace-custom has no effect here: this update never replaces all custom attributes";
        return Err(CliError::usage(message).field("replace-custom"));
    }
    let ignored: Vec<String> = many(matches, "ignore").into_iter().map(str::to_owned).collect();
    let file = one(matches, "file").unwrap_or("-");
    let is_known = |name: &str| fields.target(name, &ignored).is_ok();
    let input = Input::open(file, form(matches)?, encoding(matches)?, is_known)?;
    let failed = match (&input.path, path("failed")) {
        (_, Some(path)) => path,
        (Some(input), None) => failed::beside(input),
        (None, None) => PathBuf::from("standard-input.failed.csv"),
    };
    let beside = input.path.clone().map(|path| {
        let mut path = path.into_os_string();
        path.push(".journal");
        PathBuf::from(path)
    });
    // The fake's data is lost when the program exits, so there is nothing to resume.
    let beside = beside.filter(|_| !is_set("no-journal") && !context.connection.fake);
    let options = Options {
        dry_run: is_set("dry-run"),
        skip_unchanged: is_set("skip-unchanged"),
        results: path("results"),
        failed,
        report: match path("report") {
            Some(path) => Some((path, report::Subject::of(operation)?)),
            None => None,
        },
        journal: path("journal").or(beside),
        restart: is_set("restart"),
        salvage: is_set("salvage"),
        stop_after: matches.get_one::<u64>("stop-after").copied(),
        again: Again::of(operation, matches),
    };
    options.are_files_of_their_own(input.path.as_deref())?;
    let printer = printer(context, fields.id, options.dry_run)?;
    let settings = Settings {
        currency,
        clear_empty: many(matches, "clear-empty").into_iter().map(str::to_owned).collect(),
        ignore: ignored,
        allow_duplicates: is_set("allow-duplicates"),
        replace_custom: is_set("replace-custom"),
    };
    let name = input.name.clone();
    let rate = matches.get_one::<u32>("rate").copied();
    let client = context.build(|builder| rate.into_iter().fold(builder, ClientBuilder::rate_limit))?;
    let client = &client;
    let plan =
        Plan::new(client, operation, fields, input, settings).map_err(|problems| refused(context, &name, &problems))?;
    let plan = Arc::new(plan);
    options.are_writable()?;
    let empty = plan.rows - plan.updates;
    if empty > 0 {
        context.note(&format!(
            "Of {}, {empty} set nothing: all their cells are empty.",
            counted(plan.rows, "row")
        ));
    }
    if options.dry_run {
        let unwritten = ["results", "failed", "journal"]
            .into_iter()
            .filter(|name| one(matches, name).is_some());
        for name in unwritten {
            context.note(&format!("A dry run does not write --{name}."));
        }
        return preview::run(context, printer, client, &plan, &options).await;
    }
    send::run(context, printer, client, &plan, &options).await
}

/// The printer for the result of each row. Unknown `--columns` are rejected here, before anything is sent.
fn printer<'a>(context: &'a Context, id: &'static str, dry_run: bool) -> Result<Printer<'a>, CliError> {
    let [one, two, three] = if dry_run { preview::FIELDS } else { results::FIELDS };
    let last = dry_run.then_some("lost");
    Printer::of(context, ["row", id, one, two, three].into_iter().chain(last).collect())
}

/// `1 row`, `2 rows`
fn counted(count: u64, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    }
}

fn form(matches: &ArgMatches) -> Result<Option<Form>, CliError> {
    let delimiter = match one(matches, "delimiter") {
        None => None,
        Some("tab" | "\\t" | "\t") => Some('\t'),
        Some(text) => match (text.chars().next(), text.len()) {
            (Some(delimiter), 1) if cells::DELIMITERS.contains(&delimiter) => Some(delimiter),
            _ => {
                let message = format!("--delimiter was {text:?}; must be , ; | or tab");
                return Err(CliError::usage(message).field("delimiter"));
            }
        },
    };
    Ok(match (delimiter, one(matches, "input-format")) {
        (Some(delimiter), _) => Some(Form::Cells(delimiter)),
        (None, Some("tsv")) => Some(Form::Cells('\t')),
        (None, Some("jsonl")) => Some(Form::JsonLines),
        (None, Some(_) | None) => None,
    })
}

fn encoding(matches: &ArgMatches) -> Result<Option<&'static Encoding>, CliError> {
    let Some(name) = one(matches, "encoding") else {
        return Ok(None);
    };
    match Encoding::for_label(name.as_bytes()) {
        Some(encoding) => Ok(Some(encoding)),
        None => {
            let message = format!("--encoding was {name:?}; must be the name of an encoding such as windows-1252");
            Err(CliError::usage(message).field("encoding"))
        }
    }
}

/// The error for an invalid input; nothing was sent.
fn refused(context: &Context, name: &str, problems: &Problems) -> CliError {
    let (count, rows) = (problems.count(), problems.rows());
    let (found, affected) = (counted(count, "problem"), counted(rows as u64, "row"));
    let message = format!("{name}: {found} in {affected}; nothing was sent");
    if context.output.format != Format::Json && context.output.format != Format::JsonLines {
        for problem in &problems.all {
            context.warn(&problem.to_string());
        }
        if problems.more > 0 {
            context.warn(&format!("and {} more", problems.more));
        }
    }
    let all: Vec<Value> = problems.all.iter().map(problem::Problem::json).collect();
    CliError::new(Exit::Usage, "invalid_rows", message)
        .detail("problems", all)
        .detail("problem_count", count)
        .next("Correct the file, and run the same command again")
}
