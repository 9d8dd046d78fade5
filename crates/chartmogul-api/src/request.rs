//! What generated requests have in common. Not for users: it may change.
//!
//! A request is data: path arguments, query and body of one operation. What can be done with it (send it, list all pages,
//! update many objects) is written once, on these traits.

use std::future::Future;

use crate::{
    Client, Error, List, Operation, Response,
    runtime::{ResponseBody, Shape},
    types::CustomAttribute,
};

/// A request for one operation.
pub trait Request: Clone + Send + Sync + 'static {
    /// What a successful response holds.
    type Response: ResponseBody + Clone + Sync + 'static;

    /// The operation that this request is for.
    fn operation(&self) -> &'static Operation;

    /// The JSON that its response is read from.
    fn shape(&self) -> Shape {
        Self::Response::SHAPE
    }

    /// Sends the request.
    fn send<'a>(
        &'a self,
        client: &'a Client,
    ) -> impl Future<Output = Result<Response<Self::Response>, Error>> + Send + 'a;
}

/// A request for a page of a list.
pub trait ListRequest: Request<Response: Page> {
    /// Where the page begins: the cursor of the page before it, `None` for the first.
    fn cursor(&mut self) -> &mut Option<String>;
}

/// A page of a list.
pub trait Page {
    /// What is listed.
    type Entry: Send + 'static;

    /// The entries, the cursor of the next page, and whether there is a next page.
    fn into_parts(self) -> (List<Self::Entry>, Option<String>, Option<bool>);
}

/// An update of an object that can be read.
pub trait UpdateRequest: Request {
    /// The request that reads the object.
    type Read: Request<Response = Self::Response>;

    /// The operation, unless it is chosen at run time. Of two that are one method, it is the one that identifies the object by
    /// its path.
    const OPERATION: Option<&'static Operation>;

    /// Reads the object that this updates.
    fn read(&self) -> Self::Read;
}

/// An update that can replace all custom attributes of an object.
pub trait CustomAttributesRequest: UpdateRequest {
    /// The attributes that replace all, if the update has some.
    fn custom(&mut self) -> &mut Option<Vec<CustomAttribute>>;
}
