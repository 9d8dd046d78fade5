//! Everything that a program might log.

use std::{
    io,
    sync::{Arc, Mutex},
};

use tracing_subscriber::{
    filter::LevelFilter,
    fmt::{MakeWriter, format::FmtSpan},
    util::SubscriberInitExt as _,
};

/// Keeps what is logged on this thread by anybody, at all levels: through `tracing` and through `log`.
#[derive(Debug, Clone, Default)]
pub struct Watch(Arc<Mutex<Vec<u8>>>);

impl Watch {
    /// Begins to watch. What other threads log is not seen, so the runtime must have no others.
    pub fn begin(&self) -> impl Drop + use<> {
        tracing_subscriber::fmt()
            .with_max_level(LevelFilter::TRACE)
            .with_span_events(FmtSpan::FULL)
            .with_ansi(false)
            .with_writer(self.clone())
            .finish()
            .set_default()
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
