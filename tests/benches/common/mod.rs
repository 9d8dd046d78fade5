//! Code that the benchmarks share.
#![allow(dead_code)] // no benchmark uses all of it

pub(crate) mod calls;
pub(crate) mod server;

use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};

/// Elapsed time, and CPU time of a process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spent {
    pub(crate) time: Duration,
    pub(crate) cpu: Duration,
}

/// A running measurement.
pub(crate) struct Watch {
    whose: UsageWho,
    started: Instant,
    cpu: Duration,
}

impl Watch {
    /// Measures this process with all its threads.
    pub(crate) fn this_process() -> Self {
        Self::start(UsageWho::RUSAGE_SELF)
    }

    /// Measures the child processes that this one waits for.
    pub(crate) fn children() -> Self {
        Self::start(UsageWho::RUSAGE_CHILDREN)
    }

    fn start(whose: UsageWho) -> Self {
        Self {
            whose,
            started: Instant::now(),
            cpu: cpu(whose),
        }
    }

    pub(crate) fn spent(&self) -> Spent {
        Spent {
            time: self.started.elapsed(),
            cpu: cpu(self.whose).saturating_sub(self.cpu),
        }
    }
}

/// CPU time in user mode and in the kernel.
fn cpu(whose: UsageWho) -> Duration {
    let usage = getrusage(whose).unwrap();
    let micros = [usage.user_time(), usage.system_time()].map(|time| time.tv_sec() * 1_000_000 + time.tv_usec());
    Duration::from_micros(micros.iter().sum::<i64>().try_into().unwrap())
}

pub(crate) fn ratio(one: Duration, other: Duration) -> f64 {
    one.as_secs_f64() / other.as_secs_f64()
}

/// Sorts the values, and returns the median.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The value of `--name value` on the command line.
pub(crate) fn option(name: &str) -> Option<String> {
    let mut arguments = std::env::args();
    arguments.find(|argument| argument == name)?;
    arguments.next()
}

/// Whether `--name` is on the command line.
pub(crate) fn has_flag(name: &str) -> bool {
    std::env::args().any(|argument| argument == name)
}

/// A runtime on this thread, so that all work of a client is on one thread.
pub(crate) fn one_thread() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}
