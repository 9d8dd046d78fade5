#![doc = include_str!("../README.md")]

mod auth;
mod canned;
mod collection;
mod document;
mod errors;
mod exact;
mod filter;
mod handle;
mod paging;
mod query;
mod recorded;
mod resources;
pub mod samples;
mod schema;
mod server;
mod state;
mod store;
mod time;
mod uuid;

pub use canned::Canned;
pub use collection::{Collection, InsertError};
pub use recorded::Recorded;
pub use resources::Stage;
pub use server::{Builder, Fake, StartError};
pub use state::State;
