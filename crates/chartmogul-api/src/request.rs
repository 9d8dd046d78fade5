//! What generated requests have in common. Not for users: it may change.
//!
//! A request is data: path arguments, query and body of one operation. What can be done with it (send it, list all pages,
//! update many objects) is written once, on these traits.

use std::future::Future;

use http::StatusCode;

use crate::{
    Client, Error, History, List, Operation, Response,
    runtime::{ResponseBody, Shape},
    transport::Route,
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

/// Reads one object: by its path, or as the only entry of a list where the API has no other way.
#[derive(Debug, Clone)]
pub enum ReadOne<G, L> {
    /// The request for the object.
    Get(G),
    /// The request for a list of nothing but the object. An empty list is a 404.
    List(L),
}

impl<G, L> Request for ReadOne<G, L>
where
    G: Request,
    L: Request<Response: Page<Entry = G::Response>>,
{
    type Response = G::Response;

    fn operation(&self) -> &'static Operation {
        match self {
            Self::Get(get) => get.operation(),
            Self::List(list) => list.operation(),
        }
    }

    async fn send<'a>(&'a self, client: &'a Client) -> Result<Response<G::Response>, Error> {
        match self {
            Self::Get(get) => get.send(client).await,
            Self::List(list) => only(client, list.operation(), list.send(client).await?),
        }
    }
}

/// The only entry of a list.
fn only<P: Page>(
    client: &Client,
    list: &'static Operation,
    response: Response<P>,
) -> Result<Response<P::Entry>, Error> {
    let Response { value, raw, attempts } = response;
    let (entries, ..) = value.into_parts();
    let is_empty = entries.is_empty() && entries.unexpected().is_empty();
    let mut entries = entries.into_iter();
    if let (Some(entry), None) = (entries.next(), entries.next()) {
        let value = Box::new(entry);
        return Ok(Response { value, raw, attempts });
    }
    let route = Route::Operation(list);
    let mut response = Box::new(client.shared.error_response(&route, *raw, History::default()));
    if is_empty {
        response.status = StatusCode::NOT_FOUND;
        response.message = Some("the list has no object with this identifier".to_owned());
        return Err(Error::NotFound(response));
    }
    let source = "expected a list with exactly one object".into();
    Err(Error::Unreadable { response, source })
}

/// An update that can replace all custom attributes of an object.
pub trait CustomAttributesRequest: UpdateRequest {
    /// The attributes that replace all, if the update has some.
    fn custom(&mut self) -> &mut Option<Vec<CustomAttribute>>;
}
