use std::time::Duration;

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};

use crate::errors;

/// A response for [`Fake::respond_next`](crate::Fake::respond_next).
///
/// ```
/// use chartmogul_fake::Canned;
///
/// let limited = Canned::new(429).header("retry-after", "1").json(r#"{"code":429,"message":"Slow down","param":null}"#);
/// let page = Canned::new(502).html("<title>Bad gateway</title>");
/// ```
#[derive(Debug, Clone)]
#[must_use = "a canned response is used by `Fake::respond_next`"]
pub struct Canned {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    delay: Duration,
    pub(crate) handling: Handling,
}

/// What happens to the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Handling {
    Skipped,
    /// The request is handled, and its response replaced.
    LoseResponse,
    AsUsual,
}

impl Canned {
    /// Creates a response with this status and no body.
    pub fn new(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
            delay: Duration::ZERO,
            handling: Handling::Skipped,
        }
    }

    /// Sets a JSON body, sent unchanged.
    pub fn json(self, body: impl Into<String>) -> Self {
        self.content("application/json", body)
    }

    /// Sets a plain text body.
    pub fn text(self, body: impl Into<String>) -> Self {
        self.content("text/plain; charset=utf-8", body)
    }

    /// Sets an HTML body.
    pub fn html(self, body: impl Into<String>) -> Self {
        self.content("text/html", body)
    }

    /// Sets a body of any content type.
    pub fn content(mut self, content_type: &str, body: impl Into<String>) -> Self {
        self.body = body.into().into_bytes();
        self.header(CONTENT_TYPE.as_str(), content_type)
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Delays the response.
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Handles the request as usual. Use it between other responses in the queue.
    pub fn as_usual() -> Self {
        Self {
            handling: Handling::AsUsual,
            ..Self::new(200)
        }
    }

    /// Handles the request, then sends this response instead of the usual one. With it, a test loses the response to a write.
    pub fn once_done(mut self) -> Self {
        self.handling = Handling::LoseResponse;
        self
    }

    pub(crate) async fn respond(self) -> Response {
        tokio::time::sleep(self.delay).await;
        let Ok(status) = StatusCode::from_u16(self.status) else {
            return errors::fault(&format!("{} is not a status", self.status));
        };
        let mut response = (status, Body::from(self.body)).into_response();
        for (name, value) in self.headers {
            let (Ok(header), Ok(content)) = (HeaderName::try_from(&name), HeaderValue::try_from(&value)) else {
                return errors::fault(&format!("{name}: {value} is not a header"));
            };
            response.headers_mut().insert(header, content);
        }
        response
    }
}
