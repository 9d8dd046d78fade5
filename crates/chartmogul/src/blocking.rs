//! The same client, for programs that are not asynchronous (feature `blocking`).
//!
//! ```no_run
//! # fn run() -> Result<(), chartmogul::Error> {
//! let client = chartmogul::Client::from_env()?.blocking()?;
//! let deal = client
//!     .opportunities()
//!     .update("4ee13ca4-e7fe-41ee-9a7f-f303abf41acc")
//!     .amount_in_cents(20_000)
//!     .send()?; // no `.await`
//! println!("{}", deal.pipeline_stage);
//! # Ok(())
//! # }
//! ```
//!
//! Builders, limits, retries and errors are those of the asynchronous client. Clones can be used from several threads at
//! a time.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError, mpsc},
};

use chartmogul_api::Error;
use tokio::runtime::{Builder, Runtime};
use tracing::Instrument as _;

/// A client whose calls block; returned by [`Client::blocking`](crate::Client::blocking).
pub type Client = crate::Client<Blocking>;

/// The mode of a [`Client`] whose calls block.
#[derive(Clone)]
pub struct Blocking {
    background: Arc<Background>,
}

/// A runtime with one thread. It also runs between calls, so that closed connections are noticed.
struct Background(Option<Runtime>);

impl Drop for Background {
    fn drop(&mut self) {
        // An ordinary drop waits for the thread, which panics inside of another runtime.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Blocking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Blocking")
    }
}

impl crate::Client {
    /// The same client with calls that block, on a background thread of its own. It can be cloned, and used from
    /// several threads. It also works inside a runtime, and then blocks its thread. Calls in flight on that runtime keep
    /// their permits meanwhile: if they hold all of them ([`max_in_flight`](crate::ClientBuilder::max_in_flight)) and the
    /// runtime has no other thread, a blocking call waits for a permit until it times out.
    ///
    /// Limits, retry budget and settings are shared with this client. Connections are not, except those of an
    /// [`http_client`](crate::ClientBuilder::http_client) of your own: use it in a blocking client or in an asynchronous one,
    /// not in both.
    ///
    /// # Errors
    /// [`Error::Configuration`] if the system does not allow another thread.
    pub fn blocking(self) -> Result<Client, Error> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("chartmogul")
            .enable_all()
            .build()
            .map_err(|source| Error::configuration("the background thread can't be started", Some(source.into())))?;
        Ok(crate::Client {
            low_level: self.low_level,
            mode: Blocking {
                background: Arc::new(Background(Some(runtime))),
            },
        })
    }
}

impl Client {
    /// Waits for a call of the low-level client: `client.wait(client.low_level().clone().request(..).send::<Value>())`.
    ///
    /// # Errors
    /// Those of the call.
    pub fn wait<T: Send + 'static>(
        &self,
        call: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        self.mode.wait(call)
    }
}

impl Blocking {
    /// Calls a function that may spawn tasks in the background.
    pub(crate) fn inside<T>(&self, act: impl FnOnce() -> T) -> T {
        let _entered = self.background.0.as_ref().map(Runtime::enter);
        act()
    }

    pub(crate) fn wait<T: Send + 'static>(
        &self,
        call: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        let result = Arc::new(Mutex::new(None));
        let slot = Arc::clone(&result);
        self.run(Box::pin(async move {
            let ended = call.await;
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(ended);
        }));
        let ended = result.lock().unwrap_or_else(PoisonError::into_inner).take();
        ended.unwrap_or_else(|| Err(Error::internal("the background thread of the client has ended", None)))
    }

    /// Runs a call to its end, unless the background thread ends first. The call comes boxed, so that tokio's task is compiled
    /// once and not for each operation.
    fn run(&self, call: Pin<Box<dyn Future<Output = ()> + Send>>) {
        let Some(runtime) = &self.background.0 else { return };
        // Not `block_on`, which panics inside of another runtime.
        let (done, ended) = mpsc::sync_channel::<()>(1);
        let call = call.in_current_span();
        runtime.spawn(async move {
            call.await;
            drop(done);
        });
        // Nothing is ever sent: this waits until the task has dropped `done`, whether it ended or panicked.
        let _ = ended.recv();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)] // tests
mod tests {
    use super::*;

    fn client() -> Client {
        crate::Client::builder()
            .api_key("key")
            .build()
            .unwrap()
            .blocking()
            .unwrap()
    }

    #[test]
    fn a_call_returns_its_result_from_the_background_thread() {
        let client = client();
        let here = std::thread::current().id();
        let there = client.wait(async { Ok(std::thread::current().id()) }).unwrap();
        assert_ne!(there, here);
        let error = client
            .wait(async { Err::<(), _>(Error::pagination("no cursor")) })
            .unwrap_err();
        assert!(matches!(error, Error::Pagination { .. }), "{error:?}");
    }

    #[test]
    fn a_call_that_panics_is_an_error_and_harms_no_other() {
        let client = client();
        let error = client.wait::<()>(async { panic!("a hook with a bug") }).unwrap_err();
        assert!(matches!(error, Error::Internal { .. }), "{error:?}");
        assert_eq!(client.wait(async { Ok(1) }).unwrap(), 1);
    }

    #[test]
    fn every_verb_of_a_builder_blocks() {
        const UUID: &str = "4ee13ca4-e7fe-41ee-9a7f-f303abf41acc";
        let fake = chartmogul_fake::Fake::start().unwrap();
        fake.collection("opportunities").insert_sample(UUID).unwrap();
        let client = crate::Client::builder().api_key(fake.api_key()).base_url(fake.url());
        let opportunities = client.build().unwrap().blocking().unwrap().opportunities();
        let read = opportunities.get(UUID).send().unwrap();
        assert_eq!(
            opportunities.list().items().collect::<Result<Vec<_>, _>>().unwrap(),
            [read]
        );
        let updated = opportunities
            .update(UUID)
            .amount_in_cents(7)
            .outcome()
            .unwrap()
            .updated()
            .unwrap();
        assert!(updated.amount_in_cents == 7);
        let patched = opportunities
            .update(UUID)
            .merge_custom()
            .set("users", 12)
            .send()
            .unwrap();
        assert_eq!(patched.custom.to_string(), r#"{"seats":4,"users":12}"#);
        opportunities.delete(UUID).send().unwrap();
        assert!(fake.collection("opportunities").is_empty());
    }

    #[tokio::test]
    async fn it_works_inside_of_a_runtime() {
        let client = client();
        assert_eq!(client.wait(async { Ok(1) }).unwrap(), 1);
        drop(client); // which would panic if it waited for its thread
    }
}
