use std::{
    future::pending,
    io::Write as _,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    sync::Arc,
    thread::{self, JoinHandle},
};

use axum::{
    Router,
    body::to_bytes,
    extract::{Request, State as Extracted},
    http::StatusCode,
    response::Response,
};
use tokio::sync::oneshot;

use crate::{
    Canned, Collection, Recorded, Stage, auth,
    canned::Handling,
    errors,
    handle::handle,
    state::{Shared, State},
};

const BODY_LIMIT: usize = 32 * 1024 * 1024;

/// A running fake, on a thread of its own. It ends when this is dropped.
#[derive(Debug)]
pub struct Fake {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// Ends the thread when it is dropped.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Settings of a fake; returned by [`Fake::builder`].
#[derive(Debug, Clone)]
#[must_use = "nothing runs before `start`"]
pub struct Builder {
    address: SocketAddr,
    lenient: bool,
    log: bool,
}

/// The fake could not be started.
#[derive(Debug, thiserror::Error)]
#[error("the fake can't listen on {address}")]
pub struct StartError {
    address: SocketAddr,
    source: std::io::Error,
}

impl Builder {
    /// Sets the port; 0, the default, chooses a free one.
    pub fn port(mut self, port: u16) -> Self {
        self.address.set_port(port);
        self
    }

    /// Sets the address; `127.0.0.1` by default.
    pub fn host(mut self, host: IpAddr) -> Self {
        self.address.set_ip(host);
        self
    }

    /// Ignores unknown query parameters and fields, and fields that are `null` but must not be, as the API may do, and accepts
    /// unknown enum values. Without this they are rejected, so that a test can't pass by accident.
    pub fn lenient(mut self) -> Self {
        self.lenient = true;
        self
    }

    /// Writes a line for each request to standard error.
    pub fn log(mut self) -> Self {
        self.log = true;
        self
    }

    /// Starts the fake.
    ///
    /// # Errors
    /// [`StartError`] if the port is not available.
    pub fn start(self) -> Result<Fake, StartError> {
        let Self { address, lenient, log } = self;
        let start = || {
            let listener = TcpListener::bind(address)?;
            listener.set_nonblocking(true)?;
            let address = listener.local_addr()?;
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let shared = Arc::new(Shared::new(lenient, log));
            let app = Router::new().fallback(receive).with_state(Arc::clone(&shared));
            let (stop, stopped) = oneshot::channel();
            let serve = async move {
                let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
                    return pending().await;
                };
                // Does not end: axum retries when it can't accept.
                let _ = axum::serve(listener, app).await;
            };
            let thread = thread::Builder::new()
                .name("chartmogul-fake".to_owned())
                .spawn(move || {
                    runtime.block_on(async {
                        tokio::select! {
                            () = serve => {}
                            _ = stopped => {}
                        }
                    });
                })?;
            Ok(Fake {
                address,
                shared,
                stop: Some(stop),
                thread: Some(thread),
            })
        };
        start().map_err(|source| StartError { address, source })
    }
}

impl Fake {
    /// Starts a fake on a free loopback port.
    ///
    /// # Errors
    /// [`StartError`] if no port is available.
    pub fn start() -> Result<Self, StartError> {
        Self::builder().start()
    }

    /// Returns a builder, to change the settings.
    pub fn builder() -> Builder {
        Builder {
            address: (Ipv4Addr::LOCALHOST, 0).into(),
            lenient: false,
            log: false,
        }
    }

    /// The URL of the fake, for a client's base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The API key that the fake accepts.
    pub fn api_key(&self) -> &str {
        auth::API_KEY
    }

    /// The objects of one kind that the fake holds, by the name of their path: `opportunities`, `plan_groups`.
    pub fn collection<'a>(&'a self, name: &'a str) -> Collection<'a> {
        self.shared.state.collection(name)
    }

    /// The requests that arrived, oldest first. At most 256 MiB are kept: see
    /// [`dropped_requests`](Self::dropped_requests).
    pub fn requests(&self) -> Vec<Recorded> {
        self.shared.journal().requests.iter().cloned().collect()
    }

    /// How many of the oldest requests [`requests`](Self::requests) no longer has.
    pub fn dropped_requests(&self) -> usize {
        self.shared.journal().dropped
    }

    /// Adds a stage to a pipeline of opportunities, or replaces it. The stages of the pipeline `New Business`, which every
    /// account has, are built in.
    pub fn set_stage(&self, stage: Stage<'_>) {
        self.shared.state.set_stage(stage);
    }

    /// Queues a response: the next request gets it and is not processed. Several are used in the order in which they were queued.
    pub fn respond_next(&self, response: Canned) {
        self.shared.canned().push_back(response);
    }

    /// Discards the unused responses of [`respond_next`](Self::respond_next): requests are processed as usual again.
    pub fn respond_as_usual(&self) {
        self.shared.canned().clear();
    }

    /// Runs a function just before the fake handles a request: the next one if `nth` is 1. With it, a test simulates a
    /// concurrent change.
    ///
    /// ```
    /// # fn test(fake: chartmogul_fake::Fake, uuid: &'static str) {
    /// // Between a client's first and second request, the owner changes.
    /// fake.before_request(2, move |state| {
    ///     let opportunities = state.collection("opportunities");
    ///     let mut deal = opportunities.get(uuid).unwrap_or_default();
    ///     deal["owner"] = "somebody.else@example.com".into();
    ///     opportunities.insert(deal).expect("an opportunity");
    /// });
    /// # }
    /// ```
    pub fn before_request(&self, nth: usize, act: impl FnOnce(&State) + Send + 'static) {
        self.shared.act_before(nth, Box::new(act));
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self
            .thread
            .take()
            .filter(|thread| thread.thread().id() != thread::current().id())
        {
            let _ = thread.join(); // it does not matter whether it panicked
        }
    }
}

async fn receive(Extracted(shared): Extracted<Arc<Shared>>, request: Request) -> Response {
    let line = shared.log.then(|| format!("{} {}", request.method(), request.uri()));
    let response = respond(&shared, request).await;
    if let Some(line) = line {
        // Not `eprintln!`, which panics if standard error is closed.
        let _ = writeln!(std::io::stderr(), "{line} {}", response.status().as_u16());
    }
    response
}

/// Records a request, checks its key, and uses a queued response first.
async fn respond(shared: &Shared, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_LIMIT).await else {
        let message = "The body is incomplete, or larger than 32 MiB";
        return errors::with_code(StatusCode::PAYLOAD_TOO_LARGE, message, None);
    };
    let request = Recorded::new(&parts, &body);
    shared.record(request.clone());
    let canned = shared.canned().pop_front();
    let canned = canned.filter(|canned| canned.handling != Handling::AsUsual);
    if let Some(canned) = canned.clone().filter(|canned| canned.handling == Handling::Skipped) {
        return canned.respond().await;
    }
    let response = match auth::check(&parts.headers) {
        Ok(()) => handle(shared, &request).await,
        Err(refused) => return *refused,
    };
    match canned {
        Some(canned) => canned.respond().await,
        None => response,
    }
}
