use serde_json::{Value, json};

use super::{Resource, custom_attributes};
use crate::{
    handle::Call,
    state::State,
    store::{Object, exact_key},
};

pub(super) struct Opportunities;

impl Resource for Opportunities {
    fn stored(&self, _state: &State, mut sent: Object) -> Object {
        custom_attributes::as_object(&mut sent);
        sent
    }

    fn complete(&self, new: &mut Object, _sent: &Object) {
        new.insert("type".to_owned(), json!("recurring"));
        new.insert("custom".to_owned(), json!({}));
    }

    /// Recorded: an object without fields.
    fn deleted(&self, _call: &Call<'_>, _object: &Object) -> Option<Value> {
        Some(json!({}))
    }

    /// Omitted fields get the defaults of the stage, in a new opportunity and in one that moves to another stage.
    fn follow(&self, state: &State, before: Option<&Object>, object: &mut Object, sent: &Object) {
        let place = |object: &Object| ["pipeline", "pipeline_stage"].map(|name| object.get(name).cloned());
        let place_now = place(object);
        if before.is_some_and(|before| place(before) == place_now) {
            return;
        }
        for (name, value) in state.stage(&place_now) {
            if !sent.contains_key(&name) {
                object.insert(name, value);
            }
        }
    }
}

/// A stage of a sales pipeline, with the defaults of opportunities in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stage<'a> {
    /// Name of the pipeline.
    pub pipeline: &'a str,
    /// Name of the stage.
    pub name: &'a str,
    /// The forecast category.
    pub forecast_category: &'a str,
    /// The likelihood of winning, in percent.
    pub win_likelihood: u8,
}

/// The stages of every account. Only the defaults of the last two are certain.
const NEW_BUSINESS: [(&str, &str, u8); 6] = [
    ("Discovery", "pipeline", 10),
    ("Evaluation", "pipeline", 30),
    ("Negotiation", "best_case", 60),
    ("Verbal Commit", "committed", 90),
    ("Closed Won", "won", 100),
    ("Closed Lost", "lost", 0),
];

/// The store of the stages that a test has set.
const STAGES: &str = "opportunities/stages";

impl State {
    /// Adds a stage to a pipeline of opportunities, or replaces it.
    pub fn set_stage(&self, stage: Stage<'_>) {
        let key = exact_key(&json!([stage.pipeline, stage.name]).to_string());
        self.store(STAGES, |store| store.put(&key, stage.defaults()));
    }

    /// The defaults of a stage; an unknown stage has those of the first.
    fn stage(&self, place: &[Option<Value>; 2]) -> Object {
        let set = self.store(STAGES, |store| store.get(&exact_key(&json!(place).to_string())));
        set.unwrap_or_else(|| {
            let [_, stage] = place;
            let name = stage.as_ref().and_then(Value::as_str).unwrap_or_default();
            let known = NEW_BUSINESS.iter().find(|(known, ..)| *known == name);
            let (_, forecast_category, win_likelihood) = *known.unwrap_or(&NEW_BUSINESS[0]);
            let stage = Stage {
                pipeline: "",
                name,
                forecast_category,
                win_likelihood,
            };
            stage.defaults()
        })
    }
}

impl Stage<'_> {
    fn defaults(&self) -> Object {
        let category = ("forecast_category".to_owned(), json!(self.forecast_category));
        let likelihood = ("win_likelihood".to_owned(), json!(self.win_likelihood));
        Object::from_iter([category, likelihood])
    }
}
