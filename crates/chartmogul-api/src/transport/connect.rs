//! When the connection of a request stands.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::Arc,
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
        Connect(Arc::new(connector))
    }
}

/// What [`ConnectLayer`] makes of a connector.
///
/// Each request has a copy of its own, which is cheap; most of them never connect.
#[derive(Debug)]
pub struct Connect<S>(Arc<S>);

impl<S> Clone for Connect<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S, R> Service<R> for Connect<S>
where
    S: Service<R, Error = BoxError> + Clone + Send + 'static,
    S::Future: Send,
    R: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = LimiterFuture<'static, S::Response>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(())) // the copy that connects is asked
    }

    fn call(&mut self, target: R) -> Self::Future {
        let mut request = Connecting::begin();
        let mut connector = S::clone(&self.0);
        Box::pin(async move {
            let mut connection = pin!(async {
                poll_fn(|context| connector.poll_ready(context)).await?;
                connector.call(target).await
            });
            let connection = poll_fn(|context| {
                // A request that gets another connection meanwhile leaves this one to a task of its own.
                request.take_if(|request| request.has_left());
                connection.as_mut().poll(context)
            })
            .await?;
            request.into_iter().for_each(Connecting::stands);
            Ok(connection)
        })
    }
}
