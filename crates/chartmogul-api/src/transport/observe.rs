//! Observability of a call: spans and events of `tracing`, and events for an observer.

use std::{fmt, time::Duration};

use http::StatusCode;
use tracing::{Span, debug, debug_span, field::Empty, info_span, warn};

use super::{
    Route, Shared,
    attempt::{AttemptError, RawResponse},
};
use crate::Failure;

/// Receives events about calls and their attempts, for counters and histograms.
///
/// The methods run on the task that makes the call, so they must be quick. Events name operations and routes
/// (`/v1/opportunities/{opportunity_uuid}`), never objects, so the number of different labels is small.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use chartmogul_api::{AttemptEvent, Client, Observer};
///
/// #[derive(Debug, Default)]
/// struct Failures(AtomicU64);
///
/// impl Observer for Failures {
///     fn attempt(&self, attempt: &AttemptEvent<'_>) {
///         if attempt.failure.is_some() {
///             self.0.fetch_add(1, Ordering::Relaxed);
///         }
///     }
/// }
///
/// let client: Client = Client::builder().api_key("your-api-key").observer(Failures::default()).build()?;
/// # Ok::<(), chartmogul_api::Error>(())
/// ```
pub trait Observer: fmt::Debug + Send + Sync + 'static {
    /// An attempt has ended.
    fn attempt(&self, attempt: &AttemptEvent<'_>) {
        let _ = attempt;
    }

    /// A call has ended. Not called for one that was cancelled.
    fn call(&self, call: &CallEvent<'_>) {
        let _ = call;
    }
}

/// One attempt that has ended.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AttemptEvent<'a> {
    /// The operation; method and path template for a request without one.
    pub operation: &'a str,
    /// HTTP method.
    pub method: &'a str,
    /// Path template.
    pub route: &'a str,
    /// 1 for the first attempt of the call.
    pub number: u32,
    /// How long it waited before it was sent.
    pub waited: Waited,
    /// From the request to the last byte of the response, or to the failure.
    pub took: Duration,
    /// Status of the response, if there was one.
    pub status: Option<StatusCode>,
    /// Why it failed, if it did.
    pub failure: Option<Failure>,
}

/// One call that has ended.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CallEvent<'a> {
    /// The operation; method and path template for a request without one.
    pub operation: &'a str,
    /// HTTP method.
    pub method: &'a str,
    /// Path template.
    pub route: &'a str,
    /// Number of attempts; 0 if the call timed out before the first.
    pub attempts: u32,
    /// How long it waited, over all attempts.
    pub waited: Waited,
    /// The whole call, including waiting.
    pub took: Duration,
    /// Whether it succeeded.
    pub success: bool,
    /// Status of the last response, if there was one.
    pub status: Option<StatusCode>,
}

/// Time spent waiting, by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Waited {
    /// For a permit.
    pub permit: Duration,
    /// For the rate limit.
    pub rate_limit: Duration,
    /// Between attempts.
    pub retry: Duration,
}

impl Waited {
    /// The sum.
    pub fn total(&self) -> Duration {
        self.permit + self.rate_limit + self.retry
    }

    pub(super) fn since(&self, earlier: &Self) -> Self {
        Self {
            permit: self.permit.saturating_sub(earlier.permit),
            rate_limit: self.rate_limit.saturating_sub(earlier.rate_limit),
            retry: self.retry.saturating_sub(earlier.retry),
        }
    }
}

/// The span of a call. The attempts below it are HTTP client spans by OpenTelemetry's conventions.
pub(super) fn call_span(route: &Route) -> Span {
    info_span!(
        "chartmogul.call",
        otel.name = route.as_str(),
        otel.kind = "internal",
        otel.status_code = Empty,
        http.request.method = route.method(),
        url.template = route.template(),
        http.response.status_code = Empty,
        error.r#type = Empty,
        chartmogul.attempts = Empty,
        chartmogul.wait.permit_ms = Empty,
        chartmogul.wait.rate_limit_ms = Empty,
        chartmogul.wait.retry_ms = Empty,
    )
}

pub(super) fn attempt_span(shared: &Shared, route: &Route, request: &reqwest::Request, number: u32) -> Span {
    let span = info_span!(
        "chartmogul.attempt",
        otel.name = %format_args!("{} {}", route.method(), route.template()),
        otel.kind = "client",
        otel.status_code = Empty,
        http.request.method = route.method(),
        url.template = route.template(),
        url.scheme = request.url().scheme(),
        url.full = Empty,
        server.address = &*shared.host,
        server.port = shared.port,
        http.request.resend_count = Empty,
        http.response.status_code = Empty,
        http.response.body.size = Empty,
        error.r#type = Empty,
        chartmogul.request_id = Empty,
    );
    if shared.trace_identifiers {
        span.record("url.full", request.url().as_str());
    }
    if number > 1 {
        span.record("http.request.resend_count", number - 1);
    }
    span
}

/// The span of a wait, so that waiting is separate from the server's time; `what` is the reason.
pub(super) fn wait_span(what: &'static str) -> Span {
    debug_span!("chartmogul.wait", "for" = what)
}

pub(super) fn will_retry(route: &Route, number: u32, wait: Duration, failure: Failure) {
    warn!(
        operation = route.as_str(),
        attempt = number,
        error.r#type = &*failure.kind(),
        wait_ms = milliseconds(wait),
        "will retry"
    );
}

/// Logs a pause, because all calls of the client wait for it.
pub(super) fn paused(pause: Duration) {
    warn!(
        pause_ms = milliseconds(pause),
        "the server asks to wait; this client sends nothing until then"
    );
}

/// Whether an observer or a subscriber wants to know how a call or an attempt ended.
pub(super) fn anyone(shared: &Shared, span: &Span) -> bool {
    shared.observer.is_some() || !span.is_disabled()
}

/// How an attempt ended.
pub(super) struct AttemptEnded<'a> {
    pub(super) number: u32,
    pub(super) waited: Waited,
    pub(super) took: Duration,
    pub(super) result: Result<&'a RawResponse, &'a AttemptError>,
}

pub(super) fn attempt_ended(shared: &Shared, span: &Span, route: &Route, ended: &AttemptEnded<'_>) {
    let failure = ended.result.err().map(|broken| broken.failure);
    let response = match ended.result {
        Ok(raw) => Some(raw),
        Err(broken) => broken.response(),
    };
    if !span.is_disabled() {
        if let Some(response) = response {
            span.record("http.response.status_code", response.status.as_u16());
            span.record("http.response.body.size", response.body.len());
            if let Some(id) = shared.request_id(&response.headers) {
                span.record("chartmogul.request_id", id);
            }
        }
        record_failure(span, failure);
    }
    if let Some(observer) = &shared.observer {
        observer.attempt(&AttemptEvent {
            operation: route.as_str(),
            method: route.method(),
            route: route.template(),
            number: ended.number,
            waited: ended.waited,
            took: ended.took,
            status: response.map(|response| response.status),
            failure,
        });
    }
}

pub(super) fn call_ended(shared: &Shared, span: &Span, route: &Route, call: &Ended) {
    if !span.is_disabled() {
        if let Some(status) = call.status {
            span.record("http.response.status_code", status.as_u16());
        }
        span.record("chartmogul.attempts", call.attempts);
        span.record("chartmogul.wait.permit_ms", milliseconds(call.waited.permit));
        span.record("chartmogul.wait.rate_limit_ms", milliseconds(call.waited.rate_limit));
        span.record("chartmogul.wait.retry_ms", milliseconds(call.waited.retry));
        if let Some(error) = &call.error {
            span.record("otel.status_code", "ERROR");
            span.record("error.type", &**error);
        }
        span.in_scope(|| {
            debug!(
                attempts = call.attempts,
                took_ms = milliseconds(call.took),
                "call ended"
            );
        });
    }
    if let Some(observer) = &shared.observer {
        observer.call(&CallEvent {
            operation: route.as_str(),
            method: route.method(),
            route: route.template(),
            attempts: call.attempts,
            waited: call.waited,
            took: call.took,
            success: call.error.is_none(),
            status: call.status,
        });
    }
}

/// How a call ended.
pub(super) struct Ended {
    pub(super) attempts: u32,
    pub(super) waited: Waited,
    pub(super) took: Duration,
    pub(super) status: Option<StatusCode>,
    pub(super) error: Option<std::borrow::Cow<'static, str>>,
}

fn record_failure(span: &Span, failure: Option<Failure>) {
    if let Some(failure) = failure {
        span.record("otel.status_code", "ERROR");
        span.record("error.type", &*failure.kind());
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
