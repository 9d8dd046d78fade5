//! What every command needs: a client, the format of the output, and which streams are terminals.
//!
//! Commands are async and run on one runtime of the current thread, with IO and timers. So `bulk::run` is
//! `pub(crate) async fn run(context: &Context, operation: &'static Operation, matches: &ArgMatches) -> Result<Exit, CliError>`.

use std::{
    cell::OnceCell,
    io::{self, IsTerminal as _, Write as _},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::Duration,
};

use chartmogul::{AttemptEvent, Client, ClientBuilder, Observer};
use chartmogul_fake::Fake;

use crate::error::CliError;

/// How results are written to standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// One JSON value: an object, or an array of all entries.
    Json,
    /// One JSON value in each line.
    JsonLines,
    /// One line for each entry, below a header line.
    Csv,
}

/// Which streams are terminals.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Terminals {
    pub(crate) stdin: bool,
    pub(crate) stdout: bool,
    pub(crate) stderr: bool,
}

impl Terminals {
    pub(crate) fn detect() -> Self {
        Self {
            stdin: io::stdin().is_terminal(),
            stdout: io::stdout().is_terminal(),
            stderr: io::stderr().is_terminal(),
        }
    }

    /// Whether the user can be asked: a question is written to standard error and the answer read from standard input.
    pub(crate) fn can_ask(self) -> bool {
        self.stdin && self.stderr
    }
}

/// Whether to use colors, as the environment sets it: `NO_COLOR`, `CLICOLOR_FORCE`, `CLICOLOR`.
pub(crate) fn colors(is_terminal: bool) -> bool {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    if variable("NO_COLOR").is_some() {
        return false;
    }
    if variable("CLICOLOR_FORCE").is_some_and(|value| value != "0") {
        return true;
    }
    let wanted = variable("CLICOLOR").is_none_or(|value| value != "0");
    is_terminal && wanted && variable("TERM").is_none_or(|value| value != "dumb")
}

/// How results are shown.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    pub(crate) format: Format,
    /// Names of fields; empty for the default ones.
    pub(crate) columns: Vec<String>,
    /// A filter in the language of jq.
    pub(crate) jq: Option<String>,
    /// Whether standard output gets colors.
    pub(crate) color: bool,
}

/// The API to call, and the profile to call it with.
#[derive(Debug, Clone, Default)]
pub(crate) struct Connection {
    /// The embedded fake instead of the API.
    pub(crate) fake: bool,
    pub(crate) base_url: Option<String>,
    pub(crate) profile: Option<String>,
    /// Time limit for a whole call.
    pub(crate) timeout: Option<Duration>,
}

/// Reports why a single call takes long: without a network, the attempts take a while.
#[derive(Debug, Default)]
struct Patience(AtomicBool);

impl Observer for Patience {
    fn attempt(&self, attempt: &AttemptEvent<'_>) {
        let Some(failure) = attempt.failure.filter(|_| attempt.number == 2) else {
            return;
        };
        if !self.0.swap(true, Relaxed) {
            let what = "No usable response after two attempts";
            let _ = writeln!(io::stderr(), "{what}: {failure}. Ctrl-C ends it, --timeout limits it.");
        }
    }
}

/// What every command needs.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) output: Output,
    pub(crate) terminals: Terminals,
    /// Whether standard error gets colors.
    pub(crate) stderr_color: bool,
    /// Notes are not printed; warnings and errors are.
    pub(crate) quiet: bool,
    /// Questions are answered with yes.
    pub(crate) yes: bool,
    pub(crate) connection: Connection,
    client: OnceCell<Client>,
    fake: OnceCell<Fake>,
}

impl Context {
    pub(crate) fn new(output: Output, terminals: Terminals, connection: Connection) -> Self {
        Self {
            output,
            terminals,
            stderr_color: false,
            quiet: false,
            yes: false,
            connection,
            client: OnceCell::new(),
            fake: OnceCell::new(),
        }
    }

    /// The client, built when it is first asked for. Its base URL is `client.low_level().base_url()`.
    pub(crate) fn client(&self) -> Result<&Client, CliError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let quiet = self.quiet;
        let client = self.build(|builder| {
            if quiet {
                builder
            } else {
                builder.observer(Patience::default())
            }
        })?;
        Ok(self.client.get_or_init(|| client))
    }

    /// How many columns the terminal has; `None` if standard output is not a terminal.
    pub(crate) fn width(&self) -> Option<usize> {
        let size = terminal_size::terminal_size_of(io::stdout());
        size.filter(|_| self.terminals.stdout).map(|(width, _)| width.0.into())
    }

    /// Builds a separate client with the same settings, changed by `adjust`.
    pub(crate) fn build(&self, adjust: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Result<Client, CliError> {
        let mut builder = Client::builder().user_agent(concat!("chartmogul-cli/", env!("CARGO_PKG_VERSION")));
        if self.connection.fake {
            let fake = self.fake()?;
            builder = builder.base_url(fake.url()).api_key(fake.api_key()).no_proxy();
        } else {
            let account = crate::auth::account(&self.connection)?;
            builder = builder.api_key(account.key);
            if let Some(url) = account.base_url {
                builder = builder.base_url(url);
            }
        }
        if let Some(limit) = self.connection.timeout {
            builder = builder.call_timeout(limit);
        }
        Ok(adjust(builder).build()?)
    }

    /// The embedded fake, started when it is first asked for.
    fn fake(&self) -> Result<&Fake, CliError> {
        if let Some(fake) = self.fake.get() {
            return Ok(fake);
        }
        let fake = crate::fake::start()?;
        Ok(self.fake.get_or_init(|| fake))
    }

    /// Writes a note to standard error, unless `quiet` is set.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            self.warn(text);
        }
    }

    /// Writes a warning to standard error, even if `quiet` is set.
    #[allow(clippy::unused_self)] // so that nobody writes there without a context
    pub(crate) fn warn(&self, text: &str) {
        // Not `eprintln!`, which panics if standard error is closed.
        let _ = writeln!(io::stderr(), "{text}");
    }
}
