//! Values in requests and responses.

mod custom_attributes;
mod date;
pub(crate) mod field;
pub(crate) mod json;
mod list;
pub(crate) mod object;
pub(crate) mod open_enum;
pub(crate) mod time;
mod timestamp;

pub use self::{
    custom_attributes::{CustomAttributeError, CustomAttributeValue, CustomAttributes, Verbatim, exact_custom},
    date::Date,
    field::{Field, FieldValue},
    json::from_slice as json_from_slice,
    list::List,
    timestamp::Timestamp,
};
