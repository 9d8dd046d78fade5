//! Detects when a request is sent.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::polling::Polling;

/// The body of a request. The HTTP client first polls it when it writes the request to a connection; opening that connection
/// may take any time. So the first poll tells the limiter that the request is sent.
pub(super) struct Leaving {
    call: Arc<Polling>,
    /// Distinguishes it from the body of a later attempt.
    number: u64,
    has_left: AtomicBool,
    body: Option<Bytes>,
}

impl Leaving {
    /// Wraps the body of a request, if the call's limiter has to know when it is sent.
    pub(super) fn body(call: &Arc<Polling>, body: Option<Bytes>) -> Option<reqwest::Body> {
        if call.limits().is_none() {
            return body.map(Into::into);
        }
        Some(reqwest::Body::wrap(Self {
            call: Arc::clone(call),
            number: call.begin_request(),
            has_left: AtomicBool::new(false),
            body: body.filter(|body| !body.is_empty()),
        }))
    }

    fn leaves(&self) {
        if !self.has_left.swap(true, Ordering::Relaxed) {
            self.call.leaves(self.number);
        }
    }
}

/// The request will not be sent, or nobody waits for its response. Other requests need not wait for it.
impl Drop for Leaving {
    fn drop(&mut self) {
        self.leaves();
    }
}

impl Body for Leaving {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.leaves();
        Poll::Ready(self.body.take().map(|body| Ok(Frame::data(body))))
    }

    fn is_end_stream(&self) -> bool {
        self.leaves();
        self.body.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.body.as_ref().map_or(0, Bytes::len) as u64)
    }
}
