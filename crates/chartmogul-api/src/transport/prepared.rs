//! A request before it is sent.

use std::{borrow::Cow, cell::Cell, fmt};

use bytes::Bytes;
use http::{HeaderValue, Method, header};
use reqwest::Url;
use serde::{
    Deserializer as _, Serialize,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::Shared;
use crate::{BoxError, value::field::Name};

/// Method, path, query and body, without what all requests of a client share. Each attempt sends a copy.
///
/// Not for users: it may change.
#[derive(Clone, PartialEq, Eq)]
pub struct Prepared {
    method: Method,
    path: String,
    query: Option<Box<[u8]>>,
    body: Option<Bytes>, // cheap to clone for each attempt
}

impl Prepared {
    pub(crate) fn new(method: Method, path: String) -> Self {
        Self {
            method,
            path,
            query: None,
            body: None,
        }
    }

    /// Sets the query: a JSON object of scalars, and of lists of them.
    pub(crate) fn set_query(&mut self, query: &(impl Serialize + ?Sized)) -> serde_json::Result<()> {
        self.query = write(query, |json| (json != b"{}").then(|| json.into()))?;
        Ok(())
    }

    /// Sets the body, which is sent as JSON.
    pub(crate) fn set_body(&mut self, body: &(impl Serialize + ?Sized)) -> serde_json::Result<()> {
        self.body = Some(write(body, Bytes::copy_from_slice)?);
        Ok(())
    }

    /// Drops a body without fields.
    pub(crate) fn drop_empty_body(&mut self) {
        self.body.take_if(|body| *body == b"{}".as_slice());
    }

    /// The path with percent-encoded values, without the path of the base URL.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The query as a JSON object; `None` if it is empty.
    pub fn query(&self) -> Option<&[u8]> {
        self.query.as_deref()
    }

    /// The body, which is JSON.
    pub fn body(&self) -> Option<&[u8]> {
        self.body.as_deref()
    }

    /// Builds the request of an attempt.
    pub(super) fn to_request(
        &self,
        shared: &Shared,
        body_of: impl FnOnce(Option<Bytes>) -> Option<reqwest::Body>,
    ) -> Result<reqwest::Request, BoxError> {
        let Self {
            method,
            path,
            query,
            body,
        } = self;
        let mut url = shared.url.clone();
        match shared.base_path.as_str() {
            "" => url.set_path(path),
            prefix => url.set_path(&format!("{prefix}{path}")),
        }
        if let Some(query) = query {
            add_query(&mut url, query)?;
        }
        let mut request = reqwest::Request::new(method.clone(), url);
        *request.headers_mut() = match body {
            Some(_) => shared.headers_with_body.clone(),
            None => shared.headers.clone(),
        };
        // These methods declare an empty body (RFC 9110, section 8.6); some servers respond with 411 otherwise.
        if body.is_none() && matches!(*method, Method::POST | Method::PUT | Method::PATCH) {
            let zero = HeaderValue::from_static("0");
            request.headers_mut().insert(header::CONTENT_LENGTH, zero);
        }
        *request.body_mut() = body_of(body.clone());
        Ok(request)
    }
}

fn add_query(url: &mut Url, query: &[u8]) -> serde_json::Result<()> {
    let mut pairs = url.query_pairs_mut();
    each_parameter(query, &mut |name, value| {
        pairs.append_pair(name, value);
    })
}

/// Leaves out the values, which may be customers' data.
impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared")
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}

/// Writes JSON into a buffer that is reused; `keep` copies it. So what a call keeps is no larger than needed: calls may wait
/// for a long time.
fn write<T>(value: &(impl Serialize + ?Sized), keep: impl FnOnce(&[u8]) -> T) -> serde_json::Result<T> {
    const KEPT: usize = 64 * 1024;
    thread_local! {
        static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    }
    let mut buffer = BUFFER.try_with(Cell::take).unwrap_or_default();
    buffer.clear();
    let written = serde_json::to_writer(&mut buffer, value);
    let kept = written.map(|()| keep(&buffer));
    if buffer.capacity() <= KEPT {
        let _ = BUFFER.try_with(|kept| kept.set(buffer));
    }
    kept
}

/// Calls `found` for each parameter of a query, which is a JSON object. Numbers and Booleans are sent as JSON writes them,
/// list items separated by commas.
fn each_parameter(query: &[u8], found: &mut dyn FnMut(&str, &str)) -> serde_json::Result<()> {
    struct Parameters<'a>(&'a mut dyn FnMut(&str, &str));
    impl<'de> Visitor<'de> for Parameters<'_> {
        type Value = ();
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("the parameters of a query")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
            while let Some((name, value)) = object.next_entry::<Name<'de>, &RawValue>()? {
                let value = parameter(value.get()).map_err(serde::de::Error::custom)?;
                (self.0)(name.as_str(), &value);
            }
            Ok(())
        }
    }
    serde_json::Deserializer::from_slice(query).deserialize_map(Parameters(found))
}

/// A value as it is written in a query.
fn parameter(json: &str) -> serde_json::Result<Cow<'_, str>> {
    Ok(match json.as_bytes().first() {
        Some(b'"') => match serde_json::from_str(json)? {
            Name::Borrowed(text) => text.into(),
            Name::Owned(text) => text.into(),
        },
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(json)?;
            let items = items.into_iter().map(|item| parameter(item.get()));
            items.collect::<serde_json::Result<Vec<_>>>()?.join(",").into()
        }
        _ => json.into(),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // tests
mod tests {
    use super::*;
    use crate::Client;

    fn sent(base_url: &str, request: &Prepared) -> reqwest::Request {
        let client = Client::builder().api_key("key").base_url(base_url).build().unwrap();
        request.to_request(&client.shared, |body| body.map(Into::into)).unwrap()
    }

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }

    fn url(base_url: &str, path: &str, query: &str) -> String {
        let mut request = Prepared::new(Method::GET, path.to_owned());
        request.set_query(&raw(query)).unwrap();
        sent(base_url, &request).url().to_string()
    }

    #[test]
    fn the_path_comes_after_that_of_the_base_url() {
        for (base_url, expected) in [
            ("http://localhost", "http://localhost/v1/x/a%2Fb"),
            ("http://localhost/", "http://localhost/v1/x/a%2Fb"),
            ("http://localhost/p/q", "http://localhost/p/q/v1/x/a%2Fb"),
            ("http://localhost/p/", "http://localhost/p/v1/x/a%2Fb"),
        ] {
            assert_eq!(url(base_url, "/v1/x/a%2Fb", "{}"), expected);
        }
    }

    #[test]
    fn a_query_is_written_from_json() {
        for (json, expected) in [
            ("{}", ""),
            (
                r#"{"a":"x y&=","b":-5,"c":0.5,"d":true}"#,
                "?a=x+y%26%3D&b=-5&c=0.5&d=true",
            ),
            (r#"{"event[id]":"\u00fc"}"#, "?event%5Bid%5D=%C3%BC"),
            (r#"{"include":["a","b",3],"none":[]}"#, "?include=a%2Cb%2C3&none="),
            (r#"{"a":"1","a":"2"}"#, "?a=1&a=2"),
            (r#"{"big":9223372036854775807}"#, "?big=9223372036854775807"),
        ] {
            assert_eq!(
                url("http://localhost", "/v1/x", json),
                format!("http://localhost/v1/x{expected}")
            );
        }
    }

    #[test]
    fn any_method_sends_a_body_and_some_declare_an_empty_one() {
        let none = |method| {
            let request = sent("http://localhost", &Prepared::new(method, "/v1/x".to_owned()));
            assert!(request.body().is_none());
            assert_eq!(request.headers().get(header::CONTENT_TYPE), None);
            request.headers().get(header::CONTENT_LENGTH).cloned()
        };
        for method in [Method::POST, Method::PUT, Method::PATCH] {
            assert_eq!(none(method), Some(HeaderValue::from_static("0")));
        }
        for method in [Method::GET, Method::DELETE] {
            assert_eq!(none(method), None);
        }
        for method in [Method::DELETE, Method::POST] {
            let mut request = Prepared::new(method, "/v1/x".to_owned());
            request.set_body(&raw("{}")).unwrap();
            let request = sent("http://localhost", &request);
            assert_eq!(request.body().unwrap().as_bytes(), Some(b"{}".as_slice()));
            assert_eq!(request.headers()[header::CONTENT_TYPE], "application/json");
            assert_eq!(request.headers().get(header::CONTENT_LENGTH), None); // hyper sets it
        }
    }
}
