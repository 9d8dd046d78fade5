//! The headers of a request: the API key, and the name of the program.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use http::{HeaderMap, HeaderValue, header};

use crate::Error;

/// Number of headers of a request, including those of the HTTP client: the capacity of its header map.
const USUAL_HEADERS: usize = 8;

const USER_AGENT: &str = concat!("chartmogul-rust/", env!("CARGO_PKG_VERSION"));

/// The headers of a request without a body.
pub(super) fn headers(key: &str, program: Option<&str>) -> Result<HeaderMap, Error> {
    let mut headers = HeaderMap::with_capacity(USUAL_HEADERS);
    headers.insert(header::AUTHORIZATION, basic(key)?);
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(header::USER_AGENT, user_agent(program)?);
    Ok(headers)
}

/// The headers of a request with a body.
pub(super) fn with_body(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers
}

/// HTTP Basic: the key is the user name, the password is empty.
fn basic(key: &str) -> Result<HeaderValue, Error> {
    // The key itself is never shown, not even if it is invalid.
    let wrong = |what| Err(Error::configuration(format!("the API key {what}"), None));
    if key.is_empty() {
        return wrong("is empty");
    }
    if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return wrong("has a space, a line break or another character that no key has; was it copied correctly?");
    }
    if key.contains(':') {
        return wrong("has a colon; give the key alone, without a password");
    }
    let token = BASE64_STANDARD.encode(format!("{key}:"));
    let mut value = HeaderValue::try_from(format!("Basic {token}")).map_err(|source| Error::Configuration {
        what: "the API key can't be sent in a header".to_owned(),
        source: Some(source.into()),
    })?;
    value.set_sensitive(true);
    Ok(value)
}

fn user_agent(program: Option<&str>) -> Result<HeaderValue, Error> {
    let Some(program) = program else {
        return Ok(HeaderValue::from_static(USER_AGENT));
    };
    let requirement = "must be the name and version of your program in printable ASCII, such as \"deal-sync/1.4\"";
    if program.trim().is_empty() || !program.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
        return Err(Error::configuration(
            format!("`user_agent` was {program:?}; {requirement}"),
            None,
        ));
    }
    HeaderValue::try_from(format!("{USER_AGENT} {program}")).map_err(|source| Error::Configuration {
        what: format!("`user_agent` was {program:?}; {requirement}"),
        source: Some(source.into()),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // tests
mod tests {
    use super::*;

    #[test]
    fn the_key_is_sent_as_user_name() {
        let header = basic("key").unwrap();
        assert_eq!(header.to_str().unwrap(), "Basic a2V5Og==");
        assert_eq!(format!("{header:?}"), "Sensitive");
    }
}
