//! The built-in documentation: the tree of commands as data, completions, man pages.

use std::{fs, path::Path};

use chartmogul::Operation;
use clap::{Arg, ArgAction, ArgMatches, Command, builder::PossibleValuesParser};
use clap_complete::Shell;
use serde_json::{Value, json};

use crate::{
    arguments::one,
    cli::{self, Action, Extent},
    error::{CliError, Exit},
    output::print,
};

/// `chartmogul commands`, `completions` and `man`.
pub(crate) fn commands() -> [Command; 3] {
    let commands = Command::new("commands")
        .about("List all commands; with --json as data, with their arguments")
        .arg(
            Arg::new("json")
                .long("json")
                .action(ArgAction::SetTrue)
                .help("As one JSON value"),
        )
        .after_help("Example:\n  chartmogul commands --json");
    let completions = Command::new("completions")
        .about("Print a script that completes commands in a shell")
        .arg(
            Arg::new("shell")
                .value_name("SHELL")
                .required(true)
                .value_parser(PossibleValuesParser::new(["bash", "zsh", "fish", "powershell"])),
        )
        .after_help(
            "Examples:\n  chartmogul completions bash > ~/.local/share/bash-completion/completions/chartmogul\n  \
             chartmogul completions zsh > ~/.zfunc/_chartmogul\n  \
             chartmogul completions fish > ~/.config/fish/completions/chartmogul.fish\n  \
             chartmogul completions powershell >> $PROFILE",
        );
    let man = Command::new("man")
        .about("Write man pages, one for each command")
        .arg(
            Arg::new("dir")
                .long("dir")
                .value_name("FOLDER")
                .required(true)
                .help("The folder to write them to"),
        )
        .after_help("Example:\n  chartmogul man --dir ~/.local/share/man/man1");
    [commands, completions, man]
}

pub(crate) fn run(name: &str, matches: &ArgMatches) -> Result<Exit, CliError> {
    match name {
        "commands" if matches.get_flag("json") => {
            let tree = serde_json::to_string_pretty(&tree()).unwrap_or_default();
            print(&format!("{tree}\n"))?;
        }
        "commands" => print(&list())?,
        "completions" => print(&completions(one(matches, "shell").unwrap_or_default()))?,
        _ => man(Path::new(one(matches, "dir").unwrap_or_default()))?,
    }
    Ok(Exit::Done)
}

fn completions(shell: &str) -> String {
    let shell = match shell {
        "bash" => Shell::Bash,
        "zsh" => Shell::Zsh,
        "fish" => Shell::Fish,
        _ => Shell::PowerShell,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut cli::command(Extent::Whole), "chartmogul", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

fn man(folder: &Path) -> Result<(), CliError> {
    let mut command = cli::command(Extent::Whole).disable_help_subcommand(true);
    command.build();
    fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(command, folder))
        .map_err(|error| CliError::file("write to", folder, &error))
}

/// Every command without subcommands, with its path: `opportunities update`.
fn leaves() -> Vec<(String, Command)> {
    fn add(prefix: &str, command: &Command, leaves: &mut Vec<(String, Command)>) {
        for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
            let path = format!("{prefix}{}", below.get_name());
            if below.has_subcommands() {
                add(&format!("{path} "), below, leaves);
            } else {
                leaves.push((path, below.clone()));
            }
        }
    }
    let mut leaves = Vec::new();
    add("", &cli::command(Extent::Whole), &mut leaves);
    leaves
}

fn list() -> String {
    let rows = leaves()
        .into_iter()
        .map(|(path, command)| (path, text(command.get_about())));
    crate::output::table::pairs(&rows.collect::<Vec<_>>(), false)
}

/// The tree as data.
pub(crate) fn tree() -> Value {
    let root = cli::command(Extent::Whole);
    let global: Vec<_> = root.get_arguments().map(argument).collect();
    let commands = leaves().into_iter().map(|(path, command)| {
        let arguments = command.get_arguments().map(argument).collect::<Vec<_>>();
        let mut entry = json!({ "command": path, "about": text(command.get_about()), "arguments": arguments });
        if let Some(operation) = operation(&path) {
            entry["operation"] = operation.id.into();
            entry["method"] = operation.method.into();
            entry["path"] = operation.path.into();
            entry["destructive"] = operation.destructive.into();
            entry["deprecated"] = operation.deprecated.into();
            entry["example"] = cli::example(operation)
                .filter(|_| path.ends_with(&cli::dashed(operation.verb)))
                .into();
        }
        entry
    });
    let commands = commands.collect::<Vec<_>>();
    json!({ "global_arguments": global, "commands": commands })
}

/// The operation behind a command.
fn operation(path: &str) -> Option<&'static Operation> {
    let (resource, verb) = path.split_once(' ')?;
    let actions = cli::actions(cli::resource(resource)?);
    match actions.into_iter().find(|(name, _)| name == verb)?.1 {
        Action::Call(operation, _) | Action::MergeCustom(operation) | Action::BulkUpdate(operation) => Some(operation),
    }
}

fn argument(argument: &Arg) -> Value {
    let name = match argument.get_long() {
        Some(long) => format!("--{long}"),
        None => argument.get_id().to_string(),
    };
    let takes_value = argument.get_action().takes_values();
    let value = argument
        .get_value_names()
        .filter(|_| takes_value)
        .and_then(|names| names.first());
    let values: Vec<_> = argument
        .get_possible_values()
        .iter()
        .map(|value| value.get_name().to_owned())
        .collect();
    let mut entry = json!({
        "name": name,
        "help": text(argument.get_help()),
        "required": argument.is_required_set(),
        "value": value.map(ToString::to_string),
    });
    if takes_value && !values.is_empty() {
        entry["values"] = values.into();
    }
    if matches!(argument.get_action(), ArgAction::Append) {
        entry["repeatable"] = true.into();
    }
    entry
}

fn text(styled: Option<&clap::builder::StyledStr>) -> String {
    styled.map(ToString::to_string).unwrap_or_default()
}
