//! Authentication: API keys of profiles, where they are stored, and the commands that store them.

mod file;
mod keyring;

use std::{
    io::{self, Read as _},
    path::Path,
    time::Duration,
};

use chartmogul::{Client, Error as ApiError, Method, Retry};
use clap::{Arg, ArgAction, ArgMatches, Command, builder::PossibleValuesParser};

use serde_json::Value;

use self::file::{Profile, Profiles};
use crate::{
    arguments::one,
    context::{Connection, Context},
    error::{CliError, Exit},
    output::{Printer, text},
};

/// The environment variable that takes precedence over every profile.
const VARIABLE: &str = "CHARTMOGUL_API_KEY";

/// Time limit for checking a key, unless `--timeout` sets another.
const CHECK_LIMIT: Duration = Duration::from_secs(10);

/// Maximum number of bytes to read from standard input.
const LONGEST: u64 = 64 * 1024;

/// Name of the default profile.
const DEFAULT: &str = "default";

/// A key, and the base URL that it is for.
#[derive(Clone)]
pub(crate) struct Account {
    pub(crate) key: String,
    pub(crate) base_url: Option<String>,
    /// Where the key was found.
    source: &'static str,
}

fn profile(connection: &Connection) -> &str {
    connection
        .profile
        .as_deref()
        .filter(|name| !name.is_empty())
        .unwrap_or(DEFAULT)
}

/// The key to use.
///
/// # Errors
/// There is none, or it can't be read.
pub(crate) fn account(connection: &Connection) -> Result<Account, CliError> {
    let from_environment = std::env::var_os(VARIABLE).filter(|key| !key.is_empty());
    let name = profile(connection);
    if let Some(key) = from_environment {
        let wrong = || CliError::new(Exit::SignIn, "no_key", format!("{VARIABLE} is not Unicode"));
        return Ok(Account {
            key: key.into_string().map_err(|_| wrong())?,
            base_url: connection.base_url.clone(),
            source: "environment",
        });
    }
    let no_key = |what: String| {
        CliError::new(Exit::SignIn, "no_key", what).next(format!(
            "Sign in with `chartmogul auth login`, set {VARIABLE}, or try it with --fake"
        ))
    };
    let Some(path) = file::path() else {
        let what = format!("there is no API key: {VARIABLE} is not set, and there is no folder for profiles");
        return Err(no_key(what).next(NEXT_WITHOUT_FOLDER));
    };
    let mut profiles = Profiles::read(&path)?;
    let Some(found) = profiles.0.remove(name) else {
        return Err(no_key(format!(
            "there is no API key: the profile {name:?} has none, and {VARIABLE} is not set"
        )));
    };
    let (key, source) = match found.key {
        Some(key) => (key, "file"),
        None => (keyring::load(name).map_err(|why| no_keyring(name, &why))?, "keyring"),
    };
    Ok(Account {
        key,
        base_url: connection.base_url.clone().or(found.base_url),
        source,
    })
}

fn no_keyring(profile: &str, why: &str) -> CliError {
    let message = format!("the key of the profile {profile:?} is in the keyring, which can't be used: {why}");
    CliError::new(Exit::SignIn, "keyring", message).next(format!(
        "Unlock the keyring, set {VARIABLE}, or sign in again with `chartmogul auth login --store file`"
    ))
}

/// `chartmogul auth`.
pub(crate) fn command() -> Command {
    let login = Command::new("login")
        .about("Check an API key, and store it")
        .long_about(
            "Check an API key, and store it.\n\nThe key is asked for without being shown, or read from standard input. It is never an \
             argument, because others on this machine can read those. It is kept under the name of the profile.",
        )
        .arg(
            Arg::new("store")
                .long("store")
                .value_name("STORE")
                .value_parser(PossibleValuesParser::new(["keyring", "file"]))
                .help("Where to store the key: in the system's keyring if there is one, otherwise in a file that only you can read"),
        )
        .arg(
            Arg::new("no-check")
                .long("no-check")
                .action(ArgAction::SetTrue)
                .help("Stores the key without checking it with ChartMogul"),
        )
        .after_help("Examples:\n  chartmogul auth login\n  chartmogul auth login --profile test < key.txt");
    let status = Command::new("status")
        .about("Show which key is used and where it is stored, but never the key itself")
        .after_help("Example:\n  chartmogul auth status --profile test");
    let logout = Command::new("logout")
        .about("Remove the key of a profile")
        .after_help("Example:\n  chartmogul auth logout --profile test");
    Command::new("auth")
        .about("Sign in and out: store API keys in profiles")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands([login, status, logout])
}

pub(crate) async fn run(context: &Context, matches: &ArgMatches) -> Result<Exit, CliError> {
    match matches.subcommand() {
        Some(("login", matches)) => login(context, matches).await,
        Some(("logout", _)) => logout(context),
        _ => status(context),
    }
}

async fn login(context: &Context, matches: &ArgMatches) -> Result<Exit, CliError> {
    let name = profile(&context.connection);
    let path = file::path().ok_or_else(no_folder)?;
    let mut profiles = Profiles::read(&path)?;
    let key = ask(context)?;
    let base_url = context.connection.base_url.clone();
    if !matches.get_flag("no-check") {
        check(context, &key).await?;
    }
    let wanted = one(matches, "store");
    let in_keyring = match wanted {
        Some("file") => Err(None),
        None if cfg!(not(feature = "keyring")) => Err(None),
        _ => keyring::save(name, &key).map_err(Some),
    };
    let source = match &in_keyring {
        Ok(()) => "keyring",
        Err(Some(why)) if wanted.is_some() => {
            let message = format!("the keyring can't be used: {why}");
            return Err(CliError::new(Exit::Unexpected, "keyring", message).next("No key was stored. Use --store file"));
        }
        Err(_) => "file",
    };
    let in_file = in_keyring.is_err();
    let kept = if in_keyring.is_ok() { None } else { Some(key) };
    profiles.0.insert(name.to_owned(), Profile { key: kept, base_url });
    profiles.write(&path)?;
    let file = path.display();
    context.note(&match in_keyring {
        Ok(()) => format!("The key of the profile {name:?} is kept in the keyring."),
        Err(None) if wanted.is_none() => format!(
            "The key of the profile {name:?} is kept in {file}, which only you can read, because this program was built without a \
             keyring."
        ),
        Err(None) => format!("The key of the profile {name:?} is kept in {file}, which only you can read."),
        Err(Some(why)) => format!(
            "The key of the profile {name:?} is kept in {file}, which only you can read. The keyring can't be used: {why}."
        ),
    });
    if std::env::var_os(VARIABLE).is_some_and(|key| !key.is_empty()) {
        context.warn(&format!("{VARIABLE} is set, and takes precedence."));
    }
    show(
        context,
        name,
        source,
        context.connection.base_url.as_deref(),
        Some(path.as_path()).filter(|_| in_file),
    )
}

fn no_folder() -> CliError {
    CliError::new(Exit::Unexpected, "no_folder", "there is no folder for profiles").next(NEXT_WITHOUT_FOLDER)
}

const NEXT_WITHOUT_FOLDER: &str =
    "Set HOME, XDG_CONFIG_HOME or CHARTMOGUL_CONFIG_DIR; or set CHARTMOGUL_API_KEY, which needs no folder";

/// The key: asked for on a terminal, else read from standard input.
fn ask(context: &Context) -> Result<String, CliError> {
    let failed = |error: io::Error| CliError::new(Exit::Unexpected, "input", format!("can't read the key: {error}"));
    let key = if context.terminals.stdin {
        rpassword::prompt_password("API key (it is not shown): ").map_err(failed)?
    } else {
        let mut text = String::new();
        io::stdin()
            .lock()
            .take(LONGEST)
            .read_to_string(&mut text)
            .map_err(failed)?;
        text
    };
    let key = key.trim();
    if key.is_empty() {
        return Err(CliError::new(Exit::SignIn, "no_key", "no key was given")
            .next("Write it to standard input: chartmogul auth login < key.txt"));
    }
    if key.lines().count() > 1 {
        let message = "standard input has more than one line; it must be only the key";
        return Err(CliError::new(Exit::SignIn, "no_key", message));
    }
    if key.contains(|c: char| c.is_whitespace() || c.is_control() || c == ':') {
        return Err(CliError::new(
            Exit::SignIn,
            "no_key",
            "this is not an API key: it has spaces, a colon or control characters",
        ));
    }
    Ok(key.to_owned())
}

/// Checks with ChartMogul whether the key is valid.
async fn check(context: &Context, key: &str) -> Result<(), CliError> {
    let mut builder = Client::builder().api_key(key);
    if context.connection.fake {
        let fake = context.client()?.low_level().base_url().to_owned();
        builder = builder.base_url(fake).no_proxy();
    } else if let Some(url) = &context.connection.base_url {
        builder = builder.base_url(url);
    }
    let limit = context.connection.timeout.unwrap_or(CHECK_LIMIT);
    let client: Client = builder.call_timeout(limit).retry(Retry::never()).build()?;
    context.note(&format!(
        "Checking the key with ChartMogul, for at most {} s.",
        limit.as_secs()
    ));
    // Any other response, such as that of a proxy or a wrong --base-url, says nothing about the key.
    match client
        .low_level()
        .request(Method::GET, "/v1/ping")
        .send::<Value>()
        .await
    {
        // A 403 shows that the key is known, without the permission to ping.
        Ok(_) | Err(ApiError::Forbidden(_)) => Ok(()),
        Err(error @ ApiError::Unauthorized(_)) => {
            Err(CliError::from(error).next("No key was stored. Copy the key again from ChartMogul: Profile, API keys"))
        }
        Err(error) => Err(CliError::from(error).within("the key could not be checked").next(
            "No key was stored. Check the network and --base-url, and try again; or store the key with --no-check",
        )),
    }
}

fn logout(context: &Context) -> Result<Exit, CliError> {
    let name = profile(&context.connection);
    let path = file::path().ok_or_else(no_folder)?;
    let mut profiles = Profiles::read(&path)?;
    let Some(found) = profiles.0.remove(name) else {
        context.note(&format!("The profile {name:?} has no key."));
        return Ok(Exit::Done);
    };
    if found.key.is_none() {
        keyring::forget(name).map_err(|why| no_keyring(name, &why))?;
    }
    profiles.write(&path)?;
    context.note(&format!(
        "The key of the profile {name:?} was removed here. ChartMogul still accepts it: revoke it there."
    ));
    if std::env::var_os(VARIABLE).is_some_and(|key| !key.is_empty()) {
        context.warn(&format!("{VARIABLE} is still set."));
    }
    Ok(Exit::Done)
}

fn status(context: &Context) -> Result<Exit, CliError> {
    let name = profile(&context.connection);
    let account = account(&context.connection)?;
    let path = file::path().filter(|_| account.source == "file");
    show(
        context,
        name,
        account.source,
        account.base_url.as_deref(),
        path.as_deref(),
    )
}

fn show(
    context: &Context,
    profile: &str,
    source: &str,
    base_url: Option<&str>,
    path: Option<&Path>,
) -> Result<Exit, CliError> {
    let profile = (source != "environment").then_some(profile);
    let path = path.map(|path| path.display().to_string());
    let fields = [
        ("profile", profile),
        ("kept_in", Some(source)),
        ("file", path.as_deref()),
        ("base_url", base_url),
    ];
    let fields = fields.map(|(name, value)| (name, value.map_or("null".to_owned(), text::string)));
    let shown = text::object(fields.iter().map(|(name, value)| (*name, value.as_str())));
    Printer::new(context, None)?.object(&shown)?;
    Ok(Exit::Done)
}
