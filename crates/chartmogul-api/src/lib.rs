#![doc = include_str!("../README.md")]

mod client;
#[cfg(feature = "dynamic")]
mod dynamic;
mod error;
mod operation;
#[doc(hidden)]
pub mod request;
#[doc(hidden)]
pub mod runtime;
mod transport;
#[doc(hidden)]
pub mod validate;
mod value;

// Exceptions for generated code live on this one item and nowhere else.
#[rustfmt::skip] // formatted by prettyplease, which does not depend on the installed rustfmt
#[allow(clippy::all, clippy::pedantic, deprecated)]
mod generated;

#[doc(hidden)]
pub use chrono; // for generated code of `chartmogul`
pub use client::{
    Client, ClientBuilder, DEFAULT_ATTEMPT_TIMEOUT, DEFAULT_CALL_TIMEOUT, DEFAULT_CONNECT_TIMEOUT, DEFAULT_MAX_BODY,
    Request, Response,
};
#[cfg(feature = "dynamic")]
#[doc(hidden)]
pub use dynamic::JsonUpdate;
pub use error::{
    Attempt, BoxError, Error, ErrorResponse, Failure, History, InvalidInput, Problem, StopReason, TimeoutKind,
};
#[doc(hidden)]
pub use generated::requests;
pub use generated::{operations, types};
#[cfg(feature = "schemars")]
#[doc(hidden)]
pub use generated::{query_schemas, schemas};
pub use http::{Method, StatusCode};
pub use operation::{Body, FieldSchema, Object, Operation, Parameter, Pattern, Resource, Schema, Text};
#[doc(hidden)]
pub use transport::{Bounds, FromRead, connections::check_runtime};
pub use transport::{
    connections::IDLE_TIMEOUT,
    limit::{DEFAULT_MAX_IN_FLIGHT, DEFAULT_RATE_LIMIT, Limiter, LimiterFuture, Permit, RateLimiter, Unlimited},
    observe::{AttemptEvent, CallEvent, Observer, Waited},
    retry::Retry,
};
pub use value::{CustomAttributeError, CustomAttributeValue, CustomAttributes, Date, Field, List, Timestamp, Verbatim};
#[doc(hidden)]
pub use value::{FieldValue, exact_custom, json_from_slice};
use value::{object::object, open_enum::open_enum};
