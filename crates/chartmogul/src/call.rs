//! What every builder does, written once.

use std::{future::Future, time::Duration};

use chartmogul_api::{
    Error,
    request::{ListRequest, Page, Request, UpdateRequest},
    runtime::{self, Check},
};

#[cfg(feature = "blocking")]
use crate::blocking::Blocking;
use crate::{Async, Client, Items, Outcome};

/// A request, and the client that sends it. A builder is a newtype of this, so that its page in the docs shows its own
/// setters and verbs and no others.
#[derive(Debug, Clone)]
#[allow(unreachable_pub)] // it is reachable, hidden, with the feature `bulk`
pub struct Call<R, M = Async> {
    pub(crate) client: Client<M>,
    pub(crate) request: R,
}

impl<R, M: Clone> Call<R, M> {
    pub(crate) fn new(client: &Client<M>, request: R) -> Self {
        Self {
            client: client.clone(),
            request,
        }
    }
}

impl<R, M> Call<R, M> {
    pub(crate) fn with_call_timeout(mut self, limit: Duration) -> Self {
        self.client.low_level = self.client.low_level.with_call_timeout(limit);
        self
    }
}

impl<R: Request> Call<R> {
    // The types say `Send`, so that the compiler proves it here, and not for each builder.
    pub(crate) fn send(self) -> impl Future<Output = Result<R::Response, Error>> + Send {
        runtime::send(self.request, self.client.low_level)
    }

    #[allow(clippy::manual_async_fn)]
    pub(crate) fn outcome(self) -> impl Future<Output = Result<Outcome<R::Response>, Error>> + Send {
        async move { Outcome::of(self.send().await) }
    }

    /// Checks the whole request, as `send` does before it sends anything.
    pub(crate) fn check(&self) -> Result<(), Error> {
        runtime::prepare(&self.request, &self.client.low_level, Check::Yes).map(drop)
    }
}

impl<R: UpdateRequest> Call<R> {
    /// Reads the object that this updates.
    pub(crate) async fn read(&self) -> Result<R::Response, Error> {
        let response = self.request.read().send(&self.client.low_level).await?;
        Ok(response.into_value())
    }
}

#[cfg(feature = "blocking")]
impl<R: Request> Call<R, Blocking> {
    pub(crate) fn send(self) -> Result<R::Response, Error> {
        let (call, mode) = self.into_async();
        mode.wait(call.send())
    }

    pub(crate) fn outcome(self) -> Result<Outcome<R::Response>, Error> {
        Outcome::of(self.send())
    }

    /// The same call for the background thread, and the mode that waits for it.
    pub(crate) fn into_async(self) -> (Call<R>, Blocking) {
        let client = Client {
            low_level: self.client.low_level,
            mode: Async,
        };
        let call = Call {
            client,
            request: self.request,
        };
        (call, self.client.mode)
    }
}

impl<R: ListRequest, M> Call<R, M> {
    pub(crate) fn items(self) -> Items<<R::Response as Page>::Entry, M> {
        Items::new(self)
    }
}

/// Makes a builder: a newtype of [`Call`] for the request of the same name, with the verbs that are listed.
///
/// The verbs are those which the request's traits provide: `send` ([`Request`]), `items` ([`ListRequest`]), `outcome`
/// (`UpdateRequest`; it also lets the builder take part in a bulk run) and `merge_custom` (`CustomAttributesRequest`).
///
/// Functions that are not generic are `#[inline]`: no code is generated for those that a program does not call.
macro_rules! builder {
    ($(#[$attribute:meta])* $Builder:ident -> $Response:ty: $($verb:ident $(($Entry:ty))?),+) => {
        $(#[$attribute])*
        #[derive(Debug, Clone)]
        #[must_use = "nothing is sent until `send`"]
        pub struct $Builder<M = $crate::Async>($crate::call::Call<::chartmogul_api::requests::$Builder, M>);

        impl<M> $Builder<M> {
            /// Time limit for this call, in place of the client's; see
            /// [`call_timeout`](crate::ClientBuilder::call_timeout).
            pub fn with_call_timeout(self, limit: ::std::time::Duration) -> Self {
                Self(self.0.with_call_timeout(limit))
            }
        }

        $($crate::builder!(@$verb $Builder -> $Response $(, $Entry)?);)+
    };

    (@send $Builder:ident -> $Response:ty) => {
        impl $Builder {
            /// Sends the request.
            ///
            /// # Errors
            /// [`InvalidInput`](crate::Error::InvalidInput) if a value is invalid, before anything is sent; otherwise
            /// what the server or the network reports, see [`Error`](crate::Error).
            #[inline]
            pub fn send(self) -> impl ::std::future::Future<Output = Result<$Response, $crate::Error>> + Send {
                self.0.send()
            }
        }

        #[cfg(feature = "blocking")]
        impl $Builder<$crate::blocking::Blocking> {
            /// Sends the request and waits for the response.
            ///
            /// # Errors
            /// [`InvalidInput`](crate::Error::InvalidInput) if a value is invalid, before anything is sent; otherwise
            /// what the server or the network reports, see [`Error`](crate::Error).
            #[inline]
            pub fn send(self) -> Result<$Response, $crate::Error> {
                self.0.send()
            }
        }
    };

    (@items $Builder:ident -> $Response:ty, $Entry:ty) => {
        impl<M> $Builder<M> {
            /// All entries of all pages, as a stream; with a blocking client, as an iterator. Nothing is sent until the
            /// first entry is requested.
            pub fn items(self) -> $crate::Items<$Entry, M> {
                self.0.items()
            }
        }
    };

    (@outcome $Builder:ident -> $Response:ty) => {
        impl $Builder {
            /// Sends the request. If the server finds nothing to change, this returns
            /// [`Outcome::NotModified`](crate::Outcome::NotModified) instead of
            /// [`Error::NotModified`](crate::Error::NotModified).
            ///
            /// # Errors
            /// All other errors of [`send`](Self::send).
            #[inline]
            pub fn outcome(
                self,
            ) -> impl ::std::future::Future<Output = Result<$crate::Outcome<$Response>, $crate::Error>> + Send {
                self.0.outcome()
            }
        }

        #[cfg(feature = "blocking")]
        impl $Builder<$crate::blocking::Blocking> {
            /// Sends the request. If the server finds nothing to change, this returns
            /// [`Outcome::NotModified`](crate::Outcome::NotModified) instead of
            /// [`Error::NotModified`](crate::Error::NotModified).
            ///
            /// # Errors
            /// All other errors of [`send`](Self::send).
            #[inline]
            pub fn outcome(self) -> Result<$crate::Outcome<$Response>, $crate::Error> {
                self.0.outcome()
            }
        }

        #[cfg(feature = "bulk")]
        impl $crate::bulk::update::Sealed for $Builder {}

        #[cfg(feature = "bulk")]
        impl $crate::bulk::Update for $Builder {
            type Object = $Response;
            type Call = $crate::call::Call<::chartmogul_api::requests::$Builder>;

            #[inline]
            fn check(&self) -> Result<(), $crate::Error> {
                self.0.check()
            }

            #[inline]
            fn into_call(self) -> Self::Call {
                self.0
            }
        }
    };

    (@merge_custom $Builder:ident -> $Response:ty) => {
        impl<M> $Builder<M> {
            /// Changes or removes single custom attributes and keeps the others, by reading them first. What is set on
            /// this builder is sent with them. See [`CustomAttributesPatch`](crate::CustomAttributesPatch) for what is
            /// guaranteed.
            pub fn merge_custom(self) -> $crate::CustomAttributesPatch<::chartmogul_api::requests::$Builder, M> {
                $crate::CustomAttributesPatch::new(self.0)
            }
        }
    };
}

pub(crate) use builder;

#[cfg(test)]
#[allow(clippy::unwrap_used)] // tests
mod tests {
    use chartmogul_fake::Fake;

    use crate::Client;

    const UUID: &str = "4ee13ca4-e7fe-41ee-9a7f-f303abf41acc";

    fn start() -> (Fake, Client) {
        let fake = Fake::start().unwrap();
        fake.collection("opportunities").insert_sample(UUID).unwrap();
        let client = Client::builder().api_key(fake.api_key()).base_url(fake.url());
        (fake, client.build().unwrap())
    }

    #[tokio::test]
    async fn every_value_is_checked_before_anything_is_sent() {
        let (fake, client) = start();
        let opportunities = client.opportunities();
        let errors = [
            opportunities.get("..").send().await.unwrap_err(),
            opportunities.update(UUID).send().await.unwrap_err(),
            opportunities
                .update(UUID)
                .estimated_close_date("31.1.2026")
                .outcome()
                .await
                .unwrap_err(),
            opportunities
                .update(UUID)
                .win_likelihood(101)
                .merge_custom()
                .set("a", 1)
                .send()
                .await
                .unwrap_err(),
            opportunities.list().per_page(0).items().try_next().await.unwrap_err(),
        ];
        for error in errors {
            assert!(matches!(error, crate::Error::InvalidInput(_)), "{error:?}");
        }
        assert!(fake.requests().is_empty());
    }

    #[tokio::test]
    async fn the_future_of_a_call_can_be_moved_to_another_thread() {
        let (_fake, client) = start();
        let opportunities = client.opportunities();
        let read = tokio::spawn(opportunities.get(UUID).send()).await.unwrap().unwrap();
        let updated = opportunities.update(UUID).amount_in_cents(1).outcome();
        let updated = tokio::spawn(updated).await.unwrap().unwrap().updated().unwrap();
        assert_eq!((read.uuid, updated.amount_in_cents), (updated.uuid, 1.into()));
    }

    #[tokio::test]
    async fn the_scope_of_a_customer_limits_lists_and_nothing_else() {
        let (fake, client) = start();
        let of_customer = client.customer("cus_1").opportunities();
        of_customer.list().send().await.unwrap();
        of_customer.list().customer_uuid("cus_2").send().await.unwrap();
        of_customer.get(UUID).send().await.unwrap();
        client.opportunities().list().send().await.unwrap();
        let sent = fake.requests();
        let sent: Vec<_> = sent.iter().map(|request| request.query.as_str()).collect();
        assert_eq!(sent, ["customer_uuid=cus_1", "customer_uuid=cus_2", "", ""]);
    }
}
