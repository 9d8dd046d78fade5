//! Handles requests: by the document, and by the exceptions of the resource.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header::ALLOW},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Duration, SecondsFormat, Utc};
use serde_json::{Map, Value};

use crate::{
    Recorded,
    document::{self, Action, Kind, Operation, document},
    errors,
    filter::Filters,
    paging, query,
    resources::{self, Resource},
    schema,
    state::{Shared, State},
    store::{Object, Store},
};

/// A request that fits the document.
pub(crate) struct Call<'a> {
    pub(crate) state: &'a State,
    pub(crate) operation: &'static Operation,
    /// The parameters in the path, decoded.
    pub(crate) path: Vec<String>,
    pub(crate) query: Map<String, Value>,
    pub(crate) body: Object,
}

pub(crate) fn handle(shared: &Shared, request: &Recorded) -> Response {
    let segments: Vec<_> = request.path.split('/').collect();
    let candidates = document().at(&segments);
    let Some(operation) = candidates.iter().find(|operation| operation.method == request.method) else {
        return refused(request, &candidates);
    };
    match Call::read(shared, operation, &segments, request) {
        Ok(call) => call.respond(),
        Err(refused) => *refused,
    }
}

/// 405 if the path has other methods; else 404 with what is nearest.
fn refused(request: &Recorded, candidates: &[&Operation]) -> Response {
    let asked = format!("{} {}", request.method, request.path);
    if candidates.is_empty() {
        let distance = |operation: &&Operation| strsim::damerau_levenshtein(&asked, &named(operation));
        let nearest = document()
            .operations
            .iter()
            .min_by_key(distance)
            .map(named)
            .unwrap_or_default();
        let message = format!("There is no operation {asked}; the nearest is {nearest}");
        return errors::with_code(StatusCode::NOT_FOUND, &message, None);
    }
    let mut methods: Vec<_> = candidates.iter().map(|operation| operation.method.as_str()).collect();
    methods.sort_unstable();
    let methods = methods.join(", ");
    let message = format!("There is no operation {asked}; this path has {methods}");
    let mut response = errors::with_code(StatusCode::METHOD_NOT_ALLOWED, &message, None);
    if let Ok(methods) = HeaderValue::try_from(methods) {
        response.headers_mut().insert(ALLOW, methods);
    }
    response
}

fn named(operation: &Operation) -> String {
    format!("{} {}", operation.method, operation.path)
}

impl<'a> Call<'a> {
    fn read(
        shared: &'a Shared,
        operation: &'static Operation,
        segments: &[&str],
        request: &Recorded,
    ) -> Result<Self, Box<Response>> {
        let template = operation.path.split('/').zip(segments);
        let path = template
            .filter(|(part, _)| part.starts_with('{'))
            .map(|(_, segment)| {
                percent_encoding::percent_decode_str(segment)
                    .decode_utf8_lossy()
                    .into_owned()
            })
            .collect();

        let mut query = query::read(operation, &request.query)?;
        if shared.lenient {
            query.retain(|name, _| operation.query.iter().any(|parameter| parameter.name == name));
        }
        let mut problems = schema::check_query(operation, &query);
        // A larger number is taken for the largest.
        problems.retain(|problem| {
            problem.param != "per_page" || query["per_page"].as_u64().is_none_or(|number| number == 0)
        });
        if !problems.is_empty() {
            return Err(errors::bad_request(&problems).into());
        }
        let body = Self::body(shared.lenient, operation, request)?;
        Ok(Self {
            state: &shared.state,
            operation,
            path,
            query,
            body,
        })
    }

    fn body(lenient: bool, operation: &Operation, request: &Recorded) -> Result<Object, Box<Response>> {
        let malformed = |message: &str| Box::new(errors::with_code(StatusCode::BAD_REQUEST, message, None));
        let Some(expected) = &operation.body else {
            // The Ruby SDK sends `{}` with everything.
            return match request.body.as_slice() {
                b"" | b"{}" => Ok(Object::new()),
                _ if lenient => Ok(Object::new()),
                _ => Err(malformed("This operation has no body")),
            };
        };
        if request.body.is_empty() && !expected.required {
            return Ok(Object::new());
        }
        let mut body = match serde_json::from_slice(&request.body) {
            Ok(body @ Value::Object(_)) => body,
            Ok(_) => return Err(malformed("The body must be an object")),
            Err(error) => return Err(malformed(&format!("The body is not JSON: {error}"))),
        };
        if lenient {
            schema::forgive(expected.schema, &mut body);
        }
        let mut problems = schema::check_body(expected.schema, &body);
        let nothing = body.as_object().is_some_and(Object::is_empty);
        if nothing && operation.not_modified {
            problems.clear(); // no error there
        }
        match body {
            Value::Object(body) if problems.is_empty() => Ok(body),
            _ => Err(errors::unfit_body(&problems).into()),
        }
    }

    fn respond(mut self) -> Response {
        let resource = resources::of(self.operation.tag);
        if let Some(response) = resource.respond(&self) {
            return response;
        }
        let kind = document().collections.get(self.operation.tag);
        match (self.operation.action, kind) {
            (Action::List, _) => self.page(self.operation.tag, |_| true),
            (Action::Create, Some(kind)) => self.create(kind, resource),
            (Action::Get, Some(kind)) => match self.store(|store| store.get(self.key())) {
                Some(object) => Json(object).into_response(),
                None => self.not_found(kind, resource),
            },
            (Action::Update, Some(kind)) => self.update(kind, resource),
            (Action::Delete, Some(kind)) if !self.store(|store| store.remove(self.key())) => {
                self.not_found(kind, resource)
            }
            (Action::Delete, Some(_)) => {
                resource.deleted(self.state, self.key());
                self.succeed(None)
            }
            _ => self.succeed(None),
        }
    }

    fn not_found(&self, kind: &Kind, resource: &dyn Resource) -> Response {
        let own = resource.not_found(self.key());
        own.unwrap_or_else(|| errors::not_found(kind))
    }

    /// The last parameter in the path.
    pub(crate) fn key(&self) -> &str {
        self.path.last().map_or("", String::as_str)
    }

    /// Does something with the objects of the operation's tag.
    fn store<T>(&self, act: impl FnOnce(&mut Store) -> T) -> T {
        self.state.store(self.operation.tag, act)
    }

    /// A page of the objects of a collection that pass the filters of the query.
    pub(crate) fn page(&self, collection: &str, wanted: impl Fn(&str) -> bool) -> Response {
        let resource = resources::of(self.operation.tag);
        let filters = Filters::of(&self.query, resource);
        let wanted = |object: &str| filters.let_through(object) && wanted(object);
        self.state.store(collection, |store| {
            paging::page(store, self.operation, &self.query, resource.order(), wanted)
        })
    }

    fn create(&mut self, kind: &'static Kind, resource: &dyn Resource) -> Response {
        let sent = resource.stored(std::mem::take(&mut self.body));
        self.store(|store| {
            let key = store.new_key(kind.prefix);
            let mut object = defaults(kind);
            object.insert(kind.key.to_owned(), key.clone().into());
            let now = later(None);
            for time in ["created_at", "updated_at"] {
                if let Some(value) = object.get_mut(time) {
                    *value = now.clone().into();
                }
            }
            resource.complete(&mut object, &sent);
            let before = object.clone();
            object.extend(known(kind, &sent));
            resource.merge(&before, &mut object);
            let response = self.succeed(Some(object.clone().into()));
            if response.status().is_success() {
                store.put(&key, object);
                resource.written(self.state, &key, &sent);
            }
            response
        })
    }

    fn update(&mut self, kind: &'static Kind, resource: &dyn Resource) -> Response {
        let sent = resource.stored(std::mem::take(&mut self.body));
        let key = self.key();
        self.store(|store| {
            let Some(before) = store.get(key) else {
                return self.not_found(kind, resource);
            };
            if sent.is_empty() && self.operation.not_modified {
                return StatusCode::NOT_MODIFIED.into_response();
            }
            let mut object = before.clone();
            object.extend(known(kind, &sent));
            resource.merge(&before, &mut object);
            if let Some(updated) = object.get_mut("updated_at") {
                *updated = later(updated.as_str()).into();
            }
            let odd = !schema::check(kind.schema, &before.into()).is_empty(); // as the test wants it
            let response = if odd {
                Json(&object).into_response()
            } else {
                self.succeed(Some(object.clone().into()))
            };
            if response.status().is_success() {
                store.put(key, object);
                resource.written(self.state, key, &sent);
            }
            response
        })
    }

    /// The documented success, with the document's example if there is nothing else to say. What the document does not
    /// allow is a fault of the fake, and a loud one.
    pub(crate) fn succeed(&self, body: Option<Value>) -> Response {
        let success = &self.operation.success;
        let status = StatusCode::from_u16(success.status).unwrap_or_default();
        let Some(schema) = success.schema else {
            return status.into_response();
        };
        let body = body.unwrap_or_else(|| success.example.clone());
        let problems = schema::check(schema, &body);
        if problems.is_empty() {
            return (status, Json(body)).into_response();
        }
        let problems: Vec<_> = problems
            .iter()
            .map(|problem| format!("{}: {}", problem.param, problem.message))
            .collect();
        errors::fault(&format!(
            "the document does not allow this response: {}",
            problems.join("; ")
        ))
    }
}

/// The fields that responses have.
fn known(kind: &'static Kind, sent: &Object) -> Object {
    let schema = &document::resolve(kind.schema)["properties"];
    let known = sent
        .iter()
        .filter(|(name, _)| *name != kind.key && schema.get(name).is_some());
    known.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// A new object before anything is said about it: `null` where the document allows it, else as in its example.
fn defaults(kind: &'static Kind) -> Object {
    document::properties(kind.schema)
        .filter_map(|(name, schema)| {
            let nullable = document::resolve(schema)["nullable"] == true;
            let value = if nullable {
                &Value::Null
            } else {
                kind.example.get(name)?
            };
            Some((name.to_owned(), value.clone()))
        })
        .collect()
}

/// Now, but at least a millisecond after the last change, so that every change can be seen.
fn later(before: Option<&str>) -> String {
    let now = Utc::now();
    let before = before.and_then(|before| DateTime::parse_from_rfc3339(before).ok());
    let next = before.map_or(now, |before| now.max(before.to_utc() + Duration::milliseconds(1)));
    next.to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests;
