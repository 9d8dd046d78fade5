//! The embedded fake ChartMogul: for `--fake`, and for `chartmogul fake`, which serves it.

use std::{
    io::{self, Write as _},
    net::IpAddr,
};

use chartmogul::{Operation, chartmogul_api::operations};
use chartmogul_fake::{Builder, Fake};
use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::{Map, Value};

use crate::{
    arguments::many,
    context::Context,
    error::{CliError, Exit},
    identifier::prefix,
    signals::Signals,
};

/// A small account: a few related objects of each kind.
const SEED: &str = include_str!("seed.json");

/// Starts a fake with the small account.
pub(crate) fn start() -> Result<Fake, CliError> {
    let fake = started(Fake::builder())?;
    seed(&fake)?;
    Ok(fake)
}

fn started(builder: Builder) -> Result<Fake, CliError> {
    builder.start().map_err(|error| failed(&error))
}

fn failed(error: &dyn std::error::Error) -> CliError {
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    CliError::new(Exit::Unexpected, "fake", format!("{error}{cause}"))
}

/// Fills every collection with the objects that the document's examples name, and with those of the seed.
fn seed(fake: &Fake) -> Result<(), CliError> {
    let seed: Map<String, Value> = serde_json::from_str(SEED).unwrap_or_default();
    for resource in operations::RESOURCES {
        let collection = fake.collection(resource.name);
        let all = resource.operations.iter();
        let is_get = |one: &&&Operation| one.is_read() && one.entries.is_none() && one.path.ends_with('}');
        let own = all.clone().find(is_get).and_then(|get| named(get).into_iter().next());
        if let Some(own) = own {
            let mut keys: Vec<_> = all
                .flat_map(|one| named(one))
                .filter(|key| prefix(key) == prefix(&own))
                .collect();
            keys.push(own); // inserted last, so that it is the newest
            for (at, key) in keys.iter().enumerate() {
                if !keys[at + 1..].contains(key) {
                    let _ = collection.insert_sample(key); // fails if the resource has no collection
                }
            }
        }
        // Lists begin with the newest, and the file is in the same order.
        let objects = seed.get(resource.name).and_then(Value::as_array);
        let objects = objects.into_iter().flatten().rev().cloned();
        collection.insert_all(objects).map_err(|error| failed(&error))?;
    }
    Ok(())
}

/// All texts in the document's examples for the path and the body of an operation.
fn named(operation: &Operation) -> Vec<String> {
    let parameters = operation.parameters.iter().filter_map(|parameter| parameter.example);
    let examples = parameters.chain(operation.body.and_then(|body| body.example));
    let mut named = Vec::new();
    for example in examples {
        texts(&serde_json::from_str(example).unwrap_or_default(), &mut named);
    }
    named
}

fn texts(json: &Value, found: &mut Vec<String>) {
    match json {
        Value::String(text) => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(fields) => fields.values().for_each(|value| texts(value, found)),
        _ => {}
    }
}

/// `chartmogul fake`.
pub(crate) fn command() -> Command {
    let switch =
        |name: &'static str, help: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue).help(help);
    Command::new("fake")
        .about("Serve a fake ChartMogul on a loopback port, to test against")
        .long_about(
            "Serve a fake ChartMogul on a loopback port, to test against.\n\nIt prints where it listens and which API key it accepts, \
             and ends on SIGINT (ctrl-c) or SIGTERM. It holds the same small account as --fake.",
        )
        .arg(
            Arg::new("port")
                .long("port")
                .value_name("N")
                .default_value("0")
                .value_parser(clap::value_parser!(u16))
                .help("Port to listen on; 0 takes a free one"),
        )
        .arg(
            Arg::new("host")
                .long("host")
                .value_name("ADDRESS")
                .default_value("127.0.0.1")
                .value_parser(clap::value_parser!(IpAddr))
                .help("Address to listen on"),
        )
        .arg(
            Arg::new("sample")
                .long("sample")
                .value_name("KIND=KEY")
                .action(ArgAction::Append)
                .help("Stores the document's example with this key, such as plans=pl_1; can be repeated"),
        )
        .arg(switch("empty", "Starts without objects"))
        .arg(switch("lenient", "Ignores unknown parameters and fields"))
        .arg(switch("log", "Writes a line for each request to standard error"))
        .arg(switch("until-stdin-closes", "Ends when standard input ends, too"))
        .after_help("Example:\n  chartmogul fake --port 8080 --log")
}

pub(crate) async fn run(_: &Context, matches: &ArgMatches) -> Result<Exit, CliError> {
    let mut signals = Signals::listen()?; // from here on, a signal shuts down in an orderly way
    let mut builder = Fake::builder();
    if let Some(port) = matches.get_one::<u16>("port") {
        builder = builder.port(*port);
    }
    if let Some(host) = matches.get_one::<IpAddr>("host") {
        builder = builder.host(*host);
    }
    if matches.get_flag("lenient") {
        builder = builder.lenient();
    }
    if matches.get_flag("log") {
        builder = builder.log();
    }
    let samples = many(matches, "sample");
    let samples = samples.into_iter().map(|sample| {
        let wrong = || CliError::usage(format!("--sample {sample}: must be of the form KIND=KEY")).field("sample");
        sample.split_once('=').ok_or_else(wrong)
    });
    let samples = samples.collect::<Result<Vec<_>, _>>()?;
    let fake = started(builder)?;
    if !matches.get_flag("empty") {
        seed(&fake)?;
    }
    for (kind, key) in samples {
        let wrong = |error| CliError::usage(format!("--sample {kind}={key}: {error}")).field("sample");
        fake.collection(kind).insert_sample(key).map_err(wrong)?;
    }
    let mut out = io::stdout();
    // A script waits for these lines, and in a pipe they would stay in the buffer.
    writeln!(out, "url: {}\napi_key: {}", fake.url(), fake.api_key())
        .and_then(|()| out.flush())
        .map_err(|error| CliError::output(&error))?;
    tokio::select! {
        () = signals.next() => {}
        () = stdin_closes(matches.get_flag("until-stdin-closes")) => {}
    }
    Ok(Exit::Done)
}

/// Waits for the end of standard input, or forever unless `asked_for`.
async fn stdin_closes(asked_for: bool) {
    if !asked_for {
        return std::future::pending().await;
    }
    let (closed, end) = tokio::sync::oneshot::channel();
    // A detached thread, because reading can't be cancelled.
    std::thread::spawn(move || {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        let _ = closed.send(());
    });
    let _ = end.await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_account_is_as_the_document_says() {
        let fake = start().unwrap();
        let seed: Map<String, Value> = serde_json::from_str(SEED).unwrap();
        for (name, objects) in &seed {
            assert!(
                operations::RESOURCES.iter().any(|resource| resource.name == name),
                "{name}"
            );
            assert!(
                fake.collection(name).len() > objects.as_array().unwrap().len(),
                "{name}"
            );
        }
    }
}
