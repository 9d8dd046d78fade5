//! Observability of a call: spans, events, observers, and custom limiters.

use std::{
    cell::RefCell,
    fmt::{self, Write as _},
    sync::{Arc, Mutex, Once},
    time::Duration,
};

use chartmogul::{
    AttemptEvent, BoxError, CallEvent, Client, ClientBuilder, Error, Failure, Limiter, LimiterFuture, Observer, Permit,
    RateLimiter, Retry, Unlimited,
};
use chartmogul_fake::Canned;
use chartmogul_tests::{UUID, sent::Witness, snapshot, start};
use tracing::{
    Subscriber,
    field::{Field, Visit},
    span,
};
use tracing_subscriber::{Layer, layer::Context, prelude::*, registry::LookupSpan};

thread_local! {
    /// What was recorded on this thread, if recording is on. Each test has its own thread, on which its client runs
    /// completely.
    static NOTES: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Records spans with their fields when they end, and events when they occur.
struct Notes;

#[derive(Default)]
struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let varies = field.name().ends_with("_ms") || field.name() == "server.port";
        let value = if varies {
            "(varies)".to_owned()
        } else {
            format!("{value:?}")
        };
        let _ = write!(self.0, "\n    {field}: {value}");
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Notes {
    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &span::Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &span::Id, values: &span::Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        Self::note(event.metadata(), "event", None, &fields);
    }

    fn on_close(&self, id: span::Id, context: Context<'_, S>) {
        if let Some(span) = context.span(&id)
            && let Some(fields) = span.extensions().get::<Fields>()
        {
            Self::note(
                span.metadata(),
                "span",
                span.parent().map(|parent| parent.name()),
                fields,
            );
        }
    }
}

impl Notes {
    /// Installed for the whole process, because `tracing` caches for each callsite whether a subscriber wants it: with a
    /// subscriber for one thread, another thread could have cached that none does.
    fn listen() {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            tracing::subscriber::set_global_default(tracing_subscriber::registry().with(Notes)).unwrap();
        });
        NOTES.set(Some(String::new()));
    }

    fn note(of: &tracing::Metadata<'_>, kind: &str, parent: Option<&str>, fields: &Fields) {
        if !of.target().starts_with("chartmogul") {
            return;
        }
        let name = if kind == "span" { of.name() } else { "" };
        let parent = parent.map(|parent| format!(" in {parent}")).unwrap_or_default();
        let line = format!("{} {kind} {name}{parent}{}\n", of.level(), fields.0);
        NOTES.with_borrow_mut(|notes| {
            if let Some(notes) = notes {
                notes.push_str(&line);
            }
        });
    }
}

fn client(fake: &Witness, set: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Client {
    let builder = Client::builder()
        .api_key(fake.api_key())
        .base_url(fake.url())
        .limiter(Unlimited)
        .retry(Retry::default().backoff(Duration::from_millis(1), Duration::from_millis(2)));
    set(builder).build().unwrap()
}

async fn notes(set: impl FnOnce(ClientBuilder) -> ClientBuilder) -> String {
    let (fake, _) = start();
    let client = client(&fake, set);
    fake.respond_next(Canned::new(503).text("busy").header("x-request-id", "req-1"));
    Notes::listen();
    client
        .opportunities()
        .update(UUID)
        .amount_in_cents(1)
        .send()
        .await
        .unwrap();
    NOTES.take().unwrap_or_default()
}

#[tokio::test]
async fn a_call_and_its_attempts_have_spans() {
    let text = notes(|builder| builder).await;
    assert!(!text.contains(UUID) && !text.contains("busy"), "{text}");
    snapshot::check("traces", "update_opportunity", &text);
}

/// Waiting for the limit is separate from waiting for the server, and only reported if it occurs.
#[tokio::test]
async fn waiting_for_the_limit_is_reported() {
    let (fake, _) = start();
    let client = client(&fake, |builder| builder.limiter(RateLimiter::new(2, 1)));
    let get = || client.opportunities().get(UUID).send();
    Notes::listen();
    get().await.unwrap();
    assert!(!NOTES.take().unwrap_or_default().contains("chartmogul.wait in"));
    // No wait is reported either for a limiter that has only futures, if they are ready at once.
    let own = self::client(&fake, |builder| builder.limiter(Own::default()));
    Notes::listen();
    own.opportunities().get(UUID).send().await.unwrap();
    assert!(!NOTES.take().unwrap_or_default().contains("chartmogul.wait in"));
    Notes::listen();
    let (one, other) = tokio::join!(get(), get());
    assert!(one.is_ok() && other.is_ok());
    let text = NOTES.take().unwrap_or_default();
    for what in ["the rate limit", "a permit"] {
        let span = format!("DEBUG span chartmogul.wait in chartmogul.call\n    for: \"{what}\"\n");
        assert!(text.contains(&span), "{text}");
    }
}

#[tokio::test]
async fn a_call_that_has_timed_out_sends_nothing() {
    let (fake, client) = start();
    let call = client.opportunities().get(UUID).with_call_timeout(Duration::ZERO);
    let error = call.send().await.unwrap_err();
    let text = "get_opportunity: no response within the call timeout of 0ns, waiting for the rate limit";
    assert!(error.to_string().starts_with(text), "{error}");
    assert!(!error.may_have_happened());
    assert_eq!((error.attempts().len(), fake.requests().len()), (0, 0));
}

#[tokio::test]
async fn objects_are_named_if_asked_for() {
    let text = notes(ClientBuilder::trace_identifiers).await;
    assert_eq!(text.matches(&format!("/v1/opportunities/{UUID}")).count(), 2, "{text}");
}

#[derive(Debug, Clone, Default)]
struct Numbers(Arc<Mutex<Vec<String>>>);

impl Observer for Numbers {
    fn attempt(&self, attempt: &AttemptEvent<'_>) {
        let AttemptEvent {
            operation,
            method,
            route,
            number,
            status,
            failure,
            ..
        } = attempt;
        let failure = failure.map(Failure::kind);
        let line = format!("{operation} {method} {route} {number}: {status:?} {failure:?}");
        self.0.lock().unwrap().push(line);
        assert!(attempt.took > Duration::ZERO);
    }

    fn call(&self, call: &CallEvent<'_>) {
        let CallEvent {
            operation,
            attempts,
            success,
            status,
            waited,
            took,
            ..
        } = call;
        let line = format!("{operation}: {attempts} attempts, {success}, {status:?}");
        self.0.lock().unwrap().push(line);
        assert!(waited.retry > Duration::ZERO && waited.total() < *took);
    }
}

#[tokio::test]
async fn observers_get_events_for_attempts_and_calls() {
    let (fake, _) = start();
    let numbers = Numbers::default();
    let client = client(&fake, |builder| builder.observer(numbers.clone()));
    fake.respond_next(Canned::new(503));
    client
        .opportunities()
        .update(UUID)
        .amount_in_cents(1)
        .send()
        .await
        .unwrap();
    fake.respond_next(Canned::new(504));
    fake.respond_next(Canned::new(422));
    client
        .opportunities()
        .update(UUID)
        .amount_in_cents(1)
        .send()
        .await
        .unwrap_err();
    let route = "update_opportunity PATCH /v1/opportunities/{opportunity_uuid}";
    let expected = [
        format!("{route} 1: Some(503) Some(\"503\")"),
        format!("{route} 2: Some(200) None"),
        "update_opportunity: 2 attempts, true, Some(200)".to_owned(),
        format!("{route} 1: Some(504) Some(\"504\")"),
        format!("{route} 2: Some(422) Some(\"422\")"),
        "update_opportunity: 2 attempts, false, Some(422)".to_owned(),
    ];
    assert_eq!(*numbers.0.lock().unwrap(), expected);
}

/// A custom limiter that records its calls.
#[derive(Debug, Clone, Default)]
struct Own {
    asked: Arc<Mutex<Vec<String>>>,
    fails: bool,
}

impl Own {
    fn note(&self, what: impl Into<String>) {
        self.asked.lock().unwrap().push(what.into());
    }
}

impl Limiter for Own {
    fn acquire(&self) -> LimiterFuture<'_, Permit> {
        self.note("acquire");
        let freed = Freed(self.clone());
        Box::pin(async { Ok(Permit::holding(freed)) })
    }

    fn ready(&self) -> LimiterFuture<'_, ()> {
        self.note("ready");
        let result = if self.fails {
            Err(BoxError::from("Redis is away"))
        } else {
            Ok(())
        };
        Box::pin(async { result })
    }

    fn throttled(&self, retry_after: Option<Duration>) {
        self.note(format!("throttled {retry_after:?}"));
    }
}

struct Freed(Own);

impl Drop for Freed {
    fn drop(&mut self) {
        self.0.note("free");
    }
}

#[tokio::test]
async fn a_custom_limiter_is_used() {
    let (fake, _) = start();
    let own = Own::default();
    let client = client(&fake, |builder| builder.limiter(own.clone()));
    fake.respond_next(Canned::new(429).header("retry-after", "0"));
    fake.respond_next(Canned::new(503));
    fake.respond_next(Canned::new(502));
    client
        .opportunities()
        .update(UUID)
        .amount_in_cents(1)
        .send()
        .await
        .unwrap();
    let expected = [
        "acquire",
        "ready",
        "throttled Some(0ns)",
        "ready",
        "throttled None",
        "ready",
        "ready",
        "free",
    ];
    assert_eq!(*own.asked.lock().unwrap(), expected);
}

#[tokio::test]
async fn a_limiter_that_fails_sends_nothing() {
    let (fake, _) = start();
    let own = Own {
        fails: true,
        ..Own::default()
    };
    let client = client(&fake, |builder| builder.limiter(own.clone()));
    let error = client
        .opportunities()
        .update(UUID)
        .amount_in_cents(1)
        .send()
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Limiter { .. }) && !error.may_have_happened());
    let cause = std::error::Error::source(&error).map(ToString::to_string);
    assert_eq!(cause.as_deref(), Some("Redis is away"));
    assert_eq!((fake.requests().len(), error.attempts().len()), (0, 0));
    assert_eq!(*own.asked.lock().unwrap(), ["acquire", "ready", "free"]);
}
