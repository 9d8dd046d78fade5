//! The same client, for programs that are not asynchronous (feature `blocking`).
//!
//! ```no_run
//! # fn run() -> Result<(), chartmogul::Error> {
//! let client = chartmogul::Client::from_env()?.blocking()?;
//! let deal = client
//!     .opportunities()
//!     .update("4ee13ca4-e7fe-11ee-fa7f-f303abf41acc")
//!     .amount_in_cents(20_000)
//!     .send()?; // no `.await`
//! println!("{}", deal.pipeline_stage);
//! # Ok(())
//! # }
//! ```
//!
//! Everything else is the code of the asynchronous client: the same builders, limits, retries and errors. Clones can be
//! used from several threads at a time.

use std::{fmt, future::Future, sync::Arc, sync::mpsc};

use chartmogul_api::Error;
use tokio::runtime::{Builder, Runtime};
use tracing::Instrument as _;

/// A client whose calls block; made by [`Client::blocking`](crate::Client::blocking).
pub type Client = crate::Client<Blocking>;

/// Calls block.
#[derive(Clone)]
pub struct Blocking {
    background: Arc<Background>,
}

/// One thread that does the work, also between calls: it sees connections close.
struct Background(Option<Runtime>);

impl Drop for Background {
    fn drop(&mut self) {
        // An ordinary drop waits for the thread, which panics where waiting is not allowed.
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
    /// several threads, and does not need the thread that it is used on: it works inside of a runtime, too, whose tasks wait
    /// for it then. Calls that are in flight there keep their places meanwhile: if they have all of them
    /// ([`max_in_flight`](crate::ClientBuilder::max_in_flight)), and no other thread runs that runtime, a blocking call gets none
    /// before its time is up.
    ///
    /// Limits, retry budget and settings are shared with this client. Connections are not, but for an
    /// [`http_client`](crate::ClientBuilder::http_client) of your own, which should be used by a blocking client or by one that is
    /// awaited, not by both.
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
    /// Waits for a call of the client below: `client.wait(client.low_level().clone().request(..).send::<Value>())`.
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
    /// Does something that begins tasks in the background.
    pub(crate) fn inside<T>(&self, act: impl FnOnce() -> T) -> T {
        let _entered = self.background.0.as_ref().map(Runtime::enter);
        act()
    }

    pub(crate) fn wait<T: Send + 'static>(
        &self,
        call: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        let gone = || Error::internal("the background thread of the client has ended", None);
        let Some(runtime) = &self.background.0 else {
            return Err(gone());
        };
        // Not `block_on`, which panics inside of another runtime.
        let (sender, receiver) = mpsc::sync_channel(1);
        let call = call.in_current_span();
        runtime.spawn(async move { sender.send(call.await) });
        receiver.recv().map_err(|_| gone())?
    }
}
