//! Captures logs.

use std::{
    io,
    sync::{Arc, Mutex},
};

use tracing::subscriber::DefaultGuard;
use tracing_subscriber::{
    filter::LevelFilter,
    fmt::{MakeWriter, format::FmtSpan},
    util::SubscriberInitExt as _,
};

/// Captures everything that is logged on this thread at all levels, by `tracing` and by `log`.
#[derive(Debug, Clone, Default)]
pub struct Watch(Arc<Mutex<Vec<u8>>>);

/// An active capture; ends when dropped.
pub struct Watching {
    // Dropped in this order: each restores the subscriber before it.
    _watching: DefaultGuard,
    _second: DefaultGuard,
}

fn subscribe(writer: impl for<'a> MakeWriter<'a> + Send + Sync + 'static) -> DefaultGuard {
    tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_span_events(FmtSpan::FULL)
        .with_ansi(false)
        .with_writer(writer)
        .finish()
        .set_default()
}

impl Watch {
    /// Captures until the returned value is dropped. Logs of other threads are not captured, so the runtime must be
    /// single-threaded.
    pub fn begin(&self) -> Watching {
        // With a single subscriber, `tracing` decides whether a callsite is enabled on the thread that first reaches it,
        // which may belong to another test. With two, it asks all subscribers.
        let second = subscribe(io::sink);
        Watching {
            _watching: subscribe(self.clone()),
            _second: second,
        }
    }

    /// Everything that was logged so far.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl io::Write for Watch {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Watch {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
