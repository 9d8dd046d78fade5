#![doc = include_str!("../README.md")]

pub mod check;
mod client;
mod custom;
mod custom_exact;
mod custom_read;
mod error;
mod error_body;
mod field;
mod history;
mod json;
mod list;
mod open_enum;
mod operation;
mod response;
mod time;
mod transport;

// Exceptions for generated code live on this one item and nowhere else.
#[rustfmt::skip] // formatted by prettyplease, which does not depend on the installed rustfmt
#[allow(clippy::all, clippy::pedantic)]
mod generated;

pub use client::{
    ClientBuilder, DEFAULT_ATTEMPT_TIMEOUT, DEFAULT_CALL_TIMEOUT, DEFAULT_CONNECT_TIMEOUT, DEFAULT_MAX_BODY,
};
pub use custom::{CustomAttributeValue, CustomAttributes};
pub use custom_exact::Verbatim;
#[doc(hidden)]
pub use custom_exact::exact_custom;
pub use custom_read::CustomAttributeError;
pub use error::{BoxError, Error, ErrorResponse, InvalidInput, Problem, TimeoutKind};
pub use field::{Field, FieldValue};
pub use generated::{operations, types};
#[cfg(feature = "schemars")]
#[doc(hidden)]
pub use generated::{query_schemas, schemas};
pub use history::{Attempt, Failure, History, StopReason};
pub use http::{Method, StatusCode};
#[doc(hidden)]
pub use json::from_slice as json_from_slice;
pub use list::List;
use open_enum::open_enum;
pub use operation::Operation;
pub use response::Response;
#[doc(hidden)]
pub use transport::{Bounds, FromRead, connections::check_runtime};
pub use transport::{
    Client, Connect, ConnectLayer, Request,
    connections::IDLE_TIMEOUT,
    limit::{DEFAULT_MAX_IN_FLIGHT, DEFAULT_RATE_LIMIT, Limiter, LimiterFuture, Permit, RateLimiter, Unlimited},
    observe::{AttemptEvent, CallEvent, Observer, Waited},
    retry::Retry,
};
