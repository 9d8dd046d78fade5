//! When the connection of a request stands.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::{Context, Poll},
};

use tower_layer::Layer;
use tower_service::Service;

use super::limit::{Connecting, LimiterFuture};
use crate::BoxError;

/// Tells the [`RateLimiter`](crate::RateLimiter) when the connection of a request stands, for a `reqwest::Client` of your
/// own.
///
/// A request whose connection is still being made arrives at the server later than it was let through, by any time. The
/// limiter counts it where it arrives, if it is told. A client that the
/// [builder](crate::ClientBuilder) makes has this layer; add it to one of
/// [your own](crate::ClientBuilder::http_client), or more than the allowed requests may arrive within a second while
/// connections are made:
///
/// ```
/// use chartmogul_api::{Client, ConnectLayer};
///
/// let http = reqwest::Client::builder()
///     .redirect(reqwest::redirect::Policy::none())
///     .connector_layer(ConnectLayer::default())
///     .build()?;
/// let client: Client = Client::builder().api_key("your-api-key").http_client(http).build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct ConnectLayer(());

impl<S> Layer<S> for ConnectLayer {
    type Service = Connect<S>;

    fn layer(&self, connector: S) -> Connect<S> {
        Connect(connector)
    }
}

/// What [`ConnectLayer`] makes of a connector.
#[derive(Debug, Clone)]
pub struct Connect<S>(S);

impl<S, R> Service<R> for Connect<S>
where
    S: Service<R, Error = BoxError>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = LimiterFuture<'static, S::Response>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, target: R) -> Self::Future {
        let mut request = Connecting::begin();
        let connection = self.0.call(target);
        Box::pin(async move {
            let mut connection = pin!(connection);
            poll_fn(|context| {
                // A request that gets another connection meanwhile leaves this one to a task of its own.
                request.take_if(|request| request.has_left());
                connection.as_mut().poll(context)
            })
            .await
        })
    }
}
