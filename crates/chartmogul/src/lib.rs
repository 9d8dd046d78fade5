#![doc = include_str!("../README.md")]

#[cfg(feature = "blocking")]
pub mod blocking;
#[cfg(feature = "bulk")]
pub mod bulk;
mod call;
mod client;
mod custom;
mod outcome;
mod pages;
mod resources;

// Lint and format exceptions for generated code are on this item and nowhere else.
#[rustfmt::skip] // macros, which the formatter leaves alone
#[allow(clippy::all, clippy::pedantic, deprecated)]
mod generated;

pub use chartmogul_api;
#[doc(inline)]
pub use chartmogul_api::{
    Attempt, AttemptEvent, BoxError, CallEvent, CustomAttributeError, CustomAttributeValue, CustomAttributes,
    DEFAULT_ATTEMPT_TIMEOUT, DEFAULT_CALL_TIMEOUT, DEFAULT_CONNECT_TIMEOUT, DEFAULT_MAX_BODY, DEFAULT_MAX_IN_FLIGHT,
    DEFAULT_RATE_LIMIT, Date, Error, ErrorResponse, Failure, Field, History, IDLE_TIMEOUT, InvalidInput, Limiter,
    LimiterFuture, List, Observer, Operation, Permit, Problem, RateLimiter, Retry, StopReason, TimeoutKind, Timestamp,
    Unlimited, Verbatim, Waited, operations,
};
pub use chartmogul_api::{Method, StatusCode};

pub(crate) use self::call::builder;
pub use self::{
    client::{Async, Client, ClientBuilder},
    custom::{CustomAttributeList, CustomAttributesPatch},
    generated::*,
    outcome::Outcome,
    pages::{Items, MAX_EMPTY_PAGES},
    resources::customers::CustomerScope,
};
