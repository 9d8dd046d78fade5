//! How the program ends: exit codes, and errors for people and for programs.

use std::{error::Error as StdError, fmt, io};

use chartmogul::{Attempt, Error as ApiError, Failure};
use serde_json::{Map, Value, json};

/// How the program ends. The number is the exit code; `docs/guide/command-line.md` and the man page list them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Everything was done.
    Done = 0,
    /// Something unexpected failed: a file, a pipe, a bug.
    Unexpected = 1,
    /// Wrong usage, or a value that was refused before anything was sent.
    Usage = 2,
    /// A bulk run ended, and some of its rows failed.
    RowsFailed = 3,
    /// No key, or a key that may not do this: 401 and 403.
    SignIn = 4,
    /// The API refused the request: any other 4xx.
    Refused = 5,
    /// The network or the server failed. A write may have happened, which the message says.
    Unavailable = 6,
    /// The call failed because of a rate limit.
    RateLimit = 7,
    /// It was interrupted. A bulk run can be resumed.
    Interrupted = 130,
}

impl Exit {
    pub(crate) fn code(self) -> u8 {
        self as u8
    }
}

/// What went wrong, and what to do about it.
#[derive(Debug)]
pub(crate) struct CliError(Box<Inner>); // boxed, so that a `Result` is small

#[derive(Debug)]
struct Inner {
    exit: Exit,
    code: &'static str,
    message: String,
    field: Option<String>,
    next: Option<String>,
    /// Additional fields of the JSON form.
    details: Map<String, Value>,
    /// Not reported, because the reader has closed the output.
    quiet: bool,
}

impl CliError {
    /// `code` identifies the error for programs, in `snake_case`.
    pub(crate) fn new(exit: Exit, code: &'static str, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            exit,
            code,
            message: message.into(),
            field: None,
            next: None,
            details: Map::new(),
            quiet: false,
        }))
    }

    /// Wrong usage.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "usage", message)
    }

    /// A file that can't be read or written.
    pub(crate) fn file(doing: &str, path: &std::path::Path, error: &io::Error) -> Self {
        let message = format!("can't {doing} {}: {error}", path.display());
        Self::new(Exit::Unexpected, "file", message)
    }

    /// Standard output can't be written. If its reader has closed it, the program ends silently with success.
    pub(crate) fn output(error: &io::Error) -> Self {
        let mut this = Self::new(Exit::Unexpected, "output", format!("can't write the output: {error}"));
        if error.kind() == io::ErrorKind::BrokenPipe {
            this.0.exit = Exit::Done;
            this.0.quiet = true;
        }
        this
    }

    /// For an output error after something was done: it is not wrong usage, and repeating the command would do it
    /// again.
    pub(crate) fn once_done(mut self, what: &str) -> Self {
        if !self.0.quiet {
            self.0.exit = Exit::Unexpected;
            self.0.next = Some(format!("{what} nevertheless; do not repeat it for its output"));
        }
        self
    }

    /// Prefixes the message with what failed because of this error.
    pub(crate) fn within(mut self, what: &str) -> Self {
        self.0.message = format!("{what}: {}", self.0.message);
        self
    }

    /// Marks the error: it is unknown whether a change was made.
    pub(crate) fn may_have_happened(self) -> Self {
        self.detail("may_have_happened", true)
            .next("The change may have been made nevertheless; check before you repeat it")
    }

    /// Sets the field or the flag that the error is about.
    pub(crate) fn field(mut self, field: impl Into<String>) -> Self {
        self.0.field = Some(field.into());
        self
    }

    /// Sets what to do next, as a sentence without a full stop.
    pub(crate) fn next(mut self, next: impl Into<String>) -> Self {
        self.0.next = Some(next.into());
        self
    }

    /// Adds a field to the JSON form.
    pub(crate) fn detail(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.details.insert(name.to_owned(), value.into());
        self
    }

    pub(crate) fn exit(&self) -> Exit {
        self.0.exit
    }

    /// Whether the error is not reported.
    pub(crate) fn is_quiet(&self) -> bool {
        self.0.quiet
    }

    /// For programs: one object.
    pub(crate) fn json(&self) -> Value {
        let mut error = json!({ "code": self.0.code, "message": self.0.message, "exit_code": self.0.exit.code() });
        let optional = [("field", &self.0.field), ("next_step", &self.0.next)];
        for (name, value) in optional {
            if let Some(value) = value {
                error[name] = value.as_str().into();
            }
        }
        for (name, value) in &self.0.details {
            error[name] = value.clone();
        }
        json!({ "error": error })
    }
}

/// For people: the message, and the next step on a line of its own.
impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        match &self.0.next {
            Some(next) => write!(f, "\n{next}"),
            None => Ok(()),
        }
    }
}

impl From<ApiError> for CliError {
    fn from(error: ApiError) -> Self {
        let (exit, code, next) = classify(&error);
        let mut this = Self::new(exit, code, translated(&error));
        this.0.next = next.map(str::to_owned);
        if let ApiError::InvalidInput(wrong) = &error {
            this = this.field(wrong.field());
        }
        if let Some(response) = error.response() {
            this = this.detail("status", response.status().as_u16());
            if let Some(id) = response.request_id() {
                this = this.detail("request_id", id);
            }
            let problems = response.problems();
            if let [only] = problems {
                this = this.field(only.field.as_str());
            }
            if !problems.is_empty() {
                let problems = problems
                    .iter()
                    .map(|problem| json!({ "field": problem.field, "message": problem.message }));
                this = this.detail("problems", problems.collect::<Value>());
            }
        }
        if error.may_have_happened() {
            this.may_have_happened()
        } else {
            this
        }
    }
}

/// An error of the library with its causes, in the terms of the command line.
pub(crate) fn translated(error: &dyn StdError) -> String {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !message.contains(&cause_text) {
            message.push_str(": ");
            message.push_str(&cause_text);
        }
        source = cause.source();
    }
    WORDS
        .iter()
        .fold(message, |message, (of_library, ours)| message.replace(of_library, ours))
}

/// Parts of the library's messages that name its own methods or settings, and their replacements in the command line.
const WORDS: [(&str, &str); 4] = [
    (" (allow_plain_http() accepts that)", ""),
    (
        "give the key to `api_key` instead",
        "give the key with CHARTMOGUL_API_KEY or `chartmogul auth login`",
    ),
    ("the base URL", "the URL of --base-url"),
    (", or use `Bulk::lock(false)` if no other run can use it", ""),
];

/// The exit code for an error.
pub(crate) fn exit(error: &ApiError) -> Exit {
    classify(error).0
}

/// Exit code, code for programs, and next step.
fn classify(error: &ApiError) -> (Exit, &'static str, Option<&'static str>) {
    match error {
        ApiError::InvalidInput(_) => (Exit::Usage, "invalid_input", None),
        ApiError::Configuration { .. } => (Exit::Usage, "configuration", None),
        ApiError::Unauthorized(_) => (
            Exit::SignIn,
            "unauthorized",
            Some("Sign in with `chartmogul auth login`, or set CHARTMOGUL_API_KEY"),
        ),
        ApiError::Forbidden(_) => (
            Exit::SignIn,
            "forbidden",
            Some("Use a key whose user has the permission: `chartmogul auth login`"),
        ),
        ApiError::NotFound(_) => (Exit::Refused, "not_found", None),
        ApiError::NotModified(_) => (Exit::Done, "not_modified", None),
        ApiError::Rejected(_) => (Exit::Refused, "rejected", None),
        error if is_throttled(error) => (
            Exit::RateLimit,
            "rate_limit",
            Some("Wait a minute, or give it more time with --timeout"),
        ),
        ApiError::Server(_) => (Exit::Unavailable, "server", Some("Try again later")),
        ApiError::UnexpectedStatus(response) if response.status().is_client_error() => (Exit::Refused, "refused", None),
        ApiError::Connection { .. } => (
            Exit::Unavailable,
            "connection",
            Some("Check the network, and --base-url"),
        ),
        ApiError::Timeout { .. } => (Exit::Unavailable, "timeout", Some("Give it more time with --timeout")),
        // The response is not from the API: a proxy, or a wrong URL.
        ApiError::Unreadable { .. } => (
            Exit::Unavailable,
            "unreadable",
            Some("Check the network, and --base-url"),
        ),
        ApiError::Stopped { .. } => (Exit::Interrupted, "stopped", None),
        ApiError::Conflict { .. } => (
            Exit::Refused,
            "conflict",
            Some("It was changed concurrently: check it, and repeat the command"),
        ),
        _ => (Exit::Unexpected, "unexpected", None),
    }
}

/// Whether the call failed because of a rate limit, the server's or the client's own.
fn is_throttled(error: &ApiError) -> bool {
    match error {
        ApiError::Throttled(_) => true,
        ApiError::Timeout { while_waiting, .. } => {
            let last = error.attempts().last().map(Attempt::failure);
            let refused = matches!(last, Some(Failure::Status(status)) if [429, 503].contains(&status.as_u16()));
            refused || *while_waiting == Some("the rate limit")
        }
        _ => false,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // tests
mod tests {
    use super::*;

    /// Errors about the environment and the flags name no method of the library.
    #[test]
    fn errors_have_the_words_of_the_command_line() {
        let of_url = |url: &str| {
            let built = chartmogul::Client::builder().api_key("key").base_url(url).build();
            CliError::from(built.unwrap_err()).to_string()
        };
        for (url, said) in [
            ("http://example.com", "--base-url is plain http"),
            ("https://user:x@example.com", "give the key with CHARTMOGUL_API_KEY"),
            ("ftp://example.com", "--base-url has an unknown scheme"),
            ("example", "--base-url can't be parsed"),
            ("https://example.com?x", "--base-url has a query"),
        ] {
            let text = of_url(url);
            assert!(
                text.contains(said) && !text.contains("()") && !text.contains("`api_key`"),
                "{text}"
            );
        }
        // Errors of a bulk run can't be created here; their texts are taken from the source.
        let source = include_str!("../../chartmogul/src/bulk/error.rs").lines();
        let texts = source.filter(|line| !line.trim_start().starts_with("///"));
        let text = texts.collect::<Vec<_>>().join(" ").replace('\\', "");
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains("`Bulk::"), "there is one to find");
        let message = translated(&io::Error::other(text));
        assert!(!message.contains("`Bulk::"), "{message}");
    }

    #[test]
    fn a_pipe_that_was_closed_is_no_error() {
        let closed = CliError::output(&io::ErrorKind::BrokenPipe.into());
        assert!(closed.is_quiet() && closed.exit() == Exit::Done);
        let full = CliError::output(&io::ErrorKind::StorageFull.into());
        assert!(!full.is_quiet() && full.exit() == Exit::Unexpected);
    }

    #[test]
    fn the_json_form_has_everything_as_fields() {
        let error = CliError::usage("no such field")
            .field("colour")
            .next("See --help")
            .detail("row", 7);
        assert_eq!(
            error.json(),
            json!({ "error": {
                "code": "usage", "message": "no such field", "exit_code": 2, "field": "colour",
                "next_step": "See --help", "row": 7,
            } })
        );
        assert_eq!(error.to_string(), "no such field\nSee --help");
    }
}
