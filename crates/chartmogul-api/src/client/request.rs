//! Requests for what no generated operation covers yet.

use http::Method;
use serde::{Serialize, Serializer, de::DeserializeOwned};
use serde_json::value::RawValue;

use crate::{
    Client, Error, InvalidInput, Response,
    transport::{Other, Prepared, Route, Shape, call},
    validate,
};

/// A request to any endpoint, through the same transport as the operations, with the same limits, retries, timeouts and
/// errors. Returned by [`Client::request`].
#[derive(Debug, Clone)]
#[must_use = "nothing is sent before `send`"]
pub struct Request {
    client: Client,
    method: Method,
    template: String,
    path: Vec<(String, String)>,
    query: Vec<(String, String)>,
    body: Option<Box<RawValue>>,
    idempotent: bool,
    wrong: Option<InvalidInput>,
}

impl Client {
    /// Creates a request to an endpoint that has no method yet.
    ///
    /// `path` begins with `/v1/`. Variable segments are in braces and set by [`Request::path`], so that a value can't leave
    /// its segment, and logs and events have only the template.
    ///
    /// ```no_run
    /// # async fn run(client: chartmogul_api::Client) -> Result<(), chartmogul_api::Error> {
    /// use chartmogul_api::Method;
    ///
    /// let response = client
    ///     .request(Method::GET, "/v1/customers/{customer_uuid}/activities")
    ///     .path("customer_uuid", "cus_8f1d6a52-3b0e-4c55-9d7a-2e6c1b90a4f3")
    ///     .query("per_page", 50)
    ///     .send::<serde_json::Value>()
    ///     .await?;
    /// println!("{}", response.value()["entries"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn request(&self, method: Method, path: impl Into<String>) -> Request {
        Request {
            client: self.clone(),
            idempotent: method != Method::POST,
            method,
            template: path.into(),
            path: Vec::new(),
            query: Vec::new(),
            body: None,
            wrong: None,
        }
    }
}

impl Request {
    /// Sets the value of `{name}` in the path.
    pub fn path(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.path.push((name.into(), value.into()));
        self
    }

    /// Adds a parameter to the query.
    #[allow(clippy::needless_pass_by_value)] // so that it takes `50` and "text" alike
    pub fn query(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        self.query.push((name.into(), value.to_string()));
        self
    }

    /// Sets the body, as JSON.
    pub fn json(mut self, body: &(impl Serialize + ?Sized)) -> Self {
        match serde_json::value::to_raw_value(body) {
            Ok(json) => self.body = Some(json),
            Err(error) => {
                let wrong = InvalidInput::new("body", &error, "must be a value that can be written as JSON");
                self.wrong.get_or_insert(wrong);
            }
        }
        self
    }

    /// Sets whether sending it twice has the same effect as sending it once. By default, every method except `POST` counts as
    /// idempotent; see [`Retry`](crate::Retry) for the consequences.
    pub fn idempotent(mut self, idempotent: bool) -> Self {
        self.idempotent = idempotent;
        self
    }

    /// Sends the request and reads the JSON of its response. An empty body counts as `{}`, except for `GET`, where
    /// it is a truncated response.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for an invalid path, before anything is sent; otherwise those of every operation.
    pub async fn send<T: DeserializeOwned + Send>(self) -> Result<Response<T>, Error> {
        self.run(Shape::Any).await
    }

    /// Sends the request and does not decode the body of its response, which is in [`Response::body`].
    ///
    /// # Errors
    /// Those of [`send`](Self::send).
    pub async fn send_any(self) -> Result<Response<()>, Error> {
        self.run(Shape::Nothing).await
    }

    async fn run<T: DeserializeOwned + Send>(mut self, shape: Shape) -> Result<Response<T>, Error> {
        if let Some(wrong) = self.wrong.take() {
            return Err(wrong.into());
        }
        let mut request = Prepared::new(self.method.clone(), self.filled()?);
        if !self.query.is_empty() {
            request.set_query(&Query(&self.query)).map_err(unwritten)?;
        }
        if let Some(body) = &self.body {
            request.set_body(body).map_err(unwritten)?;
        }
        let route = Route::Other(Box::new(Other {
            name: format!("{} {}", self.method, self.template),
            method: self.method,
            template: self.template,
            idempotent: self.idempotent,
        }));
        call(&self.client, route, request, shape).await
    }

    /// The path, with the values of its parameters filled in.
    fn filled(&self) -> Result<String, InvalidInput> {
        let wrong = |must_be: &str| InvalidInput::new("path", &self.template, must_be);
        if !self.template.starts_with("/v1/") {
            return Err(wrong("must begin with /v1/"));
        }
        let mut given: Vec<_> = self.path.iter().collect();
        let segments = self.template.split('/').skip(1).map(|segment| {
            let Some(name) = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
                return match segment {
                    "" | "." | ".." => Err(wrong("must not have segments that are empty, `.` or `..`")),
                    plain if plain.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.~".contains(&b)) => {
                        Ok(plain.to_owned())
                    }
                    _ => Err(wrong(
                        "must have only letters, digits, `-`, `_`, `.` and `~` between slashes; write variable segments as {name}, and set them with `path`",
                    )),
                };
            };
            let at = given.iter().position(|(other, _)| other == name);
            let (_, value) = at.map(|at| given.remove(at)).ok_or_else(|| {
                wrong(&format!("must have a value for each name in braces: set `{name}` with `path`"))
            })?;
            validate::segment(name, value)?;
            Ok(validate::encode_path(value).to_string())
        });
        let filled = segments.collect::<Result<Vec<_>, _>>()?.join("/");
        match given.first() {
            Some((name, _)) => Err(wrong(&format!(
                "must contain `{{{name}}}`, because `path` sets its value"
            ))),
            None => Ok(format!("/{filled}")),
        }
    }
}

/// Parameters as a JSON object, in which a name may occur more than once.
struct Query<'a>(&'a [(String, String)]);

impl Serialize for Query<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

fn unwritten(error: serde_json::Error) -> Error {
    Error::internal("the request can't be written as JSON", Some(error.into()))
}
