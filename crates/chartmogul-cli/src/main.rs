//! `chartmogul`: the command line.

mod api;
mod arguments;
mod auth;
mod bulk;
mod cli;
mod context;
mod docs;
mod error;
mod fake;
mod flags;
mod identifier;
mod json;
mod money;
mod output;
mod run;
mod signals;

use std::{
    ffi::OsString,
    io::{self, Write as _},
    process::ExitCode,
    time::Duration,
};

use clap::{ArgMatches, error::ErrorKind};

use crate::{
    cli::Extent,
    context::{Connection, Context, Format, Output, Terminals},
    error::{CliError, Exit},
};

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let terminals = Terminals::detect();
    let exit = match start(&arguments, terminals) {
        Ok(exit) => exit,
        Err(error) => {
            if !error.is_quiet() {
                complain(&error, wants_json(&arguments, terminals));
            }
            error.exit()
        }
    };
    ExitCode::from(exit.code())
}

fn start(arguments: &[OsString], terminals: Terminals) -> Result<Exit, CliError> {
    let command = cli::command(Extent::Named(arguments));
    let matches = match command.try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(error) => return unparsed(&error, arguments, terminals),
    };
    let context = context(&matches, terminals)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| CliError::new(Exit::Unexpected, "runtime", error.to_string()))?;
    runtime.block_on(dispatch(&context, &matches))
}

async fn dispatch(context: &Context, matches: &ArgMatches) -> Result<Exit, CliError> {
    match matches.subcommand() {
        Some(("api", matches)) => api::run(context, matches).await,
        Some(("auth", matches)) => auth::run(context, matches).await,
        Some(("fake", matches)) => fake::run(context, matches).await,
        Some((name @ ("commands" | "completions" | "man"), matches)) => docs::run(name, matches),
        Some((name, matches)) => {
            let resource = cli::resource(name);
            let actions = resource.map(cli::actions).unwrap_or_default();
            let (verb, matches) = matches.subcommand().unwrap_or(("", matches));
            match actions.into_iter().find(|(known, _)| known == verb) {
                Some((_, action)) => run::action(context, action, matches).await,
                None => Err(CliError::usage(format!("{name} {verb} is not a command"))),
            }
        }
        None => Err(CliError::usage("a command is missing").next("See --help")),
    }
}

/// Help and version are no errors; wrong usage is.
fn unparsed(error: &clap::Error, arguments: &[OsString], terminals: Terminals) -> Result<Exit, CliError> {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let text = error.render();
            let colored = context::colors(terminals.stdout);
            let text = if colored {
                text.ansi().to_string()
            } else {
                text.to_string()
            };
            output::print(&text)?;
            Ok(Exit::Done)
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand if wants_json(arguments, terminals) => {
            Err(CliError::usage("a command is missing").next("See --help"))
        }
        // Help because a command is missing, not because of `--help`.
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let text = error.render();
            let colored = context::colors(terminals.stderr);
            let text = if colored {
                text.ansi().to_string()
            } else {
                text.to_string()
            };
            let _ = io::stderr().write_all(text.as_bytes());
            Ok(Exit::Usage)
        }
        _ => {
            let text = error.render().to_string();
            let text = text.trim_end().strip_prefix("error: ").unwrap_or(&text);
            if !wants_json(arguments, terminals) {
                return Err(CliError::usage(text));
            }
            // The message on one line, the suggestions, and the usage.
            let on_a_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
            let mut parts = text.split("\n\n").map(on_a_line);
            let message = parts.next().unwrap_or_default();
            let help = parts.filter(|part| part.starts_with("tip: ") || part.starts_with("Usage: "));
            let next: Vec<_> = help.chain(["see --help".to_owned()]).collect();
            Err(CliError::usage(message).next(next.join("; ")))
        }
    }
}

fn context(matches: &ArgMatches, terminals: Terminals) -> Result<Context, CliError> {
    let (_, matches) = deepest(matches);
    let text = |name: &str| matches.try_get_one::<String>(name).ok().flatten().cloned();
    let is_set = |name: &str| matches.try_get_one::<bool>(name).ok().flatten().is_some_and(|set| *set);
    let jq = text("jq");
    let format = match text("output").as_deref() {
        Some("table") => Format::Table,
        Some("jsonl") => Format::JsonLines,
        Some("csv") => Format::Csv,
        None if terminals.stdout && jq.is_none() => Format::Table,
        _ => Format::Json,
    };
    if jq.is_some() && matches!(format, Format::Table | Format::Csv) {
        let message = "--jq filters JSON; it can't be used together with --output table or csv";
        return Err(CliError::usage(message).field("jq"));
    }
    let columns = matches.try_get_many::<String>("columns").ok().flatten();
    let columns: Vec<String> = columns.into_iter().flatten().cloned().collect();
    if jq.is_some() && !columns.is_empty() {
        let message = "--jq and --columns exclude each other: select fields in the filter";
        return Err(CliError::usage(message).field("columns"));
    }
    let when = text("color");
    let color = |is_terminal: bool| match when.as_deref() {
        Some("always") => true,
        Some("never") => false,
        _ => context::colors(is_terminal),
    };
    let output = Output {
        format,
        columns,
        jq,
        color: color(terminals.stdout),
    };
    let connection = Connection {
        fake: is_set("fake"),
        base_url: text("base-url").filter(|url| !url.is_empty()),
        profile: text("profile").filter(|name| !name.is_empty()),
        timeout: matches
            .try_get_one::<u64>("timeout")
            .ok()
            .flatten()
            .map(|seconds| Duration::from_secs(*seconds)),
    };
    let mut context = Context::new(output, terminals, connection);
    context.stderr_color = color(terminals.stderr);
    context.quiet = is_set("quiet");
    context.yes = is_set("yes");
    Ok(context)
}

/// The matches of the innermost command, which have the global flags of all.
fn deepest(matches: &ArgMatches) -> (Option<&str>, &ArgMatches) {
    let (mut name, mut matches) = (None, matches);
    while let Some((inner, below)) = matches.subcommand() {
        (name, matches) = (Some(inner), below);
    }
    (name, matches)
}

/// Whether errors are JSON, which they are if the output is. Reads the raw arguments, because clap may have rejected
/// them.
fn wants_json(arguments: &[OsString], terminals: Terminals) -> bool {
    let texts: Vec<_> = arguments.iter().map(|argument| argument.to_string_lossy()).collect();
    let (mut format, mut is_filtered) = (None, false);
    for (at, text) in texts.iter().enumerate() {
        let next = || texts.get(at + 1).map(ToString::to_string);
        // After a single dash, switches may come first: `-qo json`.
        let short = text.strip_prefix('-').filter(|text| !text.starts_with('-'));
        let short = short.and_then(|text| text.trim_start_matches(['q', 'y']).strip_prefix('o'));
        match (text.as_ref(), text.strip_prefix("--output="), short) {
            ("--output", ..) | (.., Some("")) => format = next(),
            (_, Some(value), _) | (.., Some(value)) => format = Some(value.trim_start_matches('=').to_owned()),
            (text, ..) => is_filtered |= text == "--jq" || text.starts_with("--jq="),
        }
    }
    match format.as_deref() {
        Some("json" | "jsonl") => true,
        Some("table" | "csv") => false,
        // No format, or an unknown one.
        _ => is_filtered || !terminals.stdout,
    }
}

/// Writes an error to standard error.
fn complain(error: &CliError, as_json: bool) {
    let text = if as_json {
        format!("{}\n", error.json())
    } else {
        format!("error: {error}\n")
    };
    // Not `eprintln!`, which panics if standard error is closed.
    let _ = io::stderr().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_the_form_of_the_output() {
        let terminal = Terminals {
            stdin: true,
            stdout: true,
            stderr: true,
        };
        for (line, on_terminal, elsewhere) in [
            ("plans list", false, true),
            ("plans list -o json", true, true),
            ("plans list -ojsonl", true, true),
            ("plans list -qo json", true, true),
            ("plans list -qo=table", false, false),
            ("plans list --output=csv", false, false),
            ("plans list --output xml", false, true),
            ("plans list --jq .", true, true),
            ("plans list --jq=. --output table", false, false),
            ("plans list --output", false, true),
        ] {
            let arguments: Vec<_> = line.split(' ').map(OsString::from).collect();
            let found = (
                wants_json(&arguments, terminal),
                wants_json(&arguments, Terminals::default()),
            );
            assert_eq!(found, (on_terminal, elsewhere), "{line}");
        }
    }
}
