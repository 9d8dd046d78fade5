//! A net under libraries that panic where they are not finished.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook},
    sync::{Mutex, PoisonError},
};

/// The panic hook is the whole process's: one at a time, or the silent one would be put back for good.
static HOOK: Mutex<()> = Mutex::new(());

/// Runs something without a word from a panic; its message becomes the error.
pub(crate) fn quietly<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    let _guard = HOOK.lock().unwrap_or_else(PoisonError::into_inner);
    let hook = take_hook();
    set_hook(Box::new(|_| {})); // where in the library it happened helps nobody
    let outcome = catch_unwind(AssertUnwindSafe(run));
    set_hook(hook);
    outcome.map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        text.unwrap_or("it panicked").to_owned()
    })
}
