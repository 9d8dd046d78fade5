//! Everything that a program might log.

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

/// Keeps what is logged on this thread by anybody, at all levels: through `tracing` and through `log`.
#[derive(Debug, Clone, Default)]
pub struct Watch(Arc<Mutex<Vec<u8>>>);

/// Somebody watches.
pub struct Watching {
    // Dropped in this order: each makes the one before it the one in use again.
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
    /// Watches until what it returns is dropped. What other threads log is not seen, so the runtime must have no others.
    pub fn begin(&self) -> Watching {
        // As long as there is only one subscriber, `tracing` asks the thread that comes first to a place in the code
        // whether anybody watches it; that may be a thread of another test. With two, all subscribers are asked.
        let second = subscribe(io::sink);
        Watching {
            _watching: subscribe(self.clone()),
            _second: second,
        }
    }

    /// What was logged so far.
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
