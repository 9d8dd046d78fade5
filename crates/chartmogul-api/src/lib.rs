#![doc = include_str!("../README.md")]

pub mod check;
mod client;
mod custom;
mod error;
mod error_body;
mod field;
mod list;
mod open_enum;
mod operation;
mod reply;
mod transport;

// Exceptions for generated code live on this one item and nowhere else.
#[rustfmt::skip] // formatted by prettyplease, which does not depend on the installed rustfmt
#[allow(clippy::all, clippy::pedantic)]
mod generated;

pub use client::{ClientBuilder, DEFAULT_CONNECT_TIMEOUT, DEFAULT_TIMEOUT};
pub use custom::{CustomAttributes, CustomValue};
pub use error::{Answer, BoxError, Error, InvalidInput, Problem, TimeoutKind};
pub use field::{Field, FieldValue};
pub use generated::{operations, types};
#[cfg(feature = "schemars")]
#[doc(hidden)]
pub use generated::{query_schemas, schemas};
pub use http::StatusCode;
pub use list::List;
use open_enum::open_enum;
pub use operation::Operation;
pub use reply::Reply;
pub use transport::Client;
