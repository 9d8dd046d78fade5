//! `chartmogul api METHOD PATH`: any endpoint, through the same transport.

use std::{
    collections::HashSet,
    io::{self, Write as _},
};

use chartmogul::{
    Method,
    chartmogul_api::{Request, Response, operations},
};
use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::{Map, Value};

use crate::{
    arguments::{attribute, many, one, read_text, twice},
    context::Context,
    error::{CliError, Exit},
    json,
    output::{Printer, print},
    run::{Page, confirm, uninterrupted},
};

/// `chartmogul api`.
pub(crate) fn command() -> Command {
    Command::new("api")
        .about("Call any endpoint, including those that have no command")
        .long_about(
            "Call any endpoint, including those that have no command, with the same key, limits, retries and errors. The body is written as it \
             arrived, if it is no JSON.",
        )
        .arg(Arg::new("method").value_name("METHOD").required(true).help("GET, POST, PUT, PATCH or DELETE"))
        .arg(Arg::new("path").value_name("PATH").required(true).help("Begins with /v1/; may have a query"))
        .arg(
            Arg::new("field")
                .long("field")
                .short('f')
                .value_name("KEY=VALUE")
                .action(ArgAction::Append)
                .help(
                    "A field of the body, or a parameter of the query of GET and DELETE. The type is inferred, or given: \
                     code:string=007, tags:=[\"a\"]; can be repeated",
                ),
        )
        .arg(
            Arg::new("json-body")
                .long("json-body")
                .value_name("FILE")
                .help("The body as JSON, from a file or from standard input (-)"),
        )
        .arg(
            Arg::new("include")
                .long("include")
                .short('i')
                .action(ArgAction::SetTrue)
                .help("Writes status and headers to standard error"),
        )
        .arg(
            Arg::new("paginate")
                .long("paginate")
                .action(ArgAction::SetTrue)
                .help("Follows the cursor, and writes the entries of all pages as one list"),
        )
        .after_help(
            "Examples:\n  chartmogul api GET /v1/ping\n  chartmogul api GET '/v1/opportunities?per_page=5' --paginate --jq length\n  \
             chartmogul api PATCH /v1/opportunities/3e6f8a1b-4c2d-4e5f-9a6b-7c8d9e0f1a2b --field amount_in_cents=20000",
        )
}

pub(crate) async fn run(context: &Context, matches: &ArgMatches) -> Result<Exit, CliError> {
    let method = method(one(matches, "method").unwrap_or_default())?;
    let (path, mut query) = split(one(matches, "path").unwrap_or_default())?;
    let mut body = match one(matches, "json-body") {
        None => None,
        Some(file) => {
            let wrong = |what: String| CliError::usage(format!("--json-body {file}: {what}")).field("json-body");
            Some(json::parse(&read_text(file)?).map_err(wrong)?)
        }
    };
    let in_query = method == Method::GET || method == Method::DELETE;
    let mut named: Vec<String> = Vec::new();
    for text in many(matches, "field") {
        let (name, value) = attribute("--field", text)?;
        if named.contains(&name) {
            return Err(twice("--field", &name));
        }
        named.push(name.clone());
        if in_query {
            query.push((name, value.as_str().map_or_else(|| value.to_string(), str::to_owned)));
            continue;
        }
        match body.get_or_insert_with(|| Map::new().into()) {
            Value::Object(fields) => drop(fields.insert(name, value)),
            _ => return Err(CliError::usage("--field needs a body that is an object").field("field")),
        }
    }
    let printer = Printer::new(context, None)?;
    if method == Method::DELETE || is_destructive(&method, &path) {
        confirm(context, &format!("{method} {path}"))?;
    }
    let client = context.client()?.low_level();
    let request = |more: &[(String, String)]| {
        let mut request = filled(client.request(method.clone(), template(&path)), &path);
        for (name, value) in query.iter().chain(more) {
            request = request.query(name, value);
        }
        match &body {
            Some(body) => request.json(body),
            None => request,
        }
    };
    if matches.get_flag("paginate") {
        if method != Method::GET {
            return Err(CliError::usage("--paginate is for GET").field("paginate"));
        }
        return pages(matches, request, printer).await;
    }
    let response = uninterrupted(method == Method::GET, request(&[]).send_any()).await??;
    include(matches, &response);
    let text = String::from_utf8_lossy(response.body());
    let printed = if serde_json::from_str::<&serde_json::value::RawValue>(&text).is_ok() {
        printer.object(&text)
    } else {
        print(&text)
    };
    match printed {
        Err(error) if method != Method::GET => Err(error.once_done("It was done")),
        printed => printed.map(|()| Exit::Done),
    }
}

/// Whether the operation is destructive, such as a merge.
fn is_destructive(method: &Method, path: &str) -> bool {
    operations::at(method.as_str(), path).is_some_and(|operation| operation.destructive)
}

async fn pages(
    matches: &ArgMatches,
    request: impl Fn(&[(String, String)]) -> Request,
    mut printer: Printer<'_>,
) -> Result<Exit, CliError> {
    let mut cursors = HashSet::new();
    let mut more = Vec::new();
    loop {
        let response = request(&more).send_any().await?;
        include(matches, &response);
        let text = String::from_utf8_lossy(response.body());
        let page = Page::read(&text, |fields| {
            let lists: Vec<_> = fields
                .iter()
                .filter(|(_, value)| value.get().starts_with('['))
                .collect();
            let named = lists.iter().find(|(name, _)| *name == "entries");
            // With several lists, it is unknown which one holds the entries.
            let only = if lists.len() == 1 { lists.first() } else { None };
            named.or(only).map(|(name, _)| (*name).clone())
        });
        let Some(page) = page else {
            let message = "the response is not a page: it has neither a list `entries` nor exactly one other list";
            return Err(CliError::new(Exit::Unexpected, "unreadable", message).next("Leave out --paginate"));
        };
        for entry in &page.entries {
            printer.entry(entry)?;
        }
        printer.flush()?;
        let Some(cursor) = page.cursor.filter(|_| page.has_more) else {
            printer.end()?;
            return Ok(Exit::Done);
        };
        if !cursors.insert(cursor.clone()) {
            let message = "the list does not end: the server sent the same cursor twice";
            return Err(CliError::new(Exit::Unexpected, "pagination", message));
        }
        more = vec![("cursor".to_owned(), cursor)];
    }
}

/// Status and headers, on standard error: standard output is for data.
fn include(matches: &ArgMatches, response: &Response<()>) {
    if matches.get_flag("include") {
        let headers = response.headers().iter();
        let headers = headers.map(|(name, value)| format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes())));
        let text = format!("HTTP {}\n{}\n", response.status(), headers.collect::<String>());
        let _ = io::stderr().write_all(text.as_bytes());
    }
}

fn method(text: &str) -> Result<Method, CliError> {
    match text.to_ascii_uppercase().as_str() {
        "GET" => Ok(Method::GET),
        "POST" => Ok(Method::POST),
        "PUT" => Ok(Method::PUT),
        "PATCH" => Ok(Method::PATCH),
        "DELETE" => Ok(Method::DELETE),
        _ => Err(CliError::usage(format!(
            "{text:?} is not a method; must be GET, POST, PUT, PATCH or DELETE"
        ))
        .field("method")),
    }
}

/// The path and its query, decoded.
fn split(text: &str) -> Result<(String, Vec<(String, String)>), CliError> {
    let (path, query) = text.split_once('?').unwrap_or((text, ""));
    if !path.starts_with("/v1/") {
        let message = format!("the path {path:?} must begin with /v1/");
        return Err(CliError::usage(message)
            .field("path")
            .next("Set another host with --base-url"));
    }
    let pairs = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let plus = |text: &str| decoded(&text.replace('+', " "));
        (plus(name), plus(value))
    });
    Ok((path.to_owned(), pairs.collect()))
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text)
        .decode_utf8_lossy()
        .into_owned()
}

fn is_plain(segment: &str) -> bool {
    !segment.is_empty()
        && segment
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte))
}

/// The path as a template, with a parameter for each segment that has to be encoded.
fn template(path: &str) -> String {
    let segments = path.split('/').enumerate().map(|(at, segment)| match segment {
        "" => String::new(),
        plain if is_plain(plain) => plain.to_owned(),
        _ => format!("{{segment_{at}}}"),
    });
    segments.collect::<Vec<_>>().join("/")
}

fn filled(request: Request, path: &str) -> Request {
    let named = path
        .split('/')
        .enumerate()
        .filter(|(_, segment)| !segment.is_empty() && !is_plain(segment));
    named.fold(request, |request, (at, segment)| {
        request.path(format!("segment_{at}"), decoded(segment))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_queries_are_taken_apart() {
        let (path, query) = split("/v1/customers/a%2Fb?x=1&y=a+b%26c").unwrap();
        assert_eq!(
            (template(&path).as_str(), path.as_str()),
            ("/v1/customers/{segment_3}", "/v1/customers/a%2Fb")
        );
        assert_eq!(
            query,
            [("x", "1"), ("y", "a b&c")].map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
        assert!(split("https://api.chartmogul.com/v1/ping").is_err());
    }
}
