//! One row: a fault, a call, and what client, server and log observe.

use std::{
    error::Error as _,
    fmt,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use chartmogul::{AttemptEvent, Client, ClientBuilder, Error, Failure, Method, Observer, Retry};
use chartmogul_tests::{UUID, opportunity, peer::Act, peer::Peer};
use serde_json::{Value, json};
use tokio::{task::JoinHandle, time::sleep};
use tokio_rustls::rustls::ServerConfig;

/// A mark of customers' data. The good response contains it, so every part of that response may leak it.
pub(super) const CUSTOMER: &str = "@example.com";

/// The prefix of each row's key.
pub(super) const KEY: &str = "sk-secret-n-";

/// The call of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Call {
    /// Idempotent.
    Update,
    /// Not idempotent.
    Create,
}

impl Call {
    pub(super) async fn make(self, client: &Client) -> Result<(), Error> {
        let response = match self {
            Self::Update => {
                let deal = client.opportunities().update(UUID).amount_in_cents(20_000).send();
                json!(deal.await?)
            }
            Self::Create => {
                let request = client.low_level().request(Method::POST, "/v1/opportunities");
                let response = request.json(&json!({ "amount_in_cents": 20_000 })).send::<Value>();
                response.await?.into_value()
            }
        };
        if response != opportunity(UUID) {
            // No row expects this error.
            return Err(Error::internal("a success that is none", None));
        }
        Ok(())
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Update => "PATCH",
            Self::Create => "POST",
        })
    }
}

/// The response of a server that works.
pub(super) fn good() -> Act {
    Act::json(200, opportunity(UUID).to_string())
}

/// Retries with short waits.
pub(super) fn quick() -> Retry {
    Retry::default()
        .max_attempts(3)
        .backoff(Duration::from_millis(1), Duration::from_millis(5))
}

/// What the client finds when it connects.
pub(super) enum Server {
    Open,
    /// Refuses connections until this many attempts have failed.
    Refusing(usize),
    /// Lets no connection be established until this many attempts have failed.
    Crowded(usize),
    Tls(Arc<ServerConfig>),
    /// Does not speak TLS, but is expected to.
    NoTls,
    /// Another URL.
    At(String),
}

/// What happens before the call.
pub(super) enum Before {
    Nothing,
    /// A call with this response, then a pause.
    Call(Act),
    /// A call that is rejected like this.
    Refused(Act),
    /// A call that is sent, and gets no response during the row.
    NoResponse,
}

type Setup = Box<dyn FnOnce(ClientBuilder, &Peer) -> ClientBuilder + Send>;

pub(super) struct Row {
    fault: &'static str,
    call: Call,
    server: Server,
    acts: Vec<Act>,
    then: Act,
    setup: Vec<Setup>,
    before: Before,
    because: Option<&'static str>,
    at_least: Duration,
    /// The TLS configuration with which the next call succeeds.
    mended_by: Option<Arc<ServerConfig>>,
    hopeless: bool,
    shows_message: bool,
}

pub(super) fn update(fault: &'static str) -> Row {
    Row {
        fault,
        call: Call::Update,
        server: Server::Open,
        acts: Vec::new(),
        then: good(),
        setup: Vec::new(),
        before: Before::Nothing,
        because: None,
        at_least: Duration::ZERO,
        mended_by: None,
        hopeless: false,
        shows_message: true,
    }
}

pub(super) fn create(fault: &'static str) -> Row {
    Row {
        call: Call::Create,
        ..update(fault)
    }
}

pub(super) fn both(fault: &'static str, with: impl Fn(Row) -> Row) -> [Row; 2] {
    [with(update(fault)), with(create(fault))]
}

impl Row {
    /// What the server does with the first requests; later ones get a good response.
    pub(super) fn first(mut self, acts: impl IntoIterator<Item = Act>) -> Self {
        self.acts = acts.into_iter().collect();
        self
    }

    /// What the server does with every request.
    pub(super) fn always(mut self, act: Act) -> Self {
        self.then = act;
        self
    }

    pub(super) fn server(mut self, server: Server) -> Self {
        self.server = server;
        self
    }

    pub(super) fn before(mut self, before: Before) -> Self {
        self.before = before;
        self
    }

    pub(super) fn client(self, setup: impl FnOnce(ClientBuilder) -> ClientBuilder + Send + 'static) -> Self {
        self.client_of(|builder, _| setup(builder))
    }

    pub(super) fn client_of(
        mut self,
        setup: impl FnOnce(ClientBuilder, &Peer) -> ClientBuilder + Send + 'static,
    ) -> Self {
        self.setup.push(Box::new(setup));
        self
    }

    /// Text that one of the causes contains.
    pub(super) fn because(mut self, text: &'static str) -> Self {
        self.because = Some(text);
        self
    }

    /// Minimum duration of the call.
    pub(super) fn at_least(mut self, time: Duration) -> Self {
        self.at_least = time;
        self
    }

    /// The TLS configuration with which the next call succeeds.
    pub(super) fn mended_by(mut self, config: &Arc<ServerConfig>) -> Self {
        self.mended_by = Some(Arc::clone(config));
        self
    }

    /// No call of this client can succeed.
    pub(super) fn hopeless(mut self) -> Self {
        self.hopeless = true;
        self
    }

    /// Leaves the server's message out of the table, because it differs between the variants.
    pub(super) fn without_message(mut self) -> Self {
        self.shows_message = false;
        self
    }
}

/// Records how each attempt ended; opens a closed server after some attempts.
#[derive(Clone)]
struct Attempts {
    ended: Arc<Mutex<Vec<Option<Failure>>>>,
    open_after: usize,
    peer: Arc<Peer>,
}

impl fmt::Debug for Attempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Attempts")
    }
}

impl Observer for Attempts {
    fn attempt(&self, attempt: &AttemptEvent<'_>) {
        let mut ended = self.ended.lock().unwrap();
        ended.push(attempt.failure);
        if ended.len() == self.open_after {
            self.peer.open();
        }
    }
}

/// A row with its client and its servers.
pub(super) struct Prepared {
    fault: &'static str,
    call: Call,
    before: Before,
    because: Option<&'static str>,
    shows_message: bool,
    at_least: Duration,
    mended_by: Option<Arc<ServerConfig>>,
    hopeless: bool,
    key: String,
    peer: Arc<Peer>,
    /// The target of redirects.
    elsewhere: Peer,
    attempts: Attempts,
    client: Result<Client, Error>,
}

pub(super) async fn prepare(row: Row, number: usize) -> Prepared {
    let key = format!("{KEY}{number:03}");
    let elsewhere = Peer::script([], good()).await;
    let ours = |act: Act| act.with("{elsewhere}", &elsewhere.url()).with("{key}", &key);
    let mut acts: Vec<_> = row.acts.into_iter().map(ours).collect();
    match &row.before {
        Before::Nothing => {}
        Before::Call(act) | Before::Refused(act) => acts.insert(0, act.clone()),
        Before::NoResponse => acts.insert(0, Act::nothing().hang()),
    }
    let then = ours(row.then);
    let peer = Arc::new(match row.server {
        Server::Refusing(_) => Peer::refusing(acts, then),
        Server::Crowded(_) => Peer::crowded(acts, then).await,
        _ => Peer::script(acts, then).await,
    });
    let (url, open_after) = match row.server {
        Server::Open => (peer.url(), usize::MAX),
        Server::Refusing(attempts) | Server::Crowded(attempts) => (peer.url(), attempts),
        Server::Tls(config) => {
            peer.speak_tls(config);
            (peer.tls_url(), usize::MAX)
        }
        Server::NoTls => (peer.tls_url(), usize::MAX),
        Server::At(url) => (url.replace("{port}", &peer.port().to_string()), usize::MAX),
    };
    let attempts = Attempts {
        ended: Arc::default(),
        open_after,
        peer: Arc::clone(&peer),
    };
    let mut builder = Client::builder()
        .api_key(&*key)
        .base_url(url)
        .retry(quick())
        .call_timeout(Duration::from_secs(20))
        .rate_limit(1000)
        // If a permit is not released, the next call has none.
        .max_in_flight(1)
        .observer(attempts.clone());
    for setup in row.setup {
        builder = setup(builder, &peer);
    }
    Prepared {
        fault: row.fault,
        call: row.call,
        before: row.before,
        because: row.because,
        shows_message: row.shows_message,
        at_least: row.at_least,
        mended_by: row.mended_by,
        hopeless: row.hopeless,
        key,
        peer,
        elsewhere,
        attempts,
        client: builder.build(),
    }
}

impl Prepared {
    pub(super) fn name(&self) -> String {
        format!("{} ({})", self.fault, self.call)
    }

    /// Makes the call, and checks all effects.
    pub(super) async fn run(self) -> Ran {
        let without_response = self.before().await;
        let (requests, done) = (self.peer.requests(), self.peer.done());
        self.attempts.ended.lock().unwrap().clear();
        let began = Instant::now();
        let (client, result) = match &self.client {
            Ok(client) => (Some(client.clone()), self.call.make(client).await),
            Err(error) => (None, Err(Error::configuration(error.to_string(), None))),
        };
        let mut problems = Vec::new();
        if began.elapsed() < self.at_least {
            problems.push("did not wait".to_owned());
        }
        if let Some(call) = without_response {
            call.abort();
        }

        let requests = self.peer.requests() - requests;
        let done = self.peer.done() - done + self.elsewhere.done();
        let attempts = self.attempts.ended.lock().unwrap().len();
        problems.extend(self.disagreements(&result, attempts, done));
        let mut outcome = Outcome {
            fault: self.fault,
            call: self.call.to_string(),
            gets: outcome_of(&result, self.because, self.shows_message),
            attempts: attempts.to_string(),
            requests: match self.elsewhere.requests() {
                0 => requests.to_string(),
                others => format!("{requests}, and {others} elsewhere"),
            },
            may_have_happened: match &result {
                Ok(()) => "it has",
                Err(error) if error.may_have_happened() => "yes",
                Err(_) => "no",
            },
            key_forms: key_forms(&self.key),
            leaks: Vec::new(),
            has_lost_its_client: false,
            problems,
        };
        outcome.look_into(&format!("{client:?}"));
        if let Err(error) = &result {
            outcome.look_into(&format!("{error}\n{error:?}\n{}", chain(error)));
            for attempt in error.attempts() {
                outcome.look_into(&attempt.to_string());
            }
        }
        // Of the data that the user's own HTTP client sends elsewhere, only the key is checked.
        outcome.look_for_key(
            &self
                .elsewhere
                .seen()
                .iter()
                .map(|seen| &*seen.whole)
                .collect::<String>(),
        );
        Ran { outcome, row: self }
    }

    async fn before(&self) -> Option<JoinHandle<Result<(), Error>>> {
        let client = self.client.as_ref().ok()?;
        match self.before {
            Before::Nothing => None,
            Before::Call(_) => {
                self.call
                    .make(client)
                    .await
                    .unwrap_or_else(|error| panic!("{}: {error}", self.name()));
                sleep(Duration::from_millis(150)).await;
                None
            }
            Before::Refused(_) => {
                self.call.make(client).await.expect_err("it is refused");
                None
            }
            Before::NoResponse => {
                // It must not end before the call of the row.
                let client = client.low_level().with_call_timeout(Duration::from_secs(60));
                let request = client.request(Method::GET, "/v1/ping").send_any();
                let task = tokio::spawn(async move { request.await.map(drop) });
                self.peer.has_seen(1).await;
                Some(task)
            }
        }
    }

    /// Compares the client's result with what the server observed.
    fn disagreements(&self, result: &Result<(), Error>, attempts: usize, done: usize) -> Vec<String> {
        let authorization = format!("Basic {}", BASE64_STANDARD.encode(format!("{}:", self.key)));
        let mut problems = Vec::new();
        let mut check = |holds: bool, problem: &str| {
            if !holds {
                problems.push(problem.to_owned());
            }
        };
        match result {
            Ok(()) => check(done > 0, "a success that nobody gave"),
            Err(error) => {
                check(
                    error.may_have_happened() == (done > 0),
                    "`may_have_happened` is not what the server knows",
                );
                check(
                    error.attempts().len() == attempts,
                    "the error has not as many attempts as the metrics",
                );
                let chain = chain(error);
                check(
                    chain.contains(self.because.unwrap_or_default()),
                    &format!("another cause: {chain}"),
                );
            }
        }
        check(
            self.call == Call::Update || done <= 1,
            "what must not happen twice may have happened twice",
        );
        check(
            self.peer
                .seen()
                .iter()
                .all(|seen| seen.authorization.as_ref() == Some(&authorization)),
            "a request without the key",
        );
        problems
    }
}

/// A row whose call has ended.
pub(super) struct Ran {
    pub(super) outcome: Outcome,
    row: Prepared,
}

impl Ran {
    /// Checks that the next call of the same client succeeds.
    pub(super) async fn finish(self) -> Outcome {
        let Self { mut outcome, row } = self;
        let others = row.elsewhere.requests();
        row.peer.open();
        row.peer.now(good());
        if let Some(config) = &row.mended_by {
            row.peer.speak_tls(Arc::clone(config));
        }
        if let Ok(client) = &row.client {
            match Call::Update.make(client).await {
                Ok(()) => {}
                Err(Error::Connection { .. }) if row.hopeless => {}
                Err(error) => {
                    outcome.has_lost_its_client = true;
                    outcome
                        .problems
                        .push(format!("the next call failed: {}", chain(&error)));
                }
            }
        }
        if row.elsewhere.requests() != others {
            outcome.problems.push("the next call went elsewhere".to_owned());
        }
        outcome
    }
}

/// A line of the table.
pub(super) struct Outcome {
    pub(super) fault: &'static str,
    pub(super) call: String,
    pub(super) gets: String,
    pub(super) attempts: String,
    pub(super) requests: String,
    pub(super) may_have_happened: &'static str,
    /// The key in plain text and as it is sent.
    pub(super) key_forms: [String; 2],
    pub(super) leaks: Vec<String>,
    /// The next call failed.
    pub(super) has_lost_its_client: bool,
    /// Violations that are not in the table.
    pub(super) problems: Vec<String>,
}

impl Outcome {
    pub(super) const HEAD: &str = "| fault | call | what the caller gets | attempts | requests that arrived | \
                                   may have happened | leaked |\n|---|---|---|--:|--:|---|---|";

    pub(super) fn name(&self) -> String {
        format!("{} ({})", self.fault, self.call)
    }

    /// Why this row fails.
    pub(super) fn failures(&self) -> impl Iterator<Item = String> {
        let failures = self.problems.iter().chain(&self.leaks);
        failures.map(|failure| format!("{}: {failure}; the caller gets {}", self.name(), self.gets))
    }

    pub(super) fn line(&self) -> String {
        let leaked = match &self.leaks[..] {
            [] => "nothing".to_owned(),
            leaks => leaks.join("; "),
        };
        let cells = [
            self.fault,
            &self.call,
            &self.gets,
            &self.attempts,
            &self.requests,
            self.may_have_happened,
            &leaked,
        ];
        format!("| {} |\n", cells.map(|cell| cell.replace('|', "\\|")).join(" | "))
    }

    /// Searches for leaks: the key, customers' data, an object's identifier.
    pub(super) fn look_into(&mut self, text: &str) {
        self.look_for_key(text);
        self.look_for(&[CUSTOMER, UUID], text);
    }

    pub(super) fn look_for_key(&mut self, text: &str) {
        let [plain, encoded] = self.key_forms.clone();
        self.look_for(&[&plain, &encoded], text);
    }

    fn look_for(&mut self, secrets: &[&str], text: &str) {
        for secret in secrets {
            if let Some(at) = text.find(secret) {
                let line = text[..at].rfind('\n').map_or(0, |at| at + 1);
                let line = text[line..].lines().next().unwrap_or_default();
                self.leaks.push(format!("{secret}: {line}"));
            }
        }
    }
}

/// The key in plain text and in Base64, without the last characters, which depend on the text after the key.
pub(super) fn key_forms(key: &str) -> [String; 2] {
    let whole = key.len() / 3 * 3;
    [key.to_owned(), BASE64_STANDARD.encode(&key[..whole])]
}

/// The caller's result, without varying parts.
fn outcome_of(result: &Result<(), Error>, because: Option<&str>, shows_message: bool) -> String {
    let error = match result {
        Ok(()) => return "success".to_owned(),
        Err(error) => error,
    };
    let debug = format!("{error:?}");
    let variant = debug.split(['(', ' ']).next().unwrap_or_default();
    let because = because.map(|text| format!("; because: {text}")).unwrap_or_default();
    let mut text = without_times(&error.to_string());
    if let Some(message) = error.message().filter(|_| !shows_message) {
        text = text.replace(&format!(": {message}"), "");
    }
    format!("`{variant}`: {text}{because}")
}

/// Removes durations such as ` in 2.1s`, which vary.
fn without_times(text: &str) -> String {
    let Some((before, after)) = text.split_once(" attempts in ") else {
        return text.to_owned();
    };
    let end = after.find([';', ')']).unwrap_or(after.len());
    format!("{before} attempts in …{}", &after[end..])
}

pub(super) fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        text.push_str(&format!("\n  because: {source}"));
        cause = source.source();
    }
    text
}
