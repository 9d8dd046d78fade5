//! The base URL, and the parts of a URL that may be shown.

use std::net::IpAddr;

use reqwest::Url;

use crate::{Error, generated::DEFAULT_BASE_URL};

/// Parses the base URL. The errors do not contain it, because it may contain a secret.
pub(super) fn base_url(text: &str, plain_http: bool) -> Result<Url, Error> {
    let wrong = |why: &str, source| {
        Error::configuration(
            format!(
                "the base URL {why}; it must be an https URL without user, query and fragment, such as {DEFAULT_BASE_URL}"
            ),
            source,
        )
    };
    let url = Url::parse(text).map_err(|source| wrong("can't be parsed", Some(source.into())))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Error::configuration(
            "the base URL has a user or a password; give the key to `api_key` instead",
            None,
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("has a query or a fragment", None));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if plain_http || is_loopback(&url) => Ok(url),
        "http" => Err(wrong(
            "is plain http, which would show the API key to the network (allow_plain_http() accepts that)",
            None,
        )),
        _ => Err(wrong("has an unknown scheme", None)),
    }
}

fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(|host| {
        let address = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    })
}

/// A URL with a long path: its copies are allocated with room for the path of a request.
pub(super) fn with_room(base_url: &Url) -> Url {
    const LONGEST: usize = 100; // `/v1/contacts/{into_contact_uuid}/merge/{from_contact_uuid}`
    let mut url = base_url.clone();
    url.set_path(&format!("{}/{}", base_url.path(), "-".repeat(LONGEST)));
    url
}

/// The parts of a URL that can't be secret: scheme and host.
pub(super) fn shown(url: &str) -> String {
    match Url::parse(url).as_ref().map(|url| (url.scheme(), url.host_str())) {
        Ok((scheme @ ("https" | "http"), Some(host))) => format!("{scheme}://{host}"),
        _ => "(not usable)".to_owned(),
    }
}
