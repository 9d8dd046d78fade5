//! Handles requests by the document, with the exceptions of the resource.

use axum::{
    Json,
    body::{Body, to_bytes},
    http::{HeaderValue, StatusCode, header::ALLOW},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Duration, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

use crate::{
    Recorded,
    document::{self, Action, Kind, Operation, document},
    errors, exact,
    filter::{self, Filters},
    paging, query,
    resources::{self, Resource},
    schema,
    state::{Shared, State},
    store::{self, Object, Store},
    uuid,
};

/// A request that matches the document.
pub(crate) struct Call<'a> {
    pub(crate) state: &'a State,
    pub(crate) operation: &'static Operation,
    /// The decoded path parameters. If the query identifies the object, its key is the last of them.
    pub(crate) path: Vec<String>,
    pub(crate) query: Map<String, Value>,
    pub(crate) body: Object,
}

pub(crate) async fn handle(shared: &Shared, request: &Recorded) -> Response {
    let segments: Vec<_> = request.path.split('/').collect();
    let candidates = document().at(&segments);
    let Some(operation) = candidates.iter().find(|operation| operation.method == request.method) else {
        return refused(request, &segments, &candidates);
    };
    let response = match Call::read(shared, operation, &segments, request) {
        Ok(call) => call.respond(),
        Err(refused) => *refused,
    };
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default(); // can't fail: it is in memory
    match operation.problem(parts.status.as_u16(), &body) {
        Some(problem) if !shared.state.allows_any_response() => {
            errors::fault(&format!("the document does not allow this response: {problem}"))
        }
        _ => Response::from_parts(parts, Body::from(exact::written(&body).into_owned())),
    }
}

/// 405 if the path has other methods, or (as recorded) lacks a parameter; else 404 with the nearest operation.
fn refused(request: &Recorded, segments: &[&str], candidates: &[&Operation]) -> Response {
    let asked = format!("{} {}", request.method, request.path);
    // Clients check a key with this operation, which is not in the document yet.
    if asked == "GET /v1/ping" && candidates.is_empty() {
        return Json(json!({ "data": "pong!" })).into_response();
    }
    let all = &document().operations;
    let meant = all
        .iter()
        .find(|operation| operation.method == request.method && operation.would_fit(segments));
    if let (Some(meant), []) = (meant, candidates) {
        let message = format!("There is no operation {asked}; {} has one more parameter", named(meant));
        let mut response = errors::with_code(StatusCode::METHOD_NOT_ALLOWED, &message, None);
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("")); // no method is allowed
        return response;
    }
    if candidates.is_empty() {
        let distance = |operation: &&Operation| strsim::damerau_levenshtein(&asked, &named(operation));
        let nearest = all.iter().min_by_key(distance).map(named).unwrap_or_default();
        let message = format!("There is no operation {asked}; the nearest is {nearest}");
        return errors::with_code(StatusCode::NOT_FOUND, &message, None);
    }
    // For `/v1/customers/search`, not the operations of `/v1/customers/{customer_uuid}`.
    let same_path = candidates
        .iter()
        .filter(|operation| operation.path == candidates[0].path);
    let mut methods: Vec<_> = same_path.map(|operation| operation.method.as_str()).collect();
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
        let mut path: Vec<_> = template
            .filter(|(part, _)| part.starts_with('{'))
            .map(|(_, segment)| {
                percent_encoding::percent_decode_str(segment)
                    .decode_utf8_lossy()
                    .into_owned()
            })
            .collect();

        for (parameter, value) in operation.parameters.iter().zip(&mut path) {
            uuid::fold_text(parameter.example, value);
        }

        let mut query = query::read(operation, &request.query)?;
        if shared.lenient {
            query.retain(|name, _| operation.query.iter().any(|parameter| parameter.name == name));
        }
        let mut problems = schema::check_query(operation, &query, shared.lenient);
        // A number above the maximum means the maximum.
        problems.retain(|problem| {
            problem.param != "per_page" || query["per_page"].as_u64().is_none_or(|number| number == 0)
        });
        if !problems.is_empty() {
            return Err(errors::bad_request(&problems).into());
        }
        for parameter in &operation.query {
            if let Some(value) = query.get_mut(parameter.name) {
                uuid::fold(parameter.schema, parameter.example, value);
            }
        }
        let mut body = Self::body(shared, operation, request)?;
        // A path parameter above a collection is a field of its objects: `/v1/customers/{customer_uuid}/contacts`.
        let owners = operation.parameters.iter().zip(&path);
        let owners = owners.map(|(parameter, value)| (parameter.name.to_owned(), value.clone().into()));
        match operation.action {
            Action::List => query.extend(owners),
            Action::Create => body.extend(owners),
            _ => {}
        }
        path.extend(identified(&shared.state, operation, &query));
        Ok(Self {
            state: &shared.state,
            operation,
            path,
            query,
            body,
        })
    }

    fn body(shared: &Shared, operation: &Operation, request: &Recorded) -> Result<Object, Box<Response>> {
        let lenient = shared.lenient;
        let malformed = |message: &str| Box::new(errors::with_code(StatusCode::BAD_REQUEST, message, None));
        let Some(expected) = &operation.body else {
            // The Ruby SDK sends `{}` with every request.
            return match request.body.as_slice() {
                b"" | b"{}" => Ok(Object::new()),
                _ if lenient => Ok(Object::new()),
                _ => Err(malformed("This operation has no body")),
            };
        };
        if request.body.is_empty() && !expected.required {
            return Ok(Object::new());
        }
        let mut body = match serde_json::from_slice(&exact::read(&request.body)) {
            Ok(body @ Value::Object(_)) => body,
            Ok(_) => return Err(malformed("The body must be an object")),
            Err(_) if request.body.trim_ascii().is_empty() => return Err(malformed("The body is empty")),
            Err(error) => {
                let place = format!("line {}, column {}", error.line(), error.column());
                return Err(malformed(&format!("The body is not JSON ({place})")));
            }
        };
        if lenient {
            schema::forgive(expected.schema, &mut body);
        }
        uuid::fold(expected.schema, &Value::Null, &mut body);
        let mut problems = schema::check_body(expected.schema, &body, lenient);
        // Official clients repeat path parameters in the body, and the API accepts that.
        problems.retain(|problem| {
            let name = problem
                .param
                .trim_end_matches(']')
                .rsplit('[')
                .next()
                .unwrap_or_default();
            problem.fault != schema::Fault::Unknown || !operation.path.contains(&format!("{{{name}}}"))
        });
        let nothing = body.as_object().is_some_and(Object::is_empty);
        if nothing && operation.not_modified {
            problems.clear(); // an update without a field gets 304, not an error
        }
        let resource = resources::of(operation.tag);
        if let Some(body) = body.as_object().filter(|_| problems.is_empty()) {
            problems = resource.problems(&shared.state, body);
        } else if let Some(refusal) = resource.refusal(&problems) {
            return Err(refusal.into());
        }
        match body {
            Value::Object(body) if problems.is_empty() => Ok(body),
            _ => Err(errors::unfit_body(&problems).into()),
        }
    }

    /// Handles a request that is the consequence of another one.
    pub(crate) fn follow_up(state: &'a State, operation: &str, path: Vec<String>, body: Object) {
        if let Some(operation) = document().operations.iter().find(|known| known.id == operation) {
            let call = Call {
                state,
                operation,
                path,
                query: Map::new(),
                body,
            };
            call.respond();
        }
    }

    fn respond(mut self) -> Response {
        let resource = resources::of(self.operation.tag);
        if let Some(response) = resource.respond(&self) {
            return response;
        }
        let kind = document().collections.get(self.operation.tag);
        match (self.operation.action, kind) {
            (Action::List, Some(_)) => self.page(self.operation.tag, |_| true),
            (Action::Create, Some(kind)) if self.operation.success.schema == Some(kind.schema) => {
                self.create(kind, resource)
            }
            (Action::Get, Some(kind)) => match self.store(|store| store.get(self.key())) {
                Some(object) => self.succeed(Some(object.into())),
                None => self.not_found(kind, resource),
            },
            (Action::Update, Some(kind)) => self.update(kind, resource),
            (Action::Delete, Some(kind)) => match self.store(|store| store.take(self.key())) {
                Some(object) => match resource.deleted(&self, &object) {
                    None if self.operation.no_content => StatusCode::NO_CONTENT.into_response(),
                    body => self.succeed(body),
                },
                None => self.not_found(kind, resource),
            },
            _ => self.owner_not_found().unwrap_or_else(|| self.succeed(None)),
        }
    }

    /// The error for an example below an object that does not exist: `/v1/customers/{customer_uuid}/activities`.
    fn owner_not_found(&self) -> Option<Response> {
        let (owner, below) = self.operation.path.split_once("/{")?;
        let collection = owner.rsplit('/').next()?;
        let (kind, key) = (document().collections.get(collection)?, self.path.first()?);
        let is_below = self.operation.method == "GET" && below.contains('/');
        let exists = || self.state.store(collection, |store| store.get(key).is_some());
        let own = || resources::of(collection).not_found(key);
        (is_below && !exists()).then(|| own().unwrap_or_else(|| errors::not_found(kind)))
    }

    fn not_found(&self, kind: &Kind, resource: &dyn Resource) -> Response {
        let own = resource.not_found(self.key());
        own.unwrap_or_else(|| errors::not_found(kind))
    }

    /// The last parameter in the path.
    pub(crate) fn key(&self) -> &str {
        self.path.last().map_or("", String::as_str)
    }

    /// Accesses the objects of the operation's tag.
    fn store<T>(&self, act: impl FnOnce(&mut Store) -> T) -> T {
        self.state.store(self.operation.tag, act)
    }

    /// A page of the objects of a collection that pass the filters of the query.
    pub(crate) fn page(&self, collection: &str, wanted: impl Fn(&str) -> bool) -> Response {
        let resource = resources::of(self.operation.tag);
        let filters = Filters::of(&self.query, resource, self.state);
        let wanted = |object: &str| filters.let_through(object) && wanted(object);
        self.state
            .store(collection, |store| paging::page(store, self, resource, wanted))
    }

    fn create(&mut self, kind: &'static Kind, resource: &dyn Resource) -> Response {
        let sent = resource.stored(self.state, std::mem::take(&mut self.body));
        let created = self.store(|store| {
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
            object.extend(known(kind, &sent));
            resource.fit_in(self.state, store, &mut object, &sent);
            resource.follow(self.state, None, &mut object, &sent);
            if let Some(refused) = resource.taken(store, &object) {
                return Err(Box::new(refused));
            }
            store.put(&key, object.clone());
            Ok((key, object))
        });
        match created {
            Ok((key, object)) => {
                resource.written(self.state, &key, &sent);
                self.succeed(Some(object.into()))
            }
            Err(refused) => *refused,
        }
    }

    fn update(&mut self, kind: &'static Kind, resource: &dyn Resource) -> Response {
        let sent = resource.stored(self.state, std::mem::take(&mut self.body));
        let key = self.key();
        let updated = self.store(|store| {
            let Some(before) = store.get(key) else {
                return Err(Box::new(self.not_found(kind, resource)));
            };
            let mut object = before.clone();
            let fields = known(kind, &sent);
            let is_all = fields.len() == sent.len();
            object.extend(fields);
            resource.follow(self.state, Some(&before), &mut object, &sent);
            let identity = |object: &Object| ["data_source_uuid", "external_id"].map(|name| object.get(name).cloned());
            if identity(&before) != identity(&object)
                && let Some(refused) = resource.taken(store, &object)
            {
                return Err(Box::new(refused));
            }
            if object == before && is_all && self.operation.not_modified {
                return Err(Box::new(StatusCode::NOT_MODIFIED.into_response()));
            }
            if let Some(updated) = object
                .get_mut("updated_at")
                .filter(|_| !sent.contains_key("updated_at"))
            {
                *updated = later(updated.as_str()).into();
            }
            store.put(key, object.clone());
            Ok(object)
        });
        match updated {
            Ok(object) => {
                resource.written(self.state, key, &sent);
                self.succeed(Some(object.into()))
            }
            Err(response) => *response,
        }
    }

    /// The documented success; without a body, it has the document's example.
    pub(crate) fn succeed(&self, body: Option<Value>) -> Response {
        let success = &self.operation.success;
        let status = StatusCode::from_u16(success.status).unwrap_or_default();
        if success.schema.is_none() {
            return status.into_response();
        }
        let mut body = body.unwrap_or_else(|| success.example.clone());
        if let Value::Object(object) = &mut body {
            let lacks = resources::of(self.operation.tag).lacks(self);
            object.retain(|name, _| !lacks.contains(&name.as_str()));
        }
        (status, Json(body)).into_response()
    }
}

/// The key of the object that the query identifies, empty if there is none; `None` if the path identifies it.
fn identified(state: &State, operation: &Operation, query: &Map<String, Value>) -> Option<String> {
    let kind = document().collections.get(operation.tag)?;
    let (fields, resource) = (
        &document::resolve(kind.schema)["properties"],
        resources::of(operation.tag),
    );
    let names = operation.identified_by.iter().copied();
    let (shown, hidden): (Vec<_>, Vec<_>) = names.partition(|name| fields.get(name).is_some());
    let shown = shown.into_iter().filter_map(|name| Some((name, query.get(name)?)));
    let wanted = Filters::all(shown, resource, state);
    let key = |object: &str| Some(store::read(object).get(kind.key)?.as_str()?.to_owned());
    // An unknown field of an object may match.
    let fits = |key: &String| {
        let own = resource.hidden(state, key);
        let mut pairs = hidden
            .iter()
            .filter_map(|name| Some((own.get(*name)?, query.get(*name)?)));
        pairs.all(|(own, wanted)| own == wanted)
    };
    let found = || {
        let all: Vec<_> = state.store(operation.tag, |store| {
            let all = store.all().filter(|object| wanted.let_through(object));
            all.filter_map(key).collect()
        });
        all.into_iter().find(fits)
    };
    (!operation.identified_by.is_empty()).then(|| found().unwrap_or_default())
}

/// The sent fields that responses have, with instants in UTC.
fn known(kind: &'static Kind, sent: &Object) -> Object {
    let schema = &document::resolve(kind.schema)["properties"];
    let known = sent.iter().filter(|(name, _)| *name != kind.key);
    let known = known.filter_map(|(name, value)| {
        let is_instant = document::resolve(schema.get(name)?)["format"] == "date-time";
        let instant = filter::instant(value, filter::Time::Start).filter(|_| is_instant);
        let value = instant.map_or_else(|| value.clone(), |instant| written(instant).into());
        Some((name.clone(), value))
    });
    known.collect()
}

/// An instant in the format of responses.
pub(crate) fn written(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The defaults of a new object: `null` where the document allows it, else the values of its example.
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

/// Now, but at least a millisecond after the last change, so that every change is visible.
fn later(before: Option<&str>) -> String {
    let now = Utc::now();
    let before = before.and_then(|before| DateTime::parse_from_rfc3339(before).ok());
    let next = before.map_or(now, |before| now.max(before.to_utc() + Duration::milliseconds(1)));
    written(next)
}

#[cfg(test)]
mod tests;
