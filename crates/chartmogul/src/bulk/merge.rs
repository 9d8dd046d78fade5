//! Updates that change single custom attributes, in bulk.

use std::{sync::Arc, time::Duration};

use chartmogul_api::{Bounds, Error};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::{
    Sealed, Update,
    changes::{MERGED, preview},
};
use crate::merge::{CustomAttributesPatch, Mergeable, Merged};

impl<U> Sealed for CustomAttributesPatch<U> {}

/// What a journal has, and compares, is the change that is asked for, not what has come of merging it.
impl<U, T> Update for CustomAttributesPatch<U>
where
    U: Update<Object = T> + Mergeable<Object = T>,
    T: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    type Object = T;

    const OPERATION: &'static str = <U as Update>::OPERATION;

    const REPLACED: &'static [&'static str] = U::REPLACED;

    fn account(&self) -> String {
        self.update.account()
    }

    fn id(&self) -> String {
        self.update.id()
    }

    fn body(&self) -> serde_json::Result<Value> {
        if let Some(update) = self.as_plain() {
            return update.body();
        }
        let mut body = self.update.body()?;
        let changes = self
            .changes
            .iter()
            .map(|(key, value)| Ok((key.clone(), serde_json::to_value(value)?)))
            .collect::<serde_json::Result<Map<_, _>>>()?;
        if let Some(body) = body.as_object_mut() {
            body.insert(MERGED.to_owned(), changes.into());
        }
        Ok(body)
    }

    fn check(&self) -> Result<(), Error> {
        self.check_named()
    }

    fn within(self, call_timeout: Option<Duration>, bounds: &Arc<Bounds>) -> Self {
        Self {
            update: self.update.within(call_timeout, bounds),
            ..self
        }
    }

    async fn read(&self) -> Result<T, Error> {
        self.update.read().await
    }

    async fn send(self) -> Result<T, Error> {
        Self::send(self).await
    }

    fn reads_first(&self) -> bool {
        self.as_plain().is_none()
    }

    async fn make(self, skip_unchanged: bool, again: bool) -> Result<(T, bool), Error> {
        let body = self.update.body();
        let unchanged = |object: &T| match (&body, serde_json::to_value(object)) {
            (Ok(body), Ok(object)) => skip_unchanged && preview(body, &object, U::REPLACED).changes.is_empty(),
            _ => false,
        };
        let (object, merged) = self.call(&unchanged).await?;
        let written = match merged {
            Merged::Written => true,
            Merged::InPlace => again,
            Merged::Unmodified => false,
        };
        Ok((object, written))
    }
}
