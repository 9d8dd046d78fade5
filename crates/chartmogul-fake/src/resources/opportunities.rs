use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, State},
    http::{StatusCode, Uri},
    response::{IntoResponse, Response},
    routing::get,
};
use chartmogul_api::{
    Field,
    check::Check,
    operations,
    types::{ListOpportunitiesQuery, OpportunityCreation, OpportunityUpdate},
};
use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use crate::{errors, paging, state::Shared, store::Object};

/// The opportunities that a fake holds, beside the API: a test puts them in and looks at them.
#[derive(Debug)]
pub struct Opportunities<'a> {
    shared: &'a Shared,
}

impl<'a> Opportunities<'a> {
    pub(crate) fn new(shared: &'a Shared) -> Self {
        Self { shared }
    }

    /// Adds an opportunity as the API would answer it, or replaces the one with the same `uuid` where it stands.
    ///
    /// Returns whether it could: JSON that is no object with a `uuid` can't be stored.
    pub fn add(&self, opportunity: Value) -> bool {
        match opportunity {
            Value::Object(object) => match object.get("uuid").and_then(Value::as_str).map(str::to_owned) {
                Some(uuid) => {
                    self.shared.opportunities().put(&uuid, object);
                    true
                }
                None => false,
            },
            _ => false,
        }
    }

    /// An opportunity as it is now.
    pub fn get(&self, uuid: &str) -> Option<Value> {
        self.shared.opportunities().get(uuid).map(Value::Object)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.shared.opportunities().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route(operations::LIST_OPPORTUNITIES.path, get(list).post(create))
        .route(operations::GET_OPPORTUNITY.path, get(one).patch(update).delete(delete))
}

async fn list(State(shared): State<Arc<Shared>>, uri: Uri) -> Response {
    let query: ListOpportunitiesQuery = match paging::query(&uri) {
        Ok(query) => query,
        Err(refused) => return *refused,
    };
    let filters = Filters::of(&query);
    paging::page(
        &shared.opportunities(),
        "entries",
        query.cursor.as_deref(),
        query.per_page,
        |object| filters.let_through(object),
    )
}

async fn one(State(shared): State<Arc<Shared>>, Path(uuid): Path<String>) -> Response {
    match shared.opportunities().get(&uuid) {
        Some(opportunity) => Json(opportunity).into_response(),
        None => not_found(),
    }
}

async fn create(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    let sent: OpportunityCreation = match read(&body) {
        Ok(sent) => sent,
        Err(refused) => return *refused,
    };
    let mut stored = shared.opportunities();
    let (uuid, now) = (stored.new_uuid(), later(None));
    let mut opportunity = json!({
        "uuid": uuid,
        "type": "recurring",
        "forecast_category": "pipeline",
        "win_likelihood": 10,
        "custom": {},
        "created_at": now,
        "updated_at": now,
    });
    if let Some(opportunity) = opportunity.as_object_mut() {
        opportunity.extend(members(&sent));
        stored.put(&uuid, opportunity.clone());
    }
    (StatusCode::CREATED, Json(opportunity)).into_response()
}

async fn update(State(shared): State<Arc<Shared>>, Path(uuid): Path<String>, body: Bytes) -> Response {
    let mut stored = shared.opportunities();
    let Some(mut opportunity) = stored.get(&uuid) else {
        return not_found();
    };
    let changes: OpportunityUpdate = match parse(&body) {
        Ok(changes) => changes,
        Err(refused) => return *refused,
    };
    if changes == OpportunityUpdate::default() {
        return StatusCode::NOT_MODIFIED.into_response();
    }
    if let Err(refused) = check(&changes) {
        return *refused;
    }
    opportunity.extend(members(&changes));
    let before = opportunity.get("updated_at").cloned().unwrap_or_default();
    let before: Field<DateTime<Utc>> = serde_json::from_value(before).unwrap_or_default();
    opportunity.insert("updated_at".to_owned(), later(before.into_value()).into());
    stored.put(&uuid, opportunity.clone());
    Json(opportunity).into_response()
}

async fn delete(State(shared): State<Arc<Shared>>, Path(uuid): Path<String>) -> Response {
    if shared.opportunities().remove(&uuid) {
        return Json(json!({})).into_response();
    }
    not_found()
}

fn not_found() -> Response {
    errors::with_code(StatusCode::NOT_FOUND, "Opportunity not found", Some("uuid"))
}

fn read<T: DeserializeOwned + Check>(body: &[u8]) -> Result<T, Box<Response>> {
    let sent = parse(body)?;
    check(&sent)?;
    Ok(sent)
}

/// Types are those of the document; members that it does not know have no effect.
fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Box<Response>> {
    let malformed =
        |message: &str, param: Option<&str>| Box::new(errors::with_code(StatusCode::BAD_REQUEST, message, param));
    let sent: Object = match serde_json::from_slice(body) {
        Ok(Value::Object(sent)) => sent,
        Ok(_) => return Err(malformed("The body must be an object", None)),
        Err(error) => return Err(malformed(&format!("The body is not JSON: {error}"), None)),
    };
    serde_json::from_value(Value::Object(sent)).map_err(|error| {
        let message = error.to_string();
        let missing = message
            .strip_prefix("missing field `")
            .and_then(|rest| rest.split('`').next());
        match missing {
            Some(name) => malformed(&format!("Parameter \"{name}\" is missing"), Some(name)),
            None => malformed(&message, None),
        }
    })
}

/// Limits are those of the document.
fn check(sent: &impl Check) -> Result<(), Box<Response>> {
    sent.check().map_err(|wrong| {
        let message = format!("must be {}", wrong.allowed());
        Box::new(errors::by_field(wrong.field(), "invalid", &message))
    })
}

/// The members to store: as they were sent, but `custom` as the object that answers hold.
fn members(sent: &impl Serialize) -> Object {
    let Ok(Value::Object(mut members)) = serde_json::to_value(sent) else {
        return Map::new(); // both request types are objects
    };
    if let Some(Value::Array(attributes)) = members.get_mut("custom").map(Value::take) {
        let object: Object = attributes
            .into_iter()
            .filter_map(|mut attribute| Some((attribute["key"].as_str()?.to_owned(), attribute["value"].take())))
            .collect();
        members.insert("custom".to_owned(), Value::Object(object));
    }
    members
}

/// Now, but at least a millisecond after the last change, so that every change can be seen.
fn later(before: Option<DateTime<Utc>>) -> String {
    let now = Utc::now();
    let next = before.map_or(now, |before| now.max(before + chrono::Duration::milliseconds(1)));
    next.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The filters of a list: an opportunity must pass them all.
struct Filters<'a> {
    texts: [Option<&'a str>; 4],
    on_or_after: Option<NaiveDate>,
    on_or_before: Option<NaiveDate>,
}

/// What the filters look at, read as an answer is: a day in any form, and what is odd fits no filter for it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Filtered {
    customer_uuid: Field<String>,
    owner: Field<String>,
    pipeline: Field<String>,
    pipeline_stage: Field<String>,
    estimated_close_date: Field<NaiveDate>,
}
impl<'a> Filters<'a> {
    fn of(query: &'a ListOpportunitiesQuery) -> Self {
        Self {
            texts: [
                query.customer_uuid.as_deref(),
                query.owner.as_deref(),
                query.pipeline.as_deref(),
                query.pipeline_stage.as_deref(),
            ],
            on_or_after: query.estimated_close_date_on_or_after,
            on_or_before: query.estimated_close_date_on_or_before,
        }
    }

    fn let_through(&self, opportunity: &str) -> bool {
        let none = self.texts == [None; 4] && self.on_or_after.is_none() && self.on_or_before.is_none();
        if none {
            return true; // without reading it
        }
        let Ok(read) = serde_json::from_str::<Filtered>(opportunity) else {
            return false;
        };
        let texts = [read.customer_uuid, read.owner, read.pipeline, read.pipeline_stage];
        let day = read.estimated_close_date.get();
        self.texts
            .iter()
            .zip(&texts)
            .all(|(wanted, text)| wanted.is_none_or(|wanted| *text == wanted))
            && self
                .on_or_after
                .is_none_or(|first| day.is_some_and(|day| *day >= first))
            && self.on_or_before.is_none_or(|last| day.is_some_and(|day| *day <= last))
    }
}
