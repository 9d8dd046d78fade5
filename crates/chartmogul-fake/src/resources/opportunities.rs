use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::patch,
};
use chartmogul_api::{check::Check as _, operations, types::OpportunityUpdate};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value};

use crate::{
    errors,
    state::{Object, Shared},
};

/// The opportunities that a fake holds, beside the API: a test puts them in and looks at them.
#[derive(Debug)]
pub struct Opportunities<'a> {
    shared: &'a Shared,
}

impl<'a> Opportunities<'a> {
    pub(crate) fn new(shared: &'a Shared) -> Self {
        Self { shared }
    }

    /// Adds an opportunity as the API would answer it, or replaces the one with the same `uuid`.
    ///
    /// Returns whether it could: JSON that is no object with a `uuid` can't be stored.
    pub fn add(&self, opportunity: Value) -> bool {
        match opportunity {
            Value::Object(object) => match object.get("uuid").and_then(Value::as_str).map(str::to_owned) {
                Some(uuid) => {
                    self.shared.opportunities().insert(uuid, object);
                    true
                }
                None => false,
            },
            _ => false,
        }
    }

    /// An opportunity as it is now.
    pub fn get(&self, uuid: &str) -> Option<Value> {
        self.shared.opportunities().get(uuid).cloned().map(Value::Object)
    }
}

pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new().route(operations::UPDATE_OPPORTUNITY.path, patch(update))
}

async fn update(State(shared): State<Arc<Shared>>, Path(uuid): Path<String>, body: Bytes) -> Response {
    let mut stored = shared.opportunities();
    let Some(opportunity) = stored.get_mut(&uuid) else {
        return errors::with_code(StatusCode::NOT_FOUND, "Opportunity not found", Some("uuid"));
    };
    let changes = match read(&body) {
        Ok(changes) => changes,
        Err(refused) => return *refused,
    };
    if changes.is_empty() {
        return StatusCode::NOT_MODIFIED.into_response();
    }
    opportunity.extend(changes);
    let before = opportunity
        .get("updated_at")
        .and_then(Value::as_str)
        .and_then(|text| text.parse().ok());
    opportunity.insert("updated_at".to_owned(), later(before).into());
    Json(&*opportunity).into_response()
}

/// The members to store: as they were sent, but `custom` as the object that answers hold.
fn read(body: &[u8]) -> Result<Object, Box<Response>> {
    let malformed = |message: &str| Box::new(errors::with_code(StatusCode::BAD_REQUEST, message, None));
    let sent: Object = match serde_json::from_slice(body) {
        Ok(Value::Object(sent)) => sent,
        Ok(_) => return Err(malformed("The body must be an object")),
        Err(error) => return Err(malformed(&format!("The body is not JSON: {error}"))),
    };
    // Types and limits are those of the document; members that it does not know have no effect.
    let update: OpportunityUpdate =
        serde_json::from_value(Value::Object(sent)).map_err(|error| malformed(&error.to_string()))?;
    if update == OpportunityUpdate::default() {
        return Ok(Map::new()); // the API answers 304
    }
    update.check().map_err(|wrong| {
        let message = format!("must be {}", wrong.allowed());
        Box::new(errors::by_field(wrong.field(), "invalid", &message))
    })?;
    let Ok(Value::Object(mut changes)) = serde_json::to_value(&update) else {
        return Err(malformed("The body can't be stored"));
    };
    if let Some(custom) = update.custom {
        let object: Object = custom
            .into_iter()
            .map(|attribute| (attribute.key, serde_json::to_value(attribute.value).unwrap_or_default()))
            .collect();
        changes.insert("custom".to_owned(), Value::Object(object));
    }
    Ok(changes)
}

/// Now, but at least a millisecond after the last change, so that every change can be seen.
fn later(before: Option<DateTime<Utc>>) -> String {
    let now = Utc::now();
    let next = before.map_or(now, |before| now.max(before + chrono::Duration::milliseconds(1)));
    next.to_rfc3339_opts(SecondsFormat::Millis, true)
}
