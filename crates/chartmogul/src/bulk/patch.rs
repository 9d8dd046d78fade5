//! Updates that change single custom attributes, in bulk.

use std::{sync::Arc, time::Duration};

use chartmogul_api::{Bounds, Error, Operation, request::CustomAttributesRequest};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Map;

use super::{
    Update,
    changes::{MERGED, preview},
    journal::RequestRecord,
    update::{Sealed, UpdateCall},
};
use crate::{CustomAttributesPatch, custom::Patched};

impl<R> Sealed for CustomAttributesPatch<R> {}

impl<R: CustomAttributesRequest<Response: Serialize + DeserializeOwned>> Update for CustomAttributesPatch<R> {
    type Object = R::Response;

    type Call = Self;

    fn check(&self) -> Result<(), Error> {
        Self::check(self)
    }

    fn into_call(self) -> Self {
        self
    }
}

/// A journal records and compares the requested change, not the result of merging it.
impl<R: CustomAttributesRequest<Response: Serialize + DeserializeOwned>> UpdateCall for CustomAttributesPatch<R> {
    type Object = R::Response;

    const OPERATION: Option<&'static Operation> = R::OPERATION;

    fn operation(&self) -> &'static Operation {
        self.call.request.operation()
    }

    fn request(&self) -> Result<RequestRecord, Error> {
        if let Some(call) = self.as_plain()? {
            return call.request();
        }
        let mut request = self.call.request()?;
        let error = |source: serde_json::Error| Error::internal("a value is not JSON", Some(source.into()));
        let changes = self
            .changes
            .iter()
            .map(|(key, value)| Ok((key.clone(), serde_json::to_value(value)?)))
            .collect::<serde_json::Result<Map<_, _>>>()
            .map_err(error)?;
        if request.body.is_null() {
            request.body = Map::new().into();
        }
        if let Some(body) = request.body.as_object_mut() {
            body.insert(MERGED.to_owned(), changes.into());
        }
        Ok(request)
    }

    fn check(&self) -> Result<(), Error> {
        Self::check(self)
    }

    fn within(mut self, call_timeout: Option<Duration>, bounds: &Arc<Bounds>) -> Self {
        self.call = self.call.within(call_timeout, bounds);
        self
    }

    async fn read(&self) -> Result<R::Response, Error> {
        self.call.read().await
    }

    fn reads_first(&self) -> bool {
        matches!(self.as_plain(), Ok(None))
    }

    async fn make(self, skip_unchanged: bool, again: bool) -> Result<(R::Response, bool), Error> {
        let (body, operation) = (self.call.request().map(|request| request.body), self.operation());
        let unchanged = |object: &R::Response| match (&body, serde_json::to_value(object)) {
            (Ok(body), Ok(object)) => skip_unchanged && preview(body, &object, operation).changes.is_empty(),
            _ => false,
        };
        let (object, patched) = self.apply(&unchanged).await?;
        let written = match patched {
            Patched::Written => true,
            Patched::InPlace => again,
            Patched::NotModified => false,
        };
        Ok((object, written))
    }
}
