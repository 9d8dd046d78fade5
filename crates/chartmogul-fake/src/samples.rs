//! Made-up objects to begin with.

use serde_json::{Value, json};

/// An opportunity in its first stage, with one custom attribute.
pub fn opportunity(uuid: &str) -> Value {
    json!({
        "uuid": uuid,
        "customer_uuid": "cus_8f1d6a52-3b0e-4c55-9d7a-2e6c1b90a4f3",
        "owner": "sales@example.com",
        "pipeline": "New Business",
        "pipeline_stage": "Discovery",
        "estimated_close_date": "2026-03-31",
        "currency": "USD",
        "amount_in_cents": 12000,
        "type": "recurring",
        "forecast_category": "best_case",
        "win_likelihood": 40,
        "custom": { "seats": 3, "from_campaign": true },
        "created_at": "2026-01-10T09:00:00.000Z",
        "updated_at": "2026-01-10T09:00:00.000Z",
    })
}
