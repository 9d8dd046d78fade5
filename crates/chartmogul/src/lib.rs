#![doc = include_str!("../README.md")]

#[cfg(feature = "blocking")]
pub mod blocking;
#[cfg(feature = "bulk")]
pub mod bulk;
mod client;
mod convert;
mod custom;
mod merge;
mod outcome;
mod paging;
pub mod resources;

// Exceptions for generated code live on this one item and nowhere else.
#[rustfmt::skip] // formatted by prettyplease, which does not depend on the installed rustfmt
#[allow(clippy::all, clippy::pedantic)]
mod generated;

pub use chartmogul_api;
pub use chartmogul_api::{
    Attempt, AttemptEvent, BoxError, CallEvent, ConnectLayer, CustomAttributeError, CustomAttributeValue,
    CustomAttributes, DEFAULT_ATTEMPT_TIMEOUT, DEFAULT_CALL_TIMEOUT, DEFAULT_CONNECT_TIMEOUT, DEFAULT_MAX_BODY,
    DEFAULT_MAX_IN_FLIGHT, DEFAULT_RATE_LIMIT, Error, ErrorResponse, Failure, Field, History, IDLE_TIMEOUT,
    InvalidInput, Limiter, LimiterFuture, List, Method, Observer, Operation, Permit, Problem, RateLimiter, Retry,
    StatusCode, StopReason, TimeoutKind, Unlimited, Verbatim, Waited, operations, types::*,
};
pub use client::{Async, Client, ClientBuilder};
pub use convert::IntoDate;
pub use custom::CustomAttributeList;
pub use merge::CustomAttributesPatch;
pub use outcome::Outcome;
pub use paging::{Items, MAX_EMPTY_PAGES};
