//! The keyring of the operating system, with a time limit, because keyrings hang: some wait for a dialog that is not
//! visible.

/// Why there is no keyring without the feature.
#[cfg(not(feature = "keyring"))]
const NOT_BUILT_IN: &str = "this program was built without one";

#[cfg(not(feature = "keyring"))]
mod store {
    use super::NOT_BUILT_IN;

    pub(crate) fn save(_: &str, _: &str) -> Result<(), String> {
        Err(NOT_BUILT_IN.to_owned())
    }

    pub(crate) fn load(_: &str) -> Result<String, String> {
        Err(NOT_BUILT_IN.to_owned())
    }

    pub(crate) fn forget(_: &str) -> Result<(), String> {
        Err(NOT_BUILT_IN.to_owned())
    }
}

#[cfg(feature = "keyring")]
mod store {
    use std::{sync::mpsc, thread, time::Duration};

    use keyring_core::{Entry, Error};

    /// Maximum time to wait for the keyring.
    const LIMIT: Duration = Duration::from_secs(2);

    /// Name of the service that the keys belong to.
    const SERVICE: &str = "chartmogul";

    pub(crate) fn save(profile: &str, key: &str) -> Result<(), String> {
        let key = key.to_owned();
        within(profile, move |entry| entry.set_password(&key))
    }

    pub(crate) fn load(profile: &str) -> Result<String, String> {
        within(profile, Entry::get_password)
    }

    pub(crate) fn forget(profile: &str) -> Result<(), String> {
        within(profile, |entry| match entry.delete_credential() {
            Err(Error::NoEntry) => Ok(()),
            done => done,
        })
    }

    /// Runs `act` on its own thread, which is abandoned if it takes too long.
    fn within<T: Send + 'static>(
        profile: &str,
        act: impl FnOnce(&Entry) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, String> {
        let profile = profile.to_owned();
        let (done, result) = mpsc::channel();
        let work = move || {
            let result = open()
                .and_then(|()| Entry::new(SERVICE, &profile))
                .and_then(|entry| act(&entry));
            let _ = done.send(result);
        };
        let thread = thread::Builder::new().name("keyring".to_owned()).spawn(work);
        thread.map_err(|error| error.to_string())?;
        match result.recv_timeout(LIMIT) {
            Ok(result) => result.map_err(|error| error.to_string()),
            Err(_) => Err(format!("it did not respond within {LIMIT:?}")),
        }
    }

    #[cfg(target_os = "linux")]
    fn open() -> Result<(), Error> {
        keyring_core::set_default_store(zbus_secret_service_keyring_store::Store::new()?);
        Ok(())
    }

    #[cfg(target_os = "macos")]
    fn open() -> Result<(), Error> {
        keyring_core::set_default_store(apple_native_keyring_store::keychain::Store::new()?);
        Ok(())
    }

    #[cfg(windows)]
    fn open() -> Result<(), Error> {
        keyring_core::set_default_store(windows_native_keyring_store::Store::new()?);
        Ok(())
    }

    #[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
    fn open() -> Result<(), Error> {
        Err(Error::NoDefaultStore)
    }
}

pub(super) use store::{forget, load, save};
