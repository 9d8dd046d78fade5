use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, Uri},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{
    Canned, Recorded, auth,
    canned::Handling,
    resources::opportunities::{self, Opportunities},
    state::Shared,
};

const BODY_LIMIT: usize = 32 * 1024 * 1024;

/// A running fake. It ends when this is dropped.
#[derive(Debug)]
pub struct Fake {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

/// The fake could not be started.
#[derive(Debug, thiserror::Error)]
#[error("the fake can't listen on a loopback port")]
pub struct StartError(#[source] chartmogul_api::BoxError);

impl From<std::io::Error> for StartError {
    fn from(source: std::io::Error) -> Self {
        Self(source.into())
    }
}

impl Fake {
    /// Starts a fake on a free loopback port, on the current tokio runtime.
    ///
    /// # Errors
    /// [`StartError`] if no port can be had, or if there is no tokio runtime with timers and IO.
    pub async fn start() -> Result<Self, StartError> {
        Self::start_on(0).await
    }

    /// Starts a fake on this loopback port, on the current tokio runtime; 0 takes a free port.
    ///
    /// # Errors
    /// [`StartError`] if the port can't be had, or if there is no tokio runtime with timers and IO.
    pub async fn start_on(port: u16) -> Result<Self, StartError> {
        chartmogul_api::check_runtime().map_err(|source| StartError(source.into()))?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let app = Router::new()
            .merge(opportunities::routes())
            .fallback(not_imitated)
            .method_not_allowed_fallback(not_imitated)
            .with_state(Arc::clone(&shared))
            .layer(from_fn_with_state(Arc::clone(&shared), receive));
        let task = tokio::spawn(async move {
            // Ends with the task; an error here would be one of accepting, which axum retries.
            let _ = axum::serve(listener, app).await;
        });
        Ok(Self { address, shared, task })
    }

    /// Where the fake is, for a client's base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The API key that the fake accepts.
    pub fn api_key(&self) -> &str {
        auth::API_KEY
    }

    /// The opportunities that the fake holds.
    pub fn opportunities(&self) -> Opportunities<'_> {
        Opportunities::new(&self.shared)
    }

    /// Every request that arrived, oldest first.
    pub fn requests(&self) -> Vec<Recorded> {
        self.shared.requests().clone()
    }

    /// Answers the next request with this and nothing else; several are used in the order of their calls.
    pub fn answer_next(&self, answer: Canned) {
        self.shared.canned().push_back(answer);
    }

    /// Forgets the answers that [`answer_next`](Self::answer_next) has left.
    pub fn answer_as_usual(&self) {
        self.shared.canned().clear();
    }

    /// Does something just before the fake handles a request: the next one if `nth` is 1. It is how a test has somebody else
    /// change an object at the worst moment.
    ///
    /// ```
    /// # async fn test(fake: chartmogul_fake::Fake, uuid: &'static str) {
    /// // Between a client's first and second request, the deal changes hands.
    /// fake.before_request(2, move |opportunities| {
    ///     let mut deal = opportunities.get(uuid).unwrap_or_default();
    ///     deal["owner"] = "somebody.else@example.com".into();
    ///     opportunities.add(deal);
    /// });
    /// # }
    /// ```
    pub fn before_request(&self, nth: usize, act: impl FnOnce(&Opportunities<'_>) + Send + 'static) {
        let number = self.shared.requests().len() + nth;
        self.shared.act_before(number, Box::new(act));
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Records a request, checks its key, and lets a canned answer go first.
async fn receive(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_LIMIT).await else {
        return (
            StatusCode::PAYLOAD_TOO_LARGE,
            "the request's body is broken or too large",
        )
            .into_response();
    };
    shared.record(Recorded::new(&parts, &body));
    let canned = shared.canned().pop_front();
    let canned = canned.filter(|canned| canned.handling != Handling::AsUsual);
    if let Some(canned) = canned.clone().filter(|canned| canned.handling == Handling::Skipped) {
        return canned.answer().await;
    }
    if let Err(refused) = auth::check(&parts.headers) {
        return *refused;
    }
    let answer = next.run(Request::from_parts(parts, Body::from(body))).await;
    match canned {
        Some(canned) => canned.answer().await,
        None => answer,
    }
}

async fn not_imitated(method: Method, uri: Uri, _: HeaderMap, _: Bytes) -> Response {
    let text = format!("chartmogul-fake does not imitate {method} {}\n", uri.path());
    (StatusCode::NOT_IMPLEMENTED, text).into_response()
}
