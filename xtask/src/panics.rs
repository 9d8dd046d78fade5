//! Catches panics of libraries that panic on valid input.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook},
    sync::{Mutex, PoisonError},
};

/// The panic hook is global to the process: one user at a time, or the silent hook could stay installed.
static HOOK: Mutex<()> = Mutex::new(());

/// Runs a function and suppresses the output of a panic; the panic's message becomes the error.
pub(crate) fn quietly<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    let _guard = HOOK.lock().unwrap_or_else(PoisonError::into_inner);
    let hook = take_hook();
    set_hook(Box::new(|_| {})); // the position in the library is of no use to the user
    let outcome = catch_unwind(AssertUnwindSafe(run));
    set_hook(hook);
    outcome.map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        text.unwrap_or("it panicked").to_owned()
    })
}
