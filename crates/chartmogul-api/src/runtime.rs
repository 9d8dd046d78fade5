//! Stands in for `progenitor_client`, which progenitor's code is written against.
//!
//! The generated methods build a request from their arguments, and hand it to `ClientHooks::exec`: to the one stage that
//! checks it and the one transport that sends it. What they build is [`Prepared`], from which each attempt is made.

use std::{
    cell::Cell,
    fmt,
    future::{Future, Ready, pending, ready},
    pin::pin,
    task::{Context, Poll, Waker},
};

use http::{HeaderName, HeaderValue, Method};
use serde::Serialize;

pub(crate) use crate::Response as ResponseValue;
pub use crate::transport::{Prepared, ResponseBody, Shape};
pub use crate::validate::encode_path;
use crate::{
    Client, Error, InvalidInput, Operation, Response, operations,
    request::Request,
    transport::{Route, call},
    validate,
};

/// Begins requests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Requests;

#[allow(clippy::unused_self)] // they are called as methods
impl Requests {
    pub(crate) fn get(self, path: String) -> RequestBuilder {
        RequestBuilder::new(Method::GET, path)
    }

    #[allow(dead_code)] // for the first operation with this method
    pub(crate) fn put(self, path: String) -> RequestBuilder {
        RequestBuilder::new(Method::PUT, path)
    }

    pub(crate) fn post(self, path: String) -> RequestBuilder {
        RequestBuilder::new(Method::POST, path)
    }

    pub(crate) fn patch(self, path: String) -> RequestBuilder {
        RequestBuilder::new(Method::PATCH, path)
    }

    pub(crate) fn delete(self, path: String) -> RequestBuilder {
        RequestBuilder::new(Method::DELETE, path)
    }
}

/// Stands for the base URL, which the transport puts before the path.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Relative;

impl fmt::Display for Relative {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

/// The query, as one object.
pub(crate) struct QueryParam<'a, T>(&'a T);

impl<'a, T: Serialize> QueryParam<'a, T> {
    pub(crate) fn new(_: &str, value: &'a T) -> Self {
        Self(value)
    }
}

/// Collects what a request is made of.
pub(crate) struct RequestBuilder {
    request: Prepared,
    wrong: Option<Error>,
}

impl RequestBuilder {
    pub(crate) fn new(method: Method, path: String) -> Self {
        Self {
            request: Prepared::new(method, path),
            wrong: None,
        }
    }

    /// The transport has headers of its own.
    #[inline]
    pub(crate) fn header(self, _: HeaderName, _: HeaderValue) -> Self {
        self
    }

    pub(crate) fn query<T: Serialize>(mut self, query: &QueryParam<'_, T>) -> Self {
        let written = self.request.set_query(query.0);
        self.note("query", written)
    }

    pub(crate) fn json<T: Serialize + ?Sized>(mut self, body: &T) -> Self {
        let written = self.request.set_body(body);
        self.note("body", written)
    }

    fn note(mut self, what: &str, written: serde_json::Result<()>) -> Self {
        if let Err(error) = written {
            let wrong = InvalidInput::new(what, &error, "must be a value that can be written as JSON");
            self.wrong.get_or_insert(wrong.into());
        }
        self
    }

    pub(crate) fn build(self) -> Result<Prepared, Error> {
        match self.wrong {
            Some(wrong) => Err(wrong),
            None => Ok(self.request),
        }
    }
}

/// Names the operation that a request is for.
pub(crate) struct OperationInfo {
    pub(crate) operation_id: &'static str,
}

/// A response that was accepted. Its body is decoded already: an attempt whose response can't be read may be repeated.
pub(crate) struct Executed<T>(Response<T>);

impl<T> Executed<T> {
    pub(crate) fn status(&self) -> http::StatusCode {
        self.0.status()
    }
}

impl<T> ResponseValue<T> {
    pub(crate) fn from_response(executed: Executed<T>) -> Ready<Result<Self, Error>> {
        ready(Ok(executed.0))
    }
}

impl ResponseValue<()> {
    pub(crate) fn empty(executed: Executed<()>) -> Self {
        executed.0
    }
}

impl Error {
    /// Unreachable: the transport returns an error for every status but 2xx.
    #[allow(non_snake_case, clippy::needless_pass_by_value)] // a variant of progenitor's error
    pub(crate) fn UnexpectedResponse<T>(executed: Executed<T>) -> Self {
        let what = format!("status {} passed for a success, which is a bug", executed.status());
        Self::internal(what, None)
    }
}

/// What a generated method does with its request.
pub(crate) trait ClientHooks {
    /// Comes before `exec`; there is nothing to do.
    fn pre(&self, _: &mut Prepared, _: &OperationInfo) -> Ready<Result<(), Error>> {
        ready(Ok(()))
    }

    /// Comes after `exec`; there is nothing to do.
    fn post<T>(&self, _: &Result<Executed<T>, Error>, _: &OperationInfo) -> Ready<Result<(), Error>> {
        ready(Ok(()))
    }

    /// Checks the request, sends it, and decodes the response.
    fn exec<T: ResponseBody>(
        &self,
        request: Prepared,
        info: &OperationInfo,
    ) -> impl Future<Output = Result<Executed<T>, Error>> + Send;
}

impl ClientHooks for Client {
    // The type says `Send`, so that the compiler looks into the transport once, and not for each operation.
    #[allow(clippy::manual_async_fn)]
    fn exec<T: ResponseBody>(
        &self,
        request: Prepared,
        info: &OperationInfo,
    ) -> impl Future<Output = Result<Executed<T>, Error>> + Send {
        async move {
            if self.records {
                RECORDED.set(Some(request));
                return pending().await; // nobody polls it again
            }
            let id = info.operation_id;
            let operation = operations::find(id)
                .ok_or_else(|| Error::internal(format!("{id} is not in the operation table, which is a bug"), None))?;
            let request = admit(request, operation)?;
            let response = call(self, Route::Operation(operation), request, T::SHAPE).await?;
            Ok(Executed(response))
        }
    }
}

#[cfg(feature = "dynamic")]
impl Client {
    /// Checks and sends a request of an operation that is chosen at run time.
    pub(crate) async fn send_prepared<T: serde::de::DeserializeOwned + Send>(
        &self,
        request: Prepared,
        operation: &'static Operation,
        shape: Shape,
    ) -> Result<Response<T>, Error> {
        if self.records {
            RECORDED.set(Some(request));
            return pending().await; // nobody polls it again
        }
        let request = admit(request, operation)?;
        call(self, Route::Operation(operation), request, shape).await
    }
}

/// The one stage that all input goes through.
pub(crate) fn admit(request: Prepared, operation: &Operation) -> Result<Prepared, Error> {
    let request = complete(request, operation);
    validate::request(operation, &request)?;
    Ok(request)
}

/// What is sent of a request: an optional body that has no field is not.
fn complete(mut request: Prepared, operation: &Operation) -> Prepared {
    if operation.body.is_some_and(|body| !body.required) {
        request.drop_empty_body();
    }
    request
}

/// Sends a request, and returns what the response holds. While it waits, it holds only what is to be sent, not the request that
/// it was made from.
pub fn send<R: Request>(
    request: R,
    mut client: Client,
) -> impl Future<Output = Result<R::Response, Error>> + Send + 'static {
    client.records = true;
    let prepared = record(&request, &client, Check::Yes).map_err(Box::new); // in a box: it would need more room
    client.records = false;
    let (route, shape) = (Route::Operation(request.operation()), request.shape());
    drop(request);
    // In a box: who calls moves this future into its place, and need not move all that a call needs. It is made where it stays.
    let room = Box::new_uninit();
    let sending = async move {
        match prepared {
            Ok(prepared) => {
                let response = call(&client, route, prepared, shape).await?;
                Ok(response.into_value())
            }
            Err(error) => Err(*error),
        }
    };
    Box::into_pin(Box::write(room, sending))
}

/// Whether input is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// As if it were sent.
    Yes,
    /// Not at all: it may hold what the server has sent.
    No,
}

thread_local! {
    /// What a client that records was asked to send: [`record`] polls it once, on its own thread.
    static RECORDED: Cell<Option<Prepared>> = const { Cell::new(None) };
}

/// What would be sent for a request.
///
/// # Errors
/// [`Error::InvalidInput`], if it would be refused and is to be checked.
pub fn prepare<R: Request>(request: &R, client: &Client, check: Check) -> Result<Prepared, Error> {
    let recording = Client {
        records: true,
        ..client.clone()
    };
    record(request, &recording, check)
}

/// The same with a client that records.
fn record<R: Request>(request: &R, recording: &Client, check: Check) -> Result<Prepared, Error> {
    // Nothing is waited for before a request is recorded.
    let ended = pin!(request.send(recording)).poll(&mut Context::from_waker(Waker::noop()));
    match (RECORDED.take(), ended, check) {
        (Some(prepared), _, Check::Yes) => admit(prepared, request.operation()),
        (Some(prepared), _, Check::No) => Ok(complete(prepared, request.operation())),
        (None, Poll::Ready(Err(error)), _) => Err(error),
        (None, ..) => Err(Error::internal("a request was not recorded, which is a bug", None)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // tests
mod tests {
    use super::*;
    use crate::{
        operation::{Body, Object},
        requests,
        types::OpportunityUpdate,
    };

    const UUID: &str = "4ee13ca4-e7fe-41ee-9a7f-f303abf41acc";

    fn client() -> Client {
        Client::builder()
            .api_key("key")
            .base_url("http://localhost")
            .build()
            .unwrap()
    }

    fn update(owner: &str) -> requests::UpdateOpportunity {
        requests::UpdateOpportunity {
            opportunity_uuid: UUID.to_owned(),
            body: OpportunityUpdate {
                owner: Some(owner.to_owned()),
                ..OpportunityUpdate::default()
            },
        }
    }

    #[test]
    fn a_request_can_be_prepared_without_a_runtime() {
        let prepared = prepare(&update("a@b.c"), &client(), Check::Yes).unwrap();
        assert_eq!(prepared.path(), format!("/v1/opportunities/{UUID}"));
        assert_eq!(prepared.body(), Some(br#"{"owner":"a@b.c"}"#.as_slice()));
        assert_eq!(prepared.query(), None);
        assert_eq!(prepared, prepare(&update("a@b.c"), &client(), Check::No).unwrap());
        assert_ne!(prepared, prepare(&update("b@b.c"), &client(), Check::No).unwrap());
    }

    #[test]
    fn what_is_prepared_is_checked_only_if_that_is_asked_for() {
        let error = prepare(&update(""), &client(), Check::Yes).unwrap_err();
        assert_eq!(error.to_string(), "`owner` was \"\"; must not be empty");
        let prepared = prepare(&update(""), &client(), Check::No).unwrap();
        assert_eq!(prepared.body(), Some(br#"{"owner":""}"#.as_slice()));
    }

    #[test]
    fn a_body_that_is_optional_is_left_out_if_it_is_empty() {
        static EXPORT: Operation = Operation {
            body: Some(Body {
                object: &Object::new("Export", &[]),
                required: false,
                envelope: None,
                example: None,
            }),
            ..operations::CREATE_OPPORTUNITY
        };
        let request = Requests
            .post("/v1/exports".to_owned())
            .json(&OpportunityUpdate::default());
        let admitted = admit(request.build().unwrap(), &EXPORT).unwrap();
        assert_eq!(admitted.body(), None);
        let request = Requests
            .post("/v1/exports".to_owned())
            .json(&serde_json::json!({ "a": 1 }));
        let error = admit(request.build().unwrap(), &EXPORT).unwrap_err();
        assert_eq!(error.to_string(), "`a` is not a known name; there are no fields");
    }

    #[test]
    fn what_is_no_json_is_refused() {
        let body = std::collections::BTreeMap::from([((1, 2), 3)]); // a key must be a text
        let error = Requests.post("/v1/x".to_owned()).json(&body).build().unwrap_err();
        assert!(matches!(error, Error::InvalidInput(_)), "{error}");
    }

    #[test]
    fn futures_can_be_sent_to_other_threads_and_are_of_a_moderate_size() {
        fn check<F: Future + Send>(future: &F) -> usize {
            size_of_val(future)
        }
        let client = client();
        let by_reference = update("a@b.c");
        let by_reference = check(&by_reference.send(&client));
        let sent = check(&send(update("a@b.c"), client.clone()));
        // Beside the first there is the request; 100,000 of them may wait for a permit.
        assert!(sent < by_reference, "{by_reference} and {sent} bytes");
    }
}
