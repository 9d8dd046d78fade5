//! Where updates come from.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
};

use chartmogul_api::BoxError;
use futures_core::Stream;
use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _, future, stream, stream::BoxStream};
use tokio::{runtime::Handle, sync::mpsc};

pub(super) type Source<U> = BoxStream<'static, Result<U, BoxError>>;

/// How many updates a thread takes from an iterator in advance.
const AHEAD: usize = 32;

/// A stream that may fail, or panic.
pub(super) fn of_stream<U, E>(updates: impl Stream<Item = Result<U, E>> + Send + 'static) -> Source<U>
where
    U: Send + 'static,
    E: Into<BoxError> + 'static,
{
    let updates = AssertUnwindSafe(updates.map_err(Into::into)).catch_unwind();
    updates.map(|update| update.unwrap_or_else(|_| Err(panicked()))).boxed()
}

/// An iterator, which may block: it gets its own thread when the first update is requested. It is not a thread of the runtime,
/// because the runtime would wait for it on shutdown.
pub(super) fn of_iterator<U, E>(updates: impl Iterator<Item = Result<U, E>> + Send + 'static) -> Source<U>
where
    U: Send + 'static,
    E: Into<BoxError> + 'static,
{
    future::lazy(move |_| pull(updates)).flatten_stream().boxed()
}

fn pull<U, E>(
    updates: impl Iterator<Item = Result<U, E>> + Send + 'static,
) -> impl Stream<Item = Result<U, BoxError>> + Send
where
    U: Send + 'static,
    E: Into<BoxError> + 'static,
{
    let (give, mut take) = mpsc::channel(AHEAD);
    let runtime = Handle::current();
    let thread = thread::Builder::new().name("chartmogul-bulk-source".to_owned());
    let started = thread.spawn(move || {
        // The iterator may use something that needs a runtime.
        let _runtime = runtime.enter();
        let pulled = catch_unwind(AssertUnwindSafe(|| {
            for update in updates {
                if give.blocking_send(update.map_err(Into::into)).is_err() {
                    break; // the run has ended
                }
            }
        }));
        if pulled.is_err() {
            let _ = give.blocking_send(Err(panicked()));
        }
    });
    let failed = started.err().map(|error| Err(error.into()));
    stream::iter(failed).chain(stream::poll_fn(move |context| take.poll_recv(context)))
}

fn panicked() -> BoxError {
    "it panicked".into()
}
